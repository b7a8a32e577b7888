"""Whatever the data are and however they are packed, the same content gives the same dataset."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

import mlp_data

Members = dict[str, bytes]
JUNK = {"__MACOSX/._a.csv": b"junk", ".DS_Store": b"junk", "Thumbs.db": b"junk"}
SPLITS = {"train": 6, "test": 3}


def picture(i: int) -> bytes:
    return cv2.imencode(".png", np.full((8, 8), 7 * i, np.uint8) + np.eye(8, dtype=np.uint8))[1].tobytes()


def rows(first: int, count: int, start: str = "", end: str = "\n") -> bytes:
    return start.encode() + b"".join(
        f"{i}.5,{'red' if i % 3 else 'blue'},{'ab'[i % 2]}{end}".encode() for i in range(first, first + count)
    )


def pixels(first: int, count: int) -> bytes:
    return b"".join(
        b"%d,%s\n" % (i % 2, b",".join(b"%d" % (i + j) for j in range(64))) for i in range(first, first + count)
    )


def idx(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape) + array.tobytes()


def npy(array: np.ndarray) -> bytes:
    content = io.BytesIO()
    np.save(content, array)
    return content.getvalue()


def images(wrap: str, layout: str = "{split}/{label}/{i}.png") -> Members:
    numbers = {"train": range(6), "test": range(6, 9)}
    return {
        wrap + layout.format(split=split, label="ab"[i % 2], i=i): picture(i)
        for split in numbers
        for i in numbers[split]
    }


def listed(wrap: str) -> Members:
    members = {
        f"{wrap}{split}/{i}.png": picture(i) for split, of in (("train", range(6)), ("test", range(6, 9))) for i in of
    }
    for split, of in (("train", range(6)), ("test", range(6, 9))):
        lines = "".join(f"{i}.png,{'ab'[i % 2]}\n" for i in of)
        members[f"{wrap}{split}/metadata.csv"] = f"file_name,label\n{lines}".encode()
    return members


HEAD = "size,colour,label\n"
CONTENTS: dict[str, Members] = {
    "IDX": {
        "train-images-idx3-ubyte": idx(np.arange(6 * 64, dtype=np.uint16).astype(np.uint8).reshape(6, 8, 8)),
        "train-labels-idx1-ubyte": idx(np.arange(6, dtype=np.uint8) % 2),
        "t10k-images-idx3-ubyte": idx(np.arange(3 * 64, dtype=np.uint8).reshape(3, 8, 8)),
        "t10k-labels-idx1-ubyte": idx(np.arange(3, dtype=np.uint8) % 2),
    },
    "CSV of pixels": {"digits_train.csv": pixels(0, 6), "digits_test.csv": pixels(6, 3)},
    "CSV tables": {"houses_train.csv": rows(0, 6, HEAD), "houses_test.csv": rows(6, 3, HEAD)},
    "CSV tables, gzipped": {
        "train.csv.gz": gzip.compress(rows(0, 6, HEAD)),
        "test.csv.gz": gzip.compress(rows(6, 3, HEAD)),
    },
    "TSV tables": {
        "train.tsv": rows(0, 6, HEAD).replace(b",", b"\t"),
        "sub/test.tsv": rows(6, 3, HEAD, "\r\n").replace(b",", b"\t"),
    },
    "image folders": images("digits/"),
    "image folders in two wrappers": images("download/digits v1/"),
    "class above split": images("", "{label}/{split}/{i}.png"),
    "image lists": listed("pets/"),
    "arrays": {
        "x_train.npy": npy(np.arange(12.0).reshape(6, 2)),
        "y_train.npy": npy(np.arange(6) % 2),
        "x_test.npy": npy(np.arange(6.0).reshape(3, 2)),
        "y_test.npy": npy(np.arange(3) % 2),
    },
}


def folder(members: Members, path: Path) -> Path:
    for name, content in members.items():
        (path / "folder" / name).parent.mkdir(parents=True, exist_ok=True)
        (path / "folder" / name).write_bytes(content)
    return path / "folder"


def zipped(members: Members, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    return content.getvalue()


def tarred(members: Members, mode: str = "w") -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode=mode) as archive:
        for name, member in members.items():
            info = tarfile.TarInfo(f"./{name}")
            info.size = len(member)
            archive.addfile(info, io.BytesIO(member))
    return content.getvalue()


PACKINGS: dict[str, Callable[[Members], bytes]] = {
    "zip": zipped,
    "zip, stored": lambda members: zipped(members, zipfile.ZIP_STORED),
    "tar": tarred,
    "tar.gz": lambda members: tarred(members, "w:gz"),
    "zip in a zip": lambda members: zipped({"inner.zip": zipped(members)}),
    "tar.gz in a zip": lambda members: zipped({"inner.tar.gz": tarred(members, "w:gz"), "README.txt": b"read me"}),
    "zip in a tar": lambda members: tarred({"inner.zip": zipped(members)}),
}


@pytest.mark.parametrize("content", CONTENTS)
def test_every_packing_gives_what_the_folder_gives(content: str, tmp_path: Path) -> None:
    members = CONTENTS[content]
    wanted = mlp_data.load(folder(members, tmp_path))
    assert {name: len(split) for name, split in wanted.splits.items()} == SPLITS
    assert len(wanted.classes) == 2
    for packing, pack in PACKINGS.items():
        path = tmp_path / "data"
        path.write_bytes(pack({**members, **JUNK}))
        found = mlp_data.load(path)
        assert {name: len(split) for name, split in found.splits.items()} == SPLITS, packing
        assert found.fingerprint == wanted.fingerprint, packing
