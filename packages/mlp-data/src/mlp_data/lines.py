"""Printed lines of ruled and squared paper run straight through what is written; here they go and the writing stays."""

from __future__ import annotations

import numpy as np

from mlp_data.decode import opencv
from mlp_data.labels import Array
from mlp_data.paper import LARGE

_HALF = 800  # pixels; lines are looked for in a page of at most this long side
_SLOPES = np.arange(-0.2, 0.201, 0.02)  # a page is held nearly upright, or nobody could read it
_FINE = 4  # steps a grey level
_PATCH = 25  # pixels; what is so wide and so high is no line, but may hide one: the glare of a lamp
_SHORTEST = 8  # a line is at least this part of the long side
_ACROSS = 0.4  # and runs into the edge of the frame; or several run so far across it ...
_SEVERAL = 3  # ... so many, and ...
_THIN = 0.03  # ... each is thinner than this share of its length, as no stroke of a 1 is
_GAP = 25  # pieces nearer than this part of the long side are one line, which a punched hole interrupts
STRONGER = 1.6  # ink on a line is so much stronger than the line


def without_lines(strength: Array, noise: float, seen: float) -> tuple[Array, Array]:
    """Return the strength of the ink with that of straight lines taken away, and how strong the line at each place was.

    strength: float32 (h, w), see `Ink`. What is written across a line stays: it is stronger there than the line, or
    it goes on at both sides.
    """
    lines = np.zeros(strength.shape, np.float32)
    if min(strength.shape) <= LARGE:
        return strength, lines
    left = strength
    for upright in (False, True):
        level = _levels(np.ascontiguousarray(strength.T) if upright else strength, noise)
        if level is not None:
            bare = _bare(left.T if upright else left, level, seen)
            left = np.ascontiguousarray(bare.T) if upright else bare
            lines = np.maximum(lines, level.T if upright else level)
    return left, lines


def _bare(page: Array, level: Array, seen: float) -> Array:
    """Take nearly level lines away, but not the ink that is stronger or goes on above and below."""
    cv2 = opencv()
    on_line = level > 0
    bare = np.where(on_line & (page <= STRONGER * level), 0, page)
    ink = (bare > seen).astype(np.uint8)
    across = np.ones((2 * _thickness(on_line) + 3, 1), np.uint8)
    bridged = (np.asarray(cv2.morphologyEx(ink, cv2.MORPH_CLOSE, across)) > ink) & on_line
    return np.where(bridged, page, bare)


def _thickness(on_line: Array) -> int:
    """Return the usual height of the runs of True in the columns."""
    starts = int((on_line[1:] & ~on_line[:-1]).sum())
    return max(1, round(float(on_line.sum()) / max(1, starts)))


def _levels(page: Array, noise: float) -> Array | None:
    """Return how strong the nearly level line through each pixel is, 0 where there is none; None without any line."""
    cv2 = opencv()
    height, width = page.shape
    scale = min(1.0, _HALF / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = np.asarray(cv2.resize(page, size, interpolation=cv2.INTER_AREA))
    pad = int(_SLOPES[-1] * size[0] / 2) + 2
    faint = np.clip(_FINE * small, 0, 255).astype(np.uint8)  # bytes are quicker, and a line may be faint
    faint = cv2.morphologyEx(faint, cv2.MORPH_TOPHAT, np.ones((_PATCH, _PATCH), np.uint8))
    padded = cv2.copyMakeBorder(faint, pad, pad, 0, 0, cv2.BORDER_CONSTANT, value=0)
    whole = size[0], size[1] + 2 * pad
    along = np.ones((1, max(size) // _SHORTEST), np.uint8)
    best = np.zeros_like(faint)
    for slope in _SLOPES:
        shear = np.array([[1, 0, 0], [slope, 1, -slope * size[0] / 2]], np.float32)
        back = np.array([[1, 0, 0], [-slope, 1, slope * size[0] / 2]], np.float32)
        straight = cv2.warpAffine(padded, shear, whole, flags=cv2.INTER_LINEAR)
        smooth = cv2.blur(straight, (11, 3), borderType=cv2.BORDER_REPLICATE)
        opened = cv2.morphologyEx(smooth, cv2.MORPH_OPEN, along)
        found = np.asarray(cv2.warpAffine(opened, back, whole, flags=cv2.INTER_LINEAR))
        best = np.maximum(best, found[pad : pad + size[1]])
    crest = cv2.dilate(best, np.ones((15, 1), np.uint8))  # the middle of each line, from where it fades on both sides
    long = cv2.dilate(
        _long_ones((best > 0.4 * crest) & (best > _FINE * max(2.0, 0.7 * noise))), np.ones((3, 1), np.uint8)
    )
    if not long.any():
        return None
    return _strengths(page, np.asarray(cv2.resize(long, (width, height), interpolation=cv2.INTER_NEAREST)))


def _long_ones(lines: Array) -> Array:
    """Keep the lines that run far across the page, or into its edge: uint8, 1 or 0."""
    cv2 = opencv()
    _, labels, stats, _ = cv2.connectedComponentsWithStats(lines.astype(np.uint8), connectivity=8)
    is_thin = stats[:, 4] <= 2 * _THIN * stats[:, 2] ** 2
    is_thin[0] = False
    pieces = is_thin[labels].astype(np.uint8)
    gap = np.ones((3, max(pieces.shape) // _GAP), np.uint8)
    joined = np.maximum(pieces, cv2.morphologyEx(pieces, cv2.MORPH_CLOSE, gap))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    left, width, area = stats[:, 0], stats[:, 2], stats[:, 4]
    share = width / lines.shape[1]
    at_edge = (left == 0) | (left + width == lines.shape[1])
    within = (share >= _ACROSS) & (area <= _THIN * width * width)
    kept = at_edge & (share >= 2 / _SHORTEST) & (area <= 2 * _THIN * width * width)
    if np.count_nonzero(within) >= _SEVERAL:
        kept |= within
    kept[0] = False
    return np.asarray(kept[labels] & (pieces > 0), np.uint8)


def _strengths(page: Array, long: Array) -> Array:
    """Return how strong each line is: what is usual along it, because ink is only here and there upon it."""
    count, labels, stats, _ = opencv().connectedComponentsWithStats(long, connectivity=8)
    level = np.zeros(count, np.float32)
    for number in range(1, count):
        x, y, w, h = (int(value) for value in stats[number][:4])
        own = np.where(labels[y : y + h, x : x + w] == number, page[y : y + h, x : x + w], 0)
        level[number] = max(1.0, float(np.median(own.max(axis=0))))
    return np.asarray(level[labels])
