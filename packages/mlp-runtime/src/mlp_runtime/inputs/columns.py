"""A column says how one cell of a table becomes numbers: a number, a yes or no, or one place for each known value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Optional, Sequence, Union

import numpy as np

from ..errors import InputError, Invalid, nearest
from ..schema import take
from .cells import flag, is_missing, is_scalar, leading_letters, number, text, words
from .common import came, freeze, is_number

_READ: dict[str, Callable[[Any], float]] = {"number": number, "flag": flag}  # one cell -> one number
# One cell's text -> those of its parts that are looked up among the column's values.
_PARTS: dict[str, Callable[[str], Sequence[str]]] = {
    "category": lambda said: (said,),
    "tokens": words,
    "prefix": lambda said: (leading_letters(said),),
}
_SIGNS = {"category": "=", "tokens": ":", "prefix": "^"}  # "Sex=female", "Name:Mrs", "Cabin^C"
_DEFAULTS: dict[str, Any] = {"fill": None, "mean": 0.0, "scale": 1.0, "values": (), "missing": False}
_OPTIONAL = {"mean": "a number", "scale": "a number", "values": "a list of text", "missing": "true or false"}
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Column:
    """One column of a table and its encoding. The same source column may feed several.

    type: `number` gives (x - mean) * scale; `flag` 1 for yes, 0 for no; `category` one number for each of `values`, of
    which the cell's own is 1; `tokens` the same for each word found in the text; `prefix` the same for the letters that
    the cell begins with. What is not in `values` gives zeros. fill: the cell to use where one is missing; without one,
    a number is its mean, everything else 0. missing: whether one more number says "is missing".

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
    _places: dict[str, int] = field(default_factory=dict, init=False, repr=False, compare=False)
    _filled: Any = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        known = (*_READ, *_PARTS)
        if not isinstance(self.name, str) or not self.name:
            raise InputError(f"a column's name is a text that is not empty, not {self.name!r}")
        if self.type not in known:
            hint = nearest(str(self.type), known)
            raise self._wrong(f"its type is one of {', '.join(known)}, not {self.type!r}{hint}")
        if isinstance(self.values, str) or not all(isinstance(value, str) and value for value in self.values):
            raise self._wrong("its values are texts that are not empty")
        if not is_number(self.mean) or not is_number(self.scale) or self.scale == 0:
            raise self._wrong(f"its mean and scale are finite and scale is not 0, not {self.mean!r} and {self.scale!r}")
        if self.type in _PARTS and (self.mean, self.scale) != (0, 1):
            raise self._wrong("only a number or flag has a mean and a scale")
        if not isinstance(self.missing, bool):
            raise self._wrong(f"missing is true or false, not {self.missing!r}")
        freeze(self, values=tuple(self.values), mean=float(self.mean), scale=float(self.scale))
        if self.type in _PARTS:
            self._check_values()
        elif self.values:
            raise self._wrong(f"a {self.type} has no values")
        freeze(self, _filled=self._read_fill())

    def _check_values(self) -> None:
        if not self.values or len(set(self.values)) != len(self.values):
            raise self._wrong(f"a {self.type} column needs values that all differ, at least one")
        for place, value in enumerate(self.values):
            if self.type != "category" and tuple(_PARTS[self.type](value)) != (value,):
                what = "one word" if self.type == "tokens" else "letters alone"
                raise self._wrong(f"a value of a {self.type} column is {what}, not {value!r}")
            self._places.setdefault(text(value) if self.type == "category" else value, place)

    def _read_fill(self) -> Any:
        """Return what a missing cell is read as: a number, or the places that are 1."""
        if not is_scalar(self.fill):
            raise self._wrong(f"its fill is one cell, not {came(self.fill)}")
        if self.type in _PARTS:
            return () if is_missing(self.fill) else self._find(text(self.fill))
        try:
            value = _READ[self.type](self.fill)
        except ValueError:
            raise self._wrong(f"its fill is a {self.type}, not {self.fill!r}") from None
        return self.mean if value != value else self._finite(value, None)

    @property
    def output_names(self) -> tuple[str, ...]:
        """One name for each number that the column gives."""
        names = [f"{self.name}{_SIGNS[self.type]}{value}" for value in self.values] if self.values else [self.name]
        return (*names, f"{self.name} is missing") if self.missing else tuple(names)

    def write(self, cell: Any, out: Any, start: int = 0, row: Optional[int] = None) -> None:
        """Write the numbers of one cell to `out`, a list or array of zeros, from `start` on; an error names the row."""
        if self.type in _READ:
            value = self._number(cell, row)
            gap = value != value
            out[start] = self._filled if gap else value
        else:
            gap = is_missing(cell)
            for place in self._filled if gap else self._find(self._text(cell, row)):
                out[start + place] = 1.0
        if gap and self.missing:
            out[start + (len(self.values) or 1)] = 1.0

    def write_all(self, cells: Any, out: np.ndarray) -> None:
        """Write the numbers of many cells to `out` (n, numbers of this column), which is all zeros."""
        if self.type == "number" and self._write_numbers(cells, out):
            return
        for row, cell in enumerate(cells):
            self.write(cell, out[row], 0, row)

    def _write_numbers(self, cells: Any, out: np.ndarray) -> bool:
        """Try to write a whole column at once; NumPy reads numbers, numerals and None as `number` does, but faster."""
        try:
            values = np.array(cells, np.float64)
        except (TypeError, ValueError, OverflowError):
            return False
        if values.shape != (len(cells),) or (np.abs(values) > _LARGEST).any():
            return False
        gaps = np.isnan(values)
        out[:, 0] = np.where(gaps, self._filled, values)
        if self.missing:
            out[:, 1] = gaps
        return True

    def samples(self) -> list[Any]:
        """Return a few cells made from the spec alone, for a self-test; no data goes into them."""
        if self.type == "number":
            spread = (number * 0.6180339887498949 % 1.0 * 4.0 - 2.0 for number in range(1, 8))
            return [float(f"{step / self.scale + self.mean:.6g}") for step in spread]
        if self.type == "flag":
            return [True, "no", 1, "False"]
        ends = {"category": "", "tokens": ", and more", "prefix": "85"}
        return [value + ends[self.type] for value in self.values[:8]] + ["?"]

    def spec(self) -> dict[str, Any]:
        """Return the description for a model file: name, type and what differs from the defaults."""
        spec: dict[str, Any] = {"name": self.name, "type": self.type}
        for key, default in _DEFAULTS.items():
            value = getattr(self, key)
            if value != default:
                spec[key] = list(value) if key == "values" else value
        return spec

    @classmethod
    def from_spec(cls, spec: dict[str, Any], where: str) -> Column:
        """Return the column that a model file describes, or raise Invalid, which names it by `where`."""
        given = {key: take(spec, key, kind, where, _DEFAULTS[key]) for key, kind in _OPTIONAL.items()}
        fill = spec.get("fill")
        if fill is not None and not isinstance(fill, (str, int, float)):
            raise Invalid(f"header key {where}fill: found {came(fill)}, wanted a cell")
        try:
            return cls(take(spec, "name", "text", where), take(spec, "type", "text", where), fill, **given)
        except InputError as error:
            raise Invalid(f"header key {where[:-1]}: {error}") from None

    def _number(self, cell: Any, row: Optional[int]) -> float:
        try:
            value = _READ[self.type](cell)
        except (TypeError, ValueError, OverflowError):
            what = "a number" if self.type == "number" else "yes or no"
            shown = repr(cell) if is_scalar(cell) else came(cell)
            raise self._wrong(f"{shown} came, but the model wants {what}, or None if it is missing", row) from None
        return self._finite(value, row)

    def _finite(self, value: float, row: Optional[int]) -> float:
        if abs(value) > _LARGEST:
            raise self._wrong(f"{value} came, but the model wants finite numbers, or None if it is missing", row)
        return value

    def _text(self, cell: Any, row: Optional[int]) -> str:
        if not is_scalar(cell):
            raise self._wrong(f"{came(cell)} came, but the model wants a text or a number", row)
        return text(cell)

    def _find(self, said: str) -> Sequence[int]:
        return [self._places[part] for part in _PARTS[self.type](said) if part in self._places]

    def _wrong(self, what: str, row: Optional[int] = None) -> InputError:
        return InputError(f"column {self.name!r}{'' if row is None else f', row {row}'}: {what}")
