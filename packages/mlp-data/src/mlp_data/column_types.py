"""The type of a column says how its cells become numbers; it is found from the cells alone, and says why."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mlp_data.cells import Numbers, are_flags, is_missing, mostly_numbers, numbers, text
from mlp_data.dates import DATE_TYPES, Order, are_compact, find_order, first_and_last, is_date, parts, varying
from mlp_data.errors import TableError
from mlp_data.frequency import count_parts, fewest, frequent
from mlp_runtime.errors import nearest
from mlp_runtime.inputs import FLAGS
from mlp_runtime.inputs.dates import ORDERS

ENCODED = ("number", "flag", "category", "date", "tokens", "prefix")
LEFT_OUT = ("id", "text", "constant", "empty")

MOST_VALUES = 100  # values or tokens of one column that get an input of their own
MOST_CODES = 10  # whole numbers with no more values than this may be codes, so they are read as categories too
MOST_WORDS = 40  # tokens of one column
MOST_REPEATED = 250  # texts of a column of mostly unique ones
LONGEST = 200  # characters of such a text: the model file holds them
REPEATED = 0.1  # share of the filled cells that such texts must make up together, lest a few chance pairs count
SMALL = 20  # below so many rows, different values prove nothing

_CODE = re.compile(r"[^\W\d_]{1,4}[\s./-]*\d[\w\s./-]*")  # letters, then digits: C85, AB-1234
_ID_NAME = re.compile(r"(?i:(^|[^a-z])(id|uuid|guid|index|rowid)$)|[a-z](Id|ID)$|^(?i:unnamed: 0)$")


@dataclass(frozen=True)
class ColumnType:
    """What a column is, and why.

    type: one of ENCODED, or of LEFT_OUT. values: the categories, tokens or prefixes that get an input each;
    a number with values is read as a category too, and those of a date are its parts that vary. missing: how many cells
    are missing. order: of day, month and year in a date. repeated: the whole texts that get an input each, beside the
    tokens or prefixes.
    """

    name: str
    type: str
    reason: str
    values: tuple[str, ...] = ()
    missing: int = 0
    order: str = ""
    repeated: tuple[str, ...] = ()

    @property
    def is_used(self) -> bool:
        """Tell whether the network gets to see this column."""
        return self.type in ENCODED


def describe(name: str, cells: Sequence[Any], wanted: str | None = None) -> ColumnType:
    """Find the type of a column; `wanted` names the type to use instead; "text" means the best type for texts.

    >>> column = describe("Sex", ["male", "female", "male"])
    >>> column.type, column.values
    ('category', ('male', 'female'))
    >>> describe("PassengerId", ["1", "2", "3"]).reason
    'an id: its name says so, and all 3 values differ'
    """
    if wanted in DATE_TYPES:
        return _date(name, cells, wanted)
    if wanted not in (None, "text"):
        missing = sum(map(is_missing, cells))
        return ColumnType(name, *_as_wanted(name, cells, wanted), missing)
    read = numbers(cells) if wanted is None else None
    if read is not None and mostly_numbers(read):
        if are_compact(cells):
            return _date(name, cells, "date-ymd")
        _refuse_texts(name, read)
        return ColumnType(name, *_numeric(name, cells, read), len(cells) - len(read.finite))
    counts = Counter(text(cell) for cell in cells if not is_missing(cell))
    missing = len(cells) - counts.total()
    if len(counts) > 1 and read is not None and are_flags(counts):
        return ColumnType(name, "flag", f"its values are {' and '.join(map(repr, sorted(counts)))}", (), missing)
    if read is not None and find_order(cells):
        return _date(name, cells, "date")
    return _with_repeated(ColumnType(name, *_textual(name, cells, counts), missing), counts)


_Found = tuple[str, str, tuple[str, ...]]


def _single(value: str, filled: int, rows: int) -> _Found:
    if filled == rows:
        return "constant", f"every row has the same value, {_short(value)}", ()
    return "category", f"{_short(value)} in {filled} rows, and missing in the others", (value,)


def _numeric(name: str, cells: Sequence[Any], read: Numbers) -> _Found:
    finite = read.finite
    values, count = np.unique(finite, return_counts=True)
    if len(values) == 1:
        return _single(text(cells[int(np.isfinite(read.values).argmax())]), len(finite), len(cells))
    whole = bool((values == np.floor(values)).all())
    if whole and len(values) == len(finite):
        if _ID_NAME.search(name):
            return "id", f"an id: its name says so, and all {len(values)} values differ", ()
        if len(values) >= SMALL and values[-1] - values[0] < 2 * len(values):
            return "id", f"an id: {len(values)} different whole numbers, close together, as row numbers are", ()
    if values[-1] - values[0] < 1e-30:  # its scale would leave float32
        return "constant", f"all values lie within {values[-1] - values[0]:.1g} of each other", ()
    kind = "whole numbers" if whole else "numbers"
    reason = f"{len(values)} different {kind} from {values[0]:g} to {values[-1]:g}"
    if whole and 2 < len(values) <= MOST_CODES and len(finite) >= SMALL and count.min() >= fewest(len(read.values)):
        return (
            "number",
            f"{reason}; so few that they may be codes, so each also gets an input of its own",
            tuple(text(float(value)) for value in values),
        )
    return "number", reason, ()


def _date(name: str, cells: Sequence[Any], wanted: str) -> ColumnType:
    """Describe a column of dates; `wanted` is one of DATE_TYPES."""
    texts = ["" if is_missing(cell) else text(cell) for cell in cells]
    missing = texts.count("")
    if missing == len(texts):
        return ColumnType(name, "empty", f"all {missing} cells are empty", (), missing)
    found = find_order(texts, insist=True) if wanted == "date" else Order(wanted.removeprefix("date-"))
    if found is None:
        raise TableError(f"column {name!r}: no cell of it is a date: drop the column, or ask for another type")
    bad = {said for said in set(texts) if said and not is_date(said, found.order)}
    for row, said in enumerate(texts if bad else ()):
        if said in bad:
            raise TableError(
                f"column {name!r}, row {row + 1}: {_short(said)} is no date such as {ORDERS[found.order]}: "
                f"correct the cell, or empty it"
            )
    read = parts(texts, found.order)
    vary = tuple(varying(read))
    if not vary:
        return ColumnType(name, *_single(next(filter(None, texts)), len(texts) - missing, len(texts)), missing)
    reason = f"dates from {first_and_last(read)}, {found.reason}; their {', '.join(vary)} differ"
    return ColumnType(name, "date", reason, vary, missing, found.order)


def _textual(name: str, cells: Sequence[Any], counts: Counter[str]) -> _Found:
    rows, filled, distinct = len(cells), counts.total(), len(counts)
    if not filled:
        return "empty", f"all {rows} cells are empty", ()
    if distinct == 1:
        return _single(next(iter(counts)), filled, rows)
    common = frequent(counts, fewest(rows), MOST_VALUES)
    if (rows < SMALL or distinct * 2 <= filled) and sum(counts[value] for value in common) * 2 >= filled:
        return "category", _of(len(common), distinct, "texts", rows), common
    prefixes = count_parts("prefix", cells)
    letters = frequent(prefixes, fewest(rows), MOST_VALUES)
    codes = sum(bool(_CODE.fullmatch(text(cell))) for cell in cells)
    if codes * 5 >= filled * 4 and letters and len(prefixes) * 2 <= filled:
        example = next(value for value in counts if _CODE.fullmatch(value))
        return (
            "prefix",
            f"codes such as {_short(example)}: {_of(len(letters), len(prefixes), 'prefixes', rows)}",
            letters,
        )
    found = count_parts("tokens", cells)
    least = max(3, math.ceil(rows / 50))  # a word that nearly all rows have tells as little as a rare one
    common = frequent(found, least, len(found))
    telling = [word for word in common if found[word] <= rows - least and len(word) > 1 and not word.isdigit()][
        :MOST_WORDS
    ]
    if telling:
        return "tokens", f"{distinct} different texts, {len(telling)} words in 2 to 98 % of the rows", tuple(telling)
    if distinct == filled and (_ID_NAME.search(name) or not any(" " in value for value in counts)):
        return "id", f"an id: all {distinct} texts differ", ()
    return "text", f"free text: {distinct} different texts, and no word is in 2 to 98 % of the rows", ()


def _with_repeated(column: ColumnType, counts: Counter[str]) -> ColumnType:
    """Give an input to each text that rows share in a column of mostly unique ones, as families share a ticket."""
    if column.type not in ("tokens", "prefix", "text"):
        return column
    short = Counter({value: count for value, count in counts.items() if len(value) <= LONGEST})
    shared = frequent(short, 2, MOST_REPEATED)
    if sum(counts[value] for value in shared) < REPEATED * counts.total():
        return column
    reason = f"{column.reason}; {len(shared)} texts that rows share get an input each"
    found = replace(column, repeated=shared, reason=reason)
    return without_parts(found) if column.type == "text" else found


def without_parts(column: ColumnType) -> ColumnType:
    """Return what is left of a column of texts if nothing inside them is of use: the texts that rows share, or none."""
    kept = "category" if column.repeated else "text"
    return replace(column, type=kept, values=column.repeated, repeated=())


def _as_wanted(name: str, cells: Sequence[Any], wanted: str) -> _Found:
    reason = "as asked for"
    if wanted == "number":
        read = numbers(cells)
        _refuse_texts(name, read)
        if not len(read.finite):
            raise TableError(f"column {name!r}: no cell of it is a number: drop the column, or ask for another type")
        return wanted, reason, ()
    if wanted == "flag":
        for row, cell in enumerate(cells):
            if not is_missing(cell) and text(cell).lower() not in FLAGS:
                raise TableError(
                    f"column {name!r}, row {row + 1}: {_short(text(cell))} is neither yes nor no: ask for category"
                )
        return wanted, reason, ()
    check_type(name, wanted)
    values = frequent(count_parts(wanted, cells), fewest(len(cells)), MOST_VALUES)
    if not values:
        raise TableError(f"column {name!r}: nothing in it is frequent enough to be read as {wanted}: drop the column")
    return wanted, reason, values


def check_type(name: str, wanted: str) -> None:
    """Refuse a type that does not exist."""
    known = (*ENCODED, *DATE_TYPES, "text")
    if wanted not in known:
        hint = nearest(wanted, known) or f": the types are {', '.join(ENCODED)} and text"
        raise TableError(f"column {name!r}: there is no type {wanted!r}{hint}")


def _of(kept: int, all_of_them: int, what: str, rows: int) -> str:
    rare = (
        f", of which {kept} occur at least {fewest(rows)} times and the others are one group"
        if kept < all_of_them
        else ""
    )
    return f"{all_of_them} different {what}{rare}"


def _refuse_texts(name: str, read: Numbers) -> None:
    for row, found in read.bad.items():
        raise TableError(
            f"column {name!r}, row {row + 1}: {_short(found)} is not a number, but the column is one of numbers: "
            f"correct the cell, or empty it"
        )


def _short(value: str) -> str:
    return repr(value if len(value) <= 40 else value[:37] + "...")
