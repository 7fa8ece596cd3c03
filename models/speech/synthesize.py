"""Speaks sentences with the text-to-speech engines of Debian and keeps them as 16 kHz recordings.

    python synthesize.py --out DIR [--count 24000] [--seed 1]

A set is a folder of shards `NAME.npz` (the samples end to end, int16, and the end of each utterance) with a
`NAME.tsv` beside it (engine, voice, settings and sentence of each). Sets of one seed are the same again.
"""

import argparse
import io
import os
import random
import subprocess
import tempfile
import wave
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.signal import resample_poly

import sentences
import speakers

RATE = 16_000

ACCENTS = ["en-us", "en-us", "en-gb", "en-gb-x-rp", "en-gb-scotland", "en-gb-x-gbcwmd", "en-us-nyc"]
VARIANTS = """Alex Alicia Andrea Andy Annie Denis Diogo Gene Henrique Hugo Jacky Lee Marco Mario Mike Nguyen
    adam anika announcer antonio belinda benjamin boris caleb david edward f1 f2 f3 f5 grandma gustave iven iven2 john
    kaukovalta klatt klatt2 klatt5 linda m1 m2 m3 m4 m6 m7 marcelo max michel norbert pablo paul quincy rob
    sandro shelby steph steph2 travis victor zac""".split()

# Kept out of training, so that the error on voices never heard can be told.
UNSEEN_ACCENTS = ["en-gb-x-gbclan", "en-029", "en-us"]
UNSEEN_VARIANTS = "f4 m5 m8 Michael Gene2 aunty robert steph3 edward2 iven3 klatt4 miguel".split()


@dataclass(frozen=True)
class Voice:
    """One way to read a sentence aloud: all that an engine takes."""

    engine: str
    name: str
    speed: float = 1.0
    pitch: int = 50  # espeak-ng's own, 0 to 99; Pico's in per cent
    shift: int = 0  # of the pitch afterwards, in semitones, the formants left where they are
    made: int = 0  # the seed of a voice of espeak-ng that was made at random


def espeak(r, accents=ACCENTS, variants=VARIANTS):
    """A voice of espeak-ng; its plain voices as often as a dozen variants."""
    variant = "" if r.random() < 0.15 else "+" + r.choice(variants)
    speed = r.uniform(0.68, 1.22)
    return Voice("espeak-ng", r.choice(accents) + variant, round(speed, 2), r.randint(20, 80))


def made(r):
    """A voice of espeak-ng that nobody has."""
    return Voice("espeak-ng", "made", round(r.uniform(0.68, 1.22), 2), r.randint(30, 70), made=r.randrange(1, 1 << 30))


def flite(r, voices=("awb", "rms", "awb", "rms", "kal16")):
    return Voice("flite", r.choice(voices), round(r.uniform(0.75, 1.3), 2))


def festival(r, voices=("kal_diphone", "ked_diphone")):
    return Voice("festival", r.choice(voices), round(r.uniform(0.75, 1.3), 2))


def rhvoice(r, voices=("bdl", "clb", "clb", "clb", "alan")):
    return Voice("rhvoice", r.choice(voices), round(r.uniform(0.75, 1.3), 2))


def pico(r, voices=("en-US", "en-GB")):
    return Voice("pico", r.choice(voices), round(r.uniform(0.75, 1.3), 2), r.randint(75, 125))


def shifted(r, voice):
    """A speaker more: where an engine has few voices, most of them men's, and no pitch of its own, every other one has it moved."""
    if voice.engine in ("espeak-ng", "pico") or r.random() < 0.5:
        return voice
    return replace(voice, shift=r.randint(-4, 4) if voice.name == "clb" else r.randint(-3, 9))


def plan(name, count, r):
    """The voices and sentences of a set."""
    def pick(makers, weights, n, change=lambda _, voice: voice, **of):
        texts = sentences.sentences(n, r.randrange(1 << 30), **of)
        return [(change(r, r.choices(makers, weights)[0](r)), text) for text in texts]

    unseen = [
        lambda r: espeak(r, UNSEEN_ACCENTS[:2] + UNSEEN_ACCENTS, UNSEEN_VARIANTS),
        lambda r: flite(r, ("slt",)),
    ]
    hts = [lambda r: festival(r, ("cmu_us_slt_arctic_hts",))]
    short = {"mixture": sentences.COMMANDS_AND_DIGITS}
    heard = [espeak, flite, festival, rhvoice, pico], [0.30, 0.22, 0.10, 0.22, 0.16]
    return {
        "train": lambda: pick([made, espeak, flite, festival, rhvoice, pico], [0.40, 0.06, 0.14, 0.03, 0.09, 0.28], count, change=shifted, mixture=sentences.TRAINING),
        "validation": lambda: pick(*heard, count, test=True),
        "voices": lambda: pick(unseen, [0.7, 0.3], count, test=True),
        "engine": lambda: pick(hts, [1], count, test=True),
        "commands": lambda: pick(*heard, count, test=True, **short),
    }[name]()


def spoken(text):
    """The sentence as an engine should see it: letters that stand alone stay capitals, so that they are named."""
    words = text.split()
    out = []
    for i, word in enumerate(words):
        beside = [w for w in words[max(0, i - 1) : i] + words[i + 1 : i + 2] if len(w) == 1 and w not in "I"]
        named = len(word) == 1 and (word not in "AI" or beside)
        out.append(word if named or word == "I" else word.lower())
    return " ".join(out)


def read_wave(data):
    """The samples of a WAV file at 16 kHz as floats; engines that stream leave the length field wrong."""
    with wave.open(io.BytesIO(data)) as file:
        rate = file.getframerate()
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32)
    if rate != RATE:
        divisor = np.gcd(rate, RATE)
        samples = resample_poly(samples, RATE // divisor, rate // divisor)
    return samples


def run(*command, text=None):
    subprocess.run(command, input=text, text=True, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def speak_one(voice, text, path):
    """Has any engine but festival read one sentence into a file."""
    text = spoken(text)
    match voice.engine:
        case "espeak-ng":
            if voice.made:
                speakers.install(voice.made, path.parent)
            data = ["--path", str(path.parent)] if voice.made else []
            run("espeak-ng", *data, "-v", voice.name, "-s", str(round(175 * voice.speed)), "-p", str(voice.pitch), "-w", path, text)
        case "flite":
            run("flite", "-voice", voice.name, "--setf", f"duration_stretch={1 / voice.speed:.2f}", "-t", text, "-o", path)
        case "rhvoice":
            run("RHVoice-test", "-p", voice.name, "-r", str(round(100 * voice.speed)), "-o", path, text=text)
        case "pico":
            level = f'<speed level="{round(100 * voice.speed)}"><pitch level="{voice.pitch}">{text}</pitch></speed>'
            run("pico2wave", "-l", voice.name, "-w", path, level)


def speak_festival(items, folder):
    """Has one festival process read many sentences, for it starts slowly."""
    script = []
    for i, (voice, text) in items:
        quoted = spoken(text).replace('"', "")
        script.append(f"(voice_{voice.name})(Parameter.set 'Duration_Stretch {1 / voice.speed:.2f})")
        script.append(f'(set! u (utt.synth (eval (list \'Utterance \'Text "{quoted}"))))')
        script.append(f'(utt.save.wave u "{folder}/{i}.wav" \'riff)')
    path = Path(folder, "all.scm")
    path.write_text("\n".join(script))
    run("festival", "-b", path)


def described(items):
    """The lines that go with a shard."""
    return "".join(f"{v.engine}\t{v.name}\t{v.speed}\t{v.pitch}\t{v.shift}\t{text}\n" for v, text in items)


def is_spoken(path, items):
    """Whether the shard is there, and of these voices and sentences: not of what a set was made of before."""
    return path.exists() and path.with_suffix(".tsv").read_text() == described(items)


def shard(path, items):
    """Speaks `items` and writes them as one shard."""
    with tempfile.TemporaryDirectory() as folder:
        numbered = list(enumerate(items))
        batch = [(i, item) for i, item in numbered if item[0].engine == "festival"]
        if batch:
            speak_festival(batch, folder)
        samples, ends = [], []
        for i, (voice, text) in numbered:
            file = Path(folder, f"{i}.wav")
            if voice.engine != "festival":
                speak_one(voice, text, file)
            if voice.shift:
                plain = file.rename(file.with_suffix(".plain.wav"))
                run("rubberband", "-q", "-F", "-p", str(voice.shift), plain, file)
            audio = read_wave(file.read_bytes())
            file.unlink()
            samples.append(np.clip(audio, -32768, 32767).astype(np.int16))
            ends.append(len(audio))
    partial = path.with_suffix(".partial.npz")
    np.savez(partial, samples=np.concatenate(samples), ends=np.cumsum(ends))
    path.unlink(missing_ok=True)
    path.with_suffix(".tsv").write_text(described(items))
    os.replace(partial, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--set", default="train", choices=["train", "validation", "voices", "engine", "commands"])
    parser.add_argument("--count", type=int, default=24_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--shard", type=int, default=500)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    args = parser.parse_args()

    folder = args.out / args.set
    folder.mkdir(parents=True, exist_ok=True)
    # A set's own random stream: the seed and the name decide, not the order of the calls.
    items = plan(args.set, args.count, random.Random(f"{args.set} {args.seed}"))
    with ProcessPoolExecutor(args.workers) as pool:
        waiting = []
        for start in range(0, len(items), args.shard):
            path, part = folder / f"{args.seed}-{start:06}.npz", items[start : start + args.shard]
            if not is_spoken(path, part):
                waiting.append(pool.submit(shard, path, part))
        for done, future in enumerate(waiting, 1):
            future.result()
            print(f"{args.set}: {done} of {len(waiting)} shards", flush=True)


if __name__ == "__main__":
    main()
