"""Whatever a camera, a file or an array holds becomes uint8 pixels here: one level a pixel, or red, green and blue."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import InputError
from .common import came

# Grey by ITU-R BT.601, 0.299 R + 0.587 G + 0.114 B, in integers that add up to 2**15: the same on every machine.
_RED, _GREEN, _BLUE = 9798, 19235, 3735
_BLOCK = 2**18  # pixels converted at a time, so that a large photograph needs little memory beside itself


def as_uint8(frames: np.ndarray, count: int) -> np.ndarray:
    """Return frames as uint8, by a rule that never guesses. `count` frames are held along the first axis.

    bool: False is 0, True is 255. Whole numbers: 0..255. Floats: a frame whose largest value is at most 1 is read as
    0..1, one whose largest value is 16 to 255 as 0..255. All else raises InputError, which says how to get there.

    >>> as_uint8(np.array([[0.0, 0.5, 1.0]]), 1)
    array([[  0, 128, 255]], dtype=uint8)
    """
    if frames.dtype == np.uint8:
        return frames
    if frames.dtype == bool:
        levels: np.ndarray = np.where(frames, np.uint8(255), np.uint8(0))
        return levels
    low, high = frames.min(), frames.max()
    if frames.dtype.kind == "f":
        return _from_floats(frames, count, float(low), float(high))
    if frames.dtype == np.uint16:
        raise InputError(
            "a uint16 frame came, which may hold 10, 12 or 16 bits a pixel: give uint8, "
            "for 16 bits by (frame >> 8).astype('uint8')"
        )
    if low < 0 or high > 255 or 0 < high <= 1:
        raise InputError(
            f"a frame of {frames.dtype} with values from {low} to {high} came, but whole numbers are read as 0 to 255: "
            f"give uint8 levels, or bool for a mask of 0 and 1"
        )
    return frames.astype(np.uint8)


def _from_floats(frames: np.ndarray, count: int, low: float, high: float) -> np.ndarray:
    if not (np.isfinite(low) and np.isfinite(high)):  # the extremes of an array that holds NaN are NaN
        raise InputError("the frame holds NaN or infinity, but a pixel is a number: replace them first")
    peaks = frames.reshape(count, -1).max(axis=1)
    small = peaks <= 1.0
    unclear = bool((~small & (peaks < 16.0)).any()) or bool(small[peaks > 0].any() and not small.all())
    if low < 0.0 or high > 255.0 or unclear:
        what = "frames of both kinds" if unclear and high >= 16.0 else f"values from {low:.6g} to {high:.6g}"
        raise InputError(
            f"a float array with {what} came, but floats are read as 0..1 when the largest is at most 1 and as 0..255 "
            f"when it is 16 to 255: clip and round it to uint8 first"
        )
    levels: np.ndarray = frames * frames.dtype.type(255 if small.all() else 1)
    np.rint(levels, out=levels)
    return levels.astype(np.uint8)


def grey(frames: np.ndarray) -> np.ndarray:
    """Return (..., 3) RGB or (..., 4) RGBA frames in grey, transparent pixels over white.

    >>> grey(np.array([[[255, 0, 0], [255, 255, 255]]], np.uint8))
    array([[ 76, 255]], dtype=uint8)
    """
    flat = frames.reshape(-1, frames.shape[-1])
    out = np.empty(len(flat), np.uint8)
    for start in range(0, len(flat), _BLOCK):
        block = _over_white(flat[start : start + _BLOCK]).astype(np.uint32)
        sums = block[:, 0] * _RED + block[:, 1] * _GREEN + block[:, 2] * _BLUE
        out[start : start + _BLOCK] = (sums + (1 << 14)) >> 15
    return out.reshape(frames.shape[:-1])


def colour(frames: np.ndarray) -> np.ndarray:
    """Return (..., 3) RGB frames from RGB or RGBA, transparent pixels over white."""
    if frames.shape[-1] == 3:
        return frames
    flat = frames.reshape(-1, 4)
    out = np.empty((len(flat), 3), np.uint8)
    for start in range(0, len(flat), _BLOCK):
        out[start : start + _BLOCK] = _over_white(flat[start : start + _BLOCK])
    return out.reshape((*frames.shape[:-1], 3))


def _over_white(flat: np.ndarray) -> np.ndarray:
    if flat.shape[1] == 3:
        return flat
    alpha = flat[:, 3:].astype(np.uint32)
    mixed = (flat[:, :3] * alpha + 255 * (255 - alpha) + 127) // 255
    return mixed.astype(np.uint8)


def frame_array(frame: Any) -> np.ndarray:
    """Return one frame or batch as an array of numbers, or raise InputError. PIL images are taken through NumPy."""
    if not isinstance(frame, np.ndarray) and not hasattr(frame, "__array__"):
        hint = ": give numpy.asarray(frame, dtype='uint8')" if isinstance(frame, (list, tuple)) else ""
        raise InputError(f"{came(frame)} came, but the model wants images as arrays of pixels{hint}")
    array = np.asarray(frame)
    if array.dtype.kind not in "uifb":
        raise InputError(f"{came(array)} came, but the model wants pixels that are numbers: give uint8")
    if not array.size:
        raise InputError(f"{came(array)} came, but the model wants at least one frame of at least one pixel")
    return array
