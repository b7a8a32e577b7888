"""Digits as CSV are one image a line: the label, then the grey value of every pixel."""

from __future__ import annotations

import csv
import io
import math
import re
from dataclasses import dataclass

import numpy as np

from mlp_data.dataset import SPLITS, Dataset, Split
from mlp_data.errors import DataError
from mlp_data.labels import Array, classes_and_indices
from mlp_data.loaders.splits import split_of
from mlp_data.loaders.submission import find_submission
from mlp_data.options import Options
from mlp_data.sources import Member, Source

_FEWEST = 64  # pixels, as in the 8 x 8 digits of scikit-learn; a table of fewer whole numbers may be anything
_HEADER = 1 << 20  # bytes in which two lines must end
_BLOCK = 4 << 20  # bytes parsed at once, so that the working arrays stay small
_ROW_NAMES = {"id", "imageid", "image_id", "index", ""}


@dataclass(frozen=True)
class Layout:
    """Where one CSV file has what. `named` is the column beside the pixels: "label", "id" or "" if there is none."""

    columns: int
    shape: tuple[int, ...]  # (height, width) or (height, width, 3)
    named: str
    heading: str  # what that column is called
    has_header: bool
    is_last: bool = False  # that column comes after the pixels instead of before them

    @property
    def pixels(self) -> slice:
        """The columns that hold pixels."""
        return slice(0, -1) if self.is_last else slice(1 if self.named else 0, None)

    @property
    def beside(self) -> slice:
        """The column beside the pixels, or none."""
        return slice(-1, None) if self.is_last else slice(0, 1 if self.named else 0)


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
    images: dict[str, Array] = {}
    beside: dict[str, tuple[str, list[str]]] = {}
    heading = None
    for member, layout in found:
        labelled = layout.named == "label"
        split = (split_of(member.name) or "train") if labelled else "unlabelled"
        if split in images:
            raise DataError(
                f"{member.where}: the split {split} has a file already: say in the names which file is which"
            )
        pixels, texts = parse(member.read(), layout, member.where)
        images[split] = pixels.reshape(-1, *layout.shape)
        if options.transpose:
            images[split] = np.ascontiguousarray(images[split].swapaxes(1, 2))
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
    has_header = not all(_is_pixel(cell) for cell in cells[0][1:])
    values = cells[-1]
    if (has_header and len(cells) < 2) or len(values) != len(cells[0]):
        return None
    shape = image_shape(len(values))
    if shape is not None and all(map(_is_pixel, values)):
        return Layout(len(values), shape, "", "", has_header)
    shape = image_shape(len(values) - 1)
    # Pixels have numbers in their headings; at which end one has none, there the label is.
    is_last = has_header and bool(re.search(r"\d", cells[0][0])) and not re.search(r"\d", cells[0][-1])
    heading = cells[0][-1 if is_last else 0].strip() if has_header else ""
    named = "id" if has_header and heading.lower() in _ROW_NAMES else "label"
    layout = Layout(len(values), shape or (), named, heading, has_header, is_last)
    return layout if shape is not None and all(map(_is_pixel, values[layout.pixels])) else None


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


def parse(content: bytes, layout: Layout, where: str) -> tuple[Array, list[str]]:
    """Return the pixels, uint8 (lines, pixels), and the text of the column beside them."""
    body = content.removeprefix(b"\xef\xbb\xbf")
    if layout.has_header:
        body = body.partition(b"\n")[2]
    body = body.replace(b"\r\n", b"\n").strip(b"\n") + b"\n"
    if len(body) == 1:
        raise DataError(f"{where}: there is a header but no line of data below it: give at least one image")
    found = _fast(body, layout)
    if found is None:
        return _careful(body, layout, where)
    pixels, beside = found
    if pixels.max() > 255:
        line, column = np.argwhere(pixels > 255)[0]
        raise _bad_pixel(where, int(line) + 1 + layout.has_header, str(pixels[line, column]))
    return pixels.astype(np.uint8), beside


def _fast(body: bytes, layout: Layout) -> tuple[Array, list[str]] | None:
    """Parse plain whole numbers of one to three digits, many lines at once; None if there is anything else.

    The column beside the pixels comes back as text. Commas and line ends are below "0" in ASCII.
    """
    columns = layout.columns
    parts: list[Array] = []
    beside: list[str] = []
    at = 0
    while at < len(body):
        after = body.rfind(b"\n", at, at + _BLOCK) + 1 or body.find(b"\n", at) + 1
        text = np.frombuffer(body, np.uint8, after - at, at)
        stops = np.flatnonzero(text < ord("0"))
        if len(stops) % columns:
            return None
        marks = text[stops].reshape(-1, columns)
        if not ((marks[:, :-1] == ord(",")).all() and (marks[:, -1] == ord("\n")).all()):
            return None
        lengths = np.diff(stops, prepend=-1).reshape(-1, columns) - 1
        grid = stops.reshape(-1, columns)
        ends, sizes = (grid[:, layout.beside] + at).ravel().tolist(), lengths[:, layout.beside].ravel().tolist()
        beside += [body[end - size : end].decode("utf-8", "replace") for end, size in zip(ends, sizes, strict=True)]
        grid, lengths = grid[:, layout.pixels], lengths[:, layout.pixels]
        if lengths.min() < 1 or lengths.max() > 3:
            return None
        # Where a number is shorter, the digit taken for it belongs to its neighbour, and is set to zero.
        digits = text - np.uint8(ord("0"))
        ones, tens, hundreds = digits[grid - 1], digits[grid - 2], digits[grid - 3]
        tens *= lengths > 1
        hundreds *= lengths > 2
        if max(ones.max(), tens.max(), hundreds.max()) > 9:
            return None
        parts.append(ones + tens.astype(np.uint16) * 10 + hundreds.astype(np.uint16) * 100)
        at = after
    return (np.concatenate(parts), beside) if all(beside) else None


def _careful(body: bytes, layout: Layout, where: str) -> tuple[Array, list[str]]:
    """Parse line by line what `_fast` declines: quotes, spaces, labels that are words; name the line that is wrong."""
    rows: list[Array] = []
    beside: list[str] = []
    lines = csv.reader(io.StringIO(body.decode("utf-8", "replace"), newline=""), skipinitialspace=True)
    try:
        for number, line in enumerate(lines, start=1 + layout.has_header):
            if not line:
                continue
            if len(line) != layout.columns:
                raise DataError(
                    f"{where}: line {number} has {len(line)} cells, but the first line has {layout.columns}: "
                    f"give every line the same number"
                )
            try:
                values = np.array(line[layout.pixels], np.float64)
            except ValueError:
                values = np.array([np.nan])
            if not ((values >= 0) & (values <= 255) & (values == np.floor(values))).all():
                wrong = next((cell for cell in line[layout.pixels] if not _is_pixel(cell)), "")
                raise _bad_pixel(where, number, wrong)
            rows.append(values.astype(np.uint8))
            beside.extend(line[layout.beside])
    except csv.Error as error:
        raise DataError(
            f"{where}: line {lines.line_num + layout.has_header} cannot be read ({error}): mend it"
        ) from None
    if any(not cell.strip() for cell in beside):
        number = 1 + layout.has_header + next(i for i, cell in enumerate(beside) if not cell.strip())
        raise DataError(f"{where}: line {number} has no {layout.named}: fill or drop it")
    return np.stack(rows), [cell.strip() for cell in beside]


def _is_pixel(cell: str) -> bool:
    try:
        value = float(cell)
    except ValueError:
        return False
    return 0 <= value <= 255 and value.is_integer()


def _bad_pixel(where: str, line: int, cell: str) -> DataError:
    return DataError(
        f"{where}: line {line} has the pixel {cell!r}, but pixels are whole numbers from 0 to 255: mend it"
    )
