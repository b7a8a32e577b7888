"""Paper is lit unevenly and lies in shadows; here its light is evened out, so that what stands out from it is ink."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mlp_data.decode import opencv
from mlp_data.errors import DataError
from mlp_data.labels import Array
from mlp_runtime.inputs.pixels import grey as to_grey

LONGEST = 1600  # pixels; a larger photograph shows the same strokes, only slower
LARGE = 120  # pixels; in a smaller frame noise is not smoothed and nothing is too small to be the item
SEEN = 6.0  # ink stands out from the background by so many times the noise ...
FAINTEST = 12.0  # ... and by so many grey levels, else the page is blank
_STEPS = np.float32(64)  # a grey level; finer differences are rounding, and would decide what is just ink


@dataclass(frozen=True)
class Ink:
    """What was found out about a frame's ink.

    strength: float32 (h, w), how far each pixel is from the background in the direction of the ink, in grey levels.
    noise: the usual deviation of the bare background. full: the strength of well inked pixels; 0 on a blank page.
    """

    strength: Array
    noise: float
    full: float

    @property
    def seen(self) -> float:
        """The strength from which on a pixel may be ink."""
        return max(FAINTEST, SEEN * self.noise)


def grey_page(frame: Array) -> Array:
    """Return a photograph in grey, its long side at most LONGEST pixels; DataError says what is no photograph."""
    if frame.dtype != np.uint8 or frame.ndim not in (2, 3) or (frame.ndim == 3 and frame.shape[2] not in (1, 3, 4)):
        raise DataError(
            f"a photograph is a uint8 array (h, w), (h, w, 3) or (h, w, 4), but {frame.dtype} {frame.shape} came: "
            f"decode the file with mlp_data.decode"
        )
    if not frame.size:
        raise DataError(f"the photograph has no pixels (shape {frame.shape}): give another")
    shrink = LONGEST / max(frame.shape[:2])
    if shrink < 1:
        cv2 = opencv()
        height, width = (max(1, round(side * shrink)) for side in frame.shape[:2])
        shape = (height, width, *frame.shape[2:])
        frame = np.asarray(cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)).reshape(shape)
    if frame.ndim == 3:
        frame = frame[..., 0] if frame.shape[2] == 1 else to_grey(frame)
    return np.ascontiguousarray(frame)


def flatten(grey: Array, background: Array) -> Array:
    """Return the page as if lit evenly: paper reflects a share of the light, a black board shows it as glare."""
    level = float(np.median(background))
    difference = grey - background
    if level >= 64:
        difference *= level / np.maximum(background, level / 4)
    return level + difference


def ink_on(flattened: Array, dark: bool) -> Ink:
    """Find how strong the dark, or the light, ink of a page is; smoothed as far as strokes allow."""
    level = float(np.median(flattened))
    if (longest := max(flattened.shape)) > LARGE:
        flattened = np.asarray(opencv().GaussianBlur(flattened, (0, 0), longest / 1000))
    difference = np.rint((flattened - level).astype(np.float32) * _STEPS) / _STEPS
    noise = 1.4826 * float(np.median(np.abs(difference)))
    if longest > LARGE:  # an overexposed page hides half of its noise; three quarters of a page are bare
        noise = max(noise, float(np.percentile(np.abs(difference), 75)) / 1.15)
    return inked(-difference if dark else difference, noise)


def inked(strength: Array, noise: float) -> Ink:
    """Return the ink of which the strength is known; one fifth of it is stronger than full."""
    some = strength[strength > max(FAINTEST, SEEN * noise)]
    return Ink(strength, noise, float(np.percentile(some, 80)) if some.size else 0.0)
