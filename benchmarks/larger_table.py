"""Train on a table of 1.5 GB with 300 MiB of memory; print the peak, the speed and what the network has learned.

`python benchmarks/larger_table.py [--size 1500M] [--columns 600] [--max-memory 300M] [--seed 1]`: the table is made at
random, of numbers, categories, flags and dates with gaps among them, and removed at the end. Some of its columns decide
the class, one row in ten against them, so that no network can be right in more than about nine rows of ten. Needs five
times the size on the disk of the folder for temporary files. Linux only.

The command runs under a limit of the system, as in `larger_than_memory.py`. The memory allowed bounds the number of
rows (64 bytes each, for its answer and its place, beside a fixed 288 MiB), and not the size of the file: with so little
memory the rows are long.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from mlp_data.storage import read_size

sys.path.insert(0, str(Path(__file__).parent))
from larger_than_memory import Peak, accuracy, fit

BLOCK = 500  # rows made at once
NOISE = 0.1  # of the rows have the other class
ACCURACY = 0.8
EPOCHS = 2
TOWNS = ("Aachen", "Bonn", "Celle", "Dessau", "Erfurt", "Fulda")


def rows(count: int, columns: int, generator: np.random.Generator) -> list[str]:
    """Return lines of the table; of 100 columns, 80 are numbers, 10 categories, 9 flags, and one holds dates."""
    kinds = np.arange(columns) % 100
    category, flag, date = (kinds >= 80) & (kinds < 90), (kinds >= 90) & (kinds < 99), kinds == 99
    numbers = generator.normal(0, 1, (count, columns))
    cells = np.char.mod("%.12f", numbers * 10.0 ** (np.arange(columns) % 4) + 5).astype(object)
    codes = generator.integers(0, len(TOWNS), (count, columns))
    cells[:, category] = np.array(TOWNS, object)[codes[:, category]]
    cells[:, flag] = np.array(["yes", "no"], object)[codes[:, flag] % 2]
    days = np.datetime64("2020-01-01") + generator.integers(0, 2000, (count, int(date.sum())))
    cells[:, date] = days.astype(str).astype(object)
    cells[generator.random(cells.shape) < 0.05] = ""
    tells = numbers[:, 0] + numbers[:, 1] - numbers[:, 2] + np.where(codes[:, 80] < 3, 1.5, -1.5)
    against = generator.random(count) < NOISE
    answers = np.where((tells > 0) != against, "buys", "leaves")
    return [f"{','.join(row)},{answer}\n" for row, answer in zip(cells.tolist(), answers.tolist(), strict=True)]


def make(path: Path, size: int, columns: int, seed: int) -> int:
    """Write a table of at least `size` bytes, and return its number of rows."""
    generator = np.random.default_rng(seed)
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(",".join([*(f"x{i}" for i in range(columns)), "answer"]) + "\n")
        while file.tell() < size:
            file.writelines(rows(BLOCK, columns, generator))
            count += BLOCK
    return count


def main() -> int:
    """Make the table, train and print; return 1 where memory or accuracy are not as promised."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", default="1500M")
    parser.add_argument("--columns", type=int, default=600)
    parser.add_argument("--max-memory", default="300M")
    parser.add_argument("--seed", type=int, default=1)
    said = parser.parse_args()
    size, cap = read_size(said.size), read_size(said.max_memory)
    with tempfile.TemporaryDirectory() as home:
        free = shutil.disk_usage(home).free
        if free < 5 * size:
            sys.exit(f"{home}: {free >> 20:,} MiB are free, but {5 * size >> 20:,} are needed: set TMPDIR elsewhere")
        source = Path(home) / "table.csv"
        began = time.perf_counter()
        count = make(source, size, said.columns, said.seed)
        print(
            f"table  {count:,} rows of {said.columns} columns, {source.stat().st_size:,} bytes, "
            f"made in {time.perf_counter() - began:.0f} s",
            flush=True,
        )
        resource.setrlimit(resource.RLIMIT_DATA, (cap, cap))  # the command inherits it
        how = ("--epochs", str(EPOCHS), "--batch-size", "128", "--seed", str(said.seed), "--target", "answer")
        began = time.perf_counter()
        with Peak() as peak:
            done, epochs, _ = fit(source, Path(home), said.max_memory, *how)
        seconds = time.perf_counter() - began
    split, right = accuracy(done)
    losses = [epoch["loss"] for epoch in epochs]
    print(
        f"table  peak {peak.total >> 20:,} MiB of the {cap >> 20:,} MiB allowed, {peak.anonymous >> 20:,} MiB of it "
        f"from no file"
    )
    print(f"table  {seconds:,.0f} s in all, {epochs[-1]['seconds']:,.0f} s of it training {len(epochs)} epochs")
    print(f"table  loss {', '.join(f'{loss:.4f}' for loss in losses)}; {split} accuracy {right:.2%}")
    met = peak.total <= cap and right >= ACCURACY and losses[-1] < losses[0]
    print(f"table  wanted at most {cap >> 20:,} MiB, a loss that falls and {ACCURACY:.0%}: {'ok' if met else 'MISSED'}")
    return int(not met)


if __name__ == "__main__":
    sys.exit(main())
