"""A regularizer keeps the weights or their gradients small, so that the network learns the rule and not the noise.

Each works in place on the flat vectors, whose first `weight_count` numbers are weights; biases are free.
"""

from __future__ import annotations

import numpy as np

from mlp_train.array import Array
from mlp_train.network import FlatArrays, Gradient, Network


def penalty(network: Network, l1: float, l2: float) -> float:
    """Return what the size of the weights adds to the loss: l1 sum(|W|) (Tibshirani, 1996) + l2 / 2 sum(W^2)."""
    weights = network.flat[: network.weight_count]
    return (l1 * float(np.abs(weights).sum()) if l1 else 0.0) + (0.5 * l2 * norm(weights) ** 2 if l2 else 0.0)


def add_penalty_gradient(network: Network, gradient: Gradient, l1: float, l2: float) -> None:
    """Add the penalty's slope, l1 sign(W) + l2 W: l1 draws all weights to 0 with one force, l2 the large ones more."""
    count = network.weight_count
    weights, slope = network.flat[:count], gradient.flat[:count]
    if l1:
        slope += l1 * np.sign(weights)
    if l2:
        slope += l2 * weights


def norm(flat: Array) -> float:
    """Return the Euclidean length of a vector."""
    with np.errstate(over="ignore"):
        square = float(np.dot(flat, flat))
        return float(np.sqrt(square if np.isfinite(square) else np.square(flat, dtype=np.float64).sum()))


def clip_norm(gradient: Gradient, limit: float, length: float) -> None:
    """Shorten the gradient, which is `length` long, to at most `limit`; its direction stays (Pascanu et al., 2013)."""
    if length > limit:
        gradient.flat *= limit / length


def clip_value(gradient: Gradient, limit: float) -> None:
    """Cut every number of the gradient to -limit ... limit."""
    np.clip(gradient.flat, -limit, limit, out=gradient.flat)


def limit_norms(network: FlatArrays, limit: float) -> None:
    """Shorten the incoming weights of every unit to a length of at most `limit` (max-norm, Srivastava et al., 2014)."""
    for weight in network.weights:
        lengths = np.sqrt(np.einsum("ij,ij->j", weight, weight))
        weight *= np.minimum(1.0, limit / np.maximum(lengths, np.finfo(weight.dtype).tiny)).astype(weight.dtype)
