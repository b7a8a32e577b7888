"""A schedule says how large the steps are at each moment of the training, as a share of the learning rate."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

Schedule = Callable[[float], float]  # progress in [0, 1] -> share of the learning rate


def constant(progress: float) -> float:
    """Return 1: the steps keep their size."""
    return 1.0


def step(progress: float) -> float:
    """Return 1, then 1/10 from the half on and 1/100 in the last quarter (as in He et al., 2016, section 4.2).

    >>> step(0.49), step(0.5), step(0.75)
    (1.0, 0.1, 0.01)
    """
    return 1.0 if progress < 0.5 else 0.1 if progress < 0.75 else 0.01


def exponential(progress: float) -> float:
    """Return 0.01^progress: the steps lose the same share every time, and end at a hundredth.

    >>> exponential(0.0), exponential(0.5), exponential(1.0)
    (1.0, 0.1, 0.01)
    """
    return float(0.01**progress)


def cosine(progress: float) -> float:
    """Return (1 + cos(pi progress)) / 2: large steps first, ever finer ones at the end (Loshchilov and Hutter, 2017).

    >>> cosine(0.0), cosine(0.5), cosine(1.0)
    (1.0, 0.5, 0.0)
    """
    return 0.5 * (1.0 + round(math.cos(math.pi * progress), 15))


def one_cycle(progress: float) -> float:
    """Rise from 1/25 to 1 in the first 30 %, then fall to almost nothing (Smith and Topin, 2018, arXiv:1708.07120).

    Both ways are halves of a cosine. The long time near the full learning rate lets it be larger than others can bear.

    >>> one_cycle(0.0), one_cycle(0.3), one_cycle(0.65), one_cycle(1.0)
    (0.04, 1.0, 0.5, 0.0)
    """
    if progress < 0.3:
        return 0.04 + 0.96 * (1 - cosine(progress / 0.3))
    return cosine((progress - 0.3) / 0.7)


def coslog4(progress: float) -> float:
    """Return (1 - cos(2 pi log2(1 + 15 progress))) / 2: four hills, each twice as long as the one before.

    The early, short ones try large steps without staying there (Holzmueller, Grinsztajn and Steinwart, 2024,
    arXiv:2407.04491).

    >>> [round(coslog4((2**hills - 1) / 15), 6) for hills in (0, 0.5, 1, 1.5, 3.5, 4)]
    [0.0, 1.0, 0.0, 1.0, 1.0, 0.0]
    """
    return 0.5 * (1 - math.cos(2 * math.pi * math.log2(1 + 15 * progress)))


class Plateau:
    """Smaller steps whenever the loss no longer falls: reduce-on-plateau.

    `observe(loss)` is told a loss after every epoch, best that of held-out samples, and returns the share of the
    learning rate from then on. The share is multiplied by `factor` once the loss has not fallen by a ten-thousandth of
    its lowest value for more than `patience` epochs; then as many epochs pass again before the next cut.

    >>> plateau = Plateau(factor=0.5, patience=1)
    >>> [plateau.observe(loss) for loss in (2.0, 1.0, 1.0, 1.0, 0.9, 0.9, 0.9)]
    [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25]
    """

    def __init__(self, factor: float = 0.3, patience: int = 5) -> None:
        self.factor, self.patience = factor, patience
        self.share, self.lowest, self.waited = 1.0, math.inf, 0

    def observe(self, loss: float) -> float:
        """Take note of a loss and return the share of the learning rate from here on."""
        enough = 0.0 if math.isinf(self.lowest) else 1e-4 * abs(self.lowest)
        if loss < self.lowest - enough:
            self.lowest, self.waited = loss, 0
        else:
            self.waited += 1
        if self.waited > self.patience:
            self.share, self.waited = self.share * self.factor, 0
        return self.share

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint keeps, as JSON knows it."""
        lowest = None if math.isinf(self.lowest) else self.lowest
        return {"share": self.share, "lowest": lowest, "waited": self.waited}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over the state of a checkpoint."""
        self.share, self.waited = state["share"], state["waited"]
        self.lowest = math.inf if state["lowest"] is None else state["lowest"]


SCHEDULES: dict[str, Schedule] = {
    "constant": constant,
    "step": step,
    "exponential": exponential,
    "cosine": cosine,
    "one-cycle": one_cycle,
    "coslog4": coslog4,
    "plateau": constant,  # by itself: the trainer multiplies it by what `Plateau` says of each epoch's loss
}
RISING = ("one-cycle", "coslog4")  # they begin small by themselves


def learning_rate(schedule: str, lr: float, step: int, steps: int, warmup: float) -> float:
    """Return the learning rate of one step (0, 1, ...) out of `steps`.

    In the first `warmup` share of the steps it rises in a straight line to `lr`, so that the first, least informed
    gradients cannot throw the weights far away; the schedule has the rest. Schedules that rise by themselves have all
    steps, and are read in the middle of each, where they are not zero.

    >>> [learning_rate("constant", 1.0, step, 10, warmup=0.2) for step in (0, 1, 2)]
    [0.5, 1.0, 1.0]
    """
    if schedule in RISING:
        return lr * SCHEDULES[schedule]((step + 0.5) / steps)
    warmup_steps = int(warmup * steps)
    if step < warmup_steps:
        return lr * (step + 1) / warmup_steps
    return lr * SCHEDULES[schedule]((step - warmup_steps) / max(1, steps - warmup_steps))
