"""Checks that a model answers a job as it answers a client that waits: `job.py SERVER NAME SAMPLE`."""

import json
import sys
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from checking import ended, expect

SERVER, NAME, SAMPLE = sys.argv[1], sys.argv[2], Path(sys.argv[3])


def ask(path, body, **headers):
    """The status and the JSON of an answer."""
    request = urllib.request.Request(SERVER + path, body, {"Content-Type": "application/json", **headers})
    with urllib.request.urlopen(request) as answer:
        return answer.status, json.load(answer)


rows = SAMPLE.read_bytes()
status, answer = ask(f"/{NAME}", rows)
expect(status, 200)
status, job = ask(f"/{NAME}", rows, Prefer="respond-async")
expect((status, job["status"]), (202, "queued"))
job = ended(SERVER, job["id"])
expect((job["status"], job["result"]), ("succeeded", answer))
