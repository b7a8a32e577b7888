"""Dropout leaves out some units at random in every step, so that no unit can rely on another one being there."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlp_train.array import Array


def draw_mask(generator: np.random.Generator, rows: int, units: int, rate: float, dtype: Any) -> Array:
    """Return a mask (rows, units): 0 where a unit is left out, 1 / (1 - rate) where it stays.

    The enlargement keeps the expected sum of a layer as it is without dropout, which is how the finished network is
    used (Srivastava et al., 2014). `rate` is met to 1/65,536, because two random bytes a unit are enough and quick.

    >>> draw_mask(np.random.default_rng(2), 1, 6, 0.5, np.float32).tolist()
    [[0.0, 2.0, 0.0, 0.0, 0.0, 0.0]]
    """
    left_out = round(rate * 65536)
    drawn = generator.integers(0, 65536, (rows, units), np.uint16)
    kept: Array = (drawn >= left_out).astype(dtype)
    kept *= 65536 / (65536 - left_out)
    return kept
