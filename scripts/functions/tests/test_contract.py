"""What signatures become, and what is said of those that become nothing."""

import sys
import tempfile
import textwrap
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import contract
import routelets_types

HEAD = """
import dataclasses, enum, typing
from typing import Annotated, Any, Literal, Optional
class Colour(enum.Enum):
    RED = "red"
    GREEN = "green"
class Level(enum.IntEnum):
    LOW = 1
@dataclasses.dataclass
class Point:
    '''A place.'''
    x: float
    y: float = 0.0
@dataclasses.dataclass
class Tree:
    children: "list[Tree]"
@dataclasses.dataclass
class Holder:
    a: int
    b: bytes
class Bound:
    ge = 2
"""
NUMBER = {"type": "number"}


class Derived(unittest.TestCase):
    """Contracts of functions that are written to a folder of their own."""

    def setUp(self):
        """Makes the folder."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name) / "f-1"
        self.folder.mkdir()
        sys.dont_write_bytecode = True

    def derive(self, source):
        """The contract of the function `f_1`."""
        (self.folder / "function.py").write_text(source, encoding="utf-8")
        return contract.derive(self.folder)

    def schema(self, annotation):
        """What a type becomes."""
        return self.derive(f"{HEAD}\ndef f_1(a: {annotation}): pass\n")["arguments"]["properties"]["a"]

    def refusal(self, source):
        """What is said of a function."""
        with self.assertRaises(contract.Problem) as raised:
            self.derive(source)
        return str(raised.exception).replace("functions/f-1/function.py", "F")


class Types(Derived):
    """The table of types."""

    def test_types_become_schemas(self):
        """Each type that is documented."""
        for annotation, expected in {
            "int": {"type": "integer"},
            "float": NUMBER,
            "str": {"type": "string"},
            "bool": {"type": "boolean"},
            "None": {"type": "null"},
            "Any": {},
            "list": {"type": "array"},
            "dict": {"type": "object"},
            "list[float]": {"type": "array", "items": NUMBER},
            "dict[str, list[int]]": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "integer"}}},
            "float | None": {"type": ["number", "null"]},
            "Optional[str]": {"type": ["string", "null"]},
            "int | str": {"type": ["integer", "string"]},
            "list[int] | None": {"type": ["array", "null"], "items": {"type": "integer"}},
            "Literal['a', 'b']": {"type": "string", "enum": ["a", "b"]},
            "Literal['a', 2]": {"type": ["integer", "string"], "enum": ["a", 2]},
            "Literal['a'] | None": {"type": ["string", "null"], "enum": ["a", None]},
            "Colour": {"type": "string", "enum": ["red", "green"]},
            "Level": {"type": "integer", "enum": [1]},
            "Point": {
                "title": "Point",
                "description": "A place.",
                "type": "object",
                "properties": {"x": NUMBER, "y": {"type": "number", "default": 0.0}},
                "required": ["x"],
                "additionalProperties": False,
            },
            "'int'": {"type": "integer"},
            "Annotated[float, '> 0', '<= 1.5', 'A share.']": {
                "type": "number",
                "exclusiveMinimum": 0,
                "maximum": 1.5,
                "description": "A share.",
            },
            "Annotated[int, '>= -1', '< 9']": {"type": "integer", "minimum": -1, "exclusiveMaximum": 9},
            "Annotated[str, 'length >= 1', 'length <= 9']": {"type": "string", "minLength": 1, "maxLength": 9},
            "Annotated[list[int], 'length <= 9']": {"type": "array", "items": {"type": "integer"}, "maxItems": 9},
            "Annotated[int | None, '>= 1']": {"type": ["integer", "null"], "minimum": 1},
            "Annotated[int, Bound()]": {"type": "integer", "minimum": 2},
            "list[Annotated[int, '>= 0']]": {"type": "array", "items": {"type": "integer", "minimum": 0}},
        }.items():
            with self.subTest(annotation):
                self.assertEqual(self.schema(annotation), expected)

    def test_other_types_are_refused_with_their_line(self):
        """Types that JSON has no form for."""
        line = HEAD.count("\n") + 2
        for annotation, said in {
            "bytes": "the type `bytes` has no form in JSON",
            "set[int]": "the type `set[int]` has no form",
            "dict[int, str]": "has keys that are not `str`",
            "list[int] | dict[str, int]": "is a choice between types that JSON does not tell apart",
            "Literal[b'x']": "must be int, float, str, bool or None",
            "Tree": "the dataclass `Tree` contains itself",
            "Annotated[int, '>> 1']": "the bound '>> 1' is not understood",
            "Annotated[int, '>1']": "the bound '>1' is not understood",
            "Annotated[int, '> one']": "has no number",
            "Annotated[str, '> 1']": "is one of numbers, and the type is not a number",
            "Annotated[int, 'length <= 1']": "is one of length",
            "Annotated[str, 'length < 1']": "lengths have '>=' or '<='",
        }.items():
            with self.subTest(annotation):
                said_of = self.refusal(f"{HEAD}\ndef f_1(a: {annotation}): pass\n")
                self.assertIn(said, said_of)
                if annotation != "Tree":
                    self.assertTrue(said_of.startswith(f"F:{line}: parameter 'a': "), said_of)
        field = self.refusal(f"{HEAD}\ndef f_1(a: Holder): pass\n")
        self.assertTrue(field.startswith("F:20: field 'b' of Holder: the type `bytes`"), field)


class Signatures(Derived):
    """All else that a signature has."""

    def test_the_docstring_is_the_documentation(self):
        """Summary, description, parameters, examples."""
        found = self.derive(
            textwrap.dedent('''
            def f_1(a: int, b: str = "x") -> list[str]:
                """Repeats
                a text.

                More of it.

                >>> f_1(2)
                ['x', 'x']
                >>> f_1(a=0, b="y")
                []

                Args:
                    a: How often,
                        at most.
                    b (str): The text.

                Returns:
                    The texts.
                """
                return [b] * a
            ''')
        )
        self.assertEqual((found["route"], found["function"]), ("f-1", "f_1"))
        self.assertEqual((found["summary"], found["description"]), ("Repeats a text.", "More of it."))
        self.assertEqual(
            found["arguments"],
            {
                "type": "object",
                "properties": {
                    "a": {"type": "integer", "description": "How often, at most."},
                    "b": {"type": "string", "description": "The text.", "default": "x"},
                },
                "required": ["a"],
                "additionalProperties": False,
            },
        )
        self.assertEqual(found["result"], {"type": "array", "items": {"type": "string"}})
        self.assertEqual(
            found["examples"],
            [{"arguments": {"a": 2}, "result": ["x", "x"]}, {"arguments": {"a": 0, "b": "y"}, "result": []}],
        )

    def test_what_cannot_be_a_route_is_refused_in_a_sentence(self):
        """Mistakes, and what is said of each."""
        for source, said in {
            "def f_1(:": "F:1: invalid syntax",
            "def g(): pass": "F has no function called 'f_1', which the route 'f-1' calls",
            "async def f_1(): pass": "F:1: 'f_1' is an async function; write a plain one",
            "def f_1(a): pass": "F:1: parameter 'a' has no type; write 'a: float', for example",
            "def f_1(\n    a: int,\n    b,\n): pass": "F:3: parameter 'b' has no type; write 'b: float', for example",
            "def f_1(*a: int): pass": "F:1: parameter 'a' takes any number of arguments; name each of them",
            "def f_1(a: int, /): pass": "F:1: parameter 'a' can be given by position alone, and arguments come by name; leave out the '/'",
            "def f_1(a: int = None): pass": "F:1: parameter 'a' has the default None, which its type does not allow; write '… | None'",
            "def f_1(a: int = 1j): pass": "a default that has no form in JSON: a value of the type complex has no form in JSON",
            "def f_1(a: 'Missing'): pass": "F:1: a type in the signature is not defined: name 'Missing' is not defined",
            "def f_1() -> bytes: pass": "F:1: the result: the type `bytes` has no form in JSON",
            "\nimport missing\ndef f_1(): pass": "F:2: it cannot be imported: ModuleNotFoundError: No module named 'missing'",
            'def f_1(a: int):\n    """X.\n\n    >>> f_1(1)\n    3\n    """\n    return 2': "F:4: the example says 3, and the function returns 2",
            'def f_1():\n    """X.\n\n    >>> f_1()\n    """\n    return 1 / 0': "F:4: the example fails: ZeroDivisionError",
        }.items():
            with self.subTest(source):
                self.assertIn(said, self.refusal(source))


class Values(unittest.TestCase):
    """Values from and to JSON."""

    def test_arguments_become_what_the_signature_says(self):
        """Numbers, enums and dataclasses, within lists and unions, too."""
        names = {}
        exec(HEAD, names)  # noqa: S102
        point = names["Point"]
        for annotation, value, expected in [
            (float, 3, 3.0),
            (int, 3.0, 3),
            (list[float], [1, 2.5], [1.0, 2.5]),
            (names["Colour"], "red", names["Colour"].RED),
            (point | None, None, None),
            (point | None, {"x": 1}, point(1.0)),
            (dict[str, point], {"a": {"x": 1, "y": 2}}, {"a": point(1.0, 2.0)}),
            (int | str, "3", "3"),
        ]:
            found = routelets_types.reader(annotation)(value)
            self.assertEqual((found, type(found)), (expected, type(expected)))

    def test_results_become_json(self):
        """And what has no form in JSON is an error."""
        names = {}
        exec(HEAD, names)  # noqa: S102
        value = {"a": (names["Point"](1.0), names["Colour"].RED, names["Level"].LOW, None)}
        self.assertEqual(routelets_types.to_json(value), {"a": [{"x": 1.0, "y": 0.0}, "red", 1, None]})
        for wrong in [float("nan"), float("inf"), {1: 2}, {1}, b"x", object()]:
            with self.assertRaises(TypeError):
                routelets_types.to_json([wrong])


if __name__ == "__main__":
    unittest.main()
