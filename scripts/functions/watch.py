"""Serves, and after each change of a Python function builds that function alone and serves again.

    watch.py ADDRESS OPTION…    options of `routelets up`
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FUNCTIONS = ROOT / "functions"
HOST = ROOT / "target/host/routelets"
# What the API document is in.
DOCUMENT = ["cargo", "build", "--quiet", "--release", "--target", "wasm32-wasip2", "--package", "about", "--package", "docs"]


def states():
    """When each file of a function was written, by the function."""
    found = {}
    for folder, _, names in os.walk(FUNCTIONS):
        for name in names:
            path = Path(folder, name)
            # `build` writes the contract; Python, its cache.
            if path.parent == FUNCTIONS or name == "contract.json" or path.suffix == ".pyc":
                continue
            try:
                found.setdefault(path.relative_to(FUNCTIONS).parts[0], {})[path] = path.stat().st_mtime_ns
            except OSError:
                continue  # It was there when the folder was read.
    return found


def build(name):
    """Builds a function; says whether it could."""
    contract = FUNCTIONS / name / "contract.json"
    before = contract.read_bytes() if contract.exists() else b""
    started = time.monotonic()
    built = subprocess.run(["scripts/functions/build", name], cwd=ROOT, check=False).returncode == 0
    if built and contract.read_bytes() != before:
        print(f"{name} has another contract: building the API document", flush=True)
        built = subprocess.run(DOCUMENT, cwd=ROOT, check=False).returncode == 0
    if built:
        print(f"{name} was built in {time.monotonic() - started:.1f} s", flush=True)
    return built


def main(arguments):
    """Until it is interrupted."""
    address, *options = arguments
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    command = [str(HOST), "up", "--listen", address, *options]
    known = states()
    server = subprocess.Popen(command, cwd=ROOT)
    try:
        while True:
            time.sleep(0.3)
            now = states()
            changed = [name for name, files in now.items() if files != known.get(name)]
            known = now
            # A function that cannot be built leaves the one before it in service.
            built = [build(name) for name in changed]
            if built and all(built):
                server.terminate()
                server.wait()
                server = subprocess.Popen(command, cwd=ROOT)
    except KeyboardInterrupt:
        pass
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main(sys.argv[1:])
