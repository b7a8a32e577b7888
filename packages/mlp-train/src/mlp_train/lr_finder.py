"""A range test finds a learning rate: raise it step by step, and see where the loss falls well and where it breaks.

Smith (2017), Cyclical learning rates for training neural networks, section 3.3.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

LOWEST, HIGHEST, STEPS = 1e-6, 10.0, 100
MOST_OF_IT = 0.8  # the share of the whole fall of the loss at which a learning rate works well


def find_lr(
    step: Callable[[float], float],
    *,
    default: float,
    lowest: float = LOWEST,
    highest: float = HIGHEST,
    steps: int = STEPS,
) -> float:
    """Return a learning rate between those at which the loss falls well and at which it is lowest.

    `step(lr)` does one step of training, on the next batch, with exactly this learning rate (no schedule), and returns
    a loss afterwards: that of the same samples every time, without dropout and noise, lest the differences between
    batches be taken for progress. A thousand samples do. A loss that is not finite, or higher than at the beginning,
    ends the test; `step` should not raise for it. The caller begins with fresh parameters and a fresh optimizer, and
    throws both away afterwards, with the random numbers that were used; the real training then begins as if there had
    been no test.

    The rate rises by the same factor each step. Where training is to last, one wants more than the first rate that
    moves anything and less than the last that still does: so the answer lies in the middle, on a logarithmic scale, of
    the rate at which 80 % of the fall is reached and the rate of the lowest loss. `default` is returned where the loss
    does not fall at all.

    >>> position = [1.0]
    >>> def step(lr):
    ...     position[0] -= lr * position[0]  # the loss is x^2 / 2, which diverges from lr = 2 on
    ...     return position[0] ** 2 / 2
    >>> 0.1 < find_lr(step, default=0.01) < 1
    True
    """
    rates = np.geomspace(lowest, highest, steps)
    losses: list[float] = []
    for rate in rates:
        loss = step(float(rate))
        if not math.isfinite(loss) or (losses and loss > losses[0] + abs(losses[0]) / 2):
            break
        losses.append(loss)
    return choose_lr(rates[: len(losses)].tolist(), losses, default)


def choose_lr(rates: list[float], losses: list[float], default: float) -> float:
    """Return the learning rate that the losses of a range test speak for.

    >>> choose_lr([0.01, 0.1, 1.0, 10.0], [1.0, 0.9, 0.2, 0.1], default=0.5)
    3.16227...
    """
    if len(losses) < 2 or min(losses) >= losses[0]:
        return default
    best = int(np.argmin(losses))
    fallen = losses[0] - np.minimum.accumulate(losses)
    well = int(np.argmax(fallen >= MOST_OF_IT * fallen[best]))
    return math.sqrt(rates[well] * rates[best])
