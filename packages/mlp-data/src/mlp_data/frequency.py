"""What occurs how often in a column: whole texts, the words in them, or the letters that they begin with."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from mlp_data.cells import is_missing, text
from mlp_runtime.inputs import leading_letters, words


def count_parts(type_: str, cells: Sequence[Any]) -> Counter[str]:
    """Count in how many cells each category, prefix or token occurs."""
    texts = [text(cell) for cell in cells if not is_missing(cell)]
    if type_ == "tokens":
        return Counter(word for value in texts for word in set(words(value)))
    if type_ == "prefix":
        return Counter(letters for value in texts if (letters := leading_letters(value)))
    return Counter(texts)


def fewest(rows: int) -> int:
    """Return how often a value must occur for the network to learn anything from it.

    >>> fewest(50), fewest(891), fewest(60_000)
    (1, 9, 10)
    """
    return min(10, math.ceil(rows / 100))


def frequent(counts: Counter[str], least: int, most: int) -> tuple[str, ...]:
    """Return what occurs at least so often, the most frequent first, ties in alphabetical order."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(value for value, count in ordered if count >= least)[:most]
