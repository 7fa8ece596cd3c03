"""Does what it is told, to show what a function finds: scripts/test-new-route."""

import dataclasses
import datetime
import enum
import json
import logging
import random
import sys
import threading
import time
from pathlib import Path
from typing import Any, Literal

import isodate

TABLE = json.loads((Path(__file__).parent / "table.json").read_text(encoding="utf-8"))

log = logging.getLogger(__name__)


class Colour(enum.Enum):
    """A colour."""

    RED = "red"


@dataclasses.dataclass
class Point:
    """A place."""

    x: float
    y: float = 0.0


def trial_world(
    do: Literal["print", "random", "time", "sleep", "exit", "recurse", "divide", "import", "imported", "open", "nan", "thread", "types", "package", "table"],
    points: list[Point] | None = None,
    colour: Colour | None = None,
) -> Any:
    """Do it.

    >>> trial_world("imported")
    'AQ=='
    """
    match do:
        case "print":
            print("to output")
            print("to error", file=sys.stderr)
            log.warning("to the log")
        case "random":
            return random.random()
        case "time":
            return [time.time(), datetime.datetime.now(tz=datetime.UTC).timestamp(), datetime.date.today().isoformat()]
        case "sleep":
            time.sleep(0.001)
        case "exit":
            sys.exit(3)
        case "recurse":
            return trial_world("recurse")
        case "divide":
            return 1 / 0
        case "import":
            import fractions

            return str(fractions.Fraction(1, 2))
        case "imported":
            import base64

            return base64.b64encode(b"\x01").decode()
        case "open":
            return Path("/etc/passwd").read_text(encoding="utf-8")
        case "nan":
            return float("nan")
        case "thread":
            threading.Thread(target=print).start()
        case "types":
            return {"sum": Point(sum(point.x + point.y for point in points)), "colour": colour, "is_red": colour is Colour.RED}
        case "package":
            return isodate.parse_duration("PT1H").total_seconds()
        case "table":
            return TABLE
