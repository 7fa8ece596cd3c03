"""What happens to a recording on its way: other speakers' pitch, rooms, noise, telephones, codecs.

`python augment.py --data DIR` sends every third training shard through a codec, as a shard of its own;
the rest is done anew each time an utterance is used.
"""

import argparse
import io
import subprocess
from pathlib import Path

import numpy as np
from scipy.signal import fftconvolve, lfilter

RATE = 16_000

# ffmpeg's arguments for the container, codec and sampling rate that a shard goes through.
CODECS = [
    ("ogg", "-c:a libopus -b:a 12k -ar 16000"),
    ("mp3", "-c:a libmp3lame -b:a 24k -ar 16000"),
    ("ogg", "-c:a libvorbis -q:a -1 -ar 16000"),
    ("wav", "-c:a pcm_mulaw -ar 8000"),
    ("ogg", "-c:a libopus -b:a 24k -ar 48000"),
    ("wav", "-c:a libgsm_ms -ar 8000"),
]


def through_codec(samples, container, codec):
    """`samples` (int16 at 16 kHz) coded and decoded again, as long as before."""
    raw = ["-f", "s16le", "-ar", str(RATE), "-ac", "1"]
    quiet = ["ffmpeg", "-v", "error", "-threads", "1"]
    coded = subprocess.run([*quiet, *raw, "-i", "-", *codec.split(), "-f", container, "-"], input=samples.tobytes(), capture_output=True, check=True)
    plain = subprocess.run([*quiet, "-i", "-", *raw, "-"], input=coded.stdout, capture_output=True, check=True)
    out = np.frombuffer(plain.stdout, np.int16)
    return np.pad(out, (0, max(0, len(samples) - len(out))))[: len(samples)]


def noise_bank(rng, seconds=30):
    """Noises of several colours, unit variance."""
    white = rng.standard_normal((4, seconds * RATE)).astype(np.float32)
    bank = [
        white[0],
        lfilter([1], [1, -0.97], white[1]),  # brownish, as of a motor
        lfilter([1], [1, -0.7], white[2]),  # pinkish, as of a fan
        white[3] * (1 + np.sin(2 * np.pi * np.arange(seconds * RATE) * 3.1 / RATE)),  # in gusts
    ]
    hum = sum(np.sin(2 * np.pi * 50 * k * np.arange(seconds * RATE) / RATE) / k for k in range(1, 9))
    bank.append(hum + 0.05 * white[0])
    return [(noise / noise.std()).astype(np.float32) for noise in bank]


def room(rng):
    """An impulse response: the direct sound and an exponentially decaying tail."""
    decay = rng.uniform(0.05, 0.35)  # seconds to −60 dB
    n = np.arange(int(decay * RATE))
    tail = rng.standard_normal(len(n)) * 10 ** (-3 * n / (decay * RATE))
    tail *= rng.uniform(0.1, 0.5) / np.sqrt((tail**2).sum())
    tail[0] = 1
    return tail.astype(np.float32)


def speaker(samples, rate):
    """Faster and higher, or slower and lower: `samples` played at `rate`."""
    positions = np.arange(0, len(samples) - 1, rate)
    return np.interp(positions, np.arange(len(samples)), samples).astype(np.float32)


class Augmenter:
    """Changes utterances at random; one for each process. A `strength` of 0 leaves them nearly as they are."""

    def __init__(self, seed, strength=1.0):
        self.strength = strength
        self.rng = np.random.default_rng(seed)
        self.noises = noise_bank(self.rng)
        self.last = self.noises[0]

    def __call__(self, samples):
        """`samples` (int16) as floats in −1…1, changed."""
        rng, strength = self.rng, self.strength
        x = samples.astype(np.float32) / 32768
        if rng.random() < 0.75:
            x = speaker(x, rng.uniform(0.84, 1.25))
        before, after = rng.integers(0, 6400, 2)
        x = np.pad(x, (before, after))
        clean = x
        if rng.random() < 0.2 * strength:
            x = fftconvolve(x, room(rng))[: len(x)].astype(np.float32)
        if rng.random() < 0.6 * strength:
            # Now and then the noise is another voice.
            noise = self.last if rng.random() < 0.15 else self.noises[rng.integers(len(self.noises))]
            start = rng.integers(0, max(1, len(noise) - len(x)))
            noise = np.resize(noise[start : start + len(x)], len(x))
            level = np.sqrt((x**2).mean() + 1e-9)
            snr = rng.uniform(14 if noise is self.last else 8, 40)
            x = x + noise * (level / (np.sqrt((noise**2).mean()) + 1e-6) * 10 ** (-snr / 20))
        if rng.random() < 0.1 * strength:
            x = np.clip(x * rng.uniform(1, 5), -1, 1)
        self.last = clean
        return x * 10 ** rng.uniform(-1.3, 0.2) / max(0.3, np.abs(x).max())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    args = parser.parse_args()
    shards = sorted(path for path in (args.data / "train").glob("*.npz") if "partial" not in path.name and "-codec" not in path.name)
    for i, path in enumerate(shards[::3]):
        out = path.with_name(path.stem + "-codec.npz")
        if out.exists():
            continue
        with np.load(path) as file:
            samples, ends = file["samples"], file["ends"]
        out.with_suffix(".tsv").write_bytes(path.with_suffix(".tsv").read_bytes())
        buffer = io.BytesIO()
        np.savez(buffer, samples=through_codec(samples, *CODECS[i % len(CODECS)]), ends=ends)
        out.write_bytes(buffer.getvalue())


if __name__ == "__main__":
    main()
