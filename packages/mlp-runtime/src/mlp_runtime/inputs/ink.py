"""Ink is what stands out from an even background; here it is found, brought to one size and put in the middle.

This is how MNIST's own images were made, so MNIST comes out as it went in. Frames are uint8 (n, h, w). A frame that
comes alone goes the same way as one in a batch, so its pixels are the same.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from .resize import resize

_BLOCK = 2**20  # pixels a step: enough frames to be fast, few enough to stay small


def background(frames: np.ndarray) -> np.ndarray:
    """Return the median of each frame's border (n,), the lower one of two; colours count as levels of their own.

    >>> background(np.array([[[9, 9, 8], [9, 0, 7], [9, 9, 9]]], np.uint8))
    array([9], dtype=uint8)
    """
    count, height, width = frames.shape[:3]
    pixels = frames.reshape(count, height * width, -1)
    border = pixels.take(_border(height, width), axis=1).reshape(count, -1)
    middle = (border.shape[1] - 1) // 2
    border.partition(middle, axis=1)
    return border[:, middle]


@lru_cache(maxsize=16)
def _border(height: int, width: int) -> np.ndarray:
    """Return the places of the outermost pixels in a frame that is read row by row."""
    if height <= 2 or width <= 2:
        return np.arange(height * width)
    across, down = np.arange(width), np.arange(width, (height - 1) * width, width)
    return np.concatenate([across, across + (height - 1) * width, down, down + width - 1])


def fit_ink(frames: np.ndarray, ink: str, height: int, width: int, box: int, centre: str) -> np.ndarray:
    """Return the ink of each frame, light on 0, its long side `box` pixels, in the middle of (n, height, width)."""
    if len(frames) == 1:
        return _fit_one(frames[0], ink, height, width, box, centre)[None]
    out = np.zeros((len(frames), height, width), np.uint8)
    step = max(1, _BLOCK // (frames.shape[1] * frames.shape[2]))
    for start in range(0, len(frames), step):
        strokes = _strokes(frames[start : start + step], ink)
        boxed, heights, widths = _boxed(strokes, box)
        y = _start(boxed.sum(axis=2, dtype=np.int64), heights, height, centre)
        x = _start(boxed.sum(axis=1, dtype=np.int64), widths, width, centre)
        places = zip(out[start : start + step], boxed, *(v.tolist() for v in (y, x, heights, widths)))
        for target, source, top, left, h, w in places:
            target[top : top + h, left : left + w] = source[:h, :w]
    return out


def _fit_one(frame: np.ndarray, ink: str, height: int, width: int, box: int, centre: str) -> np.ndarray:
    """Do the same with one frame, in Python's numbers: a fifth of the time that arrays of one number take."""
    level = int(background(frame[None])[0])
    dark = level > 127 if ink == "auto" else ink == "dark"
    even = np.full_like(frame[0], level)  # a row takes a tenth of the time that a number does
    strokes = (np.minimum if dark else np.maximum)(frame, even)
    np.subtract(*((even, strokes) if dark else (strokes, even)), out=strokes)
    out = np.zeros((height, width), np.uint8)
    lines = strokes.max(axis=1), strokes.max(axis=0)
    peak = int(lines[0].max())
    if not peak:
        return out
    sure, soft = ([end for line in lines for end in _ends(line > least)] for least in (peak >> 3, 0))
    reach = max(3 * max(sure[1] - sure[0], sure[3] - sure[2]) // box, 1)
    top, bottom, left, right = (outer if abs(outer - inner) <= reach else inner for outer, inner in zip(soft, sure))
    long = max(bottom - top, right - left)
    h, w = (max((2 * side * box + long) // (2 * long), 1) for side in (bottom - top, right - left))
    boxed = resize(strokes[top:bottom, left:right], h, w)
    y, x = (_start_one(boxed.sum(axis, np.int64), length, centre) for axis, length in ((1, height), (0, width)))
    out[y : y + h, x : x + w] = boxed
    return out


def _ends(line: np.ndarray) -> tuple[int, int]:
    """Return the first and one past the last True of a line that has some."""
    as_bytes = line.tobytes()
    return as_bytes.find(1), as_bytes.rfind(1) + 1


def _start_one(mass: np.ndarray, length: int, centre: str) -> int:
    """Do for one frame what `_start` does."""
    room = length - len(mass)
    if centre == "box":
        return room // 2
    middle = int(mass.dot(np.arange(len(mass)))) / max(int(mass.sum()), 1)
    return min(max(round(length / 2 - middle), 0), room)


def is_dark(level: np.ndarray, ink: str) -> np.ndarray:
    """Tell for each background level whether its ink is darker: as `ink` says, or if the level is light."""
    return level > 127 if ink == "auto" else np.full(level.shape, ink == "dark")


def _strokes(frames: np.ndarray, ink: str) -> np.ndarray:
    """Return by how much each pixel differs from the background in the ink's direction."""
    level = background(frames)[:, None, None].repeat(frames.shape[2], axis=2)  # as above
    dark = is_dark(level, ink)
    strokes: np.ndarray = np.where(dark, level - np.minimum(frames, level), np.maximum(frames, level) - level)
    return strokes


def _boxed(strokes: np.ndarray, box: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the ink of each frame in the upper left corner of (n, box, box), with its height and width there."""
    by_row, by_column = strokes.max(axis=2), strokes.max(axis=1)
    peak = by_row.max(axis=1)
    top, bottom, left, right = _bounds(by_row, by_column, peak, box)
    tall, wide = bottom - top, right - left
    long = np.maximum(tall, wide)
    heights, widths = (np.maximum((2 * side * box + long) // (2 * long), 1) for side in (tall, wide))  # halves up
    boxed = np.zeros((len(strokes), box, box), np.uint8)
    numbers = (peak, top, bottom, left, right, heights, widths)
    for target, source, *values in zip(boxed, strokes, *(v.tolist() for v in numbers)):
        some, y0, y1, x0, x1, h, w = values
        if some:  # a frame of one colour stays all zero
            target[:h, :w] = resize(source[y0:y1, x0:x1], h, w)
    return boxed, heights, widths


def _bounds(by_row: np.ndarray, by_column: np.ndarray, peak: np.ndarray, box: int) -> list[np.ndarray]:
    """Return the top, bottom, left and right of the ink, given the darkest pixel of every row and column.

    Ink is what exceeds 1/8 of the frame's range, so that specks and shades do not count. But strokes have soft edges:
    where the outermost pixel of any level lies no further out than 3 pixels of the box would be, the bounds reach out
    to it. That keeps the grey edges of MNIST's strokes, and does not follow a grain that fills the frame.
    """
    sure = [*_extent(by_row > (peak >> 3)[:, None]), *_extent(by_column > (peak >> 3)[:, None])]
    soft = [*_extent(by_row > 0), *_extent(by_column > 0)]
    long = np.maximum(sure[1] - sure[0], sure[3] - sure[2])
    reach = np.maximum(3 * long // box, 1)
    return [np.where(np.abs(outer - inner) <= reach, outer, inner) for outer, inner in zip(soft, sure)]


def _extent(lines: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the first and one past the last True of each row; the whole row if there is none."""
    return lines.argmax(axis=1), lines.shape[1] - lines[:, ::-1].argmax(axis=1)


def _start(mass: np.ndarray, extent: np.ndarray, length: int, centre: str) -> np.ndarray:
    """Return where the ink begins in a direction of `length` pixels: a whole number, so that no pixel is blurred.

    mass (n, box): the sum of the levels of each line, of which the first `extent` count. The centre of mass, in the
    indices of pixels, comes as close to length / 2 as whole steps allow and the frame has room for.
    """
    if centre == "box":
        return (length - extent) // 2
    total = np.maximum(mass.sum(axis=1), 1)
    middle = mass @ np.arange(mass.shape[1]) / total
    start: np.ndarray = np.clip(np.rint(length / 2 - middle), 0, length - extent).astype(np.intp)
    return start
