"""The component around a function: it converts arguments, calls, and says how the call ended.

What it imports is imported when the component is built, and its memory then is what every instance starts with.
"""

import io
import sys

import routelets_world

routelets_world.set_clock()
# Handlers of `logging` keep the stream that they find when they are made.
output = sys.stdout = sys.stderr = sys.__stdout__ = sys.__stderr__ = io.StringIO()

import json
import linecache
import random
import traceback
import typing

import componentize_py_types
import function
import routelets_contract
import routelets_types
from wit_world import exports
from wit_world.exports import function as interface

CONTRACT = routelets_contract.CONTRACT
TEXT = json.dumps(CONTRACT)
CALLABLE = getattr(function, CONTRACT["function"])
HINTS = typing.get_type_hints(CALLABLE, include_extras=True)
READERS = {name: routelets_types.reader(hint) for name, hint in HINTS.items() if name != "return"}
DECODE = json.JSONDecoder().raw_decode
ENCODE = json.JSONEncoder(ensure_ascii=False).encode

# The most that one call may leave in the log, in characters.
LONGEST_OUTPUT = 64 << 10


def call(text):
    """The JSON of what the function returns for the JSON of its arguments, or a failure."""
    try:
        arguments = {name: READERS[name](value) for name, value in DECODE(text)[0].items()}
        value = CALLABLE(**arguments)
    except ValueError as error:
        return componentize_py_types.Err(interface.Failure_Refused(str(error) or "the function does not accept this input"))
    except BaseException as error:  # noqa: BLE001 # SystemExit, too, ends the call and nothing else.
        return failed(error)
    try:
        return componentize_py_types.Ok(ENCODE(routelets_types.to_json(value)))
    except BaseException as error:  # noqa: BLE001
        return failed(error)


def failed(error):
    """A failure, with its traceback for the log."""
    if isinstance(error, ImportError):
        error.add_note("There are no files when a function is called: import at the top of function.py.")
    # The first frame is the one above.
    frames = error.__traceback__ and (error.__traceback__.tb_next or error.__traceback__)
    text = "".join(traceback.format_exception(type(error), error, frames))
    return componentize_py_types.Err(interface.Failure_Failed(text))


def printed():
    """What was printed since the last time."""
    text = output.getvalue()
    if not text:
        return text
    output.seek(0)
    output.truncate()
    return text if len(text) <= LONGEST_OUTPUT else text[:LONGEST_OUTPUT] + "\n[the rest is left out]"


class Function(exports.Function):
    """The interface `routelets:function/function`."""

    def describe(self):
        """See wit/function."""
        return TEXT

    def call(self, arguments, seed, now):
        """See wit/function."""
        random.seed(seed)
        routelets_world.clock.now = now
        value = call(arguments)
        return interface.Outcome(printed(), value)


# What is imported during a call must be in memory before.
for example in CONTRACT["examples"]:
    call(json.dumps(example["arguments"]))
failed(RuntimeError())
# Lines for tracebacks.
for module in list(sys.modules.values()):
    name = getattr(module, "__file__", None)
    if name and not name.startswith("/python/"):
        lines = linecache.getlines(name)
        linecache.cache[name] = (len(lines), None, lines, name)
printed()
routelets_world.close()
