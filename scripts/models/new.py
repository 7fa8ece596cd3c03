"""Adds a model and its route: `new.py NAME MODEL SAMPLE`. Of a model that is there already, replaces the file."""

import csv
import io
import json
import sys
from pathlib import Path
from urllib.parse import urlencode

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import manifests
import names
import onnx
from prepare import Refused, prepare

# What its components may reach.
GRANTS = """{{name}} = [
    "allowed_outbound_hosts: http://worker.spin.internal",
    "allowed_outbound_hosts: http://limiter.spin.internal",
    "sqlite_databases: default",
    "secret: api_keys",
    "secret: jwt_secrets",
]
{{name}}-model = []
"""
# Rows of the sample that become the test.
MOST_ROWS = 5


def case(name, made, rows, found):
    """The test: the sample, and what ONNX Runtime answered."""

    def text(value):
        shown = json.dumps(value, ensure_ascii=False)
        return f"'{shown}'" if "'" not in shown else json.dumps(shown, ensure_ascii=False)

    inputs = [
        {"name": it["name"], "shape": shape, "datatype": it["datatype"], "data": flat}
        for it in made["model"]["inputs"]
        for shape, flat in [flattened([rows[0][it["name"]]], it)]
    ]
    cases = [
        ("a row", f"POST /{name}", rows[0], found[0], "json_near"),
        ("rows", f"POST /{name}", rows[:MOST_ROWS], found[:MOST_ROWS], "json_near"),
        ("tensors", f"POST /v2/models/{name}/infer", {"inputs": inputs}, {"model_name": name, "model_version": "1"}, "json_contains"),
        ("its metadata", f"GET /v2/models/{name}", None, {"name": name, "versions": ["1"]}, "json_contains"),
        ("that it is ready", f"GET /v2/models/{name}/ready", None, {"name": name, "ready": True}, "json"),
    ]
    if is_query(made):
        query = urlencode([(key, plain(item)) for key, value in rows[0].items() for item in (value if isinstance(value, list) else [value])])
        cases.insert(0, ("a row as a query", f"GET /{name}?{query}", None, found[0], "json_near"))
    if (table := as_csv(made["model"]["inputs"], rows[:MOST_ROWS])) is not None:
        cases.insert(2, ("rows as CSV", f"POST /{name}", table, found[:MOST_ROWS], "json_near"))
    lines = ["# What ONNX Runtime answered when the model was added."]
    for title, request, body, answer, how in cases:
        lines += ["", "[[case]]", f'name = "{title}"', f"request = {json.dumps(request)}"]
        if isinstance(body, str):
            lines += ['headers = { content-type = "text/csv" }', f"body = {json.dumps(body)}"]
        elif body is not None:
            lines += [f"json = {text(body)}"]
        lines += ["expect.status = 200", f"expect.{how} = {text(answer)}"]
    return "\n".join(lines) + "\n"


def is_query(made):
    """Whether a query can hold a row."""
    return all(len(it["shape"]) <= 2 for it in made["model"]["inputs"])


def as_csv(inputs, rows):
    """Rows as CSV with a header; nothing where an input has another number of elements in another row."""
    columns = []
    for it in inputs:
        match it["shape"][1:]:
            case [] | [1]:
                columns.append((it["name"], lambda row, name=it["name"]: row[name][0] if isinstance(row[name], list) else row[name]))
            case [length] if length >= 0:
                columns += [(f"{it['name']}[{index}]", lambda row, name=it["name"], index=index: row[name][index]) for index in range(length)]
            case _:
                return None
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(name for name, _ in columns)
    writer.writerows([plain(value(row)) for _, value in columns] for row in rows)
    return table.getvalue()


def plain(item):
    """An element as a query has it."""
    return item if isinstance(item, str) else json.dumps(item)


def flattened(value, port):
    """The shape and the elements of an input."""
    shape, items = [], value
    while isinstance(items, list):
        shape.append(len(items))
        items = items[0] if items else None
    while isinstance(value[0], list):
        value = [item for part in value for item in part]
    return (shape if len(shape) == len(port["shape"]) else [*shape, 1]), value


def add(root, name, model, sample):
    """Adds the model to the repository at `root`."""
    folder = root / "models" / name
    is_new = not (folder / "contract.json").exists()
    if is_new:
        names.check(root, name, ("-model",), [f"models/{name}", f"runtime-tests/cases/{name}.toml"])
    prepared, made, rows, found = prepare(name, model, sample)
    folder.mkdir(exist_ok=True)
    onnx.save(prepared, folder / "model.onnx")
    (folder / "contract.json").write_text(json.dumps(made, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    (root / f"runtime-tests/cases/{name}.toml").write_text(case(name, made, rows, found), encoding="utf-8")
    if is_new:
        template = (HERE / "templates/spin.toml.in").read_text(encoding="utf-8")
        try:
            manifests.add(root, template.replace("{{name}}", name), GRANTS.replace("{{name}}", name), f"http://{name}.spin.internal")
        except LookupError as error:
            raise Refused(f"the route cannot be added: {error}") from error
    return made


def main(arguments):
    """The command line."""
    if len(arguments) != 3 or not all(arguments):
        sys.exit("usage: make new-model NAME=diabetes ONNX=model.onnx SAMPLE=sample.json")
    name, model, sample = arguments[0], Path(arguments[1]), Path(arguments[2])
    try:
        for path in (model, sample):
            if not path.is_file():
                raise Refused(f"there is no file {path}")
        try:
            rows = json.loads(sample.read_text(encoding="utf-8"))
        except ValueError as error:
            raise Refused(f"{sample} is not JSON: {error}") from error
        made = add(HERE.parent.parent, name, model, rows)
    except (Refused, names.Refused) as refused:
        sys.exit(str(refused))
    methods = "GET and POST" if is_query(made) else "POST"
    print(f"models/{name}/model.onnx answers {methods} /{name} and /v2/models/{name}; its test is runtime-tests/cases/{name}.toml")


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    main(sys.argv[1:])
