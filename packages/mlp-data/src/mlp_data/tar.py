"""A tar archive is a row of files, each behind a header of 512 bytes; it is read where it lies and never trusted."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from mlp_data.archive import PART, check_size
from mlp_data.errors import ArchiveError
from mlp_data.gzip_access import Bytes, GzipBytes
from mlp_data.limits import LIMITS, Limits
from mlp_data.member_names import is_junk, safe_name

BLOCK = 512
_FIELDS = struct.Struct("100s24x12s12x8s1s100x6s82x155s12x")  # POSIX.1-1988 (ustar): name, size, checksum, type ...
_LONGEST = 64 << 10  # bytes of an extended header: far more than any name, and little to hold
_KEPT = 64  # unpacked blocks of a .tar.gz kept while its members are read: 256 MiB at most
_FILES = (b"0", b"\0", b"7")
_FOLDERS = (b"5", b"D", b"V")  # the last two list files, or name the archive
_EXTENDED = (b"x", b"g", b"L", b"K")
_REFUSED = {
    b"1": "a hard link, not a file: pack the file itself",
    b"2": "a symbolic link, not a file: pack the file itself",
    b"3": "a device, not a file: leave it out",
    b"4": "a device, not a file: leave it out",
    b"6": "a pipe, not a file: leave it out",
    b"S": "a sparse file, whose size on unpacking nothing bounds: pack it without --sparse",
    b"M": "the rest of a file in another volume: join the volumes into one archive first",
}


@dataclass
class _Extended:
    """What extended headers say about the member that follows them."""

    name: str | None = None
    size: int | None = None
    sparse: bool = False


def is_tar(head: bytes) -> bool:
    """Tell whether the first 512 bytes of a file are a tar header, which carries a checksum of itself."""
    return len(head) >= BLOCK and head[0] != 0 and _checksum_matches(head[:BLOCK])


class TarArchive:
    """The members of one tar archive that are worth reading: no folders, no junk, no unsafe names, no links."""

    def __init__(self, content: Bytes, name: str, limits: Limits = LIMITS) -> None:
        self.name = name
        self._content = content
        self._limits = limits
        self._members: dict[str, tuple[int, int]] = {}  # name -> where its content starts, and its size
        self._walk()
        if isinstance(content, GzipBytes):
            content.keep = _KEPT
        if not self._members:
            raise ArchiveError(f"{name}: the archive holds no files with data: make one that does")

    @property
    def sizes(self) -> dict[str, int]:
        """Member name -> its size."""
        return {name: size for name, (_, size) in self._members.items()}

    def read(self, member: str, at_most: int | None = None) -> bytes:
        """Return the content of a member, or its first `at_most` bytes."""
        start, size = self._members[member]
        wanted = size if at_most is None else min(size, at_most)
        content = self._content.read_at(start, wanted)
        if len(content) < wanted:
            raise self._cut_short()
        return content

    def stream(self, member: str) -> Iterator[bytes]:
        """Yield the content of a member in parts of at most 1 MiB."""
        start, size = self._members[member]
        for at in range(0, size, PART):
            wanted = min(PART, size - at)
            part = self._content.read_at(start + at, wanted)
            if len(part) < wanted:
                raise self._cut_short()
            yield part

    def _walk(self) -> None:
        """List the members from header to header; nothing is allocated because a header asks for it."""
        offset = count = total = 0
        extended, is_extended = _Extended(), False
        while True:
            header = self._content.read_at(offset, BLOCK)
            if header[:1] in (b"", b"\0") and not header.strip(b"\0"):
                if len(header) == BLOCK or offset:  # two empty blocks end an archive; some tools leave them out
                    break
                raise self._cut_short()
            count += 1
            if count > self._limits.members:
                raise ArchiveError(f"{self.name}: the archive lists over {self._limits.members:,} files: split it")
            if len(header) < BLOCK:
                raise self._cut_short()
            if not _checksum_matches(header):
                raise ArchiveError(f"{self.name}: the archive is damaged at byte {offset:,}: get it again")
            field, size_field, _, kind, magic, prefix = _FIELDS.unpack(header)
            size = self._number(size_field, offset)
            offset += BLOCK
            if kind in _EXTENDED:
                self._extend(extended, kind, offset, size)
                is_extended = True
            else:
                if magic == b"ustar\0" and prefix[0]:
                    field = prefix.rstrip(b"\0") + b"/" + field
                size = 0 if kind in (b"5", b"V") else size if extended.size is None else extended.size
                name = _text(field.partition(b"\0")[0]) if extended.name is None else extended.name
                total += self._add(name, kind, offset, size, extended.sparse)
                if max(size, total) > self._limits.total_bytes:
                    raise ArchiveError(
                        f"{self.name}: the archive unpacks to more than {self._limits.total_bytes:,} bytes: split it"
                    )
                if is_extended:
                    extended, is_extended = _Extended(), False
            if size and not self._content.read_at(offset + size - 1, 1):
                raise self._cut_short()
            offset += -(-size // BLOCK) * BLOCK

    def _add(self, raw: str, kind: bytes, offset: int, size: int, sparse: bool) -> int:
        """Note a member if it is worth reading, and return its size."""
        name = safe_name(raw, self.name)
        if sparse or kind not in _FILES:
            refused = _REFUSED.get(b"S" if sparse else kind)
            if refused:
                raise ArchiveError(f"{self.name}: {raw!r} is {refused}")
            if kind not in _FOLDERS:
                raise ArchiveError(f"{self.name}: {raw!r} is of the unknown type {kind!r}: pack it with another tool")
            return 0
        if raw.endswith("/") or is_junk(name):
            return 0
        if size > self._limits.member_bytes:
            check_size(size, size, f"{self.name}: {name!r}", self._limits)
        self._members[name] = offset, size  # of two members with one name the later one counts, as tar does it
        return size

    def _extend(self, extended: _Extended, kind: bytes, offset: int, size: int) -> None:
        """Read an extended header: GNU's long name, or the records of POSIX.1-2001 (pax)."""
        if size > _LONGEST:
            raise ArchiveError(f"{self.name}: a header takes {size:,} bytes, over the {_LONGEST:,} allowed: repack it")
        content = self._content.read_at(offset, size)
        if kind == b"L":
            extended.name = _text(content.rstrip(b"\0"))
        for key, value in self._records(content) if kind == b"x" else ():
            if key == b"path":
                extended.name = _text(value)
            elif key == b"size":
                extended.size = self._number(value.rjust(12, b"0"), offset, 10)
            elif key.startswith(b"GNU.sparse"):
                extended.sparse = True

    def _records(self, content: bytes) -> list[tuple[bytes, bytes]]:
        """Return the records of a pax header, each `LENGTH KEY=VALUE` and a line end."""
        records = []
        at = 0
        while at < len(content) and content[at]:
            digits = content[at : at + 6].partition(b" ")[0]
            length = int(digits) if digits.isdigit() else 0
            key, equals, value = content[at + len(digits) + 1 : at + length].partition(b"=")
            if not equals or not value.endswith(b"\n") or at + length > len(content):
                raise ArchiveError(f"{self.name}: the archive has a damaged header: get it again")
            records.append((key, value[:-1]))
            at += length
        return records

    def _number(self, field: bytes, offset: int, base: int = 8) -> int:
        if field[0] & 0x80:  # GNU: too large for the digits
            return int.from_bytes(field[1:], "big") + ((field[0] & 0x7F) << 8 * (len(field) - 1))
        digits = field.strip(b" \0")
        try:
            if digits and not digits.isdigit():
                raise ValueError
            return int(digits or b"0", base)
        except ValueError:
            raise ArchiveError(
                f"{self.name}: the header at byte {offset:,} has no size: get the archive again"
            ) from None

    def _cut_short(self) -> ArchiveError:
        return ArchiveError(f"{self.name}: the archive is cut short: get it again")


def _checksum_matches(header: bytes) -> bool:
    """Compare the sum of the bytes, with the checksum's own place taken as blanks, with what that place says."""
    field = header[148:156].strip(b" \0")
    if not field.isdigit() or len(field) > 7:
        return False
    blank = header[:148] + b" " * 8 + header[156:]
    try:
        wanted = int(field, 8)
    except ValueError:
        return False
    return (zlib.adler32(blank) & 0xFFFF) == (1 + wanted) % 65521  # Adler-32's lower half is that sum, and fast


def _text(name: bytes) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError:
        return name.decode("latin-1")
