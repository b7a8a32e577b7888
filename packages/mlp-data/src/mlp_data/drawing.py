"""Pictures for people: boxes with labels are drawn into a photograph, and a picture is packed as an image file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mlp_data.decode import opencv
from mlp_data.labels import Array

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")  # what a picture's name may end in
_BLUE, _WHITE = (40, 90, 220), (255, 255, 255)  # red, green, blue
_READABLE = 0.5  # OpenCV's scale of a letter of 11 pixels; a smaller one is not readable


def labelled(frame: Array, items: Iterable[tuple[tuple[int, int, int, int], str]]) -> Array:
    """Return a copy of an RGB photograph with a box (x, y, w, h) and its label, above or below, for each item."""
    cv2 = opencv()
    picture = frame.copy()
    height, width = picture.shape[:2]
    thick = max(1, max(height, width) // 500)
    for (x, y, w, h), text in items:
        cv2.rectangle(picture, (x - thick, y - thick), (x + w + thick, y + h + thick), _BLUE, thick)
        scale = max(_READABLE * thick, min(h, max(height, width) / 12) / 80)  # one large item has no giant label
        (wide, tall), below = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, thick)
        above = y - 3 * thick - below
        foot = above if above >= tall else min(y + h + tall + 5 * thick, height - below)
        left = max(0, min(x, width - wide))
        cv2.rectangle(picture, (left - thick, foot - tall - 2 * thick), (left + wide + thick, foot + below), _BLUE, -1)
        cv2.putText(picture, text, (left, foot), cv2.FONT_HERSHEY_SIMPLEX, scale, _WHITE, thick, cv2.LINE_AA)
    return picture


def packed(picture: Array, path: str) -> bytes:
    """Return an RGB picture as an image file of the kind that `path` ends in; see SUFFIXES."""
    return bytes(opencv().imencode(Path(path).suffix.lower(), picture[..., ::-1])[1])
