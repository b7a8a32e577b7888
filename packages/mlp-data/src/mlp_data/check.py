"""Checking a dataset finds what would spoil its training or its test, before any time is spent on either."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from mlp_data.cells import listed, numbers
from mlp_data.dataset import Dataset, Samples, Split
from mlp_data.labels import Array
from mlp_data.options import Options
from mlp_data.rows import FileRows, blocks
from mlp_data.table import spread, typed_columns
from mlp_data.table_rows import TableRows

_UNEVEN = 10  # times as many samples in the largest class as in the smallest
_FEW = 10  # samples of a class, below which a network can hardly learn more than those samples
_NAMED = 3  # samples that are named one by one; the others are counted
_FAR = 50  # spreads from the middle: no measurement, or a unit that was mistaken


def problems(dataset: Dataset) -> tuple[str, ...]:
    """Return what looks wrong with a dataset, one plain sentence each; nothing here keeps it from being trained on.

    >>> from mlp_data.dataset import from_arrays
    >>> problems(from_arrays([[0.0, 5.0]] * 30, ["a", "b"] * 15))[1]
    'train: 28 of 30 samples equal an earlier one with the same answer: they add nothing'
    """
    return (*_classes(dataset), *_samples(dataset), *_repeated(dataset))


def _classes(dataset: Dataset) -> Iterator[str]:
    train = dataset.splits.get("train")
    if train is None or train.y is None:
        return
    if dataset.task != "classification":
        if len(train) < _FEW * 2:
            yield f"train: there are only {len(train)} samples: what is learned from so few may not hold for others"
        return
    counts = np.bincount(train.y, minlength=len(dataset.classes))
    names = np.array(dataset.classes, object)
    if len(lacking := names[counts == 0]):
        yield f"train: no sample shows the class {listed(lacking)}: it can never be the answer"
    if len(few := names[(counts > 0) & (counts < _FEW)]):
        least = int(counts[counts > 0].min())
        yield f"train: there are fewer than {_FEW} samples (down to {least}) of the class {listed(few)}: add some"
    present = np.flatnonzero(counts)
    if len(present):
        rare, common = present[counts[present].argmin()], present[counts[present].argmax()]
        if counts[common] >= _UNEVEN * counts[rare]:
            yield (
                f"train: the classes are uneven: {names[common]!r} has {counts[common]} samples and {names[rare]!r} "
                f"{counts[rare]}, so look at more than the accuracy"
            )
    for split in ("valid", "test"):
        held = dataset.splits.get(split)
        if held is not None and held.y is not None and len(held):
            absent = names[(np.bincount(held.y, minlength=len(names)) == 0) & (counts > 0)]
            if len(absent):
                yield f"{split}: no sample shows the class {listed(absent)}: its accuracy remains unknown"


def _samples(dataset: Dataset) -> Iterator[str]:
    """Look at each split's samples for what no network can learn from."""
    for name, split in dataset.splits.items():
        if isinstance(split.x, dict | TableRows):
            continue
        if dataset.kind == "image":
            plain = _one_colour(split.x)
            if len(plain):
                yield (
                    f"{name}: {len(plain)} of {len(split)} images are of one colour (the first is number "
                    f"{plain[0]}, counted from 0): they show nothing"
                )
        elif len(bad := _not_finite(split.x)):
            where = f"the first in row {bad[0, 0]}, column {bad[0, 1]}"
            yield f"{name}: {len(bad)} values are not finite numbers, {where}: fill or drop them"
    train = dataset.splits.get("train")
    if train is not None and isinstance(train.x, dict | TableRows):
        yield from _columns(train.x.columns if isinstance(train.x, TableRows) else train.x, dataset)
    elif train is not None and dataset.kind == "vector" and len(train) > 1:
        first = next(_arrays(train.x))[0]
        same = np.flatnonzero(np.logical_and.reduce([(x == first).all(axis=0) for x in _arrays(train.x)]))
        if len(same):
            known = dataset.input_options.get("names")
            label = listed((known[i] if known else str(i)) for i in same)
            yield f"train: the feature {label} has the same value in every sample: it tells nothing"


def _columns(table: Mapping[str, Sequence[Any]], dataset: Dataset) -> Iterator[str]:
    asked = {name: type_ for name, type_ in dataset.input_options.get("columns", {}).items() if name in table}
    for cells, column in typed_columns(table, Options(columns=asked)):
        name = column.name
        # a column without any value is left out, and said to be
        if len(cells) > column.missing > len(cells) / 2:
            yield f"train: column {name!r} is empty in {column.missing} of {len(cells)} rows"
        if column.type == "number":
            finite = numbers(cells).finite
            far = np.abs(finite - np.median(finite)) / spread(finite)
            if far.max() > _FAR:
                value = finite[far.argmax()]
                yield f"train: column {name!r} holds {value:g}, {far.max():.0f} spreads from its middle: is that right?"


def _one_colour(x: Any) -> Array:
    """Return the indices of the images whose pixels are all alike."""
    if isinstance(x, list):
        return np.array([i for i, frame in enumerate(x) if (frame == frame[0, 0]).all()], np.int64)
    found = []
    start = 0
    for frames in blocks(x):
        pixels = frames.reshape(len(frames), frames.shape[1] * frames.shape[2], -1)
        some = np.flatnonzero((pixels[:, ::7] == pixels[:, :1]).all(axis=(1, 2)))  # most images show it in a few pixels
        found.append(some[(pixels[some] == pixels[some, :1]).all(axis=(1, 2))] + start)
        start += len(frames)
    return np.concatenate(found)


def _not_finite(x: Any) -> Array:
    """Return row and column of every value that is not a finite number."""
    found = []
    start = 0
    for rows in _arrays(x):
        found.append(np.argwhere(~np.isfinite(rows)) + np.array([start, 0]))
        start += len(rows)
    return np.concatenate(found)


def _arrays(x: Any) -> Iterator[Array]:
    """Yield vectors as arrays, whatever holds them."""
    return blocks(x if isinstance(x, FileRows) else np.asarray(x))


def _repeated(dataset: Dataset) -> Iterator[str]:
    """Look for samples that occur more than once: in a split, or in one for training and one for testing."""
    splits = {name: split for name, split in dataset.splits.items() if name != "unlabelled" and split.y is not None}
    if "train" not in splits:
        return
    groups = _alike([split.x for split in splits.values()])
    found = dict(zip(splits, groups, strict=True))
    yield from _repeated_in_train(dataset, splits["train"], found["train"])
    for name, ids in found.items():
        if name != "train":
            yield from _in_both(dataset, name, ids, found["train"])


def _repeated_in_train(dataset: Dataset, train: Split, ids: Array) -> Iterator[str]:
    answers = np.unique(np.asarray(train.y), axis=0, return_inverse=True)[1].reshape(-1)
    answered = np.unique(ids * (answers.max() + 1) + answers)  # one number for each sample with its answer
    repeats = len(ids) - len(answered)
    if repeats:
        yield f"train: {repeats} of {len(ids)} samples equal an earlier one with the same answer: they add nothing"
    at_odds = np.flatnonzero(np.bincount(answered // (answers.max() + 1)) > 1)
    if len(at_odds):
        pairs = []
        for group in at_odds[:_NAMED]:
            first, *others = np.flatnonzero(ids == group)
            other = next(row for row in others if answers[row] != answers[first])
            pairs.append(" and ".join(_called(dataset, "train", int(row), answer=True) for row in (first, other)))
        yield (
            f"train: {len(at_odds)} samples occur again with another answer, such as {', '.join(pairs)}: "
            f"one of the answers must be wrong, or something that tells them apart is missing"
        )


def _in_both(dataset: Dataset, name: str, ids: Array, trained: Array) -> Iterator[str]:
    """Say which samples of a split are in the training split as well, and which of them have another answer there."""
    shared = np.flatnonzero(np.isin(ids, trained))
    if not len(shared):
        return
    values, first = np.unique(trained, return_index=True)
    there = first[np.searchsorted(values, ids[shared])]  # where each of them is first in the training split

    def pairs(which: Array, answer: bool) -> str:
        both = zip(shared[which][:_NAMED], there[which][:_NAMED], strict=True)
        return ", ".join(
            f"{_called(dataset, name, row, answer)} and {_called(dataset, 'train', other, answer)}"
            for row, other in both
        )

    yield (
        f"{name}: {len(shared)} of {len(ids)} samples are in the training split too, such as "
        f"{pairs(np.arange(len(shared)), answer=False)}: the result will look better than it is"
    )
    y, trained_y = np.asarray(dataset.splits[name].y), np.asarray(dataset.splits["train"].y)
    differ = y[shared] != trained_y[there]
    at_odds = np.flatnonzero(differ.any(axis=1) if differ.ndim == 2 else differ)
    if len(at_odds):
        yield (
            f"{name}: {len(at_odds)} samples have another answer in the training split, such as "
            f"{pairs(at_odds, answer=True)}: one of the answers must be wrong"
        )


def _called(dataset: Dataset, name: str, row: int, answer: bool = False) -> str:
    """Name a sample by its file, or else by its place in its split, and its answer if that matters."""
    split = dataset.splits[name]
    called = repr(split.ids[row]) if split.ids else f"{name}[{row}]"
    if not answer or split.y is None:
        return called
    if split.y.ndim == 2:
        true = [name for name, is_true in zip(dataset.classes, split.y[row], strict=True) if is_true]
        return f"{called} ({repr(', '.join(true)) if true else 'none'})"
    value = repr(dataset.classes[split.y[row]]) if dataset.classes else f"{split.y[row]:g}"
    return f"{called} ({value})"


def _alike(parts: list[Samples]) -> list[Array]:
    """Return for each sample of each part a number that only its equals share."""
    lengths = np.cumsum([len(Split(part)) for part in parts])[:-1]
    arrays = [part for part in parts if isinstance(part, np.ndarray | FileRows)]
    if len(arrays) == len(parts) and len({(*part.shape[1:], part.dtype) for part in arrays}) == 1:
        keys = np.concatenate([_fingerprints(block) for part in arrays for block in blocks(part)])
        _, first, ids = np.unique(keys, return_index=True, return_inverse=True)
        if not any(isinstance(part, FileRows) for part in arrays):  # comparing those on disk would read all once more
            rows = np.concatenate([np.asarray(part).reshape(len(part), -1) for part in arrays])
            again = np.flatnonzero(first[ids] != np.arange(len(rows)))
            if (rows[first[ids[again]]] != rows[again]).any():  # different samples share a fingerprint: compare bytes
                ids = np.unique([row.tobytes() for row in rows], return_inverse=True)[1]
        return np.split(ids, lengths)
    if any(isinstance(part, TableRows) for part in parts):
        short = (int.from_bytes(digest[:8], "little") for part in parts for digest in _digests(part))
        keys = np.fromiter(short, np.uint64)  # 8 bytes a row; that two different rows share one is next to impossible
        return np.split(np.unique(keys, return_inverse=True)[1], lengths)
    digests = [digest for part in parts for digest in _digests(part)]
    return np.split(np.unique(np.array(digests), return_inverse=True)[1], lengths)


def _fingerprints(samples: Array) -> Array:
    """Return a uint64 for each sample: the sum of its 8-byte words, each times its own odd random number."""
    content = np.ascontiguousarray(samples.reshape(len(samples), -1)).view(np.uint8)
    if content.shape[1] % 8:
        content = np.pad(content, ((0, 0), (0, -content.shape[1] % 8)))
    words = content.view(np.uint64)
    factors = np.random.default_rng(0).integers(2**63, size=words.shape[1], dtype=np.uint64) * np.uint64(2) + np.uint64(
        1
    )
    return words @ factors  # wraps around, as is wanted


def _digests(part: Samples) -> Iterator[bytes]:
    if isinstance(part, dict | TableRows):
        for table in [part] if isinstance(part, dict) else part.blocks():
            for row in zip(*table.values(), strict=True):
                yield hashlib.blake2b(repr(row).encode(), digest_size=16).digest()
        return
    for frame in part:
        yield hashlib.blake2b(repr(frame.shape).encode() + frame.tobytes(), digest_size=16).digest()
