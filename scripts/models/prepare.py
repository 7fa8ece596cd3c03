"""Prepares a model for its component: `prepare.py NAME MODEL SAMPLE OUTPUT`.

Writes OUTPUT, the model in operators that the provider has, with its contract and the example in `metadata_props`, and prints
the contract. The example is the sample with what ONNX Runtime answers now.
"""

import json
import sys
from pathlib import Path

import contract
import onnx
import onnxruntime
from graph import Refused
from lower import Lowering
from onnx import TensorProto

RECURRENT = {"GRU", "LSTM", "RNN"}

# The largest file that is taken, in bytes.
LARGEST = 200_000_000


def prepare(name, path, sample):
    """The prepared model, its contract and the rows of the sample with their answers."""
    if path.stat().st_size > LARGEST:
        raise Refused(f"{path} has {path.stat().st_size / 1e6:.0f} MB; models of up to {LARGEST / 1e6:.0f} MB are taken")
    try:
        model = onnx.load_model_from_string(path.read_bytes())
        onnx.checker.check_model(model)
    except Exception as error:
        raise Refused(f"{path} is not a valid ONNX model: {str(error).strip().splitlines()[0]}") from error
    initializers = {it.name for it in model.graph.initializer}
    inputs = [contract.port(it, it.type.tensor_type.elem_type) for it in model.graph.input if it.name not in initializers]
    original = onnx.ModelProto()
    original.CopyFrom(model)

    lowering = Lowering(model)
    lowered = lowering.run()
    outputs = []
    for output, made in zip(original.graph.output, lowered.graph.output, strict=True):
        kind = TensorProto.STRING if lowering.types.get(output.name) == TensorProto.STRING else made.type.tensor_type.elem_type
        classes = lowering.classes.get(output.name)
        found = contract.port(made, kind, classes)
        if not found["shape"]:
            found["shape"] = [-1, len(classes)] if classes else [-1]
        outputs.append(found)
    if any(node.op_type in RECURRENT for node in lowered.graph.node):
        # tract wants to know how many rows a recurrent layer has.
        for port in [*inputs, *outputs]:
            port["shape"][:1] = [1]
        for value in lowered.graph.input:
            value.type.tensor_type.shape.dim[0].dim_value = 1
    made = contract.derive(name, original, inputs, outputs, lowering.vocabulary)

    rows = sample if isinstance(sample, list) else [sample]
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise Refused("the sample must be a JSON object, a row by the names of the inputs, or an array of them")
    found = []
    is_single = inputs[0]["shape"][0] == 1
    session = onnxruntime.InferenceSession(original.SerializeToString(), providers=["CPUExecutionProvider"])
    for part in [[row] for row in rows] if is_single else [rows]:
        answer = session.run(None, contract.feeds(made, part))
        fit_outputs(made, answer)
        found += contract.answers(made, answer, len(part))
    made["result"] = contract.derive(name, original, inputs, outputs, [])["result"]
    made["examples"] = [{"arguments": row, "result": answer} for row, answer in zip(rows, found, strict=True)][:1]
    symbols(lowered)
    entry = lowered.metadata_props.add()
    entry.key, entry.value = "routelets", json.dumps(made, ensure_ascii=False)
    return lowered, made, rows, found


def fit_outputs(made, answer):
    """Outputs whose shape the graph does not tell have that of the answer."""
    for port_, value in zip(made["model"]["outputs"], answer, strict=True):
        shape = getattr(value, "shape", None)
        if shape is not None and len(port_["shape"]) != len(shape):
            port_["shape"] = [-1, *shape[1:]]


def symbols(model):
    """Names each free dimension of the inputs in a way that tract reads; the first is that of rows."""
    for value in model.graph.input:
        for axis, dimension in enumerate(value.type.tensor_type.shape.dim):
            if dimension.HasField("dim_value") and dimension.dim_value > 0:
                continue
            if axis == 0:
                dimension.dim_param = "N"
            else:
                name = "".join(it if it.isalnum() and it.isascii() else "_" for it in dimension.dim_param)
                dimension.dim_param = f"D_{name}" if name else f"D_{value.name}_{axis}".replace(".", "_")


def main(arguments):
    """The command line."""
    name, model, sample, output = arguments
    try:
        try:
            rows = json.loads(Path(sample).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise Refused(f"{sample} is not JSON that can be read: {error}") from error
        if not Path(model).is_file():
            raise Refused(f"there is no file {model}")
        prepared, made, _, _ = prepare(name, Path(model), rows)
    except Refused as refused:
        sys.exit(str(refused))
    onnx.save(prepared, output)
    print(json.dumps(made, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main(sys.argv[1:])
