"""Training samples may be disturbed afresh in every step, so that the network learns what survives it."""

from __future__ import annotations

import numpy as np

from mlp_train.array import Array


def with_noise(x: Array, deviation: float, generator: np.random.Generator) -> Array:
    """Return x plus normal noise of this standard deviation (Bishop, 1995: much like a penalty on large weights)."""
    noise = generator.standard_normal(x.shape, x.dtype)
    noise *= deviation
    noise += x
    return noise


def mixup(
    x: Array, y: Array, weight: Array | None, alpha: float, generator: np.random.Generator
) -> tuple[Array, Array, Array | None]:
    """Return every row mixed with another one of the batch, inputs and targets alike (Zhang et al., 2018).

    The share of the first is drawn from Beta(alpha, alpha), once for the batch: near 0 or 1 for a small alpha.

    >>> x = y = np.array([[0.0], [1.0]])
    >>> mixed, targets, _ = mixup(x, y, None, 0.4, np.random.default_rng(2))
    >>> bool((mixed == targets).all()), float(mixed.sum())
    (True, 1.0)
    """
    share = x.dtype.type(generator.beta(alpha, alpha))
    other = generator.permutation(len(x))
    mixed = [None if rows is None else share * rows + (1 - share) * rows[other] for rows in (x, y, weight)]
    assert mixed[0] is not None
    assert mixed[1] is not None
    return mixed[0], mixed[1], mixed[2]
