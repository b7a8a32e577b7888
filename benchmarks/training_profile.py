"""What a training step spends its time on: products, arithmetic, optimizer, gathering, and calls.

The whole step is timed in the trainer's own epochs, its parts in the same objects with batches of the real data. Time
is the processor's, which other programs hardly stretch, except for the whole step of two processes: its parts are those
of one of them, alone, and that it waits for the other is a part of the rest.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

import mlp_data
import mlp_train
from mlp_data.dataset import Dataset
from mlp_train.config import make_config
from mlp_train.events import EpochEnd, Started
from mlp_train.learner import Learner
from mlp_train.plan import Plan, make_plan
from mlp_train.products import cuts, multiply
from mlp_train.trainer import Trainer

SECONDS = 0.5  # for each measurement
PARTS = ("gather", "GEMM", "elementwise", "optimizer", "calls", "rest")


def options(sizes: Sequence[int], batch: int, optimizer: str) -> dict[str, Any]:
    """Return the options of the training that `training_peers.py` does."""
    plain = {
        "schedule": "constant",
        "warmup": 0.0,
        "label_smoothing": 0.0,
        "valid_fraction": 0.0,
        "epochs": 10**6,
        "lr": 1e-4,
    }
    return {**plain, "hidden": tuple(sizes[1:-1]), "batch_size": batch or "full", "optimizer": optimizer}


def whole_step(dataset: Dataset, **chosen: Any) -> float:
    """Return the microseconds of one step in the trainer's epochs, of which the first only fills the caches."""
    clock = time.process_time if chosen["workers"] == 1 else time.perf_counter
    ends: list[float] = []
    events = mlp_train.train(dataset, **chosen)
    for event in events:
        if isinstance(event, Started):
            batches = event.batches
        elif isinstance(event, EpochEnd):
            ends.append(clock())
            if len(ends) > 1 and ends[-1] - ends[0] > 2 * SECONDS:
                break
    events.close()
    return (ends[-1] - ends[0]) / (len(ends) - 1) / batches * 1e6


def learner_of(plan: Plan) -> Learner:
    """Return the first process's part of a training that never starts the others, so that it waits for nobody."""
    trainer = Trainer(plan)
    learner = Learner(plan, trainer.samples, trainer.crew, trainer.state, trainer.exchange)
    learner.take(0)
    return learner


def microseconds(call: Callable[[], Any]) -> float:
    """Return how long a call takes on average."""
    call()
    count, began = 0, time.process_time()
    while (passed := time.process_time() - began) < SECONDS:
        call()
        count += 1
    return passed / count * 1e6


def products(learner: Learner, rows: int) -> Callable[[], None]:
    """Return a function that computes the products of one batch: forward, for the weights, for the layer before."""
    generator, todo = np.random.default_rng(0), []

    def some(*shape: int) -> Any:
        return generator.normal(size=shape).astype(np.float32)

    for i, spec in enumerate(learner.share.layers):
        given, weight, d = some(rows, spec.n_in), some(spec.n_in, spec.n_out), some(rows, spec.n_out)
        sides = [(given, weight, np.empty_like(d)), (given.T, d, np.empty_like(weight))]
        if i:
            sides.append((d, weight.T, np.empty_like(given)))
        for a, b, out in sides:  # cut as the step does it
            pieces = cuts(*a.shape, b.shape[1], np.float32, is_transposed=b.base is weight)
            todo.append((a, b, out, pieces))

    def compute() -> None:
        for product in todo:
            multiply(*product)

    return compute


def calls(layers: int, workers: int) -> float:
    """Return the microseconds of forward, loss and backward where there is hardly anything to compute: one row."""
    tiny = mlp_data.from_arrays(np.zeros((40, 1)), np.arange(40) % 10)
    plan = make_plan(tiny, make_config(workers=workers, **options((1, *[32] * (layers - 1), 10), 1, "momentum")))
    learner = learner_of(plan)
    piece = next(iter(learner.samples.batches(1)))
    return microseconds(lambda: learner.step.add(piece))


def parts(plan: Plan) -> dict[str, float]:
    """Return the microseconds that each part of one step takes."""
    learner, clock = learner_of(plan), time.process_time
    gather = add = update = 0.0
    steps, pieces = 0, 0
    while gather + add + update < 2 * SECONDS:
        last = clock()
        for piece in learner.samples.batches(plan.batch_size, plan.shuffle_generator):
            began = clock()
            learner.step.begin(1e-4)
            learner.step.add(piece)
            added = clock()
            if piece.ends:
                learner.step.update()
                steps += 1
            pieces += 1
            gather, add = gather + began - last, add + added - began
            last = clock()
            update += last - added
    per_step = pieces / steps
    gemm = microseconds(products(learner, plan.piece)) * per_step
    overhead = calls(len(plan.layers), plan.workers) * per_step
    arithmetic = add / steps * 1e6 - gemm - overhead
    return dict(zip(PARTS, (gather / steps * 1e6, gemm, arithmetic, update / steps * 1e6, overhead), strict=False))


def evaluation(dataset: Dataset, sizes: Sequence[int]) -> float:
    """Return how many samples a second are judged, which happens after the last epoch to all that were trained on."""
    began, events = 0.0, mlp_train.train(dataset, **{**options(sizes, 128, "adam"), "epochs": 1})
    for event in events:
        if isinstance(event, Started):
            samples = event.samples
        elif isinstance(event, EpochEnd):
            began = time.perf_counter()
    return samples / (time.perf_counter() - began)


def tell(source: str, nets: Sequence[Sequence[int]], works: Sequence[tuple[int, str]]) -> None:
    """Print the shares of every part as a table, and what judging takes, which is no part of a step."""
    dataset = mlp_data.load(source)
    print("| network | batch | optimizer | processes | us a step | " + " | ".join(PARTS) + " |")
    print("| --- " * (5 + len(PARTS)) + "|")
    for net in nets:
        for batch, optimizer in works:
            for workers in (1, 2):
                chosen = {**options(net, batch, optimizer), "workers": workers}
                with threadpool_limits(1, "blas"):
                    found = parts(make_plan(dataset, make_config(**chosen)))
                whole = whole_step(dataset, **chosen)
                found["rest"] = whole - sum(found.values())
                cells = ["-".join(map(str, net)), str(batch or "full"), optimizer, str(workers), f"{whole:,.0f}"]
                cells += [f"{found[part]:,.0f} ({found[part] / whole:.0%})" for part in PARTS]
                print("| " + " | ".join(cells) + " |", flush=True)
    print()
    for net in nets:
        rate = median(evaluation(dataset, net) for _ in range(3))
        print(f"{'-'.join(map(str, net))}: evaluation of {rate:,.0f} samples a second, by one process")
