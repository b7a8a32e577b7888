"""Fitting an input looks at the training samples alone and decides how samples become numbers for the network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlp_data.dataset import Dataset
from mlp_data.errors import DataError
from mlp_data.labels import Array
from mlp_data.options import Options

if TYPE_CHECKING:
    from mlp_runtime.inputs import Input

_LOOKED_AT = 500  # frames, evenly spaced: enough to see how a data set was made
_SMALL = 32  # pixels; a small network gains nothing from larger frames


def fit_input(dataset: Dataset) -> tuple[Input, str]:
    """Return the input fitted on the training split of `dataset`, and the reason for it in one sentence."""
    x = dataset.train.x
    if isinstance(x, dict):
        return _fit_table(dataset)
    if dataset.kind == "image":
        return _fit_images(x, dict(dataset.input_options))
    return _fit_vectors(np.asarray(x), dataset.input_options.get("names"))


def _fit_table(dataset: Dataset) -> tuple[Input, str]:
    from mlp_data.table import fit_table

    train = dataset.train
    given = {name: value for name, value in dataset.input_options.items() if name in Options.__dataclass_fields__}
    fitted, _ = fit_table(train.x, train.y, Options.of(**given))
    return fitted, "each column is encoded by the type that its cells show"


def _fit_vectors(rows: Array, names: tuple[str, ...] | None) -> tuple[Input, str]:
    from mlp_runtime.inputs import VectorInput

    if names is not None and len(names) != rows.shape[1]:
        raise DataError(f"{len(names)} feature names were given for {rows.shape[1]} features: give one name for each")
    spread = rows.std(axis=0, dtype=np.float64)
    # A feature that never varies tells nothing; a scale of 1 keeps it at zero for all the values seen.
    scale = np.divide(1.0, spread, out=np.ones_like(spread), where=spread > 0)
    mean = rows.mean(axis=0, dtype=np.float64).astype(np.float32)
    fitted = VectorInput(rows.shape[1], names=names, mean=mean, scale=scale.astype(np.float32))
    return fitted, "each feature is shifted and scaled to mean 0 and standard deviation 1 over the training samples"


def _fit_images(x: Any, said: dict[str, Any]) -> tuple[Input, str]:
    from mlp_runtime.inputs import ImageInput

    step = max(1, len(x) // _LOOKED_AT)
    frames = [np.asarray(frame) for frame in x[::step]]
    shapes = {frame.shape[:2] for frame in x} if isinstance(x, list) else {x.shape[1:3]}
    coloured = frames[0].ndim == 3 and any((frame.max(axis=2) != frame.min(axis=2)).any() for frame in frames)
    if "fit" in said:
        fit, reason = said["fit"], "asked for"
    else:
        fit, reason = _choose(frames, shapes, coloured)
    height, width = _target(shapes, fit)
    spec = {"height": height, "width": width, "channels": 3 if coloured and fit != "ink" else 1, "fit": fit}
    return ImageInput(**{**spec, **said}), f"fit={fit}: {reason}"


def _choose(frames: list[Array], shapes: set[tuple[int, int]], coloured: bool) -> tuple[str, str]:
    """Choose by the pixels: ink, where nearly every frame is strokes on an even background; else as the sizes allow."""
    if coloured:
        reason = "the frames have colour"
    else:
        drawn = [looks_drawn(frame if frame.ndim == 2 else frame[..., 0]) for frame in frames]
        share = sum(drawn) / len(drawn)
        if share >= 0.9:
            return "ink", f"{share:.0%} of the frames looked at are strokes on an even background"
        reason = f"only {share:.0%} of the frames looked at are strokes on an even background"
    if len(shapes) == 1 and max(next(iter(shapes))) <= _SMALL:
        return "none", f"{reason}, and all have one small size"
    return "stretch", f"{reason}, and they are large or of different sizes"


def looks_drawn(frame: Array) -> bool:
    """Tell whether a grey frame is strokes on an even background.

    That is: nine tenths of its border are within an eighth of its range of the border's median (the runtime's own
    threshold for ink), and the strokes cover no more than 35 % of the frame.
    """
    grey = frame.astype(np.int16)
    spread = int(grey.max()) - int(grey.min())
    if spread < 32:  # of one colour, or nearly: nothing is drawn
        return False
    border = np.concatenate([grey[0], grey[-1], grey[1:-1, 0], grey[1:-1, -1]])
    background = np.median(border)
    even = np.abs(border - background) <= spread / 8
    ink = np.abs(grey - background) > spread / 8
    return bool(even.mean() >= 0.9 and ink.mean() <= 0.35)


def _target(shapes: set[tuple[int, int]], fit: str) -> tuple[int, int]:
    """Return the height and width for the network: as they are, MNIST's 28 x 28, or at most 32 in the usual ratio."""
    if fit == "ink":
        return 28, 28
    if fit == "none" and len(shapes) == 1:
        return next(iter(shapes))
    ratio = float(np.median([height / width for height, width in shapes]))
    long = min(_SMALL, max(max(shape) for shape in shapes))
    if ratio >= 1:
        return long, max(1, round(long / ratio))
    return max(1, round(long * ratio)), long
