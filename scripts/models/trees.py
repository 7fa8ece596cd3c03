"""Ensembles of trees: tract sums the leaves, and standard operators do the rest as ONNX Runtime does."""

import numpy
from graph import Refused
from onnx import TensorProto

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
# What holds for NaN goes with the branch, so a negated comparison swaps it as well.
NEGATED = {"BRANCH_GTE": "BRANCH_LT"}


class Trees:
    """The tree operators of `lower.Lowering`."""

    def sums(self, node, options, value, side, width):
        """What the leaves add up to for each class or target: [rows, width]."""
        if any(name.endswith("_as_tensor") for name in options):
            for name in [name for name in options if name.endswith("_as_tensor")]:
                options[name.removesuffix("_as_tensor")] = options.pop(name).astype(numpy.float32).tolist()
        count = len(options["nodes_nodeids"])
        modes = list(options["nodes_modes"])
        true, false = list(options["nodes_truenodeids"]), list(options["nodes_falsenodeids"])
        missing = list(options.get("nodes_missing_value_tracks_true") or [0] * count)
        for index, mode in enumerate(modes):
            if mode in NEGATED:
                modes[index] = NEGATED[mode]
                true[index], false[index], missing[index] = false[index], true[index], 1 - missing[index]
            elif not (mode == "LEAF" or mode in ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ")):
                raise Refused.node(node, f"the mode {mode} is not supported", "export the model with an older opset of ai.onnx.ml")
        numbers = {tree: number for number, tree in enumerate(dict.fromkeys(sorted(options["nodes_treeids"])))}
        leaves = sorted(range(len(options[f"{side}_nodeids"])), key=lambda at: (options[f"{side}_treeids"][at], options[f"{side}_nodeids"][at]))
        order = sorted(range(count), key=lambda at: (options["nodes_treeids"][at], options["nodes_nodeids"][at]))
        # Nodes are named by their place in the tree.
        places, before = {}, {}
        for at in order:
            tree = options["nodes_treeids"][at]
            places[tree, options["nodes_nodeids"][at]] = before.get(tree, 0)
            before[tree] = before.get(tree, 0) + 1

        def place(at, target):
            return 0 if modes[at] == "LEAF" else places[options["nodes_treeids"][at], target]

        # Two classes have a layout of their own in tract; three do not.
        labels = list(range(max(width, 3)))
        sums = self.build.emit(
            "TreeEnsembleClassifier",
            value,
            domain="ai.onnx.ml",
            nodes_treeids=[numbers[options["nodes_treeids"][at]] for at in order],
            nodes_nodeids=[places[options["nodes_treeids"][at], options["nodes_nodeids"][at]] for at in order],
            nodes_featureids=[0 if modes[at] == "LEAF" else options["nodes_featureids"][at] for at in order],
            nodes_values=[float(options["nodes_values"][at]) for at in order],
            nodes_modes=[modes[at] for at in order],
            nodes_truenodeids=[place(at, true[at]) for at in order],
            nodes_falsenodeids=[place(at, false[at]) for at in order],
            nodes_missing_value_tracks_true=[missing[at] for at in order],
            class_treeids=[numbers[options[f"{side}_treeids"][at]] for at in leaves],
            class_nodeids=[places[options[f"{side}_treeids"][at], options[f"{side}_nodeids"][at]] for at in leaves],
            class_ids=[options[f"{side}_ids"][at] for at in leaves],
            class_weights=[float(options[f"{side}_weights"][at]) for at in leaves],
            classlabels_int64s=labels,
            post_transform="NONE",
        )
        # The scores are its second output.
        made = self.build.nodes[-1]
        made.output.insert(0, self.build.name("label"))
        columns = self.build.constant(numpy.arange(width, dtype=numpy.int64))
        return self.build.emit("Gather", sums, columns, axis=1), len(numbers)

    def TreeEnsembleRegressor(self, node, options, inputs, outputs):
        """The sum or the average of the leaves."""
        build, targets = self.build, options.get("n_targets", 1)
        how = options.get("aggregate_function", "SUM")
        if how not in ("SUM", "AVERAGE"):
            raise Refused.node(node, f"the aggregate_function {how} is not supported", "train the model with a sum or an average")
        sums, trees = self.sums(node, options, self.floats(inputs[0]), "target", targets)
        if how == "AVERAGE":
            sums = build.emit("Div", sums, build.constant(numpy.float32(trees)))
        base = self.base(options)
        if base is not None:
            sums = build.emit("Add", sums, build.constant(base))
        self.transformed(node, sums, options.get("post_transform"), outputs[0])
        self.types[outputs[0]] = FLOAT

    @staticmethod
    def base(options):
        """The base values, if there are any."""
        values = options.get("base_values")
        return None if values is None or not len(values) else numpy.array(values, numpy.float32)

    def TreeEnsembleClassifier(self, node, options, inputs, outputs):
        """The class whose leaves weigh most."""
        build = self.build
        labels, kind, shown = self.labels(options, "classlabels_strings", "classlabels_int64s")
        count, how, base = len(labels), options.get("post_transform"), self.base(options)
        sums, _ = self.sums(node, options, self.floats(inputs[0]), "class", count)
        identifiers = sorted(set(options["class_ids"]))
        if count == 2 and len(identifiers) == 1:
            # Leaves weigh for one of two classes: a share, or a score whose sign decides.
            score = build.emit("Gather", sums, build.constant(numpy.array(identifiers, numpy.int64)), axis=1)
            if base is not None:
                score = build.emit("Add", score, build.constant(base[-1:]))
            is_share = all(weight >= 0 for weight in options["class_weights"])
            threshold = build.constant(numpy.float32(0.5 if is_share else 0.0))
            second = build.reshape(build.emit("Greater", score, threshold), [-1])
            index = build.cast(second, INT64)
            if is_share and how in (None, "NONE") and (base is None or len(base) == 1):
                other = build.emit("Sub", build.constant(numpy.float32(1)), score)
            else:
                other = build.emit("Neg", score)
            scores = build.emit("Concat", other, score, axis=1)
        else:
            scores = sums
            if base is not None:
                scores = build.emit("Add", scores, build.constant(base))
            index = build.argmax(scores)
        build.emit("Gather", build.constant(labels), index, output=outputs[0], axis=0)
        self.transformed(node, scores, how, outputs[1])
        self.types |= {outputs[0]: kind, outputs[1]: FLOAT}
        self.classes[outputs[1]] = shown
