"""Evaluation asks a finished model about samples that it was not trained on, and counts how often it is right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

import mlp_data
from mlp_data.dataset import Dataset, Split
from mlp_data.errors import DataError
from mlp_data.sample_weights import NoWeights
from mlp_runtime import InputError, Model
from mlp_runtime.errors import nearest
from mlp_runtime.inputs import TableInput
from mlp_train.array import Array
from mlp_train.errors import UsageError
from mlp_train.metrics import full_score, labels, rounded
from mlp_train.metrics.classes import confusion_matrix, per_class
from mlp_train.plan import hold_out
from mlp_train.provenance import provenance
from mlp_train.raw_batches import batches
from mlp_train.reporters.words import percent

TASKS = {"classes": "classification", "labels": "multi-label", "numbers": "regression"}  # by what a model gives


@dataclass(frozen=True)
class ClassFigures:
    """How well one class, or one of several labels, is told. support: how many samples are of it, or their weight."""

    name: str
    precision: float
    recall: float
    f1: float
    support: float


@dataclass(frozen=True)
class Evaluation:
    """How good a model is. split: "test", "held-out" or "all". note: what was measured, and why just that.

    metrics: see `mlp_train.metrics.full_score`. classes: the figures of each class or label of the model. confusion:
    for each class, in their order, how often it was taken for which; of labels and numbers there is none.
    """

    split: str
    samples: int
    metrics: Mapping[str, float]
    note: str
    classes: tuple[ClassFigures, ...] = ()
    confusion: tuple[tuple[float, ...], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as values that JSON knows, the metrics under their own names."""
        said = asdict(self)
        return {"split": said.pop("split"), "samples": said.pop("samples"), **said.pop("metrics"), **said}


@dataclass(frozen=True, eq=False)
class Answers:
    """What a model said and what is right, as `full_score` takes them; of classes by their place in the model's."""

    predicted: Array
    actual: Array
    probabilities: Array | None  # (n, classes or labels)
    weights: Array | None


def evaluate(model: Model, dataset: Dataset) -> Evaluation:
    """Measure a model on samples that it has never seen: never on those that it was trained on.

    That is the test split where the dataset has one; of the data that the model was trained on, the samples that were
    held out; of other data, all. DataError where nothing of this is left, or where the data are not for this model.

    >>> import mlp_data, mlp_train
    >>> x = np.random.default_rng(0).normal(size=(200, 2))
    >>> data = mlp_data.from_arrays(x, (x[:, 0] > 0).astype(int))
    >>> found = evaluate(mlp_train.fit(data, epochs=20, seed=1).model, data)
    >>> found.split, found.samples, found.metrics["accuracy"] > 0.8
    ('held-out', 20, True)
    """
    dataset, splits, split, note = unseen(model, dataset)
    return judge(model, ask(model, dataset, splits), split, note)


def judge(model: Model, found: Answers, split: str, note: str) -> Evaluation:
    """Measure answers, overall and by class; `split` and `note` say whose they are."""
    classes, confusion = _by_class(model, found)
    return Evaluation(split, len(found.actual), _figures(model, found), note, classes, confusion)


def loading_options(model: Model, target: str | None = None) -> dict[str, Any]:
    """Return the options with which `mlp_data.load` reads data for `model`: those of its training."""
    training = provenance(model.training)
    said = training.get("options", {})
    if model.input.kind == "image":
        return {"transpose": said.get("transpose"), "target": target}
    if model.input.kind != "table":
        return {"target": target}
    saved = {name: said.get(name) for name in ("drop", "columns")}
    return {"target": target or training.get("target"), "task": TASKS[model.output_kind], **saved}


def load_data(model: Model, source: str, target: str | None = None, **options: Any) -> Dataset:
    """Load data to measure `model` on, as those of its training were read; `options` are those of `mlp_data.load`.

    Rows weigh what the column says that weighed them in training; where other data lack it, they weigh alike.
    """
    options = {**loading_options(model, target), **options}
    column = options.get("weight_column")
    if isinstance(model.input, TableInput) and column in {one.name for one in model.input.columns}:
        raise UsageError(
            f"the column {column!r} cannot weigh the rows, because the model takes it as an input: choose another, or "
            "leave --weight-column out"
        )
    weights = provenance(model.training).get("options", {}).get("weight_column")
    if weights is None or model.input.kind != "table":
        return mlp_data.load(source, **options)
    try:
        return mlp_data.load(source, **{"weight_column": weights, **options})
    except NoWeights:
        if "weight_column" in options:
            raise
        return mlp_data.load(source, **options)


def score_splits(model: Model, dataset: Dataset, names: Sequence[str]) -> tuple[int, dict[str, float]]:
    """Return the number of samples in these splits together, and all figures over them."""
    found = ask(model, dataset, names)
    return len(found.actual), _figures(model, found)


def ask(model: Model, dataset: Dataset, names: Sequence[str]) -> Answers:
    """Let the model answer all samples of these splits.

    Classes are matched by name, because another source may number them otherwise.
    """
    check_kind(model, dataset)
    task = TASKS[model.output_kind]
    if task != dataset.task:
        raise DataError(
            f"{dataset.name}: the answers ask for {dataset.task}, but the model was made for {task}: "
            "give the data that it was made for"
        )
    splits = [dataset.splits[name] for name in names]
    said = [_predict(model, split, dataset) for split in splits]
    weights = [np.ones(len(split)) if split.weight is None else split.weight for split in splits]
    return Answers(
        np.concatenate([predicted for predicted, _ in said]),
        np.concatenate([_answers(model, split, dataset) for split in splits]),
        np.concatenate([shares for _, shares in said]) if model.classes else None,
        np.concatenate(weights) if any(split.weight is not None for split in splits) else None,
    )


def check_kind(model: Model, dataset: Dataset) -> None:
    """Refuse data of another kind than the model takes, before anything is computed."""
    if dataset.kind != model.input.kind:
        wanted = "the data that it was made for"
        if model.input.kind == "vector":
            wanted = f"arrays of {model.input.size} numbers a row, x in a .npz file"
        raise DataError(
            f"{dataset.name}: this is {dataset.kind} data, but the model takes {model.input.kind} data: give {wanted}"
        )


def _figures(model: Model, found: Answers) -> dict[str, float]:
    if found.weights is not None and not found.weights.any():
        raise DataError(f"all {len(found.actual)} samples have the weight 0, so none counts: give some above 0")
    task = TASKS[model.output_kind]
    return rounded(full_score(task, found.predicted, found.actual, found.probabilities, found.weights))


def _by_class(model: Model, found: Answers) -> tuple[tuple[ClassFigures, ...], tuple[tuple[float, ...], ...]]:
    if not model.classes:
        return (), ()
    if model.output_kind == "labels":
        right, given, support = labels.label_counts(found.predicted, found.actual, found.weights)
        pairs = [
            np.array([[1, said - hit], [true - hit, hit]])
            for hit, said, true in zip(right, given, support, strict=True)
        ]
        figures = [[float(figure[1]) for figure in per_class(pair)] for pair in pairs]
        confusion: Array = np.empty((0, 0))
    else:
        confusion = confusion_matrix(found.predicted, found.actual, len(model.classes), found.weights)
        figures = np.transpose(per_class(confusion)).tolist()
    named = zip(model.classes, figures, strict=True)
    return tuple(ClassFigures(name, *map(float, row)) for name, row in named), tuple(map(tuple, confusion.tolist()))


def unseen(model: Model, dataset: Dataset) -> tuple[Dataset, list[str], str, str]:
    """Choose what may be measured: return the dataset, its splits to take, a name for them, and a sentence why."""
    answered = [name for name, split in dataset.splits.items() if split.y is not None and len(split)]
    if not answered:
        raise DataError(f"{dataset.name}: no row has an answer to compare with: give data with the target column")
    if "test" in answered:
        return dataset, ["test"], "test", "the test split of the source"
    training = provenance(model.training)
    if "train" not in answered or dataset.fingerprint != training.get("fingerprint"):
        return dataset, answered, "all", "all samples of the source, which is not the one trained on"
    config = training.get("configuration", {})
    fraction, seed = float(config.get("valid_fraction", 0.0)), int(config.get("seed", 0))
    dataset = hold_out(dataset, fraction, seed)
    if "valid" not in dataset.splits:
        raise DataError(
            f"{dataset.name}: the model was trained on all of its {len(dataset.train)} rows and none was held out, "
            "so there is nothing to measure it on: give other data"
        )
    why = "because the source is the one trained on"
    note = f"the samples that training held out (seed {seed}, {percent(fraction)}), {why}"
    return dataset, ["valid"], "held-out", note


def _predict(model: Model, split: Split, dataset: Dataset) -> tuple[Array, Array]:
    """Return the answers, and of classes and labels the probabilities, which are empty of numbers."""
    answers, shares = [], []
    try:
        for batch in batches(split.x):
            answers.append(model.predict(batch))
            shares.append(model.predict_proba(batch) if model.classes else np.empty((0, 0)))
    except InputError as error:
        raise InputError(f"{dataset.name}: {error}") from None
    if model.output_kind == "numbers":
        predicted: Array = np.concatenate(answers)
    else:
        places = {name: place for place, name in enumerate(model.classes)}
        if model.output_kind == "labels":
            predicted = np.zeros((len(split), len(places)), np.int64)
            for row, names in enumerate(one for some in answers for one in some):
                predicted[row, [places[name] for name in names]] = 1
        else:
            predicted = np.array([places[name] for some in answers for name in some.tolist()], np.int64)
    return predicted, np.concatenate(shares)


def _answers(model: Model, split: Split, dataset: Dataset) -> Array:
    """Return the right answers as the model would give them: places in its classes, 0/1 rows of its labels, numbers."""
    assert split.y is not None
    if not model.classes:
        return split.y.astype(np.float64)
    places = {name: place for place, name in enumerate(model.classes)}
    is_labels = model.output_kind == "labels"
    what = "label" if is_labels else "class"
    for index in range(len(dataset.classes)) if is_labels else np.unique(split.y).tolist():
        name = dataset.classes[index]
        if name not in places:
            raise DataError(
                f"{dataset.name}: some samples are of {what} {name!r}, which the model does not know"
                f"{nearest(name, model.classes)}: it knows {', '.join(model.classes[:12])}"
            )
    order = np.array([places.get(name, -1) for name in dataset.classes])
    if not is_labels:
        return np.asarray(order[split.y])
    actual = np.zeros((len(split), len(places)), np.int64)
    actual[:, order] = split.y
    return actual
