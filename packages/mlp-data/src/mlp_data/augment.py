"""Augmentation turns, stretches and bends every image a little, so that the network learns what does not matter.

An image is never mirrored: a mirrored digit is another sign. A distortion is a map that says, for each pixel of the
new image, where to look in the old one. The map is a surface over a coarse grid of control points: on a flat grid it
is the affine part, and moving each point at random bends it. Enlarging the grid to all pixels is two small matrix
products, because the cubic B-spline between the points is separable and reproduces straight lines.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mlp_data.decode import opencv
from mlp_data.errors import DataError, OptionError
from mlp_data.labels import Array
from mlp_runtime.errors import nearest

PIXELS = 1 << 14  # of the maps at a time, so that they stay in the cache
LONGEST_SIDE = 32_000  # OpenCV's remap counts rows and columns in 16 bits
MOST_FRAMES = 1024  # in one stack, for the same reason
PARTS = 32  # of a pixel, to which maps are rounded: interpolation in float32 is then exact, whatever its order
SMALLEST_GRID = 4  # a cubic needs four control points
_SIMPLE = 6  # random numbers of the affine part: rotation, scale and shift in x and y, shear
_RMS = 151 / 315  # of a cubic B-spline surface over independent control points of variance 1, in two dimensions


@dataclass(frozen=True)
class Drawn:
    """What was drawn for a batch: one coarse surface of source coordinates, in pixels, for each image and axis.

    control: float32 (2, count, grid, grid), x before y.
    """

    control: Array
    height: int
    width: int

    def __len__(self) -> int:
        return int(self.control.shape[1])


@dataclass(frozen=True)
class Distortion:
    """How far images are distorted at random: evenly distributed up to each limit, either way (Simard et al., 2003).

    rotation: degrees. scale: share of the size, for height and width apart. shear: pixels to the side for each pixel
    up. shift: pixels. elastic: root mean square of the smooth random displacement in pixels, for each axis; no pixel
    moves further than 3.7 times that. grid: control points a side; the displacement is as smooth as noise under a
    Gaussian of 0.58 / (grid - 3) of the frame: in 28 pixels, grid 6 is sigma 5.4.

    >>> distortion = Distortion(shift=1.5)
    >>> frames = np.zeros((2, 28, 28), np.uint8)
    >>> distorted = np.empty_like(frames)
    >>> distortion.apply(frames, distortion.draw(np.random.default_rng(1), 2, 28, 28), distorted)
    >>> int(distorted.max())
    0
    """

    rotation: float = 0.0
    scale: float = 0.0
    shear: float = 0.0
    shift: float = 0.0
    elastic: float = 0.0
    grid: int = 6

    def __post_init__(self) -> None:
        limits = {"rotation": 180.0, "scale": 0.9, "shear": 10.0, "shift": 1e4, "elastic": 1e4}
        for name, most in limits.items():
            if not 0 <= getattr(self, name) <= most:  # so NaN is refused too
                raise OptionError(f"distortion: {name} is {getattr(self, name)!r}: give a number from 0 to {most:g}")
        if not SMALLEST_GRID <= self.grid <= 64 or not isinstance(self.grid, int):
            raise OptionError(f"distortion: grid is {self.grid!r}: give a whole number from {SMALLEST_GRID} to 64")

    @classmethod
    def of(cls, name: str, side: int = 28) -> Distortion:
        """Return a preset, "none", "light" or "strong", for images whose longer side is `side` pixels.

        "strong" is about what Ciresan et al. (2010) trained MNIST with, 15 degrees, 15 % and Gaussian-smoothed noise
        of sigma 5 to 6 pixels, scaled by 36 to 38, and shears and shifts a little besides; "light" is half of it.

        >>> Distortion.of("light").rotation
        7.5
        """
        if name not in PRESETS:
            raise OptionError(f"distortion: no preset {name!r}{nearest(name, PRESETS)}: choose {', '.join(PRESETS)}")
        strength, pixels = PRESETS[name], PRESETS[name] * side / 28
        return cls(
            rotation=15.0 * strength,
            scale=0.15 * strength,
            shear=0.15 * strength,
            shift=1.0 * pixels,
            elastic=1.1 * pixels,
        )

    def draw(self, generator: np.random.Generator, count: int, height: int, width: int) -> Drawn:
        """Draw all random numbers for `count` images: equal generators draw the same, in whichever process."""
        numbers = generator.random((count, _SIMPLE + 2 * self.grid**2), np.float32)
        numbers = (2 * numbers - 1).T
        turn, tall, wide, shear, down, right = numbers[:_SIMPLE]
        reach = self.elastic * math.sqrt(3) / _RMS  # an even distribution up to 1 has variance 1/3
        return warp(
            height,
            width,
            rotation=self.rotation * turn,
            scale=(1 + self.scale * tall, 1 + self.scale * wide),
            shear=self.shear * shear,
            shift=(self.shift * down, self.shift * right),
            elastic=reach * numbers[_SIMPLE:].reshape(2, self.grid, self.grid, count).transpose(0, 3, 1, 2),
        )

    @staticmethod
    def apply(frames: Array, drawn: Drawn, out: Array, rows: slice = slice(None)) -> None:
        """Distort the frames of `rows` into the same rows of `out`, which may be `frames` itself.

        frames, out: uint8 (count, height, width) or (count, height, width, 3). What comes from outside a frame is 0.
        An image's pixels do not depend on `rows`. Uses one thread, and buffers that this thread keeps between calls.
        Raises DataError.
        """
        _check(frames, drawn, out)
        first, last, step = rows.indices(len(frames))
        if step != 1:
            raise DataError(f"rows {rows} leave some out: give a slice whose step is 1")
        work = _buffers(drawn, frames.shape[3:])
        for start in range(first, last, work.most):
            part = slice(start, min(start + work.most, last))
            work.distort(frames[part], drawn.control[:, part], out[part])


PRESETS = {"none": 0.0, "light": 0.5, "strong": 1.0}
_FLAT = np.zeros((2, 1, SMALLEST_GRID, SMALLEST_GRID), np.float32)


def warp(
    height: int,
    width: int,
    *,
    rotation: npt.ArrayLike = 0.0,
    scale: tuple[npt.ArrayLike, npt.ArrayLike] = (1.0, 1.0),
    shear: npt.ArrayLike = 0.0,
    shift: tuple[npt.ArrayLike, npt.ArrayLike] = (0.0, 0.0),
    elastic: npt.ArrayLike = _FLAT,
) -> Drawn:
    """Return the map that scales, shears, turns counter-clockwise and shifts, in this order, about the middle.

    rotation (degrees) and shear: (count,). scale and shift: down before right, each (count,). elastic: pixels,
    (2, count, grid, grid), right before down.

    >>> drawn = warp(1, 3, shift=([0], [1]))
    >>> frames = np.array([[[7, 8, 9]]], np.uint8)
    >>> Distortion.apply(frames, drawn, frames)
    >>> frames
    array([[[0, 7, 8]]], dtype=uint8)
    """
    bend = np.asarray(elastic)
    each = [np.asarray(value)[..., None, None] for value in (rotation, shear, *scale, *shift)]
    turn, slant, tall, wide, down, right = each
    middle_y, middle_x = (height - 1) / 2, (width - 1) / 2
    # What the network sees at (x, y) is found by undoing each step, the last one first.
    y = _sites(height, bend.shape[-1])[:, None] - middle_y - down
    x = _sites(width, bend.shape[-1]) - middle_x - right
    cosine, sine = np.cos(np.deg2rad(turn)), np.sin(np.deg2rad(turn))
    x, y = cosine * x - sine * y, sine * x + cosine * y
    x = x + slant * y  # up is where y falls
    control = np.stack(np.broadcast_arrays(x / wide + middle_x + bend[0], y / tall + middle_y + bend[1]))
    return Drawn(control.astype(np.float32), height, width)


def _sites(length: int, grid: int) -> Array:
    """Return where the control points lie, in pixels: a surface that is x at each of them is x everywhere."""
    return np.asarray((np.arange(grid) - 1) * (length / (grid - 3)) - 0.5, np.float32)


def _spline(length: int, grid: int) -> Array:
    """Return the share of each control point in each pixel, float32 (length, grid): a uniform cubic B-spline."""
    place = (np.arange(length) + 0.5) * ((grid - 3) / length) + 1  # in steps of the grid
    away = np.abs(place[:, None] - np.arange(grid))
    near, far = 2 / 3 - away**2 + away**3 / 2, np.maximum(2 - away, 0) ** 3 / 6
    return np.asarray(np.where(away < 1, near, far), np.float32)


class _Buffers:
    """Everything of one shape of frame that does not change from call to call."""

    def __init__(self, height: int, width: int, grid: int, channels: tuple[int, ...]) -> None:
        self.key = (height, width, grid, channels)
        self.most = max(1, min(PIXELS // (height * width), MOST_FRAMES))
        self.band = min(height, max(1, PIXELS // width))  # a large frame is made some lines at a time
        self.lines, self.columns = _spline(height, grid) * PARTS, np.ascontiguousarray(_spline(width, grid).T)
        # One tall image of all frames, with an empty line before, between and after them: what lies above or below a
        # frame is looked up there, and never in its neighbour.
        self.tall = np.zeros((self.most * (height + 1) + 1, width, *channels), np.uint8)
        self.frames = self.tall[1:].reshape(self.most, height + 1, width, *channels)[:, :height]
        self.tops = (1 + np.arange(self.most, dtype=np.float32) * (height + 1))[:, None, None]
        self.half = np.empty((2, self.most, grid, width), np.float32)
        self.maps = np.empty((2, self.most, self.band, width), np.float32)
        self.cv2: Any = opencv()

    def distort(self, frames: Array, control: Array, out: Array) -> None:
        """Distort up to `most` frames."""
        height, _, _, channels = self.key
        count = len(frames)
        self.frames[:count] = frames
        half = np.matmul(control, self.columns, out=self.half[:, :count])
        for top in range(0, height, self.band):
            lines = self.lines[top : top + self.band]
            # Not one product for all images: the rounding of that would depend on how many there are.
            maps = np.matmul(lines, half, out=self.maps[:, :count, : len(lines)])
            np.rint(maps, out=maps)
            maps *= np.float32(1 / PARTS)
            x, y = maps
            np.clip(y, -1, height, out=y)  # beside the stack, remap finds background by itself
            y += self.tops[:count]
            # OpenCV does not ask where a pixel goes, and spreads rows over threads: one long row is one thread's.
            self.cv2.remap(
                self.tall,
                x.reshape(1, -1),
                y.reshape(1, -1),
                self.cv2.INTER_LINEAR,
                dst=out[:, top : top + self.band].reshape(1, -1, *channels),
                borderMode=self.cv2.BORDER_CONSTANT,
            )


_OF_THREAD = threading.local()


def _buffers(drawn: Drawn, channels: tuple[int, ...]) -> _Buffers:
    """Return this thread's buffers, new ones where the shape is not the last call's."""
    key = (drawn.height, drawn.width, int(drawn.control.shape[-1]), channels)
    work: _Buffers | None = getattr(_OF_THREAD, "buffers", None)
    if work is None or work.key != key:
        work = _OF_THREAD.buffers = _Buffers(*key)
    return work


def _check(frames: Array, drawn: Drawn, out: Array) -> None:
    for name, array in (("frames", frames), ("out", out)):
        if not isinstance(array, np.ndarray) or array.dtype != np.uint8:
            found = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
            raise DataError(f"distortion: {name} is {found}: give a NumPy array of uint8")
    wanted = (len(drawn), drawn.height, drawn.width)
    if frames.shape not in (wanted, (*wanted, 3)):
        raise DataError(
            f"distortion: frames of shape {frames.shape}, but numbers were drawn for {wanted}: "
            f"give (count, height, width) or (count, height, width, 3) of that size"
        )
    if max(wanted[1:]) > LONGEST_SIDE or min(wanted[1:]) < 1:
        raise DataError(f"distortion: frames of {wanted[1]} x {wanted[2]} pixels: give sides of 1 to {LONGEST_SIDE:,}")
    if out.shape != frames.shape or not out.flags.c_contiguous or not out.flags.writeable:
        raise DataError(
            f"distortion: out has shape {out.shape}{'' if out.flags.c_contiguous else ', not contiguous'}"
            f"{'' if out.flags.writeable else ', read-only'}: give a C-contiguous, writeable array of {frames.shape}"
        )
