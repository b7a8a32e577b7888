"""A sample's weight says how much it counts: 2 as much as if the sample were there twice, 0 not at all."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlp_data.errors import DataError, TableError
from mlp_data.labels import Array


class NoWeights(TableError):
    """A table has no column of the name that was given for its weights."""


def sample_weights(given: Any, count: int, what: str) -> Array:
    """Return weights as float64 (count,); DataError where they are not one finite number from 0 on for each sample.

    >>> sample_weights([1, 2.5], 2, "data: sample_weight")
    array([1. , 2.5])
    """
    try:
        weights = np.asarray(given, np.float64)
    except (TypeError, ValueError):
        raise DataError(f"{what}: holds {given!r:.60}, but weights are numbers: give one for each sample") from None
    if weights.shape != (count,):
        raise DataError(f"{what}: has the shape {weights.shape} for {count} samples: give one weight for each")
    bad = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if len(bad):
        raise DataError(
            f"{what}: weight {bad[0]} is {weights[bad[0]]:g}, but a weight is a finite number from 0 on: correct it"
        )
    if not weights.any():
        raise DataError(f"{what}: all {count} weights are 0, so no sample counts: give some that are above 0")
    return weights
