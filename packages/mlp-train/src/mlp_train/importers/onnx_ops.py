"""What each of ONNX's own operators means to a network of layers; those of ai.onnx.ml are in `onnx_ml_ops`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from mlp_train.array import Array
from mlp_train.importers.answers import LOG_SOFTMAX
from mlp_train.importers.curves import SELU, Curve, start, together
from mlp_train.importers.net import Gaps, Net, Numbers, joined
from mlp_train.importers.onnx_values import (
    BATCH,
    Cells,
    Labels,
    Missing,
    Pair,
    Reaches,
    Step,
    Top,
    Total,
    Value,
    raw,
)

Read = Callable[[Step], list[Value]]
OPPOSITE = 1e-6  # of two scores that are each other's negative, in float32
FLOATS = (1, 10, 11)  # float32, float16 and float64, as Cast numbers them


def same(step: Step) -> list[Value]:
    """Return the first input: what does nothing when a network answers."""
    if step.op == "Dropout" and (step.attributes.get("is_test", 1) == 0 or _is_true(step.given(2))):
        raise step.refused("drops numbers at random, as in training: export the model for inference")
    return [step.given(0), *[None] * (step.outputs - 1)]


def _is_true(value: Value) -> bool:
    return isinstance(value, np.ndarray) and bool(value.any())


def gemm(step: Step) -> list[Value]:
    """Y = alpha A' B' + beta C."""
    said = step.attributes
    if said.get("transA", 0):
        raise step.refused("turns its samples into columns (transA), which no layer does")
    weight = step.constant(1).astype(np.float64)
    if weight.ndim != 2:
        raise step.refused(f"has a weight of the shape {weight.shape}, not of two axes")
    weight = float(said.get("alpha", 1.0)) * (weight.T if said.get("transB", 0) else weight)
    bias = None if step.given(2) is None else float(said.get("beta", 1.0)) * step.constant(2).astype(np.float64)
    return [step.net().dense(weight, bias, step.where)]


def matmul(step: Step) -> list[Value]:
    """Y = A B, where B is constant."""
    return [step.net().dense(step.constant(1), None, step.where)]


def curve(function: Callable[[Step], Callable[[Array], Array]]) -> Read:
    """Return what reads an operator that treats every number alike."""

    def read(step: Step) -> list[Value]:
        return [step.curve().through(function(step), step.where)]

    return read


def each(function: Callable[[Array], Array]) -> Read:
    """Return what reads an operator that treats every number alike, and has no attributes."""
    return curve(lambda _: function)


def _number(step: Step, name: str, default: float) -> float:
    return float(step.attributes.get(name, default))


def _leaky(step: Step) -> Callable[[Array], Array]:
    alpha = _number(step, "alpha", 0.01)
    return lambda z: np.where(z < 0, alpha * z, z)


def _elu(step: Step) -> Callable[[Array], Array]:
    alpha = _number(step, "alpha", 1.0)
    return lambda z: np.where(z < 0, alpha * np.expm1(np.minimum(z, 0)), z)


def _celu(step: Step) -> Callable[[Array], Array]:
    alpha = _number(step, "alpha", 1.0)
    return lambda z: np.where(z < 0, alpha * np.expm1(np.minimum(z, 0) / alpha), z)


def _selu(step: Step) -> Callable[[Array], Array]:
    alpha, gamma = _number(step, "alpha", SELU[0]), _number(step, "gamma", SELU[1])
    return lambda z: gamma * np.where(z < 0, alpha * np.expm1(np.minimum(z, 0)), z)


def _gelu(step: Step) -> Callable[[Array], Array]:
    if step.attributes.get("approximate", "none") == "tanh":
        return lambda z: z / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z**3)))
    return lambda z: z / 2 * (1 + _erf(z / math.sqrt(2)))


def _swish(step: Step) -> Callable[[Array], Array]:
    alpha = _number(step, "alpha", 1.0)
    return lambda z: z * _sigmoid(alpha * z)


def _erf(z: Array) -> Array:
    return np.array([math.erf(value) for value in z])


def _sigmoid(z: Array) -> Array:
    return 1 / (1 + np.exp(-z))


def _clip(step: Step) -> Callable[[Array], Array]:
    ends = []
    for index, name, default in ((1, "min", -np.inf), (2, "max", np.inf)):
        given = step.given(index)
        ends.append(float(np.ravel(step.constant(index))[0]) if given is not None else _number(step, name, default))
    return lambda z: np.minimum(np.maximum(z, ends[0]), ends[1])


def _prelu(step: Step) -> Callable[[Array], Array]:
    slopes = np.unique(step.constant(1).astype(np.float64))
    if len(slopes) != 1:
        raise step.refused("has a slope of its own for every number, but a layer has one for all")
    return lambda z: np.where(z < 0, slopes[0] * z, z)


def softmax(step: Step) -> list[Value]:
    """Softmax over the numbers of a sample."""
    net = step.net()
    axis = int(step.attributes.get("axis", -1 if step.opset >= 13 else 1))
    if len(net.shape) != 1 or axis not in (1, -1):
        raise step.refused(
            f"is taken over the axis {axis} of samples of the shape {net.shape}: only over a row it can be"
        )
    return [net.activate("softmax" if step.op == "Softmax" else LOG_SOFTMAX, {}, step.where)]


def _uniform(value: Array) -> float | None:
    """Return the number that a constant is made of, if it is one alone."""
    if value.dtype.kind not in "fiub" or not value.size:
        return None
    first = value.reshape(-1)[0]
    return float(first) if value.size == 1 or (value == first).all() else None


def total(step: Step) -> list[Value]:
    """The sum of a row, by which only probabilities may be divided, because theirs is 1."""
    axes = np.ravel(step.constant(1, "axes")).tolist()
    if axes not in ([1], [-1]) or len(step.curve().shape) != 1:
        raise step.refused("adds up other numbers than those of a row")
    return [Total(step.curve())]


def _shares(step: Step, whole: Total) -> Value:
    """Return numbers divided by their sum, if these are probabilities already."""
    one = step.curve()
    value = as_pair(one)
    if one.base is whole.of.base and np.array_equal(one.values, np.abs(whole.of.values)):
        if isinstance(value, Pair):
            return value
        net = step.net()
        if net.layers and net.layers[-1][2] == "softmax":
            return net
    raise step.refused("divides every row by its own sum, which no layer does")


def as_pair(value: Value) -> Value:
    """Return two sigmoids of opposite scores as the probabilities of two classes; anything else as it is."""
    net = getattr(value, "net", value)
    if not isinstance(net, Net) or net.width != 2 or not net.layers or net.layers[-1][2] != "sigmoid":
        return value
    weight, bias = net.layers[-1][:2]
    full = np.concatenate((weight, bias[None]))
    if np.abs(full.sum(axis=1)).max() > OPPOSITE * max(1.0, float(np.abs(full).max())):
        return value
    return Pair(net.shaped(()).selected(np.array([1]), "the second class"))


def arithmetic(combine: Callable[[Array, Array], Array]) -> Read:
    """Return what reads Add and its kin: of constants a scaling, of two values that treat each number alike a curve."""

    def read(step: Step) -> list[Value]:
        if isinstance(step.given(1), Total) and step.op == "Div":
            return [_shares(step, step.inputs[1])]
        constants = [isinstance(step.given(index), np.ndarray) for index in (0, 1)]
        if not any(constants):
            return [together([step.curve(0), step.curve(1)], combine, step.where)]
        at = 1 if constants[1] else 0
        values = step.constant(at)
        number, shape = _uniform(values), step.curve(1 - at).shape
        if number is not None and _fits(values.shape, shape):
            fixed = number
            if at == 1:
                return [step.curve(0).through(lambda z: combine(z, np.asarray(fixed)), step.where)]
            return [step.curve(1).through(lambda z: combine(np.asarray(fixed), z), step.where)]
        return [_scaling(step, step.net(1 - at), values.astype(np.float64), at)]

    return read


def _fits(constant: tuple[int, ...], sample: tuple[int, ...]) -> bool:
    """Tell whether a constant that is spread over samples leaves their shape as it is."""
    try:
        return np.broadcast_shapes(constant, (2, *sample)) == (2, *sample)
    except ValueError:
        return False


def _scaling(step: Step, net: Net, values: Array, at: int) -> Net:
    """Return a network whose every number is scaled by a constant of its own."""
    if not _fits(values.shape, net.shape):
        raise step.refused(f"has a constant of the shape {values.shape} for samples of {net.shape}")
    if step.op == "Add":
        return net.scaled(1.0, values, step.where)
    if step.op == "Mul":
        return net.scaled(values, 0.0, step.where)
    if step.op == "Sub":
        return net.centred(values, 1.0, step.where) if at == 1 else net.scaled(-1.0, values, step.where)
    if step.op == "Div" and at == 1 and (values != 0).all():
        return net.scaled(1 / values, 0.0, step.where)
    raise step.refused("has another constant for every number, which is no scaling of a layer")


def batch_normalization(step: Step) -> list[Value]:
    """(x - mean) / sqrt(var + epsilon) * scale + bias, with what training has measured."""
    if step.attributes.get("training_mode", 0):
        raise step.refused("measures its samples as in training: export the model for inference")
    net = step.net()
    scale, bias, mean, var = (step.constant(index).astype(np.float64) for index in (1, 2, 3, 4))
    by = scale / np.sqrt(var + _number(step, "epsilon", 1e-5))
    sides = (-1, *[1] * (len(net.shape) - 1))  # a channel is the first axis of a sample
    return [net.scaled(by.reshape(sides), (bias - mean * by).reshape(sides), step.where), *[None] * (step.outputs - 1)]


def compare(step: Step) -> list[Value]:
    """Greater and its kin: a threshold of the answer, or one half of a choice between two curves."""
    rule = {
        "Greater": np.greater, "GreaterOrEqual": np.greater_equal, "Less": np.less, "LessOrEqual": np.less_equal,
    }[step.op]  # fmt: skip
    if isinstance(step.given(1), np.ndarray):
        number = _uniform(step.constant(1))
        if number is None:
            raise step.refused("compares every number with another one, which no answer does")
        one = step.curve(0)
        made = one.through(lambda z: rule(z, number), step.where)
        if step.op.startswith("Greater"):
            made.compared = one, number
        return [made]
    return [together([step.curve(0), step.curve(1)], rule, step.where)]


def where(step: Step) -> list[Value]:
    """A choice between two curves, or what a missing number is read as."""
    condition, yes, no = step.inputs[:3]
    if isinstance(condition, Missing) and isinstance(yes, np.ndarray):
        if raw(no) != raw(condition.of):
            raise step.refused("fills other numbers than those that are missing")
        return [filled(step, condition.of, yes)]
    curves = [start(one, step.where) if isinstance(one, Net) else one for one in (condition, yes, no)]
    numbers = [_uniform(one) if isinstance(one, np.ndarray) else None for one in curves]
    if any(number is None and not isinstance(one, Curve) for number, one in zip(numbers, curves, strict=True)):
        raise step.refused("chooses between what are no numbers of one layer")

    def choose(*values: Array) -> Array:
        rest = iter(values)
        return np.where(*(next(rest) if number is None else number for number in numbers))

    return [together([one for one in curves if isinstance(one, Curve)], choose, step.where)]


def filled(step: Step, net: Net, fill: Array) -> Net:
    """Return raw numbers of the input with what is read where one is missing."""
    values = np.ravel(fill).astype(np.float64)
    if raw(net) is None or values.size not in (1, net.width) or not np.isfinite(values).all():
        raise step.refused("fills what is not a number of the input as it comes")
    values = np.broadcast_to(values, net.width)
    blocks, begin = [], 0
    for block in net.blocks:
        assert isinstance(block, Numbers)
        blocks.append(replace(block, fill=values[begin : begin + block.width]))
        begin += block.width
    return replace(net, blocks=tuple(blocks))


def is_nan(step: Step) -> list[Value]:
    """Which numbers of the input are missing."""
    if raw(step.given(0)) is None:
        raise step.refused("looks for missing numbers behind the input")
    return [Missing(step.net())]


def cast(step: Step) -> list[Value]:
    """Another type of the same numbers."""
    value, to = step.given(0), int(step.attributes.get("to", 1))
    if isinstance(value, Missing):
        blocks = [Gaps(block.source, block.places) for block in value.of.blocks if isinstance(block, Numbers)]
        return [Net(tuple(blocks), sides=value.of.sides)]
    if isinstance(value, Curve) and value.compared is not None:
        one, threshold = value.compared
        return [Reaches(one.net, threshold)]
    if isinstance(value, (Net, Curve)) and to not in FLOATS and raw(value) is None and not _is_one_hot(value):
        raise step.refused("rounds numbers that were computed, which no layer does")
    return [value]


def _is_one_hot(value: Value) -> bool:
    return isinstance(value, Net) and not value.layers and not any(isinstance(b, Numbers) for b in value.blocks)


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


def concat(step: Step) -> list[Value]:
    """Parts of the input beside each other, or the probabilities of two classes."""
    axis = int(step.attributes.get("axis", 1))
    if all(isinstance(value, Cells) for value in step.inputs) and axis in (1, -1):
        return [Cells(tuple(spot for value in step.inputs for spot in value.spots))]
    pair = _pair(step)
    if pair is not None:
        return [pair]
    nets = [step.net(index) for index in range(len(step.inputs))]
    leading = {net.shape[:-1] for net in nets}
    if len(leading) != 1 or math.prod(*leading) != 1 or axis not in (-1, len(nets[0].shape)):
        raise step.refused("joins samples, or their parts along another axis than the last")
    made = joined([net.shaped(()) for net in nets], step.where)
    return [made.shaped((*leading.pop(), made.width))]


def _pair(step: Step) -> Pair | None:
    """Return the probabilities of two classes, where the parts are 1 - p and p."""
    if len(step.inputs) != 2 or not all(isinstance(value, (Net, Curve)) for value in step.inputs):
        return None
    other, one = step.curve(0), step.curve(1)
    if one.base is not other.base or one.base.width != 1 or one.base.shape != (1,):
        return None
    return Pair(one.net) if np.abs(other.values + one.values - 1).max() < 1e-6 else None


def argmax(step: Step) -> list[Value]:
    """The place of the greatest number of a row."""
    value = step.given(0)
    if step.attributes.get("axis", 0) not in (1, -1) or step.attributes.get("select_last_index", 0):
        raise step.refused("looks for the greatest along another axis than a row, or for the last of equal ones")
    return [Top(value if isinstance(value, Pair) else step.net())]


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


def shape_of(step: Step) -> list[Value]:
    """The shape, as far as it is known: the number of samples is not."""
    full = np.array([BATCH, *step.net().shape], np.int64)
    begin, end = step.attributes.get("start", 0), step.attributes.get("end", len(full))
    return [full[int(begin) : int(end)]]


OPS: dict[str, Read] = {
    **dict.fromkeys(("Identity", "Dropout"), same),
    "Gemm": gemm,
    "MatMul": matmul,
    "Relu": each(lambda z: np.maximum(z, 0)),
    "Sigmoid": each(_sigmoid),
    "Tanh": each(np.tanh),
    "LeakyRelu": curve(_leaky),
    "Elu": curve(_elu),
    "Celu": curve(_celu),
    "Selu": curve(_selu),
    "Gelu": curve(_gelu),
    "Swish": curve(_swish),
    "PRelu": curve(_prelu),
    "Clip": curve(_clip),
    "Erf": each(_erf),
    "Exp": each(np.exp),
    "Log": each(np.log),
    "Neg": each(np.negative),
    "Abs": each(np.abs),
    "Sqrt": each(np.sqrt),
    "Reciprocal": each(lambda z: 1 / z),
    "Softplus": each(lambda z: np.logaddexp(0, z)),
    "Softsign": each(lambda z: z / (1 + np.abs(z))),
    "Mish": each(lambda z: z * np.tanh(np.logaddexp(0, z))),
    "HardSigmoid": curve(
        lambda step: lambda z: np.clip(_number(step, "alpha", 0.2) * z + _number(step, "beta", 0.5), 0, 1)
    ),
    "HardSwish": each(lambda z: z * np.clip(z / 6 + 0.5, 0, 1)),
    **dict.fromkeys(("Softmax", "LogSoftmax"), softmax),
    "Add": arithmetic(np.add),
    "Sub": arithmetic(np.subtract),
    "Mul": arithmetic(np.multiply),
    "Div": arithmetic(np.divide),
    "Pow": arithmetic(np.power),
    "Min": arithmetic(np.minimum),
    "Max": arithmetic(np.maximum),
    "BatchNormalization": batch_normalization,
    **dict.fromkeys(("Greater", "GreaterOrEqual", "Less", "LessOrEqual"), compare),
    "Where": where,
    "IsNaN": is_nan,
    "Cast": cast,
    "ReduceSum": total,
    "Flatten": flatten,
    "Reshape": reshape,
    **dict.fromkeys(("Squeeze", "Unsqueeze"), squeeze),
    "Transpose": transpose,
    "Concat": concat,
    "ArgMax": argmax,
    "Gather": gather,
    "Slice": slices,
    "Shape": shape_of,
}
