"""The parts of convert.py: the formats that a Whisper comes in, and the one that is written."""


class Failure(Exception):
    """An error for the user, in one sentence."""
