"""Every kind of network that is imported, from the programs that people use; run it for docs/import.md's matrix."""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")  # which can export ONNX

import numpy as np

from mlp_train import importers
from mlp_train.importers import Imported

Case = Callable[[Path], Imported]
SKLEARN: dict[str, Callable[[], tuple[Any, Any]]] = {}  # an estimator, and rows by which skl2onnx knows its inputs


def _fitted(name: str) -> Callable[[Callable[[], tuple[Any, Any]]], None]:
    def remember(make: Callable[[], tuple[Any, Any]]) -> None:
        SKLEARN[name] = make

    return remember


def data(name: str) -> tuple[Any, Any]:
    """Return rows and answers of one of scikit-learn's own sets."""
    sets = importlib.import_module("sklearn.datasets")
    x, y = getattr(sets, f"load_{name}")(return_X_y=True)
    return x.astype(np.float32), y


def pipeline(*steps: Any) -> Any:
    """Return a pipeline."""
    return importlib.import_module("sklearn.pipeline").make_pipeline(*steps)


def scaled(last: Any, x: Any, y: Any, by: str = "StandardScaler") -> tuple[Any, Any]:
    """Return a fitted pipeline of a scaler and an estimator, and its rows."""
    scaler = getattr(importlib.import_module("sklearn.preprocessing"), by)()
    return pipeline(scaler, last).fit(x, y), x


def of(module: str, name: str, **parameters: Any) -> Any:
    """Return one of scikit-learn's estimators, the same one in every run."""
    estimator = getattr(importlib.import_module(f"sklearn.{module}"), name)(**parameters)
    seeded = "random_state" in estimator.get_params() and "random_state" not in parameters
    return estimator.set_params(random_state=0) if seeded else estimator


def network(kind: str, **parameters: Any) -> Any:
    """Return one of scikit-learn's own networks."""
    return of(
        "neural_network", kind, **{"hidden_layer_sizes": (16, 8), "max_iter": 60, "random_state": 0, **parameters}
    )


@_fitted("MLPClassifier, three classes")
def _three() -> tuple[Any, Any]:
    return scaled(network("MLPClassifier"), *data("iris"))


@_fitted("MLPClassifier, two classes with names")
def _two() -> tuple[Any, Any]:
    x, y = data("breast_cancer")
    return scaled(network("MLPClassifier", activation="tanh"), x, np.array(["bad", "good"])[y], "MinMaxScaler")


@_fitted("MLPClassifier, labels")
def _labels() -> tuple[Any, Any]:
    x, y = data("iris")
    return scaled(network("MLPClassifier", activation="logistic"), x, np.stack([y > 0, y > 1, y == 1], 1).astype(int))


@_fitted("MLPRegressor")
def _regressor() -> tuple[Any, Any]:
    return scaled(network("MLPRegressor"), *data("diabetes"), by="RobustScaler")


@_fitted("LogisticRegression, three classes")
def _logistic() -> tuple[Any, Any]:
    return scaled(of("linear_model", "LogisticRegression"), *data("iris"))


@_fitted("LogisticRegression, two classes")
def _logistic_two() -> tuple[Any, Any]:
    return scaled(of("linear_model", "LogisticRegression"), *data("breast_cancer"))


@_fitted("SGDClassifier, log loss")
def _sgd() -> tuple[Any, Any]:
    return scaled(of("linear_model", "SGDClassifier", loss="log_loss", random_state=0), *data("breast_cancer"))


@_fitted("Ridge, two numbers")
def _ridge() -> tuple[Any, Any]:
    x, y = data("diabetes")
    return scaled(of("linear_model", "Ridge"), x, np.stack([y, -2 * y], 1))


@_fitted("LinearRegression")
def _linear() -> tuple[Any, Any]:
    x, y = data("diabetes")
    return of("linear_model", "LinearRegression").fit(x, y), x


@_fitted("numbers with gaps")
def _gaps() -> tuple[Any, Any]:
    x, y = data("iris")
    x = np.where(np.random.default_rng(0).random(x.shape) < 0.2, np.nan, x).astype(np.float32)
    steps = of("impute", "SimpleImputer", strategy="median"), of("preprocessing", "StandardScaler")
    return pipeline(*steps, of("linear_model", "LogisticRegression")).fit(x, y), x


def passengers(count: int = 400) -> tuple[Any, Any]:
    """Return a data frame with numbers, gaps and texts, and what became of each row."""
    pandas: Any = importlib.import_module("pandas")
    generator = np.random.default_rng(0)
    rows = pandas.DataFrame(
        {
            "Age": np.where(generator.random(count) < 0.2, np.nan, generator.normal(40, 10, count)),
            "Fare": generator.exponential(30, count),
            "Pclass": generator.integers(1, 4, count),
            "Sex": generator.choice(["female", "male"], count),
            "Port": generator.choice(np.array(["S", "C", "Q"], object), count),
        }
    )
    return rows, ((rows.Sex == "female") | (rows.Age < 30)).astype(int)


def table_steps(*, simple: bool) -> Any:
    """Return the usual preparation of such rows; `simple` leaves out what skl2onnx does not write."""
    fill = of("impute", "SimpleImputer", strategy="median", add_indicator=not simple)
    encode = of("preprocessing", "OneHotEncoder", handle_unknown="ignore")
    parts = [
        ("numbers", pipeline(fill, of("preprocessing", "StandardScaler")), ["Age", "Fare"]),
        ("class", of("preprocessing", "OneHotEncoder"), ["Pclass"]),
        ("sex", of("preprocessing", "OneHotEncoder", **({} if simple else {"drop": "if_binary"})), ["Sex"]),
        (
            "port",
            encode if simple else pipeline(of("impute", "SimpleImputer", strategy="most_frequent"), encode),
            ["Port"],
        ),
    ]
    return of("compose", "ColumnTransformer", transformers=parts)


@_fitted("a table of numbers, texts and gaps")
def _table() -> tuple[Any, Any]:
    rows, y = passengers()
    return pipeline(table_steps(simple=False), network("MLPClassifier")).fit(rows, y), None


@_fitted("a table for skl2onnx")
def _simple_table() -> tuple[Any, Any]:
    rows, y = passengers()
    types: Any = importlib.import_module("skl2onnx.common.data_types")
    kinds = {"Sex": types.StringTensorType, "Port": types.StringTensorType, "Pclass": types.Int64TensorType}
    given = [(name, kinds.get(name, types.FloatTensorType)([None, 1])) for name in rows.columns]
    return pipeline(table_steps(simple=True), network("MLPClassifier")).fit(rows, y), given


@_fitted("mlp_train.MLPClassifier behind a scaler")
def _ours() -> tuple[Any, Any]:
    import mlp_train

    last = mlp_train.MLPClassifier(hidden=(8,), epochs=10, random_state=0)
    return scaled(last, *data("iris"))[0], None


def quietly(make: Callable[[], Any]) -> Any:
    """Call what warns of its own affairs, as exporters and short trainings do."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make()


def from_sklearn(name: str, folder: Path) -> Imported:
    """Take over an estimator."""
    return importers.sklearn(quietly(SKLEARN[name])[0])


def from_skl2onnx(name: str, folder: Path) -> Imported:
    """Take over an estimator as skl2onnx writes it."""
    skl2onnx: Any = importlib.import_module("skl2onnx")
    estimator, given = quietly(SKLEARN[name])
    types = {"initial_types": given} if isinstance(given, list) else {"X": given[:1]}
    made = quietly(lambda: skl2onnx.to_onnx(estimator, **types))
    path = folder / "sklearn.onnx"
    path.write_bytes(made.SerializeToString())
    return importers.onnx(path)


def torch_networks() -> dict[str, Any]:
    """Return modules with random weights."""
    torch: Any = importlib.import_module("torch")
    nn = torch.nn
    torch.manual_seed(0)
    deep = nn.Sequential(
        nn.Flatten(), nn.BatchNorm1d(784), nn.Linear(784, 16), nn.BatchNorm1d(16), nn.LeakyReLU(0.2), nn.Dropout(0.3),
        nn.Sequential(nn.Linear(16, 8), nn.Tanh()), nn.BatchNorm1d(8), nn.Linear(8, 4), nn.Softmax(dim=1),
    )  # fmt: skip
    deep.train()(torch.randn(64, 784))  # so that the normalisations have measured something
    several = nn.Sequential(
        nn.Linear(6, 8), nn.GELU(approximate="tanh"), nn.Linear(8, 8), nn.SiLU(), nn.Linear(8, 8), nn.ELU(0.7),
        nn.Linear(8, 8), nn.SELU(), nn.Linear(8, 8, bias=False), nn.Sigmoid(), nn.Linear(8, 2),
    )  # fmt: skip
    return {"batch normalisation": deep.eval(), "six activations": several.eval()}


def from_torch(name: str, folder: Path) -> Imported:
    """Take over a module."""
    return importers.torch(torch_networks()[name])


def from_torch_onnx(name: str, folder: Path, dynamo: bool) -> Imported:
    """Take over a module as one of PyTorch's two exporters writes it."""
    torch: Any = importlib.import_module("torch")
    module, path = torch_networks()[name], folder / "torch.onnx"
    rows = torch.randn(2, 784 if name == "batch normalisation" else 6)
    if dynamo:
        said: dict[str, Any] = {"dynamic_shapes": ({0: torch.export.Dim("n")},), "external_data": False}
    else:
        said = {"dynamic_axes": {"x": {0: "n"}}, "input_names": ["x"]}
    quietly(lambda: torch.onnx.export(module, (rows,), str(path), dynamo=dynamo, verbose=False, **said))
    return importers.onnx(path)


def keras_network(name: str) -> Any:
    """Return a Keras model with random weights."""
    keras: Any = importlib.import_module("keras")
    keras.utils.set_random_seed(0)
    layers, generator = keras.layers, np.random.default_rng(0)
    if name == "pixels":
        model = keras.Sequential(
            [
                keras.Input((28, 28)), layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(16),
                layers.BatchNormalization(), layers.Activation("relu"), layers.Dropout(0.2),
                layers.Dense(8, activation="silu"), layers.Dense(5, activation="softmax"),
            ]
        )  # fmt: skip
        model.layers[3].moving_mean.assign(generator.normal(size=16))
        model.layers[3].moving_variance.assign(generator.uniform(0.5, 1.5, 16))
        return model
    normal = layers.Normalization()
    normal.adapt(generator.normal(100, 5, (100, 4)))
    given = keras.Input((4,))
    a = layers.Dense(6, activation="tanh")(normal(given))
    a = layers.LeakyReLU(negative_slope=0.3)(layers.Dense(6)(a))
    a = layers.ELU(alpha=0.5)(layers.Dense(6, activation="leaky_relu")(a))
    return keras.Model(given, layers.Dense(1, activation="sigmoid")(a))


def from_keras(name: str, folder: Path) -> Imported:
    """Take over a Keras model."""
    return importers.keras(quietly(lambda: keras_network(name)))


def from_keras_onnx(name: str, folder: Path) -> Imported:
    """Take over a Keras model as Keras exports it."""
    model, path = quietly(lambda: keras_network(name)), folder / "keras.onnx"
    model(np.zeros((2, *model.input_shape[1:]), np.float32))  # it exports none that has not been called
    quietly(lambda: model.export(str(path), format="onnx", verbose=False))
    return importers.onnx(path)


def from_safetensors(name: str, folder: Path) -> Imported:
    """Take over the weights of a module, as PyTorch's users save them."""
    torch: Any = importlib.import_module("torch")
    save: Any = importlib.import_module("safetensors.torch")
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    save.save_file(module.state_dict(), str(folder / "net.safetensors"))
    (folder / "net.toml").write_text(
        '[[layers]]\nweight = "0.weight"\nbias = "0.bias"\nactivation = "relu"\n'
        '[[layers]]\nweight = "2.weight"\nbias = "2.bias"\n[output]\nclasses = ["a", "b", "c"]\nlogits = true\n'
    )
    return importers.safetensors(folder / "net.safetensors", folder / "net.toml")


def from_ourselves(name: str, folder: Path) -> Imported:
    """Take back a model that was exported."""
    from export_models import of_kind

    from mlp_train.exporters import export

    (content,) = export(of_kind(name), "onnx", folder / "ours.onnx").values()
    (folder / "ours.onnx").write_bytes(content)
    return importers.onnx(folder / "ours.onnx")


ROWS: list[tuple[str, str, Case, tuple[str, ...]]] = [  # how it comes, what it is, how it is made, what that needs
    *(
        ("scikit-learn", name, lambda at, name=name: from_sklearn(name, at), ("sklearn", "pandas"))
        for name in SKLEARN
        if name != "a table for skl2onnx"
    ),
    *(
        ("skl2onnx", name, lambda at, name=name: from_skl2onnx(name, at), ("onnx", "skl2onnx", "pandas"))
        for name in SKLEARN
        if name not in ("a table of numbers, texts and gaps", "mlp_train.MLPClassifier behind a scaler")
    ),
    *(
        (how, name, case, needs)
        for name in ("batch normalisation", "six activations")
        for how, case, needs in (
            ("PyTorch", lambda at, name=name: from_torch(name, at), ("torch",)),
            (
                "torch.onnx",
                lambda at, name=name: from_torch_onnx(name, at, True),
                ("torch", "onnx", "onnxscript"),
            ),
            ("torch.onnx, TorchScript", lambda at, name=name: from_torch_onnx(name, at, False), ("torch", "onnx")),
        )
    ),
    *(
        (how, name, case, needs)
        for name in ("pixels", "a functional model")
        for how, case, needs in (
            ("Keras", lambda at, name=name: from_keras(name, at), ("keras", "torch")),
            (
                "Keras's own ONNX",
                lambda at, name=name: from_keras_onnx(name, at),
                ("keras", "torch", "onnx", "onnxscript"),
            ),
        )
    ),
    *(
        ("mlp-train export", name, lambda at, name=name: from_ourselves(name, at), ("onnx",))
        for name in ("numbers of a vector", "classes of a colour image", "two classes of a table", "labels of a table")
    ),
    ("safetensors", "PyTorch's state_dict", lambda at: from_safetensors("", at), ("safetensors", "torch")),
]


def main() -> None:
    """Print the matrix."""
    print("| from | what | becomes | differs by | compared with |\n| --- | --- | --- | --- | --- |")
    for how, what, case, _ in ROWS:
        with tempfile.TemporaryDirectory() as folder:
            made = case(Path(folder))
        sizes = [made.model.layers[0].weight.shape[1], *(len(layer.bias) for layer in made.model.layers)]
        becomes = f"{made.model.input.kind} {'-'.join(map(str, sizes))}"
        print(f"| {how} | {what} | {becomes} | {made.difference:.1e} | {made.against} |")


if __name__ == "__main__":
    sys.exit(main())
