"""What all kinds of input share: they never change, and they scale what they have prepared in the same way."""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn, Optional

import numpy as np


class Frozen:
    """A value whose attributes are set once, by its own `__init__`, which ends with `self._freeze()`."""

    def _freeze(self) -> None:
        self.__dict__["_frozen"] = True

    def __setattr__(self, name: str, value: Any) -> None:
        if "_frozen" in self.__dict__:
            self.__delattr__(name)
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a {type(self).__name__} never changes, so {name!r} stays as it is: make a new one")


class Prepared(Frozen):
    """The two steps from raw input to network input: `prepare`, which each kind does in its own way, and `scale`."""

    kind: ClassVar[str]
    version: int = 1  # of the feature `input.<kind>/<version>` that a model file must require
    mean: Any  # one for all numbers, or float32 (size,)
    factor: Any  # the spec's `scale`, likewise; the method has its name

    def spec(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Return the description for a model file, and the arrays that it names."""
        raise NotImplementedError

    def prepare(self, raw: Any, many: Optional[bool] = None) -> np.ndarray:
        """Return the numbers of raw before scaling, (n, size). `many` insists on many inputs or on one."""
        raise NotImplementedError

    def scale(self, rows: np.ndarray, out: Optional[np.ndarray] = None) -> np.ndarray:
        """Return `(rows - mean) * scale` as float32 (n, size), computed in that form, in a fresh array or in `out`."""
        scaled: np.ndarray = np.empty(np.shape(rows), np.float32) if out is None else out
        np.copyto(scaled, rows, casting="same_kind")  # then both in place: half the time of converting on the way
        if np.ndim(self.mean) or self.mean != 0:  # x - 0 is x, to the bit
            scaled -= self.mean
        scaled *= self.factor
        return scaled

    def transform(self, raw: Any) -> np.ndarray:
        """Return the network input for raw: float32 (n, size)."""
        return self.scale(self.prepare(raw))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Prepared):
            return NotImplemented
        (spec, tensors), (others_spec, others_tensors) = self.spec(), other.spec()
        return spec == others_spec and all(np.array_equal(tensors[name], others_tensors[name]) for name in tensors)

    def __hash__(self) -> int:
        return hash(repr(self))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.spec()[0]})"
