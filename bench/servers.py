"""The measured servers: started on a free port of the loopback interface, stopped at the end."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Process:
    process: subprocess.Popen

    def cpu_seconds(self) -> float:
        """Processor time of the process and its children so far (proc(5): utime and stime)."""
        return sum(
            sum(int(field) for field in stat.read_text().rsplit(")", 1)[1].split()[11:13])
            for stat in [Path(f"/proc/{pid}/stat") for pid in family(self.process.pid)]
        ) / CLOCK_TICKS

    def resident_mib(self) -> float:
        """Resident memory of the process and its children."""
        pages = sum(
            int(Path(f"/proc/{pid}/statm").read_text().split()[1])
            for pid in family(self.process.pid)
        )
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@dataclass
class Server(Process):
    port: int
    # From the start of the process to the first answer, in seconds.
    started_in: float

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def states(self, job: dict) -> Iterator[dict]:
        """A job, again and again, until it has succeeded."""
        yield job
        while job["status"] in ("queued", "running"):
            time.sleep(0.2)
            with urllib.request.urlopen(self.url(f"/jobs/{job['id']}"), timeout=60) as response:
                job = json.load(response)
            yield job
        if job["status"] != "succeeded":
            sys.exit(f"bench: {job}")


def family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(member for child in children for member in family(int(child)))]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextlib.contextmanager
def serve(command: list[str], port: int) -> Iterator[Server]:
    start = time.perf_counter()
    with run(command) as (process, output):
        yield Server(process, port, wait(process, port, output) - start)


@contextlib.contextmanager
def run(command: list[str]) -> Iterator[tuple[subprocess.Popen, IO[bytes]]]:
    """A process, ended at the end, and what it prints."""
    environment = {name: value for name, value in os.environ.items() if name != "RUST_BACKTRACE"}
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=output, stderr=output, env=environment
        )
        try:
            yield process, output
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait(process: subprocess.Popen, port: int, output) -> float:
    """The moment of the first answer of GET /ping."""
    while process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=60):
                return time.perf_counter()
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.001)
    output.seek(0)
    sys.exit(f"{' '.join(process.args)} ended:\n{output.read().decode(errors='replace')}")


def up(*flags: str) -> list[str]:
    """The command that starts the embedded host."""
    host = os.environ.get("ROUTELETS", "target/host/routelets")
    return [host, "up", "--state-dir", tempfile.mkdtemp(prefix="routelets-bench-"), *flags]


def routelets(*flags: str) -> contextlib.AbstractContextManager[Server]:
    port = free_port()
    return serve(up("--quiet", "--listen", f"127.0.0.1:{port}", *flags), port)


def spin(*flags: str) -> contextlib.AbstractContextManager[Server]:
    port = free_port()
    with_state = ["--state-dir", tempfile.mkdtemp(prefix="routelets-bench-")]
    return serve(["spin", "up", "--quiet", "--listen", f"127.0.0.1:{port}", *with_state, *flags], port)


def fastapi() -> contextlib.AbstractContextManager[Server]:
    port = free_port()
    uvicorn = [sys.executable, "-m", "uvicorn", "--app-dir", "bench", "--log-level", "warning"]
    loop = ["--loop", "uvloop", "--http", "httptools", "--no-access-log"]
    return serve([*uvicorn, *loop, "--port", str(port), "peer:app"], port)
