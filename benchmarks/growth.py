"""Measure how training speed grows with width, depth, batch and number of samples, and what a multiplication costs.

`python benchmarks/growth.py [--seconds 0.4] [--quick] [--plot FILE]`: synthetic images, one byte a pixel, Adam, one and
two processes. Each figure is the median of three stretches of the trainer's own epochs. Where a multiplication costs
over 15 % more than at the size before, its cell says so: docs/speed.md explains each. `--plot` draws an SVG (with
matplotlib). All samples are in memory; ten million of 28 x 28 would not fit, so the last table has 8 x 8.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

import mlp_data
import mlp_train
from mlp_data.dataset import Dataset
from mlp_train.events import EpochEnd, Progress, Started

WORKERS = (1, 2)
STRETCHES = 3
JUMP = 1.15
SAMPLES = 20_000  # samples where their number is not what grows
Point = tuple[str, tuple[int, ...], int, int]  # what it is called, sizes, batch (0: all), samples
SERIES: dict[str, list[Point]] = {
    "width": [(f"784-{w}-10", (784, w, 10), 128, SAMPLES) for w in (32, 64, 128, 256, 512, 1024, 2048, 4096)],
    "depth": [(f"{d} x 256", (784, *[256] * d, 10), 128, SAMPLES) for d in range(1, 7)],
    "batch": [(f"{b or 'full'}", (784, 128, 10), b, SAMPLES) for b in (8, 16, 32, 64, 128, 256, 512, 1024, 4096, 0)],
    "rows": [(f"{rows:,}", (64, 128, 10), 128, rows) for rows in (10**3, 10**4, 10**5, 10**6, 10**7)],
}


def images(rows: int, pixels: int) -> Dataset:
    """Return noise in ten classes, of which each has a bright pixel of its own."""
    generator, side = np.random.default_rng(1), int(pixels**0.5)
    x = generator.integers(0, 128, (rows, pixels), np.uint8)
    y = generator.integers(0, 10, rows)
    x[np.arange(rows), 5 * y] = 255
    return mlp_data.from_arrays(x.reshape(rows, side, side), y)


def speeds(dataset: Dataset, sizes: tuple[int, ...], batch: int, workers: int, seconds: float) -> list[float]:
    """Return samples per second of some stretches of a training, without what came before the first of them."""
    options: dict[str, Any] = {"hidden": sizes[1:-1], "batch_size": batch or "full", "workers": workers}
    options |= {"optimizer": "adam", "lr": 1e-4, "schedule": "constant", "warmup": 0.0}
    found: list[float] = []
    with closing(mlp_train.train(dataset, epochs=10**6, valid_fraction=0.0, **options)) as events:
        for event in events:
            now = time.perf_counter()
            if isinstance(event, Started):
                samples = event.samples
                began, shown = now, 0.0
            elif isinstance(event, (Progress, EpochEnd)) and now - began >= seconds:
                seen = samples * (event.epoch if isinstance(event, EpochEnd) else event.epoch - 1 + event.share)
                found.append((seen - shown) / (now - began))
                if len(found) > STRETCHES:
                    break
                began, shown = now, seen
    return found[1:]


def multiplications(sizes: tuple[int, ...]) -> int:
    """Count what one sample takes: forward, for the weights, and for the layer before where there is one."""
    return sum((3 if i else 2) * a * b for i, (a, b) in enumerate(pairwise(sizes)))


def measure(name: str, points: list[Point], seconds: float) -> list[tuple[float, ...]]:
    """Print the table of a series; return samples per second of each point, for each number of processes."""
    print(f"\n| {name} | " + " | ".join(f"samples/s, {n} | ns a multiplication, {n}" for n in WORKERS) + " | gain |")
    print("| --- " * (2 + 2 * len(WORKERS)) + "|", flush=True)
    results: list[tuple[float, ...]] = []
    dataset, made = None, (0, 0)
    for words, sizes, batch, rows in points:
        if dataset is None or made != (rows, sizes[0]):
            dataset, made = images(rows, sizes[0]), (rows, sizes[0])
        found = tuple(median(speeds(dataset, sizes, batch, workers, seconds)) for workers in WORKERS)
        cells = []
        for i, speed in enumerate(found):
            cost = nanoseconds(sizes, speed)
            rise = cost / nanoseconds(points[len(results) - 1][1], results[-1][i]) if results else 1.0
            cells.append(f"{speed:,.0f} | {cost:.4f}" + (f" (+{rise - 1:.0%})" if rise > JUMP else ""))
        print(f"| {words} | " + " | ".join(cells) + f" | {found[1] / found[0]:.2f} |", flush=True)
        results.append(found)
    return results


def nanoseconds(sizes: tuple[int, ...], speed: float) -> float:
    """Return what one multiplication costs, with all that goes with it."""
    return 1e9 / (speed * multiplications(sizes))


def draw(measured: dict[str, list[tuple[float, ...]]], path: Path) -> None:
    """Draw samples per second above and the cost of a multiplication below, one column a series."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "growth", "font.size": 8}
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, len(SERIES), figsize=(11, 5), layout="constrained")
    for column, (name, results) in zip(axes.T, measured.items(), strict=True):
        points = SERIES[name]
        names = [words.removeprefix("784-").removesuffix("-10").removesuffix(" x 256") for words, *_ in points]
        if name == "rows":
            names = [f"{rows:.0e}".replace("+0", "") for *_, rows in points]
        for i, workers in enumerate(WORKERS):
            style = {"marker": "o", "markersize": 3, "color": ("#2563eb", "#d97706")[i]}
            label = "one process" if workers == 1 else f"{workers} processes"
            column[0].plot(range(len(points)), [r[i] for r in results], label=label, **style)
            costs = [nanoseconds(point[1], r[i]) for point, r in zip(points, results, strict=True)]
            column[1].plot(range(len(points)), costs, **style)
        for axis, words in zip(column, ("samples a second", "ns a multiplication"), strict=True):
            axis.set_xticks(range(len(points)), names, rotation=45)
            axis.set_yscale("log")
            axis.minorticks_off()
            axis.set_title(f"{words}, by {name}", fontsize=8)
            axis.grid(axis="y", alpha=0.3)
    axes[0, 0].legend()
    figure.savefig(path, metadata={"Date": None})
    shorter = re.sub(r"\d+\.\d{2,}", lambda number: f"{float(number[0]):.1f}", path.read_text())  # tenths of a pixel
    path.write_text(re.sub(r"\s*\n\s*", "\n", shorter))
    print(f"\n{path} is {path.stat().st_size:,} bytes")


def main() -> int:
    """Read what was said and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=0.4)
    parser.add_argument("--quick", action="store_true", help="leave the largest sizes out, and measure shortly")
    parser.add_argument("--plot", type=Path)
    said = parser.parse_args()
    seconds = 0.05 if said.quick else said.seconds
    series = {name: points[:-2] if said.quick else points for name, points in SERIES.items()}
    measured = {name: measure(name, points, seconds) for name, points in series.items()}
    if said.plot and not said.quick:
        draw(measured, said.plot)
    return 0


if __name__ == "__main__":
    sys.exit(main())
