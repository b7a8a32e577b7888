"""A table too large for memory stays in a file; its rows come a part at a time, or one column of all rows at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from mlp_data.cache import Entry
from mlp_data.cells import Numbers, mostly_numbers, numbers, with_points
from mlp_data.labels import Array
from mlp_data.readings import clean

DISTINCT = (
    100_000  # different texts of one column that are in memory; of a column of more, the cells of so many rows are
)
_SEPARATOR = "\0"  # between cells in the file; a table that holds it is refused


class StoredCells:
    """The cells of a whole table in the cache: groups of rows, in each of which the cells of a column lie together."""

    def __init__(self, entry: Entry, cache: Path) -> None:
        self.cache = cache
        self.names: Mapping[str, int] = entry.facts["names"]
        self._commas = frozenset(entry.facts["commas"])
        self.starts = np.concatenate([[0], entry.rows("rows")[:].cumsum()])  # of the groups, and the end of the last
        ends = entry.rows("sizes")[:].reshape(-1).cumsum()
        self._bounds = np.concatenate([[0], ends])
        self._width = entry.rows("sizes").shape[1]
        self._content = entry.rows("cells")

    def read(self, group: int, name: str) -> list[str]:
        """Return the cells of one column in one group."""
        at = group * self._width + self.names[name]
        content = self._content.part(int(self._bounds[at]), int(self._bounds[at + 1]))
        cells = content.decode("utf-8", "surrogatepass").split(_SEPARATOR)
        return with_points(cells) if name in self._commas else cells


def joined(cells: Sequence[str]) -> bytes:
    """Write cells as `StoredCells` reads them."""
    return _SEPARATOR.join(cells).encode("utf-8", "surrogatepass")


class TableRows:
    """The rows of a table that stays in a file, or some of them.

    readings: the columns there are, and how each is read (see `mlp_data.readings`), "" if that is not settled.
    `rows[10:20]` is a table in memory, in which what cannot be read so is missing. plain: columns in which all cells
    can be read so. index: which rows these are of those stored; all if None.
    """

    ndim = 2

    def __init__(
        self,
        stored: StoredCells,
        readings: Mapping[str, str] | None = None,
        *,
        plain: Collection[str] = (),
        index: Array | None = None,
    ) -> None:
        self.readings = dict.fromkeys(stored.names, "") if readings is None else readings
        self.cache = stored.cache
        self._stored, self._plain, self._index = stored, frozenset(plain), index
        self._last: tuple[int, dict[str, Sequence[Any]]] | None = (
            None  # the group that was read last, for its neighbours
        )

    def __len__(self) -> int:
        return int(self._stored.starts[-1]) if self._index is None else len(self._index)

    @property
    def shape(self) -> tuple[int, int]:
        """How many rows and columns there are."""
        return len(self), len(self.readings)

    @property
    def columns(self) -> TableColumns:
        """The columns by name, each read when it is asked for."""
        return TableColumns(self)

    def read_as(self, readings: Mapping[str, str], plain: Collection[str] = ()) -> TableRows:
        """Return the same rows with only these columns, read so."""
        return TableRows(self._stored, readings, plain=plain, index=self._index)

    def take(self, indices: Array) -> TableRows:
        """Return the rows at `indices`, in that order, without reading them."""
        chosen = np.asarray(indices) if self._index is None else self._index[indices]
        compact = chosen.astype(np.min_scalar_type(int(self._stored.starts[-1])), copy=False)
        return TableRows(self._stored, self.readings, plain=self._plain, index=compact)

    def __getitem__(self, at: slice) -> dict[str, list[Any]]:
        chosen = np.arange(*at.indices(len(self)))
        places = chosen if self._index is None else self._index[chosen]
        table = self._gathered(places, list(self.readings))
        # The runtime reads numbers faster where gaps are None.
        return {
            name: [cell or None for cell in cells] if self.readings[name] == "number" and "" in cells else list(cells)
            for name, cells in table.items()
        }

    def blocks(self) -> Iterator[dict[str, Sequence[str]]]:
        """Yield all rows in order, as tables of their cells, "" where one is missing."""
        yield from self._tables(list(self.readings))

    def parts(self, name: str) -> Iterator[Sequence[str]]:
        """Yield the cells of one column in the order of the rows, "" where one is missing."""
        return (table[name] for table in self._tables([name]))

    def numbers(self, name: str) -> Numbers | None:
        """Return a column as numbers; None if it is none of numbers."""
        values, done = np.empty(len(self)), 0
        bad: dict[int, str] = {}
        for cells in self.parts(name):
            read = numbers(cells)
            values[done : done + len(cells)] = read.values
            bad |= {done + row: found for row, found in read.bad.items()}
            done += len(cells)
            if len(bad) > max(1, len(self) // 10):
                return None
        return Numbers(values, bad)

    def sample(self, name: str, count: int) -> list[str]:
        """Return the cells of one column in `count` rows that are spread evenly; see `spread_rows`."""
        return [cell for cells in self.take(spread_rows(len(self), count)).parts(name) for cell in cells]

    def _tables(self, names: list[str]) -> Iterator[dict[str, Sequence[str]]]:
        """Yield these columns of all rows in order, about as many rows at once as a group has."""
        starts, index = self._stored.starts, self._index
        if index is not None and not self._is_sorted:
            step = int(np.diff(starts).max())
            yield from (self._gathered(index[start : start + step], names) for start in range(0, len(index), step))
            return
        cuts = starts if index is None else np.searchsorted(index, starts)
        for group, (start, end) in enumerate(pairwise(cuts.tolist())):
            if end == start:
                continue
            table = self._group(group, names)
            if index is not None and end - start < starts[group + 1] - starts[group]:
                rows = (index[start:end] - starts[group]).tolist()
                table = {name: [cells[row] for row in rows] for name, cells in table.items()}
            yield table

    @cached_property
    def _is_sorted(self) -> bool:
        return self._index is None or bool((self._index[1:] > self._index[:-1]).all())

    def _gathered(self, places: Array, names: list[str]) -> dict[str, Sequence[str]]:
        """Return cells of the rows that are stored at `places`."""
        order = np.argsort(places, kind="stable")
        ordered = places[order]
        group_of = np.searchsorted(self._stored.starts, ordered, side="right") - 1
        found: dict[str, list[str]] = {name: [] for name in names}
        for group in np.unique(group_of).tolist():
            rows = ordered[group_of == group].astype(np.int64) - self._stored.starts[group]
            follow = bool((np.diff(rows) == 1).all())
            chosen = rows.tolist()
            for name, cells in self._group(group, names).items():
                found[name] += cells[chosen[0] : chosen[-1] + 1] if follow else [cells[row] for row in chosen]
        if (order[1:] > order[:-1]).all():
            return dict(found)
        back = np.argsort(order).tolist()
        return {name: [cells[place] for place in back] for name, cells in found.items()}

    def _group(self, group: int, names: list[str]) -> dict[str, Sequence[Any]]:
        if self._last is not None and self._last[0] == group and self._last[1].keys() >= set(names):
            return {name: self._last[1][name] for name in names}
        read = {}
        for name in names:
            cells: Sequence[Any] = self._stored.read(group, name)
            reading = self.readings[name]
            read[name] = cells if not reading or name in self._plain else clean(cells, reading)[0]
        if len(names) == len(self.readings):
            self._last = group, read
        return read


class TableColumns(Mapping[str, Sequence[Any]]):
    """The columns of `rows`, each in memory for as long as somebody holds it.

    A column of at most DISTINCT different texts comes whole, each text once; one of more as `Numbers` if it is one of
    numbers, and else as the cells of DISTINCT rows that are spread evenly.
    """

    def __init__(self, rows: TableRows) -> None:
        self.rows = rows

    def __getitem__(self, name: str) -> Sequence[Any]:
        if name not in self.rows.readings:
            raise KeyError(name)
        known: dict[str, str] = {}
        cells: list[str] = []
        for part in self.rows.parts(name):
            cells += [known.setdefault(cell, cell) for cell in part]
            if len(known) > DISTINCT:
                break
        else:
            return cells
        del cells, known
        if self.rows.readings[name] in ("", "number"):
            read = self.rows.numbers(name)
            if read is not None and mostly_numbers(read):
                return read
        return self.rows.sample(name, DISTINCT)

    def is_plain(self, name: str, cells: Sequence[Any], cleaned: Sequence[Any]) -> bool:
        """Tell whether `cleaned` is what the cells of a column say already; one in memory by a sample may be or not."""
        if isinstance(cells, Numbers):
            blank = sum(part.count("") for part in self.rows.parts(name))
            return blank == int(np.isnan(cells.values).sum())
        return len(cells) == len(self.rows) and cells == cleaned

    def __contains__(self, name: object) -> bool:
        return name in self.rows.readings  # without reading it

    def __iter__(self) -> Iterator[str]:
        return iter(self.rows.readings)

    def __len__(self) -> int:
        return len(self.rows.readings)


def spread_rows(rows: int, count: int) -> Array:
    """Return `count` of `rows` row numbers, spread evenly.

    >>> spread_rows(10, 4)
    array([0, 3, 6, 9])
    """
    return np.linspace(0, rows - 1, min(count, rows)).astype(np.int64)
