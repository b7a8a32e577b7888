"""Rows in a file stay there, however many they are; a part of them comes into memory when it is asked for."""

from __future__ import annotations

import mmap
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from mlp_data.errors import DataError
from mlp_data.labels import Array

BLOCK = 32 << 20  # bytes that are shuffled in memory
_MAPPED = 16 << 20  # bytes that may be mapped at once
_AROUND = 64 << 10  # bytes that the system maps around a place that is read
SCAN = 8 << 20  # bytes that come into memory at once where the order stays


class FileRows:
    """Samples of one shape and type that lie in a file one after the other, or some of them in an order of their own.

    It has the `shape`, `dtype` and `ndim` of the array that it stands for. Indexing reads: `rows[7]` is one sample,
    `rows[10:20]` and `rows[indices]` are arrays in memory. `take` and `blocks` do not read everything at once.
    transposed: whether rows and columns of each image are swapped as it is read; `shape` is what comes of it.
    cache: the folder where whoever makes something of these rows may put that, for it will be as large.
    """

    def __init__(
        self,
        file: IO[bytes] | _Kept,
        shape: tuple[int, ...],
        dtype: npt.DTypeLike = np.uint8,
        *,
        offset: int = 0,
        index: Array | None = None,
        transposed: bool = False,
        cache: Path,
    ) -> None:
        self.cache = cache
        self.dtype = np.dtype(dtype)
        self._file = file if isinstance(file, _Kept) else _Kept(file)
        self._offset, self._index = offset, index
        self._stored, self._transposed = shape, transposed
        sample = (shape[2], shape[1], *shape[3:]) if transposed else shape[1:]
        self.shape = (shape[0] if index is None else len(index), *sample)

    @property
    def ndim(self) -> int:
        """The number of dimensions, samples included."""
        return len(self.shape)

    @property
    def row_bytes(self) -> int:
        """The bytes of one sample."""
        return int(np.prod(self.shape[1:], dtype=np.int64)) * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, at: int | slice | Array) -> Array:
        if isinstance(at, slice):
            return self._gathered(np.arange(*at.indices(len(self))))
        chosen = np.arange(len(self))[at] if isinstance(at, np.ndarray) and at.dtype == bool else np.asarray(at)
        if chosen.size and not (-len(self) <= chosen.min() and chosen.max() < len(self)):
            raise IndexError(f"there is no sample {at} among {len(self)}")
        found = self._gathered(np.where(chosen < 0, chosen + len(self), chosen).reshape(-1))
        return found if chosen.ndim else found[0]

    def __iter__(self) -> Iterator[Array]:
        for block in self.blocks():
            yield from block

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> Array:
        return self[:].astype(dtype or self.dtype, copy=False)  # all of it, for those who ask

    def read(self, indices: Array, out: Array) -> None:
        """Write the samples at `indices` into `out`."""
        places = indices if self._index is None else self._index[indices]
        step = max(1, _MAPPED // max(self.row_bytes, _AROUND))
        for start in range(0, len(places), step):
            some = slice(start, start + step)
            if self._transposed:
                out[some] = np.take(self._map(), places[some], axis=0).swapaxes(1, 2)
            else:  # mode="clip" lets NumPy write straight into `out`
                np.take(self._map(), places[some], axis=0, out=out[some], mode="clip")

    def _gathered(self, indices: Array) -> Array:
        out = np.empty((len(indices), *self.shape[1:]), self.dtype)
        self.read(indices, out)
        return out

    def take(self, indices: Array) -> FileRows:
        """Return the samples at `indices`, in that order, without reading them."""
        indices = np.asarray(indices)
        chosen = indices if self._index is None else self._index[indices]
        compact = chosen.astype(np.min_scalar_type(max(len(self), self._stored[0])), copy=False)
        return self._like(compact, self._transposed)

    def transpose(self) -> FileRows:
        """Return the same images with rows and columns swapped, without reading them."""
        return self._like(self._index, not self._transposed)

    def _like(self, index: Array | None, transposed: bool) -> FileRows:
        return FileRows(
            self._file,
            self._stored,
            self.dtype,
            offset=self._offset,
            index=index,
            transposed=transposed,
            cache=self.cache,
        )

    def view(self, shape: tuple[int, ...], dtype: npt.DTypeLike, offset: int = 0) -> FileRows:
        """Return what else the bytes from `offset` on may be read as."""
        return FileRows(self._file, shape, dtype, offset=self._offset + offset, cache=self.cache)

    def part(self, start: int, stop: int) -> bytes:
        """Return the bytes from `start` to `stop` of the file's content, whatever the shape of a sample."""
        self._file.file.seek(self._offset + start)
        content = self._file.file.read(stop - start)
        if len(content) != stop - start:
            raise self._changed("it is too short")
        return content

    def blocks(self, size: int = SCAN) -> Iterator[Array]:
        """Yield all samples in order, as arrays of at most `size` bytes (or of one sample)."""
        step = max(1, size // max(1, self.row_bytes))
        for start in range(0, len(self), step):
            yield self[start : start + step]

    def _map(self) -> Array:
        # A new one again and again: when it goes, the pages that were read through it no longer count as our memory.
        count = int(np.prod(self._stored, dtype=np.int64))
        try:
            end = self._offset + count * self.dtype.itemsize
            mapped = mmap.mmap(self._file.file.fileno(), end, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise self._changed(error) from None
        return np.frombuffer(mapped, self.dtype, count, self._offset).reshape(self._stored)

    def _changed(self, why: object) -> DataError:
        return DataError(f"{self._file.file.name}: was changed or cut short while it was read ({why}): start again")


class _Kept:
    """An open file that is closed when the last of the rows that lie in it has gone."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        weakref.finalize(self, file.close)


def blocks(x: Array | FileRows) -> Iterator[Array]:
    """Yield samples in order, as few arrays as memory allows: what is in memory comes whole."""
    if isinstance(x, FileRows):
        yield from x.blocks()
    else:
        yield x
