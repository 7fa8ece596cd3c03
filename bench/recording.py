"""A long recording as a job in parts, on one core and on several. The answers must be equal.

    RECORDING_MINUTES=20 bench/run recording

The recording has two hours unless the variable says otherwise.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from contextlib import AbstractContextManager

from servers import Server
from speech import RATE, speech
from tables import table

MINUTES = int(os.environ.get("RECORDING_MINUTES", "120"))
RUNNERS = (1, 2, 4)

Start = Callable[..., AbstractContextManager[Server]]


def sections(runtime: Start) -> list[str]:
    # A second less than a job may have.
    file = compressed(MINUTES * 60 - 1)
    rows = []
    first = None
    for runners in RUNNERS:
        with runtime("--variable", f"job_concurrency={runners}") as server:
            cpu, begin = server.cpu_seconds(), time.perf_counter()
            parts, answer = job(server, file)
            wall, used = time.perf_counter() - begin, server.cpu_seconds() - cpu
            resident = server.resident_mib()
        first = first or (wall, answer)
        if answer != first[1]:
            sys.exit(f"bench: the answers of 1 and {runners} runners differ")
        rows.append([str(runners), str(parts), f"{wall:.0f}", f"{used:.0f}", f"{first[0] / wall:.2f}", f"{resident:.0f}"])
    return [
        "### One recording on several cores\n\n"
        f"{MINUTES} minutes of speech (Opus, {len(file) / 1e6:.1f} MB) as a job of `/asr` with the times of words, on a machine"
        f" with {os.cpu_count()} cores, by `job_concurrency`: from the request to the result, and the server's processor time and"
        " resident memory after it.\n\n"
        + table(["runners", "parts", "wall s", "CPU s", "times as fast", "MiB"], rows)
    ]


def compressed(seconds: int) -> bytes:
    """An Ogg file with this many seconds of speech."""
    with tempfile.NamedTemporaryFile() as once:
        speech().tofile(once)
        once.flush()
        source = ["-f", "s16le", "-ar", str(RATE), "-ac", "1", "-stream_loop", "-1", "-i", once.name, "-t", str(seconds)]
        command = ["ffmpeg", "-nostdin", "-loglevel", "error", *source, "-c:a", "libopus", "-b:a", "24k", "-f", "ogg", "-"]
        return subprocess.run(command, check=True, capture_output=True).stdout


def job(server: Server, file: bytes) -> tuple[int, dict]:
    """The number of parts and the result."""
    headers = {"content-type": "audio/ogg", "prefer": "respond-async"}
    request = urllib.request.Request(server.url("/asr?timestamps=word"), file, headers)
    with urllib.request.urlopen(request, timeout=600) as response:
        accepted = json.load(response)
    parts = 0
    for state in server.states(accepted):
        parts = ((state["progress"] or {}).get("parts") or {}).get("of", parts)
    return parts, state["result"]
