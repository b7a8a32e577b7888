"""A scene is all that the page must know of a training besides its weights: the layers, and some rows to look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import mlp_runtime
from mlp_data.dataset import Split
from mlp_data.table_rows import TableRows
from mlp_runtime import Model
from mlp_runtime.inputs import Input, TableInput, VectorInput
from mlp_train import export
from mlp_train.array import Array
from mlp_train.hint_facts import Facts, look_at
from mlp_train.network import LayerSpec, Network
from mlp_train.plan import Plan

WATCHED = 1500  # held-out rows that mistakes are looked for in
POINTS = 400  # on the plane


@dataclass(frozen=True, eq=False)
class Plane:
    """Samples of two numbers each, as points. axes: what the numbers are called. points: (n, 2), y: their answers."""

    axes: tuple[str, str]
    points: Array
    y: Array
    is_held_out: Array  # (n,) bool

    def grid(self, size: int) -> tuple[Array, Array, Array]:
        """Return the lowest and the highest corner of the plane, and its places (size * size, 2) from the top left."""
        low, high = self.points.min(axis=0), self.points.max(axis=0)
        room = np.where(high > low, (high - low) * 0.15, 0.5)
        low, high = low - room, high + room
        across, down = np.linspace(low[0], high[0], size), np.linspace(high[1], low[1], size)
        return low, high, np.stack(np.meshgrid(across, down), axis=-1).reshape(-1, 2).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Scene:
    """What stays the same during one training. x: prepared rows that are watched, y: their answers, cells: as read."""

    name: str
    kind: str
    task: str
    classes: tuple[str, ...]
    layers: tuple[LayerSpec, ...]
    dtype: str
    input: Input
    output: Mapping[str, Any]
    provenance: Mapping[str, Any]
    config: Mapping[str, Any]
    split: str
    x: Array
    y: Array
    cells: Mapping[str, list[Any]] | None
    plane: Plane | None = None
    facts: Facts = field(default_factory=Facts)

    def network(self, flat: Array) -> Network:
        """Return the network with these parameters."""
        return Network(self.layers, self.dtype, flat)

    def model_file(self, flat: Array, epoch: int) -> bytes:
        """Return the model file of the network with these parameters, as it would be after `epoch` epochs."""
        network = self.network(flat)
        layers = [
            (weight, bias, spec.activation, dict(spec.parameters))
            for weight, bias, spec in zip(network.weights, network.biases, self.layers, strict=True)
        ]
        training = {**self.provenance, "epoch": epoch}
        return export.to_bytes(self.input, layers, self.output, meta={"name": self.name}, training=training)

    def model(self, flat: Array, epoch: int) -> Model:
        """Return the model as the device would load it; the file was checked when it was made."""
        return mlp_runtime.load(self.model_file(flat, epoch), verify=False, selftest=False)

    def rows(self, points: Array) -> Array:
        """Return points of the plane (n, 2) as the network gets them."""
        assert self.plane is not None
        raw: Any = points
        if isinstance(self.input, TableInput):
            raw = {axis: points[:, at].tolist() for at, axis in enumerate(self.plane.axes)}
        return self.input.scale(self.input.prepare(raw, True))


def make_scene(plan: Plan) -> Scene:
    """Return the scene of a training that was settled."""
    dataset = plan.dataset
    split = "valid" if plan.valid is not None else "train"
    shown = _some(dataset.splits[split], WATCHED)
    assert shown.y is not None
    return Scene(
        name=dataset.name,
        kind=dataset.kind,
        task=dataset.task,
        classes=dataset.classes,
        layers=plan.layers,
        dtype=plan.config.dtype,
        input=plan.input,
        output=plan.output,
        provenance=plan.provenance(),
        config={**plan.config.model_dump(mode="json"), **dataset.load_options},
        split=split,
        x=plan.input.prepare(shown.x, True),
        y=shown.y,
        cells=_cells(shown, plan.input),
        plane=_plane(plan),
        facts=look_at(dataset),
    )


def _some(split: Split, most: int) -> Split:
    """Return a split, or so many of its rows at even distances."""
    if len(split) <= most:
        return split
    return split.take(np.linspace(0, len(split) - 1, most).astype(np.int64))


def _cells(split: Split, prepared: Input) -> Mapping[str, list[Any]] | None:
    """Return the cells of rows by column, of those columns that the network gets; None of images."""
    if isinstance(prepared, TableInput):
        table = split.x[0 : len(split)] if isinstance(split.x, TableRows) else split.x
        assert isinstance(table, Mapping)
        used = dict.fromkeys(column.name for column in prepared.columns)
        return {name: list(table[name]) for name in used}
    if isinstance(prepared, VectorInput):
        rows = np.asarray(split.x)
        names = prepared.names or [f"feature {at}" for at in range(rows.shape[1])]
        return {name: rows[:, at].tolist() for at, name in enumerate(names[:40])}
    return None


def _plane(plan: Plan) -> Plane | None:
    """Return the samples as points, if each is two numbers."""
    axes = _axes(plan.input)
    if axes is None:
        return None
    points: list[Array] = []
    y: list[Array] = []
    held_out: list[Array] = []
    for name in ("train", "valid"):
        if name in plan.dataset.splits:
            split = _some(plan.dataset.splits[name], POINTS)
            cells = _cells(split, plan.input)
            assert cells is not None
            assert split.y is not None
            rows = np.stack([np.array([_number(cell) for cell in cells[axis]]) for axis in axes], axis=1)
            points.append(rows)
            y.append(split.y)
            held_out.append(np.full(len(rows), name == "valid"))
    rows, answers, held = np.concatenate(points), np.concatenate(y), np.concatenate(held_out)
    known = np.isfinite(rows).all(axis=1)
    if answers.ndim != 1 or not known.any():
        return None
    return Plane(axes, rows[known], answers[known], held[known])


def _axes(prepared: Input) -> tuple[str, str] | None:
    if isinstance(prepared, VectorInput) and prepared.size == 2:
        names = prepared.names or ("feature 0", "feature 1")
        return names[0], names[1]
    if isinstance(prepared, TableInput) and {column.type for column in prepared.columns} == {"number"}:
        used = tuple(dict.fromkeys(column.name for column in prepared.columns))
        return (used[0], used[1]) if len(used) == 2 else None
    return None


def _number(cell: Any) -> float:
    try:
        return float(cell)
    except (TypeError, ValueError):
        return float("nan")
