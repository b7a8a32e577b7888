"""Train on six gigabytes of images with one gigabyte of memory; print the peak, the speed, the loss and the accuracy.

`python benchmarks/larger_than_memory.py [--size 6G] [--packing idx|zip|csv] [--max-memory 1G] [--seed 1]`: the images
are the shipped digits, moved, dimmed and speckled at random, and are removed at the end. Needs three times the size on
the disk of the folder for temporary files. The test images are the shipped ones. Linux only.

The command runs under a limit of the system: what it may allocate (RLIMIT_DATA) is the memory allowed, and asking for
more fails. The peak counts all that is resident in the command and its children, pages of files that they have mapped
included; what the system keeps of files beside that, and gives up as soon as others want it, belongs to no process and
is not counted. Before that, a small set is trained on both from disk and from memory: the results must agree.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import shutil
import struct
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

import mlp_data
import mlp_runtime
from mlp_data.storage import read_size

sys.path.insert(0, str(Path(__file__).parent))
from command import mlp_train

BLOCK = 10_000  # images made at once
MOST_MOVED = 2  # pixels
ACCURACY = 0.9
EPOCHS = 2
SMALL, TIGHT = 47_040_000, "300M"  # bytes of images that fit into memory, and so little memory that they do not
SAME, CLOSE = 1e-4, 0.01  # of the largest parameter after whole batches; of the accuracy after shuffled ones


class Peak:
    """Watches what the processes started from here have in memory, all together."""

    def __init__(self) -> None:
        self.total = self.anonymous = 0  # bytes
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._done.set()
        self._thread.join()
        largest = (
            resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss << 10
        )  # between two looks it may have been more
        self.total = max(self.total, largest)

    def _watch(self) -> None:
        while not self._done.wait(0.1):
            sizes = [resident(pid) for pid in descendants(os.getpid())]
            self.total = max(self.total, sum(total for total, _ in sizes))
            self.anonymous = max(self.anonymous, sum(anonymous for _, anonymous in sizes))


def descendants(pid: int) -> list[int]:
    """Return the children of a process, their children and so on."""
    found = []
    for listed in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # it has ended
            for child in map(int, listed.read_text().split()):
                found += [child, *descendants(child)]
    return found


def resident(pid: int) -> tuple[int, int]:
    """Return how many bytes of a process are in memory, and how many of them come from no file."""
    try:
        lines = (line.partition(":") for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    except OSError:  # it has ended
        return 0, 0
    said = {name: int(value.split()[0]) << 10 for name, _, value in lines if name in ("VmRSS", "RssAnon")}
    return said.get("VmRSS", 0), said.get("RssAnon", 0)


def fit(source: Path, home: Path, memory: str, *how: str) -> tuple[dict[str, Any], list[dict[str, Any]], Path]:
    """Train, and return what the command prints, what it says of each epoch, and the model."""
    run = Path(tempfile.mkdtemp(dir=home))
    done = mlp_train(
        *("fit", source, "--max-memory", memory, "--cache", home / "cache", "--out", run / "run"),
        *("--hidden", "64", *how, "--json", "--quiet"),
    )
    events = map(json.loads, (run / "run" / "metrics.jsonl").open())
    return done, [event for event in events if event["event"] == "EpochEnd"], run / "run" / "model.mlp"


def accuracy(done: dict[str, Any]) -> tuple[str, float]:
    """Return the split that was measured, and the share of it that was right."""
    split = "test" if "test" in done["metrics"] else "valid"
    return split, done["metrics"][split]["accuracy"]


def agrees(home: Path, seed: int) -> bool:
    """Train on a small set from disk and from memory, print how far the results lie apart, and judge it."""
    folder = home / "small"
    folder.mkdir()
    source = make(folder, "idx", SMALL, seed)
    whole = ("--batch-size", "full", "--epochs", "3", "--optimizer", "sgd", "--lr", "0.5", "--seed", str(seed))
    models = [mlp_runtime.load(fit(source, home, memory, *whole)[2]) for memory in (TIGHT, "8G")]
    one, other = (np.concatenate([part.ravel() for layer in m.layers for part in layer[:2]]) for m in models)
    apart = float(np.abs(one - other).max() / np.abs(other).max())
    shuffled = ("--batch-size", "128", "--epochs", str(EPOCHS), "--seed", str(seed))
    right = [accuracy(fit(source, home, memory, *shuffled)[0])[1] for memory in (TIGHT, "8G")]
    met = apart <= SAME and abs(right[0] - right[1]) <= CLOSE
    print(
        f"small  {SMALL // 784:,} images from disk and memory: parameters {apart:.1e} apart after 3 whole batches, "
        f"accuracy {right[0]:.2%} and {right[1]:.2%} after {EPOCHS} shuffled epochs: {'ok' if met else 'MISSED'}"
    )
    return met


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
        agreed = agrees(Path(home), said.seed)
        began = time.perf_counter()
        folder = Path(home) / "data"
        folder.mkdir()
        source = make(folder, said.packing, size, said.seed)
        on_disk = sum(path.stat().st_size for path in folder.iterdir())
        print(f"{said.packing}  {size // 784:,} images, {on_disk:,} bytes, made in {time.perf_counter() - began:.0f} s")
        resource.setrlimit(resource.RLIMIT_DATA, (cap, cap))  # the command inherits it
        how = ("--epochs", str(EPOCHS), "--batch-size", "128", "--seed", str(said.seed))
        with Peak() as peak:
            done, epochs, _ = fit(source, Path(home), said.max_memory, *how)
    split, right = accuracy(done)
    speed = done["samples"]["train"] * len(epochs) / epochs[-1]["seconds"]  # counted from the start
    losses = [epoch["loss"] for epoch in epochs]
    print(
        f"{said.packing}  peak {peak.total >> 20:,} MiB of the {cap >> 20:,} MiB allowed, {peak.anonymous >> 20:,} MiB "
        f"of it from no file"
    )
    print(f"{said.packing}  {speed:,.0f} samples/s while training, {done['seconds']:,.0f} s in all")
    print(f"{said.packing}  loss {', '.join(f'{loss:.4f}' for loss in losses)}; {split} accuracy {right:.2%}")
    met = agreed and peak.total <= cap and right >= ACCURACY and losses[-1] < losses[0]
    print(
        f"{said.packing}  wanted at most {cap >> 20:,} MiB, a loss that falls and {ACCURACY:.0%}: "
        f"{'ok' if met else 'MISSED'}"
    )
    return int(not met)


if __name__ == "__main__":
    sys.exit(main())
