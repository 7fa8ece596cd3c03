"""Word error rates of the running application, on sentences it was not trained on.

    python evaluate.py --data DIR [--url http://127.0.0.1:3000] [--count 400] [--card README.md]

Speaks the test sets (see `synthesize.py`) unless they are in DIR, posts each recording to /asr as a WAV file,
and prints a table. Without --url it starts the application that `make build` made, and stops it.
"""

import argparse
import concurrent.futures
import contextlib
import io
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import wave
from collections import defaultdict
from pathlib import Path

import numpy as np

from distance import edits

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# Not the seed of the sets that training watches.
SEED = 2
SETS = {
    "commands": ("digits and commands, voices of training", 3),
    "validation": ("sentences, voices of training", None),
    "voices": ("sentences, unheard voices of the engines of training", 10),
    "engine": ("sentences, an engine kept out of training (HTS)", 30),
}


@contextlib.contextmanager
def application(url):
    """The address of the application: the one given, or one started on a free port."""
    if url:
        yield url
        return
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    process = subprocess.Popen([ROOT / "target/host/routelets", "up", "--listen", address], cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        for _ in range(1200):
            try:
                urllib.request.urlopen(f"http://{address}/ping", timeout=1).read()
                break
            except OSError:
                if process.poll() is not None:
                    sys.exit("evaluate: the application did not start; run `make build` first")
                time.sleep(0.1)
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait()


def recordings(folder):
    """The utterances of a set: voice, sentence, samples."""
    for path in sorted(folder.glob(f"{SEED}-*.npz")):
        with np.load(path) as file:
            samples, ends = file["samples"], file["ends"]
        for line, start, end in zip(path.with_suffix(".tsv").read_text().splitlines(), [0, *ends], ends):
            engine, voice, *_, text = line.split("\t")
            yield f"{engine} {re.sub('^.*[+]', '', voice)}" if engine != "espeak-ng" else engine, text, samples[start:end]


def transcribe(url, samples):
    """What /asr hears."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16_000)
        out.writeframes(samples.tobytes())
    request = urllib.request.Request(f"{url}/asr", file.getvalue(), {"content-type": "audio/wav"})
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.load(answer)["transcription"]


def evaluate(url, folder, verbose):
    """Errors and totals of a set, of words and of characters, over all and by voice."""
    items = list(recordings(folder))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        heard = list(pool.map(lambda item: transcribe(url, item[2]), items))
    found = defaultdict(lambda: np.zeros(4, int))
    for (voice, text, _), words in zip(items, heard):
        if verbose and words != text:
            print(f"{voice}\n  said  {text}\n  heard {words}")
        counts = edits(text.split(), words.split()), len(text.split()), edits(text, words), len(text)
        found[""] += counts
        found[voice] += counts
    return len(items), found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT / ".cache/speech")
    parser.add_argument("--url")
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--card", type=Path, help="write the table into this file, between its markers")
    parser.add_argument("--verbose", action="store_true", help="print every sentence that was misheard")
    args = parser.parse_args()
    for name in SETS:
        command = [sys.executable, HERE / "synthesize.py", "--out", args.data, "--set", name, "--seed", SEED, "--count", args.count, "--shard", 100]
        subprocess.run(list(map(str, command)), check=True, stdout=subprocess.DEVNULL)

    lines = ["| set | recordings | words | word error rate | character error rate | aim |", "|---|---|---|---|---|---|"]
    with application(args.url) as url:
        for name, (title, aim) in SETS.items():
            count, found = evaluate(url, args.data / name, args.verbose)
            for voice in sorted(found):
                if voice and len(found) == 2:
                    continue
                wrong, words, wrong_characters, characters = found[voice]
                label = f"&nbsp;&nbsp;{voice}" if voice else f"**{title}**"
                goal = f"≤ {aim} %" if aim and not voice else ""
                lines.append(f"| {label} | {'' if voice else count} | {words} | {100 * wrong / words:.1f} % | {100 * wrong_characters / characters:.1f} % | {goal} |")
    table = "\n".join(lines)
    print(table)
    if args.card:
        marked = re.sub(r"(?s)(<!-- evaluation -->\n).*(\n<!-- end -->)", lambda m: m[1] + table + m[2], args.card.read_text())
        args.card.write_text(marked)


if __name__ == "__main__":
    main()
