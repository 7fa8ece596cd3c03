"""Derives the contract of a function from its signature and docstring.

    contract.py NAME           writes functions/NAME/contract.json where it is another
    contract.py --check NAME   fails where it is another
"""

import ast
import doctest
import importlib
import inspect
import json
import re
import sys
import textwrap
import typing
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE / "guest"))

import routelets_types
from routelets_types import Unsupported

SECTIONS = ("Args", "Arguments", "Parameters", "Returns", "Raises", "Yields", "Example", "Examples", "Note", "Notes")


class Problem(Exception):
    """What is wrong with a function: the place and a sentence."""


def derive(folder, packages=None):
    """The contract of the function in a folder, whose name is the route's."""
    route = folder.name
    name = route.replace("-", "_")
    path = folder / "function.py"
    shown = f"functions/{route}/function.py"
    try:
        source = path.read_text(encoding="utf-8")
        tree = ast.parse(source)
    except OSError as error:
        raise Problem(f"{shown} cannot be read: {error.strerror}") from error
    except SyntaxError as error:
        raise Problem(f"{shown}:{error.lineno}: {error.msg}") from error
    nodes = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name]
    if not nodes:
        raise Problem(f"{shown} has no function called '{name}', which the route '{route}' calls")
    node = nodes[-1]
    if isinstance(node, ast.AsyncFunctionDef):
        raise Problem(f"{shown}:{node.lineno}: '{name}' is an async function; write a plain one")
    callable_ = load(folder, packages, shown, name)
    try:
        hints = typing.get_type_hints(callable_, include_extras=True)
    except NameError as error:
        raise Problem(f"{shown}:{node.lineno}: a type in the signature is not defined: {error}") from error
    documentation = inspect.getdoc(callable_) or ""
    summary, description, documented = read_docstring(documentation)

    properties, required = {}, []
    signature = inspect.signature(callable_)
    lines = {argument.arg: argument.lineno for argument in ast.walk(node.args) if isinstance(argument, ast.arg)}
    for parameter in signature.parameters.values():
        place = f"{shown}:{lines.get(parameter.name, node.lineno)}"
        what = f"{place}: parameter '{parameter.name}'"
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise Problem(f"{what} takes any number of arguments; name each of them")
        if parameter.kind is parameter.POSITIONAL_ONLY:
            raise Problem(f"{what} can be given by position alone, and arguments come by name; leave out the '/'")
        if parameter.name not in hints:
            raise Problem(f"{what} has no type; write '{parameter.name}: float', for example")
        found = schema_of(hints[parameter.name], what, tree, shown)
        if parameter.name in documented:
            found.setdefault("description", documented[parameter.name])
        if parameter.default is parameter.empty:
            required.append(parameter.name)
        else:
            found["default"] = default_of(parameter.default, found, what)
        properties[parameter.name] = found
    arguments = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}

    returns = {}
    if "return" in hints:
        returns = schema_of(hints["return"], f"{shown}:{node.lineno}: the result", tree, shown)
    examples = read_examples(documentation, callable_, name, signature, shown, node)
    return {
        "route": route,
        "function": name,
        "summary": summary or f"Calls {name}.",
        "description": description,
        "arguments": arguments,
        "result": returns,
        "examples": examples,
    }


def text(folder, packages=None):
    """The contract as it is written beside the function."""
    return json.dumps(derive(folder, packages), indent=2, ensure_ascii=False) + "\n"


def load(folder, packages, shown, name):
    """The function itself."""
    sys.path[:0] = [str(folder)] + ([str(packages)] if packages else [])
    sys.modules.pop("function", None)
    try:
        module = importlib.import_module("function")
    except Exception as error:
        lines = [frame.lineno for frame in inspect.getinnerframes(error.__traceback__) if frame.filename == str(folder / "function.py")]
        place = f"{shown}:{lines[-1]}" if lines else shown
        hint = ""
        if isinstance(error, ModuleNotFoundError):
            hint = f"; packages stand in {shown.replace('function.py', 'requirements.txt')}"
        raise Problem(f"{place}: it cannot be imported: {type(error).__name__}: {error}{hint}") from error
    finally:
        sys.path.remove(str(folder))
    return getattr(module, name)


def schema_of(annotation, what, tree, shown):
    """The schema of a type; `what` names the parameter that has it."""
    try:
        return routelets_types.schema(annotation)
    except Unsupported as error:
        owner, field = getattr(error, "field", (None, None))
        if owner is None:
            raise Problem(f"{what}: {error}") from error
        lines = [
            statement.lineno
            for node in ast.walk(tree)
            if isinstance(node, ast.ClassDef) and node.name == owner.__name__
            for statement in node.body
            if isinstance(statement, ast.AnnAssign) and getattr(statement.target, "id", None) == field
        ]
        place = f"{shown}:{lines[0]}" if lines else shown
        raise Problem(f"{place}: field '{field}' of {owner.__name__}: {error}") from error
    except TypeError as error:
        raise Problem(f"{what}: a default of its type has no form in JSON: {error}") from error


def default_of(default, found, what):
    """The JSON of a default."""
    try:
        value = routelets_types.to_json(default)
    except TypeError as error:
        raise Problem(f"{what} has a default that has no form in JSON: {error}") from error
    kinds = found.get("type", [])
    if value is None and kinds and "null" not in kinds:
        raise Problem(f"{what} has the default None, which its type does not allow; write '… | None'")
    return value


def read_docstring(text):
    """The summary, the description and the descriptions of parameters, as Google's style has them, of a docstring."""
    parts = re.split(rf"(?m)^({'|'.join(SECTIONS)}):\s*$", text)
    prose = re.split(r"(?m)^\s*>>> ", parts[0])[0].strip()
    summary, _, description = prose.partition("\n\n")
    documented = {}
    for heading, body in zip(parts[1::2], parts[2::2], strict=True):
        if heading in ("Args", "Arguments", "Parameters"):
            body = textwrap.dedent(body.strip("\n"))
            for match in re.finditer(r"(?m)^(\w+)(?: \([^)]*\))?: (.*(?:\n[ \t]+.*)*)", body):
                documented[match[1]] = " ".join(match[2].split())
    return " ".join(summary.split()), description.strip(), documented


def read_examples(text, callable_, name, signature, shown, node):
    """The examples of a docstring that are calls of the function. Each must return what it says."""
    examples = []
    first = node.body[0].lineno
    for example in doctest.DocTestParser().get_examples(text):
        place = f"{shown}:{first + example.lineno}"
        try:
            call = ast.parse(example.source.strip(), mode="eval").body
        except SyntaxError:
            continue
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == name) or example.exc_msg:
            continue
        names = dict(callable_.__globals__)
        names[name] = lambda *args, **kwargs: signature.bind(*args, **kwargs)
        try:
            bound = eval(compile(ast.Expression(call), shown, "eval"), names)  # The user's own code.
            arguments = routelets_types.to_json(dict(bound.arguments))
            value = callable_(*bound.args, **bound.kwargs)
            result = routelets_types.to_json(value)
        except Exception as error:
            raise Problem(f"{place}: the example fails: {type(error).__name__}: {error}") from error
        if example.want.strip() and not doctest.OutputChecker().check_output(example.want, f"{value!r}\n", doctest.NORMALIZE_WHITESPACE):
            raise Problem(f"{place}: the example says {example.want.strip()}, and the function returns {value!r}")
        examples.append({"arguments": arguments, "result": result})
    return examples


def main(arguments):
    """The command line."""
    check = arguments[:1] == ["--check"]
    for route in arguments[check:]:
        folder = ROOT / "functions" / route
        packages = ROOT / "target" / "functions" / route / "packages"
        try:
            contract = text(folder, packages if packages.is_dir() else None)
        except Problem as error:
            sys.exit(str(error))
        path = folder / "contract.json"
        if path.exists() and path.read_text(encoding="utf-8") == contract:
            continue
        if check:
            sys.exit(f"functions/{route}/contract.json is not the contract of the function: build it, and review the change")
        path.write_text(contract, encoding="utf-8")


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    main(sys.argv[1:])
