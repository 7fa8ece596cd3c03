"""Measures the application beside its peers and writes RESULTS.md.

    bench/run [PART …]

Run by `make bench`. Every comparison is made in one run on one machine; what counts is the ratio. With the names of
some parts only these are measured again, and the rest of RESULTS.md stays.
"""

import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import agreement
import factor
import images
import jobs
import keys
import models
import page
import recording
import servers
import shares
import sieve
import speech
from load import CONNECTIONS, wrk
from servers import Server
from tables import table

ROUNDS = 5
ROUND_SECONDS = 5
STARTS = 10
# Products of two primes of 35 digits and more: they exceed the time limit.
HARD = [
    10**99 + 289 * 10**40 + 7,
    10**99 + 289 * 10**41 + 9,
    10**99 + 289 * 10**42 + 11,
    10**99 + 289 * 10**43 + 13,
]


def main() -> None:
    runtimes = {"Routelets, embedded host": servers.routelets}
    if shutil.which("spin"):
        version = subprocess.run(["spin", "--version"], check=True, capture_output=True, text=True)
        # spin 4.1.0 (94a8fc8 2026-08-21)
        runtimes[f"Routelets, Spin {version.stdout.split()[1]}"] = servers.spin
    parts = {
        "serving": lambda: [
            throughput({**runtimes, "FastAPI on uvicorn (uvloop, one worker)": servers.fastapi}),
            start(servers.routelets, servers.fastapi),
        ],
        "page": page.sections,
        "keys": keys.sections,
        "images": images.sections,
        "factor": lambda: [
            *factor.sections(servers.routelets),
            *(busy_factorizing(*runtime) for runtime in runtimes.items()),
        ],
        "sieve": lambda: sieve.sections(servers.routelets),
        "recording": lambda: recording.sections(servers.routelets),
        "agreement": agreement.sections,
        "speech": lambda: speech.sections(runtimes),
        "models": lambda: models.sections(runtimes),
        "uploads": lambda: [busy_recognizing(*runtime) for runtime in runtimes.items()],
        "parts": shares.sections,
        "jobs": lambda: [jobs.throughput()],
        "intake": lambda: [jobs.accepted()],
    }
    chosen = sys.argv[1:] or list(parts)
    if unknown := set(chosen) - set(parts):
        sys.exit(f"bench: no part {', '.join(unknown)}; there are {', '.join(parts)}")
    path = Path(__file__).parent / "RESULTS.md"
    # A part begins with its name as a heading, and ends where the next one begins.
    before = re.findall(r"^## (\w+)\n\n(.*?)(?=^## |\Z)", path.read_text(), re.MULTILINE | re.DOTALL)
    kept = {heading.lower(): text.rstrip() + "\n" for heading, text in before}
    for name in chosen:
        kept[name] = machine() + "\n\n" + "\n\n".join(parts[name]()) + "\n"
        print(kept[name], flush=True)
        written = [f"## {name.capitalize()}\n\n{kept[name]}" for name in parts if name in kept]
        path.write_text("# Measured\n\nWritten by `make bench`.\n\n" + "\n".join(written))


def machine() -> str:
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return (
        f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores"
        f" ({model[1] if model else platform.machine()}), Linux {platform.release()}."
    )


Start = Callable[[], AbstractContextManager[Server]]


def throughput(contestants: dict[str, Start]) -> str:
    """Requests per second of GET /ping, for each server in turn, and their processor time."""
    rates = {name: [] for name in contestants}
    costs = {name: [] for name in contestants}
    tails = {name: [] for name in contestants}
    for _ in range(ROUNDS):
        for name, contestant in contestants.items():
            with contestant() as server:
                wrk(server, seconds=1)
                before = server.cpu_seconds()
                requests, seconds, tail = wrk(server, ROUND_SECONDS)
                rates[name].append(requests / seconds)
                costs[name].append((server.cpu_seconds() - before) / requests * 1e6)
                tails[name].append(tail)
    peer = statistics.median(rates[list(contestants)[-1]])
    rows = [
        [
            name,
            f"{statistics.median(rates[name]):,.0f}",
            f"{statistics.median(rates[name]) / peer:.2f}",
            f"{statistics.median(costs[name]):.0f}",
            f"{statistics.median(tails[name]):.1f}",
        ]
        for name in contestants
    ]
    return (
        "### Throughput of `GET /ping`\n\n"
        f"wrk with {CONNECTIONS} connections on the same cores; median of {ROUNDS} rounds of"
        f" {ROUND_SECONDS} s, the servers in turn.\n\n"
        + table(["server", "requests/s", "ratio", "CPU µs/request", "p99 ms"], rows)
    )


def start(ours: Start, peer: Start) -> str:
    """From the start of the process to its first answer; the first start fills the cache."""
    rows = []
    for name, contestant in {"Routelets, embedded host": ours, "FastAPI on uvicorn": peer}.items():
        with contestant():
            pass
        seconds, memory = [], []
        for _ in range(STARTS):
            with contestant() as server:
                seconds.append(server.started_in * 1e3)
                memory.append(server.resident_mib())
        rows.append(
            [
                name,
                f"{statistics.median(seconds):.0f}",
                f"{max(seconds):.0f}",
                f"{statistics.median(memory):.0f}",
            ]
        )
    return (
        "### Restart\n\n"
        "From the start of the process to the first answer of `GET /ping`, caches warm,"
        f" {STARTS} starts.\n\n" + table(["server", "median ms", "max ms", "resident MiB"], rows)
    )


def busy(runtime: Start, jobs: list[Callable[[Server], str]]) -> str:
    """Long requests at once, and GET /ping meanwhile."""
    with runtime() as server:
        answers = []
        threads = [
            threading.Thread(target=lambda job=job: answers.append(job(server))) for job in jobs
        ]
        before, begin = server.cpu_seconds(), time.perf_counter()
        for thread in threads:
            thread.start()
        pings = []
        while any(thread.is_alive() for thread in threads):
            sent = time.perf_counter()
            with urllib.request.urlopen(server.url("/ping"), timeout=60) as response:
                response.read()
            pings.append((time.perf_counter() - sent) * 1e3)
            time.sleep(0.005)
        seconds = time.perf_counter() - begin
        cores = (server.cpu_seconds() - before) / seconds
    pings.sort()
    row = [
        f"{seconds:.1f}",
        f"{cores:.2f}",
        str(len(pings)),
        f"{statistics.median(pings):.1f}",
        f"{pings[len(pings) * 99 // 100]:.1f}",
        f"{pings[-1]:.1f}",
    ]
    head = ["seconds", "cores used", "pings", "p50 ms", "p99 ms", "max ms"]
    return f"Answers: {', '.join(sorted(answers))}.\n\n" + table(head, [row])


def busy_factorizing(name: str, runtime: Start) -> str:
    os.environ["SPIN_VARIABLE_FACTORIZE_TIME_LIMIT"] = "10"
    jobs = [lambda server, n=n: factorize(server, n) for n in HARD]
    return (
        f"### Four hard factorisations at once: {name}\n\nNumbers of 100 digits, time limit 10 s. "
        + busy(runtime, jobs)
    )


def busy_recognizing(name: str, runtime: Start) -> str:
    minutes = speech.recording(240)

    def job(server: Server) -> str:
        speech.recognize(server, minutes)
        return "200"

    return f"### Four uploads at once: {name}\n\n240 s of speech each. " + busy(runtime, [job] * 4)


def factorize(server: Server, number: int) -> str:
    body = json.dumps({"number": number}).encode()
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(server.url("/factorize"), body, headers)
    try:
        with urllib.request.urlopen(request, timeout=120) as response:
            return str(response.status)
    except urllib.error.HTTPError as error:
        return f"{error.code} {json.load(error)['code']}"


if __name__ == "__main__":
    main()
