"""One large number as a job in parts, on one core and on several, beside the same number in one piece.

One piece is a request that its client waits for. The answers must be equal.
"""

import http.client
import json
import os
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from servers import Server
from tables import table

# Products of two equal primes, by their digits.
NUMBERS = {
    70: 2553056220755273530762417599998442415373895824851794187907001529517777,
    80: 28290958209044856484822669842572701673322582038160747507812551930358749772541293,
}
CORES = (1, 2)

Start = Callable[..., AbstractContextManager[Server]]


@dataclass
class Time:
    wall: float
    cpu: float
    answer: dict


def sections(runtime: Start) -> list[str]:
    os.environ["SPIN_VARIABLE_FACTORIZE_TIME_LIMIT"] = "3000"
    os.environ["SPIN_VARIABLE_FACTORIZE_JOB_TIME_LIMIT"] = "3000"
    rows = []
    for digits, number in NUMBERS.items():
        with runtime() as server:
            whole = measure(server, lambda server=server, number=number: post(server, number)[1])
        rows.append([str(digits), "in one piece", *figures(whole, whole)])
        for cores in CORES:
            with runtime("--variable", f"job_concurrency={cores}") as server:
                parts = measure(server, lambda server=server, number=number: job(server, number))
            if parts.answer != whole.answer:
                sys.exit(f"bench: {parts.answer} and {whole.answer} differ")
            rows.append([str(digits), f"a job, job_concurrency={cores}", *figures(parts, whole)])
    return [
        "### One number on several cores\n\n"
        "Products of two equal primes: wall time through HTTP and processor time of the server, in seconds.\n\n"
        + table(["digits", "how", "wall s", "CPU s", "times as fast"], rows)
    ]


def figures(time: Time, whole: Time) -> list[str]:
    return [f"{time.wall:.1f}", f"{time.cpu:.1f}", f"{whole.wall / time.wall:.2f}"]


def measure(server: Server, factorize: Callable[[], dict]) -> Time:
    cpu, begin = server.cpu_seconds(), time.perf_counter()
    answer = factorize()
    return Time(time.perf_counter() - begin, server.cpu_seconds() - cpu, answer)


def post(server: Server, number: int, **headers: str) -> tuple[int, dict]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=3600)
    headers = {"content-type": "application/json", **headers}
    connection.request("POST", "/factorize", json.dumps({"number": number}), headers)
    response = connection.getresponse()
    answer = json.loads(response.read())
    connection.close()
    return response.status, answer


def job(server: Server, number: int) -> dict:
    _, job = post(server, number, prefer="respond-async")
    while job["status"] in ("queued", "running"):
        time.sleep(0.2)
        with urllib.request.urlopen(server.url(f"/jobs/{job['id']}"), timeout=60) as response:
            job = json.load(response)
    if job["status"] != "succeeded":
        sys.exit(f"bench: {job}")
    return job["result"]
