"""Evaluation asks a finished model about samples that it was not trained on, and counts how often it is right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlp_data.dataset import Dataset, Split
from mlp_data.errors import DataError
from mlp_runtime import InputError, Model
from mlp_runtime.errors import nearest
from mlp_train.array import Array
from mlp_train.metrics import rounded, score
from mlp_train.plan import hold_out
from mlp_train.provenance import provenance
from mlp_train.raw_batches import batches
from mlp_train.reporters.words import percent


@dataclass(frozen=True)
class Evaluation:
    """How good a model is. split: "test", "held-out" or "all". note: what was measured, and why just that."""

    split: str
    samples: int
    metrics: Mapping[str, float]  # accuracy, or rmse and r2
    note: str


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
    dataset, splits, split, note = _unseen(model, dataset)
    samples, metrics = score_splits(model, dataset, splits)
    return Evaluation(split, samples, metrics, note)


def loading_options(model: Model, target: str | None = None) -> dict[str, Any]:
    """Return the options with which `mlp_data.load` reads data for `model`: those of its training."""
    training = provenance(model.training)
    said = training.get("options", {})
    if model.input.kind == "image":
        return {"transpose": said.get("transpose")}
    if model.input.kind != "table":
        return {}
    saved = {name: said.get(name) for name in ("drop", "columns")}
    task = "classification" if model.classes else "regression"
    return {"target": target or training.get("target"), "task": task, **saved}


def score_splits(model: Model, dataset: Dataset, names: Sequence[str]) -> tuple[int, dict[str, float]]:
    """Return the number of samples in these splits together, and `accuracy`, or `rmse` and `r2`, over them all.

    Classes are matched by name, because another source may number them otherwise.
    """
    check_kind(model, dataset)
    splits = [dataset.splits[name] for name in names]
    predicted = np.concatenate([_predict(model, split, dataset) for split in splits])
    actual = np.concatenate([_answers(model, split, dataset) for split in splits])
    task = "classification" if model.classes else "regression"
    return len(actual), rounded(score(task, predicted, actual))


def check_kind(model: Model, dataset: Dataset) -> None:
    """Refuse data of another kind than the model takes, before anything is computed."""
    if dataset.kind != model.input.kind:
        raise DataError(
            f"{dataset.name}: this is {dataset.kind} data, but the model takes {model.input.kind} data: "
            "give the data that it was made for"
        )


def _unseen(model: Model, dataset: Dataset) -> tuple[Dataset, list[str], str, str]:
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


def _predict(model: Model, split: Split, dataset: Dataset) -> Array:
    try:
        return np.concatenate([np.asarray(model.predict(batch)) for batch in batches(split.x)])
    except InputError as error:
        raise InputError(f"{dataset.name}: {error}") from None


def _answers(model: Model, split: Split, dataset: Dataset) -> Array:
    """Return the right answers in the model's own words: class names (n,) or numbers (n,)."""
    assert split.y is not None
    if not model.classes:
        return split.y.astype(np.float64)
    for index in np.unique(split.y):
        name = dataset.classes[index]
        if name not in model.classes:
            raise DataError(
                f"{dataset.name}: some samples are of class {name!r}, which the model does not know"
                f"{nearest(name, model.classes)}: its {len(model.classes)} classes are {', '.join(model.classes[:12])}"
            )
    return np.array(dataset.classes)[split.y]
