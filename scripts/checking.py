"""What scripts check of a server's answers."""

import json
import sys
import time
import urllib.request


def expect(found, expected):
    """They are equal."""
    if found != expected:
        sys.exit(f"expected {expected}\nfound    {found}")


def ended(server, job):
    """The job with this id when it has ended, or after ten seconds."""
    for _ in range(100):
        time.sleep(0.1)
        with urllib.request.urlopen(f"{server}/jobs/{job}") as answer:
            state = json.load(answer)
        if state["status"] not in ("queued", "running"):
            break
    return state
