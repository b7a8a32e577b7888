"""Ink stands out sharply from the paper all around it; the edge of a shadow, of a page or of a table does not."""

from __future__ import annotations

import numpy as np

from mlp_data.decode import opencv
from mlp_data.labels import Array
from mlp_data.light import Light
from mlp_data.paper import LARGE
from mlp_data.strokes import Group, Stroke

_SOFT = 160  # ink gains its strength within less than this part of the long side ...
_SOFTER = 1.2  # ... or than the thickness of its stroke, if all is out of focus; a shadow does not
_FAT, _SOLID = 0.28, 0.8  # nor is what is this thick for its size and fills its hull: no stroke, but a soft patch
_WEAK, _LESS_FAT = 35.0, 0.23  # grey levels; so weak an item is shade though it is less fat and, at an edge, sharp ...
_DIM = 0.5  # ... and so weak a stroke is, if less steep than this share of `_SOFT`, however much is out of focus
_NEAR = 0.004  # of the long side: so far outside of ink the paper is bare again, and its neighbours not yet reached ...
_AWAY = 0.35  # ... or so far by the thickness of the stroke, if that is more: a large picture of a pen is less sharp
_BARE = 0.5  # bare is what differs from the ink by more than this share of the ink's strength
_NARROW = 0.3  # of its length: as thin as this is a 1, or a piece of a line
_AROUND = 0.75  # so much of the surroundings is bare; the rest may be lines, and other ink that touches


def stand_out(strokes: list[Stroke], labels: Array, grey: Array, light: Light, is_dark: bool) -> list[Stroke]:
    """Return the strokes that are ink by what surrounds them, as the photograph shows it: uint8 (h, w).

    What was flattened is not asked: where the light was guessed wrongly, flattening draws edges of its own.
    """
    if max(grey.shape) <= LARGE:
        return strokes
    cv2 = opencv()
    long = max(grey.shape)
    smooth = _smooth(grey)
    steep = cv2.magnitude(*(cv2.Scharr(smooth, cv2.CV_32F, dx, 1 - dx, scale=1 / 32) for dx in (1, 0)))
    least = min(_SOFT / long, 0.25)  # in a small frame nothing is steeper than that
    kept = []
    for stroke in strokes:
        strength = _seen_strength(stroke, (stroke.left, stroke.top, stroke.right, stroke.bottom), light)
        steepness = float(np.median(steep[stroke.outline[:, 1], stroke.outline[:, 0]]))
        is_soft = steepness < least * strength and (
            steepness * stroke.thickness < _SOFTER * strength or _is_patch(stroke, _FAT)
        )
        is_dim = steepness < _DIM * least * strength and stroke.strength < _WEAK
        if not is_soft and not is_dim and _bare_around(stroke, labels, smooth, is_dark, strength) >= _AROUND:
            kept.append(stroke)
    return kept


def without_shade(groups: list[Group], grey: Array, light: Light, is_dark: bool) -> list[Group]:
    """Return the items that are no weak, solid patch of shade, and no piece of a line that goes on in the photograph.

    Only a whole item can be told so: weak pencil breaks up into pieces, and many a piece is a solid patch by itself.
    """
    if max(grey.shape) <= LARGE:
        return groups
    smooth = _smooth(grey)
    return [
        one
        for one in groups
        if (one.strength >= _WEAK or not _is_patch(one, _LESS_FAT))
        and not _goes_on(one, smooth, is_dark, _seen_strength(one, one.box, light))
    ]


def _smooth(grey: Array) -> Array:
    return np.asarray(opencv().GaussianBlur(grey, (0, 0), max(grey.shape) / 1000)).astype(np.float32)


def _seen_strength(ink: Stroke | Group, box: tuple[int, int, int, int], light: Light) -> float:
    """Return how strong ink is in the photograph itself, before `flatten`."""
    left, top, right, bottom = box
    level, lit = float(np.median(light.level)), float(light.level[top:bottom, left:right].mean())
    return ink.strength * (max(lit, level / 4) / level if level >= 64 else 1)


def _goes_on(one: Group, smooth: Array, is_dark: bool, strength: float) -> bool:
    """Tell whether a straight bar goes on beyond one of its ends, for its own length, as printed lines do."""
    outline = one.outline.astype(np.float32)
    _, sides, _ = opencv().minAreaRect(outline)
    if min(sides) > _NARROW * max(sides):
        return False
    x, y, x0, y0 = (float(value) for value in opencv().fitLine(outline, 2, 0, 0.01, 0.01).ravel())  # 2: least squares
    along = (outline - [x0, y0]) @ [x, y]
    away = max(3, round(_NEAR * max(smooth.shape)))
    across = np.arange(-2, 3) * (one.thickness / 2 + away)  # bare, the edge, the middle, the edge, bare
    for end, step in ((float(along.max()), 1), (float(along.min()), -1)):
        beyond = end + step * np.arange(away, away + max(away, one.size))
        columns = np.rint(x0 + x * beyond[:, None] - y * across).astype(int)
        rows = np.rint(y0 + y * beyond[:, None] + x * across).astype(int)
        inside = (rows >= 0) & (rows < smooth.shape[0]) & (columns >= 0) & (columns < smooth.shape[1])
        whole = inside.all(axis=1)
        if whole.sum() < away:
            continue
        levels = smooth[rows[whole], columns[whole]]
        contrast = (levels[:, [0, 4]].mean(axis=1) - levels[:, 2]) * (1 if is_dark else -1)
        if (contrast > _BARE * strength).mean() >= _AROUND:
            return True
    return False


def _is_patch(ink: Stroke | Group, fat: float) -> bool:
    hull = float(opencv().contourArea(opencv().convexHull(ink.outline.astype(np.int32))))
    return ink.thickness > fat * ink.size and ink.area > _SOLID * hull


def _bare_around(stroke: Stroke, labels: Array, smooth: Array, is_dark: bool, strength: float) -> float:
    """Return how much of what lies around a stroke differs from its ink as bare paper does: 0..1."""
    cv2 = opencv()
    away = max(3, round(_NEAR * max(smooth.shape)), round(_AWAY * stroke.thickness))
    margin = 2 * away
    where = np.s_[
        max(0, stroke.top - margin) : stroke.bottom + margin, max(0, stroke.left - margin) : stroke.right + margin
    ]
    own, grey = (labels[where] == stroke.number).astype(np.float32), smooth[where]
    distance = np.asarray(cv2.distanceTransform((own == 0).astype(np.uint8), cv2.DIST_L2, 5))
    ring = np.abs(distance - away) <= 0.7
    window = (4 * away + 1, 4 * away + 1)
    nearby = np.asarray(cv2.blur(grey * own, window)) / np.maximum(cv2.blur(own, window), 1e-6)  # the ink next to it
    contrast = (grey - nearby if is_dark else nearby - grey)[ring]
    return float((contrast > _BARE * strength).mean())
