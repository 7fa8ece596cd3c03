"""Writes a checkpoint as the ONNX file that the recogniser takes.

    python export.py CHECKPOINT ONNX [--half]
"""

import argparse
import json
import time
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import numpy_helper

import network

NAME = "routelets-speech"


def halve(model):
    """Stores the large weights as 16-bit floats, each behind a Cast: half the size, computed in 32 bits."""
    graph = model.graph
    casts = []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype == np.float32 and values.size > 4096:
            name = tensor.name
            tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), name + ".half"))
            casts.append(onnx.helper.make_node("Cast", [name + ".half"], [name], to=onnx.TensorProto.FLOAT))
    for i, node in enumerate(casts):
        graph.node.insert(i, node)


def export(net, path, half=False, created=None):
    """Exports `net` and checks ONNX Runtime's answer against PyTorch's."""
    net.eval()
    example = torch.randn(1, 48_000) * 0.1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net, (example,), str(path), dynamo=False, opset_version=17,
            input_names=["waveform"], output_names=["logits"],
            dynamic_axes={"waveform": {1: "samples"}, "logits": {1: "frames"}},
        )
    model = onnx.load(path)
    if half:
        halve(model)
    for key, value in {
        "name": NAME,
        "created": str(created or int(time.time())),
        "sample_rate": str(network.RATE),
        "stride": str(network.STRIDE),
        "minimum_samples": str(network.WINDOW + 8 * network.HOP),
        "vocabulary": json.dumps(network.VOCABULARY),
    }.items():
        model.metadata_props.add(key=key, value=value)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for samples in (16_000, 33_333):
        waveform = torch.randn(1, samples) * 0.1
        with torch.no_grad():
            expected = net(waveform).numpy()
        (logits,) = session.run(None, {"waveform": waveform.numpy()})
        assert logits.shape == expected.shape
        difference = np.abs(logits - expected).max()
        assert difference < (0.05 if half else 1e-3), f"ONNX Runtime and PyTorch differ by {difference}"


def load(path):
    """The network of a checkpoint, with the average of its last weights."""
    state = torch.load(path, map_location="cpu", weights_only=True)
    net = network.Network(**state["shape"])
    net.load_state_dict(state["average"])
    return net, state


def weights(path):
    """The weights in an exported file, by their names in the network: training can begin with them."""
    model = onnx.load(path)
    stored = {tensor.name.removesuffix(".half"): torch.from_numpy(numpy_helper.to_array(tensor).astype(np.float32)) for tensor in model.graph.initializer}
    names = {name for name, _ in network.Network().named_parameters()}
    found = {name: values for name, values in stored.items() if name in names}
    for node in model.graph.node:
        # A linear layer's weight is kept transposed and without its name; the node has its path.
        name = node.name.strip("/").replace("/MatMul", ".weight").replace("/", ".")
        if node.op_type == "MatMul" and name in names:
            found[name] = stored[node.input[1]].T
    missing = names - found.keys()
    if missing:
        raise ValueError(f"{path} is no export of this network: {sorted(missing)[:3]} are missing")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("onnx", type=Path)
    parser.add_argument("--half", action="store_true", help="weights as 16-bit floats")
    args = parser.parse_args()
    net, _ = load(args.checkpoint)
    export(net, args.onnx, args.half)
    print(f"{args.onnx}: {args.onnx.stat().st_size / 1e6:.1f} MB, {sum(p.numel() for p in net.parameters()) / 1e6:.1f} M parameters")


if __name__ == "__main__":
    main()
