"""A reader hands the trainer one batch of samples after another, however many there are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import DTypeLike

from mlp_runtime.inputs import Input
from mlp_train.array import Array


class BlockReader(Protocol):
    """What the trainer asks of its samples; the samples need not be in memory."""

    def __len__(self) -> int:
        """Return the number of samples."""

    def batches(self, size: int, generator: np.random.Generator | None = None) -> Iterator[tuple[Array, Array]]:
        """Yield every sample once as (x, y) batches of `size` rows, the last one smaller; shuffled by `generator`.

        x: (rows, n_in) network input; y: (rows, n_out) targets. Both may be overwritten by the next batch.
        """


class ArrayReader:
    """Samples in memory, kept as compact as the input prepared them: an image pixel is one byte until its batch."""

    def __init__(self, prepared: Input, rows: Array, y: Array, dtype: DTypeLike = np.float32) -> None:
        self._input, self._rows, self._y = prepared, rows, y.astype(dtype)
        self._dtype = np.dtype(dtype)
        if rows.dtype != np.uint8:  # as large before scaling as after, so once is enough
            self._rows = prepared.scale(rows).astype(dtype, copy=False)

    def __len__(self) -> int:
        return len(self._rows)

    def batches(self, size: int, generator: np.random.Generator | None = None) -> Iterator[tuple[Array, Array]]:
        """Yield every sample once; see `BlockReader.batches`."""
        if size >= len(self):  # the order within one batch does not matter
            yield self._scaled(self._rows), self._y
            return
        order = np.arange(len(self)) if generator is None else generator.permutation(len(self))
        rows = np.empty((size, self._rows.shape[1]), self._rows.dtype)
        y = np.empty((size, self._y.shape[1]), self._dtype)
        scaled = np.empty(rows.shape, np.float32) if rows.dtype == np.uint8 else None
        for start in range(0, len(order), size):
            chosen = order[start : start + size]
            n = len(chosen)
            # mode="clip" lets NumPy write straight into `out`; a permutation is never out of range
            np.take(self._rows, chosen, axis=0, out=rows[:n], mode="clip")
            np.take(self._y, chosen, axis=0, out=y[:n], mode="clip")
            yield (rows[:n] if scaled is None else self._scaled(rows[:n], scaled[:n])), y[:n]

    def _scaled(self, rows: Array, out: Array | None = None) -> Array:
        if rows.dtype != np.uint8:
            return rows
        return self._input.scale(rows, out).astype(self._dtype, copy=False)
