"""How far off are numbers? `predicted` and `actual` are (n,) in the target's unit, `weights` (n,) or None."""

from __future__ import annotations

import numpy as np

from mlp_train.array import Array


def mae(predicted: Array, actual: Array, weights: Array | None = None) -> float:
    """Return the mean absolute error, in the unit of the target.

    >>> mae(np.array([1.0, 3.0]), np.array([0.0, 5.0]))
    1.5
    """
    return float(np.average(np.abs(predicted - actual), weights=weights))


def rmse(predicted: Array, actual: Array, weights: Array | None = None) -> float:
    """Return the root of the mean squared error, in the unit of the target.

    >>> rmse(np.array([1.0, 3.0]), np.array([0.0, 2.0]))
    1.0
    """
    return float(np.sqrt(np.average(np.square(predicted - actual), weights=weights)))


def r2(predicted: Array, actual: Array, weights: Array | None = None) -> float:
    """Return the share of the target's variance that the prediction explains: 1 is perfect, 0 is the mean's.

    Where the target does not vary there is nothing to explain: 0 then.

    >>> r2(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 3.0]))
    1.0
    """
    spread = np.average(np.square(actual - np.average(actual, weights=weights)), weights=weights)
    missed = np.average(np.square(predicted - actual), weights=weights)
    return float(1 - missed / spread) if spread > 0 else 0.0
