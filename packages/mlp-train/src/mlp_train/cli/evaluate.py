"""`evaluate` asks how good a model is on rows that it was not trained on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlp_train.cli.shared import (
    Debug,
    Json,
    MinAccuracy,
    Plugin,
    Quiet,
    Voice,
    answer,
    answer_json,
    counted,
    load_model,
)

if TYPE_CHECKING:
    from mlp_data.dataset import Dataset
    from mlp_runtime import Model


def evaluate(
    model_path: Annotated[str, typer.Argument(metavar="MODEL", help="A model file, or the folder of a run.")],
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A zip, a folder, a file, or a sample by name.")],
    target: Annotated[
        str | None,
        typer.Option("--target", metavar="COLUMN", help="The column of the answers; the model's own if not set."),
    ] = None,
    min_accuracy: MinAccuracy = None,
    plugin: Plugin = None,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,  # noqa: ARG001  # the frame looks for it
) -> None:
    """Measure a model on rows that it has never seen.

    That is the test split where SOURCE has one. Where SOURCE is what the model was trained on and has none, it is the
    rows that were held out. Otherwise it is all of SOURCE.
    """
    import mlp_data
    from mlp_train.cli.scoring import score_splits
    from mlp_train.errors import UsageError
    from mlp_train.plugins import load_plugins
    from mlp_train.settings import gather

    goal = gather({"min_accuracy": min_accuracy})["min_accuracy"]
    load_plugins(plugin or ())
    model = load_model(model_path)
    if goal is not None and not model.classes:
        raise UsageError(f"{model_path}: --min-accuracy is for classes, but this model gives numbers; leave it out")
    dataset = mlp_data.load(source, **loading_options(model, target))
    dataset, splits, split, note = choose_splits(model, dataset)
    samples, metrics = score_splits(model, dataset, splits)
    if as_json:
        answer_json(
            {"model": model_path, "source": source, "split": split, "samples": samples, **metrics, "note": note}
        )
    else:
        for name, value in metrics.items():
            answer(f"{name} {value:.4f}" if name == "accuracy" else f"{name} {value:.6g}")
    voice = Voice(quiet)
    voice.say(f"measured on {counted(samples, 'sample')}: {note}")
    check_goal(goal, metrics, note)
    voice.say(f"next: mlp-train predict {model_path} INPUT...")


def loading_options(model: Model, target: str | None = None) -> dict[str, Any]:
    """Return the options with which data for `model` are loaded: those of its training."""
    if model.input.kind != "table":
        return {}
    training = model.training
    saved = {name: training.get("options", {}).get(name) for name in ("drop", "columns")}
    task = "classification" if model.classes else "regression"
    return {"target": target or training.get("target"), "task": task, **saved}


def choose_splits(model: Model, dataset: Dataset) -> tuple[Dataset, list[str], str, str]:
    """Choose what may be scored: return the dataset, its splits to take, a name for them, and a sentence why.

    DataError where every row with an answer was trained on, for such a score would mean nothing.
    """
    from mlp_data.errors import DataError
    from mlp_train.plan import hold_out
    from mlp_train.reporters.words import percent

    answered = [name for name, split in dataset.splits.items() if split.y is not None and len(split)]
    if not answered:
        raise DataError(f"{dataset.name}: no row has an answer to compare with: give data with the target column")
    if "test" in answered:
        return dataset, ["test"], "test", "the test split of the source"
    training = model.training
    if "train" not in answered or dataset.fingerprint != training.get("fingerprint"):
        return dataset, answered, "all", "all samples of the source, which is not the one trained on"
    config = training.get("configuration", {})
    fraction, seed = float(config.get("valid_fraction", 0.0)), int(config.get("seed", 0))
    dataset = hold_out(dataset, fraction, seed)
    if "valid" not in dataset.splits:
        raise DataError(
            f"{dataset.name}: the model was trained on all of its {len(dataset.train)} rows and none was held out, "
            "so there is nothing to measure it on: give other data"
        )
    why = "because the source is the one trained on"
    note = f"the samples that training held out (seed {seed}, {percent(fraction)}), {why}"
    return dataset, ["valid"], "held-out", note


def check_goal(goal: float | None, metrics: Mapping[str, float], measured_on: str) -> None:
    """Raise GoalMissed where the accuracy is below the goal."""
    from mlp_train.errors import GoalMissed

    if goal is not None and metrics["accuracy"] < goal:
        raise GoalMissed(
            f"the accuracy on {measured_on} is {metrics['accuracy']:.4f}, below the {goal:g} of --min-accuracy; "
            "train longer, on more data, or lower the goal"
        )
