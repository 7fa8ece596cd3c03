"""Neural networks as PyTorch exports them, made of ONNX nodes with random weights: no PyTorch is needed to test them.

    networks.py NAME MODEL SAMPLE    writes one of them and its rows
"""

import json
import sys
from pathlib import Path

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

SEED = 7
FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


class Net:
    """Collects nodes."""

    def __init__(self):
        """Weights are the same each time."""
        self.random = numpy.random.default_rng(SEED)
        self.nodes, self.constants, self.count = [], [], 0

    def weight(self, *shape, scale=0.3):
        """Random weights."""
        return self.constant((self.random.standard_normal(shape) * scale).astype(numpy.float32))

    def constant(self, value):
        """A constant."""
        self.count += 1
        name = f"w{self.count}"
        self.constants.append(numpy_helper.from_array(numpy.asarray(value), name))
        return name

    def add(self, op, *inputs, outputs=1, **options):
        """A node; its output, or its outputs."""
        self.count += 1
        names = [f"/{op}_{self.count}_output_{index}" for index in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), names, name=f"/{op}_{self.count}", **options))
        return names[0] if outputs == 1 else names

    def model(self, inputs, outputs):
        """The model; inputs and outputs are name, type and shape, and an output also what it is."""
        nodes = [*self.nodes, *(helper.make_node("Identity", [value], [name]) for name, _, _, value in outputs)]
        graph = helper.make_graph(
            nodes,
            "main_graph",
            [helper.make_tensor_value_info(*it) for it in inputs],
            [helper.make_tensor_value_info(*it[:3]) for it in outputs],
            self.constants,
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="pytorch")


def cnn(batch="batch"):
    """Convolutions with batch norm, depthwise ones, pooling, hard swish."""
    net = Net()
    x = net.add("Conv", "image", net.weight(16, 3, 3, 3), net.weight(16), kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2])
    mean, variance = net.weight(16), net.constant(numpy.full(16, 0.7, numpy.float32))
    x = net.add("BatchNormalization", x, net.weight(16), net.weight(16), mean, variance)
    x = net.add("Relu", x)
    x = net.add("Conv", x, net.weight(16, 1, 3, 3), net.weight(16), kernel_shape=[3, 3], pads=[1, 1, 1, 1], group=16)
    x = net.add("Mul", x, net.add("HardSigmoid", x, alpha=1 / 6, beta=0.5))
    x = net.add("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    x = net.add("Conv", x, net.weight(32, 16, 1, 1), net.weight(32), kernel_shape=[1, 1])
    x = net.add("Flatten", net.add("GlobalAveragePool", x), axis=1)
    x = net.add("Gemm", x, net.weight(10, 32), net.weight(10), transB=1)
    model = net.model([("image", FLOAT, [batch, 3, 32, 32])], [("scores", FLOAT, [batch, 10], x)])
    rows = net.random.random((3, 3, 32, 32)).astype(numpy.float32)
    return model, {"image": rows}


def perceptron():
    """Linear layers with GELU, layer norm and dropout."""
    net = Net()
    x = net.add("Gemm", "x", net.weight(16, 8), net.weight(16), transB=1)
    half, one, root = net.constant(numpy.float32(0.5)), net.constant(numpy.float32(1)), net.constant(numpy.float32(2**0.5))
    gate = net.add("Add", net.add("Erf", net.add("Div", x, root)), one)
    x = net.add("Mul", net.add("Mul", x, gate), half)
    x = net.add("LayerNormalization", x, net.weight(16), net.weight(16), axis=-1)
    x = net.add("Softmax", net.add("Gemm", x, net.weight(3, 16), net.weight(3), transB=1), axis=1)
    model = net.model([("x", FLOAT, ["batch_size", 8])], [("probabilities", FLOAT, ["batch_size", 3], x)])
    return model, {"x": net.random.standard_normal((5, 8)).astype(numpy.float32)}


def recurrent(kind, gates):
    """A GRU or LSTM over a free time axis, of which the last state is classified."""
    net = Net()
    hidden = 12
    x = net.add("Transpose", "x", perm=[1, 0, 2])
    options = {"linear_before_reset": 1} if kind == "GRU" else {}
    weights = (net.weight(1, gates * hidden, 4), net.weight(1, gates * hidden, hidden), net.weight(1, 2 * gates * hidden))
    y = net.add(kind, x, *weights, outputs=2 if kind == "GRU" else 3, hidden_size=hidden, **options)
    last = net.add("Squeeze", y[1], net.constant(numpy.array([0], numpy.int64)))
    x = net.add("Gemm", last, net.weight(2, hidden), net.weight(2), transB=1)
    model = net.model([("x", FLOAT, ["batch", "time", 4])], [("scores", FLOAT, ["batch", 2], x)])
    return model, {"x": net.random.standard_normal((3, 9, 4)).astype(numpy.float32)}


def transformer():
    """One layer of attention over words, with a free length."""
    net = Net()
    width, heads = 16, 4
    x = net.add("Gather", net.weight(50, width), "words", axis=0)

    def linear(value, out):
        return net.add("Add", net.add("MatMul", value, net.weight(width, out)), net.weight(out))

    shape = net.constant(numpy.array([0, 0, heads, width // heads], numpy.int64))

    def split(value, perm):
        return net.add("Transpose", net.add("Reshape", linear(value, width), shape), perm=perm)

    q, k, v = split(x, [0, 2, 1, 3]), split(x, [0, 2, 3, 1]), split(x, [0, 2, 1, 3])
    scores = net.add("Div", net.add("MatMul", q, k), net.constant(numpy.float32((width // heads) ** 0.5)))
    mask = net.add("Unsqueeze", "mask", net.constant(numpy.array([1, 2], numpy.int64)))
    hidden = net.add("Sub", net.constant(numpy.float32(1)), net.add("Cast", mask, to=FLOAT))
    scores = net.add("Add", scores, net.add("Mul", hidden, net.constant(numpy.float32(-1e4))))
    y = net.add("MatMul", net.add("Softmax", scores, axis=-1), v)
    y = net.add("Reshape", net.add("Transpose", y, perm=[0, 2, 1, 3]), net.constant(numpy.array([0, 0, width], numpy.int64)))
    x = net.add("LayerNormalization", net.add("Add", x, y), net.weight(width), net.weight(width), axis=-1)
    first = net.add("Gather", x, net.constant(numpy.int64(0)), axis=1)
    x = net.add("Gemm", first, net.weight(2, width), net.weight(2), transB=1)
    model = net.model(
        [("words", INT64, ["batch", "length"]), ("mask", INT64, ["batch", "length"])],
        [("scores", FLOAT, ["batch", 2], x)],
    )
    return model, {"words": net.random.integers(0, 50, (2, 7)), "mask": numpy.array([[1] * 7, [1] * 5 + [0] * 2])}


NETWORKS = {
    "cnn": cnn,
    "cnn-one": lambda: _one(cnn(1)),
    "network": perceptron,
    "gru": lambda: recurrent("GRU", 3),
    "lstm": lambda: recurrent("LSTM", 4),
    "transformer": transformer,
}


def _one(made):
    """A model that takes a row at a time."""
    model, feeds = made
    return model, {name: value[:1] for name, value in feeds.items()}


def main(arguments):
    """The command line."""
    name, path, sample = arguments
    model, feeds = NETWORKS[name]()
    onnx.save(model, path)
    count = len(next(iter(feeds.values())))
    rows = [{name: value[index].tolist() for name, value in feeds.items()} for index in range(count)]
    Path(sample).write_text(json.dumps(rows), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
