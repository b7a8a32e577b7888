"""A network that is being taken over grows here layer by layer, in float64, from what the other program says of it.

Three things can follow each other: what a number of the input is (a block), a layer, and a scaling that belongs to the
layer before or after it. Nothing is approximated: what a network of layers cannot be is refused by name.

Shapes: weight (n_in, n_out), bias (n_out,), scale and shift (n_out,); rows are samples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mlp_runtime.schema import MAX_WIDTH
from mlp_train.array import Array
from mlp_train.errors import ForeignModelError

Layer = tuple[Array, Array, str, Mapping[str, float]]  # as mlp_train.export has it

MAX_LAYERS = 1000  # more do not fit into the header of a model file
MAX_SQUARE = 4096  # of an activation or a scaling that gets a layer of its own, n x n weights ...
MAX_SPARE = 2**25  # ... which all such layers together may have


@dataclass(frozen=True, eq=False)
class Numbers:
    """Numbers of the input at `places` of `source`, as (x - mean) * scale; all arrays (n,).

    fill: what is read where one is missing, None where none may be. low, high: what each is kept within, if anything,
    as the bins of a number are.
    """

    source: str
    places: Array
    mean: Array
    scale: Array
    fill: Array | None = None
    low: Array | None = None
    high: Array | None = None

    @property
    def width(self) -> int:
        """How many numbers the network gets from it."""
        return len(self.places)

    def take(self, which: Array) -> Numbers:
        """Return those of the numbers."""
        parts = (None if part is None else part[which] for part in (self.fill, self.low, self.high))
        return Numbers(self.source, self.places[which], self.mean[which], self.scale[which], *parts)

    @property
    def is_limited(self) -> bool:
        """Whether the numbers are kept within something."""
        return self.low is not None or self.high is not None


@dataclass(frozen=True, eq=False)
class Category:
    """One number for each of `values`, 1 where the cell at `place` of `source` has that text; `fill` if it is missing.

    gap: one more number says whether the cell is missing. strict: the source takes no text that is not among `values`.
    """

    source: str
    place: int
    values: tuple[str, ...]
    fill: str | None = None
    gap: bool = False
    strict: bool = False

    @property
    def width(self) -> int:
        """How many numbers the network gets from it."""
        return len(self.values) + self.gap

    def take(self, which: Array) -> Category:
        """Return those of the numbers."""
        kept = [int(index) for index in which]
        gap = bool(kept) and kept[-1] == len(self.values)
        values = tuple(self.values[index] for index in (kept[:-1] if gap else kept) if index < len(self.values))
        if len(set(kept)) != len(kept) or len(values) + gap != len(kept):
            raise ForeignModelError("the numbers of a category are taken twice or in another order: keep their order")
        return replace(self, values=values, gap=gap)


@dataclass(frozen=True, eq=False)
class Gaps:
    """For each of `places` of `source` 1 where the number is missing, else 0."""

    source: str
    places: Array

    @property
    def width(self) -> int:
        """How many numbers the network gets from it."""
        return len(self.places)

    def take(self, which: Array) -> Gaps:
        """Return those of the numbers."""
        return Gaps(self.source, self.places[which])


Block = Numbers | Category | Gaps


def raw_numbers(source: str, width: int) -> Numbers:
    """Return all numbers of an input as they come."""
    return Numbers(source, np.arange(width), np.zeros(width), np.ones(width))


@dataclass(frozen=True, eq=False)
class Net:
    """What is known so far: blocks of the input, layers, and a scaling `x * scale + shift` that no layer has taken yet.

    sides: the shape of one sample, which is more than (width,) where pixels stand in rows. spare: how many weights the
    layers have that only hand numbers on.
    """

    blocks: tuple[Block, ...]
    layers: tuple[Layer, ...] = ()
    scale: Array | None = None
    shift: Array | None = None
    sides: tuple[int, ...] = ()
    spare: int = 0

    @property
    def width(self) -> int:
        """How many numbers a sample has here."""
        return len(self.layers[-1][1]) if self.layers else sum(block.width for block in self.blocks)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one sample."""
        return self.sides or (self.width,)

    def shaped(self, sides: Sequence[int]) -> Net:
        """Return the same numbers in another shape."""
        return replace(self, sides=tuple(sides))

    def dense(self, weight: Array, bias: Array | None, where: str) -> Net:
        """Add a layer without an activation, `x @ weight + bias`."""
        if len(self.shape) != 1:
            raise ForeignModelError(f"{where} is given samples of the shape {self.shape}, not rows of numbers")
        weight = np.asarray(weight, np.float64)
        if weight.ndim != 2 or weight.shape[0] != self.width:
            raise ForeignModelError(
                f"{where} has a weight of the shape {weight.shape}, but is given {self.width} numbers"
            )
        if len(self.layers) == MAX_LAYERS:
            raise ForeignModelError(f"{where} would be the {MAX_LAYERS + 1:,}th layer: at most {MAX_LAYERS:,} are read")
        if not 1 <= weight.shape[1] <= MAX_WIDTH:
            raise ForeignModelError(f"{where} gives {weight.shape[1]} numbers: a layer gives 1 to {MAX_WIDTH:,}")
        full = np.zeros(weight.shape[1])
        if bias is not None:
            full += spread(bias, (weight.shape[1],), where)
        if self.scale is not None and self.shift is not None:
            full += self.shift @ weight
            weight = self.scale[:, None] * weight
        return Net(self.blocks, (*self.layers, (weight, full, "identity", {})), spare=self.spare)

    def activate(self, name: str, parameters: Mapping[str, float], where: str) -> Net:
        """Add an activation: that of the last layer if it has none yet, else that of a layer which changes nothing."""
        if name == "identity":
            return self
        if name == "softmax" and len(self.shape) != 1:
            raise ForeignModelError(f"{where} is given samples of the shape {self.shape}, not rows of numbers")
        ready = self if self._is_open else self._squared(where)
        *first, (weight, bias, _, _) = ready.layers
        return replace(ready, layers=(*first, (weight, bias, name, dict(parameters))), sides=self.sides)

    def scaled(self, scale: Array | float, shift: Array | float, where: str) -> Net:
        """Add `x * scale + shift`; both broadcast to the shape of a sample."""
        by, to = (spread(values, self.shape, where) for values in (scale, shift))
        if (by == 1).all() and (to == 0).all():
            return self
        if self._is_open:
            *first, (weight, bias, name, parameters) = self.layers
            return replace(self, layers=(*first, (weight * by, bias * by + to, name, parameters)))
        if not self.layers and (by != 0).all():
            made = self._absorbed(-to / by, by)
            if made is not None:
                return made
        if self.scale is not None and self.shift is not None:
            by, to = self.scale * by, self.shift * by + to
        return replace(self, scale=by, shift=to)

    def centred(self, mean: Array | float, scale: Array | float, where: str) -> Net:
        """Add `(x - mean) * scale`, which of an input stays in this form: a large mean then costs no digits."""
        less, by = (spread(values, self.shape, where) for values in (mean, scale))
        made = None if self.layers else self._absorbed(less, by)
        return self.scaled(by, -less * by, where) if made is None else made

    def _absorbed(self, mean: Array, scale: Array) -> Net | None:
        """Return the input with `(x - mean) * scale` in those of its blocks that can hold it; the rest is left over."""
        if self.scale is not None:
            return None
        blocks: list[Block] = []
        left, shift = np.ones(self.width), np.zeros(self.width)
        start = 0
        for block in self.blocks:
            part = slice(start, start + block.width)
            m, s = mean[part], scale[part]
            start = part.stop
            if not isinstance(block, Numbers) or block.is_limited or ((block.scale == 0) & (m != 0)).any():
                left[part], shift[part] = s, -m * s
                blocks.append(block)
                continue
            safe = np.where(block.scale == 0, 1.0, block.scale)
            blocks.append(replace(block, mean=block.mean + m / safe, scale=block.scale * s))
        if (left == 1).all() and (shift == 0).all():
            return replace(self, blocks=tuple(blocks))
        return replace(self, blocks=tuple(blocks), scale=left, shift=shift)

    def limited(self, key: str, values: Array, where: str) -> Net:
        """Return the input with each number kept above (key low) or below (high) one of its own."""
        if self.layers or self.scale is not None or values.shape != (self.width,) or np.isnan(values).any():
            raise ForeignModelError(f"{where} has another limit for every number, which no layer has")
        blocks: list[Block] = []
        start = 0
        for block in self.blocks:
            part = values[start : start + block.width]
            start += block.width
            if not (part == (-np.inf if key == "low" else np.inf)).all():
                if not isinstance(block, Numbers) or getattr(block, key) is not None:
                    raise ForeignModelError(f"{where} has another limit for every number, which no layer has")
                block = replace(block, low=part) if key == "low" else replace(block, high=part)
            blocks.append(block)
        return replace(self, blocks=tuple(blocks))

    def selected(self, which: Array, where: str) -> Net:
        """Return the numbers at those places, in that order."""
        which = np.asarray(which, np.int64)
        if which.ndim != 1 or not len(which) or len(which) > MAX_WIDTH or len(self.shape) != 1:
            raise ForeignModelError(f"{where} takes numbers out of samples of the shape {self.shape}: a row has them")
        which = np.where(which < 0, which + self.width, which)
        if (which < 0).any() or (which >= self.width).any():
            raise ForeignModelError(f"{where} takes the number {int(which.max())} of only {self.width}")
        if np.array_equal(which, np.arange(self.width)):
            return self
        scale, shift = (None if left is None else left[which] for left in (self.scale, self.shift))
        if self.layers:
            *first, (weight, bias, name, parameters) = self.layers
            if name == "softmax":
                raise ForeignModelError(f"{where} takes single numbers out of a softmax, which no layer can")
            if len(weight) * len(which) > max(MAX_SPARE, weight.size):
                raise ForeignModelError(f"{where} takes {len(which):,} numbers, the same ones again and again")
            made = weight[:, which], bias[which], name, parameters
            return Net(self.blocks, (*first, made), scale, shift, spare=self.spare)
        starts = np.cumsum([0, *(block.width for block in self.blocks)])
        homes = np.searchsorted(starts, which, side="right") - 1
        cuts = np.flatnonzero(np.diff(homes)) + 1
        runs = zip(np.split(homes, cuts), np.split(which, cuts), strict=True)
        blocks = tuple(self.blocks[int(home[0])].take(run - starts[home[0]]) for home, run in runs)
        return Net(blocks, (), scale, shift)

    def finished(self, where: str) -> Net:
        """Return a network whose last number comes from a layer, with no scaling left."""
        return self if self.layers and self.scale is None else self._squared(where)

    @property
    def _is_open(self) -> bool:
        """Whether the last layer has no activation yet, so that it takes one, or a scaling."""
        return bool(self.layers) and self.layers[-1][2] == "identity" and self.scale is None

    def _squared(self, where: str) -> Net:
        """Add a layer that hands every number on, scaled by what is left to scale."""
        if self.width > MAX_SQUARE:
            raise ForeignModelError(
                f"{where} would need a layer of {self.width} x {self.width} weights of its own: at most {MAX_SQUARE}"
            )
        spare = self.spare + self.width**2
        if spare > MAX_SPARE:
            raise ForeignModelError(
                f"{where} is one of many that need a layer of their own, with {spare:,} weights in all: at most "
                f"{MAX_SPARE:,}"
            )
        return replace(self, sides=(), spare=spare).dense(np.eye(self.width), None, where)


def joined(nets: Sequence[Net], where: str) -> Net:
    """Return the numbers of several parts of an input beside each other."""
    if any(net.layers for net in nets):
        raise ForeignModelError(
            f"{where} joins what was computed in several ways: only a sequence of layers can be taken"
        )
    width = sum(net.width for net in nets)
    if width > MAX_WIDTH:
        raise ForeignModelError(f"{where} gives {width:,} numbers: at most {MAX_WIDTH:,}")
    made = Net(tuple(_merged([block for net in nets for block in net.blocks])))
    if any(net.scale is not None for net in nets):
        scales = [np.ones(net.width) if net.scale is None else net.scale for net in nets]
        shifts = [np.zeros(net.width) if net.shift is None else net.shift for net in nets]
        made = replace(made, scale=np.concatenate(scales), shift=np.concatenate(shifts))
    return made


def _merged(blocks: Sequence[Block]) -> list[Block]:
    """Return blocks with those made one that read the same number, as the bins of a number do before their limits."""
    made: list[Block] = []
    for block in blocks:
        last = made[-1] if made else None
        if isinstance(block, Numbers) and isinstance(last, Numbers) and _are_alike(block, last):
            places, mean, scale = (
                np.append(getattr(last, key), getattr(block, key)) for key in ("places", "mean", "scale")
            )
            fill = None if last.fill is None or block.fill is None else np.append(last.fill, block.fill)
            made[-1] = Numbers(block.source, places, mean, scale, fill)
        else:
            made.append(block)
    return made


def _are_alike(block: Numbers, last: Numbers) -> bool:
    same = block.source == last.source and set(block.places.tolist()) == {last.places[-1]} and len(block.places) == 1
    return same and (block.fill is None) == (last.fill is None) and not (block.is_limited or last.is_limited)


def spread(values: Array | float, shape: tuple[int, ...], where: str) -> Array:
    """Return constants, broadcast to the shape of a sample, as one row of finite float64."""
    array = np.asarray(values, np.float64)
    while array.ndim > len(shape) and array.shape[0] == 1:
        array = array[0]
    try:
        row = np.broadcast_to(array, shape).reshape(-1)
    except ValueError:
        raise ForeignModelError(f"{where} has constants of the shape {array.shape} for samples of {shape}") from None
    if not np.isfinite(row).all():
        raise ForeignModelError(f"{where} has constants that are not finite")
    return row


def short(value: float) -> float:
    """Return a number with as few digits as float32 needs: 0.01, not 0.009999999776."""
    with np.errstate(over="ignore"):
        return float(str(np.float32(value)))
