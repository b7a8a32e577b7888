"""A regularizer keeps the weights or their gradients small, so that the network learns the rule and not the noise."""

from __future__ import annotations

import numpy as np

from mlp_train.array import Array
from mlp_train.network import Gradient, Network


def l2_penalty(network: Network, l2: float) -> float:
    """Return l2 / 2 times the sum of the squared weights; biases are free."""
    weights = network.flat[: network.weight_count]
    return 0.5 * l2 * float(np.dot(weights, weights))


def add_l2_gradient(network: Network, gradient: Gradient, l2: float, scratch: Array) -> None:
    """Add d(penalty)/dW = l2 W to the gradient in place; scratch is as long as the gradient."""
    count = network.weight_count
    np.multiply(network.flat[:count], l2, out=scratch[:count])
    gradient.flat[:count] += scratch[:count]


def gradient_norm(gradient: Gradient) -> float:
    """Return the Euclidean length of the whole gradient; infinite where it does not fit the gradient's own type."""
    flat = gradient.flat
    with np.errstate(over="ignore"):
        return float(np.sqrt(np.dot(flat, flat)))


def clip_norm(gradient: Gradient, limit: float) -> None:
    """Scale the gradient in place so that its length is at most `limit` (Pascanu et al., 2013); its direction stays."""
    norm = gradient_norm(gradient)
    if norm > limit:
        gradient.flat *= limit / norm
