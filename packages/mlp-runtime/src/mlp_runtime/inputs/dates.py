"""A date in a table is written in one of three orders; a network reads its parts, each as a number."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Callable

from .cells import is_missing, text

ORDERS = {"ymd": "2026-01-31", "dmy": "31/1/2026", "mdy": "1/31/2026"}  # of year, month and day, with an example
PARTS: dict[str, Callable[[datetime], int]] = {
    "year": lambda date: date.year,
    "month": lambda date: date.month,
    "day": lambda date: date.day,
    "weekday": lambda date: date.isoweekday(),  # Monday is 1
    "hour": lambda date: date.hour,
}
_DATE = r"(\d{4}|\d\d?)([-/.])(\d\d?)\2(\d{4}|\d\d?)"
_TIME = r"(?:T|\s+)(\d\d?):?\d\d(?::?\d\d(?:\.\d+)?)?\s*([ap]m)?\s*(?:Z|UTC|[+-]\d\d(?::?\d\d)?)?"
_WRITTEN = re.compile(f"{_DATE}(?:{_TIME})?", re.IGNORECASE)


def date_part(cell: Any, part: str, order: str = "ymd") -> float:
    """Return a part of the date in a cell, NaN if it is missing; a text that is no date raises ValueError.

    A first field of four digits is the year whatever the order says. Two digits of a year are 1969 to 2068. A time of
    day is read as it stands, whatever its zone; without one it is midnight.

    >>> date_part("2026-01-31T14:05:00Z", "hour"), date_part("2/1/26", "month", "dmy"), date_part("20260131", "weekday")
    (14.0, 1.0, 6.0)
    """
    if is_missing(cell):
        return float("nan")
    said = text(cell)
    if len(said) > 7 and said[:8].isdigit():
        said = f"{said[:4]}-{said[4:6]}-{said[6:]}"
    found = _WRITTEN.fullmatch(said)
    if not found:
        raise ValueError(f"{cell!r} is no date")
    first, _, second, third, hour, half = found.groups()
    fields = dict(zip("ymd" if len(first) == 4 else order, (first, second, third)))
    year = int(fields["y"])
    if len(fields["y"]) < 3:
        year += 2000 if year < 69 else 1900
    clock = int(hour) % 12 + 12 * (half.lower() == "pm") if half else int(hour or 0)
    return float(PARTS[part](datetime(year, int(fields["m"]), int(fields["d"]), clock)))
