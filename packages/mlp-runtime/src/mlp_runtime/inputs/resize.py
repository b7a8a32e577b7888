"""Resizing is two small matrix products: one matrix mixes the rows of a frame, the other its columns.

The weights are whole numbers, so that every sum is exact in floating point and a frame gives the same pixels on every
machine, whatever its BLAS. Shrinking averages the area that falls into each new pixel, as cv2.INTER_AREA does;
enlarging interpolates between the two nearest pixels, centres aligned, as cv2.INTER_LINEAR does.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Callable

import numpy as np

_EXACT = 2**24  # float32 holds every whole number up to here
_BLOCK = 2**18  # pixels converted to float at a time
_KEPT = 2**14  # weights of a matrix that is kept for the next frame of that size; 64 of these take 4 MB


def resize(frame: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return a frame (h, w) or (h, w, channels) in a new size; levels are rounded, halves to even.

    >>> resize(np.array([[0, 100, 50], [20, 100, 70]], np.uint8), 1, 3)
    array([[ 10, 100,  60]], dtype=uint8)
    """
    if frame.shape[:2] == (height, width):
        return frame
    if frame.ndim == 3:
        return np.stack([resize(frame[..., c], height, width) for c in range(frame.shape[2])], axis=-1)
    down, rows_total = _weights(frame.shape[0], height)
    across, columns_total = _weights(frame.shape[1], width)
    total = rows_total * columns_total
    if 255 * total >= _EXACT:
        down, across = down.astype(np.float64), across.astype(np.float64)
    mixed = np.zeros((height, frame.shape[1]), down.dtype)
    step = max(1, _BLOCK // frame.shape[1])
    for start in range(0, len(frame), step):
        mixed += down[:, start : start + step] @ frame[start : start + step].astype(down.dtype)
    sums = (mixed @ across.T).astype(np.float64)
    resized: np.ndarray = np.rint(sums / total).astype(np.uint8)
    return resized


def _weights(n_in: int, n_out: int) -> tuple[np.ndarray, int]:
    """Return the weights of one direction, float32 (n_out, n_in), and the number that each row of them adds up to."""
    make = _area if n_out <= n_in else _linear
    return _remembered(make, n_in, n_out) if n_in * n_out <= _KEPT else make(n_in, n_out)


def _area(n_in: int, n_out: int) -> tuple[np.ndarray, int]:
    # In units of 1/n_out of an old pixel, old pixel j covers [j n_out, (j+1) n_out), new pixel i [i n_in, (i+1) n_in).
    new = np.arange(n_out)[:, None] * n_in
    old = np.arange(n_in)[None, :] * n_out
    overlap = np.minimum(new + n_in, old + n_out) - np.maximum(new, old)
    return np.maximum(overlap, 0).astype(np.float32), n_in


def _linear(n_in: int, n_out: int) -> tuple[np.ndarray, int]:
    # The centre of new pixel i lies at (i + 1/2) n_in / n_out - 1/2 in old pixels: here in units of 1 / (2 n_out).
    unit = 2 * n_out
    centre = np.clip((2 * np.arange(n_out) + 1) * n_in - n_out, 0, (n_in - 1) * unit)
    left = centre // unit
    right = np.minimum(left + 1, n_in - 1)
    weights = np.zeros((n_out, n_in), np.float32)
    np.add.at(weights, (np.arange(n_out), left), unit - centre % unit)
    np.add.at(weights, (np.arange(n_out), right), centre % unit)
    return weights, unit


@lru_cache(maxsize=64)
def _remembered(make: Callable[[int, int], tuple[np.ndarray, int]], n_in: int, n_out: int) -> tuple[np.ndarray, int]:
    return make(n_in, n_out)
