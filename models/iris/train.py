"""Trains the Iris random forest, exports it to ONNX and writes what the tests compare with.

Writes next to itself: iris.onnx, reference.csv, reference-grid.csv. Running it again gives the same bytes.
"""

import csv
import itertools
from pathlib import Path

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType, Int64TensorType
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import accuracy_score, confusion_matrix
from sklearn.model_selection import RepeatedStratifiedKFold, cross_val_score, train_test_split

HERE = Path(__file__).parent
SEED = 0
# Fully grown trees have pure leaves, so a probability is a count of votes over the number of trees. With a power of
# two every such fraction, and every partial sum of votes, is exact in the float32 that ONNX runtimes compute in:
# probabilities equal scikit-learn's to the bit, and ties break the same way. More trees than 16 are no more accurate
# here.
TREES = 16
FEATURES = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
# 5 steps in each feature, from below the smallest to above the largest measurement, which reaches the mixed votes
# and the ties that the training rows do not.
GRID = [np.linspace(low, high, 5).round(2) for low, high in [(4.0, 8.2), (1.8, 4.6), (0.8, 7.1), (0.1, 2.7)]]


def new_forest() -> RandomForestClassifier:
    return RandomForestClassifier(n_estimators=TREES, random_state=SEED)


def evaluate(features: np.ndarray, classes: np.ndarray, names: list[str]) -> None:
    """Prints what a forest trained the same way achieves on rows that it has not seen."""
    train_x, test_x, train_y, test_y = train_test_split(
        features, classes, test_size=1 / 3, stratify=classes, random_state=SEED
    )
    predicted = new_forest().fit(train_x, train_y).predict(test_x)
    print(f"held out: accuracy {accuracy_score(test_y, predicted):.3f} on {len(test_y)} rows, trained on {len(train_y)}")
    print(f"confusion matrix (rows: true, columns: predicted; {', '.join(names)}):")
    print(confusion_matrix(test_y, predicted))
    folds = RepeatedStratifiedKFold(n_splits=10, n_repeats=10, random_state=SEED)
    scores = cross_val_score(new_forest(), features, classes, cv=folds).reshape(10, 10).mean(axis=1)
    print(f"10-fold cross-validation, 10 repeats: accuracy {scores.mean():.3f}, {scores.min():.3f} to {scores.max():.3f}")


def export(forest: RandomForestClassifier) -> onnx.ModelProto:
    model = convert_sklearn(
        forest,
        name="iris",
        initial_types=[("features", FloatTensorType([None, 4]))],
        final_types=[("label", Int64TensorType([None])), ("probabilities", FloatTensorType([None, 3]))],
        # ai.onnx.ml 5 replaces TreeEnsembleClassifier by an operator that tract does not have.
        target_opset={"": 17, "ai.onnx.ml": 3},
        options={"zipmap": False},
    )
    # skl2onnx appends a cast of each output to the type that it already has, which confuses tract's type inference.
    ensemble, *casts = model.graph.node
    assert [cast.op_type for cast in casts] == ["Cast", "Cast"]
    ensemble.output[:] = [output.name for output in model.graph.output]
    # Votes of weight 0 have no effect; nodes_hitrates are statistics that no runtime reads.
    attributes = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in ensemble.attribute}
    del attributes["nodes_hitrates"]
    votes = [index for index, weight in enumerate(attributes["class_weights"]) if weight != 0]
    for name in ["class_ids", "class_nodeids", "class_treeids", "class_weights"]:
        attributes[name] = [attributes[name][index] for index in votes]
    del ensemble.attribute[:]
    ensemble.attribute.extend(onnx.helper.make_attribute(name, value) for name, value in attributes.items())
    del model.graph.node[1:]
    # skl2onnx lists these in the order of a set, which changes from run to run.
    opsets = sorted(model.opset_import, key=lambda opset: opset.domain)
    del model.opset_import[:]
    model.opset_import.extend(opsets)
    onnx.checker.check_model(model, full_check=True)
    return model


def verify(model: onnx.ModelProto, forest: RandomForestClassifier, features: np.ndarray) -> None:
    label, probabilities = ReferenceEvaluator(model).run(None, {"features": features.astype(np.float32)})
    np.testing.assert_array_equal(label, forest.predict(features))
    np.testing.assert_array_equal(probabilities, forest.predict_proba(features))


def write_reference(path: Path, forest: RandomForestClassifier, features: np.ndarray, names: list[str]) -> None:
    """Writes features, scikit-learn's class and probabilities; `repr` of a float gives all its digits."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*FEATURES, "class", *names])
        for row, label, probabilities in zip(features, forest.predict(features), forest.predict_proba(features)):
            writer.writerow([*map(repr, row.tolist()), label, *map(repr, probabilities.tolist())])


def main() -> None:
    iris = load_iris()
    names = iris.target_names.tolist()
    evaluate(iris.data, iris.target, names)

    forest = new_forest().fit(iris.data, iris.target)
    grid = np.array(list(itertools.product(*GRID)))
    model = export(forest)
    verify(model, forest, np.vstack([iris.data, grid]))

    (HERE / "iris.onnx").write_bytes(model.SerializeToString(deterministic=True))
    write_reference(HERE / "reference.csv", forest, iris.data, names)
    write_reference(HERE / "reference-grid.csv", forest, grid, names)
    print(f"iris.onnx: {TREES} trees trained on all {len(iris.data)} rows, {model.ByteSize()} bytes")


if __name__ == "__main__":
    main()
