"""A graph that is being rewritten."""

import numpy
from onnx import TensorProto, helper, numpy_helper


class Refused(Exception):
    """What cannot run: node, operator, and a way out."""

    @classmethod
    def node(cls, node, reason, way_out):
        """About a node of the graph."""
        domain = f"{node.domain}." if node.domain else ""
        return cls(f"node '{node.name or node.output[0]}' ({domain}{node.op_type}): {reason}; {way_out}")


def attributes(node):
    """The attributes of a node as Python values; texts as str."""
    found = {}
    for attribute in node.attribute:
        value = helper.get_attribute_value(attribute)
        if isinstance(value, bytes):
            value = value.decode()
        elif isinstance(value, list) and value and isinstance(value[0], bytes):
            value = [item.decode() for item in value]
        elif isinstance(value, TensorProto):
            value = numpy_helper.to_array(value)
        found[attribute.name] = value
    return found


class Builder:
    """Collects the nodes of the new graph, and makes those that the lowering needs."""

    def __init__(self, opset, taken):
        """`taken` are the names of the graph that is rewritten."""
        self.opset = opset
        self.nodes = []
        self.constants = {}
        self.taken = set(taken)

    def name(self, base):
        """A name that nothing else has."""
        number = 0
        while f"{base}__{number}" in self.taken:
            number += 1
        self.taken.add(f"{base}__{number}")
        return f"{base}__{number}"

    def constant(self, value, base="constant"):
        """The name of an initializer."""
        name = self.name(base)
        self.constants[name] = numpy.asarray(value)
        return name

    def emit(self, op, *inputs, output=None, domain="", **options):
        """Adds a node with one output, whose name is returned."""
        output = output or self.name(op)
        node = helper.make_node(op, list(inputs), [output], name=self.name(op), domain=domain, **options)
        self.nodes.append(node)
        return output

    def cast(self, value, kind, output=None):
        """A value as a type of TensorProto."""
        return self.emit("Cast", value, output=output, to=kind)

    def reshape(self, value, shape, output=None):
        """A value in another shape; 0 keeps a dimension."""
        return self.emit("Reshape", value, self.constant(numpy.array(shape, numpy.int64)), output=output)

    def unsqueeze_last(self, value):
        """A value with one more axis at its end."""
        if self.opset >= 13:
            return self.emit("Unsqueeze", value, self.constant(numpy.array([-1], numpy.int64)))
        raise Refused("the model has an opset before 13; export it with target_opset=17")

    def reduce(self, op, value, axis=-1, keep=1):
        """A reduction over one axis."""
        if self.opset >= (13 if op == "ReduceSum" else 18):
            return self.emit(op, value, self.constant(numpy.array([axis], numpy.int64)), keepdims=keep)
        return self.emit(op, value, axes=[axis], keepdims=keep)

    def argmax(self, value):
        """The index of the greatest in the last axis; the first of equals."""
        return self.emit("ArgMax", value, axis=-1, keepdims=0)
