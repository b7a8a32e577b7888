"""A checkpoint is everything that training needs to go on as if it had never stopped.

The file is a magic of 8 bytes, the SHA-256 of what follows, and one MessagePack map. It holds numbers and text only:
reading it runs no code, whoever wrote it.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgpack
import numpy as np

from mlp_data.atomic import write_bytes
from mlp_train.errors import CheckpointError

MAGIC = b"MLPCKPT\x02"  # the last byte is the version
DIGEST = 32
DTYPES = ("bool", "uint8", "int8", "int32", "int64", "float32", "float64")


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The state of a training run between two epochs.

    `state` holds what JSON knows, with integers of any size, such as a random generator's `bit_generator.state`;
    tuples come back as lists.
    """

    arrays: dict[str, np.ndarray[Any, Any]]
    state: dict[str, Any]

    def part(self, name: str, fits: Callable[[Any], bool]) -> Any:
        """Return a part of the state; CheckpointError where it is nothing that a training saves there."""
        if name not in self.state:
            raise self.refusal(f"{name} is not there")
        if not fits(self.state[name]):
            raise self.refusal(f"{name} is {repr(self.state[name])[:40]}")
        return self.state[name]

    def array(self, name: str, like: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Return an array; CheckpointError where it is not made like the one that it is to replace."""
        found = self.arrays.get(name)
        if found is None or (found.shape, found.dtype) != (like.shape, like.dtype):
            what = "is not there" if found is None else f"is {found.dtype} of shape {found.shape}"
            raise self.refusal(f"the array {name!r} {what}, not {like.dtype} of shape {like.shape}")
        if not np.isfinite(found).all():
            raise self.refusal(f"the array {name!r} holds numbers that are not finite")
        return found

    @staticmethod
    def refusal(why: str) -> CheckpointError:
        """Return the error of a checkpoint that is intact, but not one of this training."""
        return CheckpointError(f"the checkpoint is not made as it should be ({why}): start a new run")


def save(path: str | os.PathLike[str], checkpoint: Checkpoint) -> None:
    """Write the checkpoint atomically; OutputError says why where it cannot be written.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "last.ckpt")
    >>> save(path, Checkpoint({"parameters": np.zeros(3, np.float32)}, {"epoch": 2}))
    >>> load(path).state
    {'epoch': 2}
    """
    arrays = []
    for name, array in checkpoint.arrays.items():
        if array.dtype.name not in DTYPES:
            raise TypeError(f"array {name!r} has dtype {array.dtype}; a checkpoint holds {', '.join(DTYPES)}")
        little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        arrays.append([name, array.dtype.name, list(array.shape), little.tobytes()])
    # The state travels as JSON text because MessagePack's integers end at 64 bits and a generator's do not.
    body = msgpack.packb({"state": json.dumps(checkpoint.state), "arrays": arrays})
    write_bytes(path, MAGIC + hashlib.sha256(body).digest() + body)


def load(path: str | os.PathLike[str]) -> Checkpoint:
    """Read a checkpoint back with the same bits; CheckpointError says what is wrong with the file.

    The arrays are fresh and writable.
    """
    name = os.fspath(path)
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise CheckpointError(
            f"{name}: the checkpoint cannot be read: the system says '{error.strerror}'; check the path"
        ) from error
    if data[: len(MAGIC) - 1] != MAGIC[:-1]:
        raise CheckpointError(
            f"{name}: this is not a checkpoint, it begins with {data[:8]!r}; give the last.ckpt of a run"
        )
    if data[len(MAGIC) - 1 : len(MAGIC)] != MAGIC[-1:]:
        raise CheckpointError(
            f"{name}: the checkpoint has version {data[7:8].hex() or 'none'} and this release reads {MAGIC[7]:02x}; "
            "resume with the release that wrote it"
        )
    found, body = data[len(MAGIC) : len(MAGIC) + DIGEST], data[len(MAGIC) + DIGEST :]
    if hashlib.sha256(body).digest() != found:
        raise CheckpointError(
            f"{name}: the checkpoint is damaged, its {len(data)} bytes do not match their SHA-256; start the run again"
        )
    try:
        content = msgpack.unpackb(body)
        state = json.loads(content["state"])
        arrays = {str(key): _array(dtype, shape, payload) for key, dtype, shape, payload in content["arrays"]}
        if not isinstance(state, dict):
            raise TypeError(f"state is a {type(state).__name__}")
    except (ValueError, TypeError, KeyError, RecursionError) as error:  # intact, but not written by `save`
        raise CheckpointError(f"{name}: the checkpoint is not made as it should be ({error}); start again") from error
    return Checkpoint(arrays, state)


def _array(dtype: str, shape: list[int], payload: bytes) -> np.ndarray[Any, Any]:
    if dtype not in DTYPES:
        raise ValueError(f"an array of dtype {dtype!r}")
    little = np.dtype(dtype).newbyteorder("<")
    if math.prod(shape) * little.itemsize != len(payload):
        raise ValueError(f"{len(payload)} bytes for a {dtype} array of shape {shape}")
    return np.frombuffer(payload, little).reshape(shape).astype(dtype)
