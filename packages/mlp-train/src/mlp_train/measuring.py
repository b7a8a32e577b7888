"""Before training begins, some steps that count for nothing tell how fast it will be, and a good learning rate."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from statistics import median

import numpy as np

from mlp_train.assess import look
from mlp_train.blas import one_thread_where_small
from mlp_train.losses import mean_loss
from mlp_train.lr_finder import find_lr
from mlp_train.network import ForwardPass
from mlp_train.optimizers import OPTIMIZERS
from mlp_train.piece import PIECE, Piece
from mlp_train.plan import Plan
from mlp_train.reader import BlockReader
from mlp_train.trainer import Trainer

PROBE = 0.03  # the share of the time limit that the measurement may take ...
LONGEST_PROBE = 3.0  # ... and the seconds at most
SLOW_START = 0.25  # of the time limit; if a first step takes longer there is no time for another
OUTLIER = 3  # times the usual
WATCHED_PIECES = 2  # whose loss a range test looks at: about a thousand samples
LARGEST = 4096  # rows of a batch of a range test, which takes a hundred of them
KEPT = 0.97  # the share of the time that is planned with; machines do not always keep the same speed


def measured(plan: Plan) -> Plan:
    """Return the plan with what its configuration leaves to a measurement."""
    began = time.perf_counter()
    if plan.config.lr == "auto" and plan.found_lr is None:
        plan = replace(plan, found_lr=_good_lr(plan))
    if plan.config.time_limit is not None:
        plan = replace(plan, epochs=_affordable_epochs(plan, plan.config.time_limit, began))
    return plan


def _affordable_epochs(plan: Plan, limit: float, began: float) -> int:
    """Return how many epochs fit into `limit` seconds since `began`, but no more than the plan has."""
    with _trial(plan) as trainer:
        passes = _passes(trainer)
        last = time.perf_counter()
        seen = [next(passes)]
        now = time.perf_counter()
        took = [now - last]
        if took[0] < SLOW_START * limit:  # it paid for what the others find ready, such as libraries from a slow disk
            seen, took, probed = [], [], now
            for samples in passes:
                last, now = now, time.perf_counter()
                seen.append(samples)
                took.append(now - last)
                if now - probed > min(PROBE * limit, LONGEST_PROBE):
                    break
        now = time.perf_counter()
        if plan.valid is not None:
            look(plan, "valid", trainer.network)
        watching = time.perf_counter() - now
    left = limit * KEPT - (time.perf_counter() - began)
    epoch = len(plan.train) * _typical(seen, took) + watching
    return max(1, int(min(left / epoch, plan.epochs)))


def _typical(seen: list[int], took: list[float]) -> float:
    """Return the seconds a sample takes; what else the machine did for a moment counts as three times the usual.

    >>> _typical([100, 100, 100, 100], [1.0, 1.0, 60.0, 1.0])
    0.015
    """
    rates = [seconds / samples for seconds, samples in zip(took, seen, strict=True)]
    most = OUTLIER * median(rates)
    return sum(min(rate, most) * samples for rate, samples in zip(rates, seen, strict=True)) / sum(seen)


def _passes(trainer: Trainer) -> Iterator[int]:
    """Train on and on; yield how many samples were seen since the last time."""
    while True:
        before = 0
        for done in trainer.one_epoch():
            yield done.samples - before
            before = done.samples
        trainer.epoch += 1


def _good_lr(plan: Plan) -> float:
    """Return what a range test with the first samples says."""
    with _trial(replace(plan, workers=1)) as trainer:
        learner = trainer.learner
        assert learner is not None
        batches = _endless_batches(plan, trainer.samples)
        watched = [
            _copy(piece) for piece in islice(trainer.samples.batches(PIECE, plan.shuffle_generator), WATCHED_PIECES)
        ]
        forward = ForwardPass(learner.network, PIECE, keep_last_z=True)

        def step(lr: float) -> float:
            learner.step.begin(lr)
            for piece in batches:
                learner.step.add(piece)
                if piece.ends:
                    break
            learner.step.update()
            losses = []
            for piece in watched:
                learner.network.forward(piece.x, forward)
                losses.append(mean_loss(plan.loss, forward, piece.y))
            return float(np.mean(losses))

        with one_thread_where_small(learner.network, PIECE), np.errstate(over="ignore", invalid="ignore"):
            return find_lr(step, default=OPTIMIZERS[plan.config.optimizer].default_lr)


def _endless_batches(plan: Plan, samples: BlockReader) -> Iterator[Piece]:
    while True:
        yield from samples.batches(min(plan.batch_size, LARGEST), plan.shuffle_generator)


def _copy(piece: Piece) -> Piece:
    return piece._replace(x=piece.x.copy(), y=piece.y.copy())  # the reader would overwrite them


@contextmanager
def _trial(plan: Plan) -> Iterator[Trainer]:
    """A trainer that starts as the real one will, and leaves the plan's random numbers as they were."""
    generators = (plan.weight_generator, plan.shuffle_generator, plan.noise_generator)
    states = [generator.bit_generator.state for generator in generators]
    trainer = Trainer(plan)
    try:
        trainer.start()
        yield trainer
    finally:
        trainer.crew.end()
        for generator, state in zip(generators, states, strict=True):
            generator.bit_generator.state = state
