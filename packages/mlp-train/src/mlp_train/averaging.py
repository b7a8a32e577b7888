"""The average of the weights along the way often answers better than the last weights, which still jump about."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlp_train.array import Array

AVERAGES = ("none", "ema", "swa")


class Average:
    """The running average of a parameter vector.

    `ema` forgets: average = decay average + (1 - decay) w, with the decay rising from 0 as (1 + t) / (10 + t) so that
    the random start is soon forgotten (Polyak and Juditsky, 1992, gave the idea). `swa` is the plain mean of all steps
    from `start` on (Izmailov et al., 2018).

    >>> average = Average("swa", 1, np.float64, start=1)
    >>> for w in (9.0, 1.0, 3.0):
    ...     average.update(np.array([w]))
    >>> average.mean.tolist()
    [2.0]
    """

    def __init__(self, kind: str, size: int, dtype: Any, *, decay: float = 0.999, start: int = 0) -> None:
        self.kind, self.decay, self.start = kind, decay, start
        self.mean: Array = np.zeros(size, dtype)
        self.steps = 0
        self._scratch = np.empty(size, dtype)

    @property
    def is_made(self) -> bool:
        """Whether there is an average yet."""
        return self.steps > self.start

    def update(self, parameters: Array) -> None:
        """Take the parameters after one more step into the average: average += share (w - average)."""
        self.steps += 1
        counted = self.steps - self.start
        if counted <= 0:
            return
        kept = min(self.decay, counted / (9 + counted)) if self.kind == "ema" else (counted - 1) / counted
        np.subtract(parameters, self.mean, out=self._scratch)
        self._scratch *= 1.0 if counted == 1 else 1 - kept
        self.mean += self._scratch
