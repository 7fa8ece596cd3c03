"""Adds a Python function and its route: `new.py NAME`."""

import keyword
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import contract
import manifests
import names
from names import Refused

# What its components may reach.
GRANTS = """{{name}} = [
    "allowed_outbound_hosts: http://{{name}}-function.spin.internal",
    "allowed_outbound_hosts: http://worker.spin.internal",
    "allowed_outbound_hosts: http://limiter.spin.internal",
    "sqlite_databases: default",
    "secret: api_keys",
    "secret: jwt_secrets",
]
{{name}}-function = []
{{name}}-python = []
"""
NEW_FILES = {
    "functions/{{name}}/function.py": "function.py.in",
    "runtime-tests/cases/{{name}}.toml": "case.toml.in",
}


def add(root, name):
    """Adds the function `name` to the repository at `root`."""
    check(root, name)

    def fill(text):
        return text.replace("{{name}}", name).replace("{{function}}", name.replace("-", "_"))

    template = (HERE / "templates/spin.toml.in").read_text(encoding="utf-8")
    try:
        manifests.add(root, fill(template), fill(GRANTS), f"http://{name}-function.spin.internal")
    except LookupError as error:
        raise Refused(f"the route cannot be added: {error}") from error
    for path, template in NEW_FILES.items():
        target = root / fill(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(fill((HERE / "templates" / template).read_text(encoding="utf-8")), encoding="utf-8")
    folder = root / "functions" / name
    (folder / "contract.json").write_text(contract.text(folder), encoding="utf-8")


def check(root, name):
    """The name is good as that of a route and of a Python function, and is free."""
    names.check(root, name, ("-function", "-python"), [path.replace("{{name}}", name) for path in NEW_FILES])
    if keyword.iskeyword(name):
        raise Refused(f"'{name}' is a word of Python's own")


def main(arguments):
    """The command line."""
    if len(arguments) != 1 or not arguments[0]:
        sys.exit("usage: make new-route NAME=greet LANGUAGE=python")
    name = arguments[0]
    try:
        add(HERE.parent.parent, name)
    except Refused as error:
        sys.exit(str(error))
    print(f"functions/{name}/function.py answers GET and POST /{name}; its test is runtime-tests/cases/{name}.toml")


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    main(sys.argv[1:])
