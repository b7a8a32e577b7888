"""A photograph of something drawn is cleaned step by step, until only the ink is left, light on black."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mlp_data.errors import DataError
from mlp_data.labels import Array

LONGEST = 1600  # pixels; a larger photograph shows the same strokes, only slower
_SEEN = 6.0  # ink stands out from the background by so many times the noise ...
_FAINTEST = 12.0  # ... and by so many grey levels, else the page is blank
_LARGE = 120  # pixels; in a smaller frame noise is not smoothed and nothing is too small to be the item
_SMALLEST = 40  # in a larger one the item is at least this part of its long side


@dataclass(frozen=True)
class Ink:
    """What was found out about a frame's ink.

    strength: float32 (h, w), how far each pixel is from the background in the direction of the ink, in grey levels.
    noise: the usual deviation of the bare background. full: the strength of well inked pixels; 0 on a blank page.
    """

    strength: Array
    is_dark: bool
    noise: float
    full: float


def clean(frame: Array) -> Array:
    """Return the drawn item of a photograph alone: uint8, light ink on black, cropped; all zeros if there is no ink.

    frame: uint8 grey (h, w), RGB (h, w, 3) or RGBA (h, w, 4). The result is a frame for ImageInput.

    >>> page = np.full((60, 60), 200, np.uint8)
    >>> page[20:40, 28:32] = 30  # one dark stroke
    >>> clean(page).shape, int(clean(page).max())
    ((26, 10), 255)
    """
    return stages(frame)["roi"]


def stages(frame: Array) -> dict[str, Array]:
    """Return every step of the cleaning as a uint8 image, in order; the last one, "roi", is the result.

    grey, background (the bare page, as it is lit), flattened (as if lit evenly), polarity (the ink light, whatever it
    was), threshold (where ink is), components (without specks and what reaches in from the border), roi.
    """
    grey = _grey(frame)
    background = _background(grey)
    flattened = _flatten(grey, background)
    ink = find_ink(flattened)
    mask = _threshold(ink)
    kept = _components(mask)
    light = np.clip(ink.strength * (255 / max(ink.full, _FAINTEST)), 0, 255).round().astype(np.uint8)
    return {
        "grey": grey,
        "background": _uint8(background),
        "flattened": _uint8(flattened),
        "polarity": light,
        "threshold": mask,
        "components": kept,
        "roi": _roi(ink, kept),
    }


def _grey(frame: Array) -> Array:
    import cv2  # an optional library of the system may be missing, and only photographs need it

    if frame.dtype != np.uint8 or frame.ndim not in (2, 3) or (frame.ndim == 3 and frame.shape[2] not in (1, 3, 4)):
        raise DataError(
            f"a photograph is a uint8 array (h, w), (h, w, 3) or (h, w, 4), but {frame.dtype} {frame.shape} came: "
            f"decode the file with mlp_data.decode"
        )
    if not frame.size:
        raise DataError(f"the photograph has no pixels (shape {frame.shape}): give another")
    if frame.ndim == 3 and frame.shape[2] == 4:  # over white paper, as a browser shows it
        alpha = frame[..., 3:].astype(np.float32) / 255
        frame = _uint8(frame[..., :3] * alpha + 255 * (1 - alpha))
    if frame.ndim == 3:
        frame = frame[..., 0] if frame.shape[2] == 1 else np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY))
    shrink = LONGEST / max(frame.shape)
    if shrink < 1:
        size = [max(1, round(side * shrink)) for side in frame.shape]
        frame = np.asarray(cv2.resize(frame, (size[1], size[0]), interpolation=cv2.INTER_AREA))
    return np.ascontiguousarray(frame)


def _background(grey: Array) -> Array:
    """Fit a smooth surface to the page: first to the border, which is mostly bare, then to all that is close to it."""
    import cv2

    height, width = (min(64, side) for side in grey.shape)
    small = np.asarray(cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA)).astype(np.float64).ravel()
    y, x = (axis.ravel() for axis in np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij"))
    terms = np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], axis=1)
    border = (np.abs(y) > 1 - 2.5 / height) | (np.abs(x) > 1 - 2.5 / width)
    page = np.ones_like(border)
    surface = np.full_like(small, np.median(small[border]))
    # First a level, then a slope, then a bend: a bend fitted in haste would follow the ink.
    for count, where in ((1, border), (3, border), (3, border), (6, border), (6, page), (6, page)):
        distance = np.abs(small - surface)
        near = where & (distance <= max(6.0, 3 * 1.4826 * float(np.median(distance[where]))))
        surface = terms[:, :count] @ np.linalg.lstsq(terms[near, :count], small[near], rcond=None)[0]
    full = cv2.resize(surface.reshape(height, width), grey.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.clip(np.asarray(full), 0, 255).astype(np.float32)


def _flatten(grey: Array, background: Array) -> Array:
    """Return the page as if lit evenly: paper reflects a share of the light, a black board shows it as glare."""
    level = float(np.median(background))
    difference = grey - background
    if level >= 64:
        difference *= level / np.maximum(background, level / 4)
    return level + difference


def find_ink(flattened: Array) -> Ink:
    """Find which side of the background the ink is on, and how strong it is; smoothed as far as strokes allow."""
    import cv2

    level = float(np.median(flattened))
    if (longest := max(flattened.shape)) > _LARGE:
        flattened = np.asarray(cv2.GaussianBlur(flattened, (0, 0), longest / 600))
    difference = flattened.astype(np.float32) - level
    noise = 1.4826 * float(np.median(np.abs(difference)))
    seen = max(_FAINTEST, _SEEN * noise)
    beyond = np.maximum(np.abs(difference) - seen, 0)
    is_dark = bool(beyond[difference < 0].sum() >= beyond[difference > 0].sum())
    strength = -difference if is_dark else difference
    inked = strength[strength > seen]
    full = float(np.percentile(inked, 80)) if inked.size else 0.0
    return Ink(strength, is_dark, noise, full)


def _threshold(ink: Ink) -> Array:
    """Mark the pixels that are nearer to full ink than to the bare page, allowing for faint strokes."""
    if not ink.full:
        return np.zeros(ink.strength.shape, np.uint8)
    return np.where(ink.strength > max(_FAINTEST, _SEEN * ink.noise, 0.4 * ink.full), 255, 0).astype(np.uint8)


def _components(mask: Array) -> Array:
    """Keep the largest connected stroke and the strokes near it; specks go, and what reaches in from the border."""
    import cv2

    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    if count < 2:
        return mask
    left, top, width, height, area = stats.T.astype(np.int64)
    right, bottom = left + width, top + height
    at_border = (left == 0) | (top == 0) | (right == mask.shape[1]) | (bottom == mask.shape[0])
    weight = np.where(at_border, area // 4, area)  # the item is rather something whole than something cut off
    weight[0] = 0
    main = int(weight.argmax())
    long = max(width[main], height[main])
    if max(mask.shape) > _LARGE and long * _SMALLEST < max(mask.shape):
        return np.zeros_like(mask)  # specks on a page that is blank otherwise
    gap_x = np.maximum(0, np.maximum(left - right[main], left[main] - right))
    gap_y = np.maximum(0, np.maximum(top - bottom[main], top[main] - bottom))
    gap = np.maximum(gap_x, gap_y) / long
    kept = (area >= np.where(gap <= 0.1, 0.03, 0.1) * area[main]) & (gap <= 0.35) & (~at_border | at_border[main])
    kept[0], kept[main] = False, True
    return np.where(kept[labels], 255, 0).astype(np.uint8)


def _roi(ink: Ink, kept: Array) -> Array:
    """Cut out what is kept, with a margin and with the soft edges of its strokes, full ink being 255."""
    import cv2

    rows, columns = np.flatnonzero(kept.any(axis=1)), np.flatnonzero(kept.any(axis=0))
    if not len(rows):
        return np.zeros_like(kept)
    long = max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1
    soft = np.asarray(cv2.dilate(kept, np.ones((3, 3), np.uint8), iterations=1 + int(long) // 100)) > 0
    floor = 2 * ink.noise
    full = float(np.percentile(ink.strength[kept > 0], 70))  # of this item alone, whatever else is on the page
    light = np.where(soft, np.clip((ink.strength - floor) * (255 / (full - floor)), 0, 255), 0)
    margin = 2 + int(long) // 20
    inside = np.s_[
        max(0, rows[0] - margin) : rows[-1] + 1 + margin, max(0, columns[0] - margin) : columns[-1] + 1 + margin
    ]
    return _uint8(light[inside])


def _uint8(image: Array) -> Array:
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)
