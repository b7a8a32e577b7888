"""IDX is the format of MNIST: a few header bytes, then the pixels or the labels one after the other."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mlp_data.cache import Writer, cached
from mlp_data.dataset import SPLITS, Dataset, Split
from mlp_data.errors import DataError
from mlp_data.labels import Array, classes_and_indices
from mlp_data.loaders.splits import split_of
from mlp_data.options import Options
from mlp_data.rows import FileRows
from mlp_data.sources import Member, Source

# The third byte names the type of the values (http://yann.lecun.com/exdb/mnist, "the IDX file format").
DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


@dataclass(frozen=True)
class Part:
    """One IDX file of a source: images (or vectors), or labels."""

    name: str
    split: str | None
    values: Array | FileRows

    @property
    def key(self) -> str:
        """What is left of the name when the words for images and labels are taken out: the same for a pair."""
        return re.sub(r"images?|labels?|idx\d|\W|_", "", self.name.lower())


def load_idx(source: Source, options: Options) -> Dataset | None:
    """Load the images of IDX files with the labels that belong to them."""
    members = [member for member in source.members if is_idx(member)]
    if not members:
        return None
    if options.task == "regression":
        raise DataError(
            f"{source.name}: IDX labels are classes, but the task asked for is regression: leave the task out"
        )
    headers = {member.name: read_header(member) for member in members}
    large = {name: header for name, header in headers.items() if len(header.shape) > 1}
    fits = options.storage.fits(sum(header.size for header in large.values()))
    if not fits:
        options.storage.check(sum(header.shape[0] for header in large.values()), source.name)
    parts = []
    for member in members:
        on_disk = not fits and member.name in large
        values = read_on_disk(member, source, options) if on_disk else parse_idx(member.read(), member.where)
        parts.append(Part(member.name, split_of(member.name), values))
    labels = [part for part in parts if part.values.ndim == 1]
    images = [part for part in parts if part.values.ndim > 1]
    if not images:
        raise DataError(
            f"{source.name}: there are IDX labels ({labels[0].name!r}) but no images: put both in one place"
        )
    pairs = _pair(images, labels, source.name)
    found = _name_splits(pairs, source.name)
    answered = [split for split, (_, values) in found.items() if values is not None]
    classes, indices = classes_and_indices([found[split][1].values for split in answered])  # type: ignore[union-attr]
    y = dict(zip(answered, indices, strict=True))
    first = found[next(iter(found))][0]
    kind = "vector" if first.values.ndim == 2 else "image"
    x = {split: _samples(part, first, source.name) for split, (part, _) in found.items()}
    if options.transpose and kind == "image":
        x = {split: transposed(images) for split, images in x.items()}
    splits = {split: Split(images, y.get(split)) for split, images in x.items()}
    return Dataset(source.name, kind, "classification", splits, classes)


def transposed(images: Array | FileRows) -> Array | FileRows:
    """Return images with their rows and columns swapped."""
    if isinstance(images, FileRows):
        return images.transpose()
    return np.ascontiguousarray(images.swapaxes(1, 2))


def is_idx(member: Member) -> bool:
    """Tell whether a file starts as IDX does; an unknown type of values counts if the name speaks of IDX."""
    head = member.magic
    if len(head) < 4 or head[:2] != b"\0\0" or not 1 <= head[3] <= 8:
        return False
    return head[2] in DTYPES or re.search(r"idx|ubyte", member.name.lower()) is not None


@dataclass(frozen=True)
class Header:
    """What the first bytes of an IDX file say. start: where the values begin."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    start: int

    @property
    def size(self) -> int:
        """How many bytes the file must have."""
        return self.start + math.prod(self.shape) * self.dtype.itemsize

    def check(self, found: int, where: str) -> None:
        """Raise DataError where the file does not have just as many bytes."""
        if found != self.size:
            raise DataError(
                f"{where}: the IDX header promises shape {self.shape}, which is {self.size:,} bytes, "
                f"but the file has {found:,}: get the file again"
            )


def read_header(member: Member) -> Header:
    """Read the header of an IDX file, or raise DataError."""
    return parse_header(member.head(20), member.where)


def parse_header(content: bytes, where: str) -> Header:
    """Return what IDX `content` begins with."""
    if len(content) < 4 or content[:2] != b"\0\0":
        raise DataError(f"{where}: starts with {content[:4]!r}, but IDX starts with two zero bytes: give an IDX file")
    if content[2] not in DTYPES:
        known = ", ".join(f"0x{code:02X}" for code in DTYPES)
        raise DataError(f"{where}: IDX type 0x{content[2]:02X} is unknown (known: {known}): get the file again")
    start = 4 + 4 * content[3]
    if not 1 <= content[3] <= 4:
        raise DataError(
            f"{where}: IDX with {content[3]} dimensions, but labels have 1 and images 2 to 4: get the file again"
        )
    if len(content) < start:
        raise DataError(f"{where}: the IDX header is cut short at {len(content)} of {start} bytes: get the file again")
    shape = tuple(int.from_bytes(content[at : at + 4], "big") for at in range(4, start, 4))
    if 0 in shape:
        raise DataError(f"{where}: the IDX file is empty (shape {shape}): give at least one sample")
    return Header(np.dtype(DTYPES[content[2]]), shape, start)


def parse_idx(content: bytes, where: str) -> Array:
    """Return the array in IDX `content`, checked against the size that its header gives.

    >>> parse_idx(bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 9]), "labels")
    array([7, 9], dtype=uint8)
    """
    header = parse_header(content, where)
    header.check(len(content), where)
    return np.frombuffer(content, header.dtype, offset=header.start).reshape(header.shape)


def read_on_disk(member: Member, source: Source, options: Options) -> FileRows:
    """Return images that stay in their file, which is put into the cache first where it is packed."""
    header = read_header(member)
    cache = options.storage.cache
    if member.path is not None and member.path.stat().st_size == header.size:
        return FileRows(member.path.open("rb"), header.shape, header.dtype, offset=header.start, cache=cache)

    def unpack(writer: Writer) -> None:
        found = 0
        for part in member.stream():
            writer.add("content", np.frombuffer(part, np.uint8))
            found += len(part)
        header.check(found, member.where)

    key = f"idx {(source.path or Path()).resolve()} {member.name}"
    entry = cached(cache, key, source.identity(), unpack, header.size)
    return entry.rows("content").view(header.shape, header.dtype, header.start)


def _pair(images: list[Part], labels: list[Part], name: str) -> list[tuple[Part, Part | None]]:
    """Find the labels of each images file: by the rest of the name, by the split, by the count."""
    pairs: list[tuple[Part, Part | None]] = []
    left = list(labels)
    for part in images:
        count = len(part.values)
        same_key = [other for other in left if other.key == part.key]
        same_split = [other for other in left if part.split is not None and other.split == part.split]
        same_count = [other for other in left if len(other.values) == count and None in (part.split, other.split)]
        match = next((found for found in (same_key, same_split, same_count) if len(found) == 1), [])
        if not match and len(same_count) > 1:
            names = ", ".join(repr(other.name) for other in same_count)
            raise DataError(f"{name}: {part.name!r} may belong to the labels {names}: name each pair alike")
        if not match and len(images) == len(labels) == 1:
            match = left
        if match and len(match[0].values) != count:
            raise DataError(
                f"{name}: {part.name!r} holds {count:,} images but {match[0].name!r} holds "
                f"{len(match[0].values):,} labels: give one label for each image"
            )
        pairs.append((part, match[0] if match else None))
        left = [other for other in left if other not in match]
    if left:
        counts = ", ".join(f"{len(part.values):,}" for part in images)
        raise DataError(
            f"{name}: the {len(left[0].values):,} labels in {left[0].name!r} match no images file "
            f"(which hold {counts}): give one label for each image"
        )
    return pairs


def _name_splits(pairs: list[tuple[Part, Part | None]], name: str) -> dict[str, tuple[Part, Part | None]]:
    """Name the split of each pair; where the names do not tell, the larger of two is for training."""
    found: dict[str, tuple[Part, Part | None]] = {}
    pairs = sorted(pairs, key=lambda pair: (pair[1] is None, -len(pair[0].values)))
    if not any(labels for _, labels in pairs):
        raise DataError(
            f"{name}: {pairs[0][0].name!r} holds images, but there are no labels for them: add the labels file"
        )
    free = [split for split in ("train", "test") if all(pair[0].split != split for pair in pairs)]
    for part, labels in pairs:
        split = part.split or (free.pop(0) if free and labels is not None else None)
        if labels is None:
            split = "unlabelled"
        if split is None or split in found:
            raise DataError(
                f"{name}: {part.name!r} is one images file more than its split needs: "
                f"keep one pair for train and one for test, or say which is which in the names"
            )
        found[split] = part, labels
    return {split: found[split] for split in SPLITS if split in found}


def _samples(part: Part, first: Part, name: str) -> Array | FileRows:
    if part.values.shape[1:] != first.values.shape[1:]:
        raise DataError(
            f"{name}: {part.name!r} holds samples of shape {part.values.shape[1:]} but {first.name!r} of shape "
            f"{first.values.shape[1:]}: give all in one shape"
        )
    if part.values.ndim == 2:
        return part.values if isinstance(part.values, FileRows) else part.values.astype(np.float32)
    if part.values.dtype != np.uint8:
        raise DataError(
            f"{name}: {part.name!r} holds {part.values.dtype} pixels: IDX images are unsigned bytes, 0 to 255"
        )
    if part.values.ndim == 4 and part.values.shape[3] not in (1, 3):
        raise DataError(f"{name}: {part.name!r} holds images with {part.values.shape[3]} channels: give 1 or 3")
    if part.values.ndim == 4 and part.values.shape[3] == 1:
        grey = part.values.shape[:3]
        return part.values.view(grey, np.uint8) if isinstance(part.values, FileRows) else part.values.reshape(grey)
    return part.values
