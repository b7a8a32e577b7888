"""Nothing is written before it has given the answers of its source: on random inputs, to 1e-5."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import mlp_runtime
from mlp_runtime.errors import shown
from mlp_runtime.inputs import ImageInput, TableInput
from mlp_train.array import Array
from mlp_train.errors import ForeignModelError
from mlp_train.export import to_bytes, write
from mlp_train.importers.answers import Answer, Found, Wishes, answered, renamed
from mlp_train.importers.net import Category, Gaps, Net, Numbers
from mlp_train.importers.sources import Source, assemble, named

ROWS = 256
MAX_CELLS = 2**22  # numbers that the rows hold: of wide inputs there are fewer rows
TOLERANCE = 1e-5  # of the largest answer, or of 1
MOST_TOLD = 12  # classes whose new names a note tells

Feed = Mapping[str, Array]  # of every source (n, width): float64, or objects in which None is a missing cell


@dataclass(frozen=True, eq=False)
class Reference:
    """What the source itself answers: `values(feed)` (n, k), and where it names classes, `labels(feed)`."""

    what: str  # such as "onnxruntime 1.20"
    values: Callable[[Feed], Array]
    labels: Callable[[Feed], Any] | None = None


@dataclass(frozen=True, eq=False)
class Imported:
    """A model that was taken over, and how it compares with its source.

    difference: the largest on `rows` random inputs, as a share of the largest answer where that is above 1; `against`
    says what gave the source's answers. assumed: what the source did not say, one sentence each.
    """

    data: bytes
    model: mlp_runtime.Model
    against: str
    rows: int
    difference: float
    assumed: tuple[str, ...] = field(default=())

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model file, whole or not at all; OutputError where it cannot be written."""
        write(path, self.data)


def taken_over(
    net: Net,
    sources: Iterable[Source],
    found: Found,
    wish: Wishes,
    reference: Reference,
    origin: Mapping[str, Any],
    where: str = "its last layer",
    name: str = "",
) -> Imported:
    """Return the model file of a network, if it answers as its source does; else ForeignModelError says how far off."""
    net, answer = answered(net, found, wish, where)
    known = named(sources, wish.features)
    prepare, layers = assemble(net, known)
    for at, (weight, bias, *_) in enumerate(layers, 1):
        if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
            raise ForeignModelError(f"a weight of layer {at} is not finite, so it answers nothing that can be compared")
    data = to_bytes(prepare, layers, answer.output, meta={**({"name": name} if name else {}), "origin": dict(origin)})
    model = mlp_runtime.load(data)
    feed = random_feed(net, known)
    called = renamed(found, answer)
    difference = _difference(model, answer, feed, known, reference, called)
    if not difference <= TOLERANCE:  # NaN fails too
        raise ForeignModelError(
            f"what was read of it answers otherwise than {reference.what}, by {difference:.2g} where {TOLERANCE:g} is "
            "allowed, so nothing was written"
        )
    told = [f"{shown(old)} is {shown(new)}" for old, new in called.items()]
    told[MOST_TOLD:] = [f"and {len(told) - MOST_TOLD} more"] * (len(told) > MOST_TOLD)
    assumed = ["its classes have new names: " + ", ".join(told)] * bool(told and found.names)
    return Imported(data, model, reference.what, _rows(known), difference, (*answer.assumed, *assumed))


@contextmanager
def unwarned() -> Iterator[None]:
    """Keep what another program warns of its own affairs, or of random inputs, from those who cannot change it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _rows(sources: list[Source]) -> int:
    return max(2, min(ROWS, MAX_CELLS // max(1, sum(source.width for source in sources))))


def _difference(
    model: mlp_runtime.Model,
    answer: Answer,
    feed: Feed,
    sources: list[Source],
    reference: Reference,
    called: Mapping[str, str],
) -> float:
    raw = raw_inputs(model, feed, sources)
    with unwarned():
        wanted = answer.of(reference.values(feed))
    if model.classes:
        given = model.predict_proba(raw)
    else:
        given = np.reshape(model.predict(raw), (len(wanted), -1))
    if given.shape != wanted.shape:
        raise ForeignModelError(
            f"{reference.what} gives answers of the shape {wanted.shape[1:]}, but what was read of it {given.shape[1:]}"
        )
    if not np.isfinite(wanted).all():
        raise ForeignModelError(f"{reference.what} gives numbers that are not finite, which cannot be compared")
    if reference.labels is not None and model.output_kind == "classes" and not answer.made_by:
        with unwarned():
            theirs = np.array([called.get(str(one), str(one)) for one in reference.labels(feed)])
        ours = model.predict(raw)
        best = np.sort(wanted, axis=1)
        clear = best[:, -1] - best[:, -2] > 2 * TOLERANCE  # of equal ones either is right
        if (theirs != ours)[clear].any():
            row = int(np.flatnonzero((theirs != ours) & clear)[0])
            raise ForeignModelError(
                f"{reference.what} answers {shown(str(theirs[row]))} where what was read says {shown(str(ours[row]))}: "
                "where you named the classes, name them in the order of the outputs"
            )
    return float((np.abs(given - wanted) / np.maximum(1, np.abs(wanted).max(axis=0))).max())


def raw_inputs(model: mlp_runtime.Model, feed: Feed, sources: list[Source]) -> Any:
    """Return the rows of a feed as the model takes them."""
    if isinstance(model.input, TableInput):
        return {
            source.name_of(place): feed[source.name][:, place].tolist()
            for source in sources
            for place in range(source.width)
        }
    only = feed[sources[0].name]
    if isinstance(model.input, ImageInput):
        colour = (3,) if model.input.channels == 3 else ()
        return only.reshape(-1, model.input.height, model.input.width, *colour).astype(np.uint8)
    return only


def random_feed(net: Net, sources: list[Source]) -> Feed:
    """Return random inputs that try everything a network reads: spread about the means, gaps, unknown texts."""
    generator = np.random.default_rng(7)
    count = _rows(sources)
    return {source.name: _cells(net, source, count, generator) for source in sources}


def _cells(net: Net, source: Source, count: int, generator: np.random.Generator) -> Array:
    shape = (count, source.width)
    if source.kind in ("pixels", "bits"):
        return generator.integers(0, 256 if source.kind == "pixels" else 2, shape).astype(np.float64)
    mean, spread = np.zeros(source.width), np.ones(source.width)
    blocks = [block for block in net.blocks if block.source == source.name]
    for block in blocks:
        if isinstance(block, Numbers):
            mean[block.places] = block.mean
            spread[block.places] = 1 / np.where(np.abs(block.scale) < 1e-30, 1.0, block.scale)
    limit = float(np.finfo(np.float32).max) / 10
    numbers = np.clip(mean + generator.standard_normal(shape) * spread, -limit, limit)
    cells = np.asarray(np.rint(numbers) if source.kind == "whole" else numbers.astype(np.float32), np.float64)
    plain = all(isinstance(block, Numbers) and block.fill is None for block in blocks)  # no gaps, no texts
    if plain and source.kind != "text":
        return cells
    made = cells.astype(object)
    for block in blocks:
        if isinstance(block, Category):
            pool: list[str | float | None] = [_cell(value, source) for value in block.values]
            pool += [None] if block.fill is not None or block.gap else []
            pool += ["a text that nobody knows"] if source.kind == "text" and not block.strict else []
            made[:, block.place] = [pool[index] for index in generator.integers(0, len(pool), count)]
    for block in blocks:
        if isinstance(block, Gaps) or (isinstance(block, Numbers) and block.fill is not None):
            holes = generator.random((count, block.width)) < 0.2
            for column, place in enumerate(block.places.tolist()):
                made[holes[:, column], place] = None
    return made


def _cell(value: str, source: Source) -> str | float:
    """Return a category's text as the cell that stands for it."""
    if source.kind == "text":
        return value
    try:
        return float(value)
    except ValueError as error:
        raise ForeignModelError(f"it looks for the text {shown(value)} among numbers, where none is") from error
