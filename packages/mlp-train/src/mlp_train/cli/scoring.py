"""Scoring asks a finished model for answers to samples whose answers are known, and counts how often it is right."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from mlp_data.dataset import Dataset, Split
from mlp_data.errors import DataError
from mlp_runtime import InputError, Model
from mlp_runtime.errors import nearest
from mlp_train.array import Array
from mlp_train.metrics import score

ROWS = 512
BYTES = 32 << 20  # of frames at once, because photographs are large


def batches(x: Any, start: int = 0, stop: int | None = None) -> Iterator[Any]:
    """Yield the raw samples of a split in batches that `Model.predict` takes, so that memory stays bounded.

    >>> [len(batch["a"]) for batch in batches({"a": list(range(1000))})]
    [512, 488]
    """
    total = len(next(iter(x.values()), ())) if isinstance(x, dict) else len(x)
    stop = total if stop is None else stop
    while start < stop:
        if isinstance(x, dict):
            end = min(start + ROWS, stop)
            yield {name: cells[start:end] for name, cells in x.items()}
        else:
            end = min(start + max(1, min(ROWS, BYTES // max(1, x[start].nbytes))), stop)
            part = x[start:end]
            # an array of grey frames 3 or 4 pixels wide looks like one colour frame; a list never does
            yield list(part) if isinstance(part, np.ndarray) and part.ndim == 3 and part.shape[2] in (3, 4) else part
        start = end


def check_kind(model: Model, dataset: Dataset) -> None:
    """Refuse data of another kind than the model takes, before anything is computed."""
    if dataset.kind != model.input.kind:
        raise DataError(
            f"{dataset.name}: this is {dataset.kind} data, but the model takes {model.input.kind} data: "
            "give the data that it was made for"
        )


def score_splits(model: Model, dataset: Dataset, names: list[str]) -> tuple[int, dict[str, float]]:
    """Return the number of samples in these splits together, and `accuracy`, or `rmse` and `r2`, over them all.

    Classes are matched by name, because another source may number them otherwise.
    """
    check_kind(model, dataset)
    splits = [dataset.splits[name] for name in names]
    predicted = np.concatenate([_predict(model, split, dataset) for split in splits])
    actual = np.concatenate([_answers(model, split, dataset) for split in splits])
    task = "classification" if model.classes else "regression"
    return len(actual), score(task, predicted, actual)


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
