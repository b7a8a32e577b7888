"""Shapes change while numbers stay: these operators put the numbers of each sample into another order, or take some."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mlp_train.array import Array
from mlp_train.importers.curves import Curve
from mlp_train.importers.net import Net
from mlp_train.importers.onnx_activations import Read
from mlp_train.importers.onnx_values import BATCH, Cells, Labels, Pair, Reaches, Step, Top, Value


def flatten(step: Step) -> list[Value]:
    """A row of all numbers of a sample."""
    net = step.net()
    if int(step.attributes.get("axis", 1)) not in (1, -len(net.shape)):
        raise step.refused("flattens samples into each other, which no layer does")
    return [net.shaped((net.width,))]


def reshape(step: Step) -> list[Value]:
    """Another shape of each sample; samples stay what they are."""
    value = step.given(0)
    if isinstance(value, (Labels, Pair, Top, Reaches, Cells)):
        return [value]
    net, shape = step.net(), [int(side) for side in np.ravel(step.constant(1, "shape"))]
    if shape == [-1] and net.width == 1:
        return [net.shaped((1,))]
    old = (BATCH, *net.shape)
    shape = [old[at] if side == 0 and at < len(old) else side for at, side in enumerate(shape)]
    batch, *sides = shape or [0]
    if batch not in (-1, BATCH) and not (step.samples and batch == step.samples):
        raise step.refused(f"makes the shape {[*shape]}, whose first axis is not that of the samples")
    if sides.count(-1) == 1 and batch != -1:
        rest = math.prod(side for side in sides if side != -1)
        sides = [net.width // max(1, rest) if side == -1 else side for side in sides]
    if math.prod(sides) != net.width or not sides or min(sides) < 1:
        raise step.refused(f"makes the shape {[*shape]} of samples of {net.shape}, which mixes them")
    return [net.shaped(sides)]


def squeeze(step: Step) -> list[Value]:
    """Axes of length 1 that come or go."""
    value = step.given(0)
    if not isinstance(value, (Net, Curve)):
        return [value]
    net = step.net()
    has_axes = step.given(1) is not None or "axes" in step.attributes
    axes = [int(axis) for axis in np.ravel(step.constant(1, "axes"))] if has_axes else []
    sides: list[int] = [2, *net.shape]  # the first stands for the samples, and may not go
    if step.op == "Squeeze":
        gone = {axis % len(sides) for axis in axes} or {at for at, side in enumerate(sides) if side == 1}
        if any(sides[at] != 1 for at in gone):
            raise step.refused(f"takes away the axes {axes} of samples of the shape {net.shape}")
        sides = [side for at, side in enumerate(sides) if at not in gone] + ([1] if net.width == 1 else [])
    else:
        total = len(sides) + len(axes)
        if len(axes) > 4 or any(axis % total == 0 for axis in axes):
            raise step.refused("adds an axis before that of the samples")
        sides = list(np.expand_dims(np.empty(sides, np.uint8) if net.width < 2**21 else np.empty(0), tuple(axes)).shape)
    return [net.shaped(sides[1:])]


def transpose(step: Step) -> list[Value]:
    """Numbers of a sample in another order."""
    net = step.net()
    order = [int(axis) for axis in step.attributes.get("perm", ())]
    if sorted(order) != list(range(len(net.shape) + 1)) or order[0] != 0:
        raise step.refused("turns samples into columns, which no layer does")
    places = np.arange(net.width).reshape(net.shape).transpose([axis - 1 for axis in order[1:]])
    return [net.shaped(()).selected(places.reshape(-1), step.where).shaped(places.shape)]


def shape_of(step: Step) -> list[Value]:
    """The shape, as far as it is known: the number of samples is not."""
    full = np.array([BATCH, *step.net().shape], np.int64)
    begin, end = step.attributes.get("start", 0), step.attributes.get("end", len(full))
    return [full[int(begin) : int(end)]]


def slices(step: Step) -> list[Value]:
    """A run of the numbers of a sample."""
    net = step.net()
    begins, ends = (np.ravel(step.constant(index, name)) for index, name in ((1, "starts"), (2, "ends")))
    has_axes = step.given(3) is not None or "axes" in step.attributes
    axes = np.ravel(step.constant(3, "axes")) if has_axes else np.arange(len(begins))
    by = int(np.ravel(step.constant(4))[0]) if step.given(4) is not None else 1
    if len(net.shape) != 1 or len(begins) != 1 or len(ends) != 1 or list(axes) not in ([1], [-1]) or by == 0:
        raise step.refused("takes a part of the samples, or of their inner axes")
    return [net.selected(np.arange(net.width)[slice(int(begins[0]), int(ends[0]), by)], step.where)]


def gather(step: Step) -> list[Value]:
    """Some of the numbers of a sample, or the name of the answer."""
    value, which = step.given(0), step.given(1)
    if isinstance(value, np.ndarray) and isinstance(which, (Top, Reaches)):
        return [Labels(tuple(text_of(one) for one in np.ravel(value)))]
    indices = step.constant(1)
    if isinstance(value, Cells):
        return [cells_at(step, value, indices)]
    net = step.net()
    axis = int(step.attributes.get("axis", 0))
    if axis not in (-1, len(net.shape)) or indices.ndim != 1 or math.prod(net.shape[:-1]) != 1:
        raise step.refused("takes numbers along another axis than the last, or takes the axis away")
    made = net.shaped(()).selected(indices, step.where)
    return [made.shaped((*net.shape[:-1], made.width))]


def cells_at(step: Step, cells: Cells, indices: Array) -> Cells:
    """Return some of the texts of the input."""
    places = np.ravel(indices)
    if not len(places) or (places < 0).any() or (places >= len(cells.spots)).any():
        raise step.refused("takes texts that the input has not")
    return Cells(tuple(cells.spots[int(place)] for place in places))


def text_of(value: Any) -> str:
    """Return a class as the model file names it: 3 and not 3.0."""
    return str(int(value) if isinstance(value, (float, np.floating)) and float(value).is_integer() else value)


SHAPES: dict[str, Read] = {
    "Flatten": flatten,
    "Reshape": reshape,
    **dict.fromkeys(("Squeeze", "Unsqueeze"), squeeze),
    "Transpose": transpose,
    "Gather": gather,
    "Slice": slices,
    "Shape": shape_of,
}
