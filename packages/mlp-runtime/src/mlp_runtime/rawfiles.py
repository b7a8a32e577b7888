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

from .errors import InputError, nearest

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
    if Path(path).is_dir():
        raise InputError(_no_kind("a folder"))
    try:
        data = Path(path).read_bytes()
        if data.startswith(b"\x93NUMPY"):
            return np.load(io.BytesIO(data), allow_pickle=False)
        if _NETPBM.match(data):
            return netpbm(data)
        found = next((what for magic, what in _OTHERS.items() if data.startswith(magic)), None)
        if found or b"\0" in data:
            raise InputError(_no_kind(found or "a binary file"))
        text = data.decode("utf-8-sig").strip()
        if text[:1] not in ("[", "{"):
            return _csv(text, spec)
        raw = json.loads(text)
        return _pixels(np.array(raw)) if spec.kind == "image" else raw
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"the input can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(_no_kind("a binary file")) from None
    except Exception as error:  # NumPy's, json's and csv's readers raise a dozen kinds; all mean a broken file
        why = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        raise InputError(f"it can't be read ({why}): save it anew") from None


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
    if kind < 5:
        words = data[found.end() :].split()
        values = np.array([int(word) for word in words if word.isdigit() and len(word) < 6])
        fits = len(values) == len(words)
    else:
        dtype = np.dtype(np.uint8 if greatest < 256 else ">u2")
        body = data[found.end() + 1 :]
        fits = len(body) % dtype.itemsize == 0
        values = np.frombuffer(body, dtype, len(body) // dtype.itemsize)
    wanted = height * width * (3 if kind in (3, 6) else 1)
    if not fits or len(values) != wanted or not wanted or not 1 <= greatest < 65536 or values.max() > greatest:
        size = f"{len(values)} values for {width} x {height} pixels up to {greatest}"
        raise InputError(f"found a damaged PGM/PPM image ({size}), wanted {wanted} values: save it anew")
    levels = values if greatest == 255 else np.rint(values * (255.0 / greatest))
    return levels.astype(np.uint8).reshape(shape)


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
    has_head = spec.kind == "table" or not rows or not all(map(_is_number, rows[0]))
    head, body = ([cell.strip() for cell in rows[0]], rows[1:]) if has_head and rows else ([], rows)
    if not body:
        raise InputError("found no row of values, wanted one at least (a first row of names does not count)")
    if spec.kind == "table":
        return {name: [row[at] for row in body] for at, name in enumerate(head)}

    names = getattr(spec, "names", None)
    if head and names:  # the columns may come in another order, with others between
        for name in names:
            if name not in head:
                raise InputError(f"found no column {name!r}{nearest(name, head)}, wanted all that the model reads")
        body = [[row[head.index(name)] for name in names] for row in body]
    for number, row in enumerate(body, 2 if head else 1):
        wrong = [cell for cell in row if not _is_number(cell)]
        if wrong:
            raise InputError(f"found {wrong[0][:40]!r} in row {number}, wanted numbers")
    if len(body[0]) != spec.size:
        raise InputError(f"found {len(body[0])} numbers in every row, wanted {spec.size}")
    numbers = np.array(body, np.float64)
    if spec.kind == "vector":
        return numbers
    shape = (spec.height, spec.width) if spec.channels == 1 else (spec.height, spec.width, spec.channels)
    return _pixels(numbers.reshape(len(body), *shape))


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
