"""Word error rates, invented words and word times of the running application; see the README.

    evaluate.py [--url http://127.0.0.1:3000] [--parts errors,invented,times] [--sets prompts,…] [--verbose] [--dry]

Without --url it starts the application that `make build` made, and stops it. What faster-whisper hears is kept in
.cache/evaluation.json. --dry leaves the README as it is.
"""

import argparse
import concurrent.futures
import difflib
import hashlib
import json
import os
import re
import sys
import urllib.error
from collections import defaultdict
from importlib.metadata import version
from pathlib import Path

import client
import faster
import marks
import noises
import speech

CARD = Path(__file__).with_name("README.md")
KEPT = speech.ROOT / ".cache/evaluation.json"
DECIBELS = 10
TITLES = {
    "prompts": "prompts of a telephone system, one voice, 8 kHz",
    "stamps": "names of animals, a word or two each",
    "sphinx": "LibriVox, and names of cards",
    "moonshine": "*A Tale of Two Cities*, 44 s; *Worstward Ho*; two without a text",
}
# A word is on time within this.
SECONDS = 0.12


def table(head, rows):
    lines = [head, ["---", *("---:" for _ in head[1:])], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def in_parallel(work, items):
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(work, items))


def share(part, whole):
    return f"{100 * part / whole:.1f} %" if whole else ""


class Heard:
    """The transcripts of faster-whisper, cached between calls, because they take minutes and do not change."""

    def __init__(self):
        self.kept = json.loads(KEPT.read_text()) if KEPT.is_file() else {}
        self.model = None

    def of(self, recording, samples, condition):
        key = f"faster-whisper {version('faster-whisper')}, CTranslate2 {version('ctranslate2')}"
        key += f", {hashlib.sha256(samples.tobytes()).hexdigest()}"
        if key not in self.kept:
            self.model = self.model or faster.Peer()
            self.kept[key] = self.model.transcribe(samples)
        return self.kept[key]

    def keep(self):
        KEPT.write_text(json.dumps(self.kept, indent=1))


def error_rates(url, args):
    recordings = [recording for recording in speech.recordings() if not args.sets or recording.set in args.sets]
    references = json.loads(speech.REFERENCES.read_text())
    for recording in recordings:
        if references.get(recording.file, {}).get("sha256") != recording.sha256():
            sys.exit(f"evaluate: {recording.file} is not the one of references.json; run models/whisper/reference.py")
    kept = Heard()
    rows = []
    for title, condition in (("clean", "text"), (f"pink noise at {DECIBELS} dB", "noisy")):
        sounds = [recording.samples() for recording in recordings]
        if condition == "noisy":
            sounds = [noises.mixed(samples, DECIBELS, recording.file) for recording, samples in zip(recordings, sounds)]

        def ask(pair, condition=condition):
            recording, samples = pair
            # Clean speech goes as the file it is, so that reading and resampling are measured, too.
            if condition == "noisy":
                return client.transcribe(url, noises.wav(samples))
            kind = "audio/ogg" if recording.path.suffix == ".ogg" else "audio/wav"
            return client.transcribe(url, recording.path.read_bytes(), kind)

        ours = in_parallel(ask, list(zip(recordings, sounds)))
        theirs = [kept.of(recording, samples, condition) for recording, samples in zip(recordings, sounds)]
        kept.keep()
        totals = defaultdict(lambda: [0] * 8)
        for recording, mine, peers in zip(recordings, ours, theirs):
            reference = references[recording.file][condition]
            same = speech.plain(mine) == speech.plain(reference)
            # Only letters and numbers: a comma does not make another word.
            same_words = speech.words(mine) == speech.words(reference)
            peer_same = speech.words(peers) == speech.words(reference)
            counts = [1, 0, 0, 0, 0, same, same_words, peer_same]
            if recording.text:
                mistakes, said = speech.errors(recording.text, mine)
                counts[1:5] = said, mistakes, speech.errors(recording.text, peers)[0], speech.errors(recording.text, reference)[0]
            for name in (recording.set, ""):
                totals[name] = [before + count for before, count in zip(totals[name], counts)]
            if args.verbose and not same:
                print(f"{recording.file} ({title})\n  said           {recording.text}\n  heard          {mine}")
                print(f"  float32        {reference}\n  faster-whisper {peers}")
        names = [name for name in TITLES if name in totals]
        for name in [*names, ""]:
            count, said, mine, peers, reference, same, same_words, peer_same = totals[name]
            label = f"&nbsp;&nbsp;{TITLES[name]}" if name else f"**all, {title}**"
            rows.append(
                [label, str(count), str(said), share(mine, said), share(peers, said), share(reference, said)]
                + [share(same, count), share(same_words, count), share(peer_same, count)]
            )
    head = ["recordings", "number", "words", "here", "faster-whisper, int8", "float32", "text equal to float32", "words equal", "faster-whisper's words equal"]
    return (
        "### Word errors\n\n"
        "Inserted, left out or replaced words after OpenAI's normalisation. float32 is transformers, greedy; equal are"
        " recordings whose text, or whose words, are those of float32.\n\n" + table(head, rows)
    )


def invented(url, args):
    cases = [(kind, seconds) for kind in noises.KINDS for seconds in noises.SECONDS]

    def ask(case):
        try:
            return client.transcribe(url, noises.wav(noises.noise(*case)))
        except urllib.error.HTTPError as error:
            return f"status {error.code}"

    heard = in_parallel(ask, cases)
    found = [f"- {kind}, {seconds:g} s: `{text}`" for (kind, seconds), text in zip(cases, heard) if text]
    kinds = ", ".join(kind.replace("_", " ") for kind in noises.KINDS)
    lengths = ", ".join(f"{seconds:g}" for seconds in noises.SECONDS)
    result = "\n".join(found) if found else "None gives a word."
    return (
        "### Invented words\n\n"
        f"{len(cases)} sounds that are not speech ({kinds}; {lengths} s each): {len(found)} give text.\n\n{result}"
    )


def times(url, args):
    """The words that are recognised, and how far their times are from espeak-ng's."""
    starts, ends, said = [], [], 0
    for name, samples, spoken in marks.spoken():
        answer = client.verbose(url, noises.wav(samples))
        heard = answer.get("words") or []
        letters = re.compile(r"[^a-z']")
        mine = [letters.sub("", word["word"].lower()) for word in heard]
        truth = [letters.sub("", word.text.lower()) for word in spoken]
        said += len(truth)
        for a, b, size in difflib.SequenceMatcher(None, truth, mine, autojunk=False).get_matching_blocks():
            for index in range(size):
                mark, word = spoken[a + index], heard[b + index]
                starts.append(abs(word["start"] - mark.start))
                if mark.end is not None:
                    ends.append(abs(word["end"] - mark.end))
                if args.verbose and starts[-1] > SECONDS:
                    print(f"{name} {mark.text}: {word['start']:.2f} to {word['end']:.2f}, marked {mark.start:.2f} to {mark.end or 0:.2f}")
    rows = []
    for label, distances in (("start", starts), ("end", ends)):
        distances.sort()
        on_time = sum(distance <= SECONDS for distance in distances)
        middle = f"{1000 * distances[len(distances) // 2]:.0f} ms" if distances else ""
        last = f"{1000 * distances[len(distances) * 95 // 100]:.0f} ms" if distances else ""
        rows.append([label, str(len(distances)), share(on_time, len(distances)), middle, last])
    return (
        "### Word times\n\n"
        f"Beside espeak-ng's own marks; {len(marks.SENTENCES)} sentences, {len(marks.VOICES)} voices, {said} words, of which"
        f" {len(starts)} are recognised.\n\n"
        + table(["", "words", f"within {SECONDS * 1000:.0f} ms", "median", "95th percentile"], rows)
    )


PARTS = {"errors": error_rates, "invented": invented, "times": times}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url")
    parser.add_argument("--parts", default=",".join(PARTS), type=lambda text: text.split(","))
    parser.add_argument("--sets", default=[], type=lambda text: text.split(","))
    parser.add_argument("--verbose", action="store_true", help="print what differs")
    parser.add_argument("--dry", action="store_true", help="leave the README as it is")
    args = parser.parse_args()
    with client.application(args.url) as url:
        for part in args.parts:
            text = PARTS[part](url, args)
            print(text, end="\n\n", flush=True)
            if not args.dry and not args.sets:
                card = CARD.read_text()
                begin, end = f"<!-- {part} -->\n", f"\n<!-- end of {part} -->"
                before, rest = card.split(begin)
                CARD.write_text(before + begin + text + end + rest.split(end)[1])


if __name__ == "__main__":
    main()
