"""A range test finds a learning rate: raise it step by step, and see where the loss falls and where it breaks.

Smith (2017), Cyclical learning rates for training neural networks, section 3.3.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

LOWEST, HIGHEST, STEPS = 1e-6, 10.0, 100
MOST_OF_IT = 0.9  # of the whole fall of the loss: from this learning rate on, steps are large enough
MARGIN = 1.5  # to stay below where it would break, as training goes on for longer than the test
NEAR = 30.0  # so many times apart, the test and the optimizer's default still agree


def find_lr(step: Callable[[float], float], *, default: float, steps: int = STEPS) -> float:
    """Return a learning rate large enough to get on and small enough to last; `default` where none lowers the loss.

    `step(lr)` does one step of training, on the next batch and at exactly this learning rate, without the schedule, and
    returns a loss after it: that of the same samples every time (a thousand do), without dropout or noise, so that the
    differences between batches are not taken for progress. A loss that is not finite, or half as high again as the
    first one, ends the test; `step` returns such a loss and does not raise.

    Whoever calls begins with the parameters that training will begin with and a fresh optimizer, and afterwards puts
    parameters, optimizer and random numbers back, so that training goes as if it had been given the learning rate.

    The rate rises from 1e-6 to 10 by the same factor every step. What the test says is the middle, on a logarithmic
    scale, of the rate at which 90 % of the fall was reached and the rate at which the loss was lowest, less a margin.
    Each alone is less reliable: the first is too small where the loss of the random start is large and falls at a
    touch, the second too large where the optimizer limits its own steps. But a test of a hundred steps knows little of
    a training of thousands, and `default` nothing of the data: where they are less than 30 times apart, the answer is
    the middle of the two. `benchmarks/lr_finder.py` compares it with the defaults.

    >>> place = [1.0]
    >>> def step(lr):
    ...     place[0] -= lr * place[0]  # downhill on x^2 / 2, which breaks from lr = 2 on
    ...     return place[0] ** 2 / 2
    >>> 0.1 < find_lr(step, default=0.01) < 1
    True
    """
    rates: list[float] = np.geomspace(LOWEST, HIGHEST, steps).tolist()
    losses: list[float] = []
    for rate in rates:
        loss = step(rate)
        if not math.isfinite(loss) or (losses and loss > losses[0] + abs(losses[0]) / 2):
            break
        losses.append(loss)
    return choose_lr(rates[: len(losses)], losses, default)


def choose_lr(rates: Sequence[float], losses: Sequence[float], default: float) -> float:
    """Return the learning rate for which the losses of a range test speak.

    >>> choose_lr([0.01, 0.06, 0.1, 0.6], [1.0, 0.05, 0.0, 0.5], default=10.0)
    0.0516...
    """
    if not losses or min(losses) >= losses[0]:
        return default
    best = int(np.argmin(losses))
    fall = losses[0] - np.minimum.accumulate(losses)
    enough = int(np.argmax(fall >= MOST_OF_IT * fall[best]))
    found = math.sqrt(rates[enough] * rates[best]) / MARGIN
    return math.sqrt(found * default) if 1 / NEAR < found / default < NEAR else found
