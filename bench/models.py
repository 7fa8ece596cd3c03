"""Models and a function of the user beside FastAPI, with the same files in ONNX Runtime and the same function.

Each server has one core, and wrk the other.
"""

import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import servers
from load import CONNECTIONS, wrk
from servers import ROOT, Server
from tables import table

ROUNDS = 5
ROUND_SECONDS = 4
PING_SECONDS = 2
STARTS = 5
INSTANCES = 50
FOLDER = ROOT / "target/bench/models"
# What is asked of each.
BODIES = {
    "forest": {"features": [6.7, 3.0, 5.2, 2.3]},
    "cnn": {"image": [[[((7 * c + 3 * y + x) % 32) / 32 for x in range(32)] for y in range(32)] for c in range(3)]},
    "bmi": {"weight": 70, "height": 1.75},
}
TITLES = {
    "forest": "the forest of the irises, 16 trees",
    "cnn": "a small CNN, 32 × 32 pixels in three colours",
    "bmi": "the Python function of docs/functions.md",
}

Start = Callable[..., AbstractContextManager[Server]]


def build() -> None:
    """The components, as the generators build them."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    packages = [part for name in ("call", "function", "model", "onnx-provider", "ping") for part in ("--package", name)]
    cargo = ["cargo", "build", "--quiet", "--release", "--target", "wasm32-wasip2", *packages]
    steps = [[ROOT / "scripts/setup", "functions"], [ROOT / "scripts/setup", "onnx"], cargo]
    for step in steps:
        subprocess.run(step, check=True, cwd=ROOT)
    python = ROOT / ".cache/onnx/bin/python"
    (FOLDER / "forest.original.onnx").write_bytes((ROOT / "models/iris/iris.onnx").read_bytes())
    subprocess.run([python, "-B", "scripts/models/networks.py", "cnn", FOLDER / "cnn.original.onnx", FOLDER / "rows.json"], check=True, cwd=ROOT)
    for name in ("forest", "cnn"):
        sample = FOLDER / "sample.json"
        sample.write_text(json.dumps(BODIES[name]))
        original, prepared = FOLDER / f"{name}.original.onnx", FOLDER / f"{name}.prepared.onnx"
        made = subprocess.run(
            [python, "-B", "scripts/models/prepare.py", name, original, sample, prepared],
            check=True, cwd=ROOT, stdout=subprocess.PIPE,
        )
        (FOLDER / f"{name}.json").write_bytes(made.stdout)
        original.replace(FOLDER / f"{name}.onnx")
        provider = ROOT / "target/wasm32-wasip2/release/onnx_provider.wasm"
        environment = {key: value for key, value in os.environ.items() if key != "MODEL_FILE"}
        preinitialise = ROOT / "target/host/preinitialise"
        subprocess.run([preinitialise, provider, prepared, FOLDER / f"{name}.wasm"], check=True, env=environment)
    function()


def function() -> None:
    """The function of the page, as scripts/functions/build builds one."""
    folder, tools = FOLDER / "bmi", ROOT / "scripts/functions"
    app = folder / "app"
    app.mkdir(parents=True, exist_ok=True)
    print_page = [sys.executable, tools / "try_page.py", "function", "bmi"]
    source = subprocess.run(print_page, check=True, capture_output=True).stdout
    component = FOLDER / "bmi.wasm"
    if component.exists() and (folder / "function.py").read_bytes() == source:
        return
    (folder / "function.py").write_bytes(source)
    sys.path.append(str(tools))
    import contract

    (folder / "contract.json").write_text(contract.text(folder))
    bake = [sys.executable, "-B", tools / "packages.py", "bake", folder / "contract.json"]
    (app / "routelets_contract.py").write_bytes(subprocess.run(bake, check=True, capture_output=True).stdout)
    compiler = [ROOT / ".cache/functions/bin/componentize-py", "--quiet", "--wit-path", ROOT / "wit/function", "--world", "provider"]
    paths = [part for path in (folder, tools / "guest", app) for part in ("-p", path)]
    what = ["componentize", "--stub-wasi", *paths, "--output", component, "routelets_provider"]
    environment = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    subprocess.run([*compiler, *what], check=True, env=environment)


def ours(runtime: Start) -> Callable[[str], AbstractContextManager[Server]]:
    """The application of models.toml on one core."""
    return lambda _: runtime("--from", "bench/models.toml")


@contextlib.contextmanager
def peer(name: str) -> Iterator[Server]:
    """The peer's application for one of them."""
    port = servers.free_port()
    uvicorn = [sys.executable, "-m", "uvicorn", "--app-dir", "bench", "--log-level", "warning", "--no-access-log"]
    fast = ["--loop", "uvloop", "--http", "httptools", "--port", str(port), "--factory"]
    with servers.serve([*uvicorn, *fast, f"peer_models:{name}"], port) as server:
        yield server


@contextlib.contextmanager
def on_core(core: int) -> Iterator[None]:
    """What is started meanwhile runs on one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def ask(server: Server, name: str) -> object:
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(server.url(f"/{name}"), json.dumps(BODIES[name]).encode(), headers)
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)


def load(server: Server, name: str, seconds: int) -> tuple[float, float]:
    """Requests answered in a second, and the 99th percentile of the latency in ms."""
    script = FOLDER / f"{name}.lua"
    body = json.dumps(BODIES[name])
    script.write_text(f"wrk.method='POST'\nwrk.headers['Content-Type']='application/json'\nwrk.body=[==[{body}]==]\n")
    requests, taken, tail = wrk(server, seconds, f"/{name}", script=script)
    return requests / taken, tail


def sections(runtimes: dict[str, Start]) -> list[str]:
    build()
    contestants = {name: ours(runtime) for name, runtime in runtimes.items()}
    contestants["FastAPI on uvicorn (uvloop)"] = peer
    return [*(serving(name, contestants) for name in TITLES), fresh()]


def serving(name: str, contestants: dict[str, Callable[[str], AbstractContextManager[Server]]]) -> str:
    """Throughput, latency, memory and start, the servers in turn."""
    found: dict[str, list[tuple[float, ...]]] = {who: [] for who in contestants}
    answers = []
    for round_ in range(ROUNDS + 1):
        for who, contestant in contestants.items():
            with on_core(0), contestant(name) as server, on_core(1):
                begin = time.perf_counter()
                answers.append(ask(server, name))
                first = server.started_in + time.perf_counter() - begin
                load(server, name, 1)
                rate, tail = load(server, name, ROUND_SECONDS)
                memory = server.resident_mib()
                pings, taken, _ = wrk(server, PING_SECONDS)
                # The first round fills caches.
                if round_:
                    found[who].append((rate, pings / taken, tail, first * 1e3, memory))
    same(answers)
    medians = {who: [statistics.median(column) for column in zip(*rows, strict=True)] for who, rows in found.items()}
    best = list(medians.values())[-1][0]
    rows = [
        [who, f"{rate:,.0f}", f"{rate / best:.2f}", f"{pings:,.0f}", f"{pings / best:.2f}", f"{tail:.1f}", f"{first:.0f}", f"{memory:.0f}"]
        for who, (rate, pings, tail, first, memory) in medians.items()
    ]
    return (
        f"### {TITLES[name][0].upper()}{TITLES[name][1:]}\n\n"
        f"`POST /{name}` with a body of {len(json.dumps(BODIES[name])):,} bytes; one core for the server, the other for wrk with"
        f" {CONNECTIONS} connections; medians of {ROUNDS} rounds of {ROUND_SECONDS} s, the servers in turn. From the start of the"
        " process to its first answer, caches warm; resident after the load. `GET /ping` of the same server, which computes nothing,"
        " is the most that it could reach; both ratios are to what FastAPI answers here.\n\n"
        + table(["server", "requests/s", "ratio", "`/ping`/s", "ratio", "p99 ms", "first answer ms", "resident MiB"], rows)
    )


def same(answers: list) -> None:
    """All gave the same answer, but for rounding."""

    def numbers(value: object) -> list:
        match value:
            case dict():
                return [item for key in sorted(value) for item in (key, *numbers(value[key]))]
            case list():
                return [item for part in value for item in numbers(part)]
        return [value]

    for answer in answers:
        for one, other in zip(numbers(answers[0]), numbers(answer), strict=True):
            if one != other and abs(one - other) > 1e-4:
                raise SystemExit(f"different answers: {answers[0]} and {answer}")


def fresh() -> str:
    """The cost of a new instance for each request."""
    rows = []
    for name, title in TITLES.items():
        row = [title]
        for reuse in (1_000_000, 1):
            flags = ["--from", "bench/models.toml", "--max-instance-reuse-count", str(reuse)]
            with servers.routelets(*flags) as server:
                taken = []
                for _ in range(INSTANCES + 1):
                    begin = time.perf_counter()
                    ask(server, name)
                    taken.append((time.perf_counter() - begin) * 1e3)
            row += [f"{statistics.median(taken[1:]):.2f}", f"{max(taken[1:]):.2f}"]
        rows.append(row)
    head = ["", "served before: median ms", "max ms", "fresh: median ms", "max ms"]
    return (
        "### Fresh instances of models and functions\n\n"
        f"Wall time of {INSTANCES} requests one after the other on the embedded host, to instances that have served before, and with"
        " `--max-instance-reuse-count=1`, which gives each request new instances of all its components.\n\n" + table(head, rows)
    )
