"""Jobs through Redis beside RQ: the same numbers, by as many workers, on the same Redis server.

All the jobs wait when the workers start; what counts is the time from the first that is done to the last.
"""

import contextlib
import http.client
import json
import statistics
import sys
import threading
import time
import timeit
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import redis
import rq
from rq.registry import FinishedJobRegistry

import servers
from peer_work import factorize
from servers import Process, Server
from tables import table

JOBS = 10_000
# The rate of the peers does not depend on the number of jobs; they are much slower.
JOBS_OF_PEERS = 3_000
JOBS_OF_FORKING_PEERS = 300
WORKERS = (1, 2, 4)
ROUNDS = 3
CLIENTS = 4
FIRST = 1_000_000
CHANNEL = "routelets:jobs"


@dataclass
class Drained:
    """The result for a number of jobs."""

    per_second: float
    # Processor time of the workers, and of the Redis server, for each job.
    workers_cpu: float
    redis_cpu: float


@dataclass
class Store:
    """A Redis server that keeps everything in memory."""

    process: Process
    port: int

    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def database(self, number: int) -> redis.Redis:
        return redis.Redis(port=self.port, db=number)


@contextlib.contextmanager
def store() -> Iterator[Store]:
    port = servers.free_port()
    command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port)]
    with servers.run([*command, "--save", "", "--appendonly", "no"]) as (process, _):
        store = Store(Process(process), port)
        with store.database(0) as client:
            until(lambda: answers(client))
        yield store


def answers(client: redis.Redis) -> bool:
    try:
        return client.ping()
    except redis.ConnectionError:
        return False


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 600
    while not holds():
        if time.monotonic() > deadline:
            sys.exit("jobs: nothing happens any more")
        time.sleep(0.01)


def drain(store: Store, workers: list[Process], done: Callable[[], int], jobs: int) -> Drained:
    """Waits from the end of the first job to the end of the last."""
    until(lambda: done() > 0)
    before, begin = done(), time.perf_counter()
    cpu = [sum(worker.cpu_seconds() for worker in workers), store.process.cpu_seconds()]
    until(lambda: done() == jobs)
    counted, seconds = jobs - before, time.perf_counter() - begin
    return Drained(
        counted / seconds,
        (sum(worker.cpu_seconds() for worker in workers) - cpu[0]) / counted,
        (store.process.cpu_seconds() - cpu[1]) / counted,
    )


@contextlib.contextmanager
def processes(commands: list[list[str]]) -> Iterator[list[Process]]:
    with contextlib.ExitStack() as stack:
        yield [Process(stack.enter_context(servers.run(command))[0]) for command in commands]


def ours(store: Store, app: Server, count: int, jobs: int) -> Drained:
    results = store.database(1)
    store.database(0).flushall()
    defer_all(app, range(FIRST, FIRST + jobs - 1))
    redis_url = f"redis_url={store.url()}"
    command = servers.up("--quiet", "--from", "spin.worker.toml", "--variable", redis_url)
    with processes([command] * count) as workers:
        until(lambda: results.pubsub_numsub(CHANNEL)[0][1] == count)
        # Wakes them.
        defer_all(app, [FIRST + jobs - 1])
        return drain(store, workers, lambda: results.zcard("routelets:succeeded"), jobs)


def defer_all(app: Server, numbers: range | list[int]) -> float:
    """Posts a job for each number, over some connections; returns the accepted jobs per second."""

    def client(numbers: range | list[int]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", app.port)
        headers = {"content-type": "application/json", "prefer": "respond-async"}
        for number in numbers:
            connection.request("POST", "/factorize", json.dumps({"number": number}), headers)
            with connection.getresponse() as response:
                body = response.read()
                if response.status != 202:
                    failures.append(body)
                    return

    failures: list[bytes] = []
    threads = [threading.Thread(target=client, args=[numbers[i::CLIENTS]]) for i in range(CLIENTS)]
    begin = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        sys.exit(f"not every job was accepted: {failures[0]}")
    return len(numbers) / (time.perf_counter() - begin)


def peers(store: Store, worker_class: str, count: int, jobs: int) -> Drained:
    client = store.database(0)
    client.flushall()
    queue = rq.Queue(connection=client)
    defer_to_peer(queue, jobs)
    finished = FinishedJobRegistry(queue=queue).key
    flags = ["--burst", "--quiet", "--path", "bench", "--url", store.url()]
    program = str(servers.ROOT / "bench/.venv/bin/rq")
    command = [program, "worker", "--worker-class", worker_class, *flags]
    with processes([command] * count) as workers:
        return drain(store, workers, lambda: client.zcard(finished), jobs)


def defer_to_peer(queue: rq.Queue, jobs: int) -> float:
    """Enqueues a job for each number, as many at a time as the API of RQ would, one."""
    begin = time.perf_counter()
    for number in range(FIRST, FIRST + jobs):
        queue.enqueue(factorize, number, result_ttl=3600)
    return jobs / (time.perf_counter() - begin)


@contextlib.contextmanager
def application() -> Iterator[tuple[Store, Server]]:
    with store() as kept:
        flags = {"jobs_store": "redis", "redis_url": kept.url(), "max_waiting_jobs": 2 * JOBS}
        variables = [f"--variable={name}={value}" for name, value in flags.items()]
        # The first start compiles, which shows in its memory.
        with servers.routelets(*variables):
            pass
        with servers.routelets(*variables) as app:
            yield kept, app


def throughput() -> str:
    with application() as (store, app):
        return compare(store, app)


def compare(store: Store, app: Server) -> str:
    simple, forking = "rq.worker.SimpleWorker", "rq.worker.Worker"
    contestants = {
        "Routelets": lambda count: ours(store, app, count, JOBS),
        "RQ, SimpleWorker": lambda count: peers(store, simple, count, JOBS_OF_PEERS),
        "RQ, Worker (forks)": lambda count: peers(store, forking, count, JOBS_OF_FORKING_PEERS),
    }
    # The first start of a worker fills the cache.
    ours(store, app, 1, 100)
    rows = []
    for count in WORKERS:
        drained = {name: [] for name in contestants}
        for _ in range(ROUNDS):
            for name, contestant in contestants.items():
                drained[name].append(contestant(count))
        median = {
            name: statistics.median(round.per_second for round in rounds)
            for name, rounds in drained.items()
        }
        for name, rounds in drained.items():
            rows.append(
                [
                    f"{name}, {count} {'worker' if count == 1 else 'workers'}",
                    f"{median[name]:,.0f}",
                    f"{median[name] / median['RQ, SimpleWorker']:.1f}",
                    f"{1e6 / median[name]:,.0f}",
                    f"{statistics.median(round.workers_cpu for round in rounds) * 1e6:,.0f}",
                    f"{statistics.median(round.redis_cpu for round in rounds) * 1e6:,.0f}",
                ]
            )
    work = timeit.timeit(lambda: factorize(FIRST + 3), number=100) / 100
    head = ["", "jobs/s", "ratio", "µs/job", "CPU of workers µs/job", "CPU of Redis µs/job"]
    return (
        "### Jobs through Redis\n\n"
        f"{JOBS:,} numbers of seven digits, {JOBS_OF_PEERS:,} for RQ, {JOBS_OF_FORKING_PEERS:,} where it forks;"
        f" median of {ROUNDS} rounds, in turn. The Python function takes"
        f" {work * 1e6:.0f} µs for a prime; the rest is what a job costs. The ratio is to RQ's SimpleWorker.\n\n"
        + table(head, rows)
    )


def accepted() -> str:
    """How fast jobs are accepted, and how much memory of the server they use."""
    with application() as (store, app):
        return take_in(store, app)


def take_in(store: Store, app: Server) -> str:
    memory = [app.resident_mib()]
    rates = []
    for _ in range(ROUNDS):
        store.database(0).flushall()
        rates.append(defer_all(app, range(FIRST, FIRST + JOBS)))
        memory.append(app.resident_mib())
    store.database(0).flushall()
    client = store.database(0)
    peer = [defer_to_peer(rq.Queue(connection=client), JOBS_OF_PEERS) for _ in range(ROUNDS)]
    row = [
        f"{statistics.median(rates):,.0f}",
        f"{statistics.median(peer):,.0f}",
        *(f"{mib:.0f}" for mib in memory),
    ]
    more = [f"after {JOBS * n:,} more" for n in range(1, ROUNDS + 1)]
    return (
        "### Jobs accepted\n\n"
        f"`POST /factorize` with `Prefer: respond-async` from {CLIENTS} connections; RQ's `enqueue` in a loop."
        " Resident MiB of the process that serves.\n\n"
        + table(["jobs/s", "RQ jobs/s", "MiB before", *more], [row])
    )
