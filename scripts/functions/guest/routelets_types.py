"""The types that a function may have in its signature: their JSON Schema, and values from and to JSON.

Runs at build time, where it derives the contract, and in the component, where it converts arguments.
"""

import dataclasses
import enum
import math
import types
import typing

SCALARS = {int: "integer", float: "number", str: "string", bool: "boolean", type(None): "null"}

# Bounds by the operator that begins a string of `Annotated`, and by the attribute of an object of `annotated_types`.
OPERATORS = {">=": "minimum", "<=": "maximum", ">": "exclusiveMinimum", "<": "exclusiveMaximum"}
ATTRIBUTES = {
    "ge": "minimum",
    "le": "maximum",
    "gt": "exclusiveMinimum",
    "lt": "exclusiveMaximum",
    "min_length": "minLength",
    "max_length": "maxLength",
}


class Unsupported(Exception):
    """The type has no place in a signature; the message says why."""


def name_of(annotation):
    """The type as one writes it."""
    if isinstance(annotation, type) and not typing.get_args(annotation):
        return annotation.__name__
    return str(annotation).replace("typing.", "")


def schema(annotation, outer=()):
    """The JSON Schema of a type. `outer` are the dataclasses that it is a part of."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return annotated(schema(arguments[0], outer), arguments[1:])
    if annotation in (typing.Any, object):
        return {}
    if annotation is None:
        annotation = type(None)
    if annotation in SCALARS:
        return {"type": SCALARS[annotation]}
    if annotation in (list, dict):
        return {"type": "array" if annotation is list else "object"}
    if origin is list:
        return {"type": "array", "items": schema(arguments[0], outer)}
    if origin is dict:
        if arguments[0] is not str:
            raise Unsupported(f"the type `{name_of(annotation)}` has keys that are not `str`; JSON has no others")
        return {"type": "object", "additionalProperties": schema(arguments[1], outer)}
    if origin is typing.Literal:
        return choices(arguments)
    if origin in (typing.Union, types.UnionType):
        return union(annotation, arguments, outer)
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return choices([member.value for member in annotation]) | described(annotation)
    if dataclasses.is_dataclass(annotation):
        return dataclass(annotation, outer)
    raise Unsupported(
        f"the type `{name_of(annotation)}` has no form in JSON here; use int, float, str, bool, list[...], dict[str, ...], "
        "Optional, Literal, an Enum or a dataclass"
    )


def choices(values):
    """The schema of a value that is one of several."""
    kinds = {type(value) for value in values}
    if not kinds <= set(SCALARS):
        raise Unsupported("the values of an Enum or a Literal must be int, float, str, bool or None")
    names = sorted(SCALARS[kind] for kind in kinds)
    return {"type": names[0] if len(names) == 1 else names, "enum": list(values)}


def union(annotation, arguments, outer):
    """The schema of `A | None`, and of a choice between scalars."""
    others = [argument for argument in arguments if argument is not type(None)]
    if len(others) > 1 and not all(other in SCALARS for other in others):
        raise Unsupported(f"the type `{name_of(annotation)}` is a choice between types that JSON does not tell apart")
    if all(other in SCALARS for other in others):
        return {"type": [SCALARS[argument] for argument in arguments]}
    found = schema(others[0], outer)
    if "enum" in found:
        kinds = found["type"] if isinstance(found["type"], list) else [found["type"]]
        return found | {"type": [*kinds, "null"], "enum": [*found["enum"], None]}
    if isinstance(found.get("type"), str):
        return found | {"type": [found["type"], "null"]}
    return found


def dataclass(annotation, outer):
    """The schema of an object with the fields of a dataclass."""
    if annotation in outer:
        raise Unsupported(f"the dataclass `{annotation.__name__}` contains itself")
    hints = typing.get_type_hints(annotation, include_extras=True)
    properties, required = {}, []
    for field in dataclasses.fields(annotation):
        if not field.init:
            continue
        try:
            properties[field.name] = schema(hints[field.name], (*outer, annotation))
        except Unsupported as error:
            error.field = getattr(error, "field", (annotation, field.name))
            raise
        if field.default is not dataclasses.MISSING:
            properties[field.name]["default"] = to_json(field.default)
        elif field.default_factory is dataclasses.MISSING:
            required.append(field.name)
    found = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return {"title": annotation.__name__} | described(annotation) | found


def described(annotation):
    """The description that a class has. Dataclasses and enums have one by default, which says nothing."""
    text = (annotation.__doc__ or "").strip()
    if not text or text.startswith(f"{annotation.__name__}(") or annotation.__doc__ == enum.Enum.__doc__:
        return {}
    return {"description": text}


def annotated(found, metadata):
    """A schema with the bounds and the description of `Annotated`."""
    found = dict(found)
    for item in metadata:
        if not isinstance(item, str):
            for attribute, keyword in ATTRIBUTES.items():
                if getattr(item, attribute, None) is not None:
                    bound(found, keyword, getattr(item, attribute), repr(item))
            continue
        words = item.split()
        length = bool(words) and words[0] == "length"
        operator, _, number = item.removeprefix("length").strip().partition(" ")
        if operator not in OPERATORS:
            if length or operator[:1] in ("<", ">"):
                raise Unsupported(f"the bound '{item}' is not understood; write '>= 0', '> 0', '<= 9', '< 9', or 'length <= 9'")
            found["description"] = item
            continue
        try:
            value = float(number) if "." in number or "e" in number.lower() else int(number)
        except ValueError:
            raise Unsupported(f"the bound '{item}' has no number after the operator and a blank") from None
        if length:
            keyword = {">=": "minLength", "<=": "maxLength"}.get(operator)
            if keyword is None or not isinstance(value, int) or value < 0:
                raise Unsupported(f"the bound '{item}' is not understood; lengths have '>=' or '<=' and a whole number")
        else:
            keyword = OPERATORS[operator]
        bound(found, keyword, value, item)
    return found


def bound(found, keyword, value, written):
    """Adds a bound to the schema that it goes with."""
    kinds = found.get("type", [])
    kinds = {kinds} if isinstance(kinds, str) else set(kinds)
    if keyword in ("minLength", "maxLength"):
        if "array" in kinds:
            keyword = keyword.replace("Length", "Items")
        elif "string" not in kinds:
            raise Unsupported(f"the bound '{written}' is one of length, and the type is neither a str nor a list")
    elif not kinds & {"integer", "number"}:
        raise Unsupported(f"the bound '{written}' is one of numbers, and the type is not a number")
    found[keyword] = value


def reader(annotation):
    """What makes the value of a type from a JSON value that is valid by the type's schema."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return reader(arguments[0])
    if origin in (typing.Union, types.UnionType):
        others = [argument for argument in arguments if argument is not type(None)]
        if len(others) > 1:
            return itself
        read = reader(others[0])
        return lambda value: None if value is None else read(value)
    if annotation is float or annotation is int:
        return annotation
    if origin is list:
        read = reader(arguments[0])
        return lambda value: [read(item) for item in value]
    if origin is dict:
        read = reader(arguments[1])
        return lambda value: {key: read(item) for key, item in value.items()}
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return annotation
    if dataclasses.is_dataclass(annotation):
        hints = typing.get_type_hints(annotation, include_extras=True)
        read = {field.name: reader(hints[field.name]) for field in dataclasses.fields(annotation) if field.init}
        return lambda value: annotation(**{name: read[name](item) for name, item in value.items()})
    return itself


def itself(value):
    """The value that JSON has."""
    return value


def to_json(value):
    """What `json.dumps` takes for a value: dataclasses become objects, enums their values, tuples arrays.

    Raises TypeError for what has no form in JSON.
    """
    if type(value) in SCALARS and type(value) is not float:
        return value
    if isinstance(value, enum.Enum):
        return to_json(value.value)
    if isinstance(value, (str, int)):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise TypeError(f"{value} has no form in JSON")
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise TypeError("a dict with keys that are not str has no form in JSON")
        return {key: to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    raise TypeError(f"a value of the type {type(value).__name__} has no form in JSON")
