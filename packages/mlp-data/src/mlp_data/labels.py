"""Labels are the answers in the data; the network learns their index in a sorted list of classes."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import Any

import numpy as np
import numpy.typing as npt

from mlp_data.errors import DataError
from mlp_runtime.errors import nearest

Array = npt.NDArray[Any]
_DIGITS = re.compile(r"(\d+)")


def natural_order(names: Iterable[str]) -> tuple[str, ...]:
    """Sort `names` as a person would: numbers by value, digits inside words by value.

    >>> natural_order(["10", "9", "-1"]), natural_order(["img10", "img9"])
    (('-1', '9', '10'), ('img9', 'img10'))
    """
    names = list(names)
    numbers = list(takewhile(lambda number: number is not None, map(_number, names)))
    if len(numbers) == len(names):
        return tuple(name for _, name in sorted(zip(numbers, names, strict=True)))
    return tuple(sorted(sorted(names), key=_natural_key))


def classes_and_indices(
    labels: Sequence[Any], classes: Sequence[str] | None = None, name: str = "labels"
) -> tuple[tuple[str, ...], list[Array]]:
    """Return the classes of several label arrays together, and each array as int64 indices of them.

    classes: where given, whole-number labels are indices of it already, and text labels must be among it.

    >>> classes_and_indices([["b", "a"], ["c"]])
    (('a', 'b', 'c'), [array([1, 0]), array([2])])
    """
    parts = [np.unique(np.asarray(values), return_inverse=True) for values in labels]
    if classes is not None:
        known = tuple(str(value) for value in classes)
        return known, [_known_indices(values, inverse, known, name) for values, inverse in parts]
    text = [[_text(value) for value in values.tolist()] for values, _ in parts]
    found = natural_order({value for values in text for value in values})
    index = {value: i for i, value in enumerate(found)}
    return found, [
        np.array([index[value] for value in values], np.int64)[inverse]
        for values, (_, inverse) in zip(text, parts, strict=True)
    ]


def _known_indices(values: Array, inverse: Array, classes: tuple[str, ...], name: str) -> Array:
    if values.dtype.kind in "biuf":
        whole = (values == values.astype(np.int64)).all()
        if len(values) and not (whole and values.min() >= 0 and values.max() < len(classes)):
            raise DataError(
                f"{name}: labels run from {values.min()} to {values.max()}, but with {len(classes)} class names "
                f"they must be whole numbers from 0 to {len(classes) - 1}"
            )
        return values.astype(np.int64)[inverse]
    index = {value: i for i, value in enumerate(classes)}
    text = [_text(value) for value in values.tolist()]
    for value in text:
        if value not in index:
            raise DataError(f"{name}: label {value!r} is not among the class names{nearest(value, classes)}")
    return np.array([index[value] for value in text], np.int64)[inverse]


def _text(value: Any) -> str:
    """Write a label as a class name: 3.0 and 3 are both "3"."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _number(name: str) -> float | None:
    try:
        number = float(name)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _natural_key(name: str) -> list[str | int]:
    pieces: list[str | int] = _DIGITS.split(name.casefold())  # text and digits in turn, text first
    pieces[1::2] = map(int, pieces[1::2])
    return pieces
