"""A zip archive is read where it lies, one member at a time, and never trusted: it may be damaged or hostile."""

from __future__ import annotations

import stat
import struct
import zlib
from typing import IO

from mlp_data.errors import ArchiveError
from mlp_data.limits import LIMITS, Limits
from mlp_data.member_names import is_junk, safe_name
from mlp_data.zip_directory import Entry, read_directory

_CHUNK = 1 << 20
_ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
GZIP_MAGIC = b"\x1f\x8b"
_STORED, _DEFLATED = 0, 8
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
        entry = self._members[member]
        where = f"{self.name}: {member!r}"
        try:
            packed = self._packed(entry, at_most)
            if entry.method == _STORED:
                content = packed if at_most is None else packed[:at_most]
            else:
                content = inflate(packed, -zlib.MAX_WBITS, entry.size, where, at_most, self._limits)
        except (zlib.error, EOFError, OSError, ValueError) as error:
            raise ArchiveError(f"{where} is damaged or cut short ({error}): get the archive again") from None
        if at_most is None:
            if len(content) != entry.size:
                raise ArchiveError(
                    f"{where} holds {len(content):,} bytes but the archive declares {entry.size:,}: get it again"
                )
            if zlib.crc32(content) != entry.crc:
                raise ArchiveError(f"{where} is damaged (its checksum does not match): get the archive again")
        return content

    def _packed(self, entry: Entry, at_most: int | None) -> bytes:
        self._file.seek(entry.offset)
        header = self._file.read(30)
        if len(header) < 30 or header[:4] != b"PK\x03\x04":
            raise ArchiveError(f"{self.name}: {entry.name!r} is not where the archive says: get the archive again")
        name_length, extra_length = struct.unpack("<HH", header[26:30])
        if self._file.read(name_length) != entry.raw_name:
            raise ArchiveError(
                f"{self.name}: {entry.name!r} is called otherwise where it lies, which hides what it is: pack it again"
            )
        self._file.seek(extra_length, 1)
        wanted = entry.packed if at_most is None else min(entry.packed, at_most + 4096)
        packed = self._file.read(wanted)
        if len(packed) < wanted:
            raise EOFError(f"{len(packed):,} of {entry.packed:,} bytes are there")
        return packed

    def _check_member(self, entry: Entry, member: str) -> None:
        where = f"{self.name}: {member!r}"
        if entry.flags & 0x2041:
            raise ArchiveError(f"{where} is encrypted: unpack it with its password and pack it without one")
        if entry.method not in (_STORED, _DEFLATED):
            method = _METHODS.get(entry.method, f"method {entry.method}")
            raise ArchiveError(f"{where} is compressed with {method}: pack it again with deflate, the usual method")
        check_size(entry.size, entry.packed, where, self._limits)
        if entry.method == _STORED and entry.size != entry.packed:
            raise ArchiveError(f"{where} is stored in {entry.packed:,} bytes but declares {entry.size:,}: repack it")


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
    packed: bytes, wbits: int, declared: int | None, where: str, at_most: int | None = None, limits: Limits = LIMITS
) -> bytes:
    """Inflate `packed` in bounded steps; stop as soon as more comes out than was declared or is allowed.

    wbits: the zlib window, negative for raw deflate, 31 for gzip (of which every joined part is read).
    """
    parts: list[bytes] = []
    size = 0
    pending = packed
    engine = zlib.decompressobj(wbits)
    while at_most is None or size < at_most:
        step = _CHUNK if at_most is None else min(_CHUNK, at_most - size)
        part = engine.decompress(pending, step)
        pending = engine.unconsumed_tail
        size += len(part)
        parts.append(part)
        if declared is not None and size > declared:
            raise ArchiveError(f"{where} unpacks to more than the {declared:,} bytes that the archive declares")
        check_size(size, len(packed), where, limits)
        if engine.eof:
            following = engine.unused_data
            if wbits > zlib.MAX_WBITS and following.startswith(GZIP_MAGIC):
                pending, engine = following, zlib.decompressobj(wbits)
                continue
            break
        if not part and not pending:
            if at_most is None:
                raise EOFError("the compressed data end too early")
            break
    return b"".join(parts)


def gunzip(packed: bytes, where: str, at_most: int | None = None, limits: Limits = LIMITS) -> bytes:
    """Unpack gzip bytes under the same limits as a member of an archive."""
    try:
        return inflate(packed, 16 + zlib.MAX_WBITS, None, where, at_most, limits)
    except (zlib.error, EOFError) as error:
        raise ArchiveError(f"{where} is a damaged or cut short gzip file ({error}): get it again") from None


def _refuse_links(entry: Entry, archive: str) -> None:
    if stat.S_IFMT(entry.mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        kind = "a symbolic link" if stat.S_ISLNK(entry.mode) else "a special file"
        raise ArchiveError(f"{archive}: {entry.name!r} is {kind}, not a file: pack the file itself")
