"""A reading settles for all splits of a table how the cells of a column are read; what cannot be read so is missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mlp_data.cells import NOTHING, are_flags, is_missing, mostly_numbers, numbers, text
from mlp_data.dates import are_compact, find_order, is_date
from mlp_runtime.inputs import FLAGS


def find_reading(cells: Sequence[Any], wanted: str | None = None) -> str:
    """Return how a column is to be read in every split: number, flag, text, or date with its order, such as date-dmy.

    wanted: a type asked for. This is settled by all training rows together, lest some of them show only numbers, or no
    day above the twelfth, and the others then be refused.
    """
    if wanted == "date":
        found = find_order(cells, insist=True)
        return f"date-{found.order}" if found else "text"
    if wanted is not None:
        return wanted if wanted in ("number", "flag") or wanted.startswith("date-") else "text"
    if mostly_numbers(numbers(cells)):
        return "date-ymd" if are_compact(cells) else "number"
    if are_flags(cells):
        return "flag"
    found = find_order(cells)
    return f"date-{found.order}" if found else "text"


def clean(cells: Sequence[Any], reading: str) -> tuple[Sequence[Any], dict[int, str]]:
    """Return the cells with "" for what cannot be read so, and row -> cell for those that say something else.

    >>> clean(["1", "NA", "abc"], "number")
    (['1', '', ''], {2: 'abc'})
    """
    if reading == "text":
        return cells, {}
    if reading == "number":
        read = numbers(cells)
        if read is cells:  # such cells are numbers already
            return cells, read.bad
        lost = np.isnan(read.values).tolist()
        return ["" if gone else cell for cell, gone in zip(cells, lost, strict=True)], read.bad
    order = reading.removeprefix("date-")
    unread = {
        row: str(cell)
        for row, cell in enumerate(cells)
        if not is_missing(cell) and not (text(cell).lower() in FLAGS if reading == "flag" else is_date(cell, order))
    }
    bad = {row: cell for row, cell in unread.items() if reading == "flag" or cell.strip().lower() not in NOTHING}
    return ["" if row in unread else cell for row, cell in enumerate(cells)], bad
