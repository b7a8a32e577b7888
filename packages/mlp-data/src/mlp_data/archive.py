"""A zip archive is read where it lies, one member at a time, and never trusted: it may be damaged or hostile."""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from dataclasses import dataclass
from typing import IO

from mlp_data.errors import ArchiveError

_CHUNK = 1 << 20
_JUNK_FILES = {"thumbs.db", "desktop.ini"}
_ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
GZIP_MAGIC = b"\x1f\x8b"
_METHODS = {
    9: "deflate64",
    zipfile.ZIP_BZIP2: "bzip2",
    zipfile.ZIP_LZMA: "LZMA",
    93: "zstd",
    95: "xz",
    99: "encryption",
}


@dataclass(frozen=True)
class Limits:
    """How much an archive may claim; real data sets for small networks stay far below."""

    members: int = 1_000_000
    directory_bytes: int = 128 << 20  # the list of members, which has to be read at once
    member_bytes: int = 1 << 30
    total_bytes: int = 4 << 30
    ratio: int = 200  # deflate reaches 1032 on zeros; MNIST reaches 5, number tables up to 30
    ratio_from: int = 1 << 20  # a smaller output can do no harm, whatever its ratio


LIMITS = Limits()


def is_zip(head: bytes) -> bool:
    """Tell whether the first bytes of a file are those of a zip archive (or of an .npz, which is one)."""
    return head.startswith(_ZIP_MAGIC)


def is_junk(name: str) -> bool:
    """Tell whether an operating system left this file, as `__MACOSX/x`, `.DS_Store`, `._x` and `Thumbs.db`.

    >>> is_junk("__MACOSX/0/1.png"), is_junk("digits/0/1.png")
    (True, False)
    """
    parts = name.split("/")
    return any(part.startswith(".") or part == "__MACOSX" for part in parts) or parts[-1].lower() in _JUNK_FILES


class Archive:
    """The members of one zip archive that are worth reading: no folders, no junk, no unsafe names."""

    def __init__(self, file: IO[bytes], name: str, limits: Limits = LIMITS) -> None:
        self.name = name
        self._limits = limits
        self._file = file
        _check_directory(file, name, limits)
        try:
            self._zip = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, struct.error) as error:
            raise ArchiveError(f"{name}: the archive is damaged or cut short ({error}): get it again") from None
        infos = self._zip.infolist()
        if len(infos) > limits.members:
            raise ArchiveError(f"{name}: the archive lists {len(infos):,} files, over the {limits.members:,} allowed")
        self._members: dict[str, zipfile.ZipInfo] = {}
        for info in infos:
            member = _safe_name(info, name)
            if not info.is_dir() and not is_junk(member):
                self._check_member(info, member)
                self._members[member] = info  # of two members with one name the later one counts, as zip tools do it
        if not self._members:
            found = "nothing but folders and files that operating systems leave" if infos else "nothing"
            raise ArchiveError(f"{name}: the archive holds {found}: make one that holds the data")
        total = sum(info.file_size for info in self._members.values())
        if total > limits.total_bytes:
            raise ArchiveError(
                f"{name}: the archive unpacks to {total:,} bytes, over the {limits.total_bytes:,} allowed: split it"
            )

    @property
    def sizes(self) -> dict[str, int]:
        """Member name -> the size that the archive declares for it; `read` gives no more than that."""
        return {name: info.file_size for name, info in self._members.items()}

    def close(self) -> None:
        """Close the archive and its file."""
        self._zip.close()
        self._file.close()

    def read(self, member: str, at_most: int | None = None) -> bytes:
        """Return the content of a member, or its first `at_most` bytes (unverified, for a look at its kind)."""
        info = self._members[member]
        where = f"{self.name}: {member!r}"
        try:
            packed = self._packed(info, at_most)
            if info.compress_type == zipfile.ZIP_STORED:
                content = packed if at_most is None else packed[:at_most]
            else:
                content = inflate(packed, -zlib.MAX_WBITS, info.file_size, where, at_most, self._limits)
        except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError) as error:
            raise ArchiveError(f"{where} is damaged or cut short ({error}): get the archive again") from None
        if at_most is None:
            if len(content) != info.file_size:
                raise ArchiveError(
                    f"{where} holds {len(content):,} bytes but the archive declares {info.file_size:,}: get it again"
                )
            if zlib.crc32(content) != info.CRC:
                raise ArchiveError(f"{where} is damaged (its checksum does not match): get the archive again")
        return content

    def _packed(self, info: zipfile.ZipInfo, at_most: int | None) -> bytes:
        # Read by hand, because zipfile inflates some methods without a bound on what comes out at once.
        self._file.seek(info.header_offset)
        header = self._file.read(30)
        if len(header) < 30 or header[:4] != b"PK\x03\x04":
            raise ArchiveError(f"{self.name}: {info.filename!r} is not where the archive says: get the archive again")
        name_length, extra_length = struct.unpack("<HH", header[26:30])
        self._file.seek(name_length + extra_length, 1)
        wanted = info.compress_size if at_most is None else min(info.compress_size, at_most + 4096)
        packed = self._file.read(wanted)
        if len(packed) < wanted:
            raise EOFError(f"{len(packed):,} of {info.compress_size:,} bytes are there")
        return packed

    def _check_member(self, info: zipfile.ZipInfo, member: str) -> None:
        where = f"{self.name}: {member!r}"
        if info.flag_bits & 0x2041:
            raise ArchiveError(f"{where} is encrypted: unpack it with its password and pack it without one")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            method = _METHODS.get(info.compress_type, f"method {info.compress_type}")
            raise ArchiveError(f"{where} is compressed with {method}: pack it again with deflate, the usual method")
        check_size(info.file_size, info.compress_size, where, self._limits)
        if info.compress_type == zipfile.ZIP_STORED and info.file_size != info.compress_size:
            raise ArchiveError(
                f"{where} is stored in {info.compress_size:,} bytes but declares {info.file_size:,}: repack it"
            )


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


def _safe_name(info: zipfile.ZipInfo, archive: str) -> str:
    """Return the member's name with forward slashes, or say why it is not safe."""
    raw = info.orig_filename
    where = f"{archive}: the member name {raw!r}"
    name = raw.replace("\\", "/")
    if "\0" in raw:
        raise ArchiveError(f"{where} holds a NUL character, which hides the real name: pack the archive again")
    if name.startswith("/") or name[1:2] == ":":
        raise ArchiveError(f"{where} is an absolute path: pack the archive with relative names")
    if ".." in name.split("/"):
        raise ArchiveError(f"{where} climbs out of its folder with '..': pack the archive with plain names")
    mode = info.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        kind = "a symbolic link" if stat.S_ISLNK(mode) else "a special file"
        raise ArchiveError(f"{archive}: {raw!r} is {kind}, not a file: pack the file itself")
    return "/".join(part for part in name.split("/") if part not in ("", "."))


def _check_directory(file: IO[bytes], name: str, limits: Limits) -> None:
    """Look at the archive's last record before zipfile does: its list of members is read into memory whole."""
    size = file.seek(0, 2)
    file.seek(max(0, size - 65_700))  # the last record with the longest comment, and the zip64 records before it
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < 22:
        raise ArchiveError(f"{name}: the archive is cut short (its list of files is missing): get it again")
    disk, directory_disk, _, _, length = struct.unpack("<HHHHI", tail[at + 4 : at + 16])
    if disk not in (0, 0xFFFF) or directory_disk not in (0, 0xFFFF):
        raise ArchiveError(f"{name}: this is one part of a split archive: join the parts into one file first")
    zip64 = tail.rfind(b"PK\x06\x06", 0, at)
    if zip64 >= 0 and at - zip64 >= 56:
        length = struct.unpack("<Q", tail[zip64 + 40 : zip64 + 48])[0]
    if length > limits.directory_bytes and length != 0xFFFFFFFF:
        raise ArchiveError(
            f"{name}: the archive's list of files takes {length:,} bytes, over the {limits.directory_bytes:,} allowed"
        )
