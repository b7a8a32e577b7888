"""A contact sheet shows samples as they came, every step of their preparation, and what the network is given."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mlp_data.atomic import write_bytes
from mlp_data.dataset import Dataset
from mlp_data.decode import decode, opencv
from mlp_data.drawing import SUFFIXES, labelled, packed
from mlp_data.errors import DataError, OptionError, OutputError
from mlp_data.image_header import image_format
from mlp_data.labels import Array
from mlp_data.photo import page_stages, segment
from mlp_data.sources import load, open_source
from mlp_runtime.inputs import ImageInput
from mlp_runtime.inputs.ink import background, is_dark

_TILE, _LINE, _GAP = 150, 18, 6  # pixels
_LARGE_TILE = 280  # pixels; the numbers of the items on a photograph can be read
_PAPER, _TEXT = 238, 40  # grey levels
_PHOTO = ImageInput(fit="ink")  # what a model of digits or letters takes
Row = list[tuple[str, Array]]  # titles and images, side by side


def preview(source: str, count: int = 8, seed: int = 0, **options: Any) -> Array:
    """Return the contact sheet of `count` samples of an image source, or of the first items of one photograph: RGB.

    options: those of `load`; a single image file is a photograph. DataError says what has no images.
    """
    if not 1 <= count <= 100:
        raise OptionError(f"a sheet shows 1 to 100 samples, not {count}: give another --count")
    photograph = _photograph(source)
    if photograph is not None:
        return drawn(_photo_rows(photograph, count), _LARGE_TILE)
    data = load(source, **options)
    if data.kind != "image":
        raise DataError(f"{source}: holds a {data.kind}, and a sheet shows images: look at it with mlp-data inspect")
    return drawn(_sample_rows(data, count, seed))


def _photograph(source: str) -> Array | None:
    """Return the pixels of a single image file; None for every other source."""
    if not Path(source).is_file():
        return None
    with open_source(source) as opened:
        first = opened.members[0]
        if len(opened.members) > 1 or first.where != source or not image_format(first.magic):
            return None
        return decode(first.read(), colour=True, name=source)


def _photo_rows(frame: Array, count: int) -> list[Row]:
    items = segment(frame)
    boxed = labelled(frame, [(item.box, str(number)) for number, item in enumerate(items, 1)])
    steps = [("photograph", boxed), *page_stages(frame).items()]
    rows: list[Row] = [steps[:4], steps[4:]]
    for start in range(0, min(count, len(items)), 2):
        row: Row = []
        for number, item in enumerate(items[start : start + 2], start + 1):
            x, y, w, h = item.box
            row += [(f"item {number}", frame[y : y + h, x : x + w]), ("vector", _vector(_PHOTO, item.frame))]
        rows.append(row)
    return rows


def _sample_rows(data: Dataset, count: int, seed: int) -> list[Row]:
    name = next(name for name in ("train", "unlabelled", "test", "valid") if len(data.splits.get(name, ())))
    split = data.splits[name]
    picked = np.sort(np.random.default_rng(seed).choice(len(split), min(count, len(split)), replace=False))
    prepared = data.fit_input() if name == "train" else ImageInput(fit="ink")
    assert isinstance(prepared, ImageInput)
    rows: list[Row] = []
    for place in picked.tolist():
        frame = split.x[place]
        assert isinstance(frame, np.ndarray)
        title = f"{name}[{place}]"
        if split.y is not None:
            title += f" is {data.classes[int(split.y[place])]}" if data.classes else f" is {split.y[place]:.4g}"
        ink = [("ink", _ink(frame, prepared.ink))] if prepared.fit == "ink" and frame.ndim == 2 else []
        rows.append([(title, frame), *ink, ("vector", _vector(prepared, frame))])
    return rows


def _ink(frame: Array, ink: str) -> Array:
    """Return by how much each pixel differs from the background, as ImageInput sees it."""
    level = background(frame[None])
    return np.asarray(level - np.minimum(frame, level) if is_dark(level, ink)[0] else np.maximum(frame, level) - level)


def _vector(prepared: ImageInput, frame: Array) -> Array:
    shape = (prepared.height, prepared.width) + (() if prepared.channels == 1 else (3,))
    return np.asarray(prepared.prepare([frame])[0].reshape(shape))


def drawn(rows: Sequence[Row], side: int = _TILE) -> Array:
    """Draw rows of titled images, each enlarged or shrunk to `side` pixels: RGB (h, w, 3)."""
    cv2 = opencv()
    wide = max(len(row) for row in rows)
    tall = side + _LINE + _GAP
    sheet = np.full((len(rows) * tall + _GAP, wide * (side + _GAP) + _GAP, 3), _PAPER, np.uint8)
    for number, row in enumerate(rows):
        for place, (title, image) in enumerate(row):
            top, left = _GAP + number * tall, _GAP + place * (side + _GAP)
            cv2.putText(sheet, title, (left, top + 13), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (_TEXT,) * 3, 1, cv2.LINE_AA)
            scale = side / max(image.shape[:2])
            size = [max(1, round(side * scale)) for side in image.shape[1::-1]]
            how = cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST  # single pixels shall be seen
            tile = np.asarray(cv2.resize(image, size, interpolation=how))
            colours = tile if tile.ndim == 3 else np.repeat(tile[..., None], 3, axis=2)
            sheet[top + _LINE : top + _LINE + size[1], left : left + size[0]] = colours
    return sheet


def check_target(path: str, force: bool) -> None:
    """Refuse a path that `save` could not write, before the work begins: OptionError or OutputError."""
    if Path(path).suffix.lower() not in SUFFIXES:
        raise OptionError(f"{path}: a picture's name ends in one of {', '.join(SUFFIXES)}: choose such a name")
    if Path(path).exists() and not force:
        raise OutputError(f"{path}: the file exists: choose another name, or pass --force to replace it")


def save(picture: Array, path: str) -> None:
    """Write an RGB picture as the kind of file that `path` ends in, as a whole or not at all."""
    write_bytes(path, packed(picture, path))
