"""The command line reads raw inputs from the few kinds of file that need no library: .npy, JSON, CSV and PGM/PPM.

What a file is, its first bytes say, not its name. Everything unusable raises InputError with one sentence.
"""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import InputError, nearest, shown

if TYPE_CHECKING:
    from .inputs import Input

_OTHERS = {
    b"\x89PNG": "a PNG image", b"\xff\xd8\xff": "a JPEG image", b"BM": "a BMP image", b"GIF8": "a GIF image",
    b"PK\x03\x04": "a zip archive", b"\x1f\x8b": "a gzip file",
}  # fmt: skip
_GAP = rb"(?:\s|#[^\n]*\n)+"
_NETPBM = re.compile(rb"P([2356])" + (_GAP + rb"(\d{1,9})") * 3)  # kind, width, height and the greatest value


def read_raw(path: str, spec: Input) -> Any:
    """Return what a file holds as a raw input, one or a batch, for a model with the input `spec`."""
    try:
        return _parse(Path(path).read_bytes(), spec)
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"the input can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(_no_kind("a binary file")) from None
    except Exception as error:  # NumPy's, json's and csv's readers raise a dozen kinds; all mean a broken file
        why = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        raise InputError(f"it can't be read ({why}): check it, or save it anew") from None


def _parse(data: bytes, spec: Input) -> Any:
    if data.startswith(b"\x93NUMPY"):
        return np.load(io.BytesIO(data), allow_pickle=False)
    if _NETPBM.match(data):
        return netpbm(data)
    found = next((what for magic, what in _OTHERS.items() if data.startswith(magic)), None)
    if found or b"\0" in data:
        raise InputError(_no_kind(found or "a binary file"))
    text = data.decode("utf-8-sig").strip()
    if not text.startswith(("[", "{")):
        return _csv(text, spec)
    raw = json.loads(text)
    return _pixels(np.array(raw)) if spec.kind == "image" else raw


def _no_kind(found: str) -> str:
    return f"found {found}, wanted .npy, JSON, CSV or PGM/PPM: mlp-train predict MODEL INPUT... reads others"


def netpbm(data: bytes) -> np.ndarray:
    """Return a PGM or PPM image, binary or plain, as uint8 (height, width) or (height, width, 3).

    >>> netpbm(b"P2 2 1 15  0 15")
    array([[  0, 255]], dtype=uint8)
    """
    found = _NETPBM.match(data)
    assert found, "read_raw has looked"
    kind, width, height, greatest = map(int, found.groups())
    shape = (height, width, 3) if kind in (3, 6) else (height, width)
    body = data[found.end() :]
    try:
        if kind in (2, 3):
            values = np.array(list(map(int, body.split())))
        else:
            values = np.frombuffer(body[1:], np.uint8 if greatest < 256 else ">u2")
        if not 1 <= greatest < 65536 or values.max() > greatest or values.min() < 0:
            raise ValueError(f"not all levels are from 0 to {greatest}")
        levels = values.reshape(shape)
    except ValueError as error:
        raise InputError(f"found a damaged PGM/PPM image ({error}): save it anew") from None
    return (levels if greatest == 255 else np.rint(levels * (255.0 / greatest))).astype(np.uint8)


def _pixels(array: np.ndarray) -> np.ndarray:
    """Return whole numbers from 0 to 255 as uint8, which is what pixels are; other numbers stay as they are."""
    if array.dtype.kind in "iuf" and array.size and np.array_equal(np.clip(array, 0, 255).astype(np.uint8), array):
        return array.astype(np.uint8)
    return array


def _csv(text: str, spec: Any) -> Any:
    """Return a table's columns by name, or an array of the rows of numbers for a vector or an image model."""
    lines = text.splitlines() or [""]
    rows = [row for row in csv.reader(lines, delimiter=max(",;\t", key=lines[0].count)) if row]
    for number, row in enumerate(rows, 1):
        if len(row) != len(rows[0]):
            raise InputError(f"found {len(row)} cells in row {number}, wanted {len(rows[0])} like the first row")
    has_head = rows and (spec.kind == "table" or not all(map(_is_number, rows[0])))
    body = rows[1:] if has_head else rows
    if not body:
        raise InputError("found no row of values, wanted one at least (a first row of names does not count)")
    cells = np.array(body)
    if has_head:
        columns = {name.strip(): cells[:, at] for at, name in enumerate(rows[0])}
        if spec.kind == "table":
            return {name: column.tolist() for name, column in columns.items()}
        names = getattr(spec, "names", None) or columns  # the file may have them in another order, with others between
        for name in names:
            if name not in columns:
                raise InputError(f"found no column {name!r}{nearest(name, columns)}, wanted all that the model reads")
        cells = np.stack([columns[name] for name in names], axis=1)
    wrong = [cell for cell in cells.flat if not _is_number(cell)]
    if wrong:
        raise InputError(f"found {shown(str(wrong[0]))} in a cell, wanted numbers")
    numbers = cells.astype(np.float64)
    if spec.kind == "vector":
        return numbers
    if numbers.shape[1] != spec.size:
        raise InputError(f"found {numbers.shape[1]} numbers in every row, wanted {spec.size}")
    shape = (spec.height, spec.width, 3)[: 2 if spec.channels == 1 else 3]
    return _pixels(numbers.reshape(-1, *shape))


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
