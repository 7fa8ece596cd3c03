"""Steps of `build` that are about packages and files.

    packages.py check REQUIREMENTS           fails unless each requirement is pinned
    packages.py explain REQUIREMENTS LOG     fails with what pip could not do
    packages.py native REQUIREMENTS FOLDER   fails if a package brought native code
    packages.py bake CONTRACT                prints the contract as a Python module
"""

import json
import re
import sys
from pathlib import Path

NATIVE = (".so", ".pyd", ".dylib", ".dll")
HINT = "native code does not run in WebAssembly"


def check(requirements):
    """Each requirement is pinned to one version."""
    text = Path(requirements).read_text(encoding="utf-8").replace("\\\n", " ")
    for number, line in enumerate(text.splitlines(), 1):
        line = line.split(" #")[0].strip()
        if line and not line.startswith("#") and not re.match(r"[A-Za-z0-9._-]+(\[[^]]*\])?\s*==\s*[^*\s]+(\s|$)", line):
            sys.exit(f"{requirements}:{number}: '{line}' is not pinned; write 'package==version'")


def explain(requirements, log):
    """What pip could not do, as a sentence where it is known."""
    missing = re.search(r"No matching distribution found for (\S+)", log)
    if missing:
        sys.exit(f"{requirements}: there is no pure-Python wheel of {missing[1]}; {HINT}")
    errors = [line.removeprefix("ERROR: ") for line in log.splitlines() if line.startswith("ERROR: ")]
    sys.exit(f"{requirements}: pip failed: {errors[-1] if errors else log}")


def native(requirements, folder):
    """No package brought native code."""
    for path in sorted(Path(folder).rglob("*")):
        if path.suffix in NATIVE:
            found = path.relative_to(folder)
            sys.exit(f"{requirements}: the package {found.parts[0]} has native code ({found}); {HINT}")


def bake(contract):
    """The contract as a Python module: the component has no files."""
    print(f"CONTRACT = {json.loads(Path(contract).read_text(encoding='utf-8'))!r}")


if __name__ == "__main__":
    {"check": check, "explain": explain, "native": native, "bake": bake}[sys.argv[1]](*sys.argv[2:])
