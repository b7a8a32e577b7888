"""Resizing gives a frame another number of pixels, as cv2.INTER_AREA does, but with whole numbers alone.

Whole numbers make every sum exact, so that a frame gives the same pixels on every machine, whatever its BLAS. There are
two rules. Where no side grows, each new pixel is the mean over the area that it covers: two small matrix products, one
mixes the rows and the other the columns. Where a side grows, each new pixel blends two old ones in either direction.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

_EXACT = 2**24  # float32 holds every whole number up to here
_BLOCK = 2**18  # pixels converted to float at a time
_KEPT = 2**14  # weights of a matrix that is kept for the next frame of that size; 64 of these take 4 MB
_ONE = 2**11  # the shares of two blended pixels add up to this


def resize(frame: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return a frame (h, w) or (h, w, channels) in a new size; the levels of means are rounded, halves to even.

    >>> resize(np.array([[0, 100, 50], [20, 100, 70]], np.uint8), 1, 3)
    array([[ 10, 100,  60]], dtype=uint8)
    """
    if frame.shape[:2] == (height, width):
        return frame
    if frame.ndim == 3:
        return np.stack([resize(frame[..., c], height, width) for c in range(frame.shape[2])], axis=-1)
    grows = height > frame.shape[0] or width > frame.shape[1]
    return _blend(frame, height, width) if grows else _mean(frame, height, width)


def _mean(frame: np.ndarray, height: int, width: int) -> np.ndarray:
    total = frame.shape[0] * frame.shape[1]
    exact = np.float32 if 255 * total < _EXACT else np.float64
    sides = zip(frame.shape, (height, width))
    down, across = ((_remembered if n * m <= _KEPT else _area)(n, m).astype(exact, copy=False) for n, m in sides)
    mixed = np.zeros((height, frame.shape[1]), exact)
    step = max(1, _BLOCK // frame.shape[1])
    for start in range(0, len(frame), step):
        mixed += down[:, start : start + step] @ frame[start : start + step].astype(exact)
    return np.asarray(np.rint((mixed @ across.T).astype(np.float64) / total), np.uint8)


def _area(n_in: int, n_out: int) -> np.ndarray:
    """Return the weights of one direction, float32 (n_out, n_in); each row of them adds up to n_in."""
    # In units of 1/n_out of an old pixel, old pixel j covers [j n_out, (j+1) n_out), new pixel i [i n_in, (i+1) n_in).
    new = np.arange(n_out, dtype=np.int64)[:, None] * n_in
    old = np.arange(n_in, dtype=np.int64)[None, :] * n_out
    overlap = np.minimum(new + n_in, old + n_out) - np.maximum(new, old)
    return np.asarray(np.maximum(overlap, 0), np.float32)


_remembered = lru_cache(maxsize=64)(_area)


def _blend(frame: np.ndarray, height: int, width: int) -> np.ndarray:
    top, bottom, down = _pairs(frame.shape[0], height)
    left, right, across = _pairs(frame.shape[1], width)
    mixed = frame.take(left, axis=1) * (_ONE - across)
    mixed += frame.take(right, axis=1) * across
    upper, lower, down = mixed.take(top, axis=0), mixed.take(bottom, axis=0), down[:, None]
    # OpenCV drops the same bits, for products of 16 bits: its levels come out, not only levels close to them.
    levels = ((upper >> 4) * (_ONE - down) >> 16) + ((lower >> 4) * down >> 16)
    return np.asarray(levels + 2 >> 2, np.uint8)


@lru_cache(maxsize=64)
def _pairs(n_in: int, n_out: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return for each new pixel of one direction the two old ones that it blends, and the share of the second."""
    # New pixel i begins in old pixel j, and `past` of its n_in parts lie past the end of j. OpenCV rounds before it
    # multiplies: where i begins exactly with j, it may find the pixel before, as this calculation then does.
    new = np.arange(n_out, dtype=np.int64)
    old = np.floor(new * (1 / (n_out / n_in))).astype(np.int64)
    past = np.maximum((new + 1) * n_in - (old + 1) * n_out, 0) % n_in
    share = np.rint(past * _ONE / n_in).astype(np.int64) * (old < n_in - 1)
    # A machine of 32 bits refuses to take by int64.
    return old.astype(np.intp), np.minimum(old + 1, n_in - 1).astype(np.intp), share
