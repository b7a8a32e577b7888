"""An image folder holds one folder for each class, and in it the images of that class."""

from __future__ import annotations

import os
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import numpy as np

from mlp_data.arrays import stack
from mlp_data.cells import numbers
from mlp_data.dataset import SPLITS, Dataset, Samples, Split
from mlp_data.decode import SILENCE, decode_inside
from mlp_data.errors import ArchiveError, DataError, DecodeError
from mlp_data.image_header import image_format
from mlp_data.labels import Array, classes_and_indices, natural_order
from mlp_data.loaders.image_store import store
from mlp_data.loaders.splits import split_of
from mlp_data.options import Options
from mlp_data.pause import no_search
from mlp_data.sources import Member, Source

_ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".pgm", ".ppm", ".gif")
_TOGETHER, _TOGETHER_BYTES = 64, 1 << 20  # images, or bytes of them, that one thread decodes at a time
_SMALL = 1024  # bytes of an image's file: of smaller ones, waiting for Python's lock takes longer than decoding
_PEEK = 8  # images that are looked at to tell how much all will take
_NAMED = 3  # bad images that are named one by one; the others are counted


class Place(NamedTuple):
    """Where an image lies: its split, and the folder that names its class if there is one."""

    member: Member
    split: str
    label: str | None


def load_image_folder(source: Source, options: Options) -> Dataset | None:
    """Load images by their folders: `class/file`, also below `train`, `test`, `valid` and folders that wrap all."""
    images = [member for member in source.members if _is_image(member)]
    with no_search():
        places = place(images)
    labelled = any(one.label is not None for one in places)
    if not images or (not labelled and any(_is_csv(member) for member in source.members)):
        return None
    if options.task == "regression":
        raise DataError(f"{source.name}: folders name classes, but the task asked for is regression: leave it out")
    return read_places(source, places, options)


def read_places(
    source: Source, places: Sequence[Place], options: Options, task: str = "classification", target: str | None = None
) -> Dataset:
    """Decode the image at each place, name and skip those that cannot be, and put the others into their splits."""
    splits = [one.split if one.label is not None else "unlabelled" for one in places]
    x, rows, bad = _on_disk(source, places, splits, options) or _in_memory(source, places, splits, options)
    if not x:
        raise DataError(f"{source.name}: none of its {len(places)} images can be read, the first being {bad[0]}")
    labels = {split: [places[row].label or "" for row in rows[split]] for split in x}
    answered = [split for split in x if split != "unlabelled"]
    classes: tuple[str, ...] = ()
    if task == "classification":
        classes, indices = classes_and_indices([labels[split] for split in answered])
    else:
        indices = [numbers(labels[split]).values for split in answered]
    y = dict(zip(answered, indices, strict=True))
    found = {
        split: Split(x[split], y.get(split), [places[row].member.name for row in rows[split]])
        for split in SPLITS
        if split in x
    }
    return Dataset(source.name, "image", task, found, classes, target=target, problems=_problems(bad, len(places)))


Found = tuple[dict[str, Samples], dict[str, list[int]], list[str]]  # split -> images, split -> places, what is wrong


def _in_memory(source: Source, places: Sequence[Place], splits: Sequence[str], options: Options) -> Found:
    frames: defaultdict[str, list[Array]] = defaultdict(list)
    rows: defaultdict[str, list[int]] = defaultdict(list)
    bad: list[str] = []
    size, most = 0, options.storage.max_memory // 2  # while they are put together there are two of each
    with no_search():
        for row, (one, frame) in enumerate(decoded(places)):
            if isinstance(frame, DataError):
                bad.append(str(frame))
                continue
            size += frame.nbytes
            if size > most:
                raise DataError(
                    f"{source.name}: the pixels of its first images, up to {one.member.name!r}, take over {most:,} "
                    f"bytes, half of the memory allowed: shrink the images, give fewer, or allow more with max_memory"
                )
            frames[splits[row]].append(frame)
            rows[splits[row]].append(row)
    return {split: stack(found) for split, found in frames.items()}, rows, bad


def _on_disk(source: Source, places: Sequence[Place], splits: Sequence[str], options: Options) -> Found | None:
    """Put the images into the cache, if they seem too many for the memory and have one size; else return None."""
    first = next((frame for _, frame in decoded(places[:_PEEK]) if not isinstance(frame, DataError)), None)
    size = 0 if first is None else first.nbytes * len(places)
    if options.storage.fits(size):
        return None
    stored = store(source, [one.member.name for one in places], _Frames(places), options, size)
    if stored is None:
        return None
    images, kept, bad = stored
    of = np.array(splits)[kept]
    x: dict[str, Samples] = {split: images.take(np.flatnonzero(of == split)) for split in np.unique(of).tolist()}
    return x, {split: kept[of == split].tolist() for split in x}, bad


class _Frames:
    """The images of places, decoded anew whenever they are gone through."""

    def __init__(self, places: Sequence[Place]) -> None:
        self._places = places

    def __iter__(self) -> Iterator[Array | DataError]:
        return (frame for _, frame in decoded(self._places))


def decoded(places: Sequence[Place]) -> Iterator[tuple[Place, Array | DataError]]:
    """Yield each place with its image, or with what is wrong with it, in order, decoded on all cores unless small.

    An archive is read by one thread alone; the decoders let go of Python's lock while they decode.
    """
    cores = os.cpu_count() or 1
    waiting: deque[tuple[list[Place], Callable[[], list[Array | DataError]]]] = deque()
    with SILENCE, ThreadPoolExecutor(cores) as pool:
        for group, contents in _groups(places):
            decode = partial(_decode_all, group, contents)
            are_small = sum(one.member.size for one in group) < _SMALL * len(group)
            waiting.append((group, decode if are_small else pool.submit(decode).result))
            if len(waiting) > cores:
                done, frames = waiting.popleft()
                yield from zip(done, frames(), strict=True)
        for done, frames in waiting:
            yield from zip(done, frames(), strict=True)


def _groups(places: Sequence[Place]) -> Iterator[tuple[list[Place], list[bytes | DataError]]]:
    """Read the files of the places, so many at once that handing them to a thread is worth it."""
    group: list[Place] = []
    contents: list[bytes | DataError] = []
    size = 0
    for one in places:
        try:
            contents.append(one.member.read())
        except ArchiveError as error:
            contents.append(ArchiveError(str(error)))  # anew, see `_decode_all`
        group.append(one)
        size += one.member.size
        if len(group) == _TOGETHER or size > _TOGETHER_BYTES:
            yield group, contents
            group, contents, size = [], [], 0
    if group:
        yield group, contents


def _decode_all(places: list[Place], contents: list[bytes | DataError]) -> list[Array | DataError]:
    found: list[Array | DataError] = []
    for one, content in zip(places, contents, strict=True):
        try:
            found.append(
                content if isinstance(content, DataError) else decode_inside(content, None, repr(one.member.name))
            )
        except DecodeError as error:
            if isinstance(error.__cause__, ImportError):
                raise
            found.append(DecodeError(str(error)))  # anew: the one that was raised holds this function, which holds it
    return found


def place(images: Sequence[Member]) -> list[Place]:
    """Find split and class of each image, in the order of the names, so that packing changes nothing.

    The class is the first folder below the split's folder; where no folder names a split, the first folder below those
    that wrap all images. Below `class/train` it is the folder above.
    """
    named = {member.name: member for member in images}
    names = natural_order(named)
    holding = [name.rpartition("/")[0] for name in names]
    folders = {folder: tuple(folder.split("/")) if folder else () for folder in dict.fromkeys(holding)}
    split_at = {path: _split_at(path) for path in folders.values()}
    bare = [path for path, at in split_at.items() if at is None]
    wrap = _common(bare)
    if bare == [wrap] and len(folders) == 1:
        wrap = wrap[:-1]  # one class alone: its folder wraps all images, and still names them
    above = {path[at - 1] for path, at in split_at.items() if at is not None and at == len(path) - 1 and at > 0}
    found = {}
    for folder, path in folders.items():
        at = split_at[path]
        if at is None:
            split, below = "train", path[len(wrap) :]
        else:
            split, below = split_of(path[at]) or "train", path[at + 1 :]
            if not below and len(above) > 1 and at > 0:
                below = (path[at - 1],)
        found[folder] = split, below[0] if below else None
    return [Place(named[name], *found[folder]) for name, folder in zip(names, holding, strict=True)]


def _split_at(path: tuple[str, ...]) -> int | None:
    """Return which folder of a path names a split, the first one that does."""
    return next((at for at, folder in enumerate(path) if split_of(folder) is not None), None)


def _common(paths: list[tuple[str, ...]]) -> tuple[str, ...]:
    common: list[str] = []
    for folders in zip(*paths, strict=False):
        if len(set(folders)) > 1:
            break
        common.append(folders[0])
    return tuple(common)


def _is_image(member: Member) -> bool:
    # The ending of the name only makes a broken image a broken one; no file is taken for an image because of it.
    return image_format(member.magic) is not None or member.name.lower().endswith(_ENDINGS)


def _is_csv(member: Member) -> bool:
    return member.name.lower().endswith((".csv", ".tsv")) and b"\0" not in member.magic


def _problems(bad: list[str], count: int) -> tuple[str, ...]:
    if not bad:
        return ()
    more = f"; and {len(bad) - _NAMED} more" if len(bad) > _NAMED else ""
    return (f"{len(bad)} of {count} images cannot be read and are left out: {'; '.join(bad[:_NAMED])}{more}",)
