"""A gzip stream has no index; with the decoder's state noted on the way, any place in it is reached again quickly."""

from __future__ import annotations

import zlib
from collections import OrderedDict
from typing import IO, Any, Protocol

from mlp_data.archive import GZIP_MAGIC
from mlp_data.errors import ArchiveError
from mlp_data.limits import LIMITS, Limits

BLOCK = 4 << 20  # bytes between two noted states, of about 40 kB each
_STEP = 1 << 14  # packed bytes read at once


class Bytes(Protocol):
    """Content of which any part can be read; past the end there is nothing."""

    def read_at(self, offset: int, size: int) -> bytes:
        """Return `size` bytes from `offset` on, fewer at the end."""
        ...


class PlainBytes:
    """A file as it lies."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def read_at(self, offset: int, size: int) -> bytes:
        """Return `size` bytes from `offset` on, fewer at the end."""
        self._file.seek(offset)
        return self._file.read(size)


class GzipBytes:
    """What a gzip file holds, unpacked a block at a time and never to disk. keep: blocks that stay in memory."""

    def __init__(self, file: IO[bytes], where: str, limits: Limits = LIMITS, keep: int = 1) -> None:
        self.keep = keep
        self._file = file
        self._where = where
        self._limits = limits
        self._kept: OrderedDict[int, bytes] = OrderedDict()
        # states[i]: where the packed bytes of block i begin, and the decoder as it was there; None after the last block
        self._states: list[tuple[int, Any] | None] = [(0, zlib.decompressobj(16 + zlib.MAX_WBITS))]

    def read_at(self, offset: int, size: int) -> bytes:
        """Return `size` bytes from `offset` on, fewer at the end; damaged or hostile content raises ArchiveError."""
        number, start = divmod(offset, BLOCK)
        if number in self._kept and start + size <= BLOCK:  # as for nearly every header of a tar archive
            return self._kept[number][start : start + size]
        parts: list[bytes] = []
        while size > 0:
            number, start = divmod(offset, BLOCK)
            part = self._block(number)[start : start + size]
            if not part:
                break
            parts.append(part)
            offset, size = offset + len(part), size - len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _block(self, number: int) -> bytes:
        if number in self._kept:
            self._kept.move_to_end(number)
            return self._kept[number]
        while number > len(self._states) - 1 and self._states[-1] is not None:
            self._unpack(len(self._states) - 1)
        if number >= len(self._states) or self._states[number] is None:
            return b""
        block = self._unpack(number)
        self._kept[number] = block
        while len(self._kept) > self.keep:
            self._kept.popitem(last=False)
        return block

    def _unpack(self, number: int) -> bytes:
        """Unpack one block, and note the state behind it."""
        state = self._states[number]
        assert state is not None
        position, engine = state[0], state[1].copy()
        parts: list[bytes] = []
        missing = BLOCK
        ended = False
        while missing and not ended:
            self._file.seek(position)
            packed = self._file.read(_STEP)
            if not packed:
                raise ArchiveError(f"{self._where} is cut short (the compressed data end too early): get it again")
            try:
                part = engine.decompress(packed, missing)
            except zlib.error as error:
                raise ArchiveError(f"{self._where} is damaged ({error}): get it again") from None
            parts.append(part)
            missing -= len(part)
            position += len(packed) - len(engine.unconsumed_tail) - len(engine.unused_data)
            self._check(number * BLOCK + BLOCK - missing, position)
            if engine.eof:
                self._file.seek(position)
                ended = self._file.read(2) != GZIP_MAGIC  # gzip files may be joined; padding may follow the last
                engine = zlib.decompressobj(16 + zlib.MAX_WBITS)
        if len(self._states) == number + 1:
            self._states.append(None if ended else (position, engine))
        return b"".join(parts)

    def _check(self, size: int, packed: int) -> None:
        limits = self._limits
        if size > limits.total_bytes:
            raise ArchiveError(f"{self._where} unpacks to more than the {limits.total_bytes:,} bytes allowed: split it")
        if size > limits.ratio_from and size > limits.ratio * packed:
            raise ArchiveError(
                f"{self._where} inflates more than {limits.ratio} times (to {size:,} bytes so far), "
                f"as hostile archives do: give the data unpacked if they are sound"
            )
