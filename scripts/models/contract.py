"""The contract of a model: its inputs and outputs as JSON Schema, and an example."""

import json
import re

import numpy
from graph import Refused
from onnx import TensorProto, helper

DATATYPES = {
    TensorProto.BOOL: "BOOL",
    TensorProto.UINT8: "UINT8",
    TensorProto.UINT16: "UINT16",
    TensorProto.UINT32: "UINT32",
    TensorProto.UINT64: "UINT64",
    TensorProto.INT8: "INT8",
    TensorProto.INT16: "INT16",
    TensorProto.INT32: "INT32",
    TensorProto.INT64: "INT64",
    TensorProto.FLOAT16: "FP16",
    TensorProto.FLOAT: "FP32",
    TensorProto.DOUBLE: "FP64",
    TensorProto.STRING: "BYTES",
}


def port(value, kind, classes=None):
    """An input or an output."""
    if kind not in DATATYPES:
        name = TensorProto.DataType.Name(kind) if kind else "no tensor"
        raise Refused(f"'{value.name}' is of a type that is not supported: {name}; export the model with ZipMap off, and without sequences")
    dimensions = value.type.tensor_type.shape.dim
    shape = [it.dim_value if it.HasField("dim_value") and it.dim_value > 0 else -1 for it in dimensions]
    found = {"name": value.name, "datatype": DATATYPES[kind], "shape": shape}
    if classes:
        found["classes"] = classes
    return found


def scalar(datatype):
    """The schema of an element."""
    if datatype == "BYTES":
        return {"type": "string"}
    if datatype == "BOOL":
        return {"type": "boolean"}
    if datatype.startswith("FP"):
        return {"type": "number"}
    limits = numpy.iinfo(datatype.lower())
    if datatype in ("INT64", "UINT64", "UINT32"):
        return {"type": "integer"} | ({} if datatype == "INT64" else {"minimum": 0})
    return {"type": "integer", "minimum": int(limits.min), "maximum": int(limits.max)}


def row(found):
    """The schema of a row of an input or output."""
    lengths = found["shape"][1:]
    schema = scalar(found["datatype"])
    if lengths in ([], [1]):
        return schema
    classes = found.get("classes")
    if classes and lengths in ([len(classes)], [-1]):
        names = [str(label) for label in classes]
        return {"type": "object", "properties": {name: schema for name in names}, "required": names, "additionalProperties": False}
    for length in reversed(lengths):
        schema = {"type": "array", "items": schema}
        if length >= 0:
            schema |= {"minItems": length, "maxItems": length}
    return schema


def described(model, name):
    """Summary and description, from what the model says of itself."""
    text = " ".join((model.doc_string or model.graph.doc_string or "").split())
    summary, _, description = text.partition(". ")
    producer = " ".join(filter(None, [model.producer_name, model.producer_version]))
    return (summary.rstrip(".") + "." if summary else f"What the model '{name}' makes of a row."), description or (f"Exported by {producer}." if producer else "")


def derive(name, model, inputs, outputs, vocabulary):
    """The contract, without examples. `inputs` and `outputs` are ports."""
    for found in [*inputs, *outputs]:
        if not found["shape"]:
            raise Refused(f"'{found['name']}' has no dimension of rows; export the model with a batch axis, dynamic or of 1")
    sizes = {found["shape"][0] for found in inputs}
    if sizes not in ({-1}, {1}):
        raise Refused(f"the first dimension of the inputs is {sorted(sizes)}; it is that of rows: export it as dynamic, or as 1")
    summary, description = described(model, name)
    properties = {found["name"]: row(found) for found in inputs}
    results = {found["name"]: row(found) for found in outputs}
    return {
        "route": name,
        "function": re.sub(r"\W", "_", name),
        "summary": summary,
        "description": description,
        "arguments": {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False},
        "result": {"type": "object", "properties": results, "required": list(results)},
        "examples": [],
        "model": {"inputs": inputs, "outputs": outputs, "vocabulary": vocabulary},
    }


def feeds(contract, rows):
    """Rows of JSON as what ONNX Runtime takes."""
    found = {}
    for port_ in contract["model"]["inputs"]:
        name, shape = port_["name"], port_["shape"]
        kind = {value: key for key, value in DATATYPES.items()}[port_["datatype"]]
        dtype = object if kind == TensorProto.STRING else helper.tensor_dtype_to_np_dtype(kind)
        values = []
        for number, row_ in enumerate(rows):
            if name not in row_:
                raise Refused(f"row {number} of the sample has no '{name}'; the model takes {', '.join(contract['arguments']['properties'])}")
            values.append(row_[name])
        try:
            value = numpy.array(values, dtype)
        except (TypeError, ValueError) as error:
            raise Refused(f"'{name}' of the sample is not of the type {port_['datatype']}: {error}") from error
        if value.ndim == len(shape) - 1 and shape[1:] == [1]:
            value = value[:, None]
        fits = value.ndim == len(shape) and all(want in (-1, have) for want, have in zip(shape[1:], value.shape[1:], strict=True))
        if not fits:
            raise Refused(f"'{name}' of a row of the sample has the shape {list(value.shape[1:])}, and the model takes {shape[1:]}")
        found[name] = value
    return found


def number(value, datatype):
    """A number as the service shows it: a float32 with its own digits."""
    if datatype == "BYTES":
        return str(value)
    if datatype == "BOOL":
        return bool(value)
    if not datatype.startswith("FP"):
        return int(value)
    if not numpy.isfinite(value):
        return None
    return json.loads(numpy.format_float_positional(value, unique=True, trim="0"))


def answers(contract, outputs, rows):
    """What ONNX Runtime answered, one object for each row."""
    found = [{} for _ in range(rows)]
    for port_, value in zip(contract["model"]["outputs"], outputs, strict=True):
        name, classes = port_["name"], port_.get("classes")
        if isinstance(value, list) and value and isinstance(value[0], dict):
            value = numpy.array([[row_[label] for label in classes] for row_ in value])
        value = numpy.asarray(value)
        if value.ndim < 1 or value.shape[0] != rows:
            raise Refused(f"the output '{name}' has the shape {list(value.shape)} for {rows} rows; each row must have its own")
        for index in range(rows):
            shown = _nested(value[index], port_["datatype"])
            if classes and value.shape[1:] == (len(classes),):
                shown = dict(zip((str(label) for label in classes), shown, strict=True))
            elif value.shape[1:] == (1,) and port_["shape"][1:] == [1]:
                shown = shown[0]
            found[index][name] = shown
    return found


def _nested(value, datatype):
    """An array as nested lists."""
    if numpy.ndim(value) == 0:
        return number(value, datatype)
    return [_nested(item, datatype) for item in value]
