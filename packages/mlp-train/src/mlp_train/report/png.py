"""Pictures inside a page: arrays of pixels become PNG data URIs, small and without any other file."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np

from mlp_train.array import Array

POSITIVE, NEGATIVE = (27, 102, 201), (201, 72, 31)  # what weights above and below 0 look like everywhere
LEVELS = 32  # of each sign: as many shades as the eye tells apart here
LARGEST = 56  # pixels of the long side of a frame


def frame(pixels: Array) -> str:
    """Return a frame, uint8 (h, w) or (h, w, 3), as a data URI; a large one is made smaller.

    >>> frame(np.zeros((2, 2), np.uint8))[:30]
    'data:image/png;base64,iVBORw0K'
    """
    pixels = np.ascontiguousarray(smaller(np.asarray(pixels, np.uint8)))
    return _uri(pixels.reshape(len(pixels), -1), pixels.shape[1], 2 if pixels.ndim == 3 else 0)


def smaller(pixels: Array) -> Array:
    """Return the frame with no side above 56 pixels: the means of square blocks, cut where blocks do not fit."""
    step = -(-max(pixels.shape[:2]) // LARGEST)
    height, width = pixels.shape[0] // step, pixels.shape[1] // step
    if step == 1 or not height or not width:
        return pixels[:LARGEST, :LARGEST]
    blocks = pixels[: height * step, : width * step].reshape(height, step, width, step, -1)
    mean: Array = blocks.mean(axis=(1, 3)).astype(np.uint8)
    return mean[..., 0] if pixels.ndim == 2 else mean


def signed(values: Array) -> str:
    """Return numbers (h, w) as shades of blue above 0 and of orange below it; 0 is transparent, on light and on dark.

    Each is beside the largest of all, so that units are comparable.
    """
    top = float(np.abs(values).max()) or 1.0
    index = np.rint(np.clip(values / top, -1, 1) * LEVELS).astype(np.int16) + LEVELS
    strength = np.abs(np.arange(-LEVELS, LEVELS + 1)) / LEVELS
    colours = bytes(value for i in range(2 * LEVELS + 1) for value in (NEGATIVE if i < LEVELS else POSITIVE))
    alpha = bytes(np.rint(255 * strength).astype(np.uint8))
    return _uri(index.astype(np.uint8), index.shape[1], 3, _chunk(b"PLTE", colours) + _chunk(b"tRNS", alpha))


def _uri(rows: Array, width: int, colour: int, palette: bytes = b"") -> str:
    lines = np.concatenate((np.zeros((len(rows), 1), np.uint8), rows), axis=1)  # 0: each line as it is
    header = struct.pack(">IIBBBBB", width, len(rows), 8, colour, 0, 0, 0)
    data = _chunk(b"IHDR", header) + palette + _chunk(b"IDAT", zlib.compress(lines.tobytes(), 9)) + _chunk(b"IEND", b"")
    return "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + data).decode()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
