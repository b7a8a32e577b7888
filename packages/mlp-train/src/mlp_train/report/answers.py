"""What a model says to rows that it was not trained on: what it takes for what, how sure it is, and what moves it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlp_data.dataset import Dataset, Split
from mlp_data.table_rows import TableRows
from mlp_runtime import Model
from mlp_runtime.inputs import TableInput
from mlp_train.array import Array
from mlp_train.evaluation import Answers

BINS = 10  # of confidence
MOST_ROWS, MOST_NUMBERS, REPEATS = 1000, 512, 3  # that influence is measured on; that a row may become; shuffles


@dataclass(frozen=True)
class Bin:
    """The answers of one range of confidence: how sure the model was of them, and how many were right, 0..1."""

    low: float
    high: float
    samples: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Mistake:
    """A row with the wrong answer. sure: how sure the model was of it; of numbers, how far off it is."""

    row: int
    name: str
    predicted: str
    actual: str
    sure: float


@dataclass(frozen=True)
class Influence:
    """How much worse the model gets when the cells of a column are shuffled among the rows."""

    name: str
    harm: float  # in log-loss, or in RMSE


def reliability(found: Answers) -> tuple[Bin, ...]:
    """Sort the answers by how sure the model was; (Naeini, 2015)."""
    if found.probabilities is None or found.actual.ndim != 1:
        return ()
    confidence = found.probabilities.max(axis=1).astype(np.float64)
    place = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    right = found.predicted == found.actual
    return tuple(
        Bin(i / BINS, (i + 1) / BINS, int(here.sum()), float(confidence[here].mean()), float(right[here].mean()))
        for i in range(BINS)
        if (here := place == i).any()
    )


def mistakes(found: Answers, split: Split, classes: Sequence[str], most: int) -> tuple[list[Mistake], int]:
    """Return the wrong answers that the model was surest of, and how many are wrong; of numbers the farthest off."""
    if not classes:
        off = np.abs(found.predicted - found.actual)
        worst = np.argsort(-off, kind="stable")[:most]
        said = [(f"{found.predicted[i]:.6g}", f"{found.actual[i]:.6g}", float(off[i])) for i in worst]
        wrong = len(off)
    else:
        assert found.probabilities is not None
        is_wrong = found.predicted != found.actual
        is_wrong = is_wrong.any(axis=1) if is_wrong.ndim == 2 else is_wrong
        sure = found.probabilities.max(axis=1)
        rows = np.flatnonzero(is_wrong)
        worst, wrong = rows[np.argsort(-sure[rows], kind="stable")][:most], len(rows)
        said = [(_named(found.predicted[i], classes), _named(found.actual[i], classes), float(sure[i])) for i in worst]
    names = [f"row\u00a0{i + 1}" if split.ids is None else split.ids[i] for i in worst]
    return [Mistake(int(i), name, *one) for i, name, one in zip(worst, names, said, strict=True)], wrong


def raw(split: Split, rows: Sequence[int]) -> Any:
    """Return some samples of a split as they are before their preparation."""
    x = split.take(np.asarray(rows, np.int64)).x
    return x[0 : len(rows)] if isinstance(x, TableRows) else x


def influence(model: Model, dataset: Dataset, split: Split) -> list[Influence]:
    """Shuffle one column after the other among rows with answers, and see how much worse the model gets.

    That is permutation importance (Breiman, 2001), the mean of three shuffles over at most 1000 rows. Columns that
    tell the same share their importance. Empty for images, and where a row becomes more than 512 numbers.
    """
    groups = _groups(model)
    if split.y is None or len(split) < 2 or not groups:
        return []
    rows = np.linspace(0, len(split) - 1, min(len(split), MOST_ROWS)).astype(np.int64)
    x = model.input.transform(raw(split, rows.tolist()))
    y = split.y[rows]
    names = np.array([model.classes.index(name) if name in model.classes else -1 for name in dataset.classes])
    y = names[y] if dataset.task == "classification" else y
    rng, base = np.random.default_rng(0), _badness(model, x, y)
    found = []
    for name, places in groups.items():
        harm = []
        for _ in range(REPEATS):
            shuffled = x.copy()
            shuffled[:, places] = x[rng.permutation(len(x))][:, places]
            harm.append(_badness(model, shuffled, y) - base)
        found.append(Influence(name, float(np.mean(harm))))
    return sorted(found, key=lambda one: -one.harm)


def _groups(model: Model) -> dict[str, list[int]]:
    """Return for each column which numbers of a prepared row it becomes."""
    takes = model.input
    if takes.kind == "image" or takes.size > MOST_NUMBERS:
        return {}
    if not isinstance(takes, TableInput):
        names = getattr(takes, "names", None) or [f"feature {i}" for i in range(takes.size)]
        return {name: [i] for i, name in enumerate(names)}
    groups: dict[str, list[int]] = {}
    start = 0
    for column in takes.columns:
        width = len(column.output_names)
        groups.setdefault(column.name, []).extend(range(start, start + width))
        start += width
    return groups


def _badness(model: Model, x: Array, y: Array) -> float:
    """Return the log-loss of classes and labels, or the RMSE of numbers."""
    out = model.forward(x).astype(np.float64)
    if model.output_kind == "numbers":
        scale = model.describe()["output"]
        said = out[:, 0] * (scale.get("scale") or 1.0) + (scale.get("mean") or 0.0)
        return float(np.sqrt(np.mean(np.square(said - y))))
    given = np.clip(out, 1e-7, 1.0)
    if model.output_kind == "classes" and out.shape[1] > 1:
        return float(-np.log(given[np.arange(len(y)), y]).mean())
    y = y.reshape(out.shape)
    return float(-(y * np.log(given) + (1 - y) * np.log(np.clip(1 - out, 1e-7, 1.0))).mean())


def _named(answer: Any, classes: Sequence[str]) -> str:
    if np.ndim(answer) == 0:
        return classes[int(answer)]
    return ", ".join(name for name, holds in zip(classes, answer, strict=True) if holds) or "none"
