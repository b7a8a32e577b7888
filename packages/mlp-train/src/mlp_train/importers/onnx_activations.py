"""An operator that treats every number alike is a curve: what it computes, as ONNX defines it."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from mlp_train.array import Array
from mlp_train.importers.curves import SELU
from mlp_train.importers.onnx_values import Step, Value

Read = Callable[[Step], list[Value]]


def curve(function: Callable[[Step], Callable[[Array], Array]]) -> Read:
    """Return what reads an operator that treats every number alike."""

    def read(step: Step) -> list[Value]:
        return [step.curve().through(function(step), step.where)]

    return read


def each(function: Callable[[Array], Array]) -> Read:
    """Return what reads an operator that treats every number alike, and has no attributes."""
    return curve(lambda _: function)


def number(step: Step, name: str, default: float) -> float:
    """Return an attribute that is a number."""
    return float(step.attributes.get(name, default))


def _leaky(step: Step) -> Callable[[Array], Array]:
    alpha = number(step, "alpha", 0.01)
    return lambda z: np.where(z < 0, alpha * z, z)


def _elu(step: Step) -> Callable[[Array], Array]:
    alpha = number(step, "alpha", 1.0)
    return lambda z: np.where(z < 0, alpha * np.expm1(np.minimum(z, 0)), z)


def _celu(step: Step) -> Callable[[Array], Array]:
    alpha = number(step, "alpha", 1.0)
    return lambda z: np.where(z < 0, alpha * np.expm1(np.minimum(z, 0) / alpha), z)


def _selu(step: Step) -> Callable[[Array], Array]:
    alpha, gamma = number(step, "alpha", SELU[0]), number(step, "gamma", SELU[1])
    return lambda z: gamma * np.where(z < 0, alpha * np.expm1(np.minimum(z, 0)), z)


def _gelu(step: Step) -> Callable[[Array], Array]:
    if step.attributes.get("approximate", "none") == "tanh":
        return lambda z: z / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z**3)))
    return lambda z: z / 2 * (1 + _erf(z / math.sqrt(2)))


def _swish(step: Step) -> Callable[[Array], Array]:
    alpha = number(step, "alpha", 1.0)
    return lambda z: z * _sigmoid(alpha * z)


def _erf(z: Array) -> Array:
    return np.array([math.erf(value) for value in z])


def _sigmoid(z: Array) -> Array:
    return 1 / (1 + np.exp(-z))


def _clip(step: Step) -> Callable[[Array], Array]:
    ends = []
    for index, name, default in ((1, "min", -np.inf), (2, "max", np.inf)):
        given = step.given(index)
        ends.append(float(np.ravel(step.constant(index))[0]) if given is not None else number(step, name, default))
    return lambda z: np.minimum(np.maximum(z, ends[0]), ends[1])


def _prelu(step: Step) -> Callable[[Array], Array]:
    slopes = np.unique(step.constant(1).astype(np.float64))
    if len(slopes) != 1:
        raise step.refused("has a slope of its own for every number, but a layer has one for all")
    return lambda z: np.where(z < 0, slopes[0] * z, z)


ACTIVATIONS: dict[str, Read] = {
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
        lambda step: lambda z: np.clip(number(step, "alpha", 0.2) * z + number(step, "beta", 0.5), 0, 1)
    ),
    "HardSwish": each(lambda z: z * np.clip(z / 6 + 0.5, 0, 1)),
}
