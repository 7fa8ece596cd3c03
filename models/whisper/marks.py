"""Synthetic speech with the times of its words, as espeak-ng itself gives them.

    python marks.py FOLDER    writes the sentences as WAV files, and their words as JSON
"""

import ctypes
import ctypes.util
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

import noises

SENTENCES = (
    "The quick brown fox jumps over the lazy dog.",
    "She sells sea shells by the sea shore, and the shells that she sells are sea shells, I am sure.",
    "Please call me tomorrow morning, before the meeting begins.",
    "The train from London was late again. We waited an hour in the rain.",
    "My brother bought a small house near the river last summer.",
    "It was a bright cold day in April, and the clocks were striking thirteen.",
    "Could you send me the report before Friday? The director wants to read it.",
    "Nobody knows what happened to the old man who lived on the hill.",
    "We need more bread, some butter, and a bottle of milk.",
    "The children were playing in the garden when it started to snow.",
    "Turn left at the church. Then walk straight ahead until you reach the bridge.",
    "Science is a way of thinking much more than it is a body of knowledge.",
)
VOICES = (("en-us", 140), ("en-gb", 160))

# From speak_lib.h.
RETRIEVAL, PHONEME_EVENTS, UTF8, END = 1, 1, 1, 0
WORD, PHONEME = 1, 7


class Id(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", Id),
    ]


@dataclass
class Word:
    text: str
    # Seconds. The end is unknown where espeak-ng marks this word and the next as one, such as "in the".
    start: float
    end: float | None


class Speaker:
    """espeak-ng, once a process."""

    def __init__(self):
        name = ctypes.util.find_library("espeak-ng") or "libespeak-ng.so.1"
        self.library = ctypes.CDLL(name)
        self.rate = self.library.espeak_Initialize(RETRIEVAL, 0, None, PHONEME_EVENTS)
        if self.rate <= 0:
            raise OSError("espeak-ng has no data")
        kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(Event))
        # Kept, or it is collected while the library calls it.
        self.callback = kind(self.receive)
        self.library.espeak_SetSynthCallback(self.callback)

    def receive(self, samples, count, events):
        if samples and count:
            self.sound.append(np.ctypeslib.as_array(samples, (count,)).copy())
        index = 0
        while events[index].type != END:
            event = events[index]
            name = bytes(event.id.string).split(b"\0")[0].decode(errors="replace") if event.type == PHONEME else ""
            self.events.append((event.type, event.sample, event.text_position, event.length, name))
            index += 1
        return 0

    def speak(self, text, voice="en-us", words_a_minute=150):
        """Samples at 16 kHz, and the words with their times."""
        self.sound, self.events = [], []
        self.library.espeak_SetVoiceByName(voice.encode())
        self.library.espeak_SetParameter(1, words_a_minute, 0)
        data = text.encode() + b"\0"
        self.library.espeak_Synth(data, len(data), 0, 1, 0, UTF8, None, None)
        self.library.espeak_Synchronize()
        sound = np.concatenate(self.sound).astype(np.float32) / 32768
        return resampled(sound, self.rate), self.words(text, len(sound))

    def words(self, text, length):
        # A word lasts until a pause or the next word.
        sounds = [(sample, name) for kind, sample, _, _, name in self.events if kind == PHONEME]
        marks = [(sample, position, size) for kind, sample, position, size, _ in self.events if kind == WORD]
        found = []
        for index, (sample, position, size) in enumerate(marks):
            limit = marks[index + 1][0] if index + 1 < len(marks) else length
            pauses = [at for at, name in sounds if sample < at < limit and (name.startswith("_") or not name)]
            end = (pauses[0] if pauses else limit) / self.rate
            begin = position - 1
            rest = text[begin + size : marks[index + 1][1] - 1 if index + 1 < len(marks) else len(text)]
            joined = any(letter.isalnum() for letter in rest)
            found.append(Word(text[begin : begin + size], sample / self.rate, None if joined else end))
        return found


def resampled(samples, rate):
    """By the discrete Fourier transform: exact, and without another library."""
    count = round(len(samples) * noises.RATE / rate)
    spectrum = np.fft.rfft(samples)
    kept = np.zeros(count // 2 + 1, complex)
    length = min(len(kept), len(spectrum))
    kept[:length] = spectrum[:length]
    return (np.fft.irfft(kept, count) * (count / len(samples))).astype(np.float32)


def spoken():
    """Every sentence by every voice: a name, samples, words."""
    speaker = Speaker()
    for voice, speed in VOICES:
        for index, sentence in enumerate(SENTENCES):
            samples, words = speaker.speak(sentence, voice, speed)
            # A breath before and after.
            lead = noises.RATE // 2
            samples = np.concatenate([np.zeros(lead, np.float32), samples, np.zeros(lead, np.float32)])
            for word in words:
                word.start += lead / noises.RATE
                word.end = None if word.end is None else word.end + lead / noises.RATE
            yield f"{voice}-{index}", samples, words


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, samples, words in spoken():
        (folder / f"{name}.wav").write_bytes(noises.wav(samples))
        (folder / f"{name}.json").write_text(json.dumps([asdict(word) for word in words], indent=1))


if __name__ == "__main__":
    main()
