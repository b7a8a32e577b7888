"""Where do products pay that are cut into pieces? Times both on one thread, for batches of few rows: see `products`.

`python benchmarks/few_rows.py [--rounds 300]` prints, for the three products of a layer (forward, for the gradient of
its weights, for that of the layer before), the fastest time of the whole and of the pieces, in turn. It says so where
NumPy's BLAS has no kernels for which cutting pays; the training step then cuts nothing.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

import numpy as np
from threadpoolctl import threadpool_limits

from mlp_train.array import Array
from mlp_train.blas import has_direct_kernels
from mlp_train.products import cuts, multiply

BATCHES = (4, 8, 16, 32, 64, 128, 256)
LAYERS = ((256, 128), (784, 64), (784, 128), (784, 256), (512, 512), (1024, 1024))


def microseconds(call: Callable[[], None]) -> float:
    """Return how long it took, of this thread's processor time."""
    began = time.thread_time_ns()
    call()
    return (time.thread_time_ns() - began) / 1e3


def ratio(a: Array, b: Array, is_transposed: bool, rounds: int) -> str:
    """Return the time of the pieces over that of the whole, as a cell; a dash where the step computes the whole."""
    pieces = cuts(len(a), a.shape[1], b.shape[1], np.float32, is_transposed=is_transposed)
    if not pieces:
        return "-"
    out = np.empty((len(a), b.shape[1]), np.float32)
    times = [
        (microseconds(lambda: multiply(a, b, out)), microseconds(lambda: multiply(a, b, out, pieces)))
        for _ in range(rounds)
    ]
    whole, cut = (min(column) for column in zip(*times, strict=True))
    return f"{cut / whole:.2f} ({whole:,.0f} -> {cut:,.0f})"


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=300)
    rounds = parser.parse_args().rounds
    if not has_direct_kernels():
        print("NumPy's BLAS has no kernels for this processor that products of few rows could be cut for")
        return 0
    generator = np.random.default_rng(0)
    print("| layer | rows | forward (us) | weights (us) | layer before (us) |\n| --- | --- | --- | --- | --- |")
    with threadpool_limits(1):
        for n_in, n_out in LAYERS:
            for rows in BATCHES:
                x, weight, d = (
                    generator.normal(size=shape).astype(np.float32)
                    for shape in ((rows, n_in), (n_in, n_out), (rows, n_out))
                )
                sides = ((x, weight, False), (x.T, d, False), (d, weight.T, True))
                cells = [ratio(*side, rounds) for side in sides]
                if any(cell != "-" for cell in cells):
                    print(f"| {n_in}-{n_out} | {rows} | {' | '.join(cells)} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
