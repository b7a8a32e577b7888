"""A reader hands the trainer one batch of samples after another, however many there are."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike

from mlp_data.rows import BLOCK, FileRows
from mlp_runtime.inputs import Input
from mlp_train.array import Array
from mlp_train.atomic import output_error


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


CHUNK = 128 << 10  # bytes that lie together and are read together; a block holds hundreds from all over the file


class FileReader:
    """Samples in a file, of which one block is in memory.

    Shuffling takes chunks of the file in random order, fills a block with them and mixes the rows of that block: a
    file that is sorted by class gives mixed batches all the same. Chunk and block have fixed sizes, so that the order
    depends on the generator alone and not on how much memory there is.

    y: what `encode` turns, a batch at a time, into rows as wide as the network's output.
    """

    def __init__(
        self,
        prepared: Input,
        rows: FileRows,
        y: Array,
        encode: Callable[[Array], Array],
        dtype: DTypeLike = np.float32,
        block: int = BLOCK,
        chunk: int = CHUNK,
    ) -> None:
        self._input, self._rows, self._y, self._encode = prepared, rows, y, encode
        self._dtype = np.dtype(dtype)
        self._block, self._chunk = block // rows.row_bytes, chunk // rows.row_bytes

    def __len__(self) -> int:
        return len(self._rows)

    def batches(self, size: int, generator: np.random.Generator | None = None) -> Iterator[tuple[Array, Array]]:
        """Yield every sample once; see `BlockReader.batches`. Only the very last batch is smaller."""
        most = min(max(1, self._block // size) * size, len(self))
        block = np.empty((most, *self._rows.shape[1:]), self._rows.dtype)
        rows = np.empty((size, *self._rows.shape[1:]), self._rows.dtype)
        scaled = np.empty(rows.shape, np.float32)
        for numbers in self._blocks(most, generator):
            count = len(numbers)
            self._rows.read(numbers, block[:count])
            order = np.arange(count) if generator is None else generator.permutation(count)
            for start in range(0, count, size):
                chosen = order[start : start + size]
                n = len(chosen)
                np.take(block, chosen, axis=0, out=rows[:n], mode="clip")
                x = self._input.scale(rows[:n], scaled[:n]) if rows.dtype == np.uint8 else rows[:n]
                y = self._encode(self._y[numbers[chosen]])
                yield x.astype(self._dtype, copy=False), y.astype(self._dtype, copy=False)

    def _blocks(self, most: int, generator: np.random.Generator | None) -> Iterator[Array]:
        """Yield the row numbers of one block after another, `most` in each but the last."""
        chunk = max(1, min(self._chunk, most))
        starts = np.arange(0, len(self), chunk)
        if generator is not None:
            generator.shuffle(starts)
        waiting: list[Array] = []
        count = 0
        for start in starts.tolist():
            waiting.append(np.arange(start, min(start + chunk, len(self))))
            count += len(waiting[-1])
            while count >= most:
                numbers = np.concatenate(waiting)
                yield numbers[:most]
                waiting, count = [numbers[most:]], count - most
        if count:
            yield np.concatenate(waiting)


def prepare_on_disk(prepared: Input, blocks: Iterator[Any], folder: Path) -> FileRows:
    """Prepare raw samples a block at a time and return the rows, in a file without a name that goes with this process.

    An image pixel is one byte there, as `ArrayReader` keeps it; other numbers are scaled already.
    """
    count, dtype = 0, np.dtype(np.float32)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  # open for as long as the rows are used
        for raw in blocks:
            rows = prepared.prepare(raw, many=True)
            if rows.dtype != np.uint8:
                rows = prepared.scale(rows)
            file.write(np.ascontiguousarray(rows).data)
            count, dtype = count + len(rows), rows.dtype
        file.flush()
    except OSError as error:
        raise output_error(folder, error) from error
    return FileRows(file, (count, prepared.size), dtype, cache=folder)
