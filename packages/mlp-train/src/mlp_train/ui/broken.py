"""Broken gradients: the mistakes that people make in backpropagation, each one line away from the right one.

A learner turns one on, says what it will do, and sees the gradient check catch it, or not. `backward.py` has the right
lines; what is broken here stands beside its right form.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from mlp_train.array import Array
from mlp_train.backward import Trace, backward_activation, backward_input, backward_linear
from mlp_train.errors import UsageError
from mlp_train.losses import Loss, output_gradient
from mlp_train.network import ForwardPass, Gradient, Network


@dataclass(frozen=True)
class Mistake:
    """One mistake: its title, the right line and the wrong one, and what it stands for in words."""

    title: str
    right: str
    wrong: str
    what: str
    surrogate: bool = False


MISTAKES: Mapping[str, Mistake] = {
    "transpose": Mistake(
        "Missing transpose",
        "d_a = d_z @ weight.T",
        "d_a = d_z @ weight",
        "Going back, each weight must carry blame from its output to its input. Without the transpose it goes to the "
        "wrong neurons, yet every shape fits.",
    ),
    "sign": Mistake(
        "Wrong sign",
        "d_z = (a - y) / batch",
        "d_z = (y - a) / batch",
        "The difference at the output is taken the wrong way round.",
    ),
    "batch": Mistake(
        "Missing 1/batch",
        "d_z = (a - y) / batch",
        "d_z = a - y",
        "L is the mean over the batch, but the gradient is that of the sum. With one sample nothing would show, so "
        "several go through at once here.",
    ),
    "hybrid": Mistake(
        "Hybrid sigmoid",
        "d_z = d_a * a (1 - a)",
        "d_z = d_a * (1 where |z| < 2, else a (1 - a))",
        "The way back pretends that the sigmoid is a straight line of slope 1 where it is not saturated.",
        surrogate=True,
    ),
}


def culprit(network: Network) -> int | None:
    """Return the layer whose transpose can be missing unnoticed: the last square one, else the last that is no vector.

    The first layer sends nothing back, and of a single row or column the transpose holds the same numbers in the same
    order. None where there is no such layer.
    """
    layers = [i for i in range(1, len(network.layers)) if min(network.weights[i].shape) > 1]
    square = [i for i in layers if network.layers[i].n_in == network.layers[i].n_out]
    return max(square or layers, default=None)


def without_transpose(weight: Array) -> Array:
    """Return the weight as it wrongly stands in `d_z @ weight`; where it is not square, only reshaped until it fits.

    >>> without_transpose(np.array([[1, 2], [3, 4], [5, 6]])).tolist()
    [[1, 2, 3], [4, 5, 6]]
    """
    return weight if weight.shape[0] == weight.shape[1] else weight.reshape(weight.shape[::-1])


def with_surrogate(network: Network) -> Network:
    """Return the same network, on the same parameters, whose sigmoids go back as `sigmoid-hybrid` does."""
    *hidden, last = network.layers
    layers = [
        replace(spec, activation="sigmoid-hybrid") if spec.activation == "sigmoid" else spec for spec in hidden
    ]  # fmt: skip
    return Network([*layers, last], network.dtype, network.flat)


def unavailable(name: str, network: Network) -> str | None:
    """Say why a mistake cannot be made in this network; None where it can."""
    if name == "transpose" and culprit(network) is None:
        return "no layer after the first has both several inputs and several outputs, so its transpose changes nothing"
    if name == "hybrid" and not any(spec.activation == "sigmoid" for spec in network.layers[:-1]):
        return "this network has no hidden sigmoid: choose a small network and the activation sigmoid"
    return None


def broken_backward(
    name: str | None, network: Network, loss: Loss, forward: ForwardPass, y: Array, gradient: Gradient, trace: Trace
) -> None:
    """Fill `gradient` and `trace` as `backward.backward` would, with the mistake `name` made in one place.

    `hybrid` is no wrong line here: give the network that `with_surrogate` returns. UsageError for an unknown name.
    """
    if name is not None and name not in MISTAKES:
        raise UsageError(f"there is no mistake called {name[:40]!r}: it is one of {', '.join(MISTAKES)}")
    d_z = output_gradient(loss, network, forward, y)
    if name == "sign":
        d_z = -d_z  # right is: d_z
    if name == "batch":
        d_z = d_z * len(y)  # right is: d_z, which is divided by the batch size already

    for layer in reversed(range(len(network.layers))):
        trace.d_z[layer] = d_z
        backward_linear(forward.given[layer], d_z, gradient.weights[layer], gradient.biases[layer])
        if layer == 0:
            return
        weight = network.weights[layer]
        if name == "transpose" and layer == culprit(network):
            d_a = d_z @ without_transpose(weight)  # right is: d_z @ weight.T
        else:
            d_a = backward_input(d_z, weight, out=np.empty_like(forward.a[layer]))
        trace.d_a[layer - 1] = d_a
        d_z = backward_activation(network, forward, layer - 1, d_a, out=np.empty_like(d_a))
