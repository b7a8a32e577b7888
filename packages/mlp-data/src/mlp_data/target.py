"""The target is the column to predict; its values tell whether the answers are classes or numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mlp_data.cells import is_missing, listed, mostly_numbers, numbers, text
from mlp_data.errors import TableError
from mlp_data.labels import Array, classes_and_indices
from mlp_data.rows import FileRows
from mlp_runtime.errors import nearest

USUAL_NAMES = ("target", "label", "labels", "class", "y", "outcome", "response")
MOST_CLASSES = 20  # different whole numbers that are still taken as classes


@dataclass(frozen=True)
class Task:
    """What kind of answer a target asks for, and why."""

    name: str  # "classification" or "regression"
    reason: str
    is_certain: bool


def choose_target(names: Sequence[str], where: str, wanted: str | None = None) -> tuple[str, str | None]:
    """Return the column to predict, and how it was chosen where nobody said it.

    >>> choose_target(["a", "Label", "b"], "t.csv")
    ('Label', "t.csv: the target is taken to be 'Label', because targets are often called so; --target names another")
    """
    if wanted is not None:
        if wanted not in names:
            hint = nearest(wanted, names) or f": the columns are {listed(names)}"
            raise TableError(f"{where}: there is no column {wanted!r} to be the target{hint}")
        return wanted, None
    if len(names) < 2:
        raise TableError(
            f"{where}: there is no target, because {listed(names)} is the only column: "
            f"give a table that also holds the answers, and name their column with --target"
        )
    for usual in USUAL_NAMES:
        for name in names:
            if name.lower() == usual:
                reason = "because targets are often called so"
                return name, f"{where}: the target is taken to be {name!r}, {reason}; --target names another"
    reason = "because it is the last column"
    return names[-1], f"{where}: the target is taken to be {names[-1]!r}, {reason}; --target names another"


def first_label(columns: Mapping[str, Sequence[str]], where: str) -> tuple[str, str] | None:
    """Return the first column of a table without names if it is the answers, and why; None if the last may as well be.

    That is so where only the first can be classes: the others all hold numbers, and those of the last are measurements.

    >>> first_label({"column 1": ["a", "b", "a", "b"], "column 2": ["1.5", "2", "3.1", "4"]}, "t.csv")[0]
    'column 1'
    """
    (name, first), *others = columns.items()
    if not others or choose_task(name, first).name != "classification" or 2 * len(set(first)) > len(first):
        return None
    if not all(mostly_numbers(numbers(cells)) for _, cells in others):
        return None
    last = numbers(others[-1][1]).finite
    if (last == np.floor(last)).all() and 2 * len(np.unique(last)) <= len(last):
        return None
    reason = "because it holds classes, and the last column measurements"
    return name, f"{where}: the target is taken to be {name!r}, {reason}; --target names another"


def choose_task(name: str, cells: Sequence[str], wanted: str | None = None) -> Task:
    """Tell from the answers whether they are classes or numbers.

    >>> choose_task("price", ["9.5", "7.25", "8.1"])
    Task(name='regression', reason="'price' holds 3 different numbers, not all of them whole", is_certain=True)
    """
    if wanted is not None:
        return Task(wanted, "as asked for", True)
    read = numbers(cells)
    if not mostly_numbers(read):
        texts = {cell for cell in cells if not is_missing(cell)}
        return Task("classification", f"{name!r} holds {len(texts)} different texts", True)
    values = np.unique(read.finite)
    if len(values) <= 2:
        return Task("classification", f"{name!r} holds {len(values)} different numbers", True)
    if (values != np.floor(values)).any():
        return Task("regression", f"{name!r} holds {len(values)} different numbers, not all of them whole", True)
    found = f"{name!r} holds {len(values)} different whole numbers"
    filled = len(cells) - sum(map(is_missing, cells))
    if len(values) > MOST_CLASSES or 2 * len(values) > filled:
        return Task("regression", f"{found}, too many for classes", len(values) > 5 * MOST_CLASSES)
    return Task("classification", f"{found}, few enough for classes", False)


def class_answers(parts: Sequence[Sequence[str]], where: str) -> tuple[tuple[str, ...], list[Array]]:
    """Return the classes, and for each part (the training part first) the index of every answer.

    >>> class_answers([["yes", "no", "no"], ["1"]], "t.csv")
    (('1', 'no', 'yes'), [array([2, 1, 1]), array([0])])
    """
    texts = [list(dict.fromkeys(part)) for part in parts]  # of few texts, so that no array of all has to be sorted
    classes, found = classes_and_indices([_labels(part) for part in texts], name=where)
    indices = []
    for part, said, those in zip(parts, texts, found, strict=True):
        index = dict(zip(said, those.tolist(), strict=True))
        indices.append(np.fromiter((index[cell] for cell in part), np.int64, len(part)))
    return classes, indices


def number_answers(name: str, cells: Sequence[str], lines: Sequence[int] | FileRows, where: str) -> Array:
    """Return the answers as float64; one that is no number raises TableError with its line."""
    read = numbers(cells)
    for row in np.flatnonzero(np.isnan(read.values)).tolist():
        raise TableError(
            f"{where}: line {lines[row]}: the target {name!r} is {cells[row]!r}, but regression needs finite numbers: "
            f"correct it, or ask for --task classification"
        )
    return read.values


def _labels(cells: Sequence[str]) -> list[str]:
    """Write 1.0 as 1 where all are numbers, so that files agree on the name of a class."""
    read = numbers(cells)
    if read.bad or np.isnan(read.values).any():
        return [text(cell) for cell in cells]
    return [text(value) for value in read.values.tolist()]
