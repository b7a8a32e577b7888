"""A trial is one training with settings that are tried; it tells how it does on the way, and may be dropped then."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any, NoReturn

import numpy as np

import mlp_data
from mlp_data.dataset import Dataset
from mlp_train.errors import DivergedError, UsageError
from mlp_train.events import EpochEnd, Finished
from mlp_train.metrics import rounded
from mlp_train.plan import Plan, hold_out, make_plan
from mlp_train.presets import resolve
from mlp_train.result import Result
from mlp_train.settings import Settings, absolute_source
from mlp_train.trainer import Trainer, settle
from mlp_train.tuning.space import Space, file_size, make_space
from mlp_train.tuning.study import count, is_less_better

MOST_REPORTS = 25  # of one trial: a study on a disk or in a database should not wait for each of a thousand epochs
NO_END = sys.maxsize  # trials, where only the time ends a search
WATCHED_FROM = 0.2  # of the epochs; before, nobody is dropped
ENOUGH_TO_CHOOSE = 300  # held-out rows; where one split has fewer, several splits are looked at
MOST_FOLDS = 5  # that are chosen unasked


class OutOfTime(Exception):
    """The time of the search is over, or the one who started it has gone; the trial can be done another time."""


class TooMany(Exception):
    """Another process took the last trial that was wanted a moment earlier."""


@dataclass(frozen=True)
class Task:
    """What each process of a search is told. deadline: as time.time() says it; by: the figure that counts."""

    settings: Settings
    trials: int
    by: str
    max_bytes: int | None = None
    folds: int | None = None
    deadline: float | None = None


@dataclass(frozen=True, eq=False)
class Ground:
    """What all trials share: the data with their held-out rows apart, and what may be changed around the defaults."""

    dataset: Dataset
    plan: Plan  # of the default settings
    space: Space
    folds: tuple[Dataset, ...]  # the same data with other rows apart each time; `dataset` is the first


def prepare(settings: Settings, max_bytes: int | None, folds: int | None) -> Ground:
    """Load the data and lay out what is searched; UsageError where nothing is held out to choose by.

    folds: on how many splits each trial is trained; None: on as many as it takes to hold out enough rows.
    """
    dataset = mlp_data.load(settings["source"], **settings.data)
    dataset = replace(dataset, name=Path(absolute_source(settings["source"])).name)  # and nobody's folders
    dataset.train  # noqa: B018  # says so where there is nothing to train on
    config, whole = resolve(settings.config, dataset), dataset
    dataset = hold_out(whole, config.valid_fraction, config.seed)
    dataset.fit_input()  # made once, and kept
    plan = make_plan(dataset, settings.config, said=settings.said)
    if plan.valid is None:
        raise UsageError(
            f"{dataset.name}: no rows are held out, so there is nothing to choose settings by; give more rows, or "
            "--valid-fraction 0.2"
        )
    space = make_space(plan, settings.config, settings.said, max_bytes)
    if not space.dimensions:
        raise UsageError("every setting is given, so there is nothing to search: leave some out, or use mlp-train fit")
    count = _folds(folds, plan, whole)
    others = (_other_split(whole, config.valid_fraction, config.seed, number) for number in range(1, count))
    return Ground(plan.dataset, plan, space, (plan.dataset, *others))


def _folds(wanted: int | None, plan: Plan, whole: Dataset) -> int:
    """Return on how many splits each trial is trained."""
    if "valid" in whole.splits:
        if wanted not in (None, 1):
            raise UsageError(
                f"{whole.name}: --folds has no effect: the source has validation rows of its own; leave it out"
            )
        return 1
    assert plan.valid is not None
    return wanted or min(MOST_FOLDS, -(-ENOUGH_TO_CHOOSE // len(plan.valid)))


def _other_split(whole: Dataset, fraction: float, seed: int, number: int) -> Dataset:
    split = whole.hold_out(fraction, np.random.default_rng(np.random.SeedSequence([seed, number])))
    split.fit_input()  # made once, and kept
    return split


def run_trial(trial: Any, study: Any, task: Task, ground: Ground, is_over: Callable[[], bool]) -> float:
    """Train with what the trial chooses, and return the figure that counts.

    Raises Optuna's TrialPruned where it is dropped, refused or diverges, OutOfTime once `is_over`, TooMany where it is
    not wanted any more; any other error is one of these settings, and is written to the trial.
    """
    import optuna

    trial.set_user_attr("owner", [socket.gethostname(), os.getpid()])
    began = time.perf_counter()
    if _is_too_many(trial, study, task.trials):
        raise TooMany
    try:
        chosen = ground.space.suggest(trial)
        plan = settle(ground.dataset, ground.space.config(chosen), said=task.settings.said)
        size = file_size(plan)
        trial.set_user_attr("layers", [layer.n_out for layer in plan.layers[:-1]])
        trial.set_user_attr("size", size)
        if task.max_bytes is not None and size > task.max_bytes:
            _tell(trial, "refused", f"its file would take {size / 1000:.1f} kB", began)
            raise optuna.TrialPruned
        results = []
        for number, dataset in enumerate(ground.folds, start=1):
            split = plan if number == 1 else settle(dataset, ground.space.config(chosen), said=task.settings.said)
            results.append(_train(trial, split, task, is_over, began, watch=len(ground.folds) == 1))
            if len(ground.folds) > 1:  # the splits are not alike: only the same ones can be compared
                trial.report(_mean(results)[task.by], number)
                if number < len(ground.folds) and trial.should_prune():
                    _drop(trial, sum(len(result.history) for result in results), began)
    except DivergedError as error:
        _tell(trial, "diverged", str(error), began)
        raise optuna.TrialPruned from None
    except (optuna.TrialPruned, OutOfTime):
        raise
    except Exception as error:  # whatever is wrong with these settings, others may do
        _tell(trial, "failed", str(error) or type(error).__name__, began)
        raise
    figures = _mean(results)
    if task.by not in figures:
        _tell(trial, "failed", f"the held-out rows define no {task.by}", began)
        raise UsageError(f"the held-out rows define no {task.by}")
    trial.set_user_attr("figures", figures)
    trial.set_user_attr("epochs", sum(len(result.history) for result in results))
    trial.set_user_attr("size", len(results[0].to_bytes(meta={"name": task.settings["name"] or ground.dataset.name})))
    trial.set_user_attr("seconds", round(time.perf_counter() - began, 3))
    return float(figures[task.by])


def _train(trial: Any, plan: Plan, task: Task, is_over: Callable[[], bool], began: float, *, watch: bool) -> Result:
    """Train; with `watch`, tell the study every few epochs how the held-out rows are answered."""
    every = max(1, plan.epochs // MOST_REPORTS)
    for event in Trainer(plan).run():
        if isinstance(event, Finished):
            return event.result
        if is_over():
            raise OutOfTime
        if watch and isinstance(event, EpochEnd) and event.epoch % every == 0:
            trial.report(so_far(event, task.by), event.epoch)
            if event.epoch >= WATCHED_FROM * plan.epochs and trial.should_prune():
                _drop(trial, event.epoch, began)
    raise AssertionError("train() always ends with Finished")


def _drop(trial: Any, epochs: int, began: float) -> NoReturn:
    import optuna

    trial.set_user_attr("seconds", round(time.perf_counter() - began, 3))
    trial.set_user_attr("epochs", epochs)
    raise optuna.TrialPruned


def _mean(results: Sequence[Result]) -> dict[str, float]:
    """Return the mean of each held-out figure over the splits, of those that every split has."""
    figures = [result.metrics["valid"] for result in results]
    names = [name for name in figures[0] if all(name in one for one in figures)]
    return rounded({name: fmean(one[name] for one in figures) for name in names})


def so_far(event: EpochEnd, by: str) -> float:
    """Return how a training does: the figure that counts where each epoch tells it, else the held-out loss."""
    if by in event.valid:
        return event.valid[by]
    loss = float("inf") if event.valid_loss is None else event.valid_loss
    return loss if is_less_better(by) else -loss


def _is_too_many(trial: Any, study: Any, wanted: int) -> bool:
    """Say whether those that run since before are enough; two processes may have begun at the same moment."""
    trials = study.get_trials(deepcopy=False)
    before = sum(one.state.name == "RUNNING" and one.number < trial.number for one in trials)
    return bool(count(trials)["done"] + before >= wanted)


def _tell(trial: Any, why: str, said: str, began: float) -> None:
    """Write to the trial why it came to nothing."""
    trial.set_user_attr("why", why)
    trial.set_user_attr("said", " ".join(said.split())[:500])
    trial.set_user_attr("seconds", round(time.perf_counter() - began, 3))
