"""A gradient check nudges each weight, watches the loss, and compares that slope with what backpropagation says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mlp_runtime.activations import ACTIVATIONS
from mlp_train.array import Array
from mlp_train.backward import backward
from mlp_train.derivatives import DERIVATIVES
from mlp_train.initializers import initialize
from mlp_train.losses import LOSSES, Loss, mean_loss, output_gradient, with_numbers
from mlp_train.network import ForwardPass, Gradient, LayerSpec, Network

TOLERANCE = 1e-6
STEP = 1e-3  # in float64: truncation and rounding errors of the difference are both near 1e-12 here
ROWS, SIZES = 4, (4, 5, 4, 3)
STARTS = 50


@dataclass(frozen=True)
class Check:
    """The worst disagreement between backpropagation and finite differences over all parameters of one network."""

    subject: str  # "activation gelu", "output activation tanh", "loss cross-entropy"
    error: float  # relative
    surrogate: bool = False

    @property
    def ok(self) -> bool:
        """Whether the gradient can be trusted; a surrogate differs on purpose."""
        return self.surrogate or self.error <= TOLERANCE

    @property
    def verdict(self) -> str:
        """Say the outcome in words."""
        if self.surrogate:
            return "surrogate, mismatch expected"
        return "ok" if self.ok else "WRONG"

    def to_dict(self) -> dict[str, Any]:
        """Return the row for `--json`."""
        return {**asdict(self), "ok": self.ok, "verdict": self.verdict}


def run_gradcheck() -> Iterator[Check]:
    """Check every registered activation, inside a network and as its last layer, and every loss with all that fit it.

    >>> all(check.ok for check in run_gradcheck())
    True
    """
    squared = LOSSES["squared-error"]
    for name, derivative in DERIVATIVES.items():
        layers = _layers(hidden=name, last="identity")
        yield Check(f"activation {name}", worst_error(layers, squared), derivative.surrogate)
        layers = _layers(hidden="tanh", last=name)
        yield Check(f"output activation {name}", worst_error(layers, squared), derivative.surrogate)
    for name, loss in LOSSES.items():
        # away from the defaults, because a quantile of one half would hide an exchange of above and below
        loss = with_numbers(loss, {key: 0.7 * value for key, value in loss.parameters.items()})
        yield Check(f"loss {name}", worst_error(_layers(hidden="tanh", last=loss.activation or "identity"), loss))
        if loss.activation is None and name != "squared-error":  # which went with all of them above
            for last, derivative in DERIVATIVES.items():
                if last != "identity" and not derivative.surrogate:
                    yield Check(f"loss {name} of {last}", worst_error(_layers(hidden="tanh", last=last), loss))


def worst_error(layers: list[LayerSpec], loss: Loss) -> float:
    """Return the largest relative error over all weights and biases of a small float64 network.

    The numbers are random but always the same. Of several starts the one is taken that is farthest from where an
    activation such as ReLU, or a loss such as the absolute error, has a kink and so no slope to compare with.
    """
    network, x, y = max((_start(layers, seed) for seed in range(STARTS)), key=lambda start: _to_kinks(loss, *start))
    forward = ForwardPass(network, len(x), keep_last_z=True)
    gradient = Gradient(layers, network.dtype)
    network.forward(x, forward)
    backward(network, forward, output_gradient(loss, network, forward, y), gradient)

    def loss_now() -> float:
        network.forward(x, forward)
        return mean_loss(loss, forward, y)

    numeric = finite_differences(loss_now, network.flat)
    return relative_error(gradient.flat, numeric)


def finite_differences(f: Callable[[], float], parameters: Array, step: float = STEP) -> Array:
    """Return df/dp for every parameter p by central differences of fourth order.

    f'(p) = (8 (f(p + h) - f(p - h)) - (f(p + 2h) - f(p - 2h))) / 12h, with an error of order h^4.
    Each parameter is changed in place while its slope is measured, and restored.

    >>> p = np.array([3.0])
    >>> finite_differences(lambda: p[0] ** 2, p).round(9).tolist()
    [6.0]
    """
    slopes = np.empty_like(parameters)
    for i, value in enumerate(parameters.copy()):
        total = 0.0
        for factor, steps in ((8, 1), (-8, -1), (-1, 2), (1, -2)):
            parameters[i] = value + steps * step
            total += factor * f()
        parameters[i] = value
        slopes[i] = total / (12 * step)
    return slopes


def relative_error(one: Array, other: Array) -> float:
    """Return the largest |one - other| / max(|one|, |other|); slopes below 1e-5 are compared to 1e-5, not to noise.

    A value that is not finite is an infinite error.

    >>> round(relative_error(np.array([1.0, 2.0]), np.array([1.0, 2.2])), 3)
    0.091
    """
    scale = np.maximum(np.maximum(np.abs(one), np.abs(other)), 1e-5)
    error = np.abs(one - other) / scale
    return float(error.max()) if np.isfinite(error).all() else float("inf")


def _layers(hidden: str, last: str) -> list[LayerSpec]:
    names = [hidden] * (len(SIZES) - 2) + [last]
    return [
        LayerSpec(a, b, name, dict(ACTIVATIONS[name].parameters))
        for a, b, name in zip(SIZES[:-1], SIZES[1:], names, strict=True)
    ]


def _start(layers: list[LayerSpec], seed: int) -> tuple[Network, Array, Array]:
    generator = np.random.default_rng(seed)
    network = Network(layers, np.float64)
    initialize(network, generator, "glorot-uniform")
    network.flat[network.weight_count :] = generator.normal(0, 0.5, network.flat.size - network.weight_count)
    x = generator.normal(size=(ROWS, SIZES[0]))
    return network, x, _targets(layers[-1].activation, generator)


def _targets(last: str, generator: np.random.Generator) -> Array:
    """Draw targets of the kind that the last activation answers with: one class, labels, counts, or else numbers."""
    shape = ROWS, SIZES[-1]
    if last == "softmax":
        return np.eye(shape[1])[generator.integers(0, shape[1], ROWS)]
    if last == "sigmoid":
        return generator.integers(0, 2, shape).astype(np.float64)
    if last == "exp":
        return generator.poisson(1.5, shape).astype(np.float64)
    return generator.normal(0, 1.5, shape)


def _to_kinks(loss: Loss, network: Network, x: Array, y: Array) -> float:
    """Return how near any number comes to a place without a slope.

    Such are z = 0, outputs that equal their targets, and outputs as far from them as a number of the loss says.
    """
    a, nearest = x, np.inf
    for spec, weight, bias in zip(network.layers, network.weights, network.biases, strict=True):
        z = a @ weight + bias
        nearest = min(nearest, float(np.abs(z).min()))
        a = np.empty_like(z)
        ACTIVATIONS[spec.activation].forward(z, a, **spec.parameters)
    if loss.activation is None:
        for distance in (0.0, *loss.parameters.values()):
            nearest = min(nearest, float(np.abs(np.abs(a - y) - distance).min()))
    return nearest
