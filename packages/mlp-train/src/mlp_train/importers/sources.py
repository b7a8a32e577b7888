"""What a network was given elsewhere becomes an input of the model file: a vector, an image that is fitted, or a table.

A vector is an array of numbers that are always there. An array of pixels (uint8) is an image. Everything else is a
table: several arrays, texts, cells that may be missing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from mlp_runtime.errors import InputError
from mlp_runtime.inputs import Column, ImageInput, Input, TableInput, VectorInput
from mlp_runtime.schema import MAX_WIDTH
from mlp_train.array import Array
from mlp_train.errors import ForeignModelError
from mlp_train.importers.net import Category, Gaps, Layer, Net, Numbers, short

MAX_COLUMNS = 5000  # more do not fit into the header of a model file
MAX_SPARE = 2**24  # weights that stand for numbers which the network does not use


@dataclass(frozen=True)
class Source:
    """One array that the network is given, (n, *sides). kind: number, whole, bits (0 or 1), text or pixels."""

    name: str
    kind: str
    sides: tuple[int, ...]
    names: tuple[str, ...] | None = None  # of its numbers, in order

    def __post_init__(self) -> None:
        if not 1 <= self.width <= MAX_WIDTH or min(self.sides) < 1:
            raise ForeignModelError(f"the input {self.name!r} has the shape {self.sides}: 1 to {MAX_WIDTH:,} numbers")

    @property
    def width(self) -> int:
        """How many numbers a sample has."""
        return math.prod(self.sides)

    def name_of(self, place: int) -> str:
        """Return what one of its numbers is called."""
        if self.names is not None:
            return self.names[place]
        return self.name if self.width == 1 else f"{self.name}{place}"


def named(sources: Iterable[Source], names: tuple[str, ...] | None) -> list[Source]:
    """Return the sources with names for all their numbers, in order, as a user has given them."""
    found = list(sources)
    if names is None:
        return found
    wanted = sum(source.width for source in found)
    if len(names) != wanted or len(set(names)) != wanted:
        raise ForeignModelError(
            f"{len(names)} names came for the inputs, but there are {wanted}: give each a name of its own"
        )
    rest = iter(names)
    return [replace(source, names=tuple(next(rest) for _ in range(source.width))) for source in found]


@dataclass(frozen=True, eq=False)
class _Slot:
    """Where the numbers of a network stand among those of the input, and how each was scaled: all (n,)."""

    at: Array
    mean: Array
    scale: Array


def assemble(net: Net, sources: Iterable[Source]) -> tuple[Input, list[Layer]]:
    """Return the input, and the layers with the first one's weights in the order of the input's numbers."""
    known = {source.name: source for source in sources}
    used = {block.source for block in net.blocks}
    plain = all(isinstance(one, Numbers) and one.fill is None and not one.is_limited for one in net.blocks)
    try:
        if plain and len(known) == len(used) == 1 and known[next(iter(used))].kind != "text":
            return _array_input(net, known[used.pop()])
        return _table(net, known)
    except InputError as error:
        raise ForeignModelError(f"its input cannot be expressed: {error}") from error


def _array_input(net: Net, source: Source) -> tuple[Input, list[Layer]]:
    at, mean, scale = (
        np.concatenate([getattr(block, key) for block in net.blocks]) for key in ("places", "mean", "scale")
    )
    slot = _Slot(at, mean, scale)
    means, scales = _constants(slot, source.width)
    layers = _fold(net, slot, means, scales)
    size = _frame(source)
    if size is not None and len(set(means)) == len(set(scales)) == 1:
        made: Input = ImageInput(*size, ink="light", fit="none", mean=short(means[0]), scale=short(scales[0]))
        return made, layers
    scaling = {}
    if (means != 0).any():
        scaling["mean"] = means
    if (scales != 1).any():
        scaling["scale"] = scales
    return VectorInput(source.width, source.names, **scaling), layers


def _frame(source: Source) -> tuple[int, int, int] | None:
    """Return height, width and channels of an array of pixels, if it is one."""
    if source.kind != "pixels":
        return None
    sides = source.sides[1:] if len(source.sides) == 3 and source.sides[0] == 1 else source.sides
    if len(sides) == 2:
        return sides[0], sides[1], 1
    return (sides[0], sides[1], sides[2]) if len(sides) == 3 and sides[2] in (1, 3) else None


def _table(net: Net, known: Mapping[str, Source]) -> tuple[Input, list[Layer]]:
    sizes = sum(block.width for block in net.blocks), *(source.width for source in known.values())
    if max(sizes) > MAX_COLUMNS:
        raise ForeignModelError(
            f"its input would be a table of more than {MAX_COLUMNS:,} numbers, too many for a header"
        )
    gaps = {(block.source, int(place)) for block in net.blocks if isinstance(block, Gaps) for place in block.places}
    columns: dict[tuple[object, ...], Column] = {}  # by what it reads, and how
    ends: dict[tuple[str, int], tuple[tuple[object, ...], int]] = {}  # which column says that a cell is missing, where

    def number(source: str, place: int, fill: float | None, mean: float, scale: float) -> tuple[object, ...]:
        key = (source, place, "number", fill)
        if key not in columns:
            missing = (source, place) in gaps and (source, place) not in ends
            if missing:
                ends[source, place] = key, 1
            factor = scale if abs(scale) > np.finfo(np.float32).tiny else 1.0
            name = known[source].name_of(place)
            rounded = short(mean), short(factor)
            columns[key] = Column(name, "number", fill, *rounded, missing=missing)
        return key

    spots: list[tuple[tuple[object, ...], int, float, float]] = []  # of each number: column, place in it, mean, scale
    key: tuple[object, ...]
    for block in net.blocks:
        if isinstance(block, Numbers) and block.is_limited:
            key = (block.source, int(block.places[0]), "bins", *block.mean.tolist())
            cell = (block.source, int(block.places[0]))
            gap = cell in gaps and cell not in ends
            ends |= {cell: (key, block.width)} if gap else {}
            columns[key] = _bins(block, known[block.source].name_of(cell[1]), gap)
            spots += [(key, index, np.nan, np.nan) for index in range(block.width)]  # as the column has them
        elif isinstance(block, Numbers):
            fills = [None] * block.width if block.fill is None else [float(one) for one in block.fill]
            for place, fill, mean, scale in zip(block.places.tolist(), fills, block.mean, block.scale, strict=True):
                spots.append((number(block.source, place, fill, mean, scale), 0, mean, scale))
        elif isinstance(block, Category):
            key = (block.source, block.place, "category", block.values, block.fill, block.gap)
            name = known[block.source].name_of(block.place)
            cell = (block.source, block.place)
            gap = block.gap or (cell in gaps and cell not in ends)
            ends |= {cell: (key, len(block.values))} if gap else {}
            columns[key] = Column(name, "category", block.fill, values=block.values, missing=gap)
            spots += [(key, index, 0.0, 1.0) for index in range(block.width)]
    spots_of_gaps: list[tuple[tuple[object, ...], int, float, float]] = []
    for block in net.blocks:
        for place in block.places.tolist() if isinstance(block, Gaps) else ():
            if (block.source, place) not in ends:
                number(block.source, place, 0.0, 0.0, 1.0)  # its value goes nowhere
            spots_of_gaps.append((*ends[block.source, place], 0.0, 1.0))
    table = TableInput(list(columns.values()))
    starts = dict(
        zip(columns, np.cumsum([0, *(len(column.output_names) for column in columns.values())]), strict=False)
    )
    ordered, plain_ones, gap_ones = [], iter(spots), iter(spots_of_gaps)
    for block in net.blocks:
        ordered += [next(gap_ones if isinstance(block, Gaps) else plain_ones) for _ in range(block.width)]
    at = np.array([starts[key] + index for key, index, _, _ in ordered], np.int64)
    mean, scale = (np.array([one[part] for one in ordered], np.float64) for part in (2, 3))
    slot = _Slot(at, np.where(np.isnan(mean), table.mean[at], mean), np.where(np.isnan(scale), table.factor[at], scale))
    return table, _fold(net, slot, table.mean, table.factor)


def _bins(block: Numbers, name: str, missing: bool) -> Column:
    """Return the column of a number in bins; limits that are no bins are refused."""
    inner = np.full(block.width, np.inf)
    low, high = (
        np.where(np.arange(block.width) == 0, -inner, 0),
        np.where(np.arange(block.width) < block.width - 1, 1, inner),
    )
    widths = 1 / np.where(block.scale == 0, np.nan, block.scale)
    ends = np.append(block.mean, block.mean[-1] + widths[-1])
    is_bins = (
        np.array_equal(block.low, low) and np.array_equal(block.high, high) and len(set(block.places.tolist())) == 1
        if block.low is not None and block.high is not None
        else False
    )
    if not is_bins or not np.allclose(np.diff(ends), widths, rtol=1e-5, atol=0):
        raise ForeignModelError(f"it keeps {name!r} within limits that are no bins of a number: no model file does")
    fill = None if block.fill is None else short(block.fill[0])
    return Column(name, "number", fill, edges=tuple(short(end) for end in ends), missing=missing)


def _constants(slot: _Slot, width: int) -> tuple[Array, Array]:
    """Return the mean and the scale of each number of an array, float32 (width,), by its first use."""
    means, scales = np.zeros(width, np.float32), np.ones(width, np.float32)
    at, first = np.unique(slot.at, return_index=True)
    with np.errstate(over="ignore", under="ignore"):  # what leaves float32 is refused with the input
        means[at], scales[at] = slot.mean[first], slot.scale[first]
    scales[np.abs(scales) < np.finfo(np.float32).tiny] = 1
    return means, scales


def _fold(net: Net, slot: _Slot, means: Array, scales: Array) -> list[Layer]:
    """Return the layers, the first with a weight for every number of the input.

    The constants of the input are float32; what they lost by rounding goes into the weights and the bias.
    """
    (weight, bias, activation, parameters), *rest = net.layers
    if len(means) * weight.shape[1] > max(MAX_SPARE, 4 * weight.size):
        raise ForeignModelError(f"it takes {len(slot.at)} of {len(means):,} inputs: give it those alone")
    m, s = means.astype(np.float64)[slot.at], scales.astype(np.float64)[slot.at]
    full = np.zeros((len(means), weight.shape[1]))
    np.add.at(full, slot.at, (slot.scale / s)[:, None] * weight)
    # (x - mean) * scale = ((x - m) * s) * (scale / s) + (m - mean) * scale
    return [(full, bias + ((m - slot.mean) * slot.scale) @ weight, activation, parameters), *rest]
