"""A plan is a network made ready to answer fast: the same layers, with the buffers laid out beforehand.

`x` is (n_in,) for one row or (batch, n_in); weights are (n_out, n_in), as in the file, so that `weight.dot(x)` reads
memory in order. `reference` is the plain definition; every faster path is tested against it.

A small network's row takes some ten microseconds, and each call of NumPy half a one. So a hidden ReLU is one call:

    relu(z + b) = max(z, -b) + b

and what is added at the end goes through the next layer into its bias: W (a + b) + c = W a + (W b + c).
"""

from __future__ import annotations

import threading
from types import MappingProxyType
from typing import Any, Callable, Mapping, NamedTuple, Sequence

import numpy as np

from .activations import Activation, identity, layer, relu, softmax
from .errors import InputError, as_array, shown

CHUNK = 256  # rows a step: the activations of a small network then stay in the processor's cache ...
MAX_BUFFER = 2**20  # ... and numbers a buffer: a wide network takes fewer rows a step
MAX_COPY = 2**21  # numbers of all weights, up to which transposed copies are kept: up to half of a product's time
SMALL = 2**16  # numbers of a product, up to which `dot` is quicker than `matmul`: it is sooner called, but clears `out`
MANY_CLASSES = 64  # from where summing takes longer as a product than as a sum
TAME = 60.0  # exp of a logit within +-TAME, and of many classes' sum, is far from float32's ends

FLOAT32 = np.dtype(np.float32)


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


class _Step(NamedTuple):
    """One layer as the fast paths take it: z = weight a, then combine(z, edge, out=z), then activate(z) unless None."""

    weight: np.ndarray
    combine: Callable[..., Any]
    edge: np.ndarray
    activate: Any


def _steps(layers: Sequence[Layer]) -> list[_Step]:
    """Return the steps of the layers, where the bias of a hidden ReLU goes into the layer behind it."""
    steps, carried = [], None
    for at, each in enumerate(layers):
        bias = each.bias if carried is None else each.bias + each.weight.dot(carried)
        carried = None
        if each.activation.forward is relu and at + 1 < len(layers) and _is_modest(bias, each.weight):
            steps.append(_Step(each.weight, np.maximum, -bias, None))
            carried = bias
        else:
            activate = None if each.activation.forward is identity else each.activate
            steps.append(_Step(each.weight, np.add, bias, activate))
    return steps


def _is_modest(bias: np.ndarray, weight: np.ndarray) -> bool:
    """Tell whether inputs of size 1 can outweigh the bias: a giant one would swallow the digits of max(z, -b)."""
    largest = max(float(weight.max()), -float(weight.min()))
    return float(np.abs(bias).max()) <= largest * float(np.sqrt(weight.shape[1]))


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
        self._row = (self.n_in,)
        self._local = threading.local()
        self._transposed: list[
            np.ndarray
        ] = []  # weights (n_in, n_out), made by the first batch and shared by all threads

    def __call__(self, x: Any, strict: bool = False, logits: bool = False) -> np.ndarray:
        """Return the last activation for x: (n_out,) for a row, (batch, n_out) for a batch.

        With strict=True a row's bits do not depend on the rows beside it. With logits=True a softmax at the end is left
        out, which keeps the order of the classes.
        """
        # What `check` asks of a row, for the case that is worth the hurry.
        if not (type(x) is np.ndarray and x.shape == self._row and x.dtype is FLOAT32 and x.flags.c_contiguous):
            x = self.check(x)
        try:
            one, many = self._local.runs
        except AttributeError:
            one, many = self._local.runs = self._compile()
        output: np.ndarray
        if x.ndim == 1 and not strict:
            output = one(x, logits)
            return output
        output = many(x.reshape(-1, self.n_in), strict, logits)
        return output.reshape(*x.shape[:-1], self.n_out)

    def trace(self, x: Any) -> list[np.ndarray]:
        """Return [x, a1, ..., output], the plain reference's activations, for a row or a batch."""
        x = self.check(x)
        return [a.reshape(*x.shape[:-1], -1) for a in reference(self.layers, x.reshape(-1, self.n_in))]

    def check(self, x: Any) -> np.ndarray:
        """Return x as a contiguous float32 array of shape (n_in,) or (batch, n_in), or raise InputError."""
        given = as_array(x)
        if given.dtype.kind not in "fiub" or given.ndim not in (1, 2) or given.shape[-1] != self.n_in:
            wanted = f"prepared numbers of shape ({self.n_in},) or (n, {self.n_in})"
            hint = "give raw ones to predict or to model.input.transform"
            raise InputError(f"{shown(x)} came, but forward takes {wanted}: {hint}")
        with np.errstate(over="ignore"):  # a float64 beyond float32 becomes infinite, which the layers can take
            return np.ascontiguousarray(given, np.float32)

    def _compile(self) -> tuple[Callable[..., np.ndarray], Callable[..., np.ndarray]]:
        """Return how this thread computes one row, and a batch."""
        with np.errstate(over="ignore", invalid="ignore"):
            steps = _steps(self.layers)
        is_softmax = self.layers[-1].activation.forward is softmax
        return _compile_row(steps, is_softmax), _compile_batch(steps, is_softmax, self._transposed)


def _compile_row(steps: Sequence[_Step], is_softmax: bool) -> Callable[..., np.ndarray]:
    """Return a function from x (n_in,) to a fresh output (n_out,), with its own buffers between the layers."""
    *before, last = steps
    n_out, is_folded = len(last.edge), bool(before) and last.weight.size <= SMALL
    # The last bias is a column more of the last weight, and a 1 behind the last buffer is what it is multiplied with.
    buffers = [np.ones(len(each.edge) + (is_folded and each is before[-1]), np.float32) for each in before]
    hidden = [
        (each.weight.dot, each.combine, each.edge, buffer[: len(each.edge)], buffer, each.activate)
        for each, buffer in zip(before, buffers)
    ]
    last_dot = (np.column_stack((last.weight, last.edge)) if is_folded else last.weight).dot
    square = np.ones((n_out if n_out <= MANY_CLASSES else 1, n_out), np.float32)
    sums, total = np.empty(len(square), np.float32), square.dot  # the sum in each place: an array divides sooner
    empty, add, exp, divide = np.empty, np.add, np.exp, np.divide

    def run(a: np.ndarray, logits: bool) -> np.ndarray:
        for dot, combine, edge, z, given, activate in hidden:
            dot(a, z)
            combine(z, edge, out=z)
            if activate is not None:
                activate(z[None])  # an activation may be written for rows
            a = given
        output = empty(n_out, FLOAT32)
        last_dot(a, output)
        if not is_folded:
            add(output, last.edge, output)
        if is_softmax and not logits and -TAME < output.item(output.argmax()) < TAME:  # NaN counts as the largest
            exp(output, output)
            total(output, sums)
            divide(output, sums, output)
        elif last.activate is not None and not (is_softmax and logits):
            last.activate(output[None])
        return output

    return run


def _compile_batch(steps: Sequence[_Step], is_softmax: bool, transposed: list[np.ndarray]) -> Callable[..., np.ndarray]:
    """Return a function from x (batch, n_in) to a fresh output (batch, n_out), which works in chunks of rows.

    `transposed` takes the weights as products of few rows read them soonest: copied where that takes little memory.

    With `alone`, each row is multiplied by itself: slower, but what the others hold cannot change how it is rounded.
    """
    sizes = [len(each.edge) for each in steps]
    chunk = max(1, min(CHUNK, MAX_BUFFER // max(sizes)))
    buffers = np.empty((2, chunk * max(sizes)), np.float32)  # each layer reads one and writes the other
    windows: dict[int, list[np.ndarray]] = {}
    ones = np.ones((sizes[-1], sizes[-1]), np.float32) if sizes[-1] <= MANY_CLASSES else None

    def run(x: np.ndarray, alone: bool, logits: bool) -> np.ndarray:
        output = np.empty((len(x), sizes[-1]), np.float32)
        if not transposed:
            is_small = sum(each.weight.size for each in steps) <= MAX_COPY
            transposed[:] = [each.weight.T.copy() if is_small else each.weight.T for each in steps]
        for start in range(0, len(x), chunk):
            a, result = x[start : start + chunk], output[start : start + chunk]
            rows = len(a)
            if rows not in windows:
                if len(windows) > 3:
                    windows.clear()
                windows[rows] = [buffers[at % 2, : rows * n].reshape(rows, n) for at, n in enumerate(sizes[:-1])]
            for each, weight, z in zip(steps, transposed, (*windows[rows], result)):
                if alone:
                    np.matmul(each.weight, a[:, :, None], out=z[:, :, None])
                elif z.size <= SMALL:
                    np.dot(a, weight, z)
                else:
                    np.matmul(a, weight, z)
                each.combine(z, each.edge, out=z)
                if each.activate is not None and z is not result:
                    each.activate(z)
                a = z
            if is_softmax and ones is not None and not alone and not logits:
                _softmax_rows(result, ones)
            elif steps[-1].activate is not None and not (logits and is_softmax):
                steps[-1].activate(result)
        return output

    return run


def _softmax_rows(z: np.ndarray, ones: np.ndarray) -> None:
    """Turn rows of logits into their softmax in place; a product with ones puts a row's sum into each of its places."""
    if not (z.max() < TAME and z.min() > -TAME):  # NaN fails too
        softmax(z, z)
        return
    np.exp(z, z)
    np.divide(z, z.dot(ones), z)
