"""A table input turns a row of named cells, numbers and texts and gaps, into one vector of numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Mapping, Optional, Sequence

import numpy as np

from ..errors import InputError, Invalid, nearest
from ..schema import MAX_WIDTH, take
from .cells import is_scalar
from .columns import Column
from .common import came, freeze, scaled


@dataclass(frozen=True, init=False)
class TableInput:
    """Rows of named cells; each of `columns` says how one cell becomes one or more numbers.

    A row is a mapping from names to cells. Many rows are a list of such mappings, or one mapping from names to
    sequences. Columns that the model does not know are ignored.

    >>> table = TableInput((Column("Age", "number", mean=30.0, scale=0.1), Column("Sex", "category", values=["f"])))
    >>> table.output_names
    ('Age', 'Sex=f')
    >>> table.transform({"Age": "40", "Sex": "f"})
    array([[1., 1.]], dtype=float32)
    """

    columns: tuple[Column, ...]
    output_names: tuple[str, ...] = field(repr=False, compare=False)
    mean: np.ndarray = field(repr=False, compare=False)
    factor: np.ndarray = field(repr=False, compare=False)
    _starts: tuple[int, ...] = field(repr=False, compare=False)
    _names: tuple[str, ...] = field(repr=False, compare=False)
    kind: ClassVar[str] = "table"

    def __init__(self, columns: Sequence[Column]) -> None:
        freeze(self, columns=tuple(columns))
        if not self.columns or not all(isinstance(column, Column) for column in self.columns):
            raise InputError("a table needs at least one Column: give TableInput((Column(name, type), ...))")
        widths = [len(column.output_names) for column in self.columns]
        if sum(widths) > MAX_WIDTH:
            raise InputError(f"a table gives at most {MAX_WIDTH} numbers, not {sum(widths)}: use fewer values a column")
        starts = np.cumsum([0, *widths]).tolist()
        mean, factor = np.zeros(starts[-1], np.float32), np.ones(starts[-1], np.float32)
        for column, start in zip(self.columns, starts):  # noqa: B905
            mean[start], factor[start] = column.mean, column.scale
        mean.flags.writeable = factor.flags.writeable = False
        output_names = tuple(name for column in self.columns for name in column.output_names)
        freeze(self, output_names=output_names, mean=mean, factor=factor)
        freeze(self, _starts=tuple(starts[:-1]), _names=tuple(dict.fromkeys(column.name for column in self.columns)))

    @property
    def size(self) -> int:
        """The length of the network input."""
        return len(self.output_names)

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
        if many is not None and many != batch:
            raise self._unwanted(raw)
        if not batch:
            return self._one(raw)
        if isinstance(raw, Mapping):
            return self._many(self._select(raw))
        if not raw or not all(isinstance(row, Mapping) for row in raw):
            raise self._unwanted(raw)
        return self._many(self._transpose(raw))

    def scale(self, rows: np.ndarray, out: Optional[np.ndarray] = None) -> np.ndarray:
        """Return `(rows - mean) * scale` as float32 (n, size), in a fresh array or in `out`."""
        return scaled(rows, self.mean, self.factor, out)

    def transform(self, raw: Any) -> np.ndarray:
        """Return the network input for raw: float32 (n, size)."""
        return self.scale(self.prepare(raw))

    def spec(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Return the description for a model file, and the arrays that it names (none)."""
        return {"kind": self.kind, "columns": [column.spec() for column in self.columns]}, {}

    @classmethod
    def from_spec(cls, spec: dict[str, Any], tensors: Mapping[str, np.ndarray]) -> TableInput:  # noqa: ARG003
        """Return the input that a model file describes, or raise Invalid."""
        columns = []
        for index, column in enumerate(take(spec, "columns", "a list", "input.")):
            if not isinstance(column, dict):
                raise Invalid(f"header key input.columns[{index}]: found {came(column)}, wanted a map")
            columns.append(Column.from_spec(column, f"input.columns[{index}]."))
        try:
            return cls(columns)
        except InputError as error:
            raise Invalid(f"header key input: {error}") from None

    def synthesise(self, count: int) -> list[dict[str, Any]]:
        """Return `count` rows made from the spec alone, with every kind of cell, gaps too."""
        samples = {name: self._samples(name) for name in self._names}
        return [{name: cells[i % len(cells)] for name, cells in samples.items()} for i in range(count)]

    def _samples(self, name: str) -> list[Any]:
        """Return cells that every column which reads `name` can read."""
        columns = [column for column in self.columns if column.name == name]
        samples = [column.samples() for column in columns]
        found: list[Any] = [None]
        for cell in (cells[i] for i in range(max(map(len, samples))) for cells in samples if i < len(cells)):  # in turn
            try:
                for column in columns:
                    column.write(cell, [0.0] * self.size)
            except InputError:
                continue
            found.append(cell)
        return found

    def _one(self, row: Mapping[str, Any]) -> np.ndarray:
        out = [0.0] * self.size
        for column, start in zip(self.columns, self._starts):  # noqa: B905
            try:
                cell = row[column.name]
            except KeyError:
                raise self._lacking(row, column.name) from None
            column.write(cell, out, start)
        return np.array([out], np.float32)

    def _many(self, cells: Mapping[str, Any]) -> np.ndarray:
        out = np.zeros((len(cells[self._names[0]]), self.size), np.float32)
        for column, start in zip(self.columns, self._starts):  # noqa: B905
            column.write_all(cells[column.name], out[:, start : start + len(column.output_names)])
        return out

    def _select(self, table: Mapping[str, Any]) -> dict[str, Any]:
        """Return the columns that the model reads, all of one length."""
        cells = {}
        for name in self._names:
            if name not in table:
                raise self._lacking(table, name)
            column = table[name]
            if not _is_sequence(column) or getattr(column, "ndim", 1) != 1:
                raise InputError(f"column {name!r}: {came(column)} came beside lists of many cells: give a list too")
            is_other = isinstance(column, np.ndarray) and column.dtype.kind not in "fiub"
            cells[name] = column.tolist() if is_other else column
        lengths = {len(column) for column in cells.values()}
        if len(lengths) != 1 or not min(lengths):
            shown = ", ".join(f"{name!r} has {len(column)}" for name, column in cells.items())
            raise InputError(f"the columns differ in length or are empty: {shown}; give one cell a row for each")
        return cells

    def _transpose(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        cells = {}
        for name in self._names:
            try:
                cells[name] = [row[name] for row in rows]
            except KeyError:
                at = next(i for i, row in enumerate(rows) if name not in row)
                raise self._lacking(rows[at], name, f"row {at}: ") from None
        return cells

    def _lacking(self, row: Mapping[str, Any], name: str, where: str = "") -> InputError:
        found = [str(key) for key in row]
        hint = nearest(name, found) or f" among {', '.join(map(repr, found[:20])) or 'none'}"
        return InputError(f"{where}there is no column {name!r}{hint}: give it, with None if its value is unknown")

    def _unwanted(self, raw: Any) -> InputError:
        hint = ": give data.to_dict('list')" if hasattr(raw, "to_dict") else ""
        names = ", ".join(self._names[:20]) + ", ..." * (len(self._names) > 20)
        return InputError(
            f"{came(raw)} came, but the model wants a row as a mapping with {names}, a list of such rows, "
            f"or a mapping from those names to lists{hint}"
        )


def _is_sequence(value: Any) -> bool:
    if is_scalar(value) or isinstance(value, (bytes, Mapping)):
        return False
    return hasattr(value, "__len__") and getattr(value, "ndim", 1) > 0
