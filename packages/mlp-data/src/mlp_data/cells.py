"""A cell is one value of a table as it was read: a number, a text, or missing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mlp_data.labels import Array
from mlp_runtime.inputs.cells import FLAGS, is_missing, text

__all__ = [
    "LARGEST", "NOTHING", "Numbers", "are_flags", "is_missing", "listed", "mostly", "mostly_numbers", "numbers", "text",
    "with_points",
]  # fmt: skip

# Words that stand for "nothing" among numbers. Among texts they stay what they are: NA may be Namibia.
NOTHING = frozenset({"na", "n/a", "#n/a", "nan", "null", "nil", "none", "missing", "unknown", "?", "-", "--", ".", "*"})
LARGEST = 1e30  # the network computes in float32; what comes near its limits is no measurement


@dataclass(frozen=True)
class Numbers(Sequence[Any]):
    """A column read as numbers, and with them as its cells.

    values: float64 (n,), NaN where the cell is missing or no finite number. bad: row -> the text found there instead.
    """

    values: Array
    bad: dict[int, str] = field(default_factory=dict)

    @property
    def finite(self) -> Array:
        """The values that are there, in the order of the rows."""
        return self.values[~np.isnan(self.values)]

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, row: Any) -> Any:
        return self.bad.get(row, self.values[row])


def numbers(cells: Sequence[Any]) -> Numbers:
    """Read a column as numbers; infinities and words for "nothing" count as missing, other texts as bad.

    >>> numbers(["7.25", "", 3, "abc", "NA"])
    Numbers(values=array([7.25,  nan, 3.  ,  nan,  nan]), bad={3: 'abc'})
    """
    if isinstance(cells, Numbers):
        return cells
    bad: dict[int, str] = {}
    try:
        values = np.array([math.nan if cell is None or cell == "" else float(cell) for cell in cells], np.float64)
    except (TypeError, ValueError):
        values = np.array([_number(cell, row, bad) for row, cell in enumerate(cells)], np.float64)
    with np.errstate(invalid="ignore"):
        values[~(np.abs(values) <= LARGEST)] = math.nan
    return Numbers(values, bad)


def mostly_numbers(read: Numbers) -> bool:
    """Tell whether a column is one of numbers in which at most a few texts (one cell in ten, or a single one) got lost.

    >>> mostly_numbers(numbers(["1", "2", "x", "4", "5"])), mostly_numbers(numbers(["1", "x", "y"]))
    (True, False)
    """
    return mostly(len(read.finite), len(read.bad))


def mostly(good: int, bad: int) -> bool:
    """Tell whether the bad cells among good ones are so few that they must be mistakes."""
    return good >= 4 * bad if bad == 1 else good > 0 and bad * 10 <= good + bad


def are_flags(cells: Iterable[Any]) -> bool:
    """Tell whether a column says yes or no in one way of saying it, and nothing else.

    >>> are_flags(["Yes", "no", ""]), are_flags(["yes", "no", "maybe"])
    (True, False)
    """
    said = {text(cell).lower() for cell in cells if not is_missing(cell)}
    return len(said) == 2 and said <= FLAGS.keys() and len({FLAGS[value] for value in said}) == 2


def with_points(cells: Iterable[str]) -> list[str]:
    """Write decimal commas as points.

    >>> with_points(["7,25", ""])
    ['7.25', '']
    """
    return [cell.replace(",", ".") for cell in cells]


def listed(names: Iterable[str], most: int = 8) -> str:
    """Write names in one line, the first few of many.

    >>> listed("abcd", most=2)
    "'a', 'b' and 2 more"
    """
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(repr(name) for name in names[:most]) + more


def _number(cell: Any, row: int, bad: dict[int, str]) -> float:
    if is_missing(cell):
        return math.nan
    try:
        return float(cell)
    except (TypeError, ValueError):
        if str(cell).strip().lower() not in NOTHING:
            bad[row] = str(cell)
        return math.nan
