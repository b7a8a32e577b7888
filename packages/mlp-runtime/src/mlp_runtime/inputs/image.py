"""An image input turns any picture, large or small, light or dark, into the pixels that a network was trained on."""

from __future__ import annotations

from typing import Any, Mapping, Optional

import numpy as np

from ..errors import InputError, shown
from ..schema import MAX_WIDTH, check
from .common import Prepared
from .ink import background, fit_ink, is_dark
from .pixels import as_uint8, colour, frame_array, grey
from .resize import resize

MAX_SIDE = 4096
_SPEC = {
    "height": "a positive count",
    "width": "a positive count",
    "channels": "1 or 3",
    "ink": ("auto", "light", "dark"),
    "fit": ("none", "stretch", "ink"),
    "box": "a positive count",
    "centre": ("mass", "box"),
    "mean": "a number",
    "scale": "a number that is not 0",
}


class ImageInput(Prepared):
    """Frames of height x width, light ink on dark, in 1 channel (grey) or 3 (red, green, blue).

    ink: what the frames that come hold, `light` on dark or `dark` on light; `auto` asks the border of each frame, and
    takes a median above 127 for dark ink. fit: `none` takes frames of the right size alone; `stretch` resizes the
    whole frame; `ink` cuts out the ink, fits its long side into `box` pixels and moves its centre of `mass`, or the
    middle of its `box`, to the middle. The attribute that holds `scale` is `factor`; `scale` is the method.

    >>> frame = np.full((90, 60), 255, np.uint8)
    >>> frame[20:70, 25:30] = 0
    >>> row = ImageInput(fit="ink").prepare(frame)
    >>> row.shape, np.argwhere(row.reshape(28, 28)).min(axis=0), np.argwhere(row.reshape(28, 28)).max(axis=0)
    ((1, 784), array([ 4, 14]), array([23, 15]))
    """

    kind = "image"

    def __init__(
        self,
        height: int = 28,
        width: int = 28,
        channels: int = 1,
        ink: str = "auto",
        fit: str = "none",
        box: int = 20,
        centre: str = "mass",
        mean: float = 0.0,
        scale: float = 1 / 255,
    ) -> None:
        sizes = {"height": height, "width": width, "channels": channels, "box": box}
        words = {"ink": ink, "fit": fit, "centre": centre}
        check({**sizes, **words, "mean": mean, "scale": scale}, _SPEC, "", InputError)
        self.height, self.width, self.channels, self.box = map(int, sizes.values())
        self.ink, self.fit, self.centre = ink, fit, centre
        self.mean, self.factor = float(mean), float(scale)
        self.size = self.height * self.width * self.channels
        if max(self.height, self.width) > MAX_SIDE or self.size > MAX_WIDTH:
            wanted = f"sides of at most {MAX_SIDE} and at most {MAX_WIDTH} numbers"
            raise InputError(f"height, width: found {height} x {width} x {channels}, wanted {wanted}")
        if fit == "ink" and channels == 3:
            raise InputError("channels: found 3, but fit='ink' finds grey ink: use 1, or fit='stretch' to keep colours")
        if fit == "ink" and self.box > min(self.height, self.width):
            raise InputError(f"box: found {box}, wanted at most height and width, {height} x {width}")
        self._freeze()

    def is_batch(self, raw: Any) -> bool:
        """Tell whether raw holds many frames: a list, a 4-D array, or a 3-D array that does not end in 3 or 4."""
        if isinstance(raw, (list, tuple)):
            return True
        array = frame_array(raw)
        if array.ndim not in (2, 3, 4):
            raise self._unwanted(raw)
        return array.ndim == 4 or (array.ndim == 3 and array.shape[2] not in (1, 3, 4))

    def prepare(self, raw: Any, many: Optional[bool] = None) -> np.ndarray:
        """Return the pixels of the frames, uint8 (n, size), in a fresh array.

        raw: a frame h x w, h x w x 3 (RGB) or h x w x 4 (RGBA, put over white), an array of n of them, or a list of
        frames that may differ in size. `many` overrules what `is_batch` would say of an array.
        """
        if not isinstance(raw, (list, tuple)):
            array = frame_array(raw)
            many = self.is_batch(array) if many is None else many
            return self._fit(self._pixels(array if many else array[None], raw))
        if many is False or not raw:
            raise self._unwanted(raw)
        frames = []
        for at, frame in enumerate(raw):
            try:
                frames.append(self._pixels(frame_array(frame)[None], frame))
            except InputError as error:
                raise InputError(f"frame {at}: {error}") from None
        if len({frame.shape for frame in frames}) == 1:
            return self._fit(np.concatenate(frames))
        return np.concatenate([self._fit(frame) for frame in frames])

    def spec(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Return the description for a model file, and the arrays that it names (none)."""
        values = {**vars(self), "scale": self.factor}
        return {"kind": self.kind, **{key: values[key] for key in _SPEC}}, {}

    @classmethod
    def from_spec(cls, spec: dict[str, Any], tensors: Mapping[str, np.ndarray]) -> ImageInput:  # noqa: ARG003
        """Return the input that a model file describes, or raise InputError."""
        given: dict[str, Any] = {key: spec.get(key) for key in _SPEC}
        return cls(**given)

    def synthesise(self, count: int) -> np.ndarray:
        """Return `count` frames made from the spec alone: slanted stripes in the middle of an even background.

        Their size is the network's own where fit is none, else a little more, so that resizing is tried too.
        """
        height, width = (self.height, self.width) if self.fit == "none" else (self.height + 5, self.width + 3)
        y, x = np.mgrid[:height, :width]
        inside = (abs(2 * y + 1 - height) * 3 <= 2 * height) & (abs(2 * x + 1 - width) * 3 <= 2 * width)
        n = np.arange(count)[:, None, None]
        stripes = (y * (n + 1) + x * (7 - n % 7)) * 23 % 256 * inside
        frames = stripes.astype(np.uint8)
        if self.ink == "dark":
            frames = 255 - frames
        return frames if self.channels == 1 else np.stack([frames, frames[:, ::-1], frames[:, :, ::-1]], axis=-1)

    def _pixels(self, frames: np.ndarray, raw: Any) -> np.ndarray:
        """Return frames (n, h, w) or (n, h, w, 1 | 3 | 4) as uint8 in this input's channels."""
        if frames.ndim == 4 and frames.shape[3] == 1:
            frames = frames[..., 0]
        if frames.ndim not in (3, 4) or (frames.ndim == 4 and frames.shape[3] not in (3, 4)):
            raise self._unwanted(raw)
        height, width = frames.shape[1:3]
        if self.fit == "none" and (height, width) != (self.height, self.width):
            raise InputError(
                f"{height} x {width} pixels came, but the model wants {self.height} x {self.width} (fit='none'): "
                f"resize the frame, or train with fit='ink' or fit='stretch', which do that"
            )
        levels = as_uint8(frames, raw)
        if levels.ndim == 3:
            return levels if self.channels == 1 else np.repeat(levels[..., None], 3, axis=3)
        return grey(levels) if self.channels == 1 else colour(levels)

    def _fit(self, frames: np.ndarray) -> np.ndarray:
        """Return frames of one size as rows (n, size)."""
        if self.fit == "ink":
            fitted = fit_ink(frames, self.ink, self.height, self.width, self.box, self.centre)
            return fitted.reshape(len(frames), -1)
        same = frames.shape[1:3] == (self.height, self.width)
        fitted = frames.copy() if same else np.stack([resize(frame, self.height, self.width) for frame in frames])
        dark = is_dark(background(frames), self.ink)
        if dark.any():
            fitted[dark] = 255 - fitted[dark]
        return fitted.reshape(len(frames), -1)

    def _unwanted(self, raw: Any) -> InputError:
        flat = isinstance(raw, np.ndarray) and raw.shape[-1:] == (self.size,)
        hint = ": reshape it, or give prepared vectors to model.forward" if flat else ""
        return InputError(
            f"{shown(raw)} came, but the model wants a frame h x w, h x w x 3 (RGB) or h x w x 4 (RGBA), "
            f"an array of n such frames or a list of frames{hint}"
        )
