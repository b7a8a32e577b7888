"""A fitted estimator of scikit-learn holds all that a model file needs: its steps become the input, its end layers."""

from __future__ import annotations

import importlib
from dataclasses import replace
from typing import Any

import numpy as np

from mlp_train.array import Array
from mlp_train.errors import ForeignModelError, UsageError
from mlp_train.importers.answers import Found, Wishes
from mlp_train.importers.checking import Feed, Imported, Reference, taken_over
from mlp_train.importers.net import Block, Category, Net, Numbers
from mlp_train.importers.onnx_shapes import text_of
from mlp_train.importers.sklearn_steps import STEPS, Raw, chosen_columns, columns
from mlp_train.importers.sources import Source, named

LINEAR = {
    "LinearRegression", "Ridge", "RidgeCV", "Lasso", "LassoCV", "ElasticNet", "ElasticNetCV", "MultiTaskLasso",
    "MultiTaskLassoCV", "MultiTaskElasticNet", "MultiTaskElasticNetCV", "Lars", "LarsCV", "LassoLars", "LassoLarsCV",
    "LassoLarsIC", "OrthogonalMatchingPursuit", "OrthogonalMatchingPursuitCV", "BayesianRidge", "ARDRegression",
    "HuberRegressor", "QuantileRegressor", "TheilSenRegressor", "SGDRegressor", "PassiveAggressiveRegressor",
    "LinearSVR",
}  # fmt: skip
LOGISTIC = {"LogisticRegression", "LogisticRegressionCV", "SGDClassifier"}
WITHOUT_PROBABILITIES = {
    "LinearSVC",
    "RidgeClassifier",
    "RidgeClassifierCV",
    "Perceptron",
    "PassiveAggressiveClassifier",
}
SEARCHES = {"GridSearchCV", "RandomizedSearchCV", "HalvingGridSearchCV", "HalvingRandomSearchCV"}
ACTIVATIONS = {"identity": "identity", "logistic": "sigmoid", "tanh": "tanh", "relu": "relu", "softmax": "softmax"}


def import_sklearn(estimator: Any, wish: Wishes) -> Imported:
    """Return the model of a fitted estimator, or of a pipeline that ends with one."""
    try:
        package = importlib.import_module("sklearn")
    except ImportError as error:
        raise UsageError("taking over scikit-learn's estimators needs it: pip install 'mlp-train[sklearn]'") from error
    estimator = _best(estimator)
    steps, last = _steps(estimator)
    fitted = importlib.import_module("sklearn.exceptions").NotFittedError
    first = next(iter(steps), (None, last))[1]
    width = getattr(first, "n_features_in_", None)
    if width is None:
        raise ForeignModelError(f"{_name(first)} is not fitted yet: call fit first")
    names = [str(one) for one in getattr(first, "feature_names_in_", [])]
    given = tuple(wish.features or names or (f"x{at}" for at in range(width)))
    (whole,) = named([Source("X", "number", (width,))], given)
    source_names = whole.names or ()
    net = Net((Numbers("X", np.arange(width), np.zeros(width), np.ones(width)),))
    texts = _texts(steps, net, names)
    net = Net(tuple(_column(at, texts) for at in range(width))) if texts else net
    try:
        for name, step in steps:
            net = _step(step, net, f"the step {name!r} ({_name(step)})", names)
        net, found = _estimator(last, net)
    except (AttributeError, fitted) as error:
        raise ForeignModelError(f"{_name(estimator)} is not fitted, or not in the usual way: {error}") from error
    sources = [whole]
    if texts:
        sources = [Source(one, "text" if at in texts else "number", (1,)) for at, one in enumerate(source_names)]
        net = _renamed(net, source_names)
    origin = {"form": f"scikit-learn {package.__version__}", "estimator": _name(estimator), "last": _name(last)}
    hole = None if _reads_none([step for _, step in steps]) else np.nan
    reference = _reference(estimator, found, sources, names, f"scikit-learn {package.__version__}", hole)
    asked = Wishes(wish.classes, wish.labels, wish.names, None, wish.logits)
    return taken_over(net, sources, found, asked, reference, origin, _name(last), _name(last))


def _best(estimator: Any) -> Any:
    if _is(estimator, SEARCHES):
        if not hasattr(estimator, "best_estimator_"):
            raise ForeignModelError(f"{_name(estimator)} is not fitted, or with refit=False: it holds no estimator")
        return estimator.best_estimator_
    return estimator


def _is(thing: Any, names: set[str]) -> bool:
    """Tell whether a thing is one of scikit-learn's classes; a class derived from one may compute something else."""
    return type(thing).__name__ in names and type(thing).__module__.startswith("sklearn.")


def _name(thing: Any) -> str:
    return type(thing).__name__[:80]


def _steps(estimator: Any) -> tuple[list[tuple[str, Any]], Any]:
    """Return the steps before the last estimator by name, those of inner pipelines too, and the last one."""
    if not _is(estimator, {"Pipeline"}):
        return [], estimator
    before: list[tuple[str, Any]] = []
    *first, (_, last) = estimator.steps
    for name, step in first:
        if step is None or step == "passthrough":
            continue
        before.append((name, step))
    inner, last = _steps(_best(last))
    return [*before, *inner], last


def _step(step: Any, net: Net, where: str, names: list[str]) -> Net:
    """Return what a step makes of the columns."""
    if _is(step, {"Pipeline"}):
        for name, inner in step.steps:
            if inner is not None and inner != "passthrough":
                net = _step(inner, net, f"{where}, {name} ({_name(inner)})", names)
        return net
    if _is(step, {"ColumnTransformer"}):
        return columns(
            step, net, where, names, lambda inner, part, at: _step(inner, part, f"{at} ({_name(inner)})", [])
        )
    if not _is(step, set(STEPS)):
        raise ForeignModelError(f"{where} does what no model file can say: known are {', '.join(STEPS)}")
    return STEPS[type(step).__name__](step, net, where)


def _texts(steps: list[tuple[str, Any]], net: Net, names: list[str]) -> set[int]:
    """Return the places of the columns that an encoder or an imputer reads as texts."""
    found: set[int] = set()

    def look(step: Any, part: list[int]) -> None:
        if _is(step, {"Pipeline"}):
            for _, inner in step.steps:
                look(inner, part)
        elif _is(step, {"ColumnTransformer"}):
            for _, inner, chosen in step.transformers_:
                if not isinstance(inner, str):
                    look(inner, [part[at] for at in chosen_columns(chosen, len(part), names, "ColumnTransformer")])
        elif _is(step, {"OneHotEncoder"}):
            found.update(at for at, values in zip(part, step.categories_, strict=False) if _are_texts(values))
        elif _is(step, {"SimpleImputer"}):
            found.update(at for at, fill in zip(part, step.statistics_, strict=False) if isinstance(fill, str))

    for _, step in steps:
        look(step, list(range(net.width)))
    return found


def _reads_none(steps: list[Any]) -> bool:
    """Tell whether a missing cell is None to the steps, and not NaN."""
    for step in steps:
        inner = [one for _, one in step.steps] if _is(step, {"Pipeline"}) else []
        inner = [one for _, one, _ in step.transformers_] if _is(step, {"ColumnTransformer"}) else inner
        known = [name for values in getattr(step, "categories_", ()) for name in values]
        if _reads_none(inner) or any(name is None for name in known):
            return True
        if _is(step, {"SimpleImputer"}) and step.missing_values is None:
            return True
    return False


def _are_texts(values: Any) -> bool:
    return any(isinstance(value, (str, bool, np.bool_)) for value in values)


def _column(at: int, texts: set[int]) -> Any:
    one = np.array([at])
    return Raw("X", at) if at in texts else Numbers("X", one, np.zeros(1), np.ones(1))


def _renamed(net: Net, names: tuple[str, ...]) -> Net:
    """Return the network with every column as a source of its own, because texts and numbers do not share an array."""
    blocks: list[Block] = []
    for block in net.blocks:
        if isinstance(block, Category):
            blocks.append(replace(block, source=names[block.place], place=0))
            continue
        for index in range(block.width):
            one = block.take(np.array([index]))
            assert not isinstance(one, Category)
            blocks.append(replace(one, source=names[int(one.places[0])], places=np.zeros(1, np.int64)))
    return Net(tuple(blocks), net.layers, net.scale, net.shift)


def _estimator(last: Any, net: Net) -> tuple[Net, Found]:
    """Return the layers of the estimator behind the steps, and what it answers."""
    where = f"the estimator {_name(last)}"
    if any(isinstance(block, Raw) for block in net.blocks):
        raise ForeignModelError(f"{where} is given a column of texts, which nothing has encoded")
    if type(last).__module__.startswith("mlp_train."):
        return _ours(last, net, where)
    if _is(last, {"TransformedTargetRegressor"}):
        return _transformed(last, net, where)
    if _is(last, {"MLPClassifier", "MLPRegressor"}):
        return _network(last, net, where)
    if _is(last, LOGISTIC):
        return _logistic(last, net, where)
    if _is(last, LINEAR):
        weight = np.atleast_2d(_plain(last.coef_)).T
        return net.dense(weight, np.broadcast_to(last.intercept_, weight.shape[1]), where), Found("numbers")
    if _is(last, WITHOUT_PROBABILITIES):
        raise ForeignModelError(
            f"{where} gives scores and no probabilities, but classes of a model file have them: LogisticRegression, "
            "or SGDClassifier with loss='log_loss'"
        )
    raise ForeignModelError(f"{where} is none that is read: it computes what no layers do, or is a class of your own")


def _plain(coefficients: Any) -> Array:
    return np.asarray(coefficients.toarray() if hasattr(coefficients, "toarray") else coefficients, np.float64)


def _network(last: Any, net: Net, where: str) -> tuple[Net, Found]:
    """Return the layers of scikit-learn's own multilayer perceptrons."""
    for index, (weight, bias) in enumerate(zip(last.coefs_, last.intercepts_, strict=True)):
        is_last = index == len(last.coefs_) - 1
        name = last.out_activation_ if is_last else last.activation
        if name not in ACTIVATIONS:
            raise ForeignModelError(f"{where} ends with {name!r} without a limit, which no model file has")
        net = net.dense(weight, bias, where).activate(ACTIVATIONS[name], {}, where)
    if not hasattr(last, "classes_"):
        return net, Found("numbers")
    many = last._label_binarizer.y_type_ == "multilabel-indicator"
    return net, Found("labels" if many else "classes", _texts_of(last.classes_), None)


def _texts_of(classes: Any) -> tuple[str, ...]:
    return tuple(text_of(one) for one in classes)


def _logistic(last: Any, net: Net, where: str) -> tuple[Net, Found]:
    """Return the one layer of a logistic regression."""
    if _is(last, {"SGDClassifier"}) and last.loss != "log_loss":
        raise ForeignModelError(f"{where} has loss={last.loss!r}, whose probabilities no layer gives: log_loss has")
    weight = np.atleast_2d(_plain(last.coef_)).T
    one_each = _is(last, {"SGDClassifier"}) or getattr(last, "multi_class", "") == "ovr" or last.solver == "liblinear"
    if weight.shape[1] > 1 and one_each:
        raise ForeignModelError(
            f"{where} divides the probabilities of {weight.shape[1]} classes, each against the rest, by their sum, "
            "which no layer does: fit LogisticRegression with another solver"
        )
    made = net.dense(weight, np.broadcast_to(last.intercept_, weight.shape[1]), where)
    return made.activate("sigmoid" if weight.shape[1] == 1 else "softmax", {}, where), Found(
        "classes", _texts_of(last.classes_)
    )


def _transformed(last: Any, net: Net, where: str) -> tuple[Net, Found]:
    """Return a regression whose target was scaled."""
    steps, inner = _steps(_best(last.regressor_))
    for name, step in steps:
        net = _step(step, net, f"the step {name!r} ({_name(step)}) of {where}", [])
    made, found = _estimator(inner, net)
    back = last.transformer_
    if _is(back, {"FunctionTransformer"}) and back.func is None and back.inverse_func is None:
        return made, found
    if _is(back, {"StandardScaler"}):
        scale = 1.0 if back.scale_ is None else back.scale_
        return made.scaled(scale, 0.0 if back.mean_ is None else back.mean_, where), found
    if _is(back, {"MinMaxScaler"}):
        return made.scaled(1 / back.scale_, -back.min_ / back.scale_, where), found
    raise ForeignModelError(
        f"{where} undoes a {_name(back)} of the target, which no model file can: scale it, or leave it"
    )


def _ours(last: Any, net: Net, where: str) -> tuple[Net, Found]:
    """Return the layers of mlp_train.MLPClassifier or MLPRegressor, which may stand behind steps of scikit-learn."""
    model = last.model_
    if model.input.kind != "vector":
        raise ForeignModelError(f"{where} was trained on images: its export() writes the model file")
    net = net.centred(model.input.mean, model.input.factor, where)
    for layer in model.layers:
        net = net.dense(np.asarray(layer.weight).T, layer.bias, where)
        net = net.activate(layer.activation.name, layer.parameters, where)
    said = model.describe()["output"]
    if model.output_kind == "numbers":
        return net.scaled(said.get("scale") or 1.0, said.get("mean") or 0.0, where), Found("numbers")
    return net, Found(model.output_kind, tuple(model.classes), said.get("threshold"))


def _reference(
    estimator: Any, found: Found, sources: list[Source], names: list[str], what: str, hole: Any
) -> Reference:
    """Return what the estimator itself answers."""

    def given(feed: Feed) -> Any:
        arrays = [np.asarray(feed[source.name]) for source in sources]
        holes = [np.where(rows == None, hole, rows) if rows.dtype == object else rows for rows in arrays]  # noqa: E711
        mixed = any(rows.dtype == object for rows in arrays)
        rows = np.concatenate([part.astype(object) for part in holes], 1) if mixed else np.concatenate(holes, 1)
        if mixed and not any(source.kind == "text" for source in sources):
            rows = rows.astype(np.float64)
        if not names:
            return rows
        pandas: Any = importlib.import_module("pandas")  # names can only have come from data frames
        frame = pandas.DataFrame(rows, columns=names)
        for at, source in enumerate([s for s in sources for _ in range(s.width)]):
            if source.kind != "text":
                frame[names[at]] = frame[names[at]].astype(np.float64)
        return frame

    def values(feed: Feed) -> Array:
        if found.kind == "numbers":
            return np.asarray(estimator.predict(given(feed)), np.float64).reshape(len(next(iter(feed.values()))), -1)
        return np.asarray(estimator.predict_proba(given(feed)), np.float64)

    labels = None if found.kind != "classes" else lambda feed: [text_of(one) for one in estimator.predict(given(feed))]
    return Reference(what, values, labels)
