"""A loss says how wrong the predictions are, and in which direction they should move to be less wrong.

Every target is a row `y` of the same width as the network's output: a 1 at the class and 0 elsewhere (one-hot) for
classes, a 1 at every label that holds for several at once, the numbers themselves for regression. A loss is written as
its name, or with its number after a colon: `huber:1.5`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from mlp_runtime.errors import nearest
from mlp_train.array import Array
from mlp_train.backward import backward_activation
from mlp_train.errors import UsageError
from mlp_train.network import ForwardPass, Network

LEAST, MOST = 1e-6, 1e6  # of a loss's number: beyond, gradients in float32 vanish or say nothing


@dataclass(frozen=True)
class Loss:
    """The value of a loss for each sample, and its gradient.

    `value(z, a, y)` returns a vector of (rows,). Where `activation` names one, the loss goes with that output
    activation alone and `gradient(a, y, out)` writes dL/dz: the two derivatives cancel to something simple and exact.
    Where it is None the loss goes with any output activation and `gradient` writes dL/da. Both are for each sample, not
    yet divided by the batch size, so that a sample's weight is a factor outside.

    `parameters` are the defaults of the loss's own numbers, which both functions take by name and which are at least
    LEAST and below `below`. `task` is `classification` or `regression` where the loss makes sense for one alone.
    """

    value: Callable[..., Array]
    gradient: Callable[..., None]
    activation: str | None = None
    parameters: Mapping[str, float] = field(default_factory=dict)
    below: float = MOST
    task: str | None = None


def difference(a: Array, y: Array, out: Array) -> None:
    """Write a - y: how far each output is from its target."""
    np.subtract(a, y, out=out)


def cross_entropy(z: Array, a: Array, y: Array) -> Array:
    """L = -sum(y log a) with a = softmax(z), computed as log(sum(e^z)) - sum(y z), which never takes log(0).

    The row's largest z is taken off first, so that nothing overflows. The gradient by z is a - y (Bridle, 1990).
    """
    z = z - z.max(axis=1, keepdims=True)
    value: Array = np.log(np.exp(z).sum(axis=1)) * y.sum(axis=1) - (y * z).sum(axis=1)
    return value


def binary_cross_entropy(z: Array, a: Array, y: Array) -> Array:
    """L = -sum(y log a + (1 - y) log(1 - a)) with a = sigmoid(z), computed as softplus(z) - y z.

    softplus(z) = log(1 + e^z) = max(z, 0) + log(1 + e^-|z|) is exact for every z. Each output answers one question of
    yes or no, so several may be right at once (multi-label). The gradient by z is a - y.
    """
    softplus = np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))
    value: Array = (softplus - y * z).sum(axis=1)
    return value


def poisson(z: Array, a: Array, y: Array) -> Array:
    """L = sum(a - y log a + y log y - y) with a = e^z: half the deviance of counts with the mean a.

    The logarithm of the mean is what the layers compute (the log link: Nelder and Wedderburn, 1972), so log a = z, and
    the gradient by z is a - y. What depends on y alone makes the loss of a perfect answer 0.
    """
    value: Array = (a - y * z + y * np.log(np.where(y > 0, y, 1)) - y).sum(axis=1)
    return value


def squared_error(z: Array, a: Array, y: Array) -> Array:
    """L = 1/2 sum((a - y)^2); the 1/2 makes its gradient by a just a - y. Its best answer is the mean."""
    value: Array = 0.5 * np.square(a - y).sum(axis=1)
    return value


def absolute_error(z: Array, a: Array, y: Array) -> Array:
    """L = sum(|a - y|), for targets with outliers. Its best answer is the median."""
    value: Array = np.abs(a - y).sum(axis=1)
    return value


def absolute_error_gradient(a: Array, y: Array, out: Array) -> None:
    """Write dL/da = sign(a - y); 0 where they are equal."""
    np.subtract(a, y, out=out)
    np.sign(out, out=out)


def huber(z: Array, a: Array, y: Array, delta: float = 1.0) -> Array:
    """L = e^2 / 2 where e = |a - y| is up to delta, delta (e - delta / 2) beyond (Huber, 1964).

    Squared near, so that small errors count little; straight far, so that outliers do not rule. delta counts in the
    unit of the scaled target: 1 is one standard deviation.
    """
    error = np.abs(a - y)
    near = np.minimum(error, delta)
    value: Array = (near * (error - 0.5 * near)).sum(axis=1)
    return value


def huber_gradient(a: Array, y: Array, out: Array, delta: float = 1.0) -> None:
    """Write dL/da = a - y, held within -delta and delta."""
    np.subtract(a, y, out=out)
    np.clip(out, -delta, delta, out=out)


def quantile(z: Array, a: Array, y: Array, q: float = 0.5) -> Array:
    """L = sum(q (y - a)) where y is above a, (1 - q) (a - y) below (Koenker and Bassett, 1978).

    Its best answer is what a share q of the targets stays below: 0.9 gives a value that is rarely exceeded.
    """
    missing = y - a
    value: Array = np.maximum(q * missing, (q - 1) * missing).sum(axis=1)
    return value


def quantile_gradient(a: Array, y: Array, out: Array, q: float = 0.5) -> None:
    """Write dL/da = 1 - q where a is above y, -q below; 0 where they are equal."""
    out[...] = np.where(a > y, 1 - q, np.where(a < y, -q, 0.0))


def smooth_labels(y: Array, share: float) -> Array:
    """Return one-hot rows with `share` of each spread evenly over all classes (Szegedy et al., 2016).

    A network that may never be quite sure keeps its weights small, and small sets are overfitted less.

    >>> smooth_labels(np.array([[1.0, 0.0]]), 0.2).round(3).tolist()
    [[0.9, 0.1]]
    """
    smooth: Array = y * (1 - share) + share / y.shape[1]
    return smooth


LOSSES: dict[str, Loss] = {
    "cross-entropy": Loss(cross_entropy, difference, activation="softmax", task="classification"),
    "binary-cross-entropy": Loss(binary_cross_entropy, difference, activation="sigmoid", task="classification"),
    "squared-error": Loss(squared_error, difference),
    "absolute-error": Loss(absolute_error, absolute_error_gradient),
    "huber": Loss(huber, huber_gradient, parameters={"delta": 1.0}),
    "quantile": Loss(quantile, quantile_gradient, parameters={"q": 0.5}, below=1.0, task="regression"),
    "poisson": Loss(poisson, difference, activation="exp", task="regression"),
}


def parse_loss(text: str) -> Loss:
    """Return the loss that a person writes, with its numbers put in.

    Raises UsageError for an unknown name, and for a number that the loss cannot have.

    >>> loss = parse_loss("huber:0.5")
    >>> loss.value(None, np.array([[3.0]]), np.array([[1.0]])).tolist()
    [0.875]
    """
    name, colon, number = text.partition(":")
    if name not in LOSSES:
        raise UsageError(f"unknown loss {name!r}{nearest(name, LOSSES)}: it is one of {', '.join(LOSSES)}")
    loss = LOSSES[name]
    parameters = dict(loss.parameters)
    if colon:
        if len(parameters) != 1:
            raise UsageError(f"loss {name!r} takes no number, but {text!r} gives one")
        (key,) = parameters
        try:
            parameters[key] = float(number)
        except ValueError:
            what = f"{number!r} is not a number" if number else "a number is missing after the colon"
            raise UsageError(f"loss {text!r}: {what}; write {name}:{parameters[key]:g}, or {name} alone") from None
    for key, value in parameters.items():
        if not LEAST <= value < loss.below:
            raise UsageError(f"loss {text!r}: {key} must be from {LEAST:g} to below {loss.below:g}, but is {value:g}")
    return with_numbers(loss, parameters)


def with_numbers(loss: Loss, parameters: Mapping[str, float]) -> Loss:
    """Return the loss with these numbers in place of its defaults."""
    if not parameters:
        return loss
    value, gradient = partial(loss.value, **parameters), partial(loss.gradient, **parameters)
    return replace(loss, value=value, gradient=gradient, parameters=parameters)


def output_gradient(loss: Loss, network: Network, forward: ForwardPass, y: Array) -> Array:
    """Return dL/dz of the last layer, (batch, n_out), where L is the mean over the batch."""
    a, d = forward.a[-1], forward.d[-1]
    loss.gradient(a, y, d)
    d /= len(y)
    if loss.activation is None:
        backward_activation(network, forward, len(network.layers) - 1, d, out=d)
    return d


def mean_loss(loss: Loss, forward: ForwardPass, y: Array) -> float:
    """Return the mean loss of the batch that went through `forward` last."""
    z = forward.z[-1]
    assert z is not None, "ForwardPass(keep_last_z=True) keeps what the loss is computed from"
    return float(loss.value(z, forward.a[-1], y).mean())
