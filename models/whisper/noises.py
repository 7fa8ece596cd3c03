"""Sounds that are not speech, and noise to mix with speech. Seeded: the same name and length give the same samples.

    python noises.py FOLDER [SECONDS …]    writes each kind as a WAV file
"""

import hashlib
import io
import sys
import wave
from pathlib import Path

import numpy as np

RATE = 16_000
SECONDS = (0.1, 0.5, 2, 10, 30, 60)


def generator(name):
    return np.random.default_rng(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little"))


def coloured(random, count, power):
    """Noise whose power falls with that power of the frequency: 0 white, 1 pink, 2 brown."""
    length = max(count, 2)
    spectrum = np.fft.rfft(random.standard_normal(length))
    frequency = np.fft.rfftfreq(length, 1 / RATE)
    # Nothing below 20 Hz, or brown noise is a slow drift and little else.
    spectrum *= np.where(frequency < 20, 0, np.maximum(frequency, 20) ** (-power / 2))
    return np.fft.irfft(spectrum, length)[:count]


def times(count):
    return np.arange(count) / RATE


def silence(random, count):
    return np.zeros(count)


def white(random, count):
    return coloured(random, count, 0)


def pink(random, count):
    return coloured(random, count, 1)


def brown(random, count):
    return coloured(random, count, 2)


def hum(random, count):
    """Mains hum: 50 Hz and its harmonics."""
    return sum(np.sin(2 * np.pi * 50 * n * times(count) + random.uniform(0, 6)) / n for n in range(1, 9))


def tone(random, count):
    return np.sin(2 * np.pi * 440 * times(count))


def dual_tone(random, count):
    """The dial tone of a telephone."""
    return np.sin(2 * np.pi * 350 * times(count)) + np.sin(2 * np.pi * 440 * times(count))


def beeps(random, count):
    """Half a second of 1 kHz, half a second of silence."""
    return np.sin(2 * np.pi * 1000 * times(count)) * (times(count) % 1 < 0.5)


def sweep(random, count):
    """Up from 100 Hz to 4 kHz in four seconds, and again."""
    t = times(count) % 4
    return np.sin(2 * np.pi * 100 * 4 / np.log(40) * (40 ** (t / 4) - 1))


def clicks(random, count):
    """Four a second, not quite regular."""
    out = np.zeros(count)
    for at in range(0, count, RATE // 4):
        begin = at + int(random.integers(0, 400))
        length = min(64, count - begin)
        if length > 0:
            out[begin : begin + length] = random.standard_normal(length) * np.exp(-np.arange(length) / 12)
    return out


def breathing(random, count):
    """In for 1.5 s, out for 1.5 s, a second of rest: noise around 700 and 450 Hz."""
    t = times(count) % 4
    noise = np.fft.rfft(random.standard_normal(max(count, 2)))
    frequency = np.fft.rfftfreq(max(count, 2), 1 / RATE)

    def around(centre):
        return np.fft.irfft(noise * np.exp(-(((frequency - centre) / 350) ** 2)), max(count, 2))[:count]

    rise = np.where(t < 1.5, np.sin(np.pi * np.clip(t / 1.5, 0, 1)), 0)
    fall = np.where((t >= 1.5) & (t < 3), np.sin(np.pi * np.clip((t - 1.5) / 1.5, 0, 1)), 0)
    return rise * around(700) + 1.4 * fall * around(450)


def music(random, count):
    """Four chords over and over, plucked, with a bass and a hi-hat."""
    out = np.zeros(count)
    chords = ((57, 60, 64), (53, 57, 60), (48, 52, 55), (55, 59, 62))
    beat = RATE // 2
    for index, begin in enumerate(range(0, count, beat)):
        chord = chords[index // 4 % 4]
        length = min(2 * beat, count - begin)
        t = times(length)
        for note in (chord[index % 3], chord[0] - 12):
            pitch = 440 * 2 ** ((note - 69) / 12)
            pluck = sum(np.sin(2 * np.pi * pitch * n * t) * np.exp(-t * (2 + n)) / n for n in range(1, 7))
            out[begin : begin + length] += pluck * np.minimum(1, t * 200)
        length = min(RATE // 20, count - begin)
        out[begin : begin + length] += 0.1 * np.diff(random.standard_normal(length + 1)) * np.exp(-times(length) * 80)
    return out


def rain(random, count):
    """Drops of many sizes over a hiss."""
    out = 0.15 * coloured(random, count, 0.5)
    for _ in range(count * 60 // RATE):
        begin = int(random.integers(0, count))
        length = min(200, count - begin)
        out[begin : begin + length] += random.exponential(0.3) * random.standard_normal(length) * np.exp(-np.arange(length) / 25)
    return out


KINDS = {
    kind.__name__: kind
    for kind in (silence, white, pink, brown, hum, tone, dual_tone, beeps, sweep, clicks, breathing, music, rain)
}


def noise(kind, seconds, level=0.1):
    """This many seconds of a kind of sound, as float32 at 16 kHz, with this root mean square."""
    samples = KINDS[kind](generator(f"{kind} {seconds}"), round(seconds * RATE))
    power = np.sqrt(np.mean(samples**2))
    if power > 0:
        samples = samples * (level / power)
    return np.clip(samples, -1, 1).astype(np.float32)


def mixed(samples, decibels, name):
    """Speech with pink noise, this many decibels below it."""
    added = coloured(generator(name), len(samples), 1)
    speech, other = np.sqrt(np.mean(samples**2)), np.sqrt(np.mean(added**2))
    out = samples + added * (speech / other / 10 ** (decibels / 20))
    return (out / max(1, np.abs(out).max())).astype(np.float32)


def wav(samples):
    """The bytes of a WAV file, 16 bits a sample."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes((np.clip(samples, -1, 1) * 32767).round().astype("<i2").tobytes())
    return file.getvalue()


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for kind in KINDS:
        for seconds in map(float, sys.argv[2:] or SECONDS):
            (folder / f"{kind}-{seconds:g}.wav").write_bytes(wav(noise(kind, seconds)))


if __name__ == "__main__":
    main()
