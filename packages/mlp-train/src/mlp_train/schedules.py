"""A schedule says how large the steps are at each moment of the training, as a share of the learning rate."""

from __future__ import annotations

import math
from collections.abc import Callable

Schedule = Callable[[float], float]  # progress in [0, 1] -> share of the learning rate


def constant(progress: float) -> float:
    """Return 1: the steps keep their size."""
    return 1.0


def cosine(progress: float) -> float:
    """Return (1 + cos(pi progress)) / 2: large steps first, ever finer ones at the end (Loshchilov and Hutter, 2017).

    >>> cosine(0.0), cosine(0.5), cosine(1.0)
    (1.0, 0.5, 0.0)
    """
    return 0.5 * (1.0 + round(math.cos(math.pi * progress), 15))


SCHEDULES: dict[str, Schedule] = {"constant": constant, "cosine": cosine}


def learning_rate(schedule: str, lr: float, step: int, steps: int, warmup: float) -> float:
    """Return the learning rate of one step (0, 1, ...) out of `steps`.

    In the first `warmup` share of the steps it rises in a straight line to `lr`, so that the first, least informed
    gradients cannot throw the weights far away; the schedule has the rest.

    >>> [learning_rate("constant", 1.0, step, 10, warmup=0.2) for step in (0, 1, 2)]
    [0.5, 1.0, 1.0]
    """
    warmup_steps = int(warmup * steps)
    if step < warmup_steps:
        return lr * (step + 1) / warmup_steps
    return lr * SCHEDULES[schedule]((step - warmup_steps) / max(1, steps - warmup_steps))
