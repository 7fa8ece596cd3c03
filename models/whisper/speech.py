"""The recordings of people, and the distance between two texts."""

import hashlib
import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from whisper_normalizer.english import EnglishTextNormalizer

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".cache/recordings"
REFERENCES = Path(__file__).with_name("references.json")
RATE = 16_000

# OpenAI's normalisation: lower case, numbers as digits, American spelling, no punctuation, no "uh".
normalize = EnglishTextNormalizer()


@dataclass
class Recording:
    file: str
    # What is spoken, where it is known.
    text: str | None

    @property
    def path(self):
        return FOLDER / self.file

    @property
    def set(self):
        return self.file.split("/")[0]

    def samples(self):
        return decode(self.path)

    def sha256(self):
        return hashlib.sha256(self.path.read_bytes()).hexdigest()


def recordings():
    index = json.loads((FOLDER / "index.json").read_text())
    return [
        Recording(file, text) for name, files in index.items() if isinstance(files, dict) for file, text in files.items()
    ]


def decode(path):
    """A file as float32 at 16 kHz, one channel."""
    command = ["ffmpeg", "-nostdin", "-loglevel", "error", "-i", path, "-ac", "1", "-ar", str(RATE), "-f", "f32le", "-"]
    return np.frombuffer(subprocess.run(list(map(str, command)), check=True, capture_output=True).stdout, np.float32)


def words(text):
    return normalize(text).split()


def plain(text):
    """Text for comparison letter by letter: without white space."""
    return re.sub(r"\s+", " ", text).strip()


def errors(said, heard):
    """Words inserted, left out or replaced (Levenshtein), and words said."""
    said, heard = words(said), words(heard)
    row = list(range(len(heard) + 1))
    for index, word in enumerate(said):
        before, row[0] = row[0], index + 1
        for at, other in enumerate(heard):
            before, row[at + 1] = row[at + 1], min(before + (word != other), row[at] + 1, row[at + 1] + 1)
    return row[-1], len(said)
