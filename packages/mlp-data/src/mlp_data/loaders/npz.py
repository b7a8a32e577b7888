"""An .npz file holds NumPy arrays by name: the samples and their answers."""

from __future__ import annotations

import ast
import math
import re
from typing import Any, Literal

import numpy as np

from mlp_data.arrays import assemble
from mlp_data.dataset import Dataset
from mlp_data.errors import DataError
from mlp_data.labels import Array
from mlp_data.options import Options
from mlp_data.sources import Member, Source

_MAGIC = b"\x93NUMPY"
_DTYPE = r"[<>|=]?([biufc?][0-9]{0,2}|[SU][0-9]{1,6}|O)"
_SPLITS = (("train", "train"), ("test", "test"), ("valid", "valid"), ("val", "valid"), ("dev", "valid"))
_SAMPLES = {"x", "xs", "data", "image", "images", "feature", "features", "input", "inputs", "sample", "samples", "arr0"}
_ANSWERS = {"y", "ys", "label", "labels", "target", "targets", "output", "outputs", "answer", "answers", "arr1"}
_NAMES = {"classes", "classnames", "targetnames", "labelnames"}
_FEATURES = {"featurenames", "columns", "names"}


def load_npz(source: Source, options: Options) -> Dataset | None:
    """Load `x`, `y`, or `x_train`, `y_train`, `x_test`, `y_test`, also by the other names that people give them."""
    members = [member for member in source.members if member.magic.startswith(_MAGIC)]
    if not members:
        return None
    arrays = {member.name.rsplit("/", 1)[-1].removesuffix(".npy"): read_npy(member) for member in members}
    found: dict[str, dict[str, Array]] = {}
    named: dict[str, Any] = {}
    for name, array in arrays.items():
        split, word = _meaning(name)
        if word in _NAMES | _FEATURES and array.ndim == 1:
            named["classes" if word in _NAMES else "names"] = [str(value) for value in array.tolist()]
            continue
        role = "x" if word in _SAMPLES else "y" if word in _ANSWERS else "x" if array.ndim > 1 else "y"
        if role in found.setdefault(split, {}):
            raise DataError(
                f"{source.name}: {name!r} is one array of {role} more than the split {split} needs (it holds "
                f"{', '.join(map(repr, arrays))}): name them x_train, y_train, x_test and y_test"
            )
        found[split][role] = array
    for split, roles in found.items():
        if "x" not in roles:
            raise DataError(
                f"{source.name}: it holds {', '.join(map(repr, arrays))}, but no samples x for {split}: add them"
            )
    if "y" not in found.get("train", {"y": None}):
        raise DataError(
            f"{source.name}: it holds {', '.join(map(repr, arrays))}, but no answers y for training: add them"
        )
    parts = {split if "y" in roles else "unlabelled": (roles["x"], roles.get("y")) for split, roles in found.items()}
    return assemble(source.name, parts, task=options.task, **named)


def read_npy(member: Member) -> Array:
    """Return the array in an .npy file, checked against the shape that its header gives; no pickle is ever loaded."""
    content = member.read()
    try:
        start, shape, dtype, order = _header(content)
    except (ValueError, SyntaxError, KeyError, TypeError, RecursionError, MemoryError, IndexError):
        raise DataError(f"{member.where}: the .npy header is damaged or cut short: save the array again") from None
    if dtype.hasobject:
        raise DataError(f"{member.where}: holds Python objects, which are never loaded: save numbers or text instead")
    wanted = math.prod(shape) * dtype.itemsize
    if wanted != len(content) - start:
        raise DataError(
            f"{member.where}: the .npy header promises shape {shape} of {dtype}, {wanted:,} bytes, "
            f"but {len(content) - start:,} are there: save the array again"
        )
    if wanted == 0:
        raise DataError(f"{member.where}: the array is empty (shape {shape}): give at least one sample")
    return np.frombuffer(content, dtype, offset=start).reshape(shape, order=order)


def _header(content: bytes) -> tuple[int, tuple[int, ...], np.dtype[Any], Literal["C", "F"]]:
    """Read where the values start, their shape, type and order; any error means that the header is wrong.

    NumPy's own reader mends headers of Python 2, with a warning and with the errors of a tokeniser: this one does not.
    Source: numpy.lib.format, "Format Version 1.0" to "3.0".
    """
    size = 2 if content[6] == 1 else 4
    start = 8 + size + int.from_bytes(content[8 : 8 + size], "little")
    if start > min(len(content), 10_000):
        raise ValueError("longer than the header of a plain array")
    fields = ast.literal_eval(content[8 + size : start].decode().strip())
    shape = fields["shape"]
    order: Literal["C", "F"] = "F" if fields["fortran_order"] is True else "C"
    if not all(type(length) is int and length >= 0 for length in shape) or not re.fullmatch(_DTYPE, fields["descr"]):
        raise ValueError("not the shape or the type of a plain array")
    return start, tuple(shape), np.dtype(fields["descr"]), order


def _meaning(name: str) -> tuple[str, str]:
    """Split the name of an array into its split and the rest.

    >>> _meaning("x_train"), _meaning("testLabels"), _meaning("data")
    (('train', 'x'), ('test', 'labels'), ('train', 'data'))
    """
    word = re.sub(r"[^a-z0-9]", "", name.lower())
    for text, split in _SPLITS:
        rest = word.removeprefix(text) if word.startswith(text) else word.removesuffix(text)
        if rest != word:
            return split, rest.removeprefix("ing").removeprefix("idation")
    return "train", word
