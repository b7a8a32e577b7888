"""A search from its command to the run folder: a study goes on where it was, and its best is trained as by `fit`."""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import re
import shlex
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from mlp_data.console import called
from mlp_runtime.errors import nearest
from mlp_train.cli.narrate import about_data
from mlp_train.cli.shared import Voice, answer, answer_json, command
from mlp_train.cli.training import Job, work
from mlp_train.crew import cores
from mlp_train.errors import Interrupted, OutputError, UsageError
from mlp_train.fit_command import fit_command
from mlp_train.metrics import full_score
from mlp_train.parallel import launched
from mlp_train.plugins import load_plugins
from mlp_train.reporters.words import metric, split_figures
from mlp_train.runs import REPORT, SUMMARY, Run, create_run
from mlp_train.settings import Settings, gather
from mlp_train.tuning.search import look_at, search
from mlp_train.tuning.storage import JOURNAL, Place, find_place, mend, open_storage, reaching, without_passwords
from mlp_train.tuning.study import best_of, by_default, give_back, identity, name_of, open_study
from mlp_train.tuning.summary import read_summary, summarize, write_summary
from mlp_train.tuning.trial import NO_END, Ground, Task, prepare

TRIALS = 30  # where nobody says how many, nor how long
APART = ("workers", "time_limit")  # of a run: a trial has one process, and the time is that of the search


@dataclass(frozen=True)
class Wanted:
    """What the command said: the settings of the runs, and the search's own."""

    flags: Mapping[str, Any]
    config: str | None
    trials: int | None
    time_limit: float | None
    max_model_kb: float | None
    by: str | None
    folds: int | None
    jobs: int | None
    storage: str | None


def run(wanted: Wanted, *, as_json: bool, quiet: bool) -> None:
    """Do the search, train the best, and print the answer."""
    began = time.time()
    voice = Voice(quiet)
    if launched():
        raise UsageError("mpiexec shares one training, and no search: start tune on each machine with one --storage")
    settings = _settings(wanted)
    load_plugins(settings["plugin"])
    most = 1000 * (math.inf if wanted.max_model_kb is None else wanted.max_model_kb)
    max_bytes = int(most) if math.isfinite(most) else None
    word = re.sub(r"[^A-Za-z0-9._-]+", "-", settings["name"] or Path(settings["source"]).stem)[:40].strip("-.")
    folder = Path(settings["out"] or Path("runs", f"tune-{word or 'run'}"))
    place = find_place(wanted.storage, folder)
    ground = prepare(settings, max_bytes, wanted.folds)
    by = _figure(wanted.by, ground)
    trials = wanted.trials or (TRIALS if wanted.time_limit is None else NO_END)
    deadline = None if wanted.time_limit is None else began + wanted.time_limit
    task = Task(settings, trials, by, max_bytes, wanted.folds, deadline)
    for sentence in about_data(ground.dataset, settings):
        voice.say(sentence)
    for sentence in _about_search(ground, task, place):
        voice.say(sentence)
    same = identity(ground.dataset, settings, by, max_bytes, len(ground.folds))
    is_new = _claim(folder, place)
    try:
        with Run(folder).lock():
            best, summary = _search(task, place, folder, ground, same, wanted.jobs or cores(), voice)
    except (KeyboardInterrupt, Interrupted):
        raise Interrupted(f"{folder}: interrupted, nothing is lost; go on with: {_again()}") from None
    finally:
        if is_new:
            with contextlib.suppress(OSError):
                folder.rmdir()  # nothing came into it
    if best is None:
        raise UsageError(_nothing(summary, place))
    outcome = _train_best(best, summary, ground, settings, folder)
    _deliver(best, outcome, summary, ground, folder, voice, as_json=as_json)


def _settings(wanted: Wanted) -> Settings:
    """Return what the runs are told, of which the number of processes and the time are the search's business."""
    settings = gather(wanted.flags, wanted.config, os.environ)
    values = {name: value for name, value in settings.values.items() if name not in APART}
    return Settings(values, settings.said - set(APART))


def _figure(by: str | None, ground: Ground) -> str:
    """Return the figure that is searched by; UsageError where such data have none of that name."""
    import numpy as np

    task, known = ground.dataset.task, ["loss"]
    if task == "regression":
        known += full_score(task, np.zeros(2), np.array([0.0, 1.0]))
    elif task == "multi-label":
        known += full_score(task, np.eye(2, dtype=int), np.eye(2, dtype=int), np.eye(2))
    else:
        known += full_score(task, np.arange(2), np.arange(2), np.eye(2))
    by = by or by_default(task)
    if by not in known:
        raise UsageError(f"--by {by!r} is no figure of such data{nearest(by, known)}: it is one of {', '.join(known)}")
    return by


def _about_search(ground: Ground, task: Task, place: Place) -> list[str]:
    searched = list(dict.fromkeys(one.option for one in ground.space.dimensions))
    fixed = [name for name in task.settings.said if name not in ("seed", "preset")]
    stays = f"; what you set stays: {', '.join(sorted(fixed))}" if fixed else ""
    bound = "" if task.max_bytes is None else f"; no model file above {task.max_bytes / 1000:g} kB"
    rows, folds = len(ground.plan.valid or ()), len(ground.folds)
    splits = f", the mean of {folds} splits" if folds > 1 else ""
    said = [f"searched: {', '.join(searched)}{stays}{bound}", f"chosen by: {task.by} of {rows:,} held-out rows{splits}"]
    return [*said, f"study: {place}"]


def _claim(folder: Path, place: Place) -> bool:
    """Make the run folder, or take it where the same search began in it; say whether it is new."""
    try:
        is_new = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True)
        held = {entry.name for entry in folder.iterdir()}
    except (FileExistsError, NotADirectoryError) as error:
        raise OutputError(f"{folder}: this is a file, not a folder; choose another place for the run") from error
    except OSError as error:
        from mlp_data.atomic import output_error

        raise output_error(folder, error) from error
    if held and not held & {JOURNAL, SUMMARY}:
        raise OutputError(f"{folder}: the folder is not empty, and holds no search; choose another --out")
    if held and place.is_shared == (JOURNAL in held):
        where = "a file in it: leave --storage out" if place.is_shared else "a database: give its --storage"
        raise OutputError(f"{folder}: the search of this folder is kept in {where}, or choose another --out")
    return is_new


def _search(
    task: Task,
    place: Place,
    folder: Path,
    ground: Ground,
    same: Mapping[str, Any],
    jobs: int,
    voice: Voice,
) -> tuple[Any, dict[str, Any]]:
    """Open the study and do what is missing of it; return its best trial, or None, and its summary."""
    if place.path is not None:
        mend(place.path)
    else:
        then = read_summary(folder).get("identity")
        if then is not None and then != same:
            raise OutputError(f"{folder}: another search was done in this folder; choose another --out")
    with open_storage(place, give_back) as storage:
        with reaching(place):
            study = open_study(storage, place, same, name_of(same), ground.space.defaults)
        done = sum(one.state.is_finished() for one in look_at(study, place))
        if done:
            voice.say(f"going on: {done} trials are there already")
        if place.is_shared:  # so that the folder is known as this search's
            with reaching(place):
                summary = summarize(study, task.by, same)
            write_summary(folder, summary)
        search(study, task, place, ground.space, jobs, voice.say)
        with reaching(place):
            summary = summarize(study, task.by, same)
        write_summary(folder, summary)
        return best_of(look_at(study, place), task.by), summary


def _train_best(
    best: Any, summary: Mapping[str, Any], ground: Ground, settings: Settings, folder: Path
) -> dict[str, Any]:
    """Train the best settings as `fit` would, into the run folder; return the answer that `fit` gives."""
    options = ground.space.options(best.params)
    values = {**settings.values, **options, "workers": 1, "out": str(folder), "report": True}
    chosen = Settings(values, settings.said | options.keys())
    run = create_run("", out=folder, force=True)  # the files of an earlier best go, the study stays
    write_summary(folder, summary)
    said = io.StringIO()
    # A trial was computed with one thread; what `fit` says to people is said by the search in its own words.
    with threadpool_limits(1), contextlib.redirect_stdout(said):
        work(Job(chosen, Voice(quiet=True), run), as_json=True)
    found: dict[str, Any] = json.loads(said.getvalue())
    return {**found, "settings": chosen.effective()}


def _deliver(
    best: Any,
    outcome: Mapping[str, Any],
    summary: Mapping[str, Any],
    ground: Ground,
    folder: Path,
    voice: Voice,
    *,
    as_json: bool,
) -> None:
    by, metrics = summary["by"], outcome["metrics"]
    again = fit_command(outcome["settings"])
    model = Path(outcome["model"])
    if as_json:
        answer_json(
            {
                "model": str(model),
                "report": str(folder / REPORT),
                "metrics": metrics,
                "samples": outcome["samples"],
                "trial": best.number,
                "trials": dict(summary["counts"]),
                "by": by,
                "settings": dict(ground.space.options(best.params)),
                "command": again,
            }
        )
    else:
        answer(str(model))
    voice.say(f"trials: {', '.join(f'{number} {state}' for state, number in summary['counts'].items())}")
    first = next((one for one in summary["trials"] if one["number"] == 0 and one["value"] is not None), None)
    than = "" if first is None or best.number == 0 else f", the first trial {metric(by, first['value'])}"
    which = "the defaults" if best.number == 0 else f"trial {best.number}"
    mean = f", the mean of {len(ground.folds)} splits" if len(ground.folds) > 1 else ""
    voice.say(f"best: {which}, held-out {metric(by, best.value)}{mean}{than}; {model.stat().st_size / 1000:.1f} kB")
    if mean and "valid" in metrics:
        voice.say(
            f"the run holds out one of these splits, {outcome['samples']['valid']:,} rows: "
            f"{split_figures(metrics['valid'])}"
        )
    if "test" in metrics:
        voice.say(f"{outcome['samples']['test']:,} samples to test, looked at once: {split_figures(metrics['test'])}")
    else:
        voice.say("note: the held-out rows chose these settings, so on new rows expect a little less than they say")
    voice.say(f"the same again: {again}")
    voice.say(f"report: {folder / REPORT}")
    voice.say(f"next: {command('predict', model, 'INPUT...', plugins=outcome['settings']['plugin'])}")


def _nothing(summary: Mapping[str, Any], place: Place) -> str:
    """Say why no trial came to its end."""
    last = next((one["said"] for one in reversed(summary["trials"]) if one["said"]), None)
    states = ", ".join(f"{number} {state}" for state, number in summary["counts"].items()) or "no trial was done"
    why = f"; the last one said: {last}" if last else ""
    return f"{place}: no trial came to its end ({states}){why}; give more --trials or time, or set what failed yourself"


def _again() -> str:
    """Write the command that was given, without a password."""
    return shlex.join([called("mlp-train"), *map(without_passwords, sys.argv[1:])])
