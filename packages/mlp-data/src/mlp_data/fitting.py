"""Fitting an input looks at the training samples alone and decides how samples become numbers for the network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mlp_data.dataset import Dataset
from mlp_data.errors import DataError, TableError
from mlp_data.labels import Array
from mlp_data.options import Options
from mlp_data.rows import FileRows
from mlp_data.table_rows import TableRows
from mlp_runtime.inputs.pixels import grey as to_grey

if TYPE_CHECKING:
    from mlp_runtime.inputs import Input

_LOOKED_AT = 500  # frames, evenly spaced: enough to see how a data set was made
_MEASURED = 100_000  # vectors on disk, evenly spaced: enough for a mean that is good to three digits
_DRAWN = 0.9  # share of them that must be strokes on an even background
_COLOURED = 0.1  # share of them that must have colour
_SMALL = 32  # pixels; a small network gains nothing from larger frames


class Fitted(NamedTuple):
    """An input fitted on training samples, the reason for it in one sentence, and the columns that it leaves out."""

    input: Input
    reason: str
    left_out: dict[str, str] = {}  # noqa: RUF012  # column -> why; nobody writes to it


def fit_input(dataset: Dataset) -> Fitted:
    """Return the input fitted on the training split of `dataset`, and why it is that one."""
    x = dataset.train.x
    _check_classes(dataset)
    if isinstance(x, dict | TableRows):
        return _fit_table(dataset)
    if dataset.kind == "image":
        return _fit_images(x, dict(dataset.input_options))
    return _fit_vectors(x, dataset.input_options.get("names"))


def _check_classes(dataset: Dataset) -> None:
    """Refuse answers from which nothing can be learned; a finished model may be measured on them all the same."""
    if not dataset.classes or dataset.train.y is None:
        return
    if dataset.task == "multi-label":
        if (dataset.train.y == dataset.train.y[0]).all():
            raise DataError(
                f"{dataset.name}: every label has one value in all {len(dataset.train)} rows, but learning takes two: "
                "add rows with other labels"
            )
        return
    rows, shown = len(dataset.train), np.unique(dataset.train.y)
    what = "what the samples are" if dataset.target is None else f"the target {dataset.target!r}"
    other = "" if dataset.target is None else ", or name another column with --target"
    if len(shown) == 1:
        raise DataError(
            f"{dataset.name}: {what} has one class, {dataset.classes[shown[0]]!r}, in all {rows} rows, "
            f"but learning takes two: add rows of another class{other}"
        )
    if dataset.kind == "table" and len(shown) == rows > 2:
        raise DataError(
            f"{dataset.name}: {what} has {rows} classes in {rows} rows, so no class has a second example: "
            f"add rows{other}"
        )
    if rows < len(dataset.classes):
        raise DataError(
            f"{dataset.name}: {rows} training samples cannot show all of the {len(dataset.classes)} classes: "
            f"give some of each"
        )


def _fit_table(dataset: Dataset) -> Fitted:
    from mlp_data.table import fit_table

    train = dataset.train
    assert isinstance(train.x, dict | TableRows)
    table = train.x.columns if isinstance(train.x, TableRows) else train.x
    given = {name: value for name, value in dataset.input_options.items() if name in Options.__dataclass_fields__}
    try:
        fitted, left_out = fit_table(table, train.y, Options.of(**given))
    except TableError as error:  # it knows the columns, but not where the table came from
        raise TableError(f"{dataset.name}: {error}") from None
    return Fitted(fitted, "each column is encoded by the type that its cells show", left_out)


def _fit_vectors(x: Any, names: tuple[str, ...] | None) -> Fitted:
    from mlp_runtime.inputs import VectorInput

    if isinstance(x, FileRows):
        x = x[np.linspace(0, len(x) - 1, min(len(x), _MEASURED)).astype(int)]
    rows = np.asarray(x)
    if names is not None and len(names) != rows.shape[1]:
        raise DataError(f"{len(names)} feature names were given for {rows.shape[1]} features: give one name for each")
    spread = rows.std(axis=0, dtype=np.float64)
    # A feature that never varies, or too little for float32, tells nothing; a scale of 1 keeps it at zero.
    scale = np.divide(1.0, spread, out=np.ones_like(spread), where=spread > 1e-30)
    mean = rows.mean(axis=0, dtype=np.float64).astype(np.float32)
    fitted = VectorInput(rows.shape[1], names=names, mean=mean, scale=scale.astype(np.float32))
    return Fitted(
        fitted, "each feature is shifted and scaled to mean 0 and standard deviation 1 over the training samples"
    )


def _fit_images(x: Any, said: dict[str, Any]) -> Fitted:
    from mlp_runtime.inputs import ImageInput

    frames = [np.asarray(x[i]) for i in np.linspace(0, len(x) - 1, min(len(x), _LOOKED_AT)).astype(int)]
    shapes = [frame.shape[:2] for frame in x] if isinstance(x, list) else [x.shape[1:3]]
    coloured = float(np.mean([is_coloured(frame) for frame in frames])) >= _COLOURED
    fit, reason = (said["fit"], "asked for") if "fit" in said else _choose(frames, set(shapes), coloured)
    channels = 3 if coloured and fit != "ink" else 1
    height, width = (28, 28) if fit == "ink" else _target(shapes)
    fitted = ImageInput(**{"height": height, "width": width, "channels": channels, **said, "fit": fit})
    return Fitted(fitted, f"fit={fit} to {fitted.height} x {fitted.width}: {reason}")


def _choose(frames: list[Array], shapes: set[tuple[int, ...]], coloured: bool) -> tuple[str, str]:
    """Choose by the pixels: ink, where nearly every frame is strokes on an even background; else as the sizes allow."""
    share = float(np.mean([looks_drawn(frame if frame.ndim == 2 else to_grey(frame)) for frame in frames]))
    reason = f"{share:.0%} of the frames looked at are strokes on an even background"
    if coloured:
        drawn = f" (and {reason}: where shape tells and colour does not, fit=ink finds it wherever it stands)"
        reason = "the frames have colour" + drawn * (share >= _DRAWN)
    else:
        if share >= _DRAWN:
            return "ink", reason
        reason = f"only {reason}"
    if len(shapes) == 1 and max(next(iter(shapes))) <= _SMALL:
        return "none", f"{reason}, and all have one small size"
    return "stretch", f"{reason}, and they are large or of different sizes"


def is_coloured(frame: Array) -> bool:
    """Tell whether more than 1 % of the pixels have a colour stronger than paper, light and JPEG give."""
    return frame.ndim == 3 and bool((np.ptp(frame, axis=2) > 48).mean() > 0.01)


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


def _target(shapes: list[tuple[int, ...]]) -> tuple[int, int]:
    """Return height and width for the network: the usual ratio, the long side at most what a small network can use."""
    ratio = float(np.median([height / width for height, width in shapes]))
    long = min(_SMALL, max(max(shape) for shape in shapes))
    if ratio >= 1:
        return long, max(1, round(long / ratio))
    return max(1, round(long * ratio)), long
