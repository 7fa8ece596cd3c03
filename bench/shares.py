"""A job in parts whose runners sleep in place of computing: how it scales, and what the stores cost a part."""

import json
import subprocess

import servers
from tables import table

STORES = {"sqlite": "SQLite", "redis": "Redis"}
TEST = ["--exact", "speed::of_parts_by_runners", "--ignored", "--nocapture"]


def sections() -> list[str]:
    command = ["cargo", "test", "--profile", "host", "--package", "jobs", "--test", "stores", "--", *TEST]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=servers.ROOT).stdout
    runs = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    small = min(run["bytes"] for run in runs)
    rows = []
    for store, name in STORES.items():
        alone = {run["bytes"]: run["wall"] for run in runs if run["store"] == store and run["runners"] == 1}
        rows += [row(name, run, alone[run["bytes"]]) for run in runs if run["store"] == store]
    parts = {run["bytes"]: run["parts"] for run in runs}
    large = max(parts)
    return [
        "### A job in parts, by runners\n\n"
        f"A job of {parts[small]} parts of {small} bytes, and one of {parts[large]} parts of {large / 1e6} MB, as a window of"
        " speech. Runners of the crate `jobs` sleep 50 to 100 ms for a part, in threads of one process. The time is from"
        " the submission to the end; in it, one runner cuts the job. For each part: how long runners wait for the store,"
        " cutting included, and the processor time of the process and of Redis, which writes each change to the disk.\n\n"
        + table(
            ["store", "parts", "runners", "wall s", "times as fast", "cut s", "store ms/part", "CPU ms/part"],
            rows,
        )
    ]


def row(store: str, run: dict, alone: float) -> list[str]:
    size = f"{run['bytes']} bytes" if run["bytes"] < 1000 else f"{run['bytes'] / 1e6} MB"
    return [
        store,
        size,
        str(run["runners"]),
        f"{run['wall']:.2f}",
        f"{alone / run['wall']:.1f}",
        f"{run['cut']:.2f}",
        f"{run['in_store'] / run['parts'] * 1e3:.2f}",
        f"{run['cpu'] / run['parts'] * 1e3:.2f}",
    ]
