"""Questions are what `predict` is asked: images, arrays, table rows or whole archives, in batches with their names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import mlp_data
from mlp_data.cells import NOTHING
from mlp_data.decode import decode
from mlp_data.delimited import TextTable, is_table, read_table
from mlp_data.errors import DataError, DecodeError
from mlp_data.image_header import image_format
from mlp_data.sources import SAMPLES, Member, Source, open_source
from mlp_runtime import InputError, Model
from mlp_runtime.inputs import TableInput
from mlp_runtime.rawfiles import read_raw
from mlp_train.cli.shared import Voice, counted
from mlp_train.errors import UsageError
from mlp_train.evaluation import check_kind, loading_options
from mlp_train.raw_batches import BYTES, ROWS, batches

NPY = b"\x93NUMPY"
UNANSWERED_FIRST = ("unlabelled", "test", "valid", "train")


@dataclass(frozen=True)
class Batch:
    """Raw inputs as `Model.predict` takes them, and what each is called.

    headings: the two of the archive's own sample submission, where there is one.
    """

    names: Sequence[str]
    raw: Any
    headings: tuple[str, str] | None = None


def questions(path: str, model: Model, voice: Voice, transpose: bool | None = None) -> Iterator[Batch]:
    """Yield what is in a file, a folder, an archive or a sample, in batches of bounded size.

    transpose: whether images in IDX and CSV files lie on their side; None if they are as in training.

    In a folder or an archive, an image that cannot be read is named, counted and skipped. A file of its own that
    cannot be used raises DataError or InputError.
    """
    if path in SAMPLES:
        yield from _dataset(path, model, voice, transpose)
        return
    with open_source(path) as source:
        plain = _plain(path, source, model, voice)
        if plain is not None:
            if transpose:
                raise UsageError(
                    f"{path}: --transpose is for images in IDX and CSV files, and these are none; leave it out"
                )
            yield from plain
            return
    yield from _dataset(path, model, voice, transpose)


def _plain(path: str, source: Source, model: Model, voice: Voice) -> Iterator[Batch] | None:
    """Return the questions of an array, a table or images, as they are; None where a loader has to make sense of it."""
    first = source.members[0]
    if first.where == path and first.head(len(NPY)) == NPY:  # a file of its own, not one in an archive
        return _array(path, model)
    if model.input.kind == "table":
        tables = [member for member in source.members if is_table(member)]
        return _rows(read_table(tables[0]), model.input) if len(tables) == 1 else None
    if model.input.kind == "image" and images_in(source):
        return _frames(source, model, voice)
    return None


def _array(path: str, model: Model) -> Iterator[Batch]:
    try:
        raw = read_raw(path, model.input)
        many = model.input.is_batch(raw)
    except InputError as error:
        raise InputError(str(error) if str(error).startswith(path) else f"{path}: {error}") from None
    if not many:
        yield Batch([path], raw[None] if raw.ndim == 1 else [raw])
        return
    yield from _named((f"{path}[{row}]" for row in range(len(raw))), raw)


def _named(names: Iterator[str], x: Any, headings: tuple[str, str] | None = None) -> Iterator[Batch]:
    for raw in batches(x):
        count = len(next(iter(raw.values()))) if isinstance(raw, dict) else len(raw)
        yield Batch([next(names) for _ in range(count)], raw, headings)


def _rows(table: TextTable, prepared: Any) -> Iterator[Batch]:
    """Yield the rows of one table; among numbers and dates, NA and the like say that a cell is missing."""
    assert isinstance(prepared, TableInput)
    numeric = {column.name for column in prepared.columns if column.type == "number" or column.part}
    columns = {
        name: ["" if cell.strip().lower() in NOTHING else cell for cell in cells] if name in numeric else cells
        for name, cells in table.columns.items()
    }
    yield from _named((f"{table.where}:{line}" for line in table.lines), columns)


def images_in(source: Source) -> list[Member]:
    """Return the members of a source that begin as image files do."""
    return [member for member in source.members if image_format(member.magic)]


def readable(source: Source, voice: Voice, *, colour: bool) -> Iterator[tuple[str, np.ndarray[Any, Any]]]:
    """Yield the images of a source with their names; among others, one that cannot be read is named and counted.

    Where there is only one, or where none can be read, that is a DataError.
    """
    images, skipped = images_in(source), 0
    for member in images:
        try:
            frame = decode(member.read(), colour=colour, name=member.where)
        except DataError as error:
            if len(images) == 1:
                raise
            voice.say(f"skipped: {error}")
            skipped += 1
            continue
        yield member.where, frame
    if images and skipped == len(images):
        raise DecodeError(f"{source.name}: none of its {counted(skipped, 'image')} can be read: get them again")
    if skipped:
        voice.say(f"{source.name}: {counted(skipped, 'image')} of {len(images)} could not be read and have no answer")


def _frames(source: Source, model: Model, voice: Voice) -> Iterator[Batch]:
    names: list[str] = []
    frames: list[np.ndarray[Any, Any]] = []
    for name, frame in readable(source, voice, colour=getattr(model.input, "channels", 1) == 3):
        if frames and (len(frames) == ROWS or sum(one.nbytes for one in frames) + frame.nbytes > BYTES):
            yield Batch(names, frames)
            names, frames = [], []
        names.append(name)
        frames.append(frame)
    if frames:
        yield Batch(names, frames)


def _dataset(path: str, model: Model, voice: Voice, transpose: bool | None) -> Iterator[Batch]:
    """Let the loaders read what is neither an image nor a table of its own; rows without an answer come first."""
    said = loading_options(model) if transpose is None else {**loading_options(model), "transpose": transpose}
    dataset = mlp_data.load(path, **said)
    check_kind(model, dataset)
    name = next(name for name in UNANSWERED_FIRST if len(dataset.splits.get(name, ())))
    split = dataset.splits[name]
    parts = {"unlabelled": "without answers", "test": "of the test split", "valid": "of the validation split"}
    voice.say(f"{path}: answering the {counted(len(split), 'sample')} {parts.get(name, 'of the training split')}")
    named = iter(split.ids) if split.ids else (f"{path}[{row}]" for row in range(len(split)))
    yield from _named(named, split.x, dataset.submission if name == "unlabelled" else None)
