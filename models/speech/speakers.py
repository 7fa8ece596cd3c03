"""Voices of espeak-ng made at random: a vocal tract, a glottis, a way to speak, and often an accent.

The variants that come with espeak-ng are a few dozen points of this space; a network that has heard all of it
understands those it has not heard.
"""

import functools
import random
import subprocess
from pathlib import Path

# Phoneme tables and dictionary rules of the accents heard in training.
TABLES = [("en", ""), ("en-us", "3 6"), ("en-us", "3 6"), ("en-rp", ""), ("en-sc", "2 5 6 7"), ("en-wm", "6"), ("en-us-nyc", "3 6")]
STRESS_LENGTHS = ["140 120 190 170 0 0 255 300", "180 130 200 200 0 0 250 270", "160 140 170 170 200 200 280 290", "170 170 180 180 210 210 260 280"]
# A sound said as one beside it, which is how English accents differ.
CHANGES = {
    "I": ["i", "I2", "@", "E"], "I2": ["i", "@"], "E": ["I", "e"], "a": ["E", "a/", "a#"], "V": ["U", "@", "a"],
    "0": ["O", "A:", "V"], "U": ["u:", "V"], "u:": ["U"], "3:": ["V"], "@": ["a#", "V", "I2", "@2"], "3": ["a#", "@"],
    "aI": ["OI", "a"], "eI": ["E", "aI", "e"], "oU": ["O:", "o:", "o"], "aU": ["a", "oU"], "i:": ["i", "I"], "O:": ["0", "oU"],
    "A:": ["a", "aa", "0"], "D": ["d", "z"], "T": ["t", "f", "s"], "N": ["n"], "h": ["NULL"], "w": ["v"],
    "U@": ["o@", "O:"], "o@": ["O@", "O:"], "z": ["s"],
}  # fmt: skip


def numbers(*values):
    return " ".join(str(round(value)) for value in values)


def voice(r):
    """The text of a voice file."""
    table, rules = r.choice(TABLES)
    low = r.choice([r.uniform(65, 120), r.uniform(100, 170), r.uniform(150, 260)])
    lines = ["name made", "language en", f"phonemes {table}", f"pitch {numbers(low, low * r.uniform(1.15, 1.8))}"]
    if rules and r.random() < 0.8:
        lines.append(f"dictrules {rules}")
    if r.random() < 0.7:
        lines.append(f"stressLength {r.choice(STRESS_LENGTHS)}")
    if r.random() < 0.3:
        lines.append(f"intonation {r.randint(1, 4)}")
    lines += tract(r, low) + glottis(r) + accent(r)
    return "\n".join(lines) + "\n"


def tract(r, pitch):
    """Formants: the length of the tract, which goes with the pitch, and its shape."""
    length = 1 + 0.14 * (pitch - 140) / 120 + r.gauss(0, 0.07)
    strength, width = r.uniform(80, 120), r.uniform(75, 160)
    lines = []
    for n in range(r.choice([0, 1]), 9):
        values = [100 * length * r.uniform(0.94, 1.06), strength * r.uniform(0.5, 1.5), width * r.uniform(0.7, 1.4)]
        if r.random() < 0.1:
            values.append(r.uniform(-200, 100))  # Hz
        lines.append(f"formant {n} {numbers(*values)}")
    return lines


def glottis(r):
    lines = []
    if r.random() < 0.2:
        lines.append(f"klatt {r.randint(1, 5)}")
    if r.random() < 0.4:
        lines.append(f"breath {numbers(*(r.uniform(0, 14) for _ in range(8)))}")
    if r.random() < 0.25:
        lines.append(f"breathw {numbers(*(r.uniform(100, 450) for _ in range(6)))}")
    if r.random() < 0.5:
        lines.append(f"voicing {r.randint(45, 135)}")
    if r.random() < 0.5:
        lines.append(f"consonants {r.randint(50, 160)} {r.randint(50, 160)}")
    if r.random() < 0.5:
        lines.append(f"flutter {r.randint(0, 20)}")
    if r.random() < 0.5:
        lines.append(f"roughness {r.randint(0, 5)}")
    if r.random() < 0.15:
        lines.append(f"echo {r.randint(15, 140)} {r.randint(2, 25)}")
    if r.random() < 0.4:
        points = sorted(r.randrange(50, 7500) for _ in range(4))
        lines.append("tone " + " ".join(f"{point} {r.randint(60, 255)}" for point in points))
    if r.random() < 0.3:
        lines.append(f"stressAdd {numbers(*(r.gauss(0, 18) for _ in range(8)))}")
    return lines


def accent(r):
    """A few sounds changed, in words or at their ends."""
    if r.random() < 0.25:
        return []
    sounds = r.sample(list(CHANGES), r.choice([1, 2, 3, 4, 6, 8, 12]))
    return [f"replace {r.choice(['00', '00', '01', '02', '03'])} {sound} {r.choice(CHANGES[sound])}" for sound in sounds]


@functools.cache
def data_folder():
    """Where espeak-ng has its data: `eSpeak NG text-to-speech: 1.51  Data at: /usr/lib/…`."""
    version = subprocess.run(["espeak-ng", "--version"], check=True, capture_output=True, text=True).stdout
    return Path(version.split("Data at: ")[1].strip())


def install(seed, folder):
    """A data folder of espeak-ng under `folder` in which `-v made` is the voice of that seed."""
    data = Path(folder, "espeak-ng-data")
    if not data.exists():
        data.mkdir()
        (data / "voices").mkdir()
        for path in data_folder().iterdir():
            if path.name != "voices":
                (data / path.name).symlink_to(path)
    (data / "voices" / "made").write_text(voice(random.Random(seed)))
