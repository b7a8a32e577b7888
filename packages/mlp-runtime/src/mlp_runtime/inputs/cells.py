"""A cell is one value of a table as it comes: a number, a text, true or false, or missing."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

# What a yes-or-no cell may say, in any case of letters.
FLAGS = {"0": 0.0, "no": 0.0, "n": 0.0, "false": 0.0, "f": 0.0, "1": 1.0, "yes": 1.0, "y": 1.0, "true": 1.0, "t": 1.0}

LARGEST = float(np.finfo(np.float32).max)
_WORD = re.compile(r"[^\W_]+")
_LETTERS = re.compile(r"[^\W\d_]*")


def is_scalar(cell: Any) -> bool:
    """Tell whether a value is a single cell rather than a column of them."""
    return cell is None or isinstance(cell, (str, int, float, np.generic))


def is_missing(cell: Any) -> bool:
    """Tell whether a cell says nothing: None, NaN, or a text that is empty or blank.

    >>> [is_missing(cell) for cell in (None, float("nan"), "", "  ", 0, "NA")]
    [True, True, True, True, False, False]
    """
    return cell is None or cell != cell or (isinstance(cell, str) and not cell.strip())


def text(cell: Any) -> str:
    """Return the text of a cell, the same for 3, 3.0, "3.0" and " 3 ".

    >>> text(3), text(3.0), text(" 3.0"), text("C85 "), text(True)
    ('3', '3', '3', 'C85', 'True')
    """
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    said = str(cell).strip()
    return said[:-2] if said.endswith(".0") and said[:-2].lstrip("-").isdigit() else said


def number(cell: Any) -> float:
    """Return a cell as a float; NaN if it is missing. A text that is no number raises ValueError.

    >>> number("7.25"), number(""), number(True)
    (7.25, nan, 1.0)
    """
    return float("nan") if is_missing(cell) else float(cell)


def flag(cell: Any) -> float:
    """Return 1.0 for yes and 0.0 for no, NaN if the cell is missing; anything else raises ValueError.

    >>> flag("Yes"), flag(0), flag(False)
    (1.0, 0.0, 0.0)
    """
    if is_missing(cell):
        return float("nan")
    found = FLAGS.get(text(cell).lower())
    if found is None:
        raise ValueError(f"{cell!r} is neither yes nor no")
    return found


def words(said: str) -> list[str]:
    """Return the runs of letters and digits in a text.

    >>> words("Braund, Mr. Owen (O'Dwyer)")
    ['Braund', 'Mr', 'Owen', 'O', 'Dwyer']
    """
    return _WORD.findall(said)


def leading_letters(said: str) -> str:
    """Return the letters that a text begins with.

    >>> leading_letters("C85"), leading_letters("PC 17599"), leading_letters("113803")
    ('C', 'PC', '')
    """
    found = _LETTERS.match(said)
    return found.group() if found else ""
