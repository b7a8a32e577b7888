"""Collecting goes through a run folder and its data, and brings together the values that the report shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

import mlp_runtime
from mlp_data.dataset import SPLITS, Dataset
from mlp_runtime import Model
from mlp_runtime.inputs import ImageInput
from mlp_train.array import Array
from mlp_train.evaluation import Answers, Evaluation, ask, judge
from mlp_train.hints import Hint, advise
from mlp_train.report import png
from mlp_train.report.answers import Bin, Influence, Mistake, influence, mistakes, raw, reliability
from mlp_train.runs import Run, RunContents, read_run

IMAGES, ROWS = 28, 12  # mistakes that are shown
CELLS = 8  # columns of a row that are shown
UNITS, ACROSS, GAP = 48, 12, 2  # first-layer units that are shown, how many in a row, pixels between them
HELD_OUT = "rows that were held out: training watched them to know when to stop, and never learned from them"
TRAINED = "rows that it was trained on, because none were held out: on new rows it will be worse"


@dataclass(frozen=True)
class Looked:
    """What the model says to the rows of one split. note: which rows these are, in words.

    pictures: a data URI of each mistake, where rows are images. cells: the row of each mistake by column, where they
    are tables.
    """

    split: str
    note: str
    answers: Answers
    evaluation: Evaluation
    bins: tuple[Bin, ...]
    mistakes: Sequence[Mistake]
    wrong: int
    influence: Sequence[Influence]
    pictures: Sequence[str] = ()
    cells: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class Values:
    """All that a report shows."""

    name: str
    contents: RunContents
    hints: Sequence[Hint]
    model: Model | None = None
    dataset: Dataset | None = None
    said: Sequence[str] = ()
    looked: Looked | None = None
    weights: str | None = None  # a picture of the first layer
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)  # class -> split -> samples

    @property
    def epochs(self) -> list[dict[str, Any]]:
        """The ends of the epochs."""
        return self.of("EpochEnd")

    @property
    def started(self) -> dict[str, Any]:
        """The beginning of the training."""
        return next(iter(self.of("Started")), {})

    @property
    def finished(self) -> dict[str, Any]:
        """The end of the training; empty where it has not come to it."""
        return self.of("Finished")[-1] if self.contents.finished else {}

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Return the events of one kind."""
        return [event for event in self.contents.events if event.get("event") == kind]


def collect(run: Run, dataset: Dataset | None, said: Sequence[str], found: Sequence[Hint] | None = None) -> Values:
    """Bring together what is in the run folder, and what the model says to the held-out rows of its data."""
    contents = read_run(run.folder)
    model = mlp_runtime.load(run.model) if run.model.is_file() else None
    if found is None:
        found = advise(contents.config, contents.events, dataset, model)
    name = str((model.meta if model else {}).get("name") or contents.config.get("name") or run.folder.resolve().name)
    values = Values(name, contents, found, model, dataset, said)
    if model is not None:
        values = replace(values, weights=_weights(model))
    if dataset is not None:
        values = replace(values, counts=_counts(dataset))
    if model is not None and dataset is not None and model.output_kind in ("classes", "labels", "numbers"):
        values = replace(values, looked=_look(model, dataset))
    return values


def _look(model: Model, dataset: Dataset) -> Looked | None:
    """Ask the model about the held-out rows, or where there are none about those of its training; never about the test.

    The figures of the test split are in the run; which of its rows are wrong, nobody should choose a model by.
    """
    split = next((one for one in ("valid", "train") if len(dataset.splits.get(one, ()))), None)
    if split is None or dataset.splits[split].y is None:
        return None
    part = dataset.splits[split]
    if part.weight is not None and not part.weight.any():
        return None
    answers = ask(model, dataset, [split])
    note = HELD_OUT if split == "valid" else TRAINED
    is_image = dataset.kind == "image"
    worst, wrong = mistakes(answers, part, model.classes, IMAGES if is_image else ROWS)
    moved = influence(model, dataset, part)
    rows = [one.row for one in worst]
    taken: Any = raw(part, rows) if rows else ()
    pictures = [png.frame(np.asarray(taken[i])) for i in range(len(rows))] if is_image and rows else []
    first = [one.name for one in moved]
    cells = [] if is_image or not rows else [_cells(taken, i, first, dataset) for i in range(len(rows))]
    return Looked(
        split, note, answers, judge(model, answers, split, note), reliability(answers), worst, wrong, moved, pictures,
        cells,
    )  # fmt: skip


def _cells(taken: Any, row: int, first: Sequence[str], dataset: Dataset) -> dict[str, Any]:
    """Return the cells of a row, those of the columns that matter most first."""
    if isinstance(taken, Mapping):
        known = [name for name in (*first, *taken) if name in taken]
        return {name: taken[name][row] for name in list(dict.fromkeys(known))[:CELLS]}
    names = list(dataset.input_options.get("names") or [f"feature {i}" for i in range(taken.shape[1])])
    known = [name for name in first if name in names] or names
    return {name: float(taken[row, names.index(name)]) for name in known[:CELLS]}


def _counts(dataset: Dataset) -> dict[str, dict[str, int]]:
    parts = {name: dataset.splits[name].y for name in SPLITS if name in dataset.splits}
    counted = {
        name: y.sum(axis=0) if y.ndim == 2 else np.bincount(y, minlength=len(dataset.classes))
        for name, y in parts.items()
        if y is not None and dataset.classes
    }
    return {label: {name: int(of[i]) for name, of in counted.items()} for i, label in enumerate(dataset.classes)}


def _weights(model: Model) -> str | None:
    """Draw the weights of the first-layer units that the next layer listens to most, each as an image of its inputs."""
    if not isinstance(model.input, ImageInput):
        return None
    height, width, channels = model.input.height, model.input.width, model.input.channels
    weight: Array = model.layers[0].weight
    loud = np.abs(model.layers[1].weight).sum(axis=0) if len(model.layers) > 1 else np.ones(len(weight))
    chosen = np.argsort(-loud, kind="stable")[:UNITS]
    tiles = weight[chosen].reshape(len(chosen), height, width, channels).sum(axis=3)
    tiles = tiles / np.maximum(np.abs(tiles).max(axis=(1, 2), keepdims=True), 1e-30)  # each unit by itself
    lines = -(-len(tiles) // ACROSS)
    sheet = np.zeros((lines * (height + GAP) - GAP, min(ACROSS, len(tiles)) * (width + GAP) - GAP), np.float32)
    for place, tile in enumerate(tiles):
        top, left = place // ACROSS * (height + GAP), place % ACROSS * (width + GAP)
        sheet[top : top + height, left : left + width] = tile
    return png.signed(sheet)
