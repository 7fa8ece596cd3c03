"""Many requests at once, by wrk."""

import re
import subprocess
from pathlib import Path

from servers import Server

CONNECTIONS = 16


def wrk(
    server: Server,
    seconds: int,
    path: str = "/ping",
    header: str | None = None,
    script: Path | None = None,
) -> tuple[int, float, float]:
    """Requests answered, in how many seconds, and the 99th percentile of the latency in ms."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", server.url(path)]
    if header:
        command += ["-H", header]
    if script:
        command += ["-s", script]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in output or "Socket errors" in output:
        raise SystemExit(f"not every request was answered:\n{output}")
    requests, elapsed, unit = re.search(r"(\d+) requests in ([\d.]+)(m?s)", output).groups()
    tail, tail_unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", output).groups()
    scale = {"us": 1e-3, "ms": 1.0, "s": 1e3}
    return int(requests), float(elapsed) * scale[unit] / 1e3, float(tail) * scale[tail_unit]
