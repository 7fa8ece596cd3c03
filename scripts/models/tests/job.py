"""Checks that a model answers a job as it answers a client that waits: `job.py SERVER NAME SAMPLE`."""

import json
import sys
import time
import urllib.request
from pathlib import Path

SERVER, NAME, SAMPLE = sys.argv[1], sys.argv[2], Path(sys.argv[3])


def ask(path, body=None, **headers):
    """The status and the JSON of an answer."""
    request = urllib.request.Request(SERVER + path, body, {"Content-Type": "application/json", **headers})
    with urllib.request.urlopen(request) as answer:
        return answer.status, json.load(answer)


def expect(found, expected):
    """They are equal."""
    if found != expected:
        sys.exit(f"expected {expected}\nfound    {found}")


rows = SAMPLE.read_bytes()
status, answer = ask(f"/{NAME}", rows)
expect(status, 200)
status, job = ask(f"/{NAME}", rows, Prefer="respond-async")
expect((status, job["status"]), (202, "queued"))
for _ in range(100):
    time.sleep(0.1)
    _, job = ask(f"/jobs/{job['id']}")
    if job["status"] not in ("queued", "running"):
        break
expect((job["status"], job["result"]), ("succeeded", answer))
