"""Tries the page docs/functions.md.

    try_page.py function ROUTE       prints its function, under the name of a route
    try_page.py commands ROUTE URL   runs its commands against a server and compares the answers
"""

import re
import subprocess
import sys
from pathlib import Path

PAGE = (Path(__file__).resolve().parents[2] / "docs/functions.md").read_text(encoding="utf-8")


def main(arguments):
    """The command line."""
    what, route, *url = arguments
    if what == "function":
        print(re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)[1].replace("bmi", route.replace("-", "_")), end="")
        return
    commands = re.findall(r"\$ (curl .*)\n(.*)\n", PAGE)
    if not commands:
        sys.exit("docs/functions.md has no commands")
    for command, expected in commands:
        command = command.replace("localhost:3000/bmi", f"{url[0]}/{route}")
        found = subprocess.run(command, shell=True, check=False, capture_output=True, text=True).stdout
        if found != expected:
            sys.exit(f"{command}\nexpected {expected}\nfound    {found}")


if __name__ == "__main__":
    main(sys.argv[1:])
