"""Find where a second core stops paying: in small products, in short runs, and where other programs want it as well.

`python benchmarks/two_processes.py [--seconds 0.3] [--quick]`. What it prints is behind the constants at the top of
mlp_train's crew.py and blas.py.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import pairwise
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parent))
import growth
import numpy as np
from threadpoolctl import threadpool_limits

import mlp_train
from mlp_data.dataset import Dataset
from mlp_train.events import EpochEnd

ROUNDS = 3
NETS = [(pixels, width, 10) for pixels in (64, 784) for width in (16, 32, 64, 128, 256)]
DEEP = [(64, 64, 64, 10), (64, 128, 128, 128, 10), (784, 32, 32, 32, 10)]
BATCHES = (8, 32, 128)


def compare(dataset: Dataset, sizes: tuple[int, ...], batch: int, seconds: float) -> tuple[float, float, float]:
    """Return samples per second of one process and of two, in turn, and the median of their ratio."""
    found: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for i, workers in enumerate((1, 2)):
            found[i].append(median(growth.speeds(dataset, sizes, batch, workers, seconds / growth.STRETCHES)))
    return median(found[0]), median(found[1]), median(b / a for a, b in zip(*found, strict=True))


def small_products(datasets: dict[int, Dataset], seconds: float) -> None:
    """Print the gain of a second process for small networks, by the multiplications of one pass through all layers."""
    print(
        "| network | batch | rows x weights | samples/s, 1 | samples/s, 2 | gain |\n" + "| --- " * 6 + "|", flush=True
    )
    for count, sizes, batch in sorted((batch * weights(net), net, batch) for net in NETS + DEEP for batch in BATCHES):
        one, two, gain = compare(datasets[sizes[0]], sizes, batch, seconds)
        print(
            f"| {'-'.join(map(str, sizes))} | {batch} | {count:,} | {one:,.0f} | {two:,.0f} | {gain:.2f} |", flush=True
        )


def weights(sizes: tuple[int, ...]) -> int:
    """Count the weights of a network."""
    return sum(a * b for a, b in pairwise(sizes))


def start_and_end(dataset: Dataset, sizes: tuple[int, ...]) -> None:
    """Print what starting and ending the second process takes: the time of a run that has one step."""
    times: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(4 * ROUNDS):
        for workers, spent in times.items():
            began = time.perf_counter()
            options = {"hidden": sizes[1:-1], "workers": workers, "batch_size": "full", "valid_fraction": 0.0}
            with closing(mlp_train.train(dataset, epochs=2, optimizer="adam", **options)) as events:
                for event in events:
                    if isinstance(event, EpochEnd):
                        break
            spent.append(time.perf_counter() - began)
    difference = (median(times[2]) - median(times[1])) * 1e3
    print(
        f"{'-'.join(map(str, sizes))}: a run of one step takes {difference:.1f} ms more with two processes", flush=True
    )


@contextmanager
def busy(processes: int) -> Iterator[None]:
    """Keep so many cores busy with something else."""
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)]
    try:
        time.sleep(0.3 if others else 0.0)
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def among_others(dataset: Dataset, seconds: float) -> None:
    """Print what is left of the speed where other processes spin."""
    print("| network | batch | others | samples/s, 1 | samples/s, 2 | gain |\n" + "| --- " * 6 + "|", flush=True)
    for sizes, batch in (
        ((784, 128, 10), 32),
        ((784, 128, 10), 128),
        ((784, 256, 128, 10), 32),
        ((784, 1024, 10), 128),
    ):
        for others in (0, 1, 2):
            with busy(others):
                one, two, gain = compare(dataset, sizes, batch, 3 * seconds)
            row = ("-".join(map(str, sizes)), batch, others, f"{one:,.0f}", f"{two:,.0f}", f"{gain:.2f}")
            print("| " + " | ".join(map(str, row)) + " |", flush=True)


def blas_threads(seconds: float) -> None:
    """Print what two threads of OpenBLAS gain over one in a product, alone and beside a process that spins."""
    print(
        "| product | multiplications | others | ms, 1 thread | ms, 2 threads | gain |\n" + "| --- " * 6 + "|",
        flush=True,
    )
    generator = np.random.default_rng(1)
    for rows, n in ((128, 256), (512, 128), (512, 256), (512, 512), (512, 1024), (512, 4096)):
        a, b = (generator.normal(size=shape).astype(np.float32) for shape in ((rows, 784), (784, n)))
        out = np.empty((rows, n), np.float32)
        for others in (0, 1):
            times: dict[int, list[float]] = {1: [], 2: []}
            with busy(others):
                for _ in range(ROUNDS):
                    for threads, spent in times.items():
                        with threadpool_limits(threads, "blas"):
                            until = time.perf_counter() + seconds
                            while (began := time.perf_counter()) < until:
                                np.matmul(a, b, out=out)
                                spent.append(time.perf_counter() - began)
            one, two = (1e3 * sum(spent) / len(spent) for spent in times.values())
            row = (f"{rows} x 784 x {n}", f"{rows * 784 * n:,}", others, f"{one:.2f}", f"{two:.2f}", f"{one / two:.2f}")
            print("| " + " | ".join(map(str, row)) + " |", flush=True)


def main() -> int:
    """Read what was said and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=0.3)
    parser.add_argument("--quick", action="store_true", help="tell only whether it works")
    said = parser.parse_args()
    seconds = 0.02 if said.quick else said.seconds
    datasets = {pixels: growth.images(20_000, pixels) for pixels in (64, 784)}
    small_products(datasets, seconds)
    print()
    few = growth.images(100, 784)
    for sizes in ((784, 32, 10), (784, 128, 10), (784, 1024, 1024, 10)):
        start_and_end(few, sizes)
    print()
    among_others(datasets[784], seconds)
    print()
    blas_threads(seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
