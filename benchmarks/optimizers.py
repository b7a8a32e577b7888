"""Time one update of every optimizer, in nanoseconds a parameter, and Adam beside its formula written with temporaries.

python benchmarks/optimizers.py
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import numpy as np

from mlp_train.array import Array
from mlp_train.optimizers import OPTIMIZERS

SIZES = (10_000, 101_770, 1_000_000)  # the second: 784-128-10
ROUNDS = 9


class PlainAdam:
    """Adam as its paper writes it."""

    def __init__(self, size: int) -> None:
        self.m, self.v, self.t = np.zeros(size, np.float32), np.zeros(size, np.float32), 0

    def update(self, w: Array, g: Array, lr: float) -> None:
        """Change w in place."""
        self.t += 1
        self.m = 0.9 * self.m + 0.1 * g
        self.v = 0.999 * self.v + 0.001 * g**2
        w -= lr * (self.m / (1 - 0.9**self.t)) / (np.sqrt(self.v / (1 - 0.999**self.t)) + 1e-8)


def updates(size: int) -> dict[str, Callable[[Array, Array, float], None]]:
    """Return the update of a fresh optimizer by name."""
    made = {
        name: kind(size, np.float32, weight_count=size, momentum=0.9, weight_decay=0.1).update
        for name, kind in OPTIMIZERS.items()
    }
    return made | {"plain Adam": PlainAdam(size).update}


def main() -> None:
    """Take turns, so that whatever else the machine does meets all alike; print the median of all updates."""
    print(f"{'parameters':<12}" + "".join(f"{size:>12,}" for size in SIZES))
    found: dict[str, list[float]] = {}
    for size in SIZES:
        rng = np.random.default_rng(0)
        w, gradient = rng.normal(size=(2, size)).astype(np.float32)
        seconds: dict[str, list[float]] = {}
        steps = max(3, 3_000_000 // size)
        todo = updates(size)
        for _ in range(ROUNDS):
            for name, update in todo.items():
                g = gradient.copy()
                for _ in range(steps):
                    np.copyto(g, gradient)  # which an update may spoil
                    began = time.perf_counter()
                    update(w, g, 1e-4)
                    seconds.setdefault(name, []).append(time.perf_counter() - began)
        for name, times in seconds.items():
            found.setdefault(name, []).append(1e9 * median(times) / size)
    for name, figures in found.items():
        print(f"{name:<12}" + "".join(f"{figure:>12.2f}" for figure in figures))


if __name__ == "__main__":
    main()
