"""A dataset is the samples of each split, the answers that go with them, and the names of the classes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from mlp_data.errors import DataError
from mlp_data.labels import Array
from mlp_data.rows import FileRows, blocks
from mlp_data.table_rows import TableRows

if TYPE_CHECKING:
    from mlp_data.fitting import Fitted
    from mlp_runtime.inputs import Input

Table = dict[str, list[Any]]  # column name -> the cells as they were read; "" or None is a missing cell
Samples = Array | list[Array] | Table | FileRows | TableRows

SPLITS = ("train", "valid", "test", "unlabelled")


@dataclass(frozen=True, eq=False)
class Split:
    """The samples of one part of a dataset, and their answers.

    x: images uint8 (n, h, w[, 3]) or, where sizes differ, a list of n frames; a table; vectors float32 (n, features);
    where that would not fit in memory, `FileRows` in place of an array and `TableRows` in place of a table: the samples
    then stay on disk.
    y: int64 (n,) class indices, int64 (n, labels) of 0 and 1 where several may be true at once, float64 (n,) numbers,
    or None where the answers are not known.
    ids: what each row is called, by its file or in a submission, or None.
    weight: float64 (n,), how much each sample counts, or None where all count alike.
    """

    x: Samples
    y: Array | None = None
    ids: list[str] | None = None
    weight: Array | None = None

    def __len__(self) -> int:
        if isinstance(self.x, dict):
            return len(next(iter(self.x.values()), []))
        return len(self.x)

    def take(self, indices: Array) -> Split:
        """Return the samples at `indices`, in that order.

        >>> Split(np.eye(3, dtype=np.float32), np.array([0, 1, 2])).take(np.array([2, 0])).y
        array([2, 0])
        """
        if isinstance(self.x, dict):
            x: Samples = {name: [cells[i] for i in indices] for name, cells in self.x.items()}
        elif isinstance(self.x, list):
            x = [self.x[i] for i in indices]
        elif isinstance(self.x, FileRows | TableRows):
            x = self.x.take(indices)
        else:
            x = self.x[indices]
        return Split(
            x,
            None if self.y is None else self.y[indices],
            None if self.ids is None else [self.ids[i] for i in indices],
            None if self.weight is None else self.weight[indices],
        )


@dataclass(frozen=True, eq=False)
class Dataset:
    """Everything known about one source of data; its methods return new datasets and change nothing."""

    name: str
    kind: str  # "image", "table" or "vector"
    task: str  # "classification", "multi-label" (several classes may be true at once) or "regression"
    splits: Mapping[str, Split]
    classes: tuple[str, ...] = ()
    target: str | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)  # column -> why it is not used
    problems: tuple[str, ...] = ()
    submission: tuple[str, str] | None = None  # the headings that the source's own sample submission uses
    input_options: Mapping[str, Any] = field(default_factory=dict)  # what was said to `fit_input`
    load_options: Mapping[str, Any] = field(default_factory=dict)  # what was said to `load`, so that it can be repeated
    loaded_fingerprint: str = ""  # of the training split before `hold_out` took rows from it

    def __post_init__(self) -> None:
        for name in self.splits:
            if name not in SPLITS:
                raise DataError(f"{self.name}: a split is called {name!r}, but the splits are {', '.join(SPLITS)}")
        if not any(len(split) for split in self.splits.values()):
            raise DataError(f"{self.name}: there are no samples in it: give at least one")

    @property
    def train(self) -> Split:
        """The training split; a source that has none cannot be trained on, and this says so."""
        if not len(self.splits.get("train", ())):
            have = ", ".join(f"{len(split)} {name}" for name, split in self.splits.items())
            raise DataError(f"{self.name}: there are no training samples, only {have}: give samples with their answers")
        return self.splits["train"]

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the training samples and their answers as they were loaded: the same data, the same digits."""
        return self.loaded_fingerprint or _digest(self.train)

    def hold_out(self, fraction: float, generator: np.random.Generator) -> Dataset:
        """Move a random `fraction` of the training samples to the split `valid`, each class in proportion.

        A dataset that has a `valid` split already, or too few rows for one, comes back unchanged.

        >>> data = from_arrays(np.arange(20.0).reshape(10, 2), [0, 1] * 5)
        >>> parts = data.hold_out(0.2, np.random.default_rng(0)).splits
        >>> len(parts["train"]), parts["valid"].y.tolist()
        (8, [0, 1])
        """
        train = self.train
        count = round(fraction * len(train))
        if "valid" in self.splits or not 0 < count < len(train):
            return self
        order = _interleave(self._strata(), generator)
        parts = {"train": train.take(np.sort(order[count:])), "valid": train.take(np.sort(order[:count]))}
        return replace(self, splits={**self.splits, **parts}, loaded_fingerprint=self.fingerprint)

    def folds(self, k: int, generator: np.random.Generator) -> Iterator[Dataset]:
        """Yield `k` datasets; each tests on another k-th of the training samples and trains on the rest.

        >>> data = from_arrays(np.arange(8.0).reshape(4, 2), [0, 1, 0, 1])
        >>> [sorted(fold.splits["test"].y.tolist()) for fold in data.folds(2, np.random.default_rng(0))]
        [[0, 1], [0, 1]]
        """
        train = self.train
        if not 2 <= k <= len(train):
            raise DataError(f"{self.name}: {k} folds need at least 2 folds and no more than the {len(train)} samples")
        fold = np.empty(len(train), np.int64)
        fold[_interleave(self._strata(), generator)] = np.arange(len(train)) * k // len(train)
        for number in range(k):
            parts = {
                "train": train.take(np.flatnonzero(fold != number)),
                "test": train.take(np.flatnonzero(fold == number)),
            }
            yield replace(self, splits={**self.splits, **parts}, loaded_fingerprint="")

    def take(self, **indices: Array) -> Dataset:
        """Return this dataset with only the samples at `indices` of each split that is named.

        >>> data = from_arrays(np.eye(4), [0, 1, 0, 1])
        >>> len(data.take(train=np.array([0, 1])).splits["train"])
        2
        """
        parts = {name: self.splits[name].take(chosen) for name, chosen in indices.items()}
        return replace(self, splits={**self.splits, **parts}, loaded_fingerprint="")

    def fit_input(self) -> Input:
        """Return the input preparation that suits the training split; no other split is looked at."""
        return self._fitted.input

    @property
    def input_reason(self) -> str:
        """Say in one sentence why `fit_input` prepares the samples as it does."""
        return self._fitted.reason

    @property
    def unused_columns(self) -> dict[str, str]:
        """Return every column that the network does not get, and why: left out while loading, or while fitting."""
        return {**self.left_out, **self._fitted.left_out}

    @cached_property
    def _fitted(self) -> Fitted:
        from mlp_data.fitting import fit_input  # the table rules load only when a dataset is fitted

        return fit_input(self)

    def _strata(self) -> Array:
        y = self.train.y
        if y is None or self.task == "regression":
            return np.zeros(len(self.train), np.int64)
        return y if y.ndim == 1 else np.unique(y, axis=0, return_inverse=True)[1].reshape(-1)


def from_arrays(
    x: Any,
    y: Any,
    *,
    classes: Sequence[str] | None = None,
    names: Sequence[str] | None = None,
    test: tuple[Any, ...] | None = None,
    sample_weight: Any = None,
    task: str | None = None,
    name: str = "arrays",
) -> Dataset:
    """Make a dataset of what is already in memory.

    x: (n, features) numbers; uint8 images (n, h, w[, 3]) or a list of frames; a dict of columns or a list of row dicts.
    y: (n,) labels (whole numbers, strings, booleans) or, as floating point, numbers to predict; one-hot rows also do.
    Where several labels may be true at once, (n, labels) of 0 and 1 (task="multi-label", where every row has one 1).
    classes: names for labels 0, 1, 2 ... names: names of the features. test: (x, y) or (x, y, weights) that training
    never sees. sample_weight: (n,) numbers from 0 on, how much each sample counts in training and in figures.

    >>> data = from_arrays([[0, 0], [0, 1], [1, 0], [1, 1]], ["no", "yes", "yes", "no"])
    >>> data.kind, data.task, data.classes, data.splits["train"].y.tolist()
    ('vector', 'classification', ('no', 'yes'), [0, 1, 1, 0])
    """
    from mlp_data.arrays import assemble  # checking is only needed here

    parts: dict[str, tuple[Any, ...]] = {"train": (x, y, sample_weight)}
    if test is not None:
        parts["test"] = test
    return assemble(name, parts, classes=classes, names=names, task=task)


def _interleave(strata: Array, generator: np.random.Generator) -> Array:
    """Return a random order of the rows in which every leading share holds each stratum in proportion."""
    order = generator.permutation(len(strata))
    place = np.empty(len(strata))
    for stratum in np.unique(strata):
        rows = order[strata[order] == stratum]
        place[rows] = (np.arange(len(rows)) + 0.5) / len(rows)
    return order[np.argsort(place[order], kind="stable")]


def _digest(split: Split) -> str:
    digest = hashlib.sha256()
    if isinstance(split.x, dict):
        for column, cells in split.x.items():
            digest.update(repr((column, cells)).encode())
    elif isinstance(split.x, TableRows):  # as above, a part at a time
        for column in split.x.columns:
            digest.update(f"({column!r}, [".encode())
            between = ""
            for part in split.x.parts(column):
                digest.update((between + ", ".join(map(repr, part))).encode())
                between = ", "
            digest.update(b"])")
    else:
        for array in split.x if isinstance(split.x, list) else [split.x]:
            digest.update(repr((array.shape, array.dtype.str)).encode())
            for block in blocks(array):
                digest.update(np.ascontiguousarray(block).data)
    for answers in (split.y, split.weight):
        if answers is not None:
            digest.update(np.ascontiguousarray(answers).data)
    return digest.hexdigest()
