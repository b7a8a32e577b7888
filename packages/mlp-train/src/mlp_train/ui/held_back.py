"""What the page measures a network on: rows that it has not learned from, at most some thousand of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mlp_data.dataset import Dataset, Split
from mlp_data.errors import DataError
from mlp_data.labels import Array
from mlp_runtime import Model
from mlp_runtime.inputs import ImageInput, TableInput, VectorInput
from mlp_train.evaluation import TASKS, Answers, ask, unseen
from mlp_train.metrics import score
from mlp_train.raw_batches import batches

MOST_ROWS = 4000  # measured within a blink of an eye, and 1 % of accuracy is 40 of them
_MOST_BYTES = 256 * 2**20  # of prepared rows in memory


@dataclass(frozen=True, eq=False)
class Sample:
    """The rows that the page looks at, always the same ones for one model and its data.

    split: "test", "held-out", "all" or "training". note: why these, as a sentence. total: of how many they are taken.
    raw: the rows as they came. prepared: (n, n_in) before scaling. x: (n, n_in) float32, as the network takes them.
    truth: what the model said of them unchanged, and what is right. classes: the names of the data's own classes.
    """

    split: str
    note: str
    total: int
    raw: Split
    prepared: Array
    x: Array
    truth: Answers
    classes: tuple[str, ...]


def take(model: Model, dataset: Dataset) -> Sample:
    """Choose the rows: of those that `evaluate` would measure, or of training where there are no others, which is said.

    DataError where no row has an answer, or where the data are not for this model.
    """
    try:
        dataset, names, split, note = unseen(model, dataset)
    except DataError:
        if "train" not in dataset.splits or dataset.train.y is None:
            raise
        names, split = ["train"], "training"
        note = "the rows that the network was trained on, because there are no others: figures here flatter it"
    name = max(names, key=lambda one: len(dataset.splits[one]))
    total = len(dataset.splits[name])
    most = max(1, min(MOST_ROWS, _MOST_BYTES // (4 * model.input.size)))
    chosen = np.random.default_rng(0).permutation(total)[:most]
    small = dataset.take(**{name: chosen})
    truth = ask(model, small, [name])
    rows = small.splits[name]
    prepared = np.concatenate([model.input.prepare(batch, many=True) for batch in batches(rows.x)])
    return Sample(split, note, total, rows, prepared, model.input.scale(prepared), truth, dataset.classes)


def answers(model: Model, output: Array) -> tuple[Array, Array]:
    """Return what `Model.predict` and `Model.predict_proba` would make of the last activation (n, n_out).

    The first are places in the classes (n,), 0/1 rows of the labels, or numbers (n,); the second are empty of numbers.
    """
    said = model.describe()["output"]
    if model.output_kind == "numbers":
        scale, mean = said.get("scale"), said.get("mean")
        numbers = output * (1.0 if scale is None else scale) + (0.0 if mean is None else mean)
        return (numbers[:, 0] if numbers.shape[1] == 1 else numbers), np.empty((len(output), 0))
    threshold = np.float32(0.5 if said.get("threshold") is None else said["threshold"])
    if model.output_kind == "labels":
        return (output >= threshold).astype(np.int64), output
    if output.shape[1] == 1:
        return (output[:, 0] >= threshold).astype(np.int64), np.concatenate((1 - output, output), axis=1)
    return output.argmax(axis=1), output


def right(model: Model, predicted: Array, actual: Array) -> Array:
    """Return for each row whether the answer is right; a number is, where it is off by at most twice the RMSE."""
    if model.output_kind == "labels":
        return np.asarray((predicted == actual).all(axis=1))
    if model.output_kind == "classes":
        return np.asarray(predicted == actual)
    off = np.abs(predicted - actual)
    return np.asarray(off <= 2 * np.sqrt(np.mean(np.square(off))) + 1e-12)


def figures(model: Model, predicted: Array, truth: Answers, rows: slice = slice(None)) -> dict[str, float]:
    """Return the figures of `mlp_train.metrics.score` for these answers: accuracy, or R2 and RMSE."""
    weights = None if truth.weights is None else truth.weights[rows]
    return score(TASKS[model.output_kind], predicted, truth.actual[rows], weights)


def show(model: Model, sample: Sample, at: int) -> dict[str, Any]:
    """Return one row for the page: the pixels that the network sees, or the cells by column."""
    wanted = model.input
    if isinstance(wanted, ImageInput):
        pixels = sample.prepared[at].reshape(wanted.height, wanted.width, wanted.channels)
        return {"rows": wanted.height, "columns": wanted.width, "channels": wanted.channels, "pixels": pixels.ravel()}
    return {"cells": cells(model, sample, at)}


def cells(model: Model, sample: Sample, at: int) -> dict[str, Any]:
    """Return the cells of one row that the model reads, by column."""
    if isinstance(model.input, TableInput):
        row = one(sample, at)
        return {name: row[name] for name in dict.fromkeys(column.name for column in model.input.columns)}
    assert isinstance(model.input, VectorInput)
    names = model.input.names or [f"x{number + 1}" for number in range(model.input.features)]
    return dict(zip(names, sample.prepared[at].tolist(), strict=True))


def one(sample: Sample, at: int) -> Any:
    """Return one raw row, as `Model.predict` takes one."""
    raw: Any = sample.raw.take(np.array([at])).x
    if isinstance(raw, dict):
        return {name: column[0] for name, column in raw.items()}
    if hasattr(raw, "readings"):  # a table that stays in its file
        return {name: column[0] for name, column in raw[0:1].items()}
    return raw[0]
