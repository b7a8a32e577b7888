"""An archive is either read rightly or refused in one sentence; it never writes, hangs or fills the memory."""

from __future__ import annotations

import gzip
import io
import random
import resource
import stat
import struct
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlp_data.archive import Archive, gunzip
from mlp_data.errors import ArchiveError, DataError
from mlp_data.limits import Limits
from mlp_data.member_names import is_junk


def packed(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def opened(content: bytes, limits: Limits | None = None) -> Archive:
    return Archive(io.BytesIO(content), "data.zip", limits or Limits())


def read_all(content: bytes, limits: Limits | None = None) -> dict[str, bytes]:
    archive = opened(content, limits)
    return {name: archive.read(name) for name in archive.sizes}


def refused(content: bytes, words: str, limits: Limits | None = None) -> None:
    with pytest.raises(ArchiveError, match=words) as caught:
        read_all(content, limits)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.startswith("data.zip")


def with_name(name: str) -> bytes:
    """Pack one member whose raw name is `name`, as no honest tool would."""
    return packed({"x" * len(name.encode()): b"hello"}).replace(b"x" * len(name.encode()), name.encode())


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_member_is_read_whole_or_from_its_start(method: int) -> None:
    content = random.Random(1).randbytes(300_000)
    archive = opened(packed({"a/b.bin": content, "c": b""}, method))
    assert archive.sizes == {"a/b.bin": 300_000, "c": 0}
    assert archive.read("a/b.bin") == content
    assert archive.read("a/b.bin", 10) == content[:10]
    assert archive.read("c") == b""


def test_junk_of_operating_systems_is_not_listed() -> None:
    names = ["__MACOSX/0/._1.png", ".DS_Store", "0/.DS_Store", "0/Thumbs.db", "0/._1.png", "desktop.ini", "0/1.png"]
    assert [name for name in names if not is_junk(name)] == ["0/1.png"]
    assert list(opened(packed(dict.fromkeys(names, b"x"))).sizes) == ["0/1.png"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("../evil", r"climbs out of its folder"),
        ("a/../../evil", r"climbs out of its folder"),
        ("..\\evil", r"climbs out of its folder"),
        ("/etc/passwd", r"absolute path"),
        ("C:evil", r"absolute path"),
        ("c:\\evil", r"absolute path"),
        ("\\\\server\\evil", r"absolute path"),
        ("a.csv\0.png", r"NUL"),
        ("NUL", r"device and no file"),
        ("cat/con.png", r"device and no file"),
        ("Com1.tar.gz", r"device and no file"),
        ("lpt9 .csv", r"device and no file"),
        ("cat/\x1b[2J.png", r"not shown"),
        ("cat\n/1.png", r"not shown"),
        ("cat/gpj.\u202e.png", r"not shown"),
        ("a" * 5000, r"5,000 characters long"),
    ],
)
def test_a_name_that_points_elsewhere_is_refused(name: str, words: str) -> None:
    refused(with_name(name), words)


@pytest.mark.parametrize("name", ["console.png", "aux_in/1.png", "com10.csv", "nullary", "Zoë/日本/Ω.png", "a b/ü.png"])
def test_a_name_that_only_looks_unusual_is_kept(name: str) -> None:
    assert list(opened(with_name(name)).sizes) == [name]


def test_a_name_in_an_old_code_page_is_read_as_the_pc_wrote_it() -> None:
    assert list(opened(packed({"xx": b"1"}).replace(b"xx", b"\x81\x9a")).sizes) == ["üÜ"]


def test_a_name_that_claims_to_be_utf_8_and_is_not_is_refused() -> None:
    content = bytearray(packed({"é": b"1"}).replace("é".encode(), b"\xff\xfe"))
    refused(bytes(content), "says it is UTF-8 and is not")


def test_a_member_that_is_called_otherwise_where_it_lies_is_refused() -> None:
    content = packed({"0.png": b"1"}).replace(b"0.png", b"0.exe", 1)
    refused(content, "called otherwise where it lies")


def test_the_list_is_counted_and_not_believed() -> None:
    content = bytearray(packed({f"{i}": b"" for i in range(300)}))
    end = content.rindex(b"PK\x05\x06")
    content[end + 8 : end + 12] = struct.pack("<HH", 3, 3)
    refused(bytes(content), "lists 300 files, over the 200", Limits(members=200))


def test_sizes_of_64_bits_are_read() -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive, archive.open("a", "w", force_zip64=True) as member:
        member.write(b"hello")
    content = bytearray(stream.getvalue())
    at = content.index(b"PK\x01\x02")
    end = content.rindex(b"PK\x05\x06")
    extra = struct.pack("<HHQQ", 1, 16, 5, 5)
    content[at + 20 : at + 28] = b"\xff" * 8
    content[at + 30 : at + 32] = struct.pack("<H", len(extra))
    content[at + 47 : at + 47] = extra
    start, length, tail = at, end - at + len(extra), end + len(extra)
    record = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, length, start)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, tail, 1)
    last = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    whole = bytes(content[:tail]) + record + locator + last
    assert zipfile.ZipFile(io.BytesIO(whole)).read("a") == b"hello"
    assert read_all(whole) == {"a": b"hello"}


def test_what_was_put_before_an_archive_or_after_it_does_not_matter() -> None:
    content = packed({"a": b"hello", "b": b"world"})
    assert read_all(b"#!/bin/sh\n" + content) == {"a": b"hello", "b": b"world"}
    assert read_all(content + bytes(100)) == {"a": b"hello", "b": b"world"}


def test_backslashes_separate_folders_as_old_windows_tools_wrote_them() -> None:
    assert list(opened(with_name("train\\7\\1.png")).sizes) == ["train/7/1.png"]


@pytest.mark.parametrize(("kind", "words"), [(stat.S_IFLNK, "symbolic link"), (stat.S_IFIFO, "special file")])
def test_a_link_or_device_is_refused(kind: int, words: str) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        info = zipfile.ZipInfo("link")
        info.external_attr = (kind | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    refused(stream.getvalue(), words)


def test_nothing_and_only_junk_are_told_apart() -> None:
    refused(packed({}), "holds nothing: ")
    refused(packed({"__MACOSX/._a": b"x", ".DS_Store": b"x"}), "files that operating systems leave")


def test_an_encrypted_archive_is_refused() -> None:
    content = bytearray(packed({"a": b"hello"}))
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(magic) + offset] |= 1
    refused(bytes(content), "encrypted")


def test_a_part_of_a_split_archive_is_refused() -> None:
    content = bytearray(packed({"a": b"hello"}))
    end = content.rindex(b"PK\x05\x06")
    content[end + 4 : end + 8] = struct.pack("<HH", 2, 2)
    refused(bytes(content), "one part of a split archive")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_method_that_cannot_be_bounded_is_refused(method: int) -> None:
    refused(packed({"a": b"hello" * 100}, method), "pack it again with deflate")


def test_an_archive_cut_anywhere_is_refused() -> None:
    content = packed({"a.csv": b"1,2,3\n" * 1000, "b.csv": b"4,5,6\n" * 1000})
    for length in range(4, len(content), 7):
        refused(content[:length], "cut short|damaged")


def test_a_flipped_bit_in_a_member_is_seen() -> None:
    content = bytearray(packed({"a": random.Random(2).randbytes(1000)}))
    content[200] ^= 4
    refused(bytes(content), "damaged")


def test_a_member_that_inflates_a_thousandfold_is_refused_and_costs_no_memory() -> None:
    content = packed({"bomb.csv": bytes(50_000_000)})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused(content, r"inflates [\d,]+ times")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # kB


def test_a_declared_size_is_not_trusted() -> None:
    bomb = bytearray(packed({"bomb.csv": bytes(50_000_000)}))
    for magic, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = bomb.index(magic) + offset
        bomb[at : at + 4] = struct.pack("<I", 1000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused(bytes(bomb), "unpacks to more than the 1,000 bytes")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # kB
    short = bytearray(packed({"a": b"hello"}))
    for magic, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = short.index(magic) + offset
        short[at : at + 4] = struct.pack("<I", 900)
    refused(bytes(short), "holds 5 bytes but the archive declares 900")


def test_counts_and_sizes_are_capped() -> None:
    content = packed({f"{i}.csv": b"1,2" for i in range(20)})
    refused(content, "lists 20 files, over the 10", Limits(members=10))
    refused(content, "unpacks to 60 bytes, over the 50", Limits(total_bytes=50))
    refused(content, "unpacks to over 3 bytes, but 2", Limits(member_bytes=2))
    refused(content, "list of files takes", Limits(directory_bytes=100))


def test_members_that_share_their_bytes_are_refused() -> None:
    content = packed({"aa": bytes(9_000_000) + random.Random(3).randbytes(60_000)})
    start, end = content.index(b"PK\x01\x02"), content.rindex(b"PK\x05\x06")
    entry = content[start:end]
    entries = b"".join(entry.replace(b"aa", f"{i:02}".encode()) for i in range(50))
    tail = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 50, 50, len(entries), start, 0)
    refused(content[:start] + entries + tail, "two of its files share the bytes")


def test_gzip_is_unpacked_in_all_its_parts_and_capped() -> None:
    assert gunzip(gzip.compress(b"one ") + gzip.compress(b"two"), "a.gz") == b"one two"
    assert gunzip(gzip.compress(b"one two"), "a.gz", at_most=3) == b"one"
    with pytest.raises(ArchiveError, match=r"a\.gz inflates"):
        gunzip(gzip.compress(bytes(50_000_000)), "a.gz")
    whole = gzip.compress(random.Random(4).randbytes(500))
    for cut in range(2, len(whole) - 8, 20):
        with pytest.raises(ArchiveError, match="damaged or cut short gzip"):
            gunzip(whole[:cut], "a.gz")


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_damage_gives_one_sentence_or_the_true_content(data: st.DataObject) -> None:
    members = {"a.csv": b"label,pixel0\n" * 30, "b/c.bin": bytes(range(256))}
    content = bytearray(packed(members, data.draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content
    try:
        found = read_all(bytes(content), Limits(total_bytes=1 << 20))
    except DataError as error:
        assert "\n" not in str(error)  # noqa: PT017
    else:
        assert all(content in members.values() for content in found.values())


@settings(max_examples=200)
@given(st.binary(max_size=400))
def test_any_bytes_after_the_magic_give_one_sentence(rest: bytes) -> None:
    for content in (b"PK\x03\x04" + rest, b"PK\x03\x04" + rest + b"PK\x05\x06" + rest[:18].ljust(18, b"\0")):
        with pytest.raises(ArchiveError):
            read_all(content)
