"""Train on six gigabytes of images with one gigabyte of memory, and print the peak, the speed and the accuracy.

`python benchmarks/larger_than_memory.py [--size 6G] [--packing idx|zip|csv] [--max-memory 1G] [--seed 1]`: the images
are the shipped digits, moved, dimmed and speckled at random, and are removed at the end. Needs three times the size on
the disk of the folder for temporary files. The test images are the shipped ones. Linux only: it asks for the peak.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import struct
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

import mlp_data
from mlp_data.storage import read_size

sys.path.insert(0, str(Path(__file__).parent))
from command import mlp_train

BLOCK = 10_000  # images made at once
MOST_MOVED = 2  # pixels
ACCURACY = 0.9


def frames(count: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield `count` images (n, 28, 28) and their labels (n,), a block at a time."""
    train = mlp_data.load("digits").train
    digits, labels = np.asarray(train.x), np.asarray(train.y)
    generator = np.random.default_rng(seed)
    for start in range(0, count, BLOCK):
        chosen = generator.integers(0, len(digits), min(BLOCK, count - start))
        moved = digits[chosen]
        for axis in (1, 2):
            moves = generator.integers(-MOST_MOVED, MOST_MOVED + 1, len(moved))
            for move in np.unique(moves):
                moved[moves == move] = np.roll(moved[moves == move], move, axis=axis)
        light = generator.integers(180, 257, len(moved), np.uint16)[:, None, None]
        made = (moved * light >> 8).astype(np.uint8)
        made[np.arange(len(made)), *generator.integers(4, 24, (2, len(made)))] ^= (
            64  # a speck, so that no two are alike
        )
        yield made, labels[chosen].astype(np.uint8)


def header(*lengths: int) -> bytes:
    """Return the start of an IDX file of unsigned bytes."""
    return bytes([0, 0, 8, len(lengths)]) + struct.pack(f">{len(lengths)}I", *lengths)


def write_idx(images: IO[bytes], labels: IO[bytes], count: int, seed: int) -> None:
    """Write both files of one split."""
    images.write(header(count, 28, 28))
    labels.write(header(count))
    for x, y in frames(count, seed):
        images.write(x.tobytes())
        labels.write(y.tobytes())


def write_csv(file: IO[bytes], count: int, seed: int) -> None:
    """Write a line for each image: the label and the pixels."""
    file.write(("label," + ",".join(f"pixel{i}" for i in range(784)) + "\n").encode())
    for x, y in frames(count, seed):
        for row in np.concatenate([y[:, None], x.reshape(len(x), -1)], axis=1).tolist():
            file.write(",".join(map(str, row)).encode() + b"\n")


def make(folder: Path, packing: str, size: int, seed: int) -> Path:
    """Write the images, about `size` bytes of pixels, and return what to train on."""
    count = size // 784
    test = mlp_data.load("digits").splits["test"]
    x, y = np.asarray(test.x), np.asarray(test.y, np.uint8)
    (folder / "t10k-images.idx3-ubyte").write_bytes(header(*x.shape) + x.tobytes())
    (folder / "t10k-labels.idx1-ubyte").write_bytes(header(len(y)) + y.tobytes())
    if packing == "csv":
        for path in folder.iterdir():
            path.unlink()
        with (folder / "train.csv").open("wb") as file:
            write_csv(file, count, seed)
        return folder
    with (
        (folder / "train-images.idx3-ubyte").open("wb") as images,
        (folder / "train-labels.idx1-ubyte").open("wb") as labels,
    ):
        write_idx(images, labels, count, seed)
    if packing == "idx":
        return folder
    with zipfile.ZipFile(folder / "digits.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in sorted(folder.glob("*ubyte")):
            archive.write(path, path.name)
            path.unlink()
    return folder / "digits.zip"


def main() -> int:
    """Make the data, train and print; return 1 where memory or accuracy are not as promised."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", default="6G")
    parser.add_argument("--packing", choices=("idx", "zip", "csv"), default="idx")
    parser.add_argument("--max-memory", default="1G")
    parser.add_argument("--seed", type=int, default=1)
    said = parser.parse_args()
    size, cap = read_size(said.size), read_size(said.max_memory)
    with tempfile.TemporaryDirectory() as home:
        free = shutil.disk_usage(home).free
        if free < 3 * size:
            sys.exit(f"{home}: {free >> 20:,} MiB are free, but {3 * size >> 20:,} are needed: set TMPDIR elsewhere")
        began = time.perf_counter()
        folder = Path(home) / "data"
        folder.mkdir()
        source = make(folder, said.packing, size, said.seed)
        on_disk = sum(path.stat().st_size for path in folder.iterdir())
        print(f"{said.packing}  {size // 784:,} images, {on_disk:,} bytes, made in {time.perf_counter() - began:.0f} s")
        run = Path(home) / "run"
        places = ("--cache", Path(home) / "cache", "--out", run)
        how = ("--epochs", "1", "--hidden", "64", "--batch-size", "128", "--seed", str(said.seed))
        done = mlp_train("fit", source, "--max-memory", said.max_memory, *places, *how, "--json", "--quiet")
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss << 10
        epoch = next(event for line in (run / "metrics.jsonl").open() if (event := json.loads(line)).get("epoch") == 1)
    split = "test" if "test" in done["metrics"] else "valid"
    accuracy, samples = done["metrics"][split]["accuracy"], done["samples"]["train"]
    print(f"{said.packing}  peak {peak >> 20:,} MiB of the {cap >> 20:,} MiB allowed")
    print(
        f"{said.packing}  {samples / epoch['seconds']:,.0f} samples/s while training, {done['seconds']:,.0f} s in all"
    )
    print(f"{said.packing}  {split} accuracy {accuracy:.2%}")
    met = peak <= cap and accuracy >= ACCURACY
    print(f"{said.packing}  wanted at most {cap >> 20:,} MiB and {ACCURACY:.0%}: {'ok' if met else 'MISSED'}")
    return int(not met)


if __name__ == "__main__":
    sys.exit(main())
