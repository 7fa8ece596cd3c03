"""Rewrites a model into operators that tract has: those of `ai.onnx.ml` become standard ones, and texts become numbers.

A text is the number of its place in a vocabulary, which holds every text of the graph. The number after the last stands for
every other text. The semantics are those of ONNX Runtime.
"""

import numpy
import onnx
from graph import Builder, Refused, attributes
from onnx import TensorProto, helper, numpy_helper
from svm import Svm
from trees import Trees

FLOAT, INT64, STRING, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.STRING, TensorProto.BOOL
DOUBLE = TensorProto.DOUBLE
EXPORT = "export the model without it, or do this step in a Python function"

# Standard operators that only move elements: of texts they make texts.
MOVES = {"Identity", "Concat", "Reshape", "Squeeze", "Unsqueeze", "Gather", "Transpose", "Slice", "Split", "Flatten", "Where", "Expand", "GatherND", "Tile"}


class Lowering(Trees, Svm):
    """One model that is rewritten."""

    def __init__(self, model):
        """Takes what is not changed from the model."""
        self.model = model
        graph = model.graph
        self.opset = max((it.version for it in model.opset_import if it.domain in ("", "ai.onnx")), default=17)
        names = [name for node in graph.node for name in [*node.input, *node.output, node.name]]
        names += [it.name for it in [*graph.input, *graph.initializer, *graph.output]]
        self.build = Builder(self.opset, names)
        self.initializers = {it.name: numpy_helper.to_array(it) for it in graph.initializer}
        self.types = {it.name: it.type.tensor_type.elem_type for it in graph.input}
        self.types |= {name: helper.np_dtype_to_tensor_dtype(value.dtype) for name, value in self.initializers.items()}
        self.vocabulary = []
        self.codes = {}
        # The labels of what a classifier scores, by the name of the scores; what stands for a name.
        self.classes = {}
        self.aliases = {}

    def code(self, text):
        """The number of a text of the graph."""
        if isinstance(text, bytes):
            text = text.decode()
        if text not in self.codes:
            self.codes[text] = len(self.vocabulary)
            self.vocabulary.append(text)
        return self.codes[text]

    def run(self):
        """The rewritten model."""
        try:
            inferred = onnx.shape_inference.infer_shapes(self.model)
        except onnx.shape_inference.InferenceError:
            inferred = self.model
        self.inferred = {it.name: it.type.tensor_type for it in [*inferred.graph.value_info, *inferred.graph.input, *inferred.graph.output]}
        self.collect()
        graph = self.model.graph
        for name, value in self.initializers.items():
            if value.dtype.kind in "OSU":
                codes = [self.code(text) for text in value.reshape(-1)]
                self.build.constants[name] = numpy.array(codes, numpy.int64).reshape(value.shape)
                self.types[name] = STRING
            else:
                self.build.constants[name] = value
        for node in graph.node:
            self.node(node)
        return self.finish()

    def collect(self):
        """Numbers every text of the graph, so that the vocabulary is known before it is used."""
        for node in self.model.graph.node:
            for name, value in attributes(node).items():
                if name in ("post_transform", "nodes_modes", "kernel_type", "norm", "aggregate_function", "mode", "cast_to"):
                    continue
                if node.domain == "ai.onnx.ml" and isinstance(value, str) and name in ("default_string", "replaced_value_string"):
                    self.code(value)
                elif node.domain == "ai.onnx.ml" and isinstance(value, list) and value and isinstance(value[0], str):
                    for text in value:
                        self.code(text)
                elif isinstance(value, numpy.ndarray) and value.dtype.kind in "OSU":
                    for text in value.reshape(-1):
                        self.code(text)
        for value in self.initializers.values():
            if value.dtype.kind in "OSU":
                for text in value.reshape(-1):
                    self.code(text)
        # What is not in the vocabulary.
        self.other = len(self.vocabulary)

    def node(self, node):
        """Takes one node over, or what stands for it."""
        for index, name in enumerate(node.input):
            node.input[index] = self.aliases.get(name, name)
        if node.domain == "ai.onnx.ml":
            method = getattr(self, node.op_type, None)
            if method is None:
                raise Refused.node(node, "this operator is not supported", EXPORT)
            method(node, attributes(node), list(node.input), list(node.output))
            return
        if node.domain not in ("", "ai.onnx"):
            raise Refused.node(node, f"operators of the domain '{node.domain}' are not part of ONNX", EXPORT)
        self.standard(node)

    def standard(self, node):
        """A standard operator, as it is unless it has to do with texts."""
        texts = [name for name in node.input if self.types.get(name) == STRING]
        options = attributes(node)
        kind = None
        if node.op_type == "Constant" and isinstance(options.get("value"), numpy.ndarray) and options["value"].dtype.kind in "OSU":
            value = options["value"]
            self.build.constants[node.output[0]] = numpy.array([self.code(it) for it in value.reshape(-1)], numpy.int64).reshape(value.shape)
            self.types[node.output[0]] = STRING
            return
        if node.op_type == "Cast":
            kind = options["to"]
            if STRING in (kind, *(self.types.get(name) for name in node.input)):
                if kind == STRING and texts:
                    node = helper.make_node("Identity", node.input, node.output, name=node.name)
                else:
                    raise Refused.node(node, "it makes texts of numbers, or numbers of texts", EXPORT)
        elif texts and node.op_type not in MOVES and node.op_type != "Equal":
            raise Refused.node(node, "it does more with texts than to compare or to move them", EXPORT)
        self.build.nodes.append(node)
        for name in node.output:
            if texts and node.op_type != "Equal":
                self.types[name] = STRING
            elif kind is not None:
                self.types[name] = kind
            elif name in self.inferred:
                self.types[name] = self.inferred[name].elem_type
            if node.op_type in ("Identity", "Cast") and node.input and node.input[0] in self.classes:
                self.classes[name] = self.classes[node.input[0]]

    # Values in the types that the operators of ai.onnx.ml compute with.

    def floats(self, name):
        """A value as float32."""
        return name if self.types.get(name) == FLOAT else self.build.cast(name, FLOAT)

    def labels(self, options, *names):
        """The class labels among the options: what stands for them in the graph, and their type."""
        for name in names:
            values = options.get(name)
            if values is not None and len(values):
                if isinstance(values[0], str):
                    return numpy.array([self.code(text) for text in values], numpy.int64), STRING, list(values)
                return numpy.array(values, numpy.int64), INT64, [int(value) for value in values]
        raise Refused(f"none of {', '.join(names)} is there")

    def transformed(self, node, scores, how, output=None):
        """Scores after a post_transform."""
        build = self.build
        if how in (None, "NONE"):
            return build.emit("Identity", scores, output=output)
        if how == "LOGISTIC":
            return build.emit("Sigmoid", scores, output=output)
        if how == "SOFTMAX":
            return build.emit("Softmax", scores, output=output, axis=-1)
        raise Refused.node(node, f"the post_transform {how} is not supported", EXPORT)

    # Preparation.

    def Scaler(self, node, options, inputs, outputs):
        """(x - offset) * scale."""
        build = self.build
        offset = build.constant(numpy.array(options.get("offset", [0.0]), numpy.float32))
        scale = build.constant(numpy.array(options.get("scale", [1.0]), numpy.float32))
        centred = build.emit("Sub", self.floats(inputs[0]), offset)
        build.emit("Mul", centred, scale, output=outputs[0])
        self.types[outputs[0]] = FLOAT

    def Normalizer(self, node, options, inputs, outputs):
        """Each row divided by its norm; a row whose norm is 0 stays."""
        build = self.build
        value = self.floats(inputs[0])
        kind = options.get("norm", "MAX")
        if kind == "L1":
            norm = build.reduce("ReduceSum", build.emit("Abs", value))
        elif kind == "L2":
            norm = build.emit("Sqrt", build.reduce("ReduceSum", build.emit("Mul", value, value)))
        else:
            norm = build.reduce("ReduceMax", value)
        zero, one = build.constant(numpy.float32(0)), build.constant(numpy.float32(1))
        norm = build.emit("Where", build.emit("Equal", norm, zero), one, norm)
        build.emit("Div", value, norm, output=outputs[0])
        self.types[outputs[0]] = FLOAT
        if inputs[0] in self.classes:
            self.classes[outputs[0]] = self.classes[inputs[0]]

    def Imputer(self, node, options, inputs, outputs):
        """What is missing becomes a value."""
        build, value = self.build, inputs[0]
        kind = self.types.get(value, FLOAT)
        if kind == STRING:
            filled = numpy.array([self.code(text) for text in options.get("imputed_value_strings", [])], numpy.int64)
            missing = build.emit("Equal", value, build.constant(numpy.int64(self.code(options.get("replaced_value_string", "_Unused")))))
        elif options.get("imputed_value_int64s"):
            filled = numpy.array(options["imputed_value_int64s"], numpy.int64)
            missing = build.emit("Equal", value, build.constant(numpy.int64(options.get("replaced_value_int64", 0))))
        else:
            dtype = numpy.float64 if kind == DOUBLE else numpy.float32
            filled = numpy.array(options["imputed_value_floats"], dtype)
            replaced = options.get("replaced_value_float", 0.0)
            if numpy.isnan(replaced):
                missing = build.emit("IsNaN", value)
            else:
                missing = build.emit("Equal", value, build.constant(dtype(replaced)))
        build.emit("Where", missing, build.constant(filled), value, output=outputs[0])
        self.types[outputs[0]] = kind

    def Binarizer(self, node, options, inputs, outputs):
        """1 above the threshold, else 0."""
        threshold = self.build.constant(numpy.float32(options.get("threshold", 0.0)))
        above = self.build.emit("Greater", self.floats(inputs[0]), threshold)
        self.build.cast(above, FLOAT, output=outputs[0])
        self.types[outputs[0]] = FLOAT

    def FeatureVectorizer(self, node, options, inputs, outputs):
        """All inputs side by side."""
        self.build.emit("Concat", *[self.floats(name) for name in inputs], output=outputs[0], axis=-1)
        self.types[outputs[0]] = FLOAT

    def ArrayFeatureExtractor(self, node, options, inputs, outputs):
        """Some columns."""
        build = self.build
        columns = build.reshape(inputs[1], [-1])
        if self.types.get(inputs[1]) != INT64:
            columns = build.cast(columns, INT64)
        value = self.build.constants.get(inputs[0])
        if value is not None and value.ndim == 1:
            build.reshape(build.emit("Gather", inputs[0], columns, axis=0), [1, -1], output=outputs[0])
        else:
            build.emit("Gather", inputs[0], columns, output=outputs[0], axis=-1)
        self.types[outputs[0]] = self.types.get(inputs[0], FLOAT)

    def OneHotEncoder(self, node, options, inputs, outputs):
        """1 at the place of the category."""
        build, value = self.build, inputs[0]
        if self.types.get(value) == STRING:
            categories = numpy.array([self.code(text) for text in options["cats_strings"]], numpy.int64)
        else:
            categories = numpy.array(options["cats_int64s"], numpy.int64)
            if self.types.get(value) != INT64:
                value = build.cast(value, INT64)
        equal = build.emit("Equal", build.unsqueeze_last(value), build.constant(categories))
        build.cast(equal, FLOAT, output=outputs[0])
        self.types[outputs[0]] = FLOAT

    def LabelEncoder(self, node, options, inputs, outputs):
        """A table of keys and values."""
        keys, values, default = self.table(node, options)
        self.map(inputs[0], keys, values, default, outputs[0])

    def CategoryMapper(self, node, options, inputs, outputs):
        """Texts to numbers, or back."""
        texts, numbers = options["cats_strings"], options["cats_int64s"]
        if self.types.get(inputs[0]) == STRING:
            self.map(inputs[0], (STRING, texts), (INT64, numbers), options.get("default_int64", -1), outputs[0])
        else:
            self.map(inputs[0], (INT64, numbers), (STRING, texts), options.get("default_string", "_Unused"), outputs[0])

    def table(self, node, options):
        """Keys, values and default of a LabelEncoder."""
        if "classes_strings" in options:
            texts = options["classes_strings"]
            if self.types.get(node.input[0]) == STRING:
                return (STRING, texts), (INT64, list(range(len(texts)))), options.get("default_int64", -1)
            return (INT64, list(range(len(texts)))), (STRING, texts), options.get("default_string", "_Unused")
        found = {}
        for side in ("keys", "values"):
            for suffix, kind in (("strings", STRING), ("int64s", INT64), ("floats", FLOAT)):
                if len(options.get(f"{side}_{suffix}", ())):
                    found[side] = (kind, options[f"{side}_{suffix}"])
            tensor = options.get(f"{side}_tensor")
            if tensor is not None:
                kind = STRING if tensor.dtype.kind in "OSU" else helper.np_dtype_to_tensor_dtype(tensor.dtype)
                found[side] = (kind, [it.decode() if isinstance(it, bytes) else it for it in tensor.tolist()])
        kind = found["values"][0]
        default = {STRING: options.get("default_string", "_Unused"), INT64: options.get("default_int64", -1)}.get(kind, options.get("default_float", -0.0))
        if options.get("default_tensor") is not None:
            default = options["default_tensor"].reshape(-1).tolist()[0]
        return found["keys"], found["values"], default

    def map(self, value, keys, values, default, output):
        """The value that stands beside the key, or the default."""
        build = self.build
        key_kind, keys = keys
        kind, values = values
        if kind == STRING:
            values, default, dtype = [self.code(it) for it in values], self.known(default), numpy.int64
        else:
            dtype = helper.tensor_dtype_to_np_dtype(kind)
        # The last of the table is for what is not among the keys.
        table = build.constant(numpy.array([*values, default], dtype))
        if key_kind == STRING:
            place = numpy.full(self.other + 1, len(values), numpy.int64)
            for index, key in reversed(list(enumerate(keys))):
                place[self.code(key)] = index
            index = build.emit("Gather", build.constant(place), value, axis=0)
        else:
            keys = build.constant(numpy.array(keys, helper.tensor_dtype_to_np_dtype(key_kind)))
            if self.types.get(value) != key_kind:
                value = build.cast(value, key_kind)
            equal = build.cast(build.emit("Equal", build.unsqueeze_last(value), keys), FLOAT)
            found = build.emit("Greater", build.reduce("ReduceMax", equal, keep=0), build.constant(numpy.float32(0.5)))
            index = build.emit("Where", found, build.argmax(equal), build.constant(numpy.int64(len(values))))
        build.emit("Gather", table, index, output=output, axis=0)
        self.types[output] = kind

    def known(self, text):
        """The number of a text that may be in no table."""
        return self.codes.get(text, self.other)

    def ZipMap(self, node, options, inputs, outputs):
        """Scores by label: the answer names them, so the tensor itself is the output."""
        _, _, shown = self.labels(options, "classlabels_strings", "classlabels_int64s")
        self.classes[inputs[0]] = shown
        self.aliases[outputs[0]] = inputs[0]

    # Models.

    def LinearRegressor(self, node, options, inputs, outputs):
        """x·w + b."""
        build, targets = self.build, options.get("targets", 1)
        weights = numpy.array(options["coefficients"], numpy.float32).reshape(targets, -1).T
        scores = build.emit("MatMul", self.floats(inputs[0]), build.constant(weights))
        if options.get("intercepts"):
            scores = build.emit("Add", scores, build.constant(numpy.array(options["intercepts"], numpy.float32)))
        self.transformed(node, scores, options.get("post_transform"), outputs[0])
        self.types[outputs[0]] = FLOAT

    def LinearClassifier(self, node, options, inputs, outputs):
        """The greatest of several x·w + b."""
        build = self.build
        labels, kind, shown = self.labels(options, "classlabels_strings", "classlabels_ints")
        bias = numpy.array(options.get("intercepts") or numpy.zeros(len(labels)), numpy.float32)
        weights = numpy.array(options["coefficients"], numpy.float32).reshape(len(bias), -1).T
        scores = build.emit("MatMul", self.floats(inputs[0]), build.constant(weights))
        scores = build.emit("Add", scores, build.constant(bias))
        how = options.get("post_transform")
        if len(bias) == 1 and len(labels) == 2:
            # One score for two classes: that of the second.
            other = build.emit("Neg", scores)
            scores = build.emit("Concat", other, scores, axis=-1)
            if how == "SOFTMAX":
                raise Refused.node(node, "SOFTMAX of one score for two classes is not supported", EXPORT)
        index = build.argmax(scores)
        build.emit("Gather", build.constant(labels), index, output=outputs[0], axis=0)
        self.transformed(node, scores, how, outputs[1])
        self.types |= {outputs[0]: kind, outputs[1]: FLOAT}
        self.classes[outputs[1]] = shown

    def finish(self):
        """The new model, and what is known of its outputs."""
        graph = self.model.graph
        outputs, inputs = [], []
        for output in graph.output:
            source = self.aliases.get(output.name, output.name)
            if source != output.name:
                self.build.emit("Identity", source, output=output.name)
                self.types[output.name] = self.types.get(source, FLOAT)
                self.classes[output.name] = self.classes.get(source)
            kind = self.types.get(output.name) or output.type.tensor_type.elem_type
            made = onnx.ValueInfoProto()
            made.name = output.name
            made.type.tensor_type.elem_type = INT64 if kind == STRING else kind
            shape = output.type.tensor_type
            if source == output.name and shape.HasField("shape"):
                made.type.tensor_type.shape.CopyFrom(shape.shape)
            outputs.append(made)
        for value in graph.input:
            if value.name in self.initializers:
                continue
            made = onnx.ValueInfoProto()
            made.CopyFrom(value)
            if self.types[value.name] == STRING:
                made.type.tensor_type.elem_type = INT64
            inputs.append(made)
        initializers = [numpy_helper.from_array(value, name) for name, value in self.build.constants.items()]
        used = {name for node in self.build.nodes for name in node.input} | {it.name for it in outputs}
        initializers = [it for it in initializers if it.name in used]
        lowered = helper.make_graph(self.build.nodes, graph.name or "model", inputs, outputs, initializers)
        opsets = [it for it in self.model.opset_import if it.domain != "ai.onnx.ml"] or [helper.make_opsetid("", self.opset)]
        if any(node.domain == "ai.onnx.ml" for node in self.build.nodes):
            opsets.append(helper.make_opsetid("ai.onnx.ml", 1))
        if any(node.domain == "routelets" for node in self.build.nodes):
            opsets.append(helper.make_opsetid("routelets", 1))
        model = helper.make_model(lowered, opset_imports=opsets, ir_version=self.model.ir_version, producer_name="routelets")
        return model
