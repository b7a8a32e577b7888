"""An .npz file holds NumPy arrays by name: the samples and their answers."""

from __future__ import annotations

import io
import re
from typing import Any

import numpy as np

from mlp_data.arrays import assemble
from mlp_data.dataset import Dataset
from mlp_data.errors import DataError
from mlp_data.labels import Array
from mlp_data.options import Options
from mlp_data.sources import Member, Source

_MAGIC = b"\x93NUMPY"
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
    stream = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(stream)
        if version == (1, 0):
            shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
        else:
            shape, fortran, dtype = np.lib.format.read_array_header_2_0(stream)
    except (ValueError, EOFError, SyntaxError, TypeError, RecursionError, MemoryError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{member.where}: the .npy header is damaged ({first}): save the array again") from None
    if dtype.hasobject:
        raise DataError(f"{member.where}: holds Python objects, which are never loaded: save numbers or text instead")
    count = 1
    for length in shape:
        count *= length
    start = stream.tell()
    if count < 0 or count * dtype.itemsize != len(content) - start:
        raise DataError(
            f"{member.where}: the .npy header promises shape {shape} of {dtype}, {count * dtype.itemsize:,} bytes, "
            f"but {len(content) - start:,} are there: save the array again"
        )
    if count == 0:
        raise DataError(f"{member.where}: the array is empty (shape {shape}): give at least one sample")
    return np.frombuffer(content, dtype, offset=start).reshape(shape, order="F" if fortran else "C")


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
