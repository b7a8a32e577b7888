"""What ONNX's own operators mean to a network of layers; those of ai.onnx.ml are in `onnx_ml_ops`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from mlp_train.array import Array
from mlp_train.importers.answers import LOG_SOFTMAX
from mlp_train.importers.curves import Curve, start, together
from mlp_train.importers.net import Gaps, Net, Numbers, joined
from mlp_train.importers.onnx_activations import ACTIVATIONS, Read, number
from mlp_train.importers.onnx_shapes import SHAPES
from mlp_train.importers.onnx_values import Cells, Missing, Pair, Reaches, Step, Top, Total, Value, raw

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
        one, shape = _uniform(values), step.curve(1 - at).shape
        if one is not None and _fits(values.shape, shape):
            fixed = one
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
    if step.op in ("Max", "Min"):
        return net.limited("low" if step.op == "Max" else "high", values.reshape(-1), step.where)
    raise step.refused("has another constant for every number, which is no scaling of a layer")


def batch_normalization(step: Step) -> list[Value]:
    """(x - mean) / sqrt(var + epsilon) * scale + bias, with what training has measured."""
    if step.attributes.get("training_mode", 0):
        raise step.refused("measures its samples as in training: export the model for inference")
    net = step.net()
    scale, bias, mean, var = (step.constant(index).astype(np.float64) for index in (1, 2, 3, 4))
    by = scale / np.sqrt(var + number(step, "epsilon", 1e-5))
    sides = (-1, *[1] * (len(net.shape) - 1))  # a channel is the first axis of a sample
    return [net.scaled(by.reshape(sides), (bias - mean * by).reshape(sides), step.where), *[None] * (step.outputs - 1)]


def compare(step: Step) -> list[Value]:
    """Greater and its kin: a threshold of the answer, or one half of a choice between two curves."""
    rule = {
        "Greater": np.greater, "GreaterOrEqual": np.greater_equal, "Less": np.less, "LessOrEqual": np.less_equal,
    }[step.op]  # fmt: skip
    if isinstance(step.given(1), np.ndarray):
        threshold = _uniform(step.constant(1))
        if threshold is None:
            raise step.refused("compares every number with another one, which no answer does")
        one = step.curve(0)
        made = one.through(lambda z: rule(z, threshold), step.where)
        if step.op.startswith("Greater"):
            made.compared = one, threshold
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


def concat(step: Step) -> list[Value]:
    """Parts of the input beside each other, or the probabilities of two classes."""
    axis = int(step.attributes.get("axis", 1))
    if all(isinstance(value, Cells) for value in step.inputs) and axis in (1, -1):
        count = sum(len(value.spots) for value in step.inputs)
        if count > step.room:
            raise step.refused(f"joins {count:,} texts, more than the file holds")
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


OPS: dict[str, Read] = {
    **dict.fromkeys(("Identity", "Dropout"), same),
    "Gemm": gemm,
    "MatMul": matmul,
    **ACTIVATIONS,
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
    "Concat": concat,
    "ArgMax": argmax,
    **SHAPES,
}
