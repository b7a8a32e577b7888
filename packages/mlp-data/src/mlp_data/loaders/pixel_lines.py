"""Lines of numbers become images here, a block of lines at a time, however long the file is."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from mlp_data.errors import DataError
from mlp_data.labels import Array

_AHEAD = 3  # bytes before the first number, so that each has two in front of its last digit


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


def parse(parts: Iterable[bytes], layout: Layout, where: str) -> Iterator[tuple[Array, list[str]]]:
    """Yield the pixels, uint8 (lines, pixels), and the text of the column beside them, for one block after another.

    parts: the content of the file, cut anywhere.
    """
    line, header = 1, layout.has_header
    found = False
    for block in _whole_lines(parts):
        body = block.removeprefix(b"\xef\xbb\xbf") if line == 1 else block
        first = line
        line += body.count(b"\n")
        if b"\r" in body:
            body = body.replace(b"\r\n", b"\n")
        if header:
            body = body.partition(b"\n")[2]
            first, header = first + 1, False
        if body.strip(b"\n"):
            found = True
            yield _fast(body, layout, where, first) or _careful(body, layout, where, first)
    if not found:
        raise DataError(f"{where}: there is a header but no line of data below it: give at least one image")


def _whole_lines(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the same bytes, cut where lines end."""
    rest = b""
    for part in parts:
        end = part.rfind(b"\n") + 1
        if end:
            yield rest + part[:end]
            rest = part[end:]
        else:
            rest += part
    if rest:
        yield rest + b"\n"


def _fast(body: bytes, layout: Layout, where: str, first: int) -> tuple[Array, list[str]] | None:
    """Parse plain whole numbers of one to three digits, many lines at once; None if there is anything else.

    Commas and line ends are below "0" in ASCII, so they show where a number ends.
    """
    text = np.frombuffer(b"," * _AHEAD + body, np.uint8)
    is_end = text < ord("0")
    ends = np.flatnonzero(is_end)[_AHEAD - 1 :]  # from the one before the first number on
    if (len(ends) - 1) % layout.columns:
        return None
    marks = text[ends[1:]].reshape(-1, layout.columns)
    if not ((marks[:, :-1] == ord(",")).all() and (marks[:, -1] == ord("\n")).all()):
        return None
    lengths = np.diff(ends).reshape(-1, layout.columns)  # with the mark
    if lengths[:, layout.pixels].min() < 2 or lengths[:, layout.pixels].max() > 4:
        return None
    digits = np.subtract(text, ord("0"), dtype=np.uint8)
    digits[is_end] = 0
    # What a number that ended at each byte would be; the last digit of the number before it does not count.
    hundreds = digits[:-3] * ~is_end[1:-2]
    values = np.multiply(hundreds, 100, dtype=np.uint16)  # said, because NumPy before 2 would stay with uint8
    values += np.multiply(digits[1:-2], 10, dtype=np.uint16)
    values += digits[2:-1]
    pixels = values[ends[1:] - _AHEAD].reshape(-1, layout.columns)[:, layout.pixels]
    if text.max() > ord("9"):  # a label may be a word, a pixel may not
        is_word = digits > 9
        wrong = is_word[:-3] | is_word[1:-2] | is_word[2:-1]
        if wrong[ends[1:] - _AHEAD].reshape(-1, layout.columns)[:, layout.pixels].any():
            return None
    if pixels.max() > 255:
        row, column = np.argwhere(pixels > 255)[0]
        raise _bad_pixel(where, first + int(row), str(pixels[row, column]))
    stops = ends[1:].reshape(-1, layout.columns)[:, layout.beside].ravel().tolist()
    sizes = lengths[:, layout.beside].ravel().tolist()
    beside = [
        body[stop - _AHEAD - size + 1 : stop - _AHEAD].decode("utf-8", "replace")
        for stop, size in zip(stops, sizes, strict=True)
    ]
    return (pixels.astype(np.uint8), beside) if all(beside) else None


def _careful(body: bytes, layout: Layout, where: str, first: int) -> tuple[Array, list[str]]:
    """Parse line by line what `_fast` declines: quotes, spaces, labels that are words; name the line that is wrong."""
    rows: list[Array] = []
    beside: list[str] = []
    lines = csv.reader(io.StringIO(body.decode("utf-8", "replace"), newline=""), skipinitialspace=True)
    try:
        for number, line in enumerate(lines, start=first):
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
                wrong = next((cell for cell in line[layout.pixels] if not is_pixel(cell)), "")
                raise _bad_pixel(where, number, wrong)
            rows.append(values.astype(np.uint8))
            beside.extend(line[layout.beside])
    except csv.Error as error:
        raise DataError(f"{where}: line {lines.line_num + first - 1} cannot be read ({error}): mend it") from None
    if any(not cell.strip() for cell in beside):
        number = first + next(i for i, cell in enumerate(beside) if not cell.strip())
        raise DataError(f"{where}: line {number} has no {layout.named}: fill or drop it")
    return np.stack(rows), [cell.strip() for cell in beside]


def is_pixel(cell: str) -> bool:
    """Tell whether a cell is a whole number from 0 to 255."""
    try:
        value = float(cell)
    except ValueError:
        return False
    return 0 <= value <= 255 and value.is_integer()


def _bad_pixel(where: str, line: int, cell: str) -> DataError:
    return DataError(
        f"{where}: line {line} has the pixel {cell!r}, but pixels are whole numbers from 0 to 255: mend it"
    )
