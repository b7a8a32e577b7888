"""Whatever a camera, a file or an array holds becomes uint8 pixels here: one level a pixel, or red, green and blue."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import InputError, as_array, shown

# Grey by ITU-R BT.601, 0.299 R + 0.587 G + 0.114 B, in integers that add up to 2**15: the same on every machine.
_RED, _GREEN, _BLUE = 9798, 19235, 3735
_BLOCK = 2**18  # pixels converted at a time, so that a large photograph needs little memory beside itself


def as_uint8(frames: np.ndarray, raw: Any) -> np.ndarray:
    """Return frames (n, ...) as uint8, by a rule that never guesses; the error shows `raw`, which is what came.

    bool: False is 0, True is 255. Whole numbers: 0..255. Floats: a frame whose largest value is at most 1 is read as
    0..1, one whose largest value is 16 to 255 as 0..255. All else raises InputError, which says how to get there.

    >>> as_uint8(np.array([[0.0, 0.5, 1.0]]), None)
    array([[  0, 128, 255]], dtype=uint8)
    """
    if frames.dtype == np.uint8:
        return frames
    if frames.dtype == bool:
        return np.asarray(frames * np.uint8(255))
    peaks = frames.reshape(len(frames), -1).max(axis=1)
    lit = peaks[peaks > 0]  # a black frame is the same in either range
    is_float = frames.dtype.kind == "f"
    is_share = is_float and bool((lit <= 1).all())
    is_level = bool((lit >= (16 if is_float else 2)).all())
    in_range = frames.min() >= 0 and peaks.max() <= 255  # NaN is not
    if not in_range or not (is_share or is_level) or frames.dtype.newbyteorder("=") == np.uint16:
        raise InputError(
            f"{shown(raw)} with values from {frames.min():.6g} to {frames.max():.6g} came, but pixels are uint8, "
            "bool, whole numbers to 255, or floats that reach at most 1 or at least 16: give uint8, "
            "which is (frame >> 8).astype('uint8') for 16 bits"
        )
    levels: np.ndarray = np.rint(frames * frames.dtype.type(255 if is_share else 1))
    return levels.astype(np.uint8)


def grey(frames: np.ndarray) -> np.ndarray:
    """Return (..., 3) RGB or (..., 4) RGBA frames in grey, transparent pixels over white.

    >>> grey(np.array([[[255, 0, 0], [255, 255, 255]]], np.uint8))
    array([[ 76, 255]], dtype=uint8)
    """
    flat = frames.reshape(-1, frames.shape[-1])
    out = np.empty(len(flat), np.uint8)
    for start in range(0, len(flat), _BLOCK):
        block = colour(flat[start : start + _BLOCK]).astype(np.uint32)
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
        block = flat[start : start + _BLOCK].astype(np.uint32)
        alpha = block[:, 3:]
        out[start : start + _BLOCK] = (block[:, :3] * alpha + 255 * (255 - alpha) + 127) // 255
    return out.reshape((*frames.shape[:-1], 3))


def frame_array(frame: Any) -> np.ndarray:
    """Return one frame or batch as an array of numbers, or raise InputError. PIL images are taken through NumPy."""
    is_array = hasattr(frame, "__array__") or hasattr(frame, "__array_interface__")  # PIL has only the second
    array = as_array(frame if is_array else None)
    if array.dtype.kind not in "uifb" or not array.size:
        is_file = isinstance(frame, (str, bytes)) or hasattr(frame, "__fspath__")
        hint = ": decode it first, as PIL.Image.open does" if is_file else ""
        if isinstance(frame, (list, tuple)):
            hint = ": give numpy.asarray(frame, dtype='uint8')"
        raise InputError(f"{shown(frame)} came, but the model wants images as arrays of pixels{hint}")
    return array
