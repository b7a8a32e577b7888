"""`report` writes the page of a run, which shows all of it and can be passed on as one file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlp_train.cli.shared import Debug, Json, Plugin, Quiet, Voice, answer, answer_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlp_data.dataset import Dataset
    from mlp_train.hints import Hint
    from mlp_train.runs import Run, RunContents


def report(
    folder: Annotated[str, typer.Argument(metavar="RUN", help="The folder of a run.")] = "runs/latest",
    out: Annotated[
        str | None,
        typer.Option("--out", "-o", metavar="FILE", help="Where the page goes; report.html in RUN if not set."),
    ] = None,
    plugin: Plugin = None,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,  # noqa: ARG001  # the frame looks for it
) -> None:
    """Write the page of a run: curves, confusions, mistakes, settings, hints, and how to repeat it.

    It asks the model about the rows that were held out, so the data must be where they were; without them the page has
    only what the run itself wrote.
    """
    from mlp_train.plugins import load_plugins
    from mlp_train.report import write
    from mlp_train.runs import REPORT, read_run

    contents = read_run(folder)
    load_plugins([*contents.plugins, *(plugin or ())])
    voice = Voice(quiet)
    dataset, said = data_of(contents, voice)
    path = contents.run.folder / REPORT if out is None else out
    write(contents.run, dataset, said, out=path)
    if as_json:
        answer_json({"report": str(path), "with_data": dataset is not None})
    else:
        answer(str(path))
    voice.say("next: open it in a browser; it needs no network")


def data_of(contents: RunContents, voice: Voice) -> tuple[Dataset | None, list[str]]:
    """Load the data of a run with its held-out rows apart, and what is to be said of them; None if they are gone."""
    from dataclasses import replace
    from pathlib import Path

    import mlp_data
    from mlp_data.errors import DataError
    from mlp_runtime.errors import MlpError
    from mlp_train.cli.narrate import about_data
    from mlp_train.plan import hold_out
    from mlp_train.presets import resolve
    from mlp_train.settings import gather

    folder = contents.run.folder
    try:
        settings = gather({}, contents.run.config) if contents.config else None
        if settings is None:
            raise DataError(f"{folder}: the run has no config.toml, so where its data are is not known")
        dataset = mlp_data.load(settings["source"], **settings.data)
        dataset = replace(
            dataset, name=Path(settings["source"]).name
        )  # a page is passed on, and tells nobody's folders
        config = resolve(settings.config, dataset)
        dataset = hold_out(dataset, config.valid_fraction, config.seed)
        wanted = _fingerprint(contents)
        if wanted not in (None, dataset.fingerprint):
            raise DataError(f"{settings['source']}: the data have changed since the run was made")
        return dataset, list(about_data(dataset, settings))
    except MlpError as error:
        voice.say(f"note: the page is without what needs the data: {error}")
        return None, []


def after_training(run: Run, dataset: Dataset, said: Sequence[str], found: Sequence[Hint], voice: Voice) -> None:
    """Write the report at the end of a training; what goes wrong is a sentence, and the run is as good as before."""
    from mlp_train.report import write
    from mlp_train.runs import REPORT

    try:
        write(run, dataset, said, found=found)
    except Exception as error:  # the model is there, and nothing about a page may take it away
        why = " ".join(str(error).split()) or type(error).__name__
        voice.say(f"warning: the report could not be written ({why}); the model is not touched by that")
    else:
        voice.say(f"report: {run.folder / REPORT}")


def _fingerprint(contents: RunContents) -> Any:
    import mlp_runtime
    from mlp_train.provenance import provenance

    if not contents.run.model.is_file():
        return None
    return provenance(mlp_runtime.load(contents.run.model).training).get("fingerprint")
