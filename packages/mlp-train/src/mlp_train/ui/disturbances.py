"""Disturbances of growing size show how much a network bears before its answers go wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlp_data.decode import opencv
from mlp_data.labels import Array
from mlp_runtime import Model
from mlp_runtime.inputs import ImageInput, TableInput
from mlp_train.ui.held_back import Sample

MOST_ROWS = 1000  # for a curve, each level of which is measured on all of them


@dataclass(frozen=True)
class Disturbance:
    """A kind of disturbance: its name, the unit of its levels, what it does, and how: (frames or rows, level) -> same.

    Images are disturbed as the network sees them, after their preparation: (n, h, w, channels) uint8, 0 is paper.
    """

    name: str
    unit: str
    what: str
    levels: tuple[float, ...]
    disturb: Callable[[Any, float], Any]


def kinds(model: Model, sample: Sample) -> dict[str, Disturbance]:
    """Return what an input of this kind can suffer, by name."""
    if isinstance(model.input, ImageInput):
        found = [
            Disturbance("noise", "grey levels", _NOISE, (0, 16, 32, 48, 64, 96, 128), _image_noise),
            Disturbance("rotation", "degrees", _ROTATION, (-60, -45, -30, -15, 0, 15, 30, 45, 60), _rotated),
            Disturbance("shift", "pixels to the right", _SHIFT, _shifts(model.input.width), _shifted),
        ]
        if model.input.channels == 1:
            found.append(Disturbance("thickness", "pixels", _THICKNESS, (-1, -0.5, 0, 0.5, 1, 1.5, 2), _thickened))
    else:
        blank, noise = _blanks(model, sample), _number_noise(model, sample)
        found = [
            Disturbance("missing", "share of all cells", _MISSING, (0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9), blank),
        ]
        if _number_places(model):
            levels = (0, 0.1, 0.25, 0.5, 1, 1.5, 2, 3)
            found.append(Disturbance("noise", "standard deviations", _CELLS, levels, noise))
    return {one.name: one for one in found}


def disturbed(model: Model, sample: Sample, kind: Disturbance) -> Iterator[Array]:
    """Yield the network input (n, n_in) for each level of a disturbance; the same rows and noise at every call."""
    wanted = model.input
    for level in kind.levels:
        if isinstance(wanted, ImageInput):
            frames = sample.prepared[:MOST_ROWS].reshape(-1, wanted.height, wanted.width, wanted.channels)
            rows = kind.disturb(frames, level).reshape(len(frames), -1)
        else:
            rows = kind.disturb(sample.prepared[:MOST_ROWS], level)
        yield wanted.scale(rows)


_NOISE = "Each pixel gets normal noise of this standard deviation; white is 255, black 0."
_ROTATION = "Each image is turned about its middle, counter-clockwise for angles above 0."
_SHIFT = "Each image is moved sideways; what leaves it is gone, and paper comes in."
_THICKNESS = "The strokes get thicker by so many pixels on each side, or thinner below 0."
_MISSING = (
    "So many of all cells, chosen at random, are unknown, and the network takes what it takes for an unknown cell."
)
_CELLS = "Each number gets normal noise of so many standard deviations of its column; other columns stay as they are."


def _image_noise(frames: Array, level: float) -> Array:
    noise = np.random.default_rng(0).standard_normal(frames.shape, np.float32) * np.float32(level)
    return np.asarray(np.clip(np.rint(frames + noise), 0, 255), np.uint8)


def _shifts(width: int) -> tuple[float, ...]:
    most = max(1, round(0.3 * width))
    step = max(1, round(most / 4))
    places = range(0, most + 1, step)
    return (*(-float(place) for place in reversed(places[1:])), *map(float, places))


def _rotated(frames: Array, level: float) -> Array:
    height, width = frames.shape[1:3]
    turn = opencv().getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), level, 1.0)
    return _moved(frames, turn)


def _shifted(frames: Array, level: float) -> Array:
    return _moved(frames, np.array([[1.0, 0.0, level], [0.0, 1.0, 0.0]]))


def _moved(frames: Array, matrix: Array) -> Array:
    """Move every frame so; paper comes in from outside, or for colours the nearest pixel."""
    cv2: Any = opencv()
    height, width, channels = frames.shape[1:]
    border = cv2.BORDER_CONSTANT if channels == 1 else cv2.BORDER_REPLICATE
    options = {"flags": cv2.INTER_LINEAR, "borderMode": border, "borderValue": 0}
    moved = [cv2.warpAffine(frame, matrix, (width, height), **options) for frame in frames]
    return np.stack(moved).reshape(frames.shape)


def _thickened(frames: Array, level: float) -> Array:
    """Grow or shrink the ink, at twice the size, so that half a pixel is a step."""
    if not level:
        return frames
    cv2: Any = opencv()
    change: Callable[..., Array] = cv2.dilate if level > 0 else cv2.erode
    radius = round(abs(level) * 2)
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    height, width = frames.shape[1:3]
    found = []
    for frame in frames:
        large = cv2.resize(frame, (2 * width, 2 * height), interpolation=cv2.INTER_NEAREST)
        found.append(cv2.resize(change(large, brush), (width, height), interpolation=cv2.INTER_AREA))
    return np.stack(found).reshape(frames.shape)


def _blanks(model: Model, sample: Sample) -> Callable[[Array, float], Array]:
    """Return a function that takes raw cells away, because the preparation knows what stands for them."""
    wanted = model.input

    def blank(rows: Array, level: float) -> Array:
        generator = np.random.default_rng(0)
        if not isinstance(wanted, TableInput):
            gone = generator.random(rows.shape) < level
            return np.where(gone, np.broadcast_to(wanted.mean, rows.shape), rows).astype(np.float32)
        names = list(dict.fromkeys(column.name for column in wanted.columns))
        stored: Any = sample.raw.x
        raw = stored if isinstance(stored, dict) else stored[: len(rows)]  # a table may stay in its file
        gone = generator.random((len(names), len(rows))) < level
        kept = {name: _without(raw[name], line) for name, line in zip(names, gone, strict=True)}
        return np.asarray(wanted.prepare(kept, many=True))

    return blank


def _without(column: Sequence[Any], gone: Array) -> list[Any]:
    return [None if is_gone else cell for cell, is_gone in zip(column, gone.tolist(), strict=False)]


def _number_noise(model: Model, sample: Sample) -> Callable[[Array, float], Array]:
    """Return a function that blurs what is a number; a column's bins all get the same noise, as its cell would."""
    columns = _number_places(model)
    rows = sample.prepared[:MOST_ROWS]
    deviations = [float(rows[:, places[0]].std()) for places in columns]

    def blur(rows: Array, level: float) -> Array:
        generator, blurred = np.random.default_rng(0), rows.astype(np.float32)
        for places, deviation in zip(columns, deviations, strict=True):
            blurred[:, places] += (generator.standard_normal((len(rows), 1)) * level * deviation).astype(np.float32)
        return blurred

    return blur


def _number_places(model: Model) -> list[list[int]]:
    """Return for each column of numbers where in a prepared row it stands."""
    if not isinstance(model.input, TableInput):
        return [[place] for place in range(model.input.size)]
    found, start = [], 0
    for column in model.input.columns:
        count = len(column.output_names)
        if column.type == "number" and not column.part:
            found.append(list(range(start, start + count - bool(column.missing))))
        start += count
    return found
