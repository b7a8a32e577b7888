"""A loss says how wrong the predictions are, and in which direction they should move to be less wrong.

Every target is a row `y` of the same width as the network's output: a 1 at the class and 0 elsewhere (one-hot) for
classes, the numbers themselves for regression.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mlp_train.array import Array
from mlp_train.backward import backward_activation
from mlp_train.network import ForwardPass, Network


@dataclass(frozen=True)
class Loss:
    """The value of a loss for each sample, and its gradient.

    Where `activation` names one, the loss goes with that output activation alone and `gradient(a, y, out)` writes
    dL/dz: the two derivatives cancel to something simple and exact. Where it is None the loss goes with any output
    activation and `gradient` writes dL/da. Both are for each sample, not yet divided by the batch size.
    """

    value: Callable[[Array, Array, Array], Array]  # value(z, a, y) -> (rows,)
    gradient: Callable[[Array, Array, Array], None]
    activation: str | None = None


def difference(a: Array, y: Array, out: Array) -> None:
    """Write a - y: how far each output is from its target."""
    np.subtract(a, y, out=out)


def cross_entropy(z: Array, a: Array, y: Array) -> Array:
    """L = -sum(y log a) with a = softmax(z), computed as log(sum(e^z)) - sum(y z), which never takes log(0).

    Its gradient by z is a - y (Bridle, 1990).
    """
    top = z.max(axis=1)
    log_sum = top + np.log(np.exp(z - top[:, None]).sum(axis=1))
    value: Array = log_sum * y.sum(axis=1) - (y * z).sum(axis=1)
    return value


def binary_cross_entropy(z: Array, a: Array, y: Array) -> Array:
    """L = -sum(y log a + (1 - y) log(1 - a)) with a = sigmoid(z), computed as softplus(z) - y z.

    softplus(z) = log(1 + e^z) = max(z, 0) + log(1 + e^-|z|) is exact for every z. Its gradient by z is a - y.
    """
    softplus = np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))
    value: Array = (softplus - y * z).sum(axis=1)
    return value


def squared_error(z: Array, a: Array, y: Array) -> Array:
    """L = 1/2 sum((a - y)^2); the 1/2 makes its gradient by a just a - y."""
    value: Array = 0.5 * np.square(a - y).sum(axis=1)
    return value


def smooth_labels(y: Array, share: float) -> Array:
    """Return one-hot rows with `share` of each spread evenly over all classes (Szegedy et al., 2016).

    A network that may never be quite sure keeps its weights small, and small sets are overfitted less.

    >>> smooth_labels(np.array([[1.0, 0.0]]), 0.2).round(3).tolist()
    [[0.9, 0.1]]
    """
    smooth: Array = y * (1 - share) + share / y.shape[1]
    return smooth


LOSSES: dict[str, Loss] = {
    "cross-entropy": Loss(cross_entropy, difference, activation="softmax"),
    "binary-cross-entropy": Loss(binary_cross_entropy, difference, activation="sigmoid"),
    "squared-error": Loss(squared_error, difference),
}


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
