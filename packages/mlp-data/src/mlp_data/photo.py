"""A photograph of something drawn is cleaned step by step, until only the ink is left, light on black.

`clean` gives the one item of a photograph, `segment` all of them in reading order; `stages` and `page_stages` show how.

What's where, in the order of the steps: `light` (how the page is lit), `paper` (grey, even light, ink), `lines` (ruled
and squared paper), `strokes` (connected ink, and what belongs together), `outlines` (what is shade or an edge, and no
ink), `segment` (a whole page, reading order, each item as a frame).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mlp_data.decode import opencv
from mlp_data.labels import Array
from mlp_data.paper import FAINTEST, LARGE, LONGEST, grey_page
from mlp_data.segment import Found, around, cut, look, own_ink

_LEAST = 40  # in a large frame the one item is at least this part of its long side

__all__ = ["LONGEST", "Item", "clean", "page_stages", "segment", "stages"]


@dataclass(frozen=True)
class Item:
    """One character of a photograph.

    box: (x, y, w, h) in the pixels of the photograph. frame: uint8 (h, w), light ink on black, for ImageInput.
    """

    box: tuple[int, int, int, int]
    frame: Array


def segment(frame: Array) -> list[Item]:
    """Return the characters of a photograph in reading order: rows from the top, each from left to right.

    frame: as for `clean`. The strokes of one character stay together; specks, lines of the paper, shadows and edges of
    the page go, and what reaches beyond the photograph's border. Characters that touch each other come as one.

    >>> page = np.full((200, 300), 210, np.uint8)
    >>> page[60:140, 200:206] = 40
    >>> page[62:142, 80:86] = 40
    >>> [item.box for item in segment(page)]
    [(80, 62, 6, 80), (200, 60, 6, 80)]
    """
    return items_of(look(grey_page(frame)), frame)


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
    was), lines (of the paper), threshold (where ink is), components (without specks and what reaches in from the
    border), roi.
    """
    grey = grey_page(frame)
    found = look(grey)
    kept = _main(found)
    return {**_images(grey, found), "components": kept, "roi": _roi(found, kept)}


def page_stages(frame: Array) -> dict[str, Array]:
    """Return every step of taking a page apart as a uint8 image: those of `stages` up to threshold, and items.

    items: each character's ink, which has a level of its own.
    """
    grey = grey_page(frame)
    found = look(grey)
    level = np.zeros(int(found.labels.max()) + 1, np.uint8)
    for number, one in enumerate(found.groups):
        level[[stroke.number for stroke in one.strokes]] = 255 - number % 4 * 50
    return {**_images(grey, found), "items": level[found.labels]}


def items_of(found: Found, frame: Array) -> list[Item]:
    """Return the characters that were found, with their boxes in the pixels of `frame`."""
    y, x = (given / seen for given, seen in zip(frame.shape[:2], found.labels.shape, strict=True))
    items = []
    for one in found.groups:
        left, top, right, bottom = one.box
        left, top, right, bottom = round(left * x), round(top * y), round(right * x), round(bottom * y)
        own, where = own_ink(found, one)
        frame_of = cut(found.ink.strength[where], own, found.ink.noise)
        items.append(Item((left, top, right - left, bottom - top), frame_of))
    return items


def _images(grey: Array, found: Found) -> dict[str, Array]:
    light = found.ink.strength * (255 / max(found.ink.full, FAINTEST))
    return {
        "grey": grey,
        "background": _uint8(found.light.level),
        "flattened": _uint8(found.flattened),
        "polarity": _uint8(light),
        "lines": np.where(found.lines > 0, 255, 0).astype(np.uint8),
        "threshold": found.mask,
    }


def _main(found: Found) -> Array:
    """Return a mask of the item alone: the one with most ink, or in a small frame what is not cut off by its border."""
    if found.groups:
        most = max(found.groups, key=lambda one: one.area)
        kept = np.isin(found.labels, [stroke.number for stroke in most.strokes])
        return np.where(kept, 255, 0).astype(np.uint8)
    return _components(found.mask) if min(found.mask.shape) <= LARGE else np.zeros_like(found.mask)


def _components(mask: Array) -> Array:
    """Keep the largest connected stroke and the strokes near it; specks go, and what reaches in from the border."""
    cv2 = opencv()

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
    if max(mask.shape) > LARGE and long * _LEAST < max(mask.shape):
        return np.zeros_like(mask)  # specks on a page that is blank otherwise
    gap_x = np.maximum(0, np.maximum(left - right[main], left[main] - right))
    gap_y = np.maximum(0, np.maximum(top - bottom[main], top[main] - bottom))
    gap = np.maximum(gap_x, gap_y) / long
    kept = (area >= np.where(gap <= 0.1, 0.03, 0.1) * area[main]) & (gap <= 0.35) & (~at_border | at_border[main])
    kept[0], kept[main] = False, True
    return np.where(kept[labels], 255, 0).astype(np.uint8)


def _roi(found: Found, kept: Array) -> Array:
    """Cut out what is kept; all zeros where nothing is."""
    if not kept.any():
        return np.zeros_like(kept)
    left, top, width, height = opencv().boundingRect(kept)
    where = around((left, top, left + width, top + height), kept.shape)
    return cut(found.ink.strength[where], (kept[where] > 0).astype(np.uint8), found.ink.noise)


def _uint8(image: Array) -> Array:
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)
