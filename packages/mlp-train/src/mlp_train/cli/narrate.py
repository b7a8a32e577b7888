"""Before training starts, these sentences tell what was found in the data and what was chosen because of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from mlp_data.check import problems
from mlp_data.dataset import SPLITS, Dataset, Split
from mlp_data.table_rows import TableRows
from mlp_train.cli.shared import command, counted
from mlp_train.config import FitConfig
from mlp_train.events import Started
from mlp_train.learner import SWA_START
from mlp_train.plan import FEWEST_TO_HOLD_OUT, FULL_BATCH_LIMIT
from mlp_train.presets import resolve
from mlp_train.reporters.words import split_figures
from mlp_train.result import Result
from mlp_train.settings import Settings


def about_data(dataset: Dataset, settings: Settings) -> Iterator[str]:
    """Say what the source is, how large its parts are, which column is the target and why, and what looks wrong.

    Nobody looks at the test samples here: they are for the end.
    """
    parts = ", ".join(f"{len(dataset.splits[name]):,} {_part(name)}" for name in SPLITS if name in dataset.splits)
    kinds = {"image": "images", "table": "a table", "vector": "vectors"}
    kind = "labels" if dataset.task == "multi-label" else "classes"
    classes = f", {len(dataset.classes)} {kind}" if dataset.classes else ""
    yield f"{dataset.name}: {kinds[dataset.kind]}, {_size(dataset.train)}{classes}; {parts}"
    if dataset.target is not None and dataset.kind == "table":
        yield f"target: {dataset.target!r}, {dataset.task}{_why_target(dataset, settings)}"
    for column, reason in dataset.unused_columns.items():
        yield f"left out: {column!r}, {reason}"
    open_parts = {name: dataset.splits[name] for name in ("train", "valid") if name in dataset.splits}
    for problem in dict.fromkeys((*dataset.problems, *problems(replace(dataset, splits=open_parts)))):
        yield f"note: {problem}"


def about_training(event: Started, dataset: Dataset, settings: Settings) -> Iterator[str]:
    """Say how samples become numbers, what the network is, and how it will be trained."""
    yield f"input: {event.input}"
    yield f"network: {', '.join(event.layers)}; {event.parameters:,} parameters"
    epochs = counted(event.epochs, "epoch")
    loss = event.loss
    if event.label_smoothing:
        loss += f" with labels smoothed by {event.label_smoothing:g} (so the training loss cannot reach 0)"
    yield f"training: {loss} by {event.optimizer}, learning rate {event.lr:g}, up to {epochs}"
    yield f"batches: {_batch_rule(event)}"
    if event.valid_samples:
        yield f"held out: {counted(event.valid_samples, 'sample')} to watch and never train on"
    elif "test" not in dataset.splits:
        yield f"held out: nothing, {why_nothing_is_held_out(dataset, settings.config)}"
    if event.first_epoch > 1:
        yield f"resuming: {counted(event.first_epoch - 1, 'epoch')} of {event.epochs} are done"


def why_nothing_is_held_out(dataset: Dataset, config: FitConfig) -> str:
    """Return why no samples are watched, from `because` on: nobody wanted it, the samples are few, or none counts."""
    rows, fraction = counted(len(dataset.train), "sample"), resolve(config, dataset).valid_fraction
    if len(dataset.splits.get("valid", ())):
        return "because the validation samples all have the weight 0"
    if fraction == 0 and "valid_fraction" not in config.model_fields_set:
        return f"because the preset {config.preset} learns from all where rows are few"
    if fraction == 0:
        return "because valid_fraction is 0"
    if len(dataset.train) < FEWEST_TO_HOLD_OUT:
        return f"because {rows} are too few to spare any"
    return f"because a valid_fraction of {fraction:g} of {rows} is less than one"


def about_average(result: Result, epochs: int) -> Iterator[str]:
    """Say so where the weights were to be averaged, and those that are kept are older than the average.

    epochs: of the whole training, had nothing stopped it.
    """
    if result.config.average == "swa" and result.epoch <= SWA_START * epochs:
        yield (
            f"not averaged: swa begins after {SWA_START:.0%} of the {counted(epochs, 'epoch')}, but the best weights, "
            f"which are kept, are those of epoch {result.epoch}; --average ema begins at once"
        )


def about_result(
    metrics: Mapping[str, Mapping[str, float]], dataset: Dataset, model: Path, settings: Settings
) -> Iterator[str]:
    """Say how good the model is on samples that training saw and on others, and how to answer those without answers."""
    for split in ("train", "valid", "test"):
        if split in metrics:
            said = split_figures(metrics[split])
            yield f"{counted(len(dataset.splits[split]), 'sample')} {_part(split)}: {said}"
    if not metrics.keys() & {"valid", "test"}:
        yield "nothing was held out, so how good the model is on new samples is not known"
    if settings.config.class_weight == "none":  # which may give up accuracy for rare classes
        yield from _no_better_than_guessing(metrics, dataset)
    if dataset.submission is not None:
        source, plugins = settings["source"], settings["plugin"]
        said = command("predict", model, source, "--out", "submission.csv", plugins=plugins)
        yield f"to answer the {counted(len(dataset.splits['unlabelled']), 'sample')} without answers: {said}"


def _no_better_than_guessing(metrics: Mapping[str, Mapping[str, float]], dataset: Dataset) -> Iterator[str]:
    name = next((name for name in ("test", "valid", "train") if "accuracy" in metrics.get(name, {})), None)
    y = None if name is None else dataset.splits[name].y
    if name is None or y is None or y.ndim == 2:
        return
    counts = np.bincount(y, dataset.splits[name].weight)
    if metrics[name]["accuracy"] <= float(f"{counts.max() / counts.sum():.6g}"):  # figures are stored with 6 digits
        common = dataset.classes[int(counts.argmax())]
        yield f"hint: always answering {common!r}, the commonest class, would be right as often; try a smaller --lr"


def _size(split: Split) -> str:
    if isinstance(split.x, dict | TableRows):
        return counted(len(split.x if isinstance(split.x, dict) else split.x.columns), "column")
    if isinstance(split.x, list):
        return "of different sizes"
    if split.x.ndim == 2:
        return counted(split.x.shape[1], "feature")
    return f"{split.x.shape[1]} x {split.x.shape[2]}{' in colour' if split.x.ndim == 4 else ''}"


def _part(name: str) -> str:
    words = {"train": "to train on", "valid": "held out", "test": "to test", "unlabelled": "without answers"}
    return words[name]


def _why_target(dataset: Dataset, settings: Settings) -> str:
    if "target" in settings.data:
        return ", as asked for"
    if "unlabelled" in dataset.splits:
        return ", because the training table has this column and the table to be answered lacks it"
    return ""  # the dataset's own note tells


def _batch_rule(event: Started) -> str:
    if event.batches == 1:
        few = f", because {FULL_BATCH_LIMIT} or fewer are seen at once" if event.samples <= FULL_BATCH_LIMIT else ""
        return f"the full batch of {counted(event.samples, 'sample')} in every step{few}"
    steps, samples = counted(event.batches, "step"), counted(event.samples, "sample")
    return f"mini-batches of {event.batch_size}, {steps} an epoch over {samples}"
