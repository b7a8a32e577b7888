"""Are the probabilities honest: is what the model is 90 % sure of right in 9 of 10 cases?

`probabilities` are rows that sum to 1, (n, classes), `actual` class indices (n,), `weights` (n,) or None.
"""

from __future__ import annotations

import numpy as np

from mlp_train.array import Array

LEAST = float(np.finfo(np.float32).tiny)  # a probability that float32 rounds to 0 costs 87, not infinity
BINS = 15  # as many as Guo et al. take


def are_probabilities(rows: Array) -> bool:
    """Tell whether rows of output can be read as probabilities: from 0 to 1, and 1 in sum.

    >>> are_probabilities(np.array([[0.25, 0.75]])), are_probabilities(np.array([[0.9, 0.9]]))
    (True, False)
    """
    inside = rows.size > 0 and rows.min() >= 0 and rows.max() <= 1 + 1e-6
    return bool(inside and np.abs(rows.sum(axis=1, dtype=np.float64) - 1).max() < 1e-3)


def log_loss(probabilities: Array, actual: Array, weights: Array | None = None) -> float:
    """Return the mean of -log of the probability that the right class was given: 0 is perfect, log(classes) a guess.

    >>> round(log_loss(np.array([[0.5, 0.5], [0.25, 0.75]]), np.array([0, 1])), 4)
    0.4904
    """
    given = probabilities[np.arange(len(actual)), actual].astype(np.float64)
    return float(np.average(-np.log(np.clip(given, LEAST, 1)), weights=weights))


def brier(probabilities: Array, actual: Array, weights: Array | None = None) -> float:
    """Return the mean squared distance of the probabilities from what was the case (Brier, 1950).

    That is the sum over the classes of (p - 1)^2 for the right one and p^2 for the others, from 0 to 2; of two classes
    only the second counts, as is usual, so that it runs from 0 to 1.

    >>> round(brier(np.array([[0.5, 0.5], [0.2, 0.8]]), np.array([0, 1])), 4)
    0.145
    """
    off = probabilities.astype(np.float64)
    off[np.arange(len(actual)), actual] -= 1
    squares = np.square(off[:, 1]) if off.shape[1] == 2 else np.square(off).sum(axis=1)
    return float(np.average(squares, weights=weights))


def calibration_error(probabilities: Array, actual: Array, weights: Array | None = None, bins: int = BINS) -> float:
    """Return the expected calibration error: how far confidence is from accuracy (Naeini, 2015; Guo et al., 2017).

    Samples are put into `bins` of equal width by the probability of the class that the model takes; the error is the
    mean over the samples of |accuracy - mean confidence| in their bin. 0 is perfect.

    >>> sure = np.array([[0.9, 0.1]] * 4)
    >>> round(calibration_error(sure, np.array([0, 0, 0, 1])), 4)
    0.15
    """
    taken = probabilities.argmax(axis=1)
    confidence = probabilities.max(axis=1).astype(np.float64)
    weights = np.ones(len(actual)) if weights is None else weights
    place = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)  # a bin holds its upper edge
    gap = np.bincount(place, weights * ((taken == actual) - confidence), minlength=bins)
    return float(np.abs(gap).sum() / weights.sum())
