"""What the check of a key costs, and what a million of them leave behind."""

import statistics
from functools import partial

from load import CONNECTIONS, wrk
from servers import routelets
from tables import table

ROUNDS = 7
ROUND_SECONDS = 4
REQUESTS = 1_000_000
# GET /ping is open; this is the cheapest of the protected routes.
PATH = "/sum/1/2"
KEY = "a-key-of-the-bench-0123456789abcdef"
HEADER = f"X-API-Key: {KEY}"


def sections() -> list[str]:
    return [cost(), endurance()]


def cost() -> str:
    """Requests per second with and without keys, the servers in turn."""
    keyed = partial(routelets, "--variable", f"api_keys=bench:{KEY}")
    contestants = {
        "no keys are set": (routelets, None),
        "no keys are set, the header is sent": (routelets, HEADER),
        "a valid key": (keyed, HEADER),
    }
    rates = {name: [] for name in contestants}
    costs = {name: [] for name in contestants}
    for _ in range(ROUNDS):
        for name, (contestant, header) in contestants.items():
            with contestant() as server:
                wrk(server, 1, PATH, header)
                before = server.cpu_seconds()
                requests, seconds, _ = wrk(server, ROUND_SECONDS, PATH, header)
                rates[name].append(requests / seconds)
                costs[name].append((server.cpu_seconds() - before) / requests * 1e6)
    first = statistics.median(costs["no keys are set"])
    rows = [
        [
            name,
            f"{statistics.median(rates[name]):,.0f}",
            f"{statistics.median(costs[name]):.1f}",
            f"{(statistics.median(costs[name]) / first - 1) * 100:+.1f} %",
        ]
        for name in contestants
    ]
    return (
        f"### What a key costs: `GET {PATH}`\n\n"
        f"wrk with {CONNECTIONS} connections on the same cores; medians of {ROUNDS} rounds of"
        f" {ROUND_SECONDS} s, the servers in turn. The difference is that of the processor time.\n\n"
        + table(["", "requests/s", "CPU µs/request", "difference"], rows)
    )


def endurance() -> str:
    """Resident memory while a million requests bring a valid key."""
    rows, answered = [], 0
    with routelets("--variable", f"api_keys=bench:{KEY}") as server:
        while answered < REQUESTS:
            answered += wrk(server, 20, PATH, HEADER)[0]
            rows.append([f"{answered:,}", f"{server.resident_mib():.0f}"])
    return (
        f"### A million requests with a valid key: `GET {PATH}`\n\n"
        + table(["requests so far", "resident MiB"], rows)
    )
