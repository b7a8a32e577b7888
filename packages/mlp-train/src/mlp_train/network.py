"""A network is a row of layers whose numbers all live in one long vector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import DTypeLike

from mlp_runtime.activations import ACTIVATIONS, layer
from mlp_train.array import Array
from mlp_train.derivatives import DERIVATIVES


@dataclass(frozen=True)
class LayerSpec:
    """The shape of one layer and its activation with its own numbers, such as a negative slope."""

    n_in: int
    n_out: int
    activation: str
    parameters: Mapping[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        numbers = "".join(f":{value:g}" for value in self.parameters.values())
        return f"{self.n_in} -> {self.n_out} {self.activation}{numbers}"


class FlatArrays:
    """One vector, and for each layer a weight (n_in, n_out) and a bias (n_out,) that are windows into it.

    All weights come first, then all biases, so that `flat[:weight_count]` is what decays and is penalised. Whatever
    happens to every parameter alike (an optimizer's step, a norm) is one operation on `flat`.
    """

    def __init__(self, layers: Sequence[LayerSpec], dtype: DTypeLike, flat: Array | None = None) -> None:
        self.weight_count = sum(spec.n_in * spec.n_out for spec in layers)
        size = self.weight_count + sum(spec.n_out for spec in layers)
        self.flat: Array = np.zeros(size, dtype) if flat is None else flat
        if self.flat.shape != (size,) or self.flat.dtype != np.dtype(dtype):
            raise ValueError(
                f"the buffer is {self.flat.shape} {self.flat.dtype}, but ({size},) {np.dtype(dtype)} is needed"
            )
        self.weights: list[Array] = []
        self.biases: list[Array] = []
        weight_at, bias_at = 0, self.weight_count
        for spec in layers:
            self.weights.append(
                self.flat[weight_at : weight_at + spec.n_in * spec.n_out].reshape(spec.n_in, spec.n_out)
            )
            self.biases.append(self.flat[bias_at : bias_at + spec.n_out])
            weight_at += spec.n_in * spec.n_out
            bias_at += spec.n_out


class Gradient(FlatArrays):
    """dL/dW and dL/db of every layer; `flat` lies parallel to the network's parameters."""


class Network(FlatArrays):
    """The layers and their parameters; `flat` may be a buffer that the caller gives, such as shared memory.

    >>> network = Network([LayerSpec(2, 3, "relu"), LayerSpec(3, 1, "sigmoid")])
    >>> network.flat.size, network.weights[0].shape, network.biases[1].shape
    (13, (2, 3), (1,))
    """

    def __init__(self, layers: Sequence[LayerSpec], dtype: DTypeLike = np.float32, flat: Array | None = None) -> None:
        self.layers = tuple(layers)
        self.dtype = np.dtype(dtype)
        super().__init__(self.layers, dtype, flat)

    def forward(self, x: Array, buffers: ForwardPass) -> Array:
        """Compute every layer's activation for a batch x (rows, n_in) and return the last one (rows, n_out).

        The arrays that the backward pass needs stay in `buffers` until the next call.
        """
        given = buffers.start(x)
        for i, spec in enumerate(self.layers):
            z = layer(given, self.weights[i], self.biases[i], out=buffers.z_or_a(i))
            ACTIVATIONS[spec.activation].forward(z, buffers.a[i + 1], **spec.parameters)
            given = buffers.pass_on(i)
        return given


class ForwardPass:
    """The buffers of one forward pass, made once and filled again by every batch.

    After `Network.forward(x, ...)`: `a[0]` is x, `a[i + 1]` the activation of layer i, `z[i]` its weighted sum or None
    where neither the activation's derivative nor the loss asks for it. `given[i]` is what layer i was given: a[i], or
    with dropout a[i] times `masks[i - 1]`. `d[i]` is room for the gradient of a[i + 1], and then of z[i].
    """

    def __init__(self, network: Network, rows: int, *, keep_last_z: bool = False) -> None:
        specs = network.layers
        last = len(specs) - 1
        keep = [DERIVATIVES[s.activation].needs_z or (keep_last_z and i == last) for i, s in enumerate(specs)]
        self._all_a = [np.empty((rows, s.n_out), network.dtype) for s in specs]
        self._all_z = [
            np.empty((rows, s.n_out), network.dtype) if k else None for k, s in zip(keep, specs, strict=True)
        ]
        self._all_d = [np.empty((rows, s.n_out), network.dtype) for s in specs]
        self._rows = -1
        self.masks: list[Array | None] = [None] * len(specs)  # dropout's, see `dropout.draw_mask`
        self.given: list[Array] = []
        self.a: list[Array] = []
        self.z: list[Array | None] = []
        self.d: list[Array] = []

    def start(self, x: Array) -> Array:
        """Make every window as high as this batch (the last one of an epoch may be smaller) and take x as a[0]."""
        if len(x) != self._rows:
            self._rows = len(x)
            self.a = [x] + [a[: len(x)] for a in self._all_a]
            self.z = [None if z is None else z[: len(x)] for z in self._all_z]
            self.d = [d[: len(x)] for d in self._all_d]
            self.given = list(self.a)
        self.a[0] = self.given[0] = x
        return x

    def pass_on(self, i: int) -> Array:
        """Return what layer i gives to the next: its activation, of which dropout leaves some."""
        a, mask = self.a[i + 1], self.masks[i]
        self.given[i + 1] = a if mask is None else a * mask
        return self.given[i + 1]

    def z_or_a(self, i: int) -> Array:
        """Return where layer i puts its weighted sum: its own z, or the place of its activation if z is not kept."""
        z = self.z[i]
        return self.a[i + 1] if z is None else z
