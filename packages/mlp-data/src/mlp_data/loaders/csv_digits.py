"""Digits as CSV are one image a line: the label, then the grey value of every pixel."""

from __future__ import annotations

import csv
import math
import re
from pathlib import Path

import numpy as np

from mlp_data.cache import Writer, cached
from mlp_data.dataset import SPLITS, Dataset, Split
from mlp_data.errors import DataError
from mlp_data.labels import Array, classes_and_indices
from mlp_data.loaders.idx import transposed
from mlp_data.loaders.pixel_lines import Layout, is_pixel, parse
from mlp_data.loaders.splits import split_of
from mlp_data.loaders.submission import find_submission
from mlp_data.options import Options
from mlp_data.rows import FileRows
from mlp_data.sources import Member, Source

_FEWEST = 64  # pixels, as in the 8 x 8 digits of scikit-learn; a table of fewer whole numbers may be anything
_HEADER = 1 << 20  # bytes in which two lines must end
_ROW_NAMES = {"id", "imageid", "image_id", "index", ""}


def load_csv_digits(source: Source, options: Options) -> Dataset | None:
    """Load images that are written as lines of numbers; files without labels become the split `unlabelled`."""
    found = [(member, layout) for member in source.members if (layout := find_layout(member)) is not None]
    if not found:
        return None
    if options.task == "regression":
        raise DataError(f"{source.name}: image labels are classes, but the task asked for is regression: leave it out")
    shapes = {layout.shape for _, layout in found}
    if len(shapes) > 1:
        raise DataError(
            f"{source.name}: its CSV files hold images of shapes {sorted(shapes)}: give images of one shape"
        )
    # A pixel takes two bytes or more in the file, with its comma.
    fits = options.storage.fits(sum(member.size for member, _ in found) // 2)
    images: dict[str, Array | FileRows] = {}
    beside: dict[str, tuple[str, list[str]]] = {}
    heading = None
    for member, layout in found:
        labelled = layout.named == "label"
        split = (split_of(member.name) or "train") if labelled else "unlabelled"
        if split in images:
            raise DataError(
                f"{member.where}: the split {split} has a file already: say in the names which file is which"
            )
        images[split], texts = read_in_memory(member, layout) if fits else read_on_disk(member, layout, source, options)
        if options.transpose:
            images[split] = transposed(images[split])
        beside[split] = layout.named, texts
        heading = layout.heading if labelled else heading
    answered = [split for split, (kind, _) in beside.items() if kind == "label"]
    classes, indices = classes_and_indices([beside[split][1] for split in answered])
    y = dict(zip(answered, indices, strict=True))
    submission = find_submission(source, len(images["unlabelled"])) if "unlabelled" in images else None
    splits = {}
    for split in (split for split in SPLITS if split in images):
        ids = beside[split][1] if beside[split][0] == "id" else None
        splits[split] = Split(
            images[split], y.get(split), submission.ids if submission and split == "unlabelled" else ids
        )
    return Dataset(
        source.name,
        "image",
        "classification",
        splits,
        classes,
        target=heading,
        submission=submission.headings if submission else None,
    )


def find_layout(member: Member) -> Layout | None:
    """Look at the first two lines: many whole numbers from 0 to 255, as many as an image has pixels."""
    start = member.magic
    if b"\0" in start or (start and max(start[:4]) > 126 and not start.startswith(b"\xef\xbb\xbf")):
        return None  # not text, so no need to read on
    if member.head(4096).count(b",") < _FEWEST:
        return None
    lines = member.head(_HEADER).decode("utf-8-sig", "replace").splitlines()[:2]
    try:
        cells = list(csv.reader(lines, skipinitialspace=True))
    except csv.Error:
        return None
    has_header = not all(is_pixel(cell) for cell in cells[0][1:])
    values = cells[-1]
    if (has_header and len(cells) < 2) or len(values) != len(cells[0]):
        return None
    shape = image_shape(len(values))
    if shape is not None and all(map(is_pixel, values)):
        return Layout(len(values), shape, "", "", has_header)
    shape = image_shape(len(values) - 1)
    # Pixels have numbers in their headings; at which end one has none, there the label is.
    is_last = has_header and bool(re.search(r"\d", cells[0][0])) and not re.search(r"\d", cells[0][-1])
    heading = cells[0][-1 if is_last else 0].strip() if has_header else ""
    named = "id" if has_header and heading.lower() in _ROW_NAMES else "label"
    layout = Layout(len(values), shape or (), named, heading, has_header, is_last)
    return layout if shape is not None and all(map(is_pixel, values[layout.pixels])) else None


def image_shape(count: int) -> tuple[int, ...] | None:
    """Return the shape of an image of `count` values: a square, grey or of three colours; None if it is neither.

    >>> image_shape(784), image_shape(3072), image_shape(100_001)
    ((28, 28), (32, 32, 3), None)
    """
    if count < _FEWEST:
        return None
    side = math.isqrt(count)
    if side * side == count:
        return side, side
    side = math.isqrt(count // 3)
    return (side, side, 3) if 3 * side * side == count else None


def read_in_memory(member: Member, layout: Layout) -> tuple[Array, list[str]]:
    """Return all images (n, h, w[, 3]) of a file and the texts beside them."""
    blocks, beside = [], []
    for pixels, texts in parse(member.stream(), layout, member.where):
        blocks.append(pixels)
        beside += texts
    return np.concatenate(blocks).reshape(-1, *layout.shape), beside


def read_on_disk(member: Member, layout: Layout, source: Source, options: Options) -> tuple[FileRows, list[str]]:
    """Return the same with the images in the cache."""

    def build(writer: Writer) -> None:
        names: dict[str, int] = {}
        for pixels, texts in parse(member.stream(), layout, member.where):
            writer.add("images", pixels.reshape(-1, *layout.shape))
            numbers = [names.setdefault(text, len(names)) for text in texts]
            writer.add("beside", np.array(numbers, np.int32))
        writer.facts["beside"] = list(names)

    key = f"pixels {(source.path or Path()).resolve()} {member.name}"
    entry = cached(options.storage.cache, key, source.identity(), build, member.size // 2)
    images = entry.rows("images")
    options.storage.check(len(images), source.name)
    names = entry.facts["beside"]
    return images, [names[number] for number in entry.rows("beside")[:].tolist()]
