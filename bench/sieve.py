"""One large number on one core and on several: as a request that its client waits for, and as a job.

    SIEVE_DIGITS=70 bench/run sieve

The answers must be equal. Without the variable it is every number.
"""

import http.client
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial

from servers import Server
from tables import table

# Products of two equal primes, by their digits.
NUMBERS = {
    70: 2553056220755273530762417599998442415373895824851794187907001529517777,
    80: 28290958209044856484822669842572701673322582038160747507812551930358749772541293,
}
DIGITS = [int(digits) for digits in os.environ.get("SIEVE_DIGITS", "70 80").split()]
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
    for digits in DIGITS:
        number = NUMBERS[digits]
        first = None
        for how, factorize in (("a request", waited), ("a job", job)):
            for cores in CORES:
                with on(cores), runtime("--variable", f"job_concurrency={cores}") as server:
                    time = measure(server, partial(factorize, server, number))
                first = first or time
                if time.answer != first.answer:
                    sys.exit(f"bench: {time.answer} and {first.answer} differ")
                figures = [f"{time.wall:.1f}", f"{time.cpu:.1f}", f"{first.wall / time.wall:.2f}"]
                rows.append([str(digits), how, str(cores), *figures])
    return [
        "### One number on several cores\n\n"
        "Products of two equal primes: wall time through HTTP and processor time of the server, in seconds. The server may use"
        " as many cores as the table says.\n\n"
        + table(["digits", "how", "cores", "wall s", "CPU s", "times as fast"], rows)
    ]


@contextmanager
def on(cores: int) -> Iterator[None]:
    """Has processes that are started meanwhile run on the first cores only."""
    every = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(every)[:cores])
    try:
        yield
    finally:
        os.sched_setaffinity(0, every)


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


def waited(server: Server, number: int) -> dict:
    status, answer = post(server, number)
    if status != 200:
        sys.exit(f"bench: {answer}")
    return answer


def job(server: Server, number: int) -> dict:
    *_, ended = server.states(post(server, number, prefer="respond-async")[1])
    return ended["result"]
