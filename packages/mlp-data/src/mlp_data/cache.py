"""A cache keeps on disk what took long to read, and gives it back only if it is whole and its source is the same."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import math
import secrets
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np

from mlp_data.errors import DataError
from mlp_data.labels import Array
from mlp_data.rows import FileRows

_FORMAT = 1
_FACTS = "entry.json"
_UNUSED_DAYS = 30  # an entry that nobody asked for in so long goes when another is made
_ABANDONED_DAYS = 1  # what a killed process left half-made goes sooner
_STEP = 1 << 20


@dataclass
class Writer:
    """Takes the rows of an entry that is being made, a block at a time. facts: what else to keep, as JSON knows it."""

    folder: Path
    facts: dict[str, Any] = field(default_factory=dict)
    _files: dict[str, IO[bytes]] = field(default_factory=dict)
    _kept: dict[str, dict[str, Any]] = field(default_factory=dict)
    _digests: dict[str, Any] = field(default_factory=dict)

    def add(self, name: str, rows: Array) -> None:
        """Append rows (n, ...) to the array `name`; all its rows have one shape and type."""
        if name not in self._files:
            self._files[name] = (self.folder / name).open("wb")
            self._digests[name] = hashlib.sha256()
            self._kept[name] = {"dtype": rows.dtype.str, "shape": [0, *rows.shape[1:]]}
        kept = self._kept[name]
        if [rows.dtype.str, list(rows.shape[1:])] != [kept["dtype"], kept["shape"][1:]]:
            raise ValueError(f"{name}: rows of {rows.dtype} {rows.shape[1:]} among others")
        kept["shape"][0] += len(rows)
        content = np.ascontiguousarray(rows).data
        self._files[name].write(content)
        self._digests[name].update(content)

    def finish(self, identity: Mapping[str, Any]) -> None:
        """Write what describes the entry."""
        self.close()
        for name, kept in self._kept.items():
            kept["sha256"] = self._digests[name].hexdigest()
        described = {"format": _FORMAT, "identity": dict(identity), "arrays": self._kept, "facts": self.facts}
        (self.folder / _FACTS).write_text(json.dumps(described), encoding="utf-8")

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            file.close()


@dataclass(frozen=True)
class Entry:
    """What the cache has of one source."""

    folder: Path
    facts: Mapping[str, Any]
    _arrays: Mapping[str, FileRows]

    def rows(self, name: str) -> FileRows:
        """Return the rows of the array `name`, which stay in their file."""
        return self._arrays[name]


def cached(
    cache: Path, source: str, identity: Mapping[str, Any], build: Callable[[Writer], None], size: int = 0
) -> Entry:
    """Return the entry of `source`, made by `build` if there is none, it is damaged, or the source has changed.

    identity: what tells one state of the source, and one way of reading it, from another, as JSON knows it. There is
    one entry for a source, so that a changed one takes the place of the old. size: the bytes that it will take, about.
    DataError where it cannot be written.
    """
    folder = cache / hashlib.sha256(source.encode()).hexdigest()[:32]
    found = _open(folder, identity)
    if found is not None:
        return found
    temporary = cache / f".{secrets.token_hex(8)}.tmp"
    try:
        temporary.mkdir(parents=True)
        _sweep(cache)
        free = shutil.disk_usage(cache).free
        if 2 * size > free:
            raise OSError(errno.ENOSPC, f"it needs {size:,} bytes, training as many, and {free:,} are free")
        writer = Writer(temporary)
        try:
            build(writer)
            writer.finish(identity)
        finally:
            writer.close()
        shutil.rmtree(folder, ignore_errors=True)
        temporary.rename(folder)
    except OSError as error:
        raise DataError(
            f"{cache}: the cache cannot be written ({error.strerror or error}): free some space, or name a folder on "
            f"another disk with --cache"
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    made = _open(folder, identity)
    if made is None:
        raise DataError(f"{folder}: the cache cannot be read back as it was written: try another disk with --cache")
    return made


def _open(folder: Path, identity: Mapping[str, Any]) -> Entry | None:
    """Return an entry that is whole and of this identity, else None."""
    try:
        said = json.loads((folder / _FACTS).read_text(encoding="utf-8"))
        if said["format"] != _FORMAT or said["identity"] != json.loads(json.dumps(identity)):
            return None
        arrays = {name: _checked(folder, name, kept) for name, kept in said["arrays"].items()}
        if None in arrays.values():
            return None
        (folder / _FACTS).touch()
        return Entry(folder, said["facts"], {name: rows for name, rows in arrays.items() if rows is not None})
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _checked(folder: Path, name: str, kept: Mapping[str, Any]) -> FileRows | None:
    """Return the rows of one file, or None where they are not the bytes that were written."""
    file = (folder / name).open("rb")
    shape, dtype = tuple(kept["shape"]), np.dtype(kept["dtype"])
    digest = hashlib.sha256()
    while part := file.read(_STEP):
        digest.update(part)
    if digest.hexdigest() != kept["sha256"] or file.tell() != math.prod(shape) * dtype.itemsize:
        file.close()
        return None
    return FileRows(file, shape, dtype, cache=folder.parent)


def _sweep(cache: Path) -> None:
    """Remove entries that were not used for long, and what killed processes left."""
    now = time.time()
    for folder in cache.iterdir():
        days = _ABANDONED_DAYS if folder.suffix == ".tmp" else _UNUSED_DAYS
        with contextlib.suppress(OSError):
            marker = folder if folder.suffix == ".tmp" else folder / _FACTS
            if folder.is_dir() and now - marker.stat().st_mtime > days * 86_400:
                shutil.rmtree(folder, ignore_errors=True)
