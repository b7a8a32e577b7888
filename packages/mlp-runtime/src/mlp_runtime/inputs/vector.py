"""A vector input takes the numbers as they are, and brings each to a scale that a network likes."""

from __future__ import annotations

from typing import Any, Mapping, Optional, Sequence

import numpy as np

from ..errors import InputError, as_array, shown
from ..schema import MAX_WIDTH, check
from .common import Prepared

_SPEC = {"features": "a positive count", "names?": "a list of text"}


class VectorInput(Prepared):
    """Rows of `features` finite numbers. names, mean and scale, where given, hold one value a feature.

    The attribute that holds `scale` is `factor`; `scale` is the method.

    >>> VectorInput(2, mean=[1.0, 2.0], scale=[1.0, 0.5]).transform([3, 4])
    array([[2., 1.]], dtype=float32)
    """

    kind = "vector"

    def __init__(
        self, features: int, names: Optional[Sequence[str]] = None, mean: Any = None, scale: Any = None
    ) -> None:
        check({"features": features, "names": names}, _SPEC, "", InputError)
        if features > MAX_WIDTH:
            raise InputError(f"features: found {features}, wanted at most {MAX_WIDTH}")
        if names is not None and (len(names) != features or len(set(names)) != features):
            raise InputError(f"names: found {shown(names)}, wanted {features} different names")
        self.features = self.size = int(features)
        self.names = None if names is None else tuple(names)
        self.mean = 0.0 if mean is None else self._constants("mean", mean)
        self.factor = 1.0 if scale is None else self._constants("scale", scale)
        self._freeze()

    def _constants(self, key: str, values: Any) -> np.ndarray:
        """Return the constants of the scaling as a read-only array of one finite float32 a feature."""
        with np.errstate(over="ignore"):  # what leaves float32 is refused below
            array = np.array(values, np.float32)
        if array.shape != (self.features,) or not np.isfinite(array).all():
            raise InputError(f"{key}: found {shown(array)}, wanted {self.features} finite numbers")
        array.flags.writeable = False
        return array

    def is_batch(self, raw: Any) -> bool:
        """Tell whether raw holds many vectors (2-D) or is one (1-D)."""
        return self._numbers(raw).ndim == 2

    def prepare(self, raw: Any, many: Optional[bool] = None) -> np.ndarray:
        """Return the numbers as float32 (n, features); NaN and infinities are refused. `many` insists on 2-D or 1-D."""
        given = self._numbers(raw)
        if given.shape[-1] != self.features or many not in (None, given.ndim == 2):
            raise self._unwanted(given)
        with np.errstate(over="ignore"):  # what leaves float32 is refused below
            rows = np.array(given, np.float32, order="C", ndmin=2)
        if not np.isfinite(rows).all():
            row, feature = np.argwhere(~np.isfinite(rows))[0].tolist()
            name = repr(self.names[feature]) if self.names else str(feature)
            value = given.reshape(rows.shape)[row, feature]
            raise InputError(f"row {row}, feature {name} is {value}, but the model wants finite numbers: fill it")
        return rows

    def spec(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Return the description for a model file, and the arrays that it names."""
        spec: dict[str, Any] = {"kind": self.kind, "features": self.features}
        if self.names is not None:
            spec["names"] = list(self.names)
        tensors = {}
        for key, constants in (("mean", self.mean), ("scale", self.factor)):
            if isinstance(constants, np.ndarray):
                spec[key] = f"input.{key}"
                tensors[spec[key]] = constants
        return spec, tensors

    @classmethod
    def from_spec(cls, spec: dict[str, Any], tensors: Mapping[str, np.ndarray]) -> VectorInput:
        """Return the input that a model file describes, or raise InputError."""
        arrays = {}
        for key in ("mean", "scale"):
            name = spec.get(key)
            check({key: name}, {f"{key}?": "text"}, "", InputError)
            if name is not None and (name not in tensors or tensors[name].dtype != np.float32):
                raise InputError(f"{key}: found {shown(name)}, wanted the name of a float32 tensor")
            arrays[key] = None if name is None else tensors[name]
        return cls(features=spec.get("features", 0), names=spec.get("names"), **arrays)

    def synthesise(self, count: int) -> np.ndarray:
        """Return `count` vectors made from the spec alone, spread evenly about the mean: float32 (count, features)."""
        step = np.arange(1, count * self.features + 1).reshape(count, self.features)
        spread = step * 0.6180339887498949 % 1.0 * 4.0 - 2.0  # the golden ratio's multiples fill an interval evenly
        factor = np.where(np.equal(self.factor, 0.0), 1.0, self.factor)
        return np.asarray(np.clip(spread / factor + self.mean, -1e30, 1e30), np.float32)

    def _numbers(self, raw: Any) -> np.ndarray:
        columns = [*getattr(raw, "columns", ())]  # of a data frame
        if self.names and columns != [*self.names] and any(isinstance(name, str) for name in columns):
            raise self._unwanted(raw, f" with the columns {', '.join(map(str, columns))[:250]}")
        given = as_array(raw)
        if given.dtype.kind not in "fiub" or given.ndim not in (1, 2) or not given.size:
            is_ragged = isinstance(raw, (list, tuple)) and bool(raw) and not given.ndim
            raise self._unwanted(given if given.ndim and given.size else raw, " rows of different lengths" * is_ragged)
        return given

    def _unwanted(self, raw: Any, more: str = "") -> InputError:
        shapes = f"({self.features},), or (n, {self.features}) for many"
        order = repr(", ".join(self.names[:20]))[1:-1][:250] if self.names else ""  # a hostile file's are escaped
        names = f" in the order {order}{', ...' * (self.features > 20)}" if order else ""
        return InputError(f"{shown(raw)}{more} came, but the model wants an array of numbers of shape {shapes}{names}")
