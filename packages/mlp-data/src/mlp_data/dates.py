"""A column of dates is written in one order of day, month and year, which its cells show together."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from mlp_data.cells import NOTHING, is_missing, mostly, numbers, text
from mlp_data.labels import Array
from mlp_runtime.inputs.dates import ORDERS, PARTS, date_part

DATE_TYPES = ("date", *(f"date-{order}" for order in ORDERS))  # what may be asked for
_FIRST = {"ymd": "year first", "dmy": "day first", "mdy": "month first"}
_FIELD = re.compile(r"\d+")
_GLANCE = 20  # cells that are tried before all are
_COMPACT = 19_000_000, 21_010_000  # between these, whole numbers that are all dates, such as 20260131, are no chance


class Order(NamedTuple):
    """In which order a column writes its dates, and how that shows."""

    order: str
    how: str = ""
    is_certain: bool = True

    @property
    def reason(self) -> str:
        """Say the order in words, and how it shows."""
        return _FIRST[self.order] + self.how


def find_order(cells: Sequence[Any], insist: bool = False) -> Order | None:
    """Return the order of the dates in a column; None if it does not hold dates, or hardly any.

    It is told by those dates that have only one reading, or else by the dates lying close together (years of two digits
    look like days), or by the rows being in order of time. Where nothing helps, the day is taken to come first, and
    that is not certain. insist: take what dates there are.

    >>> find_order(["1/31/2026", "", "2/1/2026"])
    Order(order='mdy', how=', as 1/31/2026 shows', is_certain=True)
    >>> find_order(["1/2/26", "4/3/26", "2/2/26"]).reason
    'day first, though month first would do as well'
    """
    glance = islice(
        _texts(cells), None if insist else _GLANCE
    )  # most columns of texts show at once that they hold none
    if not any(is_date(said, order) for said in glance for order in ORDERS):
        return None
    texts = list(_texts(cells))
    counts = Counter(texts)
    good = {order: sum(count for said, count in counts.items() if is_date(said, order)) for order in ORDERS}
    most = max(good.values())
    bad = len(texts) - most
    if not (insist or mostly(most, bad)):
        return None
    likely = [order for order in ORDERS if good[order] == most]
    if all(said[:4].isdigit() for said in counts if is_date(said, "ymd")) and "ymd" in likely:
        return Order("ymd")
    if len(likely) == 1:
        others = [order for order in ORDERS if order != likely[0]]
        shows = (said for said in counts if is_date(said, likely[0]) and not any(is_date(said, one) for one in others))
        return Order(likely[0], f", as {next(shows, 'most of them')} shows")
    found = {order: parts([said for said in texts if is_date(said, order)], order) for order in likely}
    years = {order: len(np.unique(of["year"])) for order, of in found.items()}
    likely = [order for order in likely if years[order] == min(years.values())]
    if len(likely) == 1:
        return Order(likely[0], ", because the dates then lie in the fewest years")
    ordered = [order for order in likely if _is_ordered(found[order])]
    if len(ordered) == 1:
        return Order(ordered[0], ", because the rows are then in order of time")
    chosen = "dmy" if "dmy" in likely else likely[0]
    rivals = " and ".join(_FIRST[order] for order in likely if order != chosen)
    return Order(chosen, f", though {rivals} would do as well", is_certain=False)


def doubt(cells: Sequence[Any], name: str) -> str:
    """Say in a sentence that the order of a column's dates is not certain, and how to settle it; "" if it is."""
    found = find_order(cells, insist=True)
    if found is None or found.is_certain:
        return ""
    example = next(cell for cell in cells if not is_missing(cell) and is_date(cell, found.order))
    rivals = [order for order in ORDERS if order != found.order and is_date(example, order)]
    others = " or ".join(f"--columns {name}=date-{order}" for order in rivals)
    return f"column {name!r} holds dates, {found.reason}; {others} reads them so"


def are_compact(cells: Sequence[Any]) -> bool:
    """Tell whether a column of whole numbers is one of dates such as 20260131.

    >>> are_compact(["20260131", "", 20251224.0]), are_compact(["20260131", "20261301"])
    (True, False)
    """
    found = np.unique(numbers(cells).finite)
    low, high = _COMPACT
    if len(found) < 2 or found[0] < low or found[-1] > high:
        return False
    return all(is_date(value, "ymd") for value in found.tolist())


def is_date(cell: Any, order: str) -> bool:
    """Tell whether a cell that is not missing is a date in this order; a year of one digit is more likely a version."""
    try:
        date_part(cell, "year", order)
    except (ValueError, OverflowError):
        return False
    fields = _FIELD.findall(text(cell))
    return len(fields[0]) > 3 or len(fields[order.index("y")]) > 1


def parts(cells: Sequence[Any], order: str) -> dict[str, Array]:
    """Return each part of every date, float64 (n,), NaN where it is missing; what is no date raises ValueError.

    >>> parts(["2026-01-31", ""], "ymd")["weekday"].tolist()
    [6.0, nan]
    """
    texts = ["" if is_missing(cell) else text(cell) for cell in cells]
    read = {said: [date_part(said, part, order) for part in PARTS] for said in set(texts)}
    columns = np.array([read[said] for said in texts], np.float64).reshape(-1, len(PARTS)).T
    return dict(zip(PARTS, columns, strict=True))


def varying(found: Mapping[str, Array]) -> Iterator[str]:
    """Yield the parts that are not the same in every date."""
    for part, values in found.items():
        there = values[~np.isnan(values)]
        if len(there) and np.ptp(there) > 0:
            yield part


def first_and_last(found: Mapping[str, Array]) -> str:
    """Write the first and the last date that the parts of a column name.

    >>> first_and_last(parts(["2026-01-31", "", "2025-12-24"], "ymd"))
    '2025-12-24 to 2026-01-31'
    """
    days = sorted({day for day in _days(found) if not np.isnan(day[0])})
    return " to ".join(f"{year:04.0f}-{month:02.0f}-{day:02.0f}" for year, month, day in (days[0], days[-1]))


def _texts(cells: Sequence[Any]) -> Iterator[str]:
    """Yield what the cells say, without those that say nothing."""
    return (said for cell in cells if not is_missing(cell) and (said := text(cell)).lower() not in NOTHING)


def _is_ordered(found: Mapping[str, Array]) -> bool:
    """Tell whether dates never go back, or never forward, from row to row."""
    days = list(_days(found))
    return len(set(days)) > 2 and days in (sorted(days), sorted(days, reverse=True))


def _days(found: Mapping[str, Array]) -> Iterator[tuple[float, float, float]]:
    return zip(*(found[part].tolist() for part in ("year", "month", "day")), strict=True)
