"""Models as people export them, each prepared and run by tract, beside ONNX Runtime: `matrix.py FOLDER [NAME…]`.

Writes the prepared models and what ONNX Runtime answers into FOLDER; `cargo run --example check` compares.
"""

import json
import sys
import warnings
from pathlib import Path

import numpy
import onnx
import onnxruntime

sys.path.insert(0, str(Path(__file__).resolve().parent))

import contract
from networks import NETWORKS
from prepare import prepare

SEED = 7
OPSET = 17
ROWS = 20


def flowers():
    """The data of most classifiers: three classes."""
    from sklearn.datasets import load_iris

    x, y = load_iris(return_X_y=True)
    return x.astype(numpy.float32), y


def two():
    """Two classes."""
    x, y = flowers()
    return x[50:], (y[50:] == 2).astype(int)


def patients():
    """The data of most regressors."""
    from sklearn.datasets import load_diabetes

    x, y = load_diabetes(return_X_y=True)
    return (x * 20).astype(numpy.float32), y.astype(numpy.float32)


def fitted(model, data=flowers, **options):
    """A scikit-learn model through skl2onnx, with rows to try."""
    from skl2onnx import to_onnx

    x, y = data()
    model.fit(x, y)
    zipmap = {id(model): {"zipmap": False}} if hasattr(model, "predict_proba") else None
    options = options.get("options", zipmap)
    made = to_onnx(model, x[:1], target_opset={"": OPSET, "ai.onnx.ml": 3}, options=options)
    return made, {"X": x[:: max(1, len(x) // ROWS)]}


def zipped(model, data=flowers):
    """The same with a ZipMap."""
    from skl2onnx import to_onnx

    x, y = data()
    model.fit(x, y)
    return to_onnx(model, x[:1], target_opset={"": OPSET, "ai.onnx.ml": 3}), {"X": x[::8]}


def named():
    """Flowers whose classes are texts."""
    x, y = flowers()
    return x, numpy.array(["setosa", "versicolor", "virginica"])[y]


def gaps():
    """Flowers with gaps."""
    x, y = flowers()
    x = x.copy()
    x[numpy.random.default_rng(SEED).random(x.shape) < 0.2] = numpy.nan
    return x, y


def mixed(model):
    """Columns of numbers and of texts, prepared by a ColumnTransformer."""
    import pandas
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    random = numpy.random.default_rng(SEED)
    count = 200
    frame = pandas.DataFrame(
        {
            "age": random.integers(18, 90, count).astype(numpy.float32),
            "fare": random.gamma(2, 20, count).astype(numpy.float32),
            "port": random.choice(["Cherbourg", "Queenstown", "Southampton"], count),
            "class": random.choice(["first", "second", "third"], count),
        }
    )
    target = ((frame["age"] < 40) ^ (frame["class"] == "first")).astype(int)
    pipeline = make_pipeline(
        ColumnTransformer(
            [
                ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), ["age", "fare"]),
                ("texts", OneHotEncoder(handle_unknown="ignore"), ["port", "class"]),
            ]
        ),
        model,
    )
    pipeline.fit(frame, target)
    types = [(name, (StringTensorType if frame[name].dtype == object or str(frame[name].dtype).startswith("str") else FloatTensorType)([None, 1])) for name in frame]
    options = {id(model): {"zipmap": False}} if hasattr(model, "predict_proba") else None
    made = to_onnx(pipeline, initial_types=types, target_opset={"": OPSET, "ai.onnx.ml": 3}, options=options)
    rows = {name: frame[name].to_numpy()[:ROWS, None] for name in frame}
    rows["port"] = rows["port"].astype(object)
    rows["class"] = rows["class"].astype(object)
    rows["port"][0, 0] = "Rotterdam"
    return made, rows


def xgboost(kind, data, **options):
    """XGBoost through onnxmltools."""
    import xgboost as library
    from onnxmltools import convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType

    x, y = data()
    model = getattr(library, kind)(n_estimators=20, max_depth=4, random_state=SEED, n_jobs=1, **options)
    model.fit(x, y)
    return convert_xgboost(model, initial_types=[("X", FloatTensorType([None, x.shape[1]]))], target_opset=15), {"X": x[::8]}


def lightgbm(kind, data, **options):
    """LightGBM through onnxmltools."""
    import lightgbm as library
    from onnxmltools import convert_lightgbm
    from onnxmltools.convert.common.data_types import FloatTensorType

    x, y = data()
    model = getattr(library, kind)(n_estimators=20, num_leaves=15, random_state=SEED, n_jobs=1, verbose=-1, **options)
    model.fit(x, y)
    return convert_lightgbm(model, initial_types=[("X", FloatTensorType([None, x.shape[1]]))], target_opset=15, zipmap=False), {"X": x[::8]}


def matrix():
    """Each model by its name: a function that makes it, and its rows."""
    from sklearn import cluster, decomposition, ensemble, linear_model, naive_bayes, neighbors, neural_network, pipeline, preprocessing, svm, tree

    def piped(*steps):
        return pipeline.make_pipeline(*steps)

    def logistic():
        return linear_model.LogisticRegression(max_iter=1000)

    scaler = preprocessing.StandardScaler
    random = {"random_state": SEED}
    found = {
        "logistic": lambda: fitted(logistic()),
        "logistic-two": lambda: fitted(logistic(), two),
        "logistic-zipmap": lambda: zipped(logistic()),
        "logistic-texts": lambda: fitted(logistic(), named),
        "scaled-logistic": lambda: fitted(piped(scaler(), logistic())),
        "scaled-logistic-texts-zipmap": lambda: zipped(piped(scaler(), logistic()), named),
        "minmax-ridge": lambda: fitted(piped(preprocessing.MinMaxScaler(), linear_model.Ridge()), patients),
        "robust-lasso": lambda: fitted(piped(preprocessing.RobustScaler(), linear_model.Lasso()), patients),
        "maxabs-elastic": lambda: fitted(piped(preprocessing.MaxAbsScaler(), linear_model.ElasticNet()), patients),
        "normalizer-l2": lambda: fitted(piped(preprocessing.Normalizer(), logistic())),
        "normalizer-l1": lambda: fitted(piped(preprocessing.Normalizer("l1"), logistic())),
        "binarizer": lambda: fitted(piped(preprocessing.Binarizer(threshold=2.0), logistic())),
        "polynomial": lambda: fitted(piped(preprocessing.PolynomialFeatures(2), scaler(), linear_model.Ridge()), patients),
        "bins": lambda: fitted(piped(preprocessing.KBinsDiscretizer(4, encode="onehot-dense", quantile_method="averaged_inverted_cdf"), logistic())),
        "imputer": lambda: fitted(piped(__import__("sklearn.impute").impute.SimpleImputer(), logistic()), gaps),
        "pca": lambda: fitted(piped(scaler(), decomposition.PCA(2), logistic())),
        "linear": lambda: fitted(linear_model.LinearRegression(), patients),
        "sgd": lambda: fitted(piped(scaler(), linear_model.SGDClassifier(loss="log_loss", **random))),
        "perceptron": lambda: fitted(piped(scaler(), linear_model.Perceptron(**random))),
        "tree": lambda: fitted(tree.DecisionTreeClassifier(**random)),
        "tree-regressor": lambda: fitted(tree.DecisionTreeRegressor(max_depth=6, **random), patients),
        "forest": lambda: fitted(ensemble.RandomForestClassifier(20, **random)),
        "forest-two": lambda: fitted(ensemble.RandomForestClassifier(20, **random), two),
        "forest-texts": lambda: fitted(ensemble.RandomForestClassifier(20, **random), named),
        "forest-regressor": lambda: fitted(ensemble.RandomForestRegressor(20, **random), patients),
        "extra-trees": lambda: fitted(ensemble.ExtraTreesClassifier(20, **random)),
        "boosting": lambda: fitted(ensemble.GradientBoostingClassifier(n_estimators=20, **random)),
        "boosting-two": lambda: fitted(ensemble.GradientBoostingClassifier(n_estimators=20, **random), two),
        "boosting-regressor": lambda: fitted(ensemble.GradientBoostingRegressor(n_estimators=20, **random), patients),
        "bagging": lambda: fitted(ensemble.BaggingClassifier(n_estimators=5, **random)),
        "voting": lambda: fitted(ensemble.VotingClassifier([("a", logistic()), ("b", tree.DecisionTreeClassifier(max_depth=3, **random))], voting="soft", flatten_transform=False)),
        "adaboost": lambda: fitted(ensemble.AdaBoostClassifier(n_estimators=10, **random)),
        "svc": lambda: fitted(svm.SVC(**random)),
        "svc-two": lambda: fitted(svm.SVC(**random), two),
        "svc-probabilities": lambda: fitted(piped(scaler(), svm.SVC(probability=True, **random))),
        "svc-probabilities-two": lambda: fitted(svm.SVC(probability=True, **random), two),
        "svc-polynomial": lambda: fitted(svm.SVC(kernel="poly", probability=True, **random)),
        "svr": lambda: fitted(svm.SVR(), patients),
        "linear-svr": lambda: fitted(svm.LinearSVR(max_iter=10000, **random), patients),
        "nearest": lambda: fitted(neighbors.KNeighborsClassifier(3)),
        "nearest-regressor": lambda: fitted(neighbors.KNeighborsRegressor(3), patients),
        "kmeans": lambda: fitted(cluster.KMeans(3, n_init=3, **random)),
        "mlp": lambda: fitted(piped(scaler(), neural_network.MLPClassifier(hidden_layer_sizes=(16,), max_iter=200, **random))),
        "mlp-regressor": lambda: fitted(piped(scaler(), neural_network.MLPRegressor(hidden_layer_sizes=(16,), max_iter=200, **random)), patients),
        "bayes": lambda: fitted(naive_bayes.GaussianNB()),
        "columns-logistic": lambda: mixed(logistic()),
        "columns-forest": lambda: mixed(ensemble.RandomForestClassifier(20, **random)),
        "columns-boosting": lambda: mixed(ensemble.GradientBoostingClassifier(n_estimators=20, **random)),
        "xgboost": lambda: xgboost("XGBClassifier", flowers),
        "xgboost-two": lambda: xgboost("XGBClassifier", two),
        "xgboost-regressor": lambda: xgboost("XGBRegressor", patients),
        "lightgbm": lambda: lightgbm("LGBMClassifier", flowers),
        "lightgbm-two": lambda: lightgbm("LGBMClassifier", two),
        "lightgbm-regressor": lambda: lightgbm("LGBMRegressor", patients),
    }
    return found


def json_rows(feeds):
    """The sample, row by row."""
    count = len(next(iter(feeds.values())))

    def plain(value):
        value = value.tolist() if hasattr(value, "tolist") else value
        return value

    rows = []
    for index in range(count):
        row = {}
        for name, values in feeds.items():
            value = plain(values[index])
            row[name] = value[0] if isinstance(value, list) and len(value) == 1 else value
        rows.append(row)
    return rows


def tensor(value, port):
    """A tensor for the check."""
    value = numpy.asarray(value)
    data = [contract.number(it, port["datatype"]) for it in value.reshape(-1)]
    return {"shape": list(value.shape), "data": data}


def write(folder, name, model, feeds):
    """Prepares a model, and writes it with what ONNX Runtime answers."""
    path = folder / f"{name}.onnx"
    onnx.save(model, path)
    prepared, made, _, _ = prepare(name, path, json_rows(feeds))
    if made["model"]["inputs"][0]["shape"][0] == 1:
        feeds = {name: value[:1] for name, value in feeds.items()}
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    answers = session.run(None, feeds)
    outputs = []
    for port, value in zip(made["model"]["outputs"], answers, strict=True):
        if isinstance(value, list) and isinstance(value[0], dict):
            value = numpy.array([[row[label] for label in port["classes"]] for row in value], numpy.float32)
        outputs.append(tensor(value, port))
    inputs = [tensor(feeds[port["name"]], port) for port in made["model"]["inputs"]]
    onnx.save(prepared, path)
    path.with_suffix(".json").write_text(json.dumps({"inputs": inputs, "outputs": outputs}), encoding="utf-8")


def main(arguments):
    """The command line."""
    warnings.simplefilter("ignore")
    folder = Path(arguments[0])
    folder.mkdir(parents=True, exist_ok=True)
    known = NETWORKS
    try:
        import sklearn  # noqa: F401
    except ImportError:
        print("scikit-learn is not installed: networks alone")
    else:
        known = known | matrix()
    failed = 0
    for name in arguments[1:] or known:
        try:
            write(folder, name, *known[name]())
        except Exception as error:  # noqa: BLE001 # Each model is told of.
            failed += 1
            print(f"{name}: NOT PREPARED: {type(error).__name__}: {str(error)[:300]}")
            (folder / f"{name}.onnx").unlink(missing_ok=True)
    print(f"{failed} of {len(arguments[1:] or known)} models were not prepared")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main(sys.argv[1:])
