"""Make the sample archives that mlp-data ships: python tools/make_samples.py [FOLDER OF mnist.zip AND titanic.zip]."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import numpy as np

import mlp_data

SAMPLES = Path(__file__).resolve().parents[1] / "src" / "mlp_data" / "samples"
SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"
PER_CLASS = {"train": 600, "test": 100}  # 6,000 images train to 96 % in seconds, and weigh about 1 MB
PREFIX = {"train": "train", "test": "t10k"}
SEED = 20
LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the earliest time that zip knows: the archive is the same whenever it is made


def choose(labels: np.ndarray, per_class: int, generator: np.random.Generator) -> np.ndarray:
    """Return the rows of a class-balanced part, in a random order.

    >>> rows = choose(np.array([0, 0, 1, 1, 1]), 1, np.random.default_rng(0))
    >>> sorted(np.array([0, 0, 1, 1, 1])[rows].tolist())
    [0, 1]
    """
    rows = [generator.permutation(np.flatnonzero(labels == label))[:per_class] for label in np.unique(labels)]
    return generator.permutation(np.concatenate(rows))


def idx(values: np.ndarray) -> bytes:
    """Return uint8 `values` as an IDX file.

    >>> idx(np.array([7, 9], np.uint8))
    b'\\x00\\x00\\x08\\x01\\x00\\x00\\x00\\x02\\x07\\t'
    """
    header = bytes([0, 0, 8, values.ndim]) + b"".join(length.to_bytes(4, "big") for length in values.shape)
    return header + values.astype(np.uint8).tobytes()


def pack(target: Path, members: dict[str, bytes]) -> None:
    """Write a zip archive whose bytes depend on `members` alone."""
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name, LONG_AGO)
            info.external_attr = 0o644 << 16
            archive.writestr(info, content, zipfile.ZIP_DEFLATED, 9)


def main(source: Path) -> None:
    """Make both archives from the whole ones in `source`."""
    generator = np.random.Generator(np.random.PCG64(SEED))
    mnist = mlp_data.load(source / "mnist.zip")
    members = {}
    for name, per_class in PER_CLASS.items():
        split = mnist.splits[name]
        part = split.take(choose(split.y, per_class, generator))
        members[f"{PREFIX[name]}-images-idx3-ubyte"] = idx(part.x)
        members[f"{PREFIX[name]}-labels-idx1-ubyte"] = idx(part.y)
    pack(SAMPLES / "digits.zip", members)
    with zipfile.ZipFile(source / "titanic.zip") as archive:
        pack(SAMPLES / "titanic.zip", {name: archive.read(name) for name in sorted(archive.namelist())})


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else SHARED)
