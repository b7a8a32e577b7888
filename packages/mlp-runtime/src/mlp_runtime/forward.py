"""A plan is a network made ready to answer fast: the same layers, with the buffers laid out beforehand.

`x` is (n_in,) for one row or (batch, n_in); weights are (n_out, n_in), as in the file, so that `weight.dot(x)` reads
memory in order. `reference` is the plain definition; every faster path is tested against it.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Mapping, Optional, Sequence

import numpy as np

from .activations import Activation, layer, relu, softmax
from .errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float32]
    Run = Callable[[Array], Array]

CHUNK = 256  # rows a step: the activations of a small network then stay in the processor's cache


@dataclass(frozen=True, eq=False)
class Layer:
    """One layer: float32 weight (n_out, n_in) and bias (n_out,), an activation and its parameters."""

    weight: Array
    bias: Array
    activation: Activation
    parameters: Mapping[str, float] = field(default_factory=dict)

    def activate(self, z: Array) -> None:
        """Turn the pre-activation z into the activation, in place."""
        self.activation.forward(z, z, **self.parameters)


def reference(layers: Sequence[Layer], x: Array) -> list[Array]:
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
        self._biases = _moved_biases(self.layers)
        self._local = threading.local()

    def __call__(self, x: Any, strict: bool = False) -> Array:
        """Return the last activation for x: (n_out,) for a row, (batch, n_out) for a batch.

        With strict=True a row's bits do not depend on the rows beside it.
        """
        x = self.check(x)
        local = self._local
        if strict:
            rows = _rows_alone(self.layers, x.reshape(-1, self.n_in))
            return rows.reshape((*x.shape[:-1], self.n_out))
        if x.ndim == 1:
            try:
                run: Run = local.row
            except AttributeError:
                run = local.row = _compile_row(self.layers, self._biases)
        else:
            try:
                run = local.batch
            except AttributeError:
                run = local.batch = _compile_batch(self.layers)
        return run(x)

    def trace(self, x: Any) -> list[Array]:
        """Return [x, a1, ..., output], the plain reference's activations, for a row or a batch."""
        x = self.check(x)
        if x.ndim == 1:
            return [a[0] for a in reference(self.layers, x[None])]
        return reference(self.layers, x)

    def check(self, x: Any) -> Array:
        """Return x as a contiguous float32 array of shape (n_in,) or (batch, n_in), or raise InputError."""
        if (
            isinstance(x, np.ndarray)
            and x.dtype == np.float32
            and x.ndim in (1, 2)
            and x.shape[-1] == self.n_in
            and x.flags.c_contiguous
        ):
            return x
        try:
            given = np.asarray(x)
        except ValueError:  # rows of different lengths
            given = np.empty(0, object)
        if given.dtype.kind not in "fiub" or given.ndim not in (1, 2) or given.shape[-1] != self.n_in:
            raise InputError(
                f"{given.dtype} of shape {given.shape} came, but forward takes prepared numbers of shape "
                f"({self.n_in},) or (n, {self.n_in}): give raw ones to predict or to model.input.transform"
            )
        with np.errstate(over="ignore"):  # a float64 beyond float32 becomes infinite, which the layers can take
            return np.ascontiguousarray(given, np.float32)


def _moved_biases(layers: Sequence[Layer]) -> list[tuple[Array, bool]]:
    """Return the bias that each layer adds on the one-row path, and whether its `+ bias` moved to the next layer.

    relu(z + b) is max(z, -b) + b, and W (h + b) + c is W h + (W b + c). So a relu layer can keep h = max(z, -b) and
    leave its `+ b` to the next layer's bias, which saves a pass a layer. Where b is much larger than z, that sum would
    lose digits; so it is done only where no bias outweighs an input of length 1.
    """
    moved = []
    carried = np.zeros(layers[0].weight.shape[1], np.float64)
    for at, each in enumerate(layers):
        weight = each.weight  # einsum, unlike @ and square, makes no copy of it: loading needs little memory
        bias = (each.bias + np.einsum("ij,j->i", weight, carried)).astype(np.float32) if carried.any() else each.bias
        modest = (np.abs(bias) <= np.sqrt(np.einsum("ij,ij->i", weight, weight))).all()
        moves = bool(modest and each.activation.forward is relu and at + 1 < len(layers))
        carried = bias.astype(np.float64) if moves else np.zeros(len(bias))
        moved.append((bias, moves))
    return moved


def _compile_row(layers: Sequence[Layer], biases: Sequence[tuple[Array, bool]]) -> Run:
    """Return a function from x (n_in,) to a fresh output (n_out,), with its own buffers between the layers."""
    steps: list[tuple[Any, ...]] = []
    for each, (bias, moves) in zip(layers[:-1], biases):  # noqa: B905
        activate = None if moves else _in_place(each)
        combine, vector = (np.maximum, -bias) if moves else (np.add, bias)
        steps.append((each.weight.dot, combine, vector, np.empty(len(bias), np.float32), activate))
    last, (last_bias, _) = layers[-1], biases[-1]
    last_dot, add = last.weight.dot, np.add
    finish: Optional[Callable[[Array], Any]] = _in_place(last)
    if last.activation.forward is softmax:
        finish = _softmax_row(len(last_bias))

    def run(h: Array) -> Array:
        for dot, combine, vector, out, activate in steps:
            combine(dot(h, out), vector, out=out)
            if activate is not None:
                activate(out)
            h = out
        output = last_dot(h)
        add(output, last_bias, out=output)
        if finish is not None:
            finish(output)
        return output  # type: ignore[no-any-return]

    return run


def _in_place(each: Layer) -> Optional[Callable[[Array], Any]]:
    """Return a function that activates z (n_out,) in place, or None for the identity."""
    if each.activation.name == "identity":
        return None
    if each.activation.forward is relu:
        zeros = np.zeros(len(each.bias), np.float32)  # an array costs less than the scalar 0
        return lambda z: np.maximum(z, zeros, out=z)
    forward = partial(each.activation.forward, **each.parameters)
    return lambda z: forward(z[None], z[None])  # an activation may be written for rows


def _softmax_row(n_out: int) -> Callable[[Array], Any]:
    """Return the softmax of one row in place; the fewest calls that keep it stable."""
    ones = np.ones(n_out, np.float32)
    subtract, exp, divide = np.subtract, np.exp, np.divide

    def activate(z: Array) -> None:
        top = z[z.argmax()]  # NaN counts as the largest, so it is found here
        if not -1e30 < top < 1e30:  # near infinity the plain form knows what to do
            softmax(z[None], z[None])
            return
        subtract(z, top, out=z)
        exp(z, out=z)
        divide(z, z.dot(ones), out=z)

    return activate


def _compile_batch(layers: Sequence[Layer]) -> Run:
    """Return a function from x (batch, n_in) to a fresh output (batch, n_out), which works in chunks of rows."""
    width = max(len(each.bias) for each in layers)
    turns = np.empty((2, CHUNK * width), np.float32)  # each layer reads one half and writes the other

    def run(x: Array) -> Array:
        output = np.empty((len(x), len(layers[-1].bias)), np.float32)
        for start in range(0, len(x), CHUNK):
            a = x[start : start + CHUNK]
            for at, each in enumerate(layers):
                n_out = len(each.bias)
                is_last = at + 1 == len(layers)
                z = output[start : start + CHUNK] if is_last else turns[at % 2, : len(a) * n_out].reshape(-1, n_out)
                a = layer(a, each.weight.T, each.bias, out=z)
                each.activate(a)
        return output

    return run


def _rows_alone(layers: Sequence[Layer], x: Array) -> Array:
    """Return the output for x (batch, n_in), each row multiplied alone: the same bits in any batch."""
    output = np.empty((len(x), len(layers[-1].bias)), np.float32)
    for start in range(0, len(x), CHUNK):
        a = x[start : start + CHUNK]
        for each in layers:
            a = np.matmul(each.weight, a[:, :, None])[:, :, 0]
            a = np.add(a, each.bias, out=a)
            each.activate(a)
        output[start : start + CHUNK] = a
    return output
