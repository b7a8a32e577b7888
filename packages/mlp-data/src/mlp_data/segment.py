"""A photograph of many characters is taken apart into items, in the order in which one reads them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mlp_data.decode import opencv
from mlp_data.labels import Array
from mlp_data.light import Light, light_of
from mlp_data.lines import STRONGER, without_lines
from mlp_data.outlines import stand_out, without_shade
from mlp_data.paper import Ink, flatten, ink_on, inked
from mlp_data.strokes import Group, Stroke, group, strokes_of, threshold

_STROKE = 0.15  # the width of a stroke of MNIST, as a share of the digit's long side ...
_LACKING = 0.5  # ... of which a thin stroke gets this share of what it lacks, since thin digits exist in MNIST too
_FULL = 0.65  # of the usual strength of an item's ink is given as full, since strokes pale when they are shrunk
_SHRUNK = 28  # pixels; what is no larger is hardly shrunk by ImageInput, and keeps its greys
_ON_LINE = 0.9  # of a stroke lies on printed lines, and is no stronger than they: so it is what is left of them


@dataclass(frozen=True)
class Found:
    """All that was found on a page, in the pixels of `ink.strength`."""

    light: Light
    flattened: Array
    ink: Ink
    is_dark: bool
    lines: Array  # how strong the printed line at each place is, 0 where there is none
    mask: Array
    labels: Array
    groups: list[Group]

    @property
    def score(self) -> float:
        """How much writing the items are; by their sizes, for a single shadow has more area than many strokes."""
        return sum(one.size * one.strength for one in self.groups)


def look(grey: Array) -> Found:
    """Find the items of a page, dark ones or light ones, whichever have more ink; grey is uint8 (h, w)."""
    light = light_of(grey)
    flattened = flatten(grey, light.level)
    inks = [(ink_on(flattened, is_dark), is_dark) for is_dark in (True, False)]
    masses = [float(np.maximum(ink.strength - ink.seen, 0).sum()) for ink, _ in inks]
    found = []
    for (ink, is_dark), mass in zip(inks, masses, strict=True):
        if mass < 0.05 * max(masses):
            continue
        strength, lines = without_lines(ink.strength, ink.noise, ink.seen)
        ink = inked(strength, ink.noise)
        mask, traces = threshold(ink)
        strokes, labels = strokes_of(mask, traces, ink)
        strokes = [stroke for stroke in strokes if not _is_remnant(stroke, labels, lines)]
        strokes = stand_out(strokes, labels, grey, light, is_dark)
        items = reading_order(without_shade(group(strokes, grey.shape), grey, light, is_dark))
        found.append(Found(light, flattened, ink, is_dark, lines, mask, labels, items))
    return max(found, key=lambda one: one.score)


def _is_remnant(stroke: Stroke, labels: Array, lines: Array) -> bool:
    """Tell whether a stroke is a piece of a printed line, which something beside it hid from `without_lines`."""
    where = np.s_[stroke.top : stroke.bottom, stroke.left : stroke.right]
    level = lines[where][labels[where] == stroke.number]
    on_line = level[level > 0]
    return len(on_line) >= _ON_LINE * len(level) and stroke.strength <= STRONGER * float(on_line.mean())


def reading_order(groups: list[Group]) -> list[Group]:
    """Order items row by row, and from left to right in each; a row may slope."""
    rows: list[list[Group]] = []
    for one in sorted(groups, key=lambda one: one.box[0]):
        best, most = None, 0.3
        for row in rows:
            shared = _shared(row[-1], one)
            if shared > most:
                best, most = row, shared
        if best is None:
            rows.append([one])
        else:
            best.append(one)
    rows.sort(key=lambda row: np.mean([one.box[1] + one.box[3] for one in row]))
    return [one for row in rows for one in row]


def _shared(one: Group, other: Group) -> float:
    """Return how much of the lower item's height both share."""
    (_, t0, _, b0), (_, t1, _, b1) = one.box, other.box
    return (min(b0, b1) - max(t0, t1)) / min(b0 - t0, b1 - t1)


def own_ink(found: Found, one: Group) -> tuple[Array, tuple[slice, slice]]:
    """Return the ink of an item as a mask, 1 or 0, and the part of the page that it is a mask of."""
    where = around(one.box, found.labels.shape)
    return np.isin(found.labels[where], [stroke.number for stroke in one.strokes]).astype(np.uint8), where


def around(box: tuple[int, int, int, int], shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Return the part of a page that holds a box (left, top, right, bottom) and a margin."""
    left, top, right, bottom = box
    margin = 2 + max(right - left, bottom - top) // 20
    return np.s_[
        max(0, top - margin) : min(shape[0], bottom + margin), max(0, left - margin) : min(shape[1], right + margin)
    ]


def cut(strength: Array, own: Array, noise: float) -> Array:
    """Return an item's ink with the soft edges of its strokes: uint8, full ink being 255, all else 0.

    A stroke so thin that it would be grey when the item is shrunk to some 20 pixels becomes thicker.
    """
    cv2 = opencv()
    rows, columns = np.flatnonzero(own.any(axis=1)), np.flatnonzero(own.any(axis=0))
    long = int(max(rows[-1] - rows[0], columns[-1] - columns[0])) + 1
    soft = np.asarray(cv2.dilate(own, np.ones((3, 3), np.uint8), iterations=1 + long // 100)) > 0
    floor = 2 * noise
    full = float(np.percentile(strength[own > 0], 70))  # of this item alone, whatever else is on the page
    if long > _SHRUNK:
        full = max(_FULL * full, 2 * floor)
    light = np.where(soft, np.clip((strength - floor) * (255 / (full - floor)), 0, 255), 0)
    frame = np.clip(np.rint(light), 0, 255).astype(np.uint8)
    inside = np.asarray(cv2.distanceTransform(np.pad(own, 1), cv2.DIST_L2, 5))
    lacking = round(_LACKING * (_STROKE * long - 2 * float(np.percentile(inside[inside > 0], 85))))
    if lacking < 1:
        return frame
    round_brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (lacking | 1, lacking | 1))
    return np.asarray(cv2.dilate(np.pad(frame, lacking // 2 + 1), round_brush))
