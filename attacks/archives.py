"""Hostile zip, tar and gzip files, each a name and a function that makes its bytes; none of them may cost anything."""

from __future__ import annotations

import gzip
import io
import random
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

MILLION = 1_000_000
TABLE = b"size,label\n" + b"".join(b"%d,%s\n" % (i, (b"a", b"b")[i % 2]) for i in range(40))


def zipped(members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Pack members as an honest tool does."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def zeros(count: int) -> bytes:
    """Deflate `count` zero bytes without holding them."""
    engine = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = bytes(1 << 20)
    parts = [engine.compress(block[: min(len(block), count - at)]) for at in range(0, count, len(block))]
    return b"".join([*parts, engine.flush()])


def local(name: bytes, packed: bytes, size: int, crc: int = 0, method: int = 8) -> bytes:
    """Write a member where it lies."""
    return struct.pack("<4sHHHIIIIHH", b"PK\x03\x04", 20, 0, method, 0, crc, len(packed), size, len(name), 0) + name


def listed(
    name: bytes, packed: int, size: int, offset: int, crc: int = 0, method: int = 8, mode: int = 0, flags: int = 0
) -> bytes:
    """Write a member's entry in the list at the end."""
    head = struct.pack("<4sHHHHIIII", b"PK\x01\x02", 20, 20, flags, method, 0, crc, packed, size)
    return head + struct.pack("<HHHHHII", len(name), 0, 0, 0, 0, mode << 16, offset) + name


def end(count: int, size: int, offset: int, comment: bytes = b"") -> bytes:
    """Write the last record of a zip archive."""
    short = min(count, 0xFFFF)
    return struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, short, short, size, offset, len(comment)) + comment


def one_member(name: bytes, packed: bytes, size: int, **says: Any) -> bytes:
    """Write an archive of one member that declares `size`, whatever comes out of it."""
    body = local(name, packed, size, method=says.get("method", 8)) + packed
    entry = listed(name, len(packed), size, 0, **says)
    return body + entry + end(1, len(entry), len(body))


def flat_bomb() -> bytes:
    """A gigabyte of zeros in a megabyte."""
    packed = zeros(1 << 30)
    return one_member(b"train.csv", packed, 1 << 30)


def false_size() -> bytes:
    """A gigabyte of zeros that declares a thousand bytes."""
    return one_member(b"train.csv", zeros(1 << 30), 1000)


def false_size_of_many() -> bytes:
    """Fifty members of 20 MB each that declare ten bytes."""
    packed = zeros(20 << 20)
    return many(50, packed, 10)


def many(count: int, packed: bytes, size: int) -> bytes:
    """Write `count` members of the same content, each in its own place."""
    body, entries, at = [], [], 0
    for i in range(count):
        name = b"%d/%d.png" % (i % 2, i)
        part = local(name, packed, size) + packed
        entries.append(listed(name, len(packed), size, at))
        body.append(part)
        at += len(part)
    directory = b"".join(entries)
    return b"".join(body) + directory + end(count, len(directory), at)


def nested_bomb() -> bytes:
    """Sixteen archives of sixteen archives of sixteen archives, as 42.zip."""
    content = zipped({"0.csv": bytes(4 << 20)})
    for _ in range(3):
        content = zipped({f"{i}.zip": content for i in range(16)})
    return content


def nested_flat_bomb() -> bytes:
    """An archive in the archive that is itself nothing but zeros."""
    inner = one_member(b"train.csv", bytes(100 << 20), 100 << 20, method=0)
    return zipped({"inner.zip": inner})


def overlapping() -> bytes:
    """A thousand entries that all mean the same member."""
    packed = zeros(1 << 20)
    body = local(b"a.csv", packed, 1 << 20) + packed
    directory = b"".join(listed(b"a.csv", len(packed), 1 << 20, 0) for _ in range(1000))
    return body + directory + end(1000, len(directory), len(body))


def overlapping_quoted() -> bytes:
    """Members whose content holds the headers of the next ones, stored (Fifield, "A better zip bomb", 2019)."""
    kernel = zeros(1 << 20)
    names = [b"%d.csv" % i for i in range(60)]
    body = local(names[-1], kernel, 1 << 20) + kernel
    sizes = [len(kernel)]
    for name in reversed(names[:-1]):
        quoted = struct.pack("<BHH", 0, 40, 40 ^ 0xFFFF) + body[:40] + kernel
        body = local(name, quoted, 1 << 20) + body
        sizes.insert(0, len(quoted) + 40)
    entries = [listed(name, size, 1 << 20, i * 35) for i, (name, size) in enumerate(zip(names, sizes, strict=True))]
    directory = b"".join(entries)
    return body + directory + end(len(names), len(directory), len(body))


def million_members(says: int = MILLION, count: int = MILLION) -> bytes:
    """An archive that lists a million empty files, in 64-bit records as such archives need."""
    body = local(b"0000000", b"", 0, method=0)
    before, after = listed(b"", 0, 0, 0, method=0)[:28] + struct.pack("<HHHHHII", 7, 0, 0, 0, 0, 0, 0), b""
    directory = b"".join(before + b"%07d" % i + after for i in range(count))
    at = len(body) + len(directory)
    record = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, says, says, len(directory), len(body))
    return (
        body + directory + record + struct.pack("<4sIQI", b"PK\x06\x07", 0, at, 1) + end(says, 0xFFFFFFFF, 0xFFFFFFFF)
    )


def huge_list() -> bytes:
    """A last record that promises a list of four gigabytes."""
    body = local(b"a", b"", 0, method=0) + listed(b"a", 0, 0, 0, method=0)
    return body + end(1, 0xFFFFFFF0, 31)


def named(*names: bytes, flags: int = 0, mode: int = 0) -> bytes:
    """Pack a table beside members of the names given, as no honest tool would."""
    body, entries = b"", b""
    for name in (b"train.csv", *names):
        entries += listed(name, len(TABLE), len(TABLE), len(body), zlib.crc32(TABLE), 0, mode, flags)
        body += local(name, TABLE, len(TABLE), zlib.crc32(TABLE), 0) + TABLE
    return body + entries + end(1 + len(names), len(entries), len(body))


def two_ends() -> bytes:
    """Two archives in one file: whoever looks for the first end sees another list than whoever looks for the last."""
    return zipped({"a.csv": TABLE}) + named(b"../b.csv")


def end_in_the_comment() -> bytes:
    """An archive whose comment holds the end of another one."""
    shown = zipped({"a.csv": TABLE})
    at = shown.rindex(b"PK\x05\x06")
    hidden = end(1, 0xFFFFFF, 0)
    return shown[: at + 20] + struct.pack("<H", len(hidden)) + hidden


def tarred(members: Iterable[tarfile.TarInfo | tuple[str, bytes]], format_: int = tarfile.GNU_FORMAT) -> bytes:
    """Pack members as an honest tool does."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=format_) as archive:
        for member in members:
            info = member if isinstance(member, tarfile.TarInfo) else tarfile.TarInfo(member[0])
            content = b"" if isinstance(member, tarfile.TarInfo) else member[1]
            info.size = info.size or len(content)
            archive.addfile(info, io.BytesIO(content or bytes(info.size if info.isreg() else 0)))
    return stream.getvalue()


def special(kind: bytes, size: int = 0, name: str = "member") -> bytes:
    """Pack a table, and a member of a kind that is no plain file."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, "/etc/passwd", size
    return tarred([("train.csv", TABLE)])[:1024] + info.tobuf(tarfile.GNU_FORMAT) + bytes(1024)


def tar_of_many(count: int) -> bytes:
    """A gzipped tar archive of empty files."""
    engine = zlib.compressobj(1, zlib.DEFLATED, 31)
    info = tarfile.TarInfo("0000000")
    header = bytearray(info.tobuf(tarfile.USTAR_FORMAT))
    parts = []
    for i in range(count):
        header[:7] = b"%07d" % i
        header[148:156] = b" " * 8
        header[148:156] = b"%06o\0 " % sum(header)
        parts.append(engine.compress(bytes(header)))
    return b"".join([*parts, engine.flush()])


def tar_bomb() -> bytes:
    """A tar archive of a gigabyte of zeros, gzipped to a megabyte."""
    info = tarfile.TarInfo("train.csv")
    info.size = 1 << 30
    header = zlib.compressobj(9, zlib.DEFLATED, 31)
    content = [header.compress(info.tobuf(tarfile.GNU_FORMAT))]
    content += [header.compress(bytes(1 << 20)) for _ in range(1 << 10)]
    return b"".join([*content, header.flush()])


def tar_long_names() -> bytes:
    """A hundred thousand long-name headers, one upon the other, before any member."""
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 100
    return (info.tobuf(tarfile.GNU_FORMAT) + b"n" * 100 + bytes(412)) * 100_000


def pax(size: int | None = None, **records: str) -> bytes:
    """A pax header with these records, or one that says it is `size` bytes long."""
    content = b""
    for key, value in records.items():
        body = f" {key.replace('__', '.')}={value}\n".encode()
        length = len(body) + len(str(len(body) + 3))
        content += str(length).encode() + body
    info = tarfile.TarInfo("./PaxHeaders/x")
    info.type, info.size = tarfile.XHDTYPE, len(content) if size is None else size
    return info.tobuf(tarfile.GNU_FORMAT) + content.ljust(-(-len(content) // 512) * 512, b"\0") + tarred([("a", TABLE)])


def gzip_bomb() -> bytes:
    """A gigabyte of zeros as one gzip file."""
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + zeros(1 << 30) + struct.pack("<II", 0, 1 << 30)


def gzip_in_gzip() -> bytes:
    """The same, gzipped again, so that it is a few kilobytes."""
    return gzip.compress(gzip_bomb(), 9)


def gzip_table() -> bytes:
    """A gigabyte of the same row of a table, so that it is known as a table before it is unpacked."""
    engine = zlib.compressobj(9, zlib.DEFLATED, 31)
    rows = b"1,2\n" * (1 << 18)
    return b"".join([engine.compress(b"a,b\n"), *(engine.compress(rows) for _ in range(1 << 10)), engine.flush()])


def damaged(content: bytes) -> bytes:
    """Cut an archive in its middle."""
    return content[: len(content) // 2]


NOISE = random.Random(0).randbytes(100_000)
DEVICES = (b"CON", b"a/nul.png", b"AUX.csv", b"com1", b"lpt9.tar.gz")

REFUSED: dict[str, Callable[[], bytes]] = {
    "zip-bomb-flat": flat_bomb,
    "zip-bomb-false-size": false_size,
    "zip-bomb-false-sizes": false_size_of_many,
    "zip-bomb-nested": nested_bomb,
    "zip-bomb-nested-flat": nested_flat_bomb,
    "zip-bomb-overlapping": overlapping,
    "zip-bomb-overlapping-quoted": overlapping_quoted,
    "zip-million-members": million_members,
    "zip-million-members-says-3": lambda: million_members(says=3),
    "zip-600000-members-says-3": lambda: million_members(says=3, count=600_000),
    "zip-huge-list": huge_list,
    "zip-64-bit-sizes": lambda: one_member(b"a.csv", b"\0" * 9, 0xFFFFFFFF),
    "zip-traversal": lambda: named(b"../../etc/passwd"),
    "zip-traversal-backslash": lambda: named(b"..\\..\\evil.csv"),
    "zip-absolute": lambda: named(b"/etc/passwd"),
    "zip-drive": lambda: named(b"C:\\evil.csv"),
    "zip-server": lambda: named(b"\\\\server\\evil.csv"),
    "zip-symlink": lambda: named(b"link", mode=stat.S_IFLNK | 0o777),
    "zip-device-file": lambda: named(b"tty", mode=stat.S_IFCHR | 0o666),
    **{f"zip-device-name-{i}": (lambda name=name: named(name)) for i, name in enumerate(DEVICES)},
    "zip-name-nul": lambda: named(b"a.csv\0.png"),
    "zip-name-escape": lambda: named(b"\x1b]0;evil\x07.csv"),
    "zip-name-newline": lambda: named(b"a\nb.csv"),
    "zip-name-right-to-left": lambda: named("a\u202egnp.csv".encode()),
    "zip-name-false-utf-8": lambda: named(b"\xff\xfe.csv", flags=0x800),
    "zip-name-64k": lambda: named(b"a" * 65_000),
    "zip-name-differs": lambda: named(b"b.csv").replace(b"b.csv", b"b.exe", 1),
    "zip-encrypted": lambda: named(b"b.csv", flags=1),
    "zip-two-ends": two_ends,
    "zip-end-in-the-comment": end_in_the_comment,
    "zip-cut": lambda: damaged(zipped({"a.csv": NOISE})),
    "tar-gz-bomb": tar_bomb,
    "tar-gz-300000-members": lambda: tar_of_many(300_000),
    "tar-long-names": tar_long_names,
    "tar-pax-4-gb": lambda: pax(size=4 << 30),
    "tar-pax-traversal": lambda: pax(path="../../evil.csv"),
    "tar-pax-sparse": lambda: pax(GNU__sparse__realsize="99999999"),
    "tar-traversal": lambda: tarred([("train.csv", TABLE), ("../evil.csv", TABLE)]),
    "tar-absolute": lambda: tarred([("train.csv", TABLE), ("/etc/passwd", TABLE)]),
    "tar-device-name": lambda: tarred([("train.csv", TABLE), ("aux.csv", TABLE)]),
    "tar-symlink": lambda: special(tarfile.SYMTYPE),
    "tar-hard-link": lambda: special(tarfile.LNKTYPE),
    "tar-device": lambda: special(tarfile.CHRTYPE),
    "tar-pipe": lambda: special(tarfile.FIFOTYPE),
    "tar-sparse": lambda: special(tarfile.GNUTYPE_SPARSE, 1 << 20),
    "tar-false-size": lambda: special(tarfile.REGTYPE, 7 << 30),
    "tar-cut": lambda: damaged(tarred([("a.csv", NOISE)])),
    "tar-gz-cut": lambda: damaged(gzip.compress(tarred([("a.csv", NOISE)]))),
    "gzip-bomb": gzip_bomb,
    "gzip-bomb-twice": gzip_in_gzip,
    "gzip-bomb-table": gzip_table,
    "gzip-bomb-table-in-zip": lambda: zipped({"train.csv.gz": gzip_table()}, zipfile.ZIP_STORED),
}
