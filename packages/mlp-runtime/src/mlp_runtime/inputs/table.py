"""A table input turns a row of named cells, numbers and texts and gaps, into one vector of numbers."""

from __future__ import annotations

from typing import Any, Mapping, Optional, Sequence

import numpy as np

from ..errors import InputError, nearest, shown
from ..schema import MAX_WIDTH, check
from .cells import is_scalar
from .columns import Column
from .common import Prepared

_CELLS = frozenset((str, int, float, bool, type(None)))  # most cells, told apart from lists sooner than by `is_scalar`


class TableInput(Prepared):
    """Rows of named cells; each of `columns` says how one cell becomes one or more numbers.

    A row is a mapping from names to cells. Many rows are a list of such mappings, or one mapping from names to
    sequences. Columns that the model does not know are ignored.

    >>> table = TableInput((Column("Age", "number", mean=30.0, scale=0.1), Column("Sex", "category", values=["f"])))
    >>> table.output_names
    ('Age', 'Sex=f')
    >>> table.transform({"Age": "40", "Sex": "f"})
    array([[1., 1.]], dtype=float32)
    """

    kind = "table"

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns = tuple(columns)
        if not self.columns or not all(isinstance(column, Column) for column in self.columns):
            raise InputError(f"columns: found {shown(columns)}, wanted at least one Column and nothing else")
        self.output_names = tuple(name for column in self.columns for name in column.output_names)
        self.size = len(self.output_names)
        if self.size > MAX_WIDTH:
            raise InputError(f"columns: found {self.size} numbers, wanted at most {MAX_WIDTH}")
        self._names = tuple(dict.fromkeys(column.name for column in self.columns))
        self._parts: list[slice] = []  # which numbers of a row each column gives
        self.mean, self.factor = np.zeros(self.size, np.float32), np.ones(self.size, np.float32)
        self._lowest, self._highest = np.full((2, self.size), [[-np.inf], [np.inf]], np.float32)
        start = 0
        for column in self.columns:
            self.mean[start], self.factor[start] = column.mean, column.scale
            self._parts.append(slice(start, start + len(column.output_names)))
            if column.edges:
                end = start + len(column.edges) - 1
                self.mean[start:end], self.factor[start:end] = column.edges[:-1], 1 / np.diff(column.edges)
                self._lowest[start + 1 : end], self._highest[start : end - 1] = 0, 1
            start = self._parts[-1].stop
        self.version = 2 if any(column.part or column.edges for column in self.columns) else 1
        self.mean.flags.writeable = self.factor.flags.writeable = False
        self._freeze()

    def is_batch(self, raw: Any) -> bool:
        """Tell whether raw holds many rows: a list of mappings, or a mapping whose columns are sequences."""
        if isinstance(raw, (list, tuple)):
            return True
        if not isinstance(raw, Mapping):
            raise self._unwanted(raw)
        return any(_is_sequence(raw[name]) for name in self._names if name in raw)

    def prepare(self, raw: Any, many: Optional[bool] = None) -> np.ndarray:
        """Return the numbers of the rows before scaling, float32 (n, size). `many` insists on many rows or one."""
        batch = self.is_batch(raw)
        if many not in (None, batch):
            raise self._unwanted(raw)
        cells = self._columns(raw) if isinstance(raw, Mapping) else self._transposed(raw)
        rows = np.zeros((len(cells[self._names[0]]), self.size), np.float32)
        for column, part in zip(self.columns, self._parts):
            column.write(cells[column.name], rows[:, part])
        return rows

    def scale(self, rows: np.ndarray, out: Optional[np.ndarray] = None) -> np.ndarray:
        """Return `(rows - mean) * scale`, in which what stands for a bin of a number stays within 0 and 1."""
        scaled = super().scale(rows, out)
        if self.version > 1:
            np.maximum(scaled, self._lowest, out=scaled)
            np.minimum(scaled, self._highest, out=scaled)
        return scaled

    def spec(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Return the description for a model file, and the arrays that it names (none)."""
        return {"kind": self.kind, "columns": [column.spec() for column in self.columns]}, {}

    @classmethod
    def from_spec(cls, spec: dict[str, Any], tensors: Mapping[str, np.ndarray]) -> TableInput:  # noqa: ARG003
        """Return the input that a model file describes, or raise InputError."""
        check({"columns": spec.get("columns")}, {"columns": "a list of maps"}, "", InputError)
        columns = []
        for index, column in enumerate(spec["columns"]):
            known = ("fill", "mean", "scale", "values", "missing", "part", "order", "edges")
            given = {key: column[key] for key in known if column.get(key) is not None}
            try:
                columns.append(Column(column.get("name"), column.get("type"), **given))
            except InputError as error:
                raise InputError(f"columns[{index}]: {error}") from None
        return cls(columns)

    def synthesise(self, count: int) -> list[dict[str, Any]]:
        """Return `count` rows made from the spec alone, with every kind of cell, gaps too."""
        samples = {name: self._samples(name) for name in self._names}
        return [{name: cells[i % len(cells)] for name, cells in samples.items()} for i in range(count)]

    def _samples(self, name: str) -> list[Any]:
        """Return cells that every column which reads `name` can read."""
        columns = [column for column in self.columns if column.name == name]
        samples = [column.samples() for column in columns]
        found: list[Any] = [None]
        turns = (cells[i] for i in range(max(map(len, samples))) for cells in samples if i < len(cells))
        for cell in dict.fromkeys(turns):
            try:
                for column in columns:
                    column.write([cell], np.zeros((1, self.size)))
            except InputError:
                continue
            found.append(cell)
        return found

    def _columns(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        """Return the cells of each column that the model reads: one if raw is a row, else as many for each."""
        self._check_names(raw)
        cells = {name: raw[name] for name in self._names}
        if not any(map(_is_sequence, cells.values())):
            return {name: [cell] for name, cell in cells.items()}
        for name, column in cells.items():
            if not _is_sequence(column) or getattr(column, "ndim", 1) != 1:
                raise InputError(f"column {shown(name)}: {shown(column)} came beside lists of many cells: give one too")
        lengths = {name: len(column) for name, column in cells.items()}
        if len(set(lengths.values())) != 1 or 0 in lengths.values():
            found = ", ".join(f"{name!r} has {length}" for name, length in lengths.items())[:300]
            raise InputError(f"the columns differ in length or are empty: {found}; give one cell a row for each")
        return cells

    def _transposed(self, rows: Sequence[Any]) -> dict[str, Any]:
        """Return the cells of each column that the model reads, from a list of rows."""
        if not rows or not all(isinstance(row, Mapping) for row in rows):
            raise self._unwanted(rows)
        for at, row in enumerate(rows):
            self._check_names(row, f"row {at}: ")
        return {name: [row[name] for row in rows] for name in self._names}

    def _check_names(self, row: Mapping[str, Any], where: str = "") -> None:
        for name in self._names:
            if name not in row:
                found = [str(key) for key in row]
                hint = nearest(name, found) or f" among {', '.join(map(repr, found[:20]))[:300] or 'none'}"
                raise InputError(f"{where}there is no column {shown(name)}{hint}: give it, with None if it is unknown")

    def _unwanted(self, raw: Any) -> InputError:
        orient = "'list'" if hasattr(raw, "columns") else ""  # a row of a data frame has none
        hint = f": give data.to_dict({orient})" if hasattr(raw, "to_dict") else ""
        names = ", ".join(self._names[:20]) + ", ..." * (len(self._names) > 20)
        return InputError(
            f"{shown(raw)} came, but the model wants a row as a mapping with {names}, a list of such rows, "
            f"or a mapping from those names to lists{hint}"
        )


def _is_sequence(value: Any) -> bool:
    if type(value) in _CELLS:
        return False
    if is_scalar(value) or isinstance(value, (bytes, Mapping)):
        return False
    return hasattr(value, "__len__") and getattr(value, "ndim", 1) > 0
