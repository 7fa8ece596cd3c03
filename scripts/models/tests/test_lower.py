"""Operators of ai.onnx.ml, before and after they are rewritten, both run by ONNX Runtime; and what is refused."""

import json
import sys
import tempfile
import unittest
from pathlib import Path

import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from graph import Refused
from lower import Lowering
from prepare import prepare

FLOAT, INT64, STRING = TensorProto.FLOAT, TensorProto.INT64, TensorProto.STRING
NUMBERS = numpy.array([[0.0, 0.0], [1.5, -2.0], [numpy.nan, 3.0], [7.0, 0.25]], numpy.float32)
WHOLE = numpy.array([[1], [2], [5], [-1]], numpy.int64)
TEXTS = numpy.array([["a"], ["b"], ["x"], ["a"]], object)


def model(op, kind, outputs, width=None, domain="ai.onnx.ml", shape=None, **options):
    """A model of one node."""
    node = helper.make_node(op, ["x"], [name for name, _ in outputs], name="the-node", domain=domain, **options)
    graph = helper.make_graph(
        [node],
        "main",
        [helper.make_tensor_value_info("x", kind, [None, width or 1])],
        [helper.make_tensor_value_info(name, made, shape) for name, made in outputs],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)], ir_version=8)


class Lowered(unittest.TestCase):
    """The semantics stay."""

    def both(self, original, x):
        """What the model answers, and what the rewritten one does."""
        expected = onnxruntime.InferenceSession(original.SerializeToString()).run(None, {"x": x})
        lowering = Lowering(original)
        lowered = lowering.run()
        self.assertFalse([node.op_type for node in lowered.graph.node if node.domain == "ai.onnx.ml" and node.op_type != "TreeEnsembleClassifier"])
        if x.dtype == object:
            codes = [lowering.codes.get(text, lowering.other) for text in x.reshape(-1)]
            x = numpy.array(codes, numpy.int64).reshape(x.shape)
        found = onnxruntime.InferenceSession(lowered.SerializeToString()).run(None, {"x": x})
        for index, output in enumerate(lowered.graph.output):
            if lowering.types.get(output.name) == STRING:
                found[index] = numpy.array([lowering.vocabulary[code] for code in found[index].reshape(-1)], object).reshape(found[index].shape)
        return expected, found

    def check(self, original, x):
        """Both are the same."""
        expected, found = self.both(original, x)
        for one, other in zip(expected, found, strict=True):
            one = numpy.asarray(one)
            self.assertEqual(one.shape, other.shape)
            if one.dtype.kind in "OU":
                self.assertEqual(one.tolist(), other.tolist())
            else:
                numpy.testing.assert_allclose(other, one, rtol=1e-5, atol=1e-6)

    def test_preparation(self):
        """Scalers, imputers, encoders."""
        y = [("y", FLOAT)]
        finite = numpy.nan_to_num(NUMBERS)
        self.check(model("Scaler", FLOAT, y, 2, offset=[1.0, 2.0], scale=[0.5, 3.0]), NUMBERS)
        for norm in ("L1", "L2", "MAX"):
            # With MAX, ONNX Runtime divides by zero where all are.
            self.check(model("Normalizer", FLOAT, y, 2, norm=norm), finite[1 if norm == "MAX" else 0 :])
        self.check(model("Imputer", FLOAT, y, 2, imputed_value_floats=[9.0, 8.0], replaced_value_float=float("nan")), NUMBERS)
        self.check(model("Binarizer", FLOAT, y, 2, threshold=0.25), finite)
        self.check(model("OneHotEncoder", INT64, y, cats_int64s=[1, 2, 3]), WHOLE)
        self.check(model("OneHotEncoder", STRING, y, cats_strings=["b", "a"]), TEXTS)

    def test_tables(self):
        """Every kind of key and value, and the default."""
        encoder = "LabelEncoder"
        self.check(model(encoder, INT64, [("y", STRING)], keys_int64s=[1, 2], values_strings=["one", "two"], default_string="?"), WHOLE)
        self.check(model(encoder, STRING, [("y", INT64)], keys_strings=["a", "b"], values_int64s=[7, 8], default_int64=-3), TEXTS)
        self.check(model(encoder, STRING, [("y", FLOAT)], keys_strings=["a", "b"], values_floats=[0.5, 1.5]), TEXTS)
        self.check(model(encoder, INT64, [("y", INT64)], keys_int64s=[5, 1], values_int64s=[2, 3]), WHOLE)

    def test_linear_models(self):
        """With integers and texts as labels, one score or several."""
        finite = numpy.nan_to_num(NUMBERS)
        outputs = [("label", INT64), ("scores", FLOAT)]
        weights = {"coefficients": [0.5, -1.0, 0.25, 0.75, -0.5, 1.0], "intercepts": [0.1, 0.2, -0.3]}
        for how in ("NONE", "SOFTMAX", "LOGISTIC"):
            self.check(model("LinearClassifier", FLOAT, outputs, 2, classlabels_ints=[3, 5, 9], post_transform=how, **weights), finite)
        texts = [("label", STRING), ("scores", FLOAT)]
        self.check(model("LinearClassifier", FLOAT, texts, 2, classlabels_strings=["x", "y", "z"], **weights), finite)
        self.check(model("LinearRegressor", FLOAT, [("y", FLOAT)], 2, coefficients=[0.5, 2.0], intercepts=[1.0]), finite)


class Refusals(unittest.TestCase):
    """What cannot run is named with its node, its operator and a way out."""

    def said(self, original):
        """Of a model."""
        with self.assertRaises(Refused) as raised:
            Lowering(original).run()
        return str(raised.exception)

    def test_operators(self):
        """Unknown ones, and those that make texts."""
        found = self.said(model("TfIdfVectorizer", STRING, [("y", FLOAT)], domain="com.microsoft"))
        self.assertEqual(
            found,
            "node 'the-node' (com.microsoft.TfIdfVectorizer): operators of the domain 'com.microsoft' are not part of ONNX; "
            "export the model without it, or do this step in a Python function",
        )
        found = self.said(model("StringNormalizer", STRING, [("y", STRING)], domain=""))
        self.assertIn("node 'the-node' (StringNormalizer): it does more with texts than to compare or to move them; ", found)
        found = self.said(model("DictVectorizer", INT64, [("y", FLOAT)]))
        self.assertIn("node 'the-node' (ai.onnx.ml.DictVectorizer): this operator is not supported; export", found)

    def test_files_and_samples(self):
        """That are not what they should be."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.onnx"
            onnx.save(model("Scaler", FLOAT, [("y", FLOAT)], 2, shape=[None, 2], offset=[1.0], scale=[2.0]), path)
            _, made, _, found = prepare("trial", path, [{"x": [1, 2]}, {"x": [3, 4.5]}])
            self.assertEqual(found, [{"y": [0.0, 2.0]}, {"y": [4.0, 7.0]}])
            self.assertEqual(made["arguments"]["properties"]["x"], {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2})
            self.assertEqual(json.loads(json.dumps(made))["examples"], [{"arguments": {"x": [1, 2]}, "result": {"y": [0.0, 2.0]}}])
            for sample, said in [
                ({"z": 1}, "row 0 of the sample has no 'x'; the model takes x"),
                ({"x": [1]}, "'x' of a row of the sample has the shape [1], and the model takes [2]"),
                ({"x": ["a", "b"]}, "'x' of the sample is not of the type FP32"),
                ([], "the sample must be a JSON object"),
            ]:
                with self.assertRaisesRegex(Refused, said.replace("[", r"\[")):
                    prepare("trial", path, sample)
            path.write_bytes(b"nothing")
            with self.assertRaisesRegex(Refused, "is not a valid ONNX model"):
                prepare("trial", path, {})


if __name__ == "__main__":
    unittest.main()
