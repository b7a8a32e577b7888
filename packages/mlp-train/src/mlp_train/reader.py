"""A reader hands the trainer one batch of samples after another, however many there are."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from copy import copy
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike

from mlp_data.atomic import output_error
from mlp_data.rows import BLOCK, FileRows
from mlp_runtime.inputs import Input
from mlp_train.array import Array
from mlp_train.piece import PIECE, Piece

Change = Callable[[Array], Array]  # rows of pixels, uint8 (n, size), to others


class BlockReader(Protocol):
    """What the trainer asks of its samples; the samples need not be in memory.

    inputs: which of the network's inputs it gives; None: all.
    """

    inputs: Array | None

    def __len__(self) -> int:
        """Return the number of samples."""

    def batches(
        self, size: int, generator: np.random.Generator | None = None, change: Change | None = None
    ) -> Iterator[Piece]:
        """Yield every sample once, in batches of `size` rows (the last one is smaller), shuffled by `generator`.

        A batch of more than PIECE rows comes in pieces. Their arrays may be overwritten by the next piece. Images pass
        through `change` before they are scaled.
        """


def pieces(start: int, stop: int, size: int, total: int) -> Iterator[tuple[int, int, int, bool]]:
    """Cut the rows from `start` to `stop` of `total` where batches of `size` end, and into pieces of at most PIECE.

    Yield for each its first row, its end, the rows of its batch, and whether the batch ends there.

    >>> list(pieces(0, 1300, 700, 1300))
    [(0, 512, 700, False), (512, 700, 700, True), (700, 1212, 600, False), (1212, 1300, 600, True)]
    """
    while start < stop:
        first = start // size * size
        last = min(first + size, total)
        end = min(start + PIECE, last, stop)
        yield start, end, last - first, end == last
        start = end


class ArrayReader:
    """Samples in memory, kept as compact as the input prepared them: an image pixel is one byte until its batch."""

    inputs: Array | None = None

    def __init__(
        self,
        prepared: Input,
        rows: Array,
        y: Array,
        dtype: DTypeLike = np.float32,
        weights: Array | None = None,
    ) -> None:
        self._input, self._rows, self._y = prepared, rows, y.astype(dtype)
        self._dtype = np.dtype(dtype)
        self._weights = None if weights is None else weights.astype(dtype)
        if rows.dtype != np.uint8:  # as large before scaling as after, so once is enough
            self._rows = prepared.scale(rows).astype(dtype, copy=False)

    def __len__(self) -> int:
        return len(self._rows)

    def nonzero_inputs(self) -> Array:
        """Return which inputs are something else than 0 in some sample: bool (n_in,)."""
        rows = self._rows
        if rows.dtype == np.uint8 and self._input.scale(np.zeros((1, rows.shape[1]), np.uint8)).any():
            return np.ones(rows.shape[1], bool)
        found = np.zeros(rows.shape[1], bool)
        for start in range(0, len(rows), PIECE):
            found |= rows[start : start + PIECE].any(axis=0)
            if found.all():
                break
        return found

    def nbytes(self, inputs: int) -> int:
        """Return the size of the samples in memory, if they had so many inputs."""
        return len(self._rows) * inputs * self._rows.itemsize

    def only(self, inputs: Array) -> ArrayReader:
        """Return a reader of these inputs of the same samples: int (m,), rising."""
        reader = copy(self)  # what scales bytes, an image's pixels, is one number for all inputs; others are scaled
        reader._rows, reader.inputs = self._rows.take(inputs, axis=1), inputs
        return reader

    def batches(
        self, size: int, generator: np.random.Generator | None = None, change: Change | None = None
    ) -> Iterator[Piece]:
        """Yield every sample once; see `BlockReader.batches`."""
        total, most = len(self), min(size, PIECE, len(self))
        if generator is None or size >= total:  # the order within one batch does not matter
            order = None
        else:
            order = generator.permutation(total)
        rows = np.empty((most, self._rows.shape[1]), self._rows.dtype)
        y = np.empty((most, self._y.shape[1]), self._dtype)
        scaled = np.empty(rows.shape, np.float32) if rows.dtype == np.uint8 else None
        for start, end, batch, ends in pieces(0, total, size, total):
            n = end - start
            if order is None:
                x_rows, y_rows = self._rows[start:end], self._y[start:end]
                weight = None if self._weights is None else self._weights[start:end]
            else:
                chosen = order[start:end]
                # mode="clip" lets NumPy write straight into `out`; a permutation is never out of range
                x_rows = self._rows.take(chosen, axis=0, out=rows[:n], mode="clip")
                y_rows = self._y.take(chosen, axis=0, out=y[:n], mode="clip")
                weight = None if self._weights is None else self._weights[chosen]
            x = x_rows if scaled is None else self._scaled(change(x_rows) if change else x_rows, scaled[:n])
            yield Piece(x, y_rows, weight, batch, ends)

    def _scaled(self, rows: Array, out: Array) -> Array:
        return self._input.scale(rows, out).astype(self._dtype, copy=False)


CHUNK = 128 << 10  # bytes that lie together and are read together; a block holds hundreds from all over the file


class FileReader:
    """Samples in a file, of which one block is in memory.

    Shuffling takes chunks of the file in random order, fills a block with them and mixes the rows of that block: a
    file that is sorted by class gives mixed batches all the same. Chunk and block have fixed sizes, so that the order
    depends on the generator alone and not on how much memory there is.

    y: what `encode` turns, a batch at a time, into rows as wide as the network's output.
    """

    inputs: Array | None = None

    def __init__(
        self,
        prepared: Input,
        rows: FileRows,
        y: Array,
        encode: Callable[[Array], Array],
        dtype: DTypeLike = np.float32,
        weights: Array | None = None,
        *,
        block: int = BLOCK,
        chunk: int = CHUNK,
    ) -> None:
        self._weights = weights
        self._input, self._rows, self._y, self._encode = prepared, rows, y, encode
        self._dtype = np.dtype(dtype)
        self._block, self._chunk = block // rows.row_bytes, chunk // rows.row_bytes

    def __len__(self) -> int:
        return len(self._rows)

    def batches(
        self, size: int, generator: np.random.Generator | None = None, change: Change | None = None
    ) -> Iterator[Piece]:
        """Yield every sample once; see `BlockReader.batches`. Only the very last batch is smaller."""
        total, part = len(self), min(size, PIECE)
        most = min(max(1, self._block // part) * part, total)
        block = np.empty((most, *self._rows.shape[1:]), self._rows.dtype)
        rows = np.empty((part, *self._rows.shape[1:]), self._rows.dtype)
        scaled = np.empty(rows.shape, np.float32)
        done = 0
        for numbers in self._blocks(most, generator):
            count = len(numbers)
            self._rows.read(numbers, block[:count])
            order = np.arange(count) if generator is None else generator.permutation(count)
            for start, end, batch, ends in pieces(done, done + count, size, total):
                chosen = order[start - done : end - done]
                n = len(chosen)
                np.take(block, chosen, axis=0, out=rows[:n], mode="clip")
                x = rows[:n]
                if x.dtype == np.uint8:
                    x = self._input.scale(change(x) if change else x, scaled[:n])
                y = self._encode(self._y[numbers[chosen]]).astype(self._dtype, copy=False)
                weight = None if self._weights is None else self._weights[numbers[chosen]].astype(self._dtype)
                yield Piece(x.astype(self._dtype, copy=False), y, weight, batch, ends)
            done += count

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
