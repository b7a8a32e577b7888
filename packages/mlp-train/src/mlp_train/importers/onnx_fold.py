"""Constants that a graph computes from constants, shapes above all, are computed once, before the network is read."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from mlp_train.array import Array
from mlp_train.errors import ForeignModelError
from mlp_train.importers.onnx_values import Step

Fold = Callable[[Step], Array]
CASTS = {1: np.float32, 2: np.uint8, 3: np.int8, 5: np.int16, 6: np.int32, 7: np.int64, 9: np.bool_, 10: np.float16,
         11: np.float64}  # fmt: skip  # by ONNX's numbers


def folded(step: Step) -> list[Array]:
    """Return what a node makes of constants; ForeignModelError names one that is not known here, or too large."""
    if step.op not in FOLDS:
        raise step.refused("computes a constant in a way that is not read: export the graph with constants folded")
    try:
        with np.errstate(all="ignore"):
            made = np.asarray(FOLDS[step.op](step))
    except ForeignModelError:
        raise
    except Exception as error:  # shapes and indices that do not fit, in as many ways as there are operators
        raise step.refused("has constants that do not fit each other: the file is damaged") from error
    _check_size(step, made.shape)
    return [made]


def _check_size(step: Step, shape: tuple[int, ...]) -> None:
    if math.prod(shape) > step.room:
        raise step.refused(f"makes a constant of the shape {shape}, larger than all that the file holds")


def _axes(step: Step) -> tuple[int, ...]:
    return tuple(int(axis) for axis in np.ravel(step.constant(1, "axes")))


def _each(combine: Callable[[Array, Array], Array]) -> Fold:
    def fold(step: Step) -> Array:
        left, right = step.constant(0), step.constant(1)
        _check_size(step, np.broadcast_shapes(left.shape, right.shape))
        made = np.asarray(combine(left, right))
        return made if made.dtype == bool else made.astype(left.dtype)

    return fold


def _divide(left: Array, right: Array) -> Array:
    return left // right if left.dtype.kind in "iu" else left / right


def _reshape(step: Step) -> Array:
    values, shape = step.constant(0), [int(side) for side in step.constant(1, "shape")]
    return values.reshape([values.shape[at] if side == 0 else side for at, side in enumerate(shape)])


def _unsqueeze(step: Step) -> Array:
    return np.expand_dims(step.constant(0), _axes(step))


def _squeeze(step: Step) -> Array:
    has_axes = step.given(1) is not None or "axes" in step.attributes
    return np.squeeze(step.constant(0), _axes(step) if has_axes else None)


def _concat(step: Step) -> Array:
    parts = [step.constant(index) for index in range(len(step.inputs))]
    _check_size(step, (sum(part.size for part in parts),))
    return np.concatenate(parts, int(step.attributes["axis"]))


def _gather(step: Step) -> Array:
    values, indices, axis = step.constant(0), step.constant(1), int(step.attributes.get("axis", 0))
    _check_size(step, (*indices.shape, values.size // values.shape[axis]))
    return np.take(values, indices, axis=axis)


def _slice(step: Step) -> Array:
    values = step.constant(0)
    begins, ends = (np.ravel(step.constant(index, name)) for index, name in ((1, "starts"), (2, "ends")))
    axes = (
        np.ravel(step.constant(3, "axes"))
        if step.given(3) is not None or "axes" in step.attributes
        else range(len(begins))
    )
    steps = np.ravel(step.constant(4)) if step.given(4) is not None else [1] * len(begins)
    parts = [slice(None)] * values.ndim
    for axis, begin, end, by in zip(axes, begins, ends, steps, strict=True):
        parts[int(axis)] = slice(int(begin), int(end), int(by))
    return values[tuple(parts)]


def _cast(step: Step) -> Array:
    return step.constant(0).astype(CASTS[int(step.attributes["to"])])


def _wide(step: Step) -> Array:
    """Return a weight that was stored as integers."""
    values, scale = step.constant(0).astype(np.float32), step.constant(1).astype(np.float32)
    sides = [1] * values.ndim
    if scale.ndim:
        sides[int(step.attributes.get("axis", 1))] = -1
    by, zero = scale.reshape(sides if scale.ndim else ()), step.given(2)
    less = 0.0 if zero is None else np.asarray(step.constant(2), np.float32).reshape(by.shape)
    _check_size(step, np.broadcast_shapes(values.shape, by.shape))
    return (values - less) * by


def _filled(step: Step) -> Array:
    shape = tuple(int(side) for side in step.constant(0))
    _check_size(step, shape)
    value = step.attributes.get("value", np.zeros(1, np.float32))
    return np.full(shape, np.ravel(value)[0])


def _expand(step: Step) -> Array:
    values, shape = step.constant(0), tuple(int(side) for side in step.constant(1))
    _check_size(step, np.broadcast_shapes(values.shape, shape))
    return np.broadcast_to(values, np.broadcast_shapes(values.shape, shape)).copy()


FOLDS: dict[str, Fold] = {
    "Identity": lambda step: step.constant(0),
    "Cast": _cast,
    "Transpose": lambda step: np.transpose(step.constant(0), step.attributes.get("perm")),
    "Reshape": _reshape,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Concat": _concat,
    "Gather": _gather,
    "Slice": _slice,
    "Shape": lambda step: np.array(step.constant(0).shape, np.int64),
    "Add": _each(np.add),
    "Sub": _each(np.subtract),
    "Mul": _each(np.multiply),
    "Div": _each(_divide),
    "Pow": _each(np.power),
    "Min": _each(np.minimum),
    "Max": _each(np.maximum),
    "Neg": lambda step: -step.constant(0),
    "Sqrt": lambda step: np.sqrt(step.constant(0)),
    "Reciprocal": lambda step: np.reciprocal(step.constant(0)),
    "DequantizeLinear": _wide,
    "ConstantOfShape": _filled,
    "Expand": _expand,
}
