"""Strokes are connected spots of ink; those that belong to one character are put together here, and dirt goes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mlp_data.decode import opencv
from mlp_data.labels import Array
from mlp_data.paper import LARGE, Ink

_SMALLEST = 80  # on a page of more than LARGE pixels, an item is at least this part of its long side
_THINNED = 0.4  # a pixel is ink if it has this share of the strength of its own stroke
_SPECK = 0.08  # a spot smaller than this share of the usual item is dirt, wherever it is ...
_PART = 0.55  # ... and one smaller than this may be a part of an item
_LONE = 0.3  # but alone it is nothing
_THICK = 0.37  # a stroke is no thicker than this share of its size, or it is a blob
_BLOB = 0.5  # and never than this one, as a punched hole is
_WEAK = 20.0  # grey levels; fainter strokes than that are not seen by people either
_FAINT = 0.35  # nor is it, if it has less than this share of the usual item's strength


@dataclass(frozen=True)
class Stroke:
    """A connected spot of ink: its box, how many pixels it has, how strong they are, and the points of its outline.

    trace: the number of the fainter spot that it is the heart of; strokes that share one are linked by faint ink.
    """

    number: int
    trace: int
    left: int
    top: int
    right: int
    bottom: int
    area: int
    strength: float
    thickness: float
    outline: Array

    @property
    def size(self) -> int:
        """The longer side of its box."""
        return max(self.right - self.left, self.bottom - self.top)


@dataclass(frozen=True)
class Group:
    """The strokes of one item."""

    strokes: tuple[Stroke, ...]

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, right and bottom of what the strokes cover."""
        s = self.strokes
        return min(a.left for a in s), min(a.top for a in s), max(a.right for a in s), max(a.bottom for a in s)

    @property
    def size(self) -> int:
        """The longer side of its box."""
        left, top, right, bottom = self.box
        return max(right - left, bottom - top)

    @property
    def thickness(self) -> float:
        """How wide its widest stroke is."""
        return max(stroke.thickness for stroke in self.strokes)

    @property
    def area(self) -> int:
        """How many pixels its ink has."""
        return sum(stroke.area for stroke in self.strokes)

    @property
    def strength(self) -> float:
        """How strong its ink is, in grey levels."""
        return sum(stroke.strength * stroke.area for stroke in self.strokes) / self.area

    @property
    def outline(self) -> Array:
        """The points of the outlines of its strokes."""
        return np.concatenate([stroke.outline for stroke in self.strokes])


def threshold(ink: Ink) -> tuple[Array, Array]:
    """Mark what is ink, 255 or 0: what stands out, and is nearer to the full strength of its stroke than to the page.

    Return the numbers of all connected spots that stand out too, however faint they are.
    """
    mask = (ink.strength > ink.seen).astype(np.uint8)
    cv2 = opencv()
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    full = np.zeros(count, np.float32)
    for number in range(1, count):
        where = _inside(stats[number])
        full[number] = np.percentile(ink.strength[where][labels[where] == number], 80)
    sure = (labels > 0) & (ink.strength > _THINNED * full[labels])
    return np.where(sure, 255, 0).astype(np.uint8), labels


def strokes_of(mask: Array, traces: Array, ink: Ink) -> tuple[list[Stroke], Array]:
    """Return the connected spots of a mask that can be strokes, and each pixel's number.

    What reaches in from the border is cut off and no stroke, nor is a speck or a blob.
    """
    cv2 = opencv()
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    height, width = mask.shape
    large = max(height, width) > LARGE
    found = []
    for number in range(1, count):
        x, y, w, h, area = (int(value) for value in stats[number])
        if large and (max(w, h) < max(3, max(height, width) // 400) or area < 6):
            continue
        if large and (x == 0 or y == 0 or x + w == width or y + h == height):
            continue
        where = _inside(stats[number])
        own = (labels[where] == number).astype(np.uint8)
        contours, _ = cv2.findContours(own, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        outline = np.concatenate(contours).reshape(-1, 2) + np.array([x, y])
        thickness = 2 * float(cv2.distanceTransform(np.pad(own, 1), cv2.DIST_L2, 5).max())
        is_flat = w > 7 * h  # the rest of a ruled line, or an edge
        is_blob = max(w, h) > max(height, width) / 40 and thickness > 0.5 * max(w, h)  # the corner of a shadow
        is_rule = thickness < 0.02 * max(w, h) and min(w, h) < 0.2 * max(w, h)
        if large and (is_flat or is_rule or is_blob):
            continue
        strength = float(ink.strength[where][own > 0].mean())
        if large and strength < _WEAK:
            continue
        trace = int(traces[outline[0, 1], outline[0, 0]])
        found.append(Stroke(number, trace, x, y, x + w, y + h, area, strength, thickness, outline))
    return found, labels


def group(strokes: list[Stroke], shape: tuple[int, ...]) -> list[Group]:
    """Put the strokes of each item together and leave out what is no item."""
    if not strokes:
        return []
    usual = usual_size(strokes)
    groups = [Group((stroke,)) for stroke in strokes if stroke.size >= _SPECK * usual]
    groups = _join(groups, usual)
    large = max(shape) > LARGE
    least = max(shape) / _SMALLEST if large else 1
    usual = usual_size(groups)
    few = len(groups) < 3
    thickness = float(np.median([one.thickness for one in groups]))
    strength = float(np.median([one.strength for one in groups if one.size >= _LONE * usual]))
    kept = [
        one
        for one in groups
        if one.size >= max(least, _LONE * usual)
        and one.strength >= _FAINT * strength
        and not (large and one.thickness > _BLOB * one.size)
        and not (large and one.thickness > _THICK * one.size and (few or one.thickness > 1.5 * thickness))
    ]
    return [one for one in kept if len(kept) > 2 or one.size >= 2 * least]  # dirt on a page that is blank otherwise


def usual_size(items: list[Stroke] | list[Group]) -> float:
    """Return the size that half of the ink exceeds, so that many specks do not count more than a few digits."""
    sizes, areas = (np.array(values) for values in zip(*sorted((one.size, one.area) for one in items), strict=True))
    shares = np.cumsum(areas)
    return float(sizes[np.searchsorted(shares, shares[-1] / 2)])


def _join(groups: list[Group], usual: float) -> list[Group]:
    """Join the nearest two that belong together, until none do."""
    while True:
        pairs = [
            (gap, a, b)
            for a in range(len(groups))
            for b in range(a)
            if (gap := _belonging(groups[a], groups[b], usual)) is not None
        ]
        if not pairs:
            return groups
        _, a, b = min(pairs)
        joined = Group(groups[a].strokes + groups[b].strokes)
        groups = [one for number, one in enumerate(groups) if number not in (a, b)] + [joined]


def _belonging(one: Group, other: Group, usual: float) -> float | None:
    """Return the gap between two groups as a share of the usual size if they belong to one item, else None."""
    large, small = (one, other) if one.area >= other.area else (other, one)
    (l0, t0, r0, b0), (l1, t1, r1, b1) = large.box, small.box
    usual = max(usual, 0.7 * max(one.size, other.size))
    away = max(l1 - r0, l0 - r1, t1 - b0, t0 - b1)
    linked = bool({stroke.trace for stroke in one.strokes} & {stroke.trace for stroke in other.strokes})
    if away > 0.45 * usual or max(r0, r1) - min(l0, l1) > 1.6 * usual or max(b0, b1) - min(t0, t1) > 1.6 * usual:
        return None
    overlap = (min(r0, r1) - max(l0, l1)) / min(r0 - l0, r1 - l1)
    height = max(b0, b1) - min(t0, t1)
    if overlap >= 0.5:
        dot = small.size < _LONE * usual and b1 <= t0  # as an i has one
        reach = 0.45 if dot else 0.4 if small.size < _PART * usual and height <= 1.2 * usual else 0.25
    elif b1 - t1 < _PART * usual:
        middle = ((t1 + b1) / 2 - t0) / (b0 - t0)
        is_flag = small.size > 0.2 * usual and not 0.4 < middle < 0.8  # as a 5 has one; no minus, no full stop
        reach = 0.32 if is_flag else 0.08
    else:
        reach = 0.08 if overlap >= 0.25 else 0.0
    if linked and small.size < 0.8 * usual:
        reach = max(reach, 0.3 if overlap < 0.5 else 0.6)
    reach = max(reach, 0.05 if linked else 0.03)  # a gap in the grain of the chalk
    if away > reach * usual:
        return None
    gap = _distance(large, small) / usual
    return gap if gap <= reach else None


def _distance(one: Group, other: Group) -> float:
    a, b = one.outline.astype(np.float32), other.outline.astype(np.float32)
    a, b = a[:: max(1, len(a) // 400)], b[:: max(1, len(b) // 400)]
    return float(np.sqrt(((a[:, None] - b[None]) ** 2).sum(axis=2).min()))


def _inside(stats: Array) -> tuple[slice, slice]:
    x, y, w, h = (int(value) for value in stats[:4])
    return np.s_[y : y + h, x : x + w]
