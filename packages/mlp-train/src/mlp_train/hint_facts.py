"""What the hints need to know of data and of a trained model: rare classes, telling columns, far-off values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mlp_data.cells import numbers, text
from mlp_data.dataset import Dataset, Split
from mlp_data.table_rows import TableRows
from mlp_runtime import Model
from mlp_train.array import Array

SATURATING = {"sigmoid": (0.0, 1.0), "sigmoid-hybrid": (0.0, 1.0), "tanh": (-1.0, 1.0)}  # with the ends of each
FLAT = 0.02  # of the range between them: as near to an end as this counts as at it
LOOKED_AT = 4000  # rows, evenly spaced
FEWEST = 60  # rows, below which a column tells the answer by chance
MOST_COLUMNS = 300
TELLS_ALL = 0.98  # of what can be known of the answer
BINS = 64  # of the numbers of a column


@dataclass(frozen=True)
class Facts:
    """What was found in the training split. leaks: column -> how much of the answer it alone tells, from 0 to 1.

    widest: the number that lies farthest from its mean, in standard deviations, and what it is a value of.
    """

    kind: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)  # class -> samples
    leaks: Mapping[str, float] = field(default_factory=dict)
    widest: float = 0.0
    widest_name: str = ""


def look_at(dataset: Dataset) -> Facts:
    """Look at the training split for what the hints warn of; large ones are looked at in part."""
    train = dataset.train
    counts = {}
    if dataset.task == "classification" and train.y is not None:
        counts = dict(zip(dataset.classes, np.bincount(train.y, minlength=len(dataset.classes)).tolist(), strict=True))
    if dataset.kind == "image":
        return Facts(dataset.kind, counts)
    if len(train) > LOOKED_AT:
        train = train.take(np.linspace(0, len(train) - 1, LOOKED_AT).astype(np.int64))
    columns = _columns(train, dataset)
    widest, name = _widest(train, dataset)
    return Facts(dataset.kind, counts, _leaks(columns, train, dataset.task), widest, name)


def saturated(model: Model, x: Array) -> tuple[float, ...]:
    """Return for each hidden layer the share of its answers that lie at a flat end of its activation.

    x: prepared rows (n, n_in). A layer whose activation has no such ends has 0.
    """
    shares = []
    for layer, a in zip(model.layers[:-1], model.trace(x)[1:-1], strict=True):
        low, high = SATURATING.get(layer.activation.name, (-np.inf, np.inf))
        room = FLAT * (high - low) if np.isfinite(high) else 0.0
        shares.append(float(((a <= low + room) | (a >= high - room)).mean()))
    return tuple(shares)


def _columns(train: Split, dataset: Dataset) -> dict[str, Any]:
    """Return the columns that the network gets, by name."""
    if isinstance(train.x, dict | TableRows):
        table = train.x[0 : len(train)] if isinstance(train.x, TableRows) else train.x
        return {name: cells for name, cells in table.items() if name not in dataset.unused_columns}
    rows = np.asarray(train.x)
    names = dataset.input_options.get("names") or [f"feature {index}" for index in range(rows.shape[1])]
    return dict(zip(names, rows.T, strict=True))


def _leaks(columns: Mapping[str, Any], train: Split, task: str) -> dict[str, float]:
    """Read each column on one half of the rows, answer the other half by it alone, and return those that tell all."""
    y = train.y
    if y is None or y.ndim != 1 or len(y) < FEWEST or not 2 <= len(columns) <= MOST_COLUMNS:
        return {}
    order = np.random.default_rng(0).permutation(len(y))
    one, other = order[: len(y) // 2], order[len(y) // 2 :]
    powers = {name: _power(_groups(cells, one), y, one, other, task) for name, cells in columns.items()}
    return {name: power for name, power in powers.items() if power >= TELLS_ALL}


def _groups(cells: Any, one: Array) -> Array:
    """Number the cells: equal texts alike, and numbers by the bin that they fall into, of those of `one` half."""
    read = numbers(list(cells))
    if read.bad:
        return np.unique([text(cell) for cell in cells], return_inverse=True)[1]
    known = read.values[one]
    known = known[~np.isnan(known)]
    if not len(known):
        return np.zeros(len(read.values), np.int64)
    edges = np.unique(known) if len(np.unique(known)) <= BINS else np.quantile(known, np.arange(1, BINS) / BINS)
    return np.where(np.isnan(read.values), len(edges) + 1, np.searchsorted(edges, read.values, side="right"))


def _power(group: Array, y: Array, one: Array, other: Array, task: str) -> float:
    """Return how much of the answers of the `other` half is known by what the groups had for answers in `one` half."""
    size = int(group.max()) + 1
    if task == "regression":
        seen = np.bincount(group[one], minlength=size)
        mean = np.divide(np.bincount(group[one], y[one], size), seen, out=np.full(size, y[one].mean()), where=seen > 0)
        left, all_ = np.square(y[other] - mean[group[other]]).sum(), np.square(y[other] - y[one].mean()).sum()
        return float(1 - left / all_) if all_ > 0 else 0.0
    classes = int(y.max()) + 1
    counts = np.bincount(group[one] * classes + y[one], minlength=size * classes).reshape(size, classes)
    common = int(counts.sum(axis=0).argmax())
    answer = np.where(counts.any(axis=1), counts.argmax(axis=1), common)
    right, base = float((answer[group[other]] == y[other]).mean()), float((y[other] == common).mean())
    return (right - base) / (1 - base) if base < 1 else 0.0


def _widest(train: Split, dataset: Dataset) -> tuple[float, str]:
    prepared = dataset.fit_input()
    x = train.x[0 : len(train)] if isinstance(train.x, TableRows) else train.x
    rows = np.abs(prepared.scale(prepared.prepare(x if isinstance(x, dict) else np.asarray(x), True)))
    place = int(rows.max(axis=0).argmax())
    names = getattr(prepared, "output_names", None) or getattr(prepared, "names", None)
    return float(rows[:, place].max()), repr(names[place]) if names else f"feature {place}"
