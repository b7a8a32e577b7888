"""Does distorting a batch cost less than training on it? Times a distorted image beside the products of one step.

`python benchmarks/augmentation.py [--rounds 15] [--sheet FILE.png]`: the step is that of a 784-512-512-10 network, its
eight matrix products alone, on one thread. Both sides run in turn, on shipped digits, and what is compared is the time
of the processor, which other work on the machine stretches little. Exit code 1: the ratio is not below 1 somewhere.
--sheet draws digits as each preset gives them, the first column as they came.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

import mlp_data
from mlp_data.augment import Distortion

BATCHES, SIZES, SIDE = (32, 128, 512), (784, 512, 512, 10), 28
GOAL = 0.35
Frames = NDArray[np.uint8]


def products(batch: int) -> Callable[[], None]:
    """Return the matrix products of a step: forward, gradients of the weights, and of all activations but the input."""
    generator = np.random.default_rng(1)
    a = [generator.random((batch, size), np.float32) for size in SIZES]
    weights = [generator.random(shape, np.float32) for shape in pairwise(SIZES)]
    z, d_a, d_weights = (list(map(np.empty_like, arrays)) for arrays in (a, a, weights))

    def step() -> None:
        for i, weight in enumerate(weights):
            np.dot(a[i], weight, out=z[i + 1])
        for i in reversed(range(len(weights))):
            np.dot(a[i].T, a[i + 1], out=d_weights[i])
            if i:
                np.dot(a[i + 1], weights[i].T, out=d_a[i])

    return step


def distorting(frames: Frames, strong: Distortion) -> Callable[[], None]:
    """Return all that a batch costs: random numbers, maps and interpolation."""
    generator, out = np.random.default_rng(1), np.empty_like(frames)
    return lambda: strong.apply(frames, strong.draw(generator, len(frames), SIDE, SIDE), out)


def parts(frames: Frames, strong: Distortion) -> dict[str, Callable[[], object]]:
    """Return what distorting is made of, and other ways of doing it, on arrays of the same shapes."""
    generator, out, count, grid = np.random.default_rng(1), np.empty_like(frames), len(frames), strong.grid
    drawn = strong.draw(generator, count, SIDE, SIDE)
    spline = generator.random((SIDE, grid), np.float32)
    kron = np.kron(spline, spline).T.copy()
    half, maps = np.empty((2, count, grid, SIDE), np.float32), np.empty((2, count, SIDE, SIDE), np.float32)
    tall = np.zeros((count * (SIDE + 1) + 1, SIDE), np.uint8)
    tall[1:].reshape(count, SIDE + 1, SIDE)[:, :SIDE] = frames
    rows, columns = np.mgrid[:SIDE, :SIDE]
    x = np.broadcast_to(columns + 0.4, frames.shape).astype(np.float32).reshape(count, -1)
    y = (rows + 0.4 + np.arange(count)[:, None, None] * (SIDE + 1)).astype(np.float32).reshape(count, -1)
    fixed = cv2.convertMaps(x, y, cv2.CV_16SC2)
    line = out.reshape(count, -1)
    return {
        "draw: random numbers and control points": lambda: strong.draw(generator, count, SIDE, SIDE),
        "    random numbers alone": lambda: generator.random((count, 6 + 2 * grid**2), np.float32),
        "apply: everything else": lambda: strong.apply(frames, drawn, out),
        "    two small matrix products": lambda: np.matmul(
            spline, np.matmul(drawn.control, spline.T, out=half), out=maps
        ),
        "    one large product instead": lambda: np.dot(
            drawn.control.reshape(2 * count, -1), kron, out=maps.reshape(2 * count, -1)
        ),
        "    remap by float32 maps": lambda: cv2.remap(tall, x, y, cv2.INTER_LINEAR, dst=line),
        "    remap by fixed-point maps": lambda: cv2.remap(tall, *fixed, cv2.INTER_LINEAR, dst=line),
        "    making maps fixed-point": lambda: cv2.convertMaps(x, y, cv2.CV_16SC2, *fixed),
    }


def microseconds(call: Callable[[], object], images: int) -> float:
    """Return the processor's time for an image, the mean of about 10,000."""
    repeats = max(1, 10_000 // images)
    start = time.process_time()
    for _ in range(repeats):
        call()
    return (time.process_time() - start) / (repeats * images) * 1e6


def compare(digits: Frames, rounds: int) -> int:
    """Print one line for each batch size; return 1 where distorting costs more than the step."""
    strong, missed = Distortion.of("strong"), 0
    print(f"microseconds an image, medians of {rounds} rounds; ratio wanted below 1, aim {GOAL}")
    for batch in BATCHES:
        distort, step = distorting(digits[:batch], strong), products(batch)
        distort(), step()
        times = [(microseconds(distort, batch), microseconds(step, batch)) for _ in range(rounds)]
        ratios = sorted(mine / theirs for mine, theirs in times)
        ours, theirs = (statistics.median(column) for column in zip(*times, strict=True))
        ratio = statistics.median(ratios)
        print(
            f"batch {batch:>3}  distorting {ours:5.1f}  products of a step {theirs:5.1f}  "
            f"ratio {ratio:.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})  {'ok' if ratio < GOAL else 'MISSED'}",
            flush=True,
        )
        missed |= ratio >= 1
    return missed


def profile(digits: Frames, rounds: int) -> None:
    """Print what each part costs at the middle batch size."""
    calls = parts(digits[: BATCHES[1]], Distortion.of("strong"))
    print(f"\nbatch {BATCHES[1]}, microseconds an image")
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            times[name].append(microseconds(call, BATCHES[1]))
    for name, several in times.items():
        print(f"{name:<42} {statistics.median(several):5.2f}")


def sheet(digits: Frames, path: Path) -> None:
    """Write ten digits, each distorted sixteen times lightly and strongly."""
    lines = []
    for name in ("light", "strong"):
        for number, digit in enumerate(digits[:10]):
            frames, distortion = np.repeat(digit[None], 17, axis=0), Distortion.of(name)
            drawn = distortion.draw(np.random.default_rng(number), 17, SIDE, SIDE)
            distortion.apply(frames, drawn, frames, slice(1, None))
            lines.append(np.hstack([np.pad(frame, 1, constant_values=90) for frame in frames]))
    cv2.imwrite(str(path), cv2.resize(np.vstack(lines), None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST))


def main() -> int:
    """Read what was said and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--sheet", type=Path)
    said = parser.parse_args()
    images: Any = mlp_data.load("digits").splits["train"].x
    digits: Frames = images[: BATCHES[-1]]
    if said.sheet:
        sheet(digits, said.sheet)
    cv2.setNumThreads(1)  # the products are on one thread too
    with threadpool_limits(1, "blas"):
        missed = compare(digits, said.rounds)
        profile(digits, said.rounds)
    return missed


if __name__ == "__main__":
    sys.exit(main())
