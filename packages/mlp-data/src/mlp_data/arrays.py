"""Arrays that a caller made are checked here, so that a wrong one is refused before training starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mlp_data.cells import LARGEST
from mlp_data.dataset import Dataset, Samples, Split
from mlp_data.errors import DataError
from mlp_data.label_sets import label_matrices, label_names
from mlp_data.labels import Array, classes_and_indices
from mlp_data.sample_weights import sample_weights
from mlp_runtime.errors import InputError


def assemble(
    name: str,
    parts: Mapping[str, tuple[Any, ...]],
    *,
    classes: Sequence[str] | None = None,
    names: Sequence[str] | None = None,
    task: str | None = None,
) -> Dataset:
    """Make a dataset of `parts`: split -> (samples, answers or None[, weights]). See `from_arrays` for each."""
    for split, part in parts.items():
        if len(part) not in (2, 3):
            raise DataError(f"{name}: {split} has {len(part)} parts: give (samples, answers), or weights as a third")
    xs = {split: samples(part[0], f"{name}: {split} x") for split, part in parts.items()}
    given = {split: part[1] for split, part in parts.items() if part[1] is not None}
    ys = label_matrices(given, task, name) or {split: answers(y, f"{name}: {split} y") for split, y in given.items()}
    if task is None and any(y.ndim == 2 for y in ys.values()):
        task = "multi-label"
    kinds = dict.fromkeys(kind for kind, _ in xs.values())
    if len(kinds) > 1:
        raise DataError(f"{name}: its samples are of the kinds {' and '.join(kinds)}: give all splits in one form")
    shapes = {split: x.shape[1:] for split, (_, x) in xs.items() if isinstance(x, np.ndarray)}
    if kinds.keys() == {"vector"} and len(set(shapes.values())) > 1:
        counts = ", ".join(f"{shape[0]} in {split}" for split, shape in shapes.items())
        raise DataError(f"{name}: the number of features differs ({counts}): give all samples the same")
    for split, y in ys.items():
        count = len(Split(xs[split][1]))
        if len(y) != count:
            raise DataError(f"{name}: {split} has {count} samples but {len(y)} answers: give one for each")
    if task is None:
        numbers = classes is None and any(y.dtype.kind == "f" for y in ys.values())
        task = "regression" if numbers else "classification"
    found: tuple[str, ...] = ()
    if task == "multi-label":
        found = label_names(classes, ys, name)
    elif task == "classification":
        found, indices = classes_and_indices(list(ys.values()), classes, name)
        ys = dict(zip(ys, indices, strict=True))
    for split, y in ys.items():
        if y.dtype.kind not in "biuf":
            raise DataError(f"{name}: {split} y holds {y.dtype} values, but regression needs numbers: give numbers")
        ys[split] = y if task != "regression" else _small_enough(y.astype(np.float64), f"{name}: {split} y")
    weights = {
        split: sample_weights(part[2], len(Split(xs[split][1])), f"{name}: {split} sample_weight")
        for split, part in parts.items()
        if len(part) == 3 and part[2] is not None
    }
    splits = {split: Split(x, ys.get(split), weight=weights.get(split)) for split, (_, x) in xs.items()}
    options = {} if names is None else {"names": tuple(names)}
    return Dataset(name, next(iter(kinds)), task, splits, found, input_options=options)


def samples(x: Any, what: str) -> tuple[str, Samples]:
    """Return the kind of `x` and `x` in the form that a split holds."""
    if isinstance(x, Mapping):
        return "table", _columns(x, what)
    if isinstance(x, list | tuple) and x:
        if all(isinstance(row, Mapping) for row in x):
            names = list(dict.fromkeys(name for row in x for name in row))
            return "table", {str(name): [row.get(name) for row in x] for name in names}
        if all(isinstance(frame, np.ndarray) and frame.ndim in (2, 3) for frame in x):
            return "image", frames(list(x), what)
    try:
        array = np.asarray(x)
    except ValueError:
        raise DataError(f"{what}: the rows differ in length: give every sample the same number of values") from None
    if array.dtype.kind not in "biuf":
        raise DataError(f"{what}: holds {array.dtype} values, not numbers: give a table as a dict of columns")
    if array.ndim in (3, 4):
        return "image", images(array, what)
    if array.ndim != 2:
        raise DataError(
            f"{what}: has {array.ndim} dimensions (shape {array.shape}): give (n, features), or images as (n, h, w)"
        )
    return "vector", vectors(array, what)


def vectors(array: Array, what: str) -> Array:
    """Return (n, features) numbers as float32, or say which value is not a finite number."""
    if 0 in array.shape:
        raise DataError(f"{what}: is empty (shape {array.shape}): give at least one sample with one value")
    with np.errstate(over="ignore"):
        rows = np.ascontiguousarray(array, np.float32)
    bad = ~np.isfinite(rows)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise DataError(
            f"{what}: {int(bad.sum())} values are not finite float32 numbers, the first in row {row}, column {column} "
            f"({array[row, column]}): fill or drop them"
        )
    return rows


def images(array: Array, what: str) -> Array:
    """Return images (n, h, w) or (n, h, w, 1|3) as uint8, by the runtime's own rule for other types."""
    if array.ndim == 4 and array.shape[3] == 1:
        array = array[..., 0]
    if array.ndim == 4 and array.shape[3] != 3:
        raise DataError(f"{what}: images of shape {array.shape[1:]} have {array.shape[3]} channels: give 1 or 3")
    if 0 in array.shape:
        raise DataError(f"{what}: images of shape {array.shape} hold no pixels: give at least one pixel and one image")
    from mlp_runtime.inputs.pixels import as_uint8  # the same rule as on the device

    try:
        return as_uint8(array, array)
    except InputError as error:
        raise DataError(f"{what}: {error}") from None


def frames(given: list[Array], what: str) -> Samples:
    """Return frames as one array where all have one shape, and as a list where they differ."""
    checked = [images(frame[np.newaxis], f"{what}[{i}]")[0] for i, frame in enumerate(given)]
    return stack(checked)


def stack(given: list[Array]) -> Samples:
    """Return uint8 frames as one array if they have one shape; grey frames among colour ones become colour."""
    if any(frame.ndim == 3 for frame in given):
        given = [frame if frame.ndim == 3 else np.repeat(frame[..., np.newaxis], 3, axis=2) for frame in given]
    return np.stack(given) if len({frame.shape for frame in given}) == 1 else given


def answers(y: Any, what: str) -> Array:
    """Return the answers as one value a sample; rows that are one-hot become the index of their 1."""
    try:
        array = np.asarray(y)
    except ValueError:
        raise DataError(f"{what}: the rows have different lengths: give one answer a sample") from None
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim == 2 and array.dtype.kind in "biuf":
        one_hot = ((array == 0) | (array == 1)).all() and (array.sum(axis=1) == 1).all()
        array = array.argmax(axis=1) if one_hot else array
    if array.ndim != 1:
        raise DataError(f"{what}: has shape {array.shape}: give one answer a sample, or one-hot rows")
    if array.dtype.kind not in "biufSU":
        if not all(isinstance(value, str) for value in array):
            raise DataError(f"{what}: holds {array.dtype} values: give whole numbers, strings or floating point")
        array = array.astype(str)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        row = int(np.flatnonzero(~np.isfinite(array))[0])
        raise DataError(f"{what}: answer {row} is {array[row]}: drop the samples whose answer is not known")
    return array


def _small_enough(y: Array, what: str) -> Array:
    far = np.flatnonzero(np.abs(y) > LARGEST)
    if len(far):
        raise DataError(
            f"{what}: answer {far[0]} is {y[far[0]]:g}, but the network computes up to {LARGEST:g}: "
            f"give the answers in a larger unit"
        )
    return y


def _columns(x: Mapping[Any, Any], what: str) -> dict[str, list[Any]]:
    table = {str(name): list(cells) for name, cells in x.items()}
    lengths = {name: len(cells) for name, cells in table.items()}
    if len(set(lengths.values())) > 1:
        short, long = min(lengths, key=lengths.__getitem__), max(lengths, key=lengths.__getitem__)
        raise DataError(
            f"{what}: column {short!r} has {lengths[short]} cells but {long!r} has {lengths[long]}: give one a row"
        )
    return table
