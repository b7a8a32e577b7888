"""Images too many for the memory are decoded once, into the cache, and stay there as long as all have one size."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from mlp_data.cache import Writer, cached
from mlp_data.errors import DataError
from mlp_data.labels import Array
from mlp_data.options import Options
from mlp_data.rows import FileRows
from mlp_data.sources import Source

_TOGETHER = 1 << 20  # bytes of images that are written at once


class _DifferentError(Exception):
    """An image has another shape than those before it."""

    def __init__(self, is_colour: bool) -> None:
        self.is_colour = is_colour


def store(
    source: Source,
    names: Sequence[str],
    frames: Iterable[Array | DataError],
    options: Options,
    size: int,
    colour: bool = False,
) -> tuple[FileRows, Array, list[str]] | None:
    """Return the images, the number of each among `names`, and what is wrong with others; None if sizes differ.

    frames: an image or an error for each name, decoded only if the cache does not have them; they are gone through
    twice where some have colour. size: the bytes of all images, about.
    """

    def build(writer: Writer) -> None:
        shape: tuple[int, ...] = ()
        waiting: list[Array] = []
        numbers: list[int] = []
        bad: list[str] = []
        for number, frame in enumerate(frames):
            if isinstance(frame, DataError):
                bad.append(str(frame))
                continue
            if colour and frame.ndim == 2:
                frame = np.repeat(frame[..., np.newaxis], 3, axis=2)
            shape = shape or frame.shape
            if frame.shape != shape:
                raise _DifferentError(is_colour=frame.shape[:2] == shape[:2])
            waiting.append(frame)
            numbers.append(number)
            if len(waiting) * frame.nbytes >= _TOGETHER:
                writer.add("images", np.stack(waiting))
                waiting.clear()
        if waiting:
            writer.add("images", np.stack(waiting))
        writer.add("numbers", np.array(numbers, np.int64))
        writer.facts["bad"] = bad

    key = f"images {(source.path or Path()).resolve()}"
    which = hashlib.sha256("\n".join(names).encode()).hexdigest()
    identity = {**source.identity(), "names": which, "colour": colour}
    try:
        entry = cached(options.storage.cache, key, identity, build, size)
    except _DifferentError as different:
        if colour or not different.is_colour:
            return None
        return store(source, names, frames, options, 3 * size, colour=True)
    images = entry.rows("images")
    options.storage.check(len(images), source.name)
    return images, entry.rows("numbers")[:], entry.facts["bad"]
