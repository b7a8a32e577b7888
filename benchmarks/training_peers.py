"""What `training_speed.py` compares: each competitor lives in a process of its own and trains a while when it is told.

A line of JSON on standard input says what to train and for how many seconds; a line on standard output answers with
samples per second and the training loss. All learn the same images with the same shapes, batch size and kind of order
(shuffled every epoch), and each keeps the data as its users do: one byte a pixel here, which makes gathering and
scaling a part of our step, float32 elsewhere.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

import mlp_data
import mlp_train
from mlp_train.events import EpochEnd

RATES = {"momentum": 0.03, "adam": 0.001}
MOMENTUM = 0.9
WATCHED = 10_000  # samples whose loss shows that a competitor learns, where its training does not tell
CHUNK = 20_000  # samples that scikit-learn sees in one call, so that a call ends soon


@dataclass
class Training:
    """A network in training: each `next(steps)` trains on and says how many samples that were; `loss` how it goes."""

    steps: Iterator[int]
    loss: Callable[[], float]


def images(source: str, kind: Any = np.float32) -> tuple[Any, Any]:
    """Return training images as rows of numbers from 0 to 1, and their classes."""
    split = mlp_data.load(source).splits["train"]
    return split.x.reshape(len(split.x), -1).astype(kind) / kind(255), split.y


def ours(source: str, threads: int) -> Callable[..., Training]:
    """Train as `mlp_train.train` does; `setting` is the number of processes, which use one thread each."""
    del threads
    dataset = mlp_data.load(source)

    def begin(sizes: list[int], batch: int, optimizer: str, setting: str) -> Training:
        options = {"hidden": tuple(sizes[1:-1]), "batch_size": batch or "full", "optimizer": optimizer}
        options |= {"lr": RATES[optimizer], "momentum": MOMENTUM, "schedule": "constant", "warmup": 0.0}
        events = mlp_train.train(
            dataset, workers=int(setting), epochs=10**6, label_smoothing=0.0, valid_fraction=0.0, **options
        )
        started = next(events)
        loss = [started.first_loss]

        def steps() -> Iterator[int]:
            for event in events:
                if isinstance(event, EpochEnd):  # only there do all processes rest
                    loss[0] = event.loss
                    yield started.samples

        return Training(steps(), lambda: loss[0])

    return begin


def pytorch(source: str, threads: int) -> Callable[..., Training]:
    """Train eagerly with autograd, batches cut by indexing a tensor; `setting` is the kind of optimizer."""
    import torch

    torch.set_num_threads(threads)
    x, y = (torch.from_numpy(part) for part in images(source))
    criterion = torch.nn.functional.cross_entropy

    def begin(sizes: list[int], batch: int, optimizer: str, setting: str) -> Training:
        layers = [layer for a, b in pairwise(sizes) for layer in (torch.nn.Linear(a, b), torch.nn.ReLU())]
        model = torch.nn.Sequential(*layers[:-1])
        kind = {} if setting == "default" else {setting: True}
        if optimizer == "adam":
            updater: Any = torch.optim.Adam(model.parameters(), RATES[optimizer], **kind)
        else:
            updater = torch.optim.SGD(model.parameters(), RATES[optimizer], MOMENTUM, **kind)

        def steps() -> Iterator[int]:
            while True:
                for chosen in torch.randperm(len(x)).split(batch) if batch else [None]:
                    some, classes = (x, y) if chosen is None else (x[chosen], y[chosen])
                    updater.zero_grad()
                    criterion(model(some), classes).backward()
                    updater.step()
                    yield len(some)

        def loss() -> float:
            with torch.no_grad():
                return criterion(model(x[:WATCHED]), y[:WATCHED]).item()

        return Training(steps(), loss)

    return begin


def sklearn(source: str, threads: int) -> Callable[..., Training]:
    """Train MLPClassifier in float32 by `partial_fit`, which makes one pass in batches and never stops early."""
    from sklearn.neural_network import MLPClassifier

    x, y = images(source)
    threadpool_limits(threads)

    def begin(sizes: list[int], batch: int, optimizer: str, setting: str) -> Training:
        del setting
        model = MLPClassifier(
            sizes[1:-1],
            solver="adam" if optimizer == "adam" else "sgd",
            alpha=0.0,
            batch_size=batch or len(x),
            learning_rate_init=RATES[optimizer],
            momentum=MOMENTUM,
            nesterovs_momentum=False,
            shuffle=bool(batch),  # of all samples at once it would only be a copy
            random_state=0,
        )

        def steps() -> Iterator[int]:
            size = CHUNK if batch else len(x)
            while True:
                for start in range(0, len(x), size):
                    some = slice(start, start + size)
                    model.partial_fit(x[some], y[some], classes=range(sizes[-1]))
                    yield len(x[some])

        return Training(steps(), lambda: getattr(model, "loss_", math.log(sizes[-1])))

    return begin


def jax(source: str, threads: int) -> Callable[..., Training]:
    """Train by one compiled `lax.scan` an epoch, whose last, smaller batch is left out."""
    if threads == 1:
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # XLA takes as many threads as it sees cores
    import jax
    import jax.numpy as jnp

    pixels, classes = images(source)
    x, y = jnp.asarray(pixels), jax.nn.one_hot(classes, 10)

    def mean_loss(layers: Any, x: Any, y: Any) -> Any:
        for weight, bias in layers[:-1]:
            x = jax.nn.relu(x @ weight + bias)
        return -(jax.nn.log_softmax(x @ layers[-1][0] + layers[-1][1]) * y).sum(axis=1).mean()

    def adam(layers: Any, memory: Any, gradient: Any) -> tuple[Any, Any]:
        each, (mean, square, count) = jax.tree.map, memory
        count = count + 1
        mean = each(lambda m, g: 0.9 * m + 0.1 * g, mean, gradient)
        square = each(lambda v, g: 0.999 * v + 0.001 * g * g, square, gradient)
        scale = RATES["adam"] * jnp.sqrt(1 - 0.999**count) / (1 - 0.9**count)
        return each(lambda p, m, v: p - scale * m / (jnp.sqrt(v) + 1e-8), layers, mean, square), (mean, square, count)

    def sgd(layers: Any, memory: Any, gradient: Any) -> tuple[Any, Any]:
        velocity = jax.tree.map(lambda v, g: MOMENTUM * v + g, memory[0], gradient)
        return jax.tree.map(lambda p, v: p - RATES["momentum"] * v, layers, velocity), (velocity, *memory[1:])

    def begin(sizes: list[int], batch: int, optimizer: str, setting: str) -> Training:
        del setting
        update = adam if optimizer == "adam" else sgd

        def epoch(carry: Any, x: Any, y: Any, order: Any) -> Any:
            def step(carry: Any, chosen: Any) -> Any:
                some = (x[chosen], y[chosen]) if batch else (x, y)
                return update(*carry, jax.grad(mean_loss)(carry[0], *some)), None

            return jax.lax.scan(step, carry, order)[0]

        compiled = jax.jit(epoch, donate_argnums=0)
        generator = np.random.default_rng(0)
        layers = [
            (jnp.asarray(generator.normal(0, math.sqrt(2 / a), (a, b)), jnp.float32), jnp.zeros(b))
            for a, b in pairwise(sizes)
        ]
        zeros = [jax.tree.map(jnp.zeros_like, layers) for _ in range(2)]
        carry = [(layers, (*zeros, jnp.float32(0)))]

        def steps() -> Iterator[int]:
            size = batch or len(x)
            while True:
                order = generator.permutation(len(x))[: len(x) // size * size].reshape(-1, size).astype(np.int32)
                carry[0] = jax.block_until_ready(compiled(carry[0], x, y, order if batch else order[:, :1]))
                yield order.size

        return Training(steps(), lambda: float(mean_loss(carry[0][0], x[:WATCHED], y[:WATCHED])))

    return begin


def gemm(source: str, threads: int) -> Callable[..., Training]:
    """Compute the matrix products of a step and nothing else; `setting` is NumPy's function for them."""
    rows = len(mlp_data.load(source).splits["train"].x)
    threadpool_limits(threads)

    def begin(sizes: list[int], batch: int, optimizer: str, setting: str) -> Training:
        del optimizer
        multiply, generator = getattr(np, setting), np.random.default_rng(0)

        def some(*shape: int) -> Any:
            return generator.normal(size=shape).astype(np.float32)

        n, products = batch or rows, []
        for i, (a, b) in enumerate(pairwise(sizes)):
            (
                given,
                weight,
                d,
            ) = some(n, a), some(a, b), some(n, b)
            products += [(given, weight, some(n, b)), (given.T, d, some(a, b))]
            if i:
                products.append((d, weight.T, some(n, a)))

        def steps() -> Iterator[int]:
            while True:
                for a, b, out in products:
                    multiply(a, b, out=out)
                yield n

        return Training(steps(), lambda: math.nan)

    return begin


def main(name: str, threads: str, source: str) -> None:
    """Train whatever the lines of standard input say."""
    begin = {"ours": ours, "pytorch": pytorch, "sklearn": sklearn, "jax": jax, "gemm": gemm}[name](source, int(threads))
    work, trainings = None, {}
    for line in sys.stdin:
        told = json.loads(line)
        seconds, setting = told.pop("seconds"), told.pop("setting")
        if told != work:
            work, trainings = told, {}
        if setting not in trainings:
            trainings[setting] = begin(**told, setting=setting)
        training = trainings[setting]
        first, samples, began = training.loss(), 0, time.perf_counter()
        for more in training.steps:
            samples += more
            if (passed := time.perf_counter() - began) >= seconds:
                break
        print(json.dumps({"speed": samples / passed, "first": first, "loss": training.loss()}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
