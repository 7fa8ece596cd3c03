"""Factorisation beside PARI and GNU factor, with the same numbers in the same run.

One core each; what is compared is processor time. PARI runs in this process, GNU factor in one of its own, the application
behind HTTP. Every answer is checked: the product of the factors is the number, and each is prime by PARI's test.
"""

import http.client
import json
import os
import random
import resource
import statistics
import subprocess
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from cypari import pari

from servers import ROOT, Server
from tables import table

# Digits of the products of two equal primes, and how many of them.
SIZES = {
    20: 100,
    25: 100,
    30: 100,
    35: 100,
    40: 60,
    45: 40,
    50: 30,
    55: 10,
    60: 5,
    65: 2,
    70: 1,
    75: 1,
    80: 1,
}
# GNU factor's time grows tenfold with every two to three digits.
MOST_DIGITS_OF_GNU = 35
MOST_OF_GNU = 3
WORDS = 1_000
UNEQUAL = 7
PLOT = ROOT / "bench/factor.svg"

Start = Callable[[], AbstractContextManager[Server]]


@dataclass
class Times:
    """The times for numbers of one size, in milliseconds."""

    wall: list[float] = field(default_factory=list)
    cpu: float = 0
    pari: float = 0
    gnu: float | None = None
    resident: float = 0


def sections(runtime: Start) -> list[str]:
    os.environ["SPIN_VARIABLE_FACTORIZE_TIME_LIMIT"] = "1000"
    pari("default(nbthreads, 1)")
    pari.allocatemem(2**30)
    # The same numbers in every run.
    source = random.Random(16)
    with runtime() as server:
        measured = {digits: measure(server, digits, count, source) for digits, count in SIZES.items()}
        words = [latency(server, name, numbers) for name, numbers in numbers_of_a_word(source).items()]
        unequal = [wall(server, unequal_primes(source)) for _ in range(UNEQUAL)]
    plot(measured)
    rows = [
        [
            str(digits),
            str(SIZES[digits]),
            f"{times.cpu:,.1f}",
            f"{statistics.median(times.wall):,.1f}",
            f"{times.pari:,.1f}",
            f"{times.cpu / times.pari:.2f}",
            "" if times.gnu is None else f"{times.gnu:,.1f}",
            f"{times.resident:.0f}",
        ]
        for digits, times in measured.items()
    ]
    head = ["digits", "numbers", "CPU ms", "wall ms", "PARI CPU ms", "ratio", "GNU factor CPU ms", "resident MiB"]
    return [
        "### Products of two equal primes\n\n"
        f"`POST /factorize` beside PARI {version()} and GNU factor: mean processor time, and the median of the wall time through"
        " HTTP. The server's resident memory after each size.\n\n"
        + table(head, rows)
        + "\n\n![Processor time against digits](factor.svg)",
        "### Numbers of 64 bits\n\nWall time of one request after the other, in milliseconds.\n\n"
        + table(["numbers", "p50", "p99", "max"], words),
        ("### Numbers of 100 digits with a factor of 20\n\n"
        f"Wall time of {UNEQUAL} numbers: median {statistics.median(unequal) / 1e3:.1f} s, longest {max(unequal) / 1e3:.1f} s."),
    ]


def version() -> str:
    return ".".join(str(part) for part in pari("version()")[:3])


def measure(server: Server, digits: int, count: int, source: random.Random) -> Times:
    times = Times()
    numbers = [equal_primes(digits, source) for _ in range(count)]
    before = server.cpu_seconds()
    times.wall = [wall(server, number) for number in numbers]
    times.cpu = (server.cpu_seconds() - before) / count * 1e3
    times.resident = server.resident_mib()
    before = time.process_time()
    for number in numbers:
        pari.factorint(number)
    times.pari = (time.process_time() - before) / count * 1e3
    if digits <= MOST_DIGITS_OF_GNU:
        some = numbers[:MOST_OF_GNU]
        before = children_seconds()
        for number in some:
            subprocess.run(["factor", str(number)], check=True, stdout=subprocess.DEVNULL)
        times.gnu = (children_seconds() - before) / len(some) * 1e3
    return times


def children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def prime(least: int, end: int, source: random.Random) -> int:
    return int(pari.nextprime(source.randrange(least, end)))


def equal_primes(digits: int, source: random.Random) -> int:
    """A product of two primes with this many digits."""
    scale = 10 ** ((digits - 1) // 2)
    # The product is from 16 to 81, or 1.6 to 8.1, times a power of ten.
    least, end = (4 * scale, 9 * scale) if digits % 2 == 0 else (4 * scale // 3, 3 * scale)
    return prime(least, end, source) * prime(least, end, source)


def unequal_primes(source: random.Random) -> int:
    return prime(10**19, 10**20, source) * prime(10**79, 10**80, source)


def numbers_of_a_word(source: random.Random) -> dict[str, list[int]]:
    return {
        "random": [source.randrange(2**63, 2**64) for _ in range(WORDS)],
        "two primes of 32 bits": [
            prime(2**31, 2**32 - 1000, source) * prime(2**31, 2**32 - 1000, source) for _ in range(WORDS)
        ],
    }


def latency(server: Server, name: str, numbers: list[int]) -> list[str]:
    times = sorted(wall(server, number) for number in numbers)
    figures = (statistics.median(times), times[len(times) * 99 // 100], times[-1])
    return [name, *(f"{figure:.2f}" for figure in figures)]


def wall(server: Server, number: int) -> float:
    """Milliseconds of one request on a new connection."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=1200)
    connection.connect()
    body = json.dumps({"number": number})
    begin = time.perf_counter()
    connection.request("POST", "/factorize", body, {"content-type": "application/json"})
    response = connection.getresponse()
    answer = json.loads(response.read())
    milliseconds = (time.perf_counter() - begin) * 1e3
    connection.close()
    product = 1
    for factor, exponent in answer["factorization"]:
        product *= factor**exponent
        if not pari.isprime(factor):
            raise SystemExit(f"bench: {factor} in {number} is not prime")
    if product != number:
        raise SystemExit(f"bench: {answer['factorization_str']} is not {number}")
    return milliseconds


def plot(measured: dict[int, Times]) -> None:
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    # Makes the file reproducible.
    matplotlib.rcParams["svg.hashsalt"] = "routelets"
    figure, axes = pyplot.subplots(figsize=(6.4, 4.2))
    lines = {
        "Routelets": {digits: times.cpu for digits, times in measured.items()},
        "PARI": {digits: times.pari for digits, times in measured.items()},
        "GNU factor": {digits: times.gnu for digits, times in measured.items() if times.gnu is not None},
    }
    for name, costs in lines.items():
        axes.plot(list(costs), [cost / 1e3 for cost in costs.values()], marker="o", label=name)
    axes.set(yscale="log", xlabel="digits, two equal primes", ylabel="seconds of processor time")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(PLOT, metadata={"Date": None}, bbox_inches="tight")
