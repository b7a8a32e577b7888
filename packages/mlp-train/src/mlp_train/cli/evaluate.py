"""`evaluate` asks how good a model is on rows that it was not trained on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer

from mlp_train.cli.flags import Cache, MaxMemory, Transpose
from mlp_train.cli.shared import (
    Debug,
    Json,
    MinAccuracy,
    Plugin,
    Quiet,
    Voice,
    answer,
    answer_json,
    command,
    counted,
    load_model,
    printable,
)


def evaluate(
    model_path: Annotated[str, typer.Argument(metavar="MODEL", help="A model file, or the folder of a run.")],
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A zip, a folder, a file, or a sample by name.")],
    target: Annotated[
        str | None,
        typer.Option("--target", metavar="COLUMN", help="The column of the answers; the model's own if not set."),
    ] = None,
    weight_column: Annotated[
        str | None,
        typer.Option(
            "--weight-column", metavar="NAME", help="The column that weighs the rows; as in training if not set."
        ),
    ] = None,
    transpose: Transpose = None,
    max_memory: MaxMemory = None,
    cache: Cache = None,
    min_accuracy: MinAccuracy = None,
    plugin: Plugin = None,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,  # noqa: ARG001  # the frame looks for it
) -> None:
    """Measure a model on rows that it has never seen: figures of all rows, of each class, and the confusions.

    That is the test split where SOURCE has one. Where SOURCE is what the model was trained on and has none, it is the
    rows that were held out. Otherwise it is all of SOURCE.
    """
    from mlp_train.cli.evaluation_table import lines
    from mlp_train.errors import UsageError
    from mlp_train.evaluation import evaluate as measure
    from mlp_train.evaluation import load_data
    from mlp_train.plugins import load_plugins
    from mlp_train.settings import gather

    goal = gather({"min_accuracy": min_accuracy})["min_accuracy"]
    load_plugins(plugin or ())
    model = load_model(model_path)
    if goal is not None and not model.classes:
        raise UsageError(f"{model_path}: --min-accuracy is for classes, but this model gives numbers; leave it out")
    flags = {"transpose": transpose, "max_memory": max_memory, "cache": cache, "weight_column": weight_column}
    found = measure(model, load_data(model, source, target, **gather(flags).data))
    if as_json:
        answer_json({"model": model_path, "source": source, **found.to_dict()})
    else:
        for line in lines(found):
            answer(printable(line))
    voice = Voice(quiet)
    voice.say(f"measured on {counted(found.samples, 'sample')}: {found.note}")
    check_goal(goal, found.metrics, found.note)
    voice.say(f"next: {command('predict', model_path, 'INPUT...', plugins=plugin)}")


def check_goal(goal: float | None, metrics: Mapping[str, float], measured_on: str) -> None:
    """Raise GoalMissed where the accuracy is below the goal."""
    from mlp_train.errors import GoalMissed

    if goal is not None and metrics["accuracy"] < goal:
        raise GoalMissed(
            f"the accuracy on {measured_on} is {metrics['accuracy']:.4f}, below the {goal:g} of --min-accuracy; "
            "train longer, on more data, or lower the goal"
        )
