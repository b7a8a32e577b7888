"""What a value of an ONNX graph can be: constants are arrays, networks are `Net` and `Curve`, and here is the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from mlp_runtime.errors import shown
from mlp_train.array import Array
from mlp_train.errors import ForeignModelError
from mlp_train.importers.curves import Curve, start
from mlp_train.importers.net import Net, Numbers

BATCH = -(2**40)  # stands for the number of samples in the shapes that a graph computes


@dataclass(frozen=True)
class Cells:
    """Texts of the input: a (source, place) each."""

    spots: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Looked:
    """The place of a text in a list, as LabelEncoder gives it; an empty text is a missing cell."""

    spot: tuple[str, int]
    places: Mapping[str, int]


@dataclass(frozen=True)
class Missing:
    """Which numbers of an input are NaN."""

    of: Net


@dataclass(frozen=True)
class Pair:
    """The probabilities of two classes, 1 - p and p, of which the network has p."""

    of: Net


@dataclass(frozen=True)
class Total:
    """The sum of each row."""

    of: Curve


@dataclass(frozen=True)
class Top:
    """The place of the greatest of some numbers."""

    of: Any


@dataclass(frozen=True)
class Labels:
    """The names of the answers; names is None where the graph gives their places alone."""

    names: tuple[str, ...] | None


@dataclass(frozen=True)
class Reaches:
    """Which numbers are at least a threshold."""

    of: Net
    threshold: float


@dataclass(frozen=True)
class Zipped:
    """Probabilities with the names of their classes; `name` is that of the probabilities in the graph."""

    of: Any
    names: tuple[str, ...]
    name: str


Value: TypeAlias = Any  # one of the above, a Net, a Curve, an array, or None where a node gives nothing that is known


@dataclass(frozen=True)
class Step:
    """One node with what it is given."""

    op: str
    where: str  # how an error names it
    inputs: list[Value]
    input_names: list[str]
    attributes: Mapping[str, Any]
    opset: int
    samples: int  # what the graph fixes their number to, 0 for any
    room: int  # numbers that a folded constant may have
    outputs: int = field(default=1)

    def given(self, index: int) -> Value:
        """Return an input, None where there is none."""
        return self.inputs[index] if index < len(self.inputs) else None

    def net(self, index: int = 0) -> Net:
        """Return an input as a network, or refuse it."""
        value = self.given(index)
        if isinstance(value, Curve):
            return value.net
        if isinstance(value, Net):
            return value
        raise self.unwanted(index)

    def curve(self, index: int = 0) -> Curve:
        """Return an input as a curve, or refuse it."""
        value = self.given(index)
        if isinstance(value, Net):
            return start(value, self.where)
        if isinstance(value, Curve):
            return value
        raise self.unwanted(index)

    def constant(self, index: int, name: str = "") -> Array:
        """Return a constant input, or an attribute of that name as older opsets have it; refuse anything else."""
        value = self.given(index)
        if value is None and name in self.attributes:
            value = self.attributes[name]
        if not isinstance(value, np.ndarray):
            raise self.unwanted(index)
        return value

    def unwanted(self, index: int) -> ForeignModelError:
        """Return the error for an input that the node cannot be read with."""
        value = self.given(index)
        what = {"Net": "numbers that were computed", "Curve": "numbers that were computed", "ndarray": "a constant"}
        kind = type(value).__name__
        said = what.get(kind, {"NoneType": "nothing", "Cells": "texts"}.get(kind, f"what is a {kind.lower()} here"))
        return ForeignModelError(
            f"{self.where} is given {said} as input {index}, with which no layer can be made of it"
        )

    def refused(self, why: str) -> ForeignModelError:
        """Return the error that names the node."""
        return ForeignModelError(f"{self.where} {why}")


def raw(value: Value) -> list[tuple[str, int]] | None:
    """Return which cells of the input a value is, as they came; None if it is anything else."""
    if isinstance(value, Cells):
        return list(value.spots)
    if isinstance(value, Curve) and value.before is None:
        value = value.base
    if not isinstance(value, Net) or value.layers or value.scale is not None:
        return None
    spots: list[tuple[str, int]] = []
    for block in value.blocks:
        if (
            not isinstance(block, Numbers)
            or block.fill is not None
            or (block.mean != 0).any()
            or (block.scale != 1).any()
        ):
            return None
        spots += [(block.source, place) for place in block.places.tolist()]
    return spots


def node_name(op: str, name: str, domain: str) -> str:
    """Return how an error names a node."""
    family = f"{domain}." if domain not in ("", "ai.onnx", "ai.onnx.ml") else ""
    kind = shown(f"{family}{op}")[1:-1]  # escaped, and cut short
    return f"the node {shown(name)} ({kind})" if name else f"a node {kind} without a name"
