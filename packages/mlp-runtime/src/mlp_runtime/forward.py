"""A plan is a network made ready to answer fast: the same layers, with the buffers laid out beforehand.

`x` is (n_in,) for one row or (batch, n_in); weights are (n_out, n_in), as in the file, so that `weight.dot(x)` reads
memory in order. `reference` below is the plain definition; every faster path is tested against it.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Mapping, Sequence

import numpy as np

from .activations import Activation, layer
from .errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float32]

CHUNK = 256  # rows a step: the activations of a small network then stay in the processor's cache


@dataclass(frozen=True, eq=False)
class Layer:
    """One layer: float32 weight (n_out, n_in) and bias (n_out,), an activation and its parameters."""

    weight: Array
    bias: Array
    activation: Activation
    parameters: Mapping[str, float] = field(default_factory=dict)


def reference(layers: Sequence[Layer], x: Array) -> list[Array]:
    """Return [x, a1, ..., output] for x (batch, n_in), layer by layer, with fresh arrays and no tricks."""
    trace = [x]
    for each in layers:
        z = np.empty((len(x), len(each.bias)), np.float32)
        layer(trace[-1], each.weight.T, each.bias, out=z)
        each.activation.forward(z, z, **each.parameters)
        trace.append(z)
    return trace


class Plan:
    """The forward pass of a fixed list of layers; safe to call from several threads.

    Buffers are made once per thread; arrays that are returned are fresh. No thread is started.
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = tuple(layers)
        self.n_in = self.layers[0].weight.shape[1]
        self.n_out = self.layers[-1].weight.shape[0]
        self._local = threading.local()

    def __call__(self, x: Any, strict: bool = False) -> Array:
        """Return the last activation for x: (n_out,) for a row, (batch, n_out) for a batch.

        With strict=True a row's bits do not depend on the rows beside it.
        """
        x = self.check(x)
        if strict:
            out = np.empty((*x.shape[:-1], self.n_out), np.float32)
            for row, target in zip(x.reshape(-1, 1, self.n_in), out.reshape(-1, self.n_out)):  # noqa: B905
                target[:] = reference(self.layers, row)[-1][0]
            return out
        if x.ndim == 1:
            return reference(self.layers, x[None])[-1][0]
        return reference(self.layers, x)[-1]

    def trace(self, x: Any) -> list[Array]:
        """Return [x, a1, ..., output], the plain reference's activations, for a row or a batch."""
        x = self.check(x)
        if x.ndim == 1:
            return [a[0] for a in reference(self.layers, x[None])]
        return reference(self.layers, x)

    def check(self, x: Any) -> Array:
        """Return x as a contiguous float32 array of shape (n_in,) or (batch, n_in), or raise InputError."""
        given = np.asarray(x)
        if given.dtype.kind not in "fiub" or given.ndim not in (1, 2) or given.shape[-1] != self.n_in:
            raise InputError(
                f"forward takes prepared numbers of shape ({self.n_in},) or (n, {self.n_in}), not {given.dtype} of "
                f"shape {given.shape}: predict prepares raw inputs, and model.input.transform(raw) gives prepared ones"
            )
        return np.ascontiguousarray(given, np.float32)
