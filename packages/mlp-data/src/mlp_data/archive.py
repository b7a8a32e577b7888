"""A zip archive is read where it lies, one member at a time, and never trusted: it may be damaged or hostile."""

from __future__ import annotations

import stat
import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import IO

from mlp_data.errors import ArchiveError
from mlp_data.limits import LIMITS, Limits
from mlp_data.member_names import is_junk, safe_name
from mlp_data.zip_directory import Entry, read_directory

PART = 1 << 20  # bytes unpacked at once
KEPT = 16 << 20  # bytes of small members kept from the look at their kind until they are read
PIECE = 1 << 16  # packed bytes read at once
_ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
GZIP_MAGIC = b"\x1f\x8b"
_STORED, _DEFLATED = 0, 8
_LENGTHS = struct.Struct("<HH")
_METHODS = {9: "deflate64", 12: "bzip2", 14: "LZMA", 93: "zstd", 95: "xz", 99: "encryption"}


def is_zip(head: bytes) -> bool:
    """Tell whether the first bytes of a file are those of a zip archive (or of an .npz, which is one)."""
    return head.startswith(_ZIP_MAGIC)


class Archive:
    """The members of one zip archive that are worth reading: no folders, no junk, no unsafe names."""

    def __init__(self, file: IO[bytes], name: str, limits: Limits = LIMITS) -> None:
        self.name = name
        self._limits = limits
        self._file = file
        self._kept: dict[str, bytes] = {}  # small members that a look at their kind has read as a whole
        self._room = KEPT
        self._members: dict[str, Entry] = {}
        entries = read_directory(file, name, limits)
        for entry in entries:
            member = safe_name(entry.name, name)
            _refuse_links(entry, name)
            if not entry.name.endswith("/") and not is_junk(member):
                self._check_member(entry, member)
                self._members[member] = entry  # of two members with one name the later counts, as zip tools do it
        if not self._members:
            found = "nothing but folders and files that operating systems leave" if entries else "nothing"
            raise ArchiveError(f"{name}: the archive holds {found}: make one that holds the data")
        total = sum(entry.size for entry in self._members.values())
        if total > limits.total_bytes:
            raise ArchiveError(
                f"{name}: the archive unpacks to {total:,} bytes, over the {limits.total_bytes:,} allowed: split it"
            )

    @property
    def sizes(self) -> dict[str, int]:
        """Member name -> the size that the archive declares for it; `read` gives no more than that."""
        return {name: entry.size for name, entry in self._members.items()}

    def close(self) -> None:
        """Close the archive's file."""
        self._file.close()

    def read(self, member: str, at_most: int | None = None) -> bytes:
        """Return the content of a member, or its first `at_most` bytes (unverified, for a look at its kind)."""
        if at_most is None and member not in self._kept:
            return b"".join(self.stream(member))
        entry = self._members[member]
        content = self._kept.get(member)
        if content is None:
            content = _joined(self._unpacked(entry, self._where(member), min(PART, at_most or PART)), at_most)
            if len(content) == entry.size <= self._room:
                self._kept[member] = content
                self._room -= entry.size
        if at_most is None:
            self._check_whole(member, len(content), zlib.crc32(content))
        return content[:at_most]

    def stream(self, member: str) -> Iterator[bytes]:
        """Yield the content of a member in parts of at most 1 MiB; what is wrong with it shows at the last of them."""
        entry = self._members[member]
        size = crc = 0
        for part in self._unpacked(entry, self._where(member)):
            size += len(part)
            crc = zlib.crc32(part, crc)
            yield part
        self._check_whole(member, size, crc)

    def _unpacked(self, entry: Entry, where: str, step: int = PART) -> Iterator[bytes]:
        try:
            pieces = self._packed(entry)
            if entry.method == _STORED:
                yield from pieces
            else:
                yield from inflate(pieces, -zlib.MAX_WBITS, where, entry.packed, entry.size, self._limits, step)
        except (zlib.error, EOFError, OSError, ValueError) as error:
            raise ArchiveError(f"{where} is damaged or cut short ({error}): get the archive again") from None

    def _packed(self, entry: Entry) -> Iterator[bytes]:
        """Yield a member as it lies in the archive, a piece at a time."""
        self._file.seek(entry.offset)
        header = self._file.read(30)
        if len(header) < 30 or header[:4] != b"PK\x03\x04":
            raise ArchiveError(f"{self.name}: {entry.name!r} is not where the archive says: get the archive again")
        name_length, extra_length = _LENGTHS.unpack_from(header, 26)
        if self._file.read(name_length + extra_length)[:name_length] != entry.raw_name:
            raise ArchiveError(
                f"{self.name}: {entry.name!r} is called otherwise where it lies, which hides what it is: pack it again"
            )
        start = entry.offset + 30 + name_length + extra_length
        for at in range(start, start + entry.packed, PIECE):
            wanted = min(PIECE, start + entry.packed - at)
            if at > start:
                self._file.seek(at)  # another member may have been read since the last piece
            piece = self._file.read(wanted)
            if len(piece) < wanted:
                raise EOFError(f"{at + len(piece) - start:,} of {entry.packed:,} bytes are there")
            yield piece

    def _check_member(self, entry: Entry, member: str) -> None:
        where = self._where(member)
        if entry.flags & 0x2041:
            raise ArchiveError(f"{where} is encrypted: unpack it with its password and pack it without one")
        if entry.method not in (_STORED, _DEFLATED):
            method = _METHODS.get(entry.method, f"method {entry.method}")
            raise ArchiveError(f"{where} is compressed with {method}: pack it again with deflate, the usual method")
        check_size(entry.size, entry.packed, where, self._limits)
        if entry.method == _STORED and entry.size != entry.packed:
            raise ArchiveError(f"{where} is stored in {entry.packed:,} bytes but declares {entry.size:,}: repack it")

    def _check_whole(self, member: str, size: int, crc: int) -> None:
        declared = self._members[member]
        if size != declared.size:
            raise ArchiveError(
                f"{self._where(member)} holds {size:,} bytes but the archive declares {declared.size:,}: get it again"
            )
        if crc != declared.crc:
            raise ArchiveError(f"{self._where(member)} is damaged (its checksum does not match): get the archive again")

    def _where(self, member: str) -> str:
        return f"{self.name}: {member!r}"


def check_size(size: int, packed: int, where: str, limits: Limits = LIMITS) -> None:
    """Refuse a size that no member of a sane archive has."""
    if size > limits.member_bytes:
        raise ArchiveError(f"{where} unpacks to over {size:,} bytes, but {limits.member_bytes:,} are allowed: split it")
    if size > limits.ratio_from and size > limits.ratio * packed:
        raise ArchiveError(
            f"{where} inflates {size / max(packed, 1):,.0f} times, to {size:,} bytes or more, as hostile archives do: "
            f"{limits.ratio} times is allowed"
        )


def inflate(
    pieces: Iterable[bytes],
    wbits: int,
    where: str,
    packed: int | None = None,
    declared: int | None = None,
    limits: Limits = LIMITS,
    step: int = PART,
) -> Iterator[bytes]:
    """Inflate packed bytes in steps of bounded size; stop as soon as more comes out than was declared or is allowed.

    wbits: the zlib window, negative for raw deflate, 31 for gzip (of which every joined part is read). packed: the size
    of all pieces together, where it is known.
    """
    engine = zlib.decompressobj(wbits)
    came = size = 0
    for piece in pieces:
        rest = piece
        came += len(piece)
        while rest:
            if engine.eof:
                if wbits < zlib.MAX_WBITS or not GZIP_MAGIC.startswith(rest[:2]):
                    return  # padding
                engine = zlib.decompressobj(wbits)
            part = engine.decompress(rest, step)
            rest = engine.unused_data if engine.eof else engine.unconsumed_tail
            size += len(part)
            _check_so_far(size, came if packed is None else packed, declared, where, limits)
            yield part
    while not engine.eof:  # all has gone in, but not all has come out
        part = engine.decompress(b"", step)
        if not part:
            raise EOFError("the compressed data end too early")
        size += len(part)
        _check_so_far(size, came if packed is None else packed, declared, where, limits)
        yield part


def _check_so_far(size: int, packed: int, declared: int | None, where: str, limits: Limits) -> None:
    if declared is not None and size > declared:
        raise ArchiveError(f"{where} unpacks to more than the {declared:,} bytes that the archive declares")
    check_size(size, packed, where, limits)


def gunzip(packed: bytes, where: str, at_most: int | None = None, limits: Limits = LIMITS) -> bytes:
    """Unpack gzip bytes, or the first `at_most` that come of them, under the limits for a member of an archive."""
    pieces = (packed[at : at + PIECE] for at in range(0, len(packed), PIECE))
    # What came in so far is what counts: a bomb is refused at its start, not when it fills a share of the memory.
    parts = inflate(pieces, 16 + zlib.MAX_WBITS, where, limits=limits, step=min(PART, at_most or PART))
    return _joined(gunzipped(parts, where, whole=at_most is None), at_most)


def gunzipped(parts: Iterator[bytes], where: str, *, whole: bool = True) -> Iterator[bytes]:
    """Pass on what `inflate` gives, and say in a sentence what is wrong with a gzip file that should be whole."""
    try:
        yield from parts
    except (zlib.error, EOFError) as error:
        if isinstance(error, EOFError) and not whole:
            return
        raise ArchiveError(f"{where} is a damaged or cut short gzip file ({error}): get it again") from None


def _joined(parts: Iterable[bytes], at_most: int | None) -> bytes:
    """Join parts, no more of them than are needed for `at_most` bytes."""
    if at_most is None:
        return b"".join(parts)
    found = b""
    for part in parts:
        found += part
        if len(found) >= at_most:
            break
    return found[:at_most]


def _refuse_links(entry: Entry, archive: str) -> None:
    if stat.S_IFMT(entry.mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        kind = "a symbolic link" if stat.S_ISLNK(entry.mode) else "a special file"
        raise ArchiveError(f"{archive}: {entry.name!r} is {kind}, not a file: pack the file itself")
