"""A column says how one cell of a table becomes numbers: a number, a yes or no, or one place for each known value."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Callable, Optional, Sequence, Union

import numpy as np

from ..errors import InputError, is_masked, shown
from ..schema import check
from .cells import LARGEST, flag, is_missing, is_scalar, leading_letters, number, text, words
from .dates import ORDERS, PARTS, date_part

_READ: dict[str, Callable[[Any], float]] = {"number": number, "flag": flag}  # one cell -> one number
# One cell's text -> those of its parts that are looked up among the column's values.
_PARTS: dict[str, Callable[[str], Sequence[str]]] = {
    "category": lambda said: (said,),
    "tokens": words,
    "prefix": lambda said: (leading_letters(said),),
}
_SIGNS = {"category": "=", "tokens": ":", "prefix": "^"}  # "Sex=female", "Name:Mrs", "Cabin^C"
_SPEC = {
    "name": "text",
    "type": (*_READ, *_PARTS),
    "fill?": "a cell",
    "mean": "a number",
    "scale": "a number that is not 0",
    "values": "a list of text",
    "missing": "true or false",
    "part?": tuple(PARTS),
    "order": tuple(ORDERS),
    "edges": "a list of numbers",
}


@dataclass(frozen=True)
class Column:
    """One column of a table and its encoding. The same source column may feed several.

    type: `number` gives (x - mean) * scale; `flag` 1 for yes, 0 for no; `category` one number for each of `values`, of
    which the cell's own is 1; `tokens` the same for each word found in the text; `prefix` the same for the letters that
    the cell begins with. What is not in `values` gives zeros. fill: the cell to use where one is missing; without one,
    a number is its mean, everything else 0. missing: whether one more number says "is missing".

    part: `number` and `category` read this part of a date, whose fields have the order `order`. edges: the limits of
    bins, rising; a `number` then gives one number for each bin, 0 below it, 1 above it and in between how far the cell
    has come, going on beyond the first and the last edge (piecewise-linear encoding, Gorishniy et al., 2022).

    >>> Column("Cabin", "prefix", values=("B", "C"), missing=True).output_names
    ('Cabin^B', 'Cabin^C', 'Cabin is missing')
    """

    name: str
    type: str
    fill: Union[float, str, bool, None] = None
    mean: float = 0.0
    scale: float = 1.0
    values: Sequence[str] = ()
    missing: bool = False
    part: Optional[str] = None
    order: str = "ymd"
    edges: Sequence[float] = ()

    def __post_init__(self) -> None:
        check(vars(self), _SPEC, "", InputError)
        object.__setattr__(self, "values", tuple(self.values))
        object.__setattr__(self, "edges", tuple(self.edges))
        if len(self._places) != len(self.values) or bool(self.values) != (self.type in _PARTS):
            raise InputError(f"values: found {shown(self.values)}, wanted different ones for {', '.join(_PARTS)} alone")
        plain = "edges" if self.edges else "" if self.type == "number" else self.type
        if plain and (self.mean, self.scale) != (0, 1):
            raise InputError(f"mean, scale: found {self.mean}, {self.scale}, wanted none, because {plain} has none")
        if self.part and self.type not in ("number", "category"):
            raise InputError(f"part: found {shown(self.part)}, wanted none, because {self.type} reads no dates")
        least = min((high - low for low, high in self._bins), default=0)
        if self.edges and (self.type != "number" or least < 1e-38):  # its inverse would leave float32
            raise InputError(f"edges: found {shown(self.edges)}, wanted two or more, rising, for number alone")
        self._filled  # noqa: B018  # reads the fill, which may be wrong

    @cached_property
    def _places(self) -> dict[str, int]:
        return {text(value): place for place, value in enumerate(self.values)}

    @cached_property
    def _filled(self) -> Any:
        """What a missing cell is read as: a number, or the places that are 1."""
        if self.type in _PARTS:
            return () if self.fill is None else self._find(self.fill, ", fill")
        value = self._number(self.fill, ", fill")
        return value if value == value else (*self.edges, self.mean)[0]

    @cached_property
    def _place(self) -> Any:
        """Where in `out` a number goes: to one place, which NumPy finds sooner than a slice, or to one for each bin."""
        return slice(len(self._bins)) if self.edges else 0

    @cached_property
    def _bins(self) -> list[tuple[float, float]]:
        return list(zip(self.edges, self.edges[1:]))

    @property
    def output_names(self) -> tuple[str, ...]:
        """One name for each number that the column gives."""
        name = f"{self.name}.{self.part}" if self.part else self.name
        names = [f"{name}{_SIGNS[self.type]}{value}" for value in self.values]
        names = names or [f"{name} {low:g}..{high:g}" for low, high in self._bins] or [name]
        return (*names, f"{self.name} is missing") if self.missing else tuple(names)

    def write(self, cells: Any, out: np.ndarray) -> None:
        """Write the numbers of many cells to `out` (n, numbers of this column), which is all zeros."""
        many = len(cells) > 1
        if is_masked(cells):
            cells = cells.tolist()  # None for what is masked
        if many and self.type == "number" and not self.part and self._write_numbers(cells, out):
            return
        for row, cell in enumerate(cells):
            where = f", row {row}" if many else ""
            if self.type in _READ:
                value = self._number(cell, where)
                gap = value != value
                out[row, self._place] = self._filled if gap else value
            else:
                places = self._find(cell, where)
                gap = is_missing(cell)
                for place in self._filled if gap else places:
                    out[row, place] = 1.0
            if gap and self.missing:
                out[row, -1] = 1.0

    def _write_numbers(self, cells: Any, out: np.ndarray) -> bool:
        """Try to write a whole column at once; NumPy reads numbers, numerals and None as `number` does, but faster."""
        try:
            values = np.array(cells, np.float64)
        except (TypeError, ValueError, OverflowError):
            return False
        if values.ndim != 1 or (np.abs(values) > LARGEST).any():
            return False
        gaps = np.isnan(values)
        out[:, : max(1, len(self._bins))] = np.where(gaps, self._filled, values)[:, np.newaxis]
        if self.missing:
            out[:, -1] = gaps
        return True

    def _number(self, cell: Any, where: str) -> float:
        """Return a cell as a number, NaN if it is missing."""
        try:
            value = date_part(cell, self.part, self.order) if self.part else _READ[self.type](cell)
        except (TypeError, ValueError, OverflowError):
            value = math.inf
        if abs(value) > LARGEST:
            what = "a finite number" if self.type == "number" else "yes or no"
            if self.part:
                what = f"a date such as {ORDERS[self.order]}"
            wanted = f"{what}, or None if it is missing"
            raise InputError(f"column {shown(self.name)}{where}: {shown(cell)} came, but the model wants {wanted}")
        return value

    def _find(self, cell: Any, where: str) -> list[int]:
        """Return the places of those values that the cell's text holds."""
        if not (self.part or is_scalar(cell)):
            wanted = "a text or a number"
            raise InputError(f"column {shown(self.name)}{where}: {shown(cell)} came, but the model wants {wanted}")
        cell = self._number(cell, where) if self.part else cell
        return [self._places[part] for part in _PARTS[self.type](text(cell)) if part in self._places]

    def samples(self) -> list[Any]:
        """Return a few cells made from the spec alone, for a self-test; no data goes into them."""
        if self.part:
            year = int(self.mean) if self.part == "year" and 1000 < self.mean < 9000 else 2000
            return [f"{year + n}-{5 * n % 12 + 1}-{4 * n - 1} {9 * n % 24}:00" for n in range(1, 8)]
        if self.edges:
            return [float(f"{(low + high) / 2:.6g}") for low, high in self._bins]
        if self.type == "number":
            spread = (number * 0.6180339887498949 % 1.0 * 4.0 - 2.0 for number in range(1, 8))
            return [float(f"{step / self.scale + self.mean:.6g}") for step in spread]
        if self.type == "flag":
            return [True, "no", 1, "False"]
        ends = {"category": "", "tokens": ", and more", "prefix": "85"}
        return [value + ends[self.type] for value in self.values[:8]] + ["?"]

    def spec(self) -> dict[str, Any]:
        """Return the description for a model file: name, type and what differs from the defaults."""
        given = {field.name: (vars(self)[field.name], field.default) for field in fields(self)}
        spec = {key: value for key, (value, default) in given.items() if value != default}
        return {key: list(value) if isinstance(value, tuple) else value for key, value in spec.items()}
