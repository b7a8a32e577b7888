"""A tar archive, gzipped or not, gives what the same zip gives; what is not safe in it is refused in one sentence."""

from __future__ import annotations

import gzip
import io
import random
import resource
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mlp_data
from mlp_data.errors import ArchiveError
from mlp_data.gzip_access import BLOCK, GzipBytes, PlainBytes
from mlp_data.limits import Limits
from mlp_data.tar import TarArchive, is_tar

LONG = "folder-" * 20 + "/" + "name-" * 40 + ".bin"
CONTENT = {"a/b.bin": random.Random(1).randbytes(70_000), "c.csv": b"1,2,3\n" * 100, "empty": b"", LONG: b"long"}


def tarred(members: Mapping[str, bytes], format_: int = tarfile.PAX_FORMAT) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=format_) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def with_info(**fields: Any) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        info = tarfile.TarInfo(fields.pop("name", "member"))
        for field, value in fields.items():
            setattr(info, field, value)
        archive.addfile(info, io.BytesIO(bytes(info.size)))
    return stream.getvalue()


def opened(content: bytes, limits: Limits | None = None) -> TarArchive:
    return TarArchive(PlainBytes(io.BytesIO(content)), "data.tar", limits or Limits())


def opened_gz(content: bytes, limits: Limits | None = None) -> TarArchive:
    limits = limits or Limits()
    return TarArchive(GzipBytes(io.BytesIO(content), "data.tar", limits), "data.tar", limits)


def read_all(archive: TarArchive) -> dict[str, bytes]:
    return {name: archive.read(name) for name in archive.sizes}


def refused(content: bytes, words: str, limits: Limits | None = None) -> None:
    for make, packed in ((opened, content), (opened_gz, gzip.compress(content))):
        with pytest.raises(ArchiveError, match=words) as caught:
            read_all(make(packed, limits))
        assert "\n" not in str(caught.value)
        assert str(caught.value).startswith("data.tar")


@pytest.mark.parametrize("format_", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_members_come_out_as_they_went_in_also_under_long_names(format_: int) -> None:
    content = tarred(CONTENT, format_)
    for archive in (opened(content), opened_gz(gzip.compress(content))):
        assert archive.sizes == {name: len(value) for name, value in CONTENT.items()}
        assert read_all(archive) == CONTENT
        assert archive.read("a/b.bin", 10) == CONTENT["a/b.bin"][:10]


def test_old_archives_without_a_magic_word_are_known_by_their_checksum() -> None:
    header = bytearray(tarred({"old": b"hello"}, tarfile.USTAR_FORMAT))
    header[257:265] = bytes(8)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header[:512])
    assert is_tar(bytes(header))
    assert read_all(opened(bytes(header))) == {"old": b"hello"}
    assert not is_tar(bytes(512))
    assert not is_tar(b"label,pixel0\n" * 50)


def test_members_of_a_large_gzipped_archive_are_reached_in_any_order() -> None:
    values = {f"{i}": random.Random(i).randbytes(700_000) for i in range(20)}
    packed = gzip.compress(tarred(values), 1)
    assert sum(map(len, values.values())) > 3 * BLOCK
    archive = opened_gz(packed[:-8] + packed[-8:] + gzip.compress(b""))
    archive._content.keep = 1  # so that blocks have to be unpacked again
    names = list(values)
    random.Random(0).shuffle(names)
    assert all(archive.read(name) == values[name] for name in names)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("../evil", "climbs out"),
        ("a/../../evil", "climbs out"),
        ("/etc/passwd", "absolute path"),
        ("C:\\evil", "absolute path"),
        ("cat/NUL.png", "device and no file"),
        ("a\x1b[2J", "not shown"),
    ],
)
def test_a_name_that_points_elsewhere_is_refused(name: str, words: str) -> None:
    for format_ in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        refused(tarred({name: b"x"}, format_), words)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (tarfile.SYMTYPE, "symbolic link"),
        (tarfile.LNKTYPE, "hard link"),
        (tarfile.CHRTYPE, "a device"),
        (tarfile.BLKTYPE, "a device"),
        (tarfile.FIFOTYPE, "a pipe"),
        (tarfile.GNUTYPE_SPARSE, "sparse"),
        (b"M", "another volume"),
        (b"Z", "unknown type"),
    ],
)
def test_what_is_no_plain_file_is_refused(kind: bytes, words: str) -> None:
    content = bytearray(with_info(name="member", linkname="/etc/passwd"))
    content[156:157] = kind
    content[148:156] = b" " * 8
    content[148:156] = b"%06o\0 " % sum(content[:512])
    refused(bytes(content), words)


def test_a_sparse_file_by_pax_records_is_refused() -> None:
    refused(with_info(pax_headers={"GNU.sparse.realsize": "999999999999"}), "sparse")


def test_a_name_in_bytes_that_are_no_utf_8_is_read_as_latin_1() -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT, encoding="latin-1") as archive:
        archive.addfile(tarfile.TarInfo("Zoë"))
    assert list(opened(stream.getvalue()).sizes) == ["Zoë"]


def test_folders_and_junk_are_not_listed_and_nothing_else_is_told() -> None:
    content = with_info(name="d", type=tarfile.DIRTYPE)
    refused(content, "holds no files with data")
    refused(tarred({"__MACOSX/._a": b"x", ".DS_Store": b"x"}), "holds no files with data")


def test_sizes_and_counts_are_capped_and_never_allocated() -> None:
    content = tarred({f"{i}": b"12" for i in range(20)})
    refused(content, "lists over 10 files", Limits(members=10))
    refused(content, "unpacks to more than (the )?30 bytes", Limits(total_bytes=30))
    refused(content, "unpacks to over 2 bytes", Limits(member_bytes=1))
    huge = bytearray(with_info(size=0))
    huge[124:136] = b"\x80" + (1 << 60).to_bytes(11, "big")
    huge[148:156] = b" " * 8
    huge[148:156] = b"%06o\0 " % sum(huge[:512])
    refused(bytes(huge), "unpacks to ")
    huge[156:157] = b"x"
    huge[148:156] = b" " * 8
    huge[148:156] = b"%06o\0 " % sum(huge[:512])
    refused(bytes(huge), "a header takes")


def test_an_archive_cut_anywhere_is_refused_or_lacks_whole_members_only() -> None:
    content = tarred({"a.csv": b"1,2,3\n" * 300, "b.csv": b"4,5,6\n" * 300})
    whole = read_all(opened(content))
    for length in range(1, len(content), 97):
        try:
            found = read_all(opened(content[:length]))
        except ArchiveError as error:
            assert "cut short" in str(error)  # noqa: PT017
        else:
            assert found.items() <= whole.items()
    packed = gzip.compress(content)
    for length in range(20, len(packed), 5):
        with pytest.raises(ArchiveError, match=r"cut short|damaged"):
            read_all(opened_gz(packed[:length]))


def test_a_gzipped_bomb_is_refused_and_costs_no_memory() -> None:
    packed = gzip.compress(tarred({"bomb": bytes(80_000_000)}))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ArchiveError, match="inflates more than 200 times"):
        opened_gz(packed)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # kB


@settings(max_examples=300)
@given(st.data())
def test_any_damage_gives_the_members_or_one_sentence(data: st.DataObject) -> None:
    content = bytearray(
        tarred(
            {"a": b"hello" * 30, LONG: b"x" * 10}, data.draw(st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]))
        )
    )
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        read_all(opened(bytes(content)))
    except ArchiveError as error:
        assert "\n" not in str(error)  # noqa: PT017


@pytest.mark.parametrize("name", ["data.tar", "data.tar.gz", "data.tgz", "called-otherwise.zip"])
@pytest.mark.parametrize("is_packed", [False, True])
def test_images_load_alike_from_tar_and_zip(
    tmp_path: Path, make_zip: Callable[..., Path], digits_of: Callable[..., Any], name: str, is_packed: bool
) -> None:
    members = {f"d/{i % 3}/{i}.png": cv2.imencode(".png", frame)[1].tobytes() for i, frame in enumerate(digits_of(12))}
    content = tarred({"d/.DS_Store": b"junk", **members})
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if is_packed else content)
    data = mlp_data.load(path)
    assert data.fingerprint == mlp_data.load(make_zip(members, "the-same.zip")).fingerprint
    assert len(data.train) == 12


def test_an_archive_inside_an_archive_of_another_kind_is_read(tmp_path: Path, make_zip: Callable[..., Path]) -> None:
    table = b"size,label\n" + b"".join(b"%d,%s\n" % (i, b"ab"[i % 2 : i % 2 + 1]) for i in range(30))
    inner = gzip.compress(tarred({"train.csv": table}))
    outer = make_zip({"data.tar.gz": inner, "README.md": b"# read me"})
    assert len(mlp_data.load(outer).train) == 30
    path = tmp_path / "outer.tar"
    path.write_bytes(tarred({"inner.zip": make_zip({"train.csv": table}, "inner.zip").read_bytes()}))
    assert len(mlp_data.load(path).train) == 30
    path.write_bytes(tarred({"outer.zip": outer.read_bytes()}))
    with pytest.raises(mlp_data.DataError, match="an archive in an archive in an archive"):
        mlp_data.load(path)


def test_a_packing_that_is_not_read_is_named(tmp_path: Path) -> None:
    import bz2

    path = tmp_path / "data.tar.bz2"
    path.write_bytes(bz2.compress(tarred({"a": b"x"})))
    with pytest.raises(
        mlp_data.DataError, match=r"packed with bzip2, which is not read: pack it as \.zip or \.tar\.gz"
    ):
        mlp_data.load(path)
