"""A plan is a network made ready to answer fast: the same layers, with the buffers laid out beforehand.

`x` is (n_in,) for one row or (batch, n_in); weights are (n_out, n_in), as in the file, so that `weight.dot(x)` reads
memory in order. `reference` is the plain definition; every faster path is tested against it.
"""

from __future__ import annotations

import threading
from types import MappingProxyType
from typing import Any, Callable, Mapping, NamedTuple, Sequence

import numpy as np

from .activations import Activation, layer, relu, softmax
from .errors import InputError, shown

CHUNK = 256  # rows a step: the activations of a small network then stay in the processor's cache ...
MAX_BUFFER = 2**20  # ... and numbers a buffer: a wide network takes fewer rows a step


class Layer(NamedTuple):
    """One layer: float32 weight (n_out, n_in) and bias (n_out,), an activation and its parameters."""

    weight: np.ndarray
    bias: np.ndarray
    activation: Activation
    parameters: Mapping[str, float] = MappingProxyType({})

    def activate(self, z: np.ndarray) -> None:
        """Turn the pre-activation z into the activation, in place."""
        self.activation.forward(z, z, **self.parameters)


def reference(layers: Sequence[Layer], x: np.ndarray) -> list[np.ndarray]:
    """Return [x, a1, ..., output] for x (batch, n_in), layer by layer, with fresh arrays and no tricks."""
    trace = [x]
    for each in layers:
        z = np.empty((len(x), len(each.bias)), np.float32)
        layer(trace[-1], each.weight.T, each.bias, out=z)
        each.activate(z)
        trace.append(z)
    return trace


class Plan:
    """The forward pass of a fixed list of layers; safe to call from several threads.

    Each thread has buffers of its own, made at its first call; returned arrays are fresh. No thread is started.

    >>> from mlp_runtime.activations import get_activation
    >>> double = Layer(np.array([[2.0]], np.float32), np.array([1.0], np.float32), get_activation("relu"))
    >>> Plan([double])([3.0]), Plan([double])([[3.0], [-3.0]])
    (array([7.], dtype=float32), array([[7.],
           [0.]], dtype=float32))
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = tuple(layers)
        self.n_in = self.layers[0].weight.shape[1]
        self.n_out = self.layers[-1].weight.shape[0]
        self._local = threading.local()

    def __call__(self, x: Any, strict: bool = False) -> np.ndarray:
        """Return the last activation for x: (n_out,) for a row, (batch, n_out) for a batch.

        With strict=True a row's bits do not depend on the rows beside it.
        """
        x = self.check(x)
        if not hasattr(self._local, "runs"):
            self._local.runs = _compile_row(self.layers), _compile_batch(self.layers)
        one, many = self._local.runs
        if x.ndim == 1 and not strict:
            return np.asarray(one(x))
        return np.asarray(many(x.reshape(-1, self.n_in), strict).reshape(*x.shape[:-1], self.n_out))

    def trace(self, x: Any) -> list[np.ndarray]:
        """Return [x, a1, ..., output], the plain reference's activations, for a row or a batch."""
        x = self.check(x)
        return [a.reshape(*x.shape[:-1], -1) for a in reference(self.layers, x.reshape(-1, self.n_in))]

    def check(self, x: Any) -> np.ndarray:
        """Return x as a contiguous float32 array of shape (n_in,) or (batch, n_in), or raise InputError."""
        try:
            given = np.asarray(x)
        except ValueError:  # rows of different lengths
            given = np.asarray(None)
        if given.dtype.kind not in "fiub" or given.ndim not in (1, 2) or given.shape[-1] != self.n_in:
            wanted = f"prepared numbers of shape ({self.n_in},) or (n, {self.n_in})"
            hint = "give raw ones to predict or to model.input.transform"
            raise InputError(f"{shown(x)} came, but forward takes {wanted}: {hint}")
        with np.errstate(over="ignore"):  # a float64 beyond float32 becomes infinite, which the layers can take
            return np.ascontiguousarray(given, np.float32)


def _compile_row(layers: Sequence[Layer]) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function from x (n_in,) to a fresh output (n_out,), with its own buffers between the layers."""
    steps = [
        (each.weight.dot, each.bias, np.empty(len(each.bias), np.float32), _row_activation(each)) for each in layers
    ]

    def run(a: np.ndarray) -> np.ndarray:
        for dot, bias, z, activate in steps:
            dot(a, z)
            np.add(z, bias, out=z)
            activate(z)
            a = z
        return np.array(a)

    return run


def _row_activation(each: Layer) -> Callable[[np.ndarray], Any]:
    """Return a function that activates z (n_out,) in place; the commonest two are worth forms of their own."""
    if each.activation.forward is relu:
        zeros = np.zeros(len(each.bias), np.float32)  # NumPy compares two arrays faster than an array and a number
        return lambda z: np.maximum(z, zeros, out=z)
    if each.activation.forward is softmax:
        ones = np.ones(len(each.bias), np.float32)
        return lambda z: _softmax_row(z, ones)
    return lambda z: each.activate(z[None])  # an activation may be written for rows


def _softmax_row(z: np.ndarray, ones: np.ndarray) -> None:
    """Turn one row of logits into their softmax in place, by the fewest calls that keep it stable."""
    top = z[z.argmax()]  # NaN counts as the largest, so it is found here
    if not -1e30 < top < 1e30:  # near infinity the plain form knows what to do
        softmax(z, z)
        return
    np.subtract(z, top, out=z)
    np.exp(z, out=z)
    np.divide(z, z.dot(ones), out=z)


def _compile_batch(layers: Sequence[Layer]) -> Callable[..., np.ndarray]:
    """Return a function from x (batch, n_in) to a fresh output (batch, n_out), which works in chunks of rows.

    With `alone`, each row is multiplied by itself: slower, but what the others hold cannot change how it is rounded.
    """
    width = max(len(each.bias) for each in layers)
    chunk = max(1, min(CHUNK, MAX_BUFFER // width))
    buffers = np.empty((2, chunk * width), np.float32)  # each layer reads one and writes the other

    def run(x: np.ndarray, alone: bool) -> np.ndarray:
        output = np.empty((len(x), len(layers[-1].bias)), np.float32)
        for start in range(0, len(x), chunk):
            a = x[start : start + chunk]
            for at, each in enumerate(layers):
                n_out = len(each.bias)
                is_last = at + 1 == len(layers)
                z = output[start : start + chunk] if is_last else buffers[at % 2, : len(a) * n_out].reshape(-1, n_out)
                if alone:
                    np.matmul(each.weight, a[:, :, None], out=z[:, :, None])
                    np.add(z, each.bias, out=z)
                else:
                    layer(a, each.weight.T, each.bias, out=z)
                each.activate(z)
                a = z
        return output

    return run
