"""Each process of a crew has its share of the network: some columns of every hidden layer, and the whole last layer.

A column of a weight is one unit's. A unit needs all of what the layer before gives, but none of its own layer's other
units, so processes that split the columns compute exactly what one process would (Shoeybi et al., 2019, split like
this). Layers that are too narrow to be worth it, and the last one, are computed by every process for itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mlp_train.array import Array
from mlp_train.crew import NARROWEST, Crew
from mlp_train.network import FlatArrays, LayerSpec


class Exchange:
    """The memory through which processes give each other what a layer needs of all of them.

    given[turn][i]: (rows, n_out) activations of hidden layer i; there are two, in turn, because while one process
    writes the next, another may still read the last. partial[i]: (count, rows, n_in) what each process knows of dL/da
    of the layer before; None where every process knows all.
    """

    def __init__(self, layers: Sequence[LayerSpec], rows: int, dtype: Any, crew: Crew) -> None:
        is_split = Share(layers, count=crew.count).is_split
        self.largest = crew.array((crew.count, len(layers)), np.float64)  # weight of each layer, when all go wrong
        hidden = list(enumerate(layers[:-1]))
        # What each process computes for itself is none of the others' business.
        self.given = [
            [(crew.array if is_split[i] else np.empty)((rows, spec.n_out), dtype) for i, spec in hidden]
            for _ in range(min(2, crew.count))
        ]
        self.partial = [
            crew.array((crew.count, rows, spec.n_in), dtype) if i and is_split[i] else None for i, spec in hidden
        ]


class Share:
    """What process `index` of `count` has of each layer: `columns[i]`, and whether layer i `is_split` at all.

    >>> share = Share([LayerSpec(784, 100, "relu"), LayerSpec(100, 10, "softmax")], index=1, count=2)
    >>> [str(spec) for spec in share.layers], share.columns[0], share.is_split
    (['784 -> 50 relu', '100 -> 10 softmax'], slice(50, 100, None), (True, False))

    inputs: the rows of the first weight that are trained; None: all. See `zero_inputs`.
    """

    def __init__(
        self, layers: Sequence[LayerSpec], index: int = 0, count: int = 1, inputs: Array | None = None
    ) -> None:
        self.whole = tuple(layers)
        everything = np.arange(layers[0].n_in)
        self.zero_inputs = everything[:0] if inputs is None else np.setdiff1d(everything, inputs)
        self._inputs = slice(None) if inputs is None else inputs
        self.is_first = index == 0
        self.is_split = tuple(
            count > 1 and i < len(layers) - 1 and spec.n_out >= count * NARROWEST and spec.activation != "softmax"
            for i, spec in enumerate(layers)
        )
        self.columns = tuple(
            slice(spec.n_out * index // count, spec.n_out * (index + 1) // count) if is_split else slice(0, spec.n_out)
            for spec, is_split in zip(layers, self.is_split, strict=True)
        )
        self.layers = tuple(
            replace(spec, n_in=spec.n_in if i else len(everything) - len(self.zero_inputs), n_out=own.stop - own.start)
            for i, (spec, own) in enumerate(zip(layers, self.columns, strict=True))
        )

    def take(self, whole: FlatArrays, own: FlatArrays) -> None:
        """Copy this share of `whole` into `own`."""
        for i, columns in enumerate(self.columns):
            own.weights[i][:] = whole.weights[i][self._rows(i), columns]
            own.biases[i][:] = whole.biases[i][columns]

    def put(self, own: FlatArrays, whole: FlatArrays) -> None:
        """Copy `own` into its place in `whole`; what all processes have, the first one puts."""
        for i, columns in enumerate(self.columns):
            if self.is_split[i] or self.is_first:
                whole.weights[i][self._rows(i), columns] = own.weights[i]
                whole.biases[i][columns] = own.biases[i]

    def _rows(self, layer: int) -> slice | Array:
        return slice(None) if layer else self._inputs
