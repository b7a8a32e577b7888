"""A zip archive ends with a list of its members, and a last record says where that list is and how long."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import IO, NamedTuple

from mlp_data.errors import ArchiveError
from mlp_data.limits import Limits

# APPNOTE.TXT 6.3: 4.3.12 the member's entry, 4.3.14 to 4.3.16 the last records, 4.5.3 the sizes beyond 32 bits.
_ENTRY = struct.Struct("<4s4xHH4xIIIHHH4xII")
_END = struct.Struct("<4sHHHHIIH")
_END64 = struct.Struct("<4s12xII16xQQ")
_LOCATOR = b"PK\x06\x07"
_FULL = 0xFFFFFFFF  # "see the 64-bit field"
_UTF8 = 0x800


class Entry(NamedTuple):
    """What the list says about one member. mode: the file's type and rights on Unix, 0 where they are not told."""

    name: str
    raw_name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int
    mode: int


def read_directory(file: IO[bytes], name: str, limits: Limits) -> list[Entry]:
    """Return the members of a zip archive; how many there are and how long the list is are capped before it is read."""
    length = file.seek(0, 2)
    file.seek(max(0, length - 65_700))  # the last record with the longest comment, and the 64-bit ones before it
    tail = file.read(65_700)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        raise ArchiveError(f"{name}: the archive is cut short (its list of files is missing): get it again")
    _, disk, directory_disk, _, count, size, offset, _ = _END.unpack_from(tail, at)
    if disk not in (0, 0xFFFF) or directory_disk not in (0, 0xFFFF):
        raise ArchiveError(f"{name}: this is one part of a split archive: join the parts into one file first")
    if at >= 76 and tail[at - 20 : at - 16] == _LOCATOR and tail[at - 76 : at - 72] == b"PK\x06\x06":
        at -= 76
        count, size, offset = struct.unpack_from("<QQQ", tail, at + 32)
    if count > limits.members:
        raise ArchiveError(f"{name}: the archive lists {count:,} files, over the {limits.members:,} allowed: split it")
    if size > limits.directory_bytes:
        raise ArchiveError(
            f"{name}: the archive's list of files takes {size:,} bytes, over the {limits.directory_bytes:,} allowed"
        )
    start = max(0, length - 65_700) + at - size  # right before the last records, whatever was put before the archive
    before = start - offset
    if start < 0 or before < 0:
        raise ArchiveError(
            f"{name}: the archive is damaged or cut short (its list of files is elsewhere): get it again"
        )
    file.seek(start)
    directory = file.read(size)
    found = directory.count(b"PK\x01\x02")
    if found > limits.members:
        raise ArchiveError(f"{name}: the archive lists {found:,} files, over the {limits.members:,} allowed: split it")
    entries = list(_entries(directory, before, name))
    _refuse_overlaps(entries, start, name)
    return entries


def _entries(directory: bytes, before: int, name: str) -> Iterator[Entry]:
    at = 0
    while at < len(directory):
        try:
            magic, flags, method, crc, packed, size, name_length, extra_length, comment_length, attributes, offset = (
                _ENTRY.unpack_from(directory, at)
            )
        except struct.error:
            magic = b""
        if magic != b"PK\x01\x02":
            raise ArchiveError(f"{name}: the archive's list of files is damaged at byte {at:,}: get it again")
        at += _ENTRY.size
        raw_name = directory[at : at + name_length]
        at += name_length
        if _FULL in (packed, size, offset):
            size, packed, offset = _sizes64(directory[at : at + extra_length], size, packed, offset)
        at += extra_length + comment_length
        text = _text(raw_name, flags, name)
        yield Entry(text, raw_name, flags, method, crc, packed, size, offset + before, attributes >> 16)


def _sizes64(extra: bytes, *values: int) -> list[int]:
    """Return size, packed size and offset, taken from the 64-bit field where they are too large for 32 bits."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        if kind == 1:
            wide = iter(struct.iter_unpack("<Q", extra[at + 4 : at + 4 + length // 8 * 8]))
            return [next(wide, (value,))[0] if value == _FULL else value for value in values]
        at += 4 + length
    return list(values)


def _text(raw: bytes, flags: int, name: str) -> str:
    """Decode a member's name: UTF-8, which many tools write without saying so, or else the code page of the PC."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        if flags & _UTF8:
            raise ArchiveError(
                f"{name}: the member name {raw[:80]!r} says it is UTF-8 and is not: pack the archive again"
            ) from None
        return raw.decode("cp437")


def _refuse_overlaps(entries: list[Entry], start: int, name: str) -> None:
    """Refuse members that share bytes: each would unpack them anew, so that a small archive becomes a huge one."""
    ordered = sorted(entries, key=lambda entry: entry.offset)
    following = [entry.offset for entry in ordered[1:]] + [start]
    for entry, next_offset in zip(ordered, following, strict=False):
        end = entry.offset + 30 + len(entry.raw_name) + entry.packed
        if end > next_offset:
            raise ArchiveError(
                f"{name}: the archive is damaged or hostile (two of its files share the bytes before {end:,}): "
                f"get it again"
            )
