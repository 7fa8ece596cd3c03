"""The page in Chromium: when it is painted first, and what it transfers."""

import json
import statistics
import subprocess

import servers
from tables import table

VISITS = 40
# The driver of the browser belongs to the environment of the tests.
PYTHON = servers.ROOT / ".venv/bin/python"
SCRIPT = servers.ROOT / "runtime-tests/browser/first_paint.py"


def sections() -> list[str]:
    with servers.routelets() as server:
        command = [PYTHON, SCRIPT, server.url("/"), str(VISITS)]
        visits = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    paints = sorted(visit["paint"] for visit in visits)
    rows = [
        ["First paint, median", f"{statistics.median(paints):.0f} ms"],
        ["First paint, slowest", f"{paints[-1]:.0f} ms"],
        ["Of that until the server's first byte, median", f"{median(visits, 'answered'):.0f} ms"],
        ["First paint of `/ping`, median: what the browser needs for any page", f"{median(visits, 'least'):.0f} ms"],
        ["Transferred, with headers", f"{max(visit['bytes'] for visit in visits) / 1000:.1f} kB"],
    ]
    title = f"### The page at `/`\n\nDebian's Chromium over loopback; {VISITS} visits, each with an empty cache. Aims: 200 ms, 150 kB."
    return [title, table(["", "Measured"], rows)]


def median(visits: list[dict], what: str) -> float:
    return statistics.median(visit[what] for visit in visits)
