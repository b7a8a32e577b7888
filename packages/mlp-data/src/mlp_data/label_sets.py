"""Several labels of a sample may be true at once, such as the topics of a text: each is a column of 0 and 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mlp_data.errors import DataError
from mlp_data.labels import Array


def label_matrices(given: Mapping[str, Any], task: str | None, name: str) -> dict[str, Array] | None:
    """Return the answers of each split as int64 (n, labels) of 0 and 1; None where they are no such answers.

    Answers are taken for labels where they are asked to be (task "multi-label"), and where they are matrices of 0 and 1
    of which not every row has just one 1: those are one-hot rows, so classes.

    >>> label_matrices({"train": [[1, 0], [1, 1]]}, None, "data")["train"].tolist()
    [[1, 0], [1, 1]]
    >>> label_matrices({"train": [[1, 0], [0, 1]]}, None, "data")
    """
    if task not in (None, "multi-label"):
        return None
    try:
        matrices = {split: np.asarray(y) for split, y in given.items()}
    except ValueError:  # rows of different lengths, of which others speak
        return None
    for split, y in matrices.items():
        is_one = y.ndim == 2 and y.shape[1] > 1 and y.dtype.kind in "biuf" and bool(((y == 0) | (y == 1)).all())
        if not is_one and task is None:
            return None
        if not is_one:
            raise DataError(
                f"{name}: {split} y: several labels at once are a matrix of 0 and 1 with a column for each of at least "
                f"two, but this is {y.dtype} {y.shape}: give such a matrix"
            )
    widths = {split: y.shape[1] for split, y in matrices.items()}
    if len(set(widths.values())) > 1:
        said = ", ".join(f"{width} in {split}" for split, width in widths.items())
        raise DataError(f"{name}: the number of labels differs ({said}): give every split the same columns")
    if task is None and all((y.sum(axis=1) == 1).all() for y in matrices.values()):
        return None
    return {split: y.astype(np.int64) for split, y in matrices.items()}


def label_names(classes: Sequence[str] | None, ys: Mapping[str, Array], name: str) -> tuple[str, ...]:
    """Return a name for each label: those given, or 0, 1, 2 ..."""
    count = next(iter(ys.values())).shape[1]
    names = tuple(map(str, range(count) if classes is None else classes))
    if len(names) != count or len(set(names)) != count:
        raise DataError(f"{name}: {len(set(names))} different names are given for {count} labels: give each its own")
    return names
