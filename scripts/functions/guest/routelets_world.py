"""What a function finds in place of a system: a clock that its caller sets, and nothing else.

The component imports nothing, and a call of the system would end it. Here such calls become exceptions, which a function may
catch, and which leave a traceback in the log.
"""

import _io
import builtins
import errno
import io
import os
import posix
import sys
import time
import traceback
import types

# Builtins of `posix` that ask no system.
PURE = {"putenv", "unsetenv", "cpu_count", "fspath", "getpid", "register_at_fork", "strerror", "waitstatus_to_exitcode"}


class Clock:
    """Stands still during a call."""

    now = 0


clock = Clock()
gmtime, asctime, strftime = time.gmtime, time.asctime, time.strftime


def set_clock():
    """Gives `time` the clock. Comes before modules that take its functions by name."""
    # The one in C asks the system.
    sys.modules["_datetime"] = None
    for name in ("time", "monotonic", "perf_counter", "process_time", "thread_time"):
        setattr(time, name, lambda: clock.now / 1e9)
        setattr(time, f"{name}_ns", lambda: clock.now)
    time.gmtime = time.localtime = lambda seconds=None: gmtime(clock.now / 1e9 if seconds is None else seconds)
    time.asctime = lambda when=None: asctime(time.gmtime() if when is None else when)
    time.ctime = lambda seconds=None: asctime(time.gmtime(seconds))
    time.strftime = lambda form, when=None: strftime(form, time.gmtime() if when is None else when)
    time.sleep = absent("a function cannot wait")


def close():
    """Takes the file system away. Comes after everything is imported."""
    no_entropy = absent("a function has no source of secure random numbers")
    for name, value in list(vars(posix).items()):
        if isinstance(value, types.BuiltinFunctionType) and name not in PURE and not name.startswith(("_path_", "W")):
            function = no_entropy if name in ("urandom", "getrandom") else no_file
            setattr(posix, name, function)
            if hasattr(os, name):
                setattr(os, name, function)
    builtins.open = io.open = io.open_code = _io.open = _io.open_code = no_file
    # Where it parses a line that is not a statement by itself, CPython looks for a file.
    traceback._extract_caret_anchors_from_line_segment = lambda segment: None
    if "socket" in sys.modules:
        import socket

        socket.socket.__init__ = socket.getaddrinfo = absent("a function has no network")


def no_file(*_, **__):
    """In place of what asks the file system: what looks for a file, such as an import, finds none."""
    raise FileNotFoundError(errno.ENOENT, "a function has no files; read them at the top of function.py")


def absent(reason):
    """A function that raises in place of asking a system."""

    def function(*_, **__):
        raise NotImplementedError(reason)

    return function
