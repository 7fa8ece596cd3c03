"""Support vector machines, as ONNX Runtime computes them."""

import numpy
from graph import Refused
from onnx import TensorProto

FLOAT, DOUBLE, INT64 = TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.INT64
EXPORT = "train the model with another kernel"


class Svm:
    """The SVM operators of `lower.Lowering`."""

    def kernel(self, node, options, value, vectors):
        """The kernel of each row with each vector: [rows, vectors], in double precision."""
        build = self.build
        gamma, coef0, degree = (float(it) for it in (options.get("kernel_params") or [0.0, 0.0, 0.0]))
        kind = options.get("kernel_type", "LINEAR")
        product = build.emit("MatMul", value, build.constant(vectors.T))

        def number(it):
            return build.constant(numpy.float64(it))

        if kind == "LINEAR":
            return product
        if kind == "RBF":
            # |x - v|² = |x|² - 2 x·v + |v|², for which double precision is enough.
            own = build.reduce("ReduceSum", build.emit("Mul", value, value))
            squares = build.emit("Sub", own, build.emit("Mul", product, number(2)))
            squares = build.emit("Add", squares, build.constant((vectors**2).sum(axis=1)))
            return build.emit("Exp", build.emit("Mul", squares, number(-gamma)))
        affine = build.emit("Add", build.emit("Mul", product, number(gamma)), number(coef0))
        if kind == "POLY":
            return build.emit("Pow", affine, number(degree))
        if kind == "SIGMOID":
            return build.emit("Tanh", affine)
        raise Refused.node(node, f"the kernel {kind} is not supported", EXPORT)

    def SVMRegressor(self, node, options, inputs, outputs):
        """The weighted kernels and rho."""
        build = self.build
        count = options.get("n_supports", 0)
        coefficients = numpy.array(options["coefficients"], numpy.float64)
        value = build.cast(inputs[0], DOUBLE)
        if count:
            vectors = numpy.array(options["support_vectors"], numpy.float64).reshape(count, -1)
            score = build.emit("MatMul", self.kernel(node, options, value, vectors), build.constant(coefficients[:, None]))
        else:
            score = self.kernel(node, options, value, coefficients[None, :])
        score = build.emit("Add", score, build.constant(numpy.array(options["rho"], numpy.float64)))
        if options.get("one_class"):
            inside = build.cast(build.emit("Greater", score, build.constant(numpy.float64(0))), FLOAT)
            two, one = build.constant(numpy.float32(2)), build.constant(numpy.float32(1))
            build.emit("Sub", build.emit("Mul", inside, two), one, output=outputs[0])
        else:
            self.transformed(node, build.cast(score, FLOAT), options.get("post_transform"), outputs[0])
        self.types[outputs[0]] = FLOAT

    def SVMClassifier(self, node, options, inputs, outputs):
        """One vote for each pair of classes."""
        build = self.build
        labels, kind, shown = self.labels(options, "classlabels_strings", "classlabels_ints")
        count = len(labels)
        counts = options.get("vectors_per_class") or []
        total = sum(counts)
        if not total:
            raise Refused.node(node, "it has no support vectors", "export a LinearSVC as such")
        vectors = numpy.array(options["support_vectors"], numpy.float64).reshape(total, -1)
        coefficients = numpy.array(options["coefficients"], numpy.float64).reshape(count - 1, total)
        rho = numpy.array(options["rho"], numpy.float64)
        starts = numpy.concatenate([[0], numpy.cumsum(counts)])
        pairs = [(one, other) for one in range(count) for other in range(one + 1, count)]
        weights = numpy.zeros((total, len(pairs)))
        for column, (one, other) in enumerate(pairs):
            own, others = slice(starts[one], starts[one + 1]), slice(starts[other], starts[other + 1])
            weights[own, column] = coefficients[other - 1, own]
            weights[others, column] = coefficients[one, others]
        value = build.cast(inputs[0], DOUBLE)
        scores = build.emit("MatMul", self.kernel(node, options, value, vectors), build.constant(weights))
        scores = build.emit("Add", scores, build.constant(rho))

        # Votes: the first of a pair where the score is positive, else the second.
        positive = build.cast(build.emit("Greater", scores, build.constant(numpy.float64(0))), FLOAT)
        firsts, seconds = numpy.zeros((len(pairs), count), numpy.float32), numpy.zeros((len(pairs), count), numpy.float32)
        for row, (one, other) in enumerate(pairs):
            firsts[row, one] = 1
            seconds[row, other] = 1
        votes = build.emit("MatMul", positive, build.constant(firsts - seconds))
        votes = build.emit("Add", votes, build.constant(seconds.sum(axis=0)))
        probabilities = options.get("prob_a")
        if probabilities:
            a, b = (numpy.array(options[name], numpy.float64) for name in ("prob_a", "prob_b"))
            fitted = build.emit("Add", build.emit("Mul", scores, build.constant(a)), build.constant(b))
            answer = build.cast(build.emit("PairwiseCoupling", fitted, domain="routelets", classes=count), FLOAT)
        else:
            answer = build.cast(scores, FLOAT)
            if count == 2:
                # The score is that of the second class.
                answer = build.emit("Concat", build.emit("Neg", answer), answer, axis=1)
        build.emit("Gather", build.constant(labels), build.argmax(votes), output=outputs[0], axis=0)
        self.transformed(node, answer, options.get("post_transform"), outputs[1])
        self.types |= {outputs[0]: kind, outputs[1]: FLOAT}
        self.classes[outputs[1]] = shown
