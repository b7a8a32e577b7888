"""A derivative says how much an activation's output moves when its input moves a little.

Every activation of `mlp_runtime.activations` has one entry here under the same name. With `a = activation(z)` and
`d_a = dL/da`, each function writes `d_z = dL/dz = d_a * da/dz` into `out` (all of shape (batch, n)). `out` may be the
same array as `d_a`. Where da/dz can be written with `a` alone, the layer need not keep `z`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mlp_runtime.activations import GELU_CUBIC, GELU_SCALE, SELU_ALPHA, SELU_SCALE
from mlp_train.array import Array


@dataclass(frozen=True)
class Derivative:
    """The backward half of an activation."""

    backward: Callable[..., None]  # backward(d_a, z, a, out, **parameters); z is None unless needs_z
    needs_z: bool = False
    surrogate: bool = False  # deliberately not the true derivative, so gradcheck must differ
    initializer: str = "glorot-uniform"  # the start that suits the activation


def identity(d_a: Array, z: Array | None, a: Array, out: Array) -> None:
    """da/dz = 1."""
    np.copyto(out, d_a)


def sigmoid(d_a: Array, z: Array | None, a: Array, out: Array) -> None:
    """da/dz = a (1 - a)."""
    np.multiply(d_a, a * (1 - a), out=out)


def sigmoid_hybrid(d_a: Array, z: Array, a: Array, out: Array) -> None:
    """The ReLU-style surrogate: 1 where |z| < 2, and the true a (1 - a) elsewhere.

    The true derivative is never above 1/4, so ten sigmoid layers shrink a gradient a million times. Here a unit that
    is not saturated passes its gradient whole, as an active ReLU does, at the price of no longer being the slope of
    the loss. Between -2 and 2 the sigmoid's tangent 1/2 + z/4 stays within 0 and 1. A backward that differs from the
    forward on purpose, and is cut where the unit saturates, is the straight-through estimator of Bengio, Leonard and
    Courville (2013), arXiv:1308.3432, and Hubara et al. (2016); docs/backprop.md has the experiment.
    """
    np.multiply(d_a, np.where(np.abs(z) < 2, 1, a * (1 - a)).astype(a.dtype, copy=False), out=out)


def tanh(d_a: Array, z: Array | None, a: Array, out: Array) -> None:
    """da/dz = 1 - a^2."""
    np.multiply(d_a, 1 - a * a, out=out)


def relu(d_a: Array, z: Array | None, a: Array, out: Array) -> None:
    """da/dz = 1 where z > 0, which is where a > 0; 0 elsewhere."""
    np.multiply(d_a, a > 0, out=out)


def leaky_relu(d_a: Array, z: Array | None, a: Array, out: Array, negative_slope: float) -> None:
    """da/dz = 1 where z > 0, the negative slope elsewhere; a has the sign of z because the slope is positive."""
    np.multiply(d_a, np.where(a > 0, 1, negative_slope).astype(a.dtype, copy=False), out=out)


def elu(d_a: Array, z: Array | None, a: Array, out: Array, alpha: float) -> None:
    """da/dz = 1 where z > 0; alpha e^z = a + alpha elsewhere."""
    np.multiply(d_a, np.where(a > 0, 1, a + alpha).astype(a.dtype, copy=False), out=out)


def selu(d_a: Array, z: Array | None, a: Array, out: Array) -> None:
    """da/dz = scale where z > 0; scale alpha e^z = a + scale alpha elsewhere."""
    np.multiply(d_a, np.where(a > 0, SELU_SCALE, a + SELU_SCALE * SELU_ALPHA).astype(a.dtype, copy=False), out=out)


def gelu(d_a: Array, z: Array, a: Array, out: Array) -> None:
    """With t = tanh(u), u = c (z + k z^3):  da/dz = (1 + t) / 2 + z (1 - t^2) c (1 + 3 k z^2) / 2."""
    c, k = GELU_SCALE, GELU_CUBIC
    z = np.clip(z, -10, 10)  # beyond, the slope is 0 or 1 to the last bit; within, nothing overflows
    t = np.tanh(c * (z + k * z**3))
    np.multiply(d_a, 0.5 * (1 + t) + 0.5 * z * (1 - t * t) * c * (1 + 3 * k * z * z), out=out)


def silu(d_a: Array, z: Array, a: Array, out: Array) -> None:
    """With s = sigmoid(z):  da/dz = s + z s (1 - s)."""
    z = np.clip(z, -80, 80)  # e^80 is finite in float32, and the slope there is 0 or 1 already
    s = 1 / (1 + np.exp(-z))
    np.multiply(d_a, s * (1 + z * (1 - s)), out=out)


def exp(d_a: Array, z: Array | None, a: Array, out: Array) -> None:
    """da/dz = e^z = a."""
    np.multiply(d_a, a, out=out)


def softmax(d_a: Array, z: Array | None, a: Array, out: Array) -> None:
    """d_z = a (d_a - sum(d_a a)), because every output of a row depends on every z of that row."""
    np.multiply(a, d_a - (d_a * a).sum(axis=1, keepdims=True), out=out)


HE = "he-normal"
DERIVATIVES: dict[str, Derivative] = {
    "identity": Derivative(identity),
    "sigmoid": Derivative(sigmoid),
    "sigmoid-hybrid": Derivative(sigmoid_hybrid, needs_z=True, surrogate=True),
    "tanh": Derivative(tanh),
    "relu": Derivative(relu, initializer=HE),
    "leaky-relu": Derivative(leaky_relu, initializer=HE),
    "elu": Derivative(elu, initializer=HE),
    "selu": Derivative(selu, initializer="lecun-normal"),
    "gelu": Derivative(gelu, needs_z=True, initializer=HE),
    "silu": Derivative(silu, needs_z=True, initializer=HE),
    "exp": Derivative(exp),
    "softmax": Derivative(softmax),
}
