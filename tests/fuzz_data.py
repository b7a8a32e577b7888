"""Throw damaged and random data at every reader of mlp-data: each must read, or refuse with an error of its own.

`nox -s fuzz` runs this. FUZZ_EXAMPLES sets how many cases each reader gets (300).
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
from contextlib import suppress

import cv2
import numpy as np
import pytest
from fuzz import bounded, damage, damages
from hypothesis import given
from hypothesis import strategies as st

import mlp_data
from mlp_data.containers import container_kind, open_container
from mlp_data.decode import decode
from mlp_data.inspection import inspect
from mlp_data.listing import lines
from mlp_data.loaders import BUILT_IN

CASES = 0  # how many this run has tried
TABLE = b"id,size,colour,label\n" + b"".join(b"%d,%d.5,%c,%d\n" % (i, i % 7, b"abc"[i % 3], i % 2) for i in range(40))
ASKED = b"id,size,colour\n1,2.5,a\n"
FRAMES = np.random.default_rng(0).integers(0, 256, (2, 9, 7, 3), dtype=np.uint8)
PNG = cv2.imencode(".png", FRAMES[0])[1].tobytes()
LABELS = b"\0\0\x08\x01" + (20).to_bytes(4, "big") + bytes(i % 2 for i in range(20))


def idx(images: int) -> bytes:
    """Write an IDX file of small images."""
    return b"\0\0\x08\x03" + b"".join(n.to_bytes(4, "big") for n in (images, 4, 4)) + bytes(range(16)) * images


def npz(**arrays: np.ndarray) -> dict[str, bytes]:
    """Write arrays as the members of an .npz file."""
    members = {}
    for name, array in arrays.items():
        content = io.BytesIO()
        np.save(content, array)
        members[f"{name}.npy"] = content.getvalue()
    return members


SOURCES = {
    "table": {"train.csv": TABLE, "test.csv": ASKED},
    "pixels": {
        "digits.csv": b"".join(
            b"%d,%s\n" % (i % 3, b",".join(b"%d" % (i * j % 256) for j in range(64))) for i in range(9)
        )
    },
    "idx": {"train-images-idx3-ubyte": idx(20), "train-labels-idx1-ubyte": LABELS},
    "npz": npz(x=np.arange(40.0).reshape(20, 2), y=np.arange(20) % 2),
    "images": {"train/0/a.png": PNG, "train/1/b.png": PNG, "test/0/c.png": PNG},
    "list": {"0.png": PNG, "1.png": PNG, "metadata.csv": b"file_name,label\n0.png,cat\n1.png,dog\n"},
    "json list": {
        "0.png": PNG,
        "1.png": PNG,
        "metadata.jsonl": b"\n".join(json.dumps({"file_name": f"{i}.png", "label": i}).encode() for i in range(2)),
    },
}
ENDINGS = (".png", ".jpg", ".bmp", ".tiff", ".webp", ".ppm")


def zipped(members: dict[str, bytes]) -> bytes:
    """Pack members as zip."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    return content.getvalue()


def tarred(members: dict[str, bytes], format_: int) -> bytes:
    """Pack members as tar."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=format_) as archive:
        for name, member in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(member)
            archive.addfile(info, io.BytesIO(member))
    return content.getvalue()


ZIP = zipped({"train.csv": TABLE, "test.csv": ASKED})
TARS = [tarred({"train.csv": TABLE, "a" * 150: ASKED}, kind) for kind in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)]
GREY = cv2.imencode(".pgm", FRAMES[0, ..., 0])[1].tobytes()
IMAGES = {
    ending: [cv2.imencode(ending, FRAMES[0])[1].tobytes(), cv2.imencode(ending, FRAMES[1])[1].tobytes(), GREY]
    for ending in ENDINGS
}


@pytest.fixture(scope="module", autouse=True)
def _count(request, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))  # what says it is large is kept there
        yield
    plugins = request.config.pluginmanager
    with plugins.get_plugin("capturemanager").global_and_fixture_disabled():
        plugins.get_plugin("terminalreporter").write_line(f"\n{CASES:,} damaged data sources were read or refused")


def counted() -> None:
    global CASES  # one number for the whole run
    CASES += 1


def reads_or_refuses(members: dict[str, bytes]) -> None:
    """Let the loaders read members that lie in memory, and inspect what comes of it."""
    counted()
    found = [
        mlp_data.Member(name, len(content), f"data/{name}", lambda most, content=content: content[:most])
        for name, content in members.items()
    ]
    source = mlp_data.Source(__file__, tuple(found))  # a file that is there, for whoever asks when it was changed
    with suppress(mlp_data.DataError):
        datasets = (load(source, mlp_data.Options()) for load in BUILT_IN.values())
        dataset = next((dataset for dataset in datasets if dataset is not None), None)
        if dataset is not None:
            list(lines(inspect(dataset)))


def opens_or_refuses(content: bytes) -> None:
    """Let an archive list and give its members, wherever they lead."""
    counted()
    kind = container_kind(content[:4096])
    with suppress(mlp_data.ArchiveError):
        if kind is not None:
            archive = open_container(kind, io.BytesIO(content), "data")
            for name in archive.sizes:
                archive.read(name, 100)
                archive.read(name)


def with_checksums(content: bytes) -> bytes:
    """Make the checksums of damaged tar headers right again, so that the checks behind them are reached."""
    mended = bytearray(content)
    for at in range(0, len(mended) - 511, 512):
        if mended[at + 257 : at + 262] == b"ustar":
            mended[at + 148 : at + 156] = b" " * 8
            mended[at + 148 : at + 156] = b"%06o\0 " % sum(mended[at : at + 512])
    return bytes(mended)


@bounded
@given(wounds=damages)
def test_a_damaged_zip_is_read_or_refused(wounds):
    opens_or_refuses(damage(ZIP, wounds))


@bounded
@given(wounds=damages)
def test_a_damaged_list_of_a_zip_is_read_or_refused(wounds):
    opens_or_refuses(damage(ZIP, wounds, start=ZIP.index(b"PK\x01\x02")))


@bounded
@given(wounds=damages, tar=st.sampled_from(TARS), is_mended=st.booleans())
def test_a_damaged_tar_is_read_or_refused(wounds, tar, is_mended):
    content = damage(tar, wounds)
    opens_or_refuses(with_checksums(content) if is_mended else content)


@bounded
@given(wounds=damages, tar=st.sampled_from(TARS), is_packed_after=st.booleans())
def test_a_damaged_gzipped_tar_is_read_or_refused(wounds, tar, is_packed_after):
    if is_packed_after:
        opens_or_refuses(gzip.compress(with_checksums(damage(tar, wounds)), 1))
    else:
        opens_or_refuses(damage(gzip.compress(tar, 1, mtime=0), wounds))


@pytest.mark.parametrize("kind", SOURCES)
def test_damaged_members_are_read_or_refused(kind):
    members = SOURCES[kind]

    @bounded
    @given(wounds=damages, hurt=st.sampled_from(sorted(members)), at_start=st.booleans())
    def try_it(wounds, hurt, at_start):
        content = members[hurt]
        head, rest = (content[:80], content[80:]) if at_start else (content, b"")
        reads_or_refuses({**members, hurt: damage(head, wounds) + rest})

    try_it()


@bounded
@given(text=st.text(st.characters(codec="utf-8"), max_size=300))
def test_any_text_called_a_table_is_read_or_refused(text):
    reads_or_refuses({"data.csv": text.encode()})


@bounded
@given(
    rows=st.lists(st.lists(st.text("01.,;\t\"' aNé\n-", max_size=4), min_size=1, max_size=4), min_size=1, max_size=12),
    delimiter=st.sampled_from(",;\t|"),
)
def test_any_cells_are_read_or_refused(rows, delimiter):
    reads_or_refuses({"data.csv": "\n".join(delimiter.join(row) for row in rows).encode()})


@bounded
@given(
    content=st.binary(max_size=200), name=st.sampled_from(["0/a.png", "x", "metadata.csv", "metadata.jsonl", "a.npy"])
)
def test_any_bytes_are_read_or_refused(content, name):
    reads_or_refuses({name: content, "0/sound.png": PNG})


@pytest.mark.parametrize("ending", ENDINGS)
def test_damaged_images_are_decoded_or_refused(ending):
    @bounded
    @given(wounds=damages, image=st.sampled_from(IMAGES[ending]), at_start=st.booleans())
    def try_it(wounds, image, at_start):
        counted()
        head, rest = (image[:64], image[64:]) if at_start else (image, b"")
        with suppress(mlp_data.DecodeError):
            decode(damage(head, wounds) + rest, None)

    try_it()
