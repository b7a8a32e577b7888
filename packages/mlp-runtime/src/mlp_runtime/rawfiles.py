"""The command line reads raw inputs from the few kinds of file that need no library: .npy, JSON, CSV and PGM/PPM.

What a file is, its first bytes say, not its name. Everything unusable raises InputError with one sentence.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Sequence

import numpy as np

from .errors import InputError, nearest

if TYPE_CHECKING:
    from .inputs import Input

_OTHERS = {
    b"\x89PNG": "a PNG image", b"\xff\xd8\xff": "a JPEG image", b"BM": "a BMP image", b"GIF8": "a GIF image",
    b"PK\x03\x04": "a zip archive", b"\x1f\x8b": "a gzip file", b"P1": "a PBM image", b"P4": "a PBM image",
}  # fmt: skip


def read_raw(path: str, spec: Input) -> Any:
    """Return what a file holds as a raw input, one or a batch, for a model with the input `spec`."""
    if Path(path).is_dir():
        _refuse_kind(path, "a folder")
    data = Path(path).read_bytes()
    try:
        if data.startswith(b"\x93NUMPY"):
            return _npy(data)
        if data[:2] in (b"P2", b"P3", b"P5", b"P6") and data[2:3] in (b" ", b"\t", b"\r", b"\n", b"#"):
            return netpbm(data)
        found = next((what for magic, what in _OTHERS.items() if data.startswith(magic)), None)
        if found or b"\0" in data:
            _refuse_kind(path, found or "bytes of no kind that is known here")
        text = data.decode("utf-8-sig").strip()
        return _json(text, spec) if text[:1] in ("[", "{") else _csv(text, spec)
    except UnicodeDecodeError:
        _refuse_kind(path, "bytes of no kind that is known here")
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _refuse_kind(path: str, found: str) -> NoReturn:
    raise InputError(
        f"{path} is {found}, but .npy, JSON, CSV and PGM/PPM are all that this command reads:"
        " mlp-train predict MODEL INPUT... reads the others"
    )


def _npy(data: bytes) -> np.ndarray:
    import io

    try:
        array: np.ndarray = np.load(io.BytesIO(data), allow_pickle=False)
    except (ValueError, EOFError, MemoryError, SyntaxError) as error:  # SyntaxError: an unreadable .npy header
        raise InputError(
            f"the .npy file can't be used ({str(error).splitlines()[0].rstrip('.')}): save it anew"
        ) from None
    return array


def netpbm(data: bytes) -> np.ndarray:
    """Return a PGM or PPM image, binary or plain, as uint8 (height, width) or (height, width, 3).

    >>> netpbm(b"P2 2 1 15  0 15")
    array([[  0, 255]], dtype=uint8)
    """
    fields: list[int] = []
    at = 2
    while len(fields) < 3:  # width, height and the greatest value
        while data[at : at + 1].isspace() or data[at : at + 1] == b"#":
            at = (data.find(b"\n", at) + 1 or len(data)) if data[at : at + 1] == b"#" else at + 1
        end = at
        while data[end : end + 1].isdigit() and end - at < 10:
            end += 1
        if end == at:
            raise InputError("the PGM/PPM header has no width, height and greatest value: save the image anew")
        fields.append(int(data[at:end]))
        at = end
    width, height, greatest = fields
    count = width * height * (3 if data[:2] in (b"P3", b"P6") else 1)
    if not count or not 1 <= greatest <= 65535:
        raise InputError(
            f"the PGM/PPM header says {width} x {height} with values up to {greatest}: save the image anew"
        )
    if data[:2] in (b"P5", b"P6"):
        width_of_value = 1 if greatest < 256 else 2
        body = data[at + 1 :]
        if len(body) != count * width_of_value:
            raise InputError(
                f"the PGM/PPM image has {len(body)} bytes of pixels, not {count * width_of_value}: save it anew"
            )
        values = np.frombuffer(body, np.uint8 if width_of_value == 1 else ">u2")
    else:
        words = data[at:].split()
        if len(words) != count or not all(word.isdigit() and len(word) < 6 for word in words):
            raise InputError(
                f"the plain PGM/PPM image should have {count} numbers and has {len(words)} words: save it anew"
            )
        values = np.array([int(word) for word in words])
    if values.max() > greatest:
        raise InputError(
            f"the PGM/PPM image holds the value {values.max()} above its greatest, {greatest}: save it anew"
        )
    scaled = values if greatest == 255 else np.rint(values * (255.0 / greatest))
    return scaled.astype(np.uint8).reshape((height, width, 3) if count == width * height * 3 else (height, width))


def _json(text: str, spec: Input) -> Any:
    import json

    try:
        raw = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"the JSON can't be read ({error}): correct it") from None
    return _numbers(raw) if spec.kind == "image" else raw


def _numbers(raw: Any) -> Any:
    """Return nested lists of whole numbers up to 255 as uint8, which is what pixels are; other numbers stay."""
    try:
        array = np.array(raw)
    except ValueError:
        raise InputError("the rows of the image have different lengths: give every row the same") from None
    if array.dtype.kind in "iu" and array.size and array.min() >= 0 and array.max() <= 255:
        return array.astype(np.uint8)
    return array


def _csv(text: str, spec: Input) -> Any:
    import csv

    lines = text.splitlines()
    if not lines:
        raise InputError("the file is empty, but an input should be in it")
    delimiter = max(",;\t", key=lines[0].count)
    try:
        rows = [row for row in csv.reader(lines, delimiter=delimiter) if row]
    except csv.Error as error:
        raise InputError(f"the CSV can't be read ({error}): correct it") from None
    for number, row in enumerate(rows, 1):
        if len(row) != len(rows[0]):
            raise InputError(
                f"row {number} has {len(row)} cells, but the first row has {len(rows[0])}: make them equal"
            )
    if spec.kind == "table":
        head, body = rows[0], rows[1:]
        if not body:
            raise InputError("the CSV has one row, but a table model wants a header row and rows below it")
        return {name: [row[column] for row in body] for column, name in enumerate(head)}
    return _csv_numbers(rows, spec)


def _csv_numbers(rows: list[list[str]], spec: Any) -> Any:
    """Return rows of numbers, whose columns may have names, for a vector or an image model."""
    head = None if all(map(_is_number, rows[0])) else [name.strip() for name in rows[0]]
    body = rows[1:] if head else rows
    if not body:
        raise InputError("the CSV has a header row only, but the model wants rows of numbers below it")
    names: Sequence[str] = getattr(spec, "names", None) or ()
    chosen = [_column(name, head) for name in names] if head and names else range(len(rows[0]))
    if len(chosen) != spec.size:
        raise InputError(f"every row has {len(chosen)} numbers, but the model wants {spec.size}")
    for number, row in enumerate(body, 2 if head else 1):
        for column in chosen:
            if not _is_number(row[column]):
                raise InputError(
                    f"row {number} has {row[column][:40]!r} in column {column + 1}, but the model wants numbers"
                )
    if spec.kind == "vector":
        return np.array([[float(row[column]) for column in chosen] for row in body])
    shape = (len(body), spec.height, spec.width) + ((spec.channels,) if spec.channels > 1 else ())
    pixels = np.array([[float(row[column]) for column in chosen] for row in body]).reshape(shape)
    return pixels.astype(np.uint8) if np.array_equal(pixels, pixels.astype(np.uint8)) else pixels


def _column(name: str, head: list[str]) -> int:
    if name not in head:
        raise InputError(f"the CSV has no column {name!r}{nearest(name, head)}, and the model wants it")
    return head.index(name)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
