"""Word errors and texts equal to those of transformers in float32, for each margin and size of merged groups, into the README.

    .cache/evaluate-venv/bin/python models/whisper/padding.py [--every N] [--dry]

It runs the crate `whisper` natively, without the application, on every N-th prompt and name of an animal.
"""

import argparse
import json
import os
import re
import subprocess
import tempfile
from pathlib import Path

import noises
import speech

MODEL = speech.ROOT / ".cache/models/whisper-tiny.en.safetensors"
CARD = Path(__file__).with_name("README.md")
# Margin and group in frames of 20 ms; the last pads to 30 s and merges nothing.
SETTINGS = ((25, 64), (25, 16), (25, 8), (25, 4), (50, 8), (50, 4), (50, 2), (100, 4), (1500, 1))


def build():
    flags = {"RUSTFLAGS": "-C target-cpu=native"}
    target = speech.ROOT / "target/native"
    command = ["cargo", "build", "--quiet", "--release", "--package", "whisper", "--example", "recognize", "--target-dir", target]
    subprocess.run(command, cwd=speech.ROOT, env=os.environ | flags, check=True)
    return target / "release/examples/recognize"


def recognised(program, files, margin, merged):
    environment = os.environ | {"MARGIN": str(margin), "MERGED": str(merged)}
    output = subprocess.run([program, MODEL, *files], env=environment, check=True, capture_output=True, text=True).stdout
    lines = [line.split("\t") for line in output.splitlines()]
    return [line[-1] for line in lines], sum(float(line[1]) for line in lines)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--every", type=int, default=4)
    parser.add_argument("--dry", action="store_true")
    args = parser.parse_args()
    recordings = [it for it in speech.recordings() if it.set in ("prompts", "stamps")][:: args.every]
    program = build()
    references = json.loads(speech.REFERENCES.read_text())
    head = ["margin", "frames merged", "clean", "noise at 10 dB", "clean, equal to float32", "noise, equal to float32", "time"]
    rows = [f"| {' | '.join(head)} |", "|---|---|---:|---:|---:|---:|---:|"]
    with tempfile.TemporaryDirectory() as folder:
        files = {"clean": [], "noisy": []}
        for index, recording in enumerate(recordings):
            samples = recording.samples()
            for name, sound in (("clean", samples), ("noisy", noises.mixed(samples, 10, recording.file))):
                path = Path(folder) / f"{name}-{index}.wav"
                path.write_bytes(noises.wav(sound))
                files[name].append(path)
        for margin, merged in SETTINGS:
            cells, equal, seconds = [], [], 0
            for name, condition in (("clean", "text"), ("noisy", "noisy")):
                texts, taken = recognised(program, files[name], margin, merged)
                counts = [speech.errors(recording.text, text) for recording, text in zip(recordings, texts)]
                cells.append(f"{100 * sum(wrong for wrong, _ in counts) / sum(said for _, said in counts):.1f} %")
                same = [references[recording.file][condition] == text for recording, text in zip(recordings, texts)]
                equal.append(f"{100 * sum(same) / len(same):.1f} %")
                seconds += taken
            label = "to 30 s | none" if merged == 1 else f"{margin * 20 / 1000:g} s | {merged}"
            rows.append(f"| {label} | {' | '.join(cells + equal)} | {seconds / 2 / len(recordings):.2f} s |")
            print(rows[-1], flush=True)
    said = sum(len(speech.words(recording.text)) for recording in recordings)
    section = (
        f"{len(recordings)} recordings, {said} words, by `padding.py`. The time is of one recording, native code, one thread.\n\n"
        + "\n".join(rows)
    )
    if not args.dry:
        card = CARD.read_text()
        CARD.write_text(re.sub(r"(<!-- padding -->\n).*?(\n<!-- end of padding -->)", lambda m: f"{m[1]}\n{section}\n{m[2]}", card, flags=re.DOTALL))


if __name__ == "__main__":
    main()
