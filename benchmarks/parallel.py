"""Measure what several processes under mpiexec gain on this machine, and what a network between machines would cost.

`python benchmarks/parallel.py [--seconds 0.5]`. It starts itself under mpiexec and needs `mlp-train[mpi]`, without
which it says so and measures nothing. The second table is a model: see docs/parallel.md.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from math import log2
from pathlib import Path
from typing import Any

import numpy as np

import mlp_data
from mlp_train.config import make_config
from mlp_train.parallel import Ranks, agreed, join, leave
from mlp_train.plan import make_plan
from mlp_train.trainer import Trainer

NETS = ((784, 128, 10), (784, 800, 800, 10))
BATCHES = (32, 256, 2048)
MODELLED = (((784, 128, 10), (256, 4096)), ((784, 800, 800, 10), (256, 4096)))
MACHINES = (2, 4, 8)
ROUNDS = 3
ETHERNET = {"1 Gbit/s": (50e-6, 1e9 / 8), "10 Gbit/s": (20e-6, 10e9 / 8)}  # seconds a message, bytes a second: assumed


def parameters(sizes: tuple[int, ...]) -> int:
    """Count what an allreduce has to carry."""
    return sum(a * b + b for a, b in pairwise(sizes))


def steps_of(batch: int) -> int:
    """Choose the steps of an epoch: many where they are short, because each epoch ends with a broadcast."""
    return max(16, 4096 // batch)


def epochs(sizes: tuple[int, ...], batch: int, workers: int, ranks: Ranks | None) -> Iterator[float]:
    """Train on and on with Adam; yield the seconds of a step, epoch by epoch."""
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (steps_of(batch) * batch, 784), np.uint8).reshape(-1, 28, 28)
    data = mlp_data.from_arrays(images, generator.integers(0, sizes[-1], len(images)))
    options = {"hidden": sizes[1:-1], "batch_size": batch, "optimizer": "adam", "epochs": 10**6, "valid_fraction": 0}
    plan = make_plan(data, make_config(workers=workers, schedule="constant", warmup=0, **options))
    trainer = Trainer(agreed(plan, ranks), ranks=ranks)
    trainer.lr_scale[0] = 1.0
    trainer.start()
    try:
        while True:
            began = time.perf_counter()
            if ranks is None or ranks.index == 0:
                for _ in trainer.one_epoch():
                    continue
            else:
                ranks.listen()
                for _ in trainer._own_epoch():
                    continue
            yield (time.perf_counter() - began) / steps_of(batch)
    finally:
        trainer.crew.end()


def step_seconds(sizes: tuple[int, ...], batch: int, seconds: float, *, workers: int = 1) -> float:
    """Return the time of a step in this process, or in `workers`: that of the epoch that others disturbed least."""
    return min(_for_a_while(epochs(sizes, batch, workers, None), seconds, None))[0]


def _for_a_while(
    times: Iterator[float], seconds: float, ranks: Ranks | None, spent: list[float] | None = None
) -> list[tuple[float, float]]:
    """Return for each epoch the time of a step, and what was added to `spent` in it."""
    spent = spent or [0.0]
    next(times)  # for caches and for memory that is touched for the first time
    until, found = time.perf_counter() + seconds, []
    while True:
        spent[0] = 0.0
        found.append((next(times), spent[0]))
        over = time.perf_counter() > until and len(found) >= 3
        if over if ranks is None else ranks.first(over):
            return found


def as_rank(sizes: tuple[int, ...], batch: int, seconds: float) -> None:
    """Measure the steps of this job; rank 0 prints the step, the allreduce in it, and the allreduce alone as JSON."""
    ranks = join()
    assert ranks is not None
    total, spent = ranks.total, [0.0]

    def timed(vector: np.ndarray[Any, Any]) -> None:
        began = time.perf_counter()
        total(vector)
        spent[0] += time.perf_counter() - began

    ranks.total = timed  # type: ignore[method-assign]  # the same, and how long it took
    step, inside = min(_for_a_while(epochs(sizes, batch, 1, ranks), seconds, ranks, spent))
    vector, alone = np.ones(parameters(sizes) + 1, np.float32), []
    for _ in range(50):
        ranks.first(None)  # so that both begin at once
        spent[0] = 0.0
        timed(vector)
        alone.append(spent[0])
    if ranks.index:
        ranks.listen()
    print(json.dumps((step, inside / steps_of(batch), min(alone))))
    ranks.rest()
    leave(0)


def here(seconds: float, mpiexec: str) -> None:
    """Print what two processes gain on this machine: of each way the best of some rounds, in which they take turns."""
    heads = ("network", "batch", "us a step, 1 process", "2 under mpiexec", "of it allreduce", "allreduce alone")
    print("| " + " | ".join((*heads, "gain", "gain of --workers 2")) + " |\n" + "| --- " * 8 + "|", flush=True)
    single = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    for sizes in NETS:
        for batch in BATCHES:
            command = [mpiexec, "-n", "2", sys.executable, __file__, "--seconds", str(seconds)]
            command += ["--as-rank", json.dumps([sizes, batch])]
            ones, twos, workers = [], [], []
            for _ in range(ROUNDS):
                ones.append(step_seconds(sizes, batch, seconds))
                done = subprocess.run(command, env=single, stdout=subprocess.PIPE, text=True, check=True)
                twos.append(json.loads(done.stdout))
                workers.append(step_seconds(sizes, batch, seconds, workers=2))
            one, (step, inside, _) = min(ones), min(twos)
            row = ["-".join(map(str, sizes)), str(batch), f"{one * 1e6:,.0f}", f"{step * 1e6:,.0f}"]
            row += [f"{inside / step:.0%}", f"{min(two[2] for two in twos) * 1e6:,.0f} us"]
            row += [f"{one / step:.2f}", f"{one / min(workers):.2f}"]
            print("| " + " | ".join(row) + " |", flush=True)


def allreduce_seconds(size: int, machines: int, latency: float, bandwidth: float) -> float:
    """Return the modelled time of an allreduce of `size` bytes: the faster of recursive doubling and halving.

    Thakur, Rabenseifner and Gropp (2005), with their gamma, the time to add, left out: a network is slower than that.
    """
    steps = log2(machines)
    doubling = steps * (latency + size / bandwidth)
    halving = 2 * steps * latency + 2 * (machines - 1) / machines * size / bandwidth
    return min(doubling, halving)


def elsewhere(seconds: float) -> None:
    """Print what the model says of several machines like this one, one process on each."""
    names = [f"{name}, {machines}" for name in ETHERNET for machines in MACHINES]
    print("| network | batch | ms a step here | " + " | ".join(names) + " |\n" + "| --- " * (3 + len(names)) + "|")
    for sizes, batches in MODELLED:
        for batch in batches:
            parts = {machines: step_seconds(sizes, batch // machines, seconds) for machines in (1, *MACHINES)}
            gains = [
                parts[1] / (parts[machines] + allreduce_seconds(4 * parameters(sizes), machines, *link))
                for link in ETHERNET.values()
                for machines in MACHINES
            ]
            row = ["-".join(map(str, sizes)), str(batch), f"{parts[1] * 1e3:,.2f}", *(f"{gain:.2f}" for gain in gains)]
            print("| " + " | ".join(row) + " |", flush=True)
    print()
    for sizes, _ in MODELLED:
        size = 4 * parameters(sizes)
        for name, link in ETHERNET.items():
            times = ", ".join(f"{allreduce_seconds(size, machines, *link) * 1e3:.1f}" for machines in MACHINES)
            print(f"{'-'.join(map(str, sizes))}: {size:,} bytes; {name}, {MACHINES} machines: {times} ms an allreduce")


def main() -> int:
    """Read what was said and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--as-rank", type=json.loads, help=argparse.SUPPRESS)
    said = parser.parse_args()
    if said.as_rank:
        as_rank(tuple(said.as_rank[0]), said.as_rank[1], said.seconds)
        return 0
    beside = str(Path(sys.executable).parent)
    mpiexec = shutil.which("mpiexec", path=f"{beside}{os.pathsep}{os.environ.get('PATH', '')}")
    if importlib.util.find_spec("mpi4py") is None or mpiexec is None:
        print("skipped: this needs mpiexec and mpi4py: pip install 'mlp-train[mpi]'")
        return 0
    here(said.seconds, mpiexec)
    print()
    elsewhere(said.seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
