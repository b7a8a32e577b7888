"""A training job from the settings to the model file: it can be stopped at any moment, and goes on from there."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import mlp_data
import mlp_runtime
from mlp_data.dataset import Dataset
from mlp_data.errors import DataError
from mlp_train import checkpoints, export
from mlp_train.checkpoints import Checkpoint
from mlp_train.cli.narrate import about_average, about_data, about_result, about_training, why_nothing_is_held_out
from mlp_train.cli.outcome import Outcome, deliver, earlier_outcome
from mlp_train.cli.report import after_training
from mlp_train.cli.shared import Voice, command
from mlp_train.cli.watching import again, watched
from mlp_train.config import FitConfig
from mlp_train.errors import Interrupted, OutputError, UsageError
from mlp_train.evaluation import score_splits
from mlp_train.events import Event, Finished, Progress, Started, Stopped
from mlp_train.hints import Hint, Hinted, advise
from mlp_train.metrics_log import MetricsLog, read_events
from mlp_train.parallel import Ranks, agreed, mpiexec, one_rank, together
from mlp_train.plan import hold_out, own_validation
from mlp_train.plugins import load_plugins
from mlp_train.presets import resolve
from mlp_train.reporters import make_reporter
from mlp_train.result import Result
from mlp_train.runs import Run, create_run, newest_run, open_run, read_run
from mlp_train.settings import PREFIX, SHOWN, Settings, absolute_source, gather
from mlp_train.trackers import Choice
from mlp_train.trainer import Trainer, settle

RESUMABLE = ("source", "cache", "plugin", *SHOWN)  # what may be said anew: where things lie, and how the run looks


@dataclass(frozen=True)
class Job:
    """What is to be done: with which settings, into which folder, and from which state on."""

    settings: Settings
    voice: Voice
    run: Run | None = None  # None: the folder is made when the data have turned out to be usable
    force: bool = False
    is_new: bool = False  # nothing was in the folder's place, so it goes again if nothing comes into it
    checkpoint: Checkpoint | None = None
    source_name: str | None = None
    done: Outcome | None = None
    trackers: tuple[Choice, ...] = ()


def new_run(flags: Mapping[str, Any], *, config: str | None, force: bool, quiet: bool) -> Job:
    """Return the job of a fresh run; an output folder that is not free is refused before any work."""
    settings = gather(flags, config, os.environ)
    is_new = bool(settings["out"]) and not Path(settings["out"]).exists()
    run = create_run("", out=settings["out"]) if settings["out"] and not force else None
    return Job(settings, _voice(settings, quiet), run, force, is_new=is_new)


def resumed_run(path: str | None, flags: Mapping[str, Any], *, quiet: bool, refused: Mapping[str, Any]) -> Job:
    """Return the job that goes on with the run in the folder `path`, or the newest, as it began."""
    path = str(newest_run()) if path is None else path
    changed = [f"--{name.replace('_', '-')}" for name in flags if name not in RESUMABLE]
    changed += [name for name, value in refused.items() if value]
    if changed:
        raise UsageError(
            f"{path}: {changed[0]} cannot be changed in a run that goes on; leave it out, or start a new run with "
            f"--config {shlex.quote(str(Path(path, 'config.toml')))}"
        )
    if Path(path).is_symlink():  # runs/latest: speak of the run by its own name
        path = str(Path(path).parent / Path(path).readlink())
    run = open_run(path)
    contents = read_run(path)
    if not run.config.exists():
        raise UsageError(f"{run.folder}: the run cannot go on, because it has no config.toml; start a new run")
    shown = {name: value for name, value in os.environ.items() if name.removeprefix(PREFIX).lower() in SHOWN}
    settings = gather(flags, run.config, shown)
    voice = _voice(settings, quiet)
    began_with = str(contents.config.get("source", ""))
    done = earlier_outcome(contents)
    checkpoint = checkpoints.load(run.checkpoint) if run.checkpoint.exists() and not done else None
    return Job(settings, voice, run, checkpoint=checkpoint, source_name=Path(began_with).name, done=done)


def work(job: Job, *, as_json: bool, ranks: Ranks | None = None) -> None:
    """Do the job and print its answer; GoalMissed where the result is worse than what was asked for."""
    goal = job.settings["min_accuracy"]
    if job.done is not None:
        job.voice.say(f"{job.done.model.parent}: this run is finished, there is nothing to go on with")
        deliver(job.done, job.voice, job.settings, as_json=as_json)
        return
    try:
        _train(job, goal, as_json=as_json, ranks=ranks)
    finally:
        if job.run is not None and job.is_new:
            with suppress(OSError, OutputError), job.run.lock():  # not empty, or another run has come into it
                job.run.folder.rmdir()


def follow(ranks: Ranks) -> NoReturn:
    """Train along as another rank than 0, with what rank 0 says, until it says that the job ends."""
    job = Job(*ranks.listen())
    try:
        with ranks.together():
            load_plugins(job.settings["plugin"])
            config = one_rank(job.settings.config)
            plan = settle(_load(job), config, job.checkpoint, job.settings.said, measure=False)
        plan = agreed(plan, ranks)
        with ranks.together():
            trainer = Trainer(plan, job.checkpoint, ranks=ranks)
        trainer.follow(ranks)
    except Exception as error:
        ranks.cry(error)


def _train(job: Job, goal: float | None, *, as_json: bool, ranks: Ranks | None) -> None:
    began = time.perf_counter()
    settings, voice = job.settings, job.voice
    if ranks is not None:
        one_rank(settings.config)  # before anybody loads anything
        ranks.tell((settings, Voice(quiet=True), None, False, False, job.checkpoint, job.source_name))
    with together(ranks):
        load_plugins(settings["plugin"])
        dataset = _load(job)
        _check_goal_can_be_measured(dataset, goal, settings.config)
        said = list(about_data(dataset, settings))
        for sentence in said:
            voice.say(sentence)
        config = settings.config if ranks is None else one_rank(settings.config)
        plan = settle(dataset, config, job.checkpoint, settings.said)
    plan = agreed(plan, ranks)
    with together(ranks):
        # what is wrong with a setting is said before a folder is made
        trainer = Trainer(plan, job.checkpoint, ranks=ranks)
    if ranks is not None:
        ranks.rest()
        voice.say(f"ranks: {ranks.count}, each with its rows of every batch ({ranks.library})")
    name = settings["name"] or Path(dataset.name).stem
    run = job.run or create_run(name, out=settings["out"], force=job.force)
    voice.say(f"run folder: {run.folder}")
    with run.lock(), _resumable(run, voice, ranks, job.trackers):
        if job.source_name is None and run.config.exists():
            raise OutputError(f"{run.folder}: another run came into this folder first; choose another")
        if job.source_name is not None and job.checkpoint is None:
            voice.say(f"{run.folder}: there is no checkpoint yet, so it begins anew")
        effective = {**settings.effective(), "workers": plan.workers}  # to go on so with other cores too
        if not run.config.exists():
            run.write_config(effective)
        run.write_environment()
        keep = None if job.checkpoint is None else int(job.checkpoint.state["epoch"])
        following = watched(job.trackers, run, effective, voice, new=job.source_name is None, made=not settings["out"])
        with following as tell, MetricsLog(run.metrics, keep_epochs=0 if keep is None else keep) as log:
            events = trainer.run(lambda state: checkpoints.save(run.checkpoint, state))
            result, found = _watch(events, job, dataset, log, tell)
            for sentence in about_average(result, plan.epochs):
                voice.say(sentence)
            result, data = _with_test_figures(result, dataset, settings, name)
            export.write(run.model, data)
            outcome = Outcome(
                run.model,
                {split: dict(figures) for split, figures in result.metrics.items()},
                {split: len(part) for split, part in dataset.splits.items() if part.y is not None},
                len(result.history),
                time.perf_counter() - began,
                result.calibration,
            )
            log.write({**Finished(result).to_dict(), **outcome.to_dict()})
            tell(Finished(result))
    for sentence in about_result(outcome.metrics, dataset, outcome.model, settings):
        voice.say(sentence)
    for hint in found:
        voice.say(f"hint: {hint.sentence()}")
    if settings["report"]:
        after_training(run, dataset, said, found, voice)
    deliver(outcome, voice, settings, as_json=as_json)


def _voice(settings: Settings, quiet: bool) -> Voice:
    return Voice(quiet=quiet, narrates=settings["progress"] != "json")


def _load(job: Job) -> Dataset:
    """Load the data and set the validation rows aside; data that changed since the run began are refused."""
    settings = job.settings
    dataset = mlp_data.load(settings["source"], **settings.data)
    # the model file tells where its data came from, but nobody's folders
    dataset = replace(dataset, name=job.source_name or Path(absolute_source(settings["source"])).name)
    dataset.train  # noqa: B018  # says so where there is nothing to train on
    _check_it_is_unchanged(job, dataset)
    config = resolve(settings.config, dataset)
    dataset = hold_out(dataset, config.valid_fraction, config.seed)
    dataset.fit_input()  # says so where nothing can be learned, before a word about the data; made once, and kept
    return dataset


def _check_it_is_unchanged(job: Job, dataset: Dataset) -> None:
    identity = {} if job.checkpoint is None else job.checkpoint.state.get("identity")
    for key, what, now in (
        ("data", "training", dataset.fingerprint),
        ("validation data", "validation", own_validation(dataset) or ""),
    ):
        then = identity.get(key) if isinstance(identity, dict) else None  # the trainer refuses what is odd about it
        if isinstance(then, str) and then != now:
            raise DataError(
                f"{job.settings['source']}: the {what} data have changed since the run began (their SHA-256 was "
                f"{then[:12]}, now it is {now[:12] or 'of none'}): bring the old data back, or start a new run"
            )


def _check_goal_can_be_measured(dataset: Dataset, goal: float | None, config: FitConfig) -> None:
    if goal is None:
        return
    if dataset.task == "regression":
        raise UsageError(f"{dataset.name}: --min-accuracy is for classes, but the target is a number; leave it out")
    if not dataset.splits.keys() & {"test", "valid"}:
        raise UsageError(
            f"{dataset.name}: --min-accuracy cannot be measured, because there is no test split and nothing is held "
            f"out, {why_nothing_is_held_out(dataset, config)}; leave it out"
        )


def _watch(
    events: Iterator[Event], job: Job, dataset: Dataset, log: MetricsLog, tell: Callable[[Event], None]
) -> tuple[Result, list[Hint]]:
    """Pass every event on to log, trackers and reporter; return what training ends with, and what is to be noticed."""
    found: list[Hint] = []
    mode = "off" if job.voice.quiet else job.settings["progress"]
    result = stopped = None
    with make_reporter(mode) as reporter:
        for event in events:
            if isinstance(event, Finished):
                found = _noticed(event, job, dataset, log)
                if found:
                    hinted = Hinted(tuple(hint.to_dict() for hint in found))
                    log.write(hinted.to_dict())
                    reporter(hinted)
                reporter(event)
                result = event.result
                break
            if isinstance(event, Started):
                for sentence in about_training(event, dataset, job.settings):
                    job.voice.say(sentence)
            if not isinstance(event, Progress):  # the log keeps what will be looked at later
                log.write(event.to_dict())
            tell(event)
            reporter(event)
            if isinstance(event, Stopped):
                stopped = event
    if stopped is not None:  # said below the bar, which would be torn in two otherwise
        job.voice.say(f"stopped early: {stopped.reason}")
    assert result is not None, "train() always ends with Finished"
    return result, found


def _noticed(event: Finished, job: Job, dataset: Dataset, log: MetricsLog) -> list[Hint]:
    """Return the hints; what goes wrong in a rule takes nothing from the run."""
    try:
        events = [*read_events(log.path), event.to_dict()]
        return advise(job.settings.effective(), events, dataset, event.result.model)
    except Exception as error:  # the model is not written yet, and must be
        job.voice.say(f"warning: the hints could not be made ({type(error).__name__}: {' '.join(str(error).split())})")
        return []


def _with_test_figures(result: Result, dataset: Dataset, settings: Settings, name: str) -> tuple[Result, bytes]:
    """Open the test split, once: return the result with its figures, and the model file that carries them."""
    weights, meta = settings["weights"], {"name": name}
    data = result.to_bytes(weights=weights, meta=meta)
    looked_at = ["test"] if "test" in dataset.splits and dataset.splits["test"].y is not None else []
    if weights != "float32" and "valid" in dataset.splits:
        looked_at.append("valid")  # rounded weights answer a little differently than those that were trained
    if not looked_at:
        return result, data
    model = mlp_runtime.load(data)
    metrics = {split: dict(figures) for split, figures in result.metrics.items()}
    for split in looked_at:
        _, figures = score_splits(model, dataset, [split])
        metrics[split] = {**metrics.get(split, {}), **figures}
    result = replace(result, metrics=metrics)
    return result, result.to_bytes(weights=weights, meta=meta)


@contextmanager
def _resumable(run: Run, voice: Voice, ranks: Ranks | None, trackers: Iterable[Choice]) -> Iterator[None]:
    """Say which command goes on from the checkpoint, after Ctrl-C and where the disk is full."""
    going_on = command("fit", "--resume", run.folder, *again(trackers))  # its config.toml names the plug-ins
    if ranks is not None:
        going_on = f"{mpiexec(ranks.count)} {going_on}"
        ranks.promise(
            f"{run.folder}: one of the {ranks.count} processes was ended from outside (by the system, if memory ran "
            f"out), and the job with it; the checkpoint is kept; go on with: {going_on}"
        )
    try:
        yield
    except (KeyboardInterrupt, Interrupted) as error:
        why = str(error) or "interrupted"
        raise Interrupted(f"{run.folder}: {why}, the checkpoint is kept; go on with: {going_on}") from None
    except OutputError:
        voice.say(f"when there is room again, go on with: {going_on}")
        raise
