"""A vector input takes the numbers as they are, and brings each to a scale that a network likes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Mapping, Optional, Sequence, Union

import numpy as np

from ..errors import InputError, Invalid
from ..schema import MAX_WIDTH, take
from .common import came, freeze, scaled


@dataclass(frozen=True, init=False, eq=False)
class VectorInput:
    """Rows of `features` finite numbers. names, mean and scale, where given, hold one value a feature.

    The attribute that holds `scale` is `factor`; `scale` is the method.

    >>> VectorInput(2, mean=[1.0, 2.0], scale=[1.0, 0.5]).transform([3, 4])
    array([[2., 1.]], dtype=float32)
    """

    features: int
    names: Optional[tuple[str, ...]]
    mean: Union[np.ndarray, float]
    factor: Union[np.ndarray, float]
    kind: ClassVar[str] = "vector"

    def __init__(
        self, features: int, names: Optional[Sequence[str]] = None, mean: Any = None, scale: Any = None
    ) -> None:
        if isinstance(features, bool) or not isinstance(features, (int, np.integer)) or not 1 <= features <= MAX_WIDTH:
            raise InputError(f"a vector has 1 to {MAX_WIDTH} features, not {features!r}")
        if names is not None and (len(names) != features or len(set(names)) != features):
            raise InputError(f"{features} features need {features} different names, not these {len(names)}")
        freeze(self, features=int(features), names=None if names is None else tuple(map(str, names)))
        freeze(self, mean=_constants("mean", mean, features, 0.0), factor=_constants("scale", scale, features, 1.0))

    @property
    def size(self) -> int:
        """The length of the network input."""
        return self.features

    def is_batch(self, raw: Any) -> bool:
        """Tell whether raw holds many vectors (2-D) or is one (1-D)."""
        return self._numbers(raw).ndim == 2

    def prepare(self, raw: Any, many: Optional[bool] = None) -> np.ndarray:
        """Return the numbers as float32 (n, features); NaN and infinities are refused. `many` insists on 2-D or 1-D."""
        given = self._numbers(raw)
        if given.shape[-1] != self.features or (many is not None and many != (given.ndim == 2)):
            raise InputError(f"{came(given)} came, but the model wants {self._wanted(many)}")
        with np.errstate(over="ignore"):  # what leaves float32 is refused below
            rows = np.array(given, np.float32, order="C", ndmin=2)
        if not np.isfinite(rows).all():
            row, feature = np.argwhere(~np.isfinite(rows))[0].tolist()
            name = repr(self.names[feature]) if self.names else str(feature)
            value = given.reshape(rows.shape)[row, feature]
            raise InputError(f"row {row}, feature {name} is {value}, but the model wants finite numbers: fill it")
        return rows

    def scale(self, rows: np.ndarray, out: Optional[np.ndarray] = None) -> np.ndarray:
        """Return `(rows - mean) * scale` as float32 (n, features), in a fresh array or in `out`."""
        return scaled(rows, self.mean, self.factor, out)

    def transform(self, raw: Any) -> np.ndarray:
        """Return the network input for raw: float32 (n, features)."""
        return self.scale(self.prepare(raw))

    def spec(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Return the description for a model file, and the arrays that it names."""
        spec: dict[str, Any] = {"kind": self.kind, "features": self.features}
        if self.names is not None:
            spec["names"] = list(self.names)
        arrays = {"mean": self.mean, "scale": self.factor}
        given = {key: array for key, array in arrays.items() if isinstance(array, np.ndarray)}
        names = {key: f"input.{key}" for key in given}
        return {**spec, **names}, {names[key]: array for key, array in given.items()}

    @classmethod
    def from_spec(cls, spec: dict[str, Any], tensors: Mapping[str, np.ndarray]) -> VectorInput:
        """Return the input that a model file describes, or raise Invalid."""
        arrays = {}
        for key in ("mean", "scale"):
            name = take(spec, key, "text", "input.", None)
            if name is not None and (name not in tensors or tensors[name].dtype != np.float32):
                raise Invalid(f"header key input.{key}: found {name!r}, wanted the name of a float32 tensor")
            arrays[key] = None if name is None else tensors[name]
        names = take(spec, "names", "a list of text", "input.", None)
        try:
            return cls(take(spec, "features", "a positive count", "input."), names, **arrays)
        except InputError as error:
            raise Invalid(f"header key input: {error}") from None

    def synthesise(self, count: int) -> np.ndarray:
        """Return `count` vectors made from the spec alone, spread evenly about the mean: float32 (count, features)."""
        step = np.arange(1, count * self.features + 1).reshape(count, self.features)
        spread = step * 0.6180339887498949 % 1.0 * 4.0 - 2.0  # the golden ratio's multiples fill an interval evenly
        factor = np.where(np.equal(self.factor, 0.0), 1.0, self.factor)
        return np.asarray(np.clip(spread / factor + self.mean, -1e30, 1e30), np.float32)

    def _numbers(self, raw: Any) -> np.ndarray:
        try:
            given = np.asarray(raw)
        except ValueError:  # rows of different lengths
            given = np.asarray(None)
        if given.dtype.kind not in "fiub" or given.ndim not in (1, 2) or not given.size:
            raise InputError(f"{came(raw)} came, but the model wants {self._wanted(None)}")
        return given

    def _wanted(self, many: Optional[bool]) -> str:
        shapes = {True: f"(n, {self.features})", False: f"({self.features},)"}
        shape = shapes[many] if many is not None else f"{shapes[False]}, or {shapes[True]} for many"
        names = f" in the order {', '.join(self.names[:20])}{', ...' * (self.features > 20)}" if self.names else ""
        return f"an array of numbers of shape {shape}{names}"


def _constants(key: str, values: Any, features: int, default: float) -> Union[np.ndarray, float]:
    """Return the constants of the scaling as a read-only array of one finite float32 a feature."""
    if values is None:
        return default
    with np.errstate(over="ignore"):  # what leaves float32 is refused below
        array = np.array(values, np.float32)
    if array.shape != (features,) or not np.isfinite(array).all():
        raise InputError(f"the {key} of a vector input is {features} finite numbers, not {came(array)}")
    array.flags.writeable = False
    return array
