"""Light falls on a page unevenly; here it is found how bright each place would be if nothing were written there.

Light that changes slowly is a smooth surface. A shadow, or the table around the page, is a region with a light of its
own. So the frame is divided where brightness jumps, and each region is looked at by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mlp_data.decode import opencv
from mlp_data.labels import Array

_SMALL = 200  # pixels; regions are wide, so a small picture shows them
_MIDDLE = 800  # pixels; the edges of regions are seen better here
_WIDE = 0.045  # of the long side: the window in which thin strokes are outvoted by the page
_REGION = 0.008  # of the frame: a smaller patch is no region ...
_ISLAND = 14  # ... nor is one within the frame whose half width is less than this part of the short side
_NEAR = 12  # pixels of the small picture; so far from an edge the light may still be that of the other side


@dataclass(frozen=True)
class Light:
    """How bright each place of a bare page is, float32 (h, w).

    low and high: the light there of the darkest and the brightest region nearby; the same as `level` far from an edge.
    """

    level: Array
    low: Array
    high: Array


def light_of(grey: Array) -> Light:
    """Find how a page is lit; grey is uint8 (h, w)."""
    cv2 = opencv()
    small = _shrunk(grey, _SMALL)
    page = _median(small, _WIDE * max(small.shape))
    regions = _regions(page)
    lights = [_light(small, page, region) for region in regions]
    if len(lights) == 1:
        level = _enlarged(lights[0], grey.shape)
        return Light(level, level, level)
    away = np.stack([cv2.distanceTransform((~region).astype(np.uint8), cv2.DIST_L2, 5) for region in regions])
    near = away <= np.maximum(_NEAR, away.min(axis=0))
    low = np.where(near, lights, np.inf).min(axis=0)
    high = np.where(near, lights, -np.inf).max(axis=0)
    middle = _shrunk(grey, _MIDDLE)
    low, high = (_enlarged(light.astype(np.float32), middle.shape) for light in (low, high))
    return Light(*(_enlarged(light, grey.shape) for light in (_between(middle, low, high), low, high)))


def _between(middle: Array, low: Array, high: Array) -> Array:
    """Return the light where it may be low or high: what most pixels around are like, but at a corner what it is like.

    Of pencil in the sun, as dark as the shade beside it, that must not be said; so only deep darkness counts.
    """
    most = np.clip(_median(middle, _WIDE * max(middle.shape)).astype(np.float32), low, high)
    itself = _median(middle, 5).astype(np.float32)
    tolerance = np.maximum(6.0, 0.06 * high)
    is_high = (np.abs(itself - high) <= tolerance) & (np.abs(most - high) > tolerance)
    is_low = (np.abs(itself - low) <= tolerance) & (np.abs(most - low) > tolerance) & (low < 0.6 * high)
    corner = np.asarray(opencv().dilate((is_high | is_low).astype(np.uint8), np.ones((9, 9), np.uint8))) > 0
    return np.where(corner, np.clip(itself, low, high), most)


def _regions(page: Array) -> list[Array]:
    """Divide a page where its brightness jumps; what is too small for a region is left to those around it."""
    cv2 = opencv()
    jump = np.asarray(cv2.morphologyEx(page, cv2.MORPH_GRADIENT, np.ones((7, 7), np.uint8)))
    even = (jump <= max(10.0, 0.08 * float(np.median(page)))).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(even, connectivity=4)
    rim = np.concatenate([labels[:4].ravel(), labels[-4:].ravel(), labels[:, :4].ravel(), labels[:, -4:].ravel()])
    reaching = set(rim.tolist())  # a thick stroke is a patch too, but light comes in from outside the frame
    wide = cv2.distanceTransform(even, cv2.DIST_L2, 5) >= min(page.shape) / _ISLAND
    reaching |= set(labels[np.asarray(wide)].tolist())
    large = [number for number in sorted(reaching - {0}) if stats[number][4] >= _REGION * page.size]
    return [labels == number for number in large] if large else [np.ones(page.shape, bool)]


def _light(small: Array, page: Array, region: Array) -> Array:
    """Return the light of one region, continued over the whole frame: float32."""
    cv2 = opencv()
    surface = _surface(small, region)
    off = (np.abs(page - surface) > np.maximum(8.0, 0.05 * surface)).astype(np.uint8)
    side = max(3, min(page.shape) // 6)
    wide = np.asarray(cv2.morphologyEx(off, cv2.MORPH_OPEN, np.ones((side, side), np.uint8))) > 0
    taken = region & ((off == 0) | wide)  # ink is thin; what differs and is wide is light
    filled = np.clip(np.rint(np.where(taken, page, surface)), 0, 255).astype(np.uint8)
    bare = _median(filled, min(page.shape) / 3).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(bare, (0, 0), 2))


def _surface(small: Array, region: Array) -> Array:
    """Fit a smooth surface to a region: first to its border, which is mostly bare, then to all that is close to it."""
    height, width = small.shape
    levels = small.astype(np.float64).ravel()
    y, x = (axis.ravel() for axis in np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij"))
    terms = np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], axis=1)
    page = region.ravel()
    inner = opencv().erode(region.astype(np.uint8), np.ones((5, 5), np.uint8), borderType=0, borderValue=0)
    border = page & (np.asarray(inner).ravel() == 0)
    surface = np.full_like(levels, np.median(levels[border]))
    # First a level, then a slope, then a bend: a bend fitted in haste would follow the ink.
    for count, where in ((1, border), (3, border), (3, border), (6, border), (6, page), (6, page)):
        distance = np.abs(levels - surface)
        near = where & (distance <= max(6.0, 3 * 1.4826 * float(np.median(distance[where]))))
        surface = terms[:, :count] @ np.linalg.lstsq(terms[near, :count], levels[near], rcond=None)[0]
    return np.clip(surface, 0, 255).reshape(height, width)


def _median(image: Array, window: float) -> Array:
    """Return a median over a square window, uint8; a window of less than three pixels changes nothing."""
    side = min(255, int(window)) | 1
    return np.asarray(opencv().medianBlur(image, side)) if side > 1 else image


def _shrunk(image: Array, longest: int) -> Array:
    scale = min(1.0, longest / max(image.shape))
    size = tuple(max(1, round(side * scale)) for side in image.shape[::-1])
    return np.asarray(opencv().resize(image, size, interpolation=3))  # by area


def _enlarged(image: Array, shape: tuple[int, ...]) -> Array:
    cv2 = opencv()
    return np.asarray(cv2.resize(image, shape[::-1], interpolation=cv2.INTER_LINEAR)).astype(np.float32)
