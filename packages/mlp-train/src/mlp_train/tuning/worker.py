"""A worker is one process of a search, on one core: it takes one trial after the other until there are enough."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any, NoReturn

from threadpoolctl import threadpool_limits

from mlp_runtime.errors import MlpError
from mlp_train.errors import OutputError, UsageError
from mlp_train.plugins import load_plugins
from mlp_train.tuning.storage import Place, open_storage, quiet, unreachable
from mlp_train.tuning.study import count, give_back
from mlp_train.tuning.trial import Ground, OutOfTime, Task, prepare, run_trial

WAITING = 0.3  # seconds between two looks whether another's trial comes back
STARTUP = 5  # complete trials before any is dropped
RANDOM = 8  # trials at random before Optuna learns from them
GAVE_UP = 75  # the exit code of a worker that has sent a sentence why


def work(task: Task, place: Place, name: str, index: int, parent: int, said: Any) -> None:
    """Be worker `index` of the process `parent`; it ends when there is no more to do, or the parent has gone.

    said: a connection that takes why the study cannot be worked on, (class of the error, sentence); the exit code is
    then GAVE_UP.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the parent decides
    signal.signal(signal.SIGTERM, _stop)
    threading.excepthook = lambda _: None  # a heartbeat that fails is told by what the trial does next
    try:
        with quiet(), threadpool_limits(1):
            load_plugins(task.settings["plugin"])
            ground = prepare(task.settings, task.max_bytes, task.folds)
            with open_storage(place, give_back, is_made=True) as storage:
                Worker(task, place, storage, name, index, ground, lambda: os.getppid() != parent).run()
    except KeyboardInterrupt:
        pass
    except MlpError as error:
        with contextlib.suppress(OSError):  # the parent has gone
            said.send((OutputError if isinstance(error, OutputError) else UsageError, str(error)))
        raise SystemExit(GAVE_UP) from None


def _stop(*_: object) -> NoReturn:
    raise KeyboardInterrupt


class Worker:
    """Takes trials of a study; `is_alone` says whether the one who started it has gone."""

    def __init__(
        self,
        task: Task,
        place: Place,
        storage: Any,
        name: str,
        index: int,
        ground: Ground,
        is_alone: Callable[[], bool],
    ) -> None:
        import optuna

        self.task, self.place, self.ground, self.is_alone = task, place, ground, is_alone
        self.trial: Any = None  # the one that runs
        self.study = optuna.load_study(study_name=name, storage=storage)
        begun = len(self.study.get_trials(deepcopy=False))
        # Machines that begin at the same moment must not try the same; on one machine their numbers differ.
        seed = None if place.is_shared else (task.settings.config.seed * 1009 + begun * 64 + index) % 2**32
        self.study.sampler = optuna.samplers.TPESampler(
            seed=seed, multivariate=True, constant_liar=True, n_startup_trials=min(RANDOM, max(2, task.trials // 3))
        )
        self.study.pruner = optuna.pruners.MedianPruner(n_startup_trials=STARTUP, n_min_trials=STARTUP)

    def run(self) -> None:
        """Do trials until there are enough, or no time is left."""
        while not self.is_alone():
            try:
                counted = count(self.study.get_trials(deepcopy=False))
                if counted["done"] >= self.task.trials or self._is_late(counted["done"]):
                    return
                if counted["refused"] > 10 * self.task.trials + 50:
                    return
                if counted["done"] + counted["running"] >= self.task.trials:
                    self._look_for_the_dead()
                    time.sleep(WAITING)
                    continue
                self._one()
            except (OutOfTime, KeyboardInterrupt):
                self._give_back()
                return
            except Exception as error:  # the settings' own errors are caught with the trial: this is the storage's
                if not self._was_taken():
                    raise unreachable(self.place, error) from error

    def _one(self) -> None:
        self.study.optimize(self._objective, n_trials=1, catch=(Exception,))
        self.trial = None

    def _objective(self, trial: Any) -> float:
        self.trial = trial
        try:
            return run_trial(trial, self.study, self.task, self.ground, self._is_over)
        except OutOfTime:
            raise KeyboardInterrupt from None  # the one exception that ends the loop around the trials

    def _was_taken(self) -> bool:
        """Say whether others took us for dead, as after a machine slept, and do this trial themselves."""
        with contextlib.suppress(Exception):  # then it is the storage
            taken = self.trial is not None and self.study.get_trials(deepcopy=False)[self.trial.number]
            return bool(taken and taken.state.is_finished())
        return False

    def _is_over(self) -> bool:
        if self.is_alone():
            return True
        if self.task.deadline is None or time.time() < self.task.deadline:
            return False
        return count(self.study.get_trials(deepcopy=False))["done"] > 0  # the first may come to its end

    def _is_late(self, done: int) -> bool:
        return self.task.deadline is not None and time.time() >= self.task.deadline and done > 0

    def _give_back(self) -> None:
        """Leave the trial that was interrupted to whoever goes on."""
        if self.trial is not None:
            left = self.study.get_trials(deepcopy=False)[self.trial.number]
            if left.state.name == "FAIL" and "why" not in left.user_attrs:
                give_back(self.study, left, died=False)

    def _look_for_the_dead(self) -> None:
        """Give back the trials of other machines' workers that have not been heard of."""
        import optuna

        if self.place.is_shared:
            optuna.storages.fail_stale_trials(self.study)
