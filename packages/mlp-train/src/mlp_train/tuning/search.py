"""A search starts a worker on each core, watches the study grow, and replaces workers that die."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mlp_train.errors import Interrupted, UsageError
from mlp_train.reporters.words import metric
from mlp_train.tuning.space import Space
from mlp_train.tuning.storage import Place, quiet, reaching
from mlp_train.tuning.study import DONE, best_of, count, fail, states
from mlp_train.tuning.trial import NO_END, Task
from mlp_train.tuning.worker import GAVE_UP, work

LOOK = 0.25  # seconds between two looks at the study
ENDING = 5.0  # seconds that a worker has to give its trial back
OWNERLESS = 10.0  # seconds after which a trial that nobody claimed is taken for one of the dead
MOST_DEATHS = 6  # of workers in one search


@dataclass
class Crew:
    """The workers of this process."""

    task: Task
    place: Place
    name: str
    jobs: int
    processes: list[Any] = field(default_factory=list)
    pipes: dict[int, Any] = field(default_factory=dict)
    begun: int = 0
    deaths: int = 0

    def fill(self) -> None:
        """Start workers until there is one for each job."""
        context = multiprocessing.get_context("spawn")  # a fork would share the connection to the study
        while len(self.processes) < self.jobs:
            hears, says = context.Pipe(duplex=False)
            arguments = (self.task, self.place, self.name, self.begun, os.getpid(), says)
            process = context.Process(target=work, args=arguments, daemon=True)
            process.start()
            says.close()
            self.begun += 1
            self.processes.append(process)
            self.pipes[process.pid or 0] = hears

    def look(self) -> list[int]:
        """Return the numbers of workers that died since the last look; the error of one that gave up is raised here."""
        ended = [one for one in self.processes if not one.is_alive()]
        self.processes = [one for one in self.processes if one.is_alive()]
        for one in ended:
            pipe = self.pipes.pop(one.pid)
            if one.exitcode == GAVE_UP:
                with contextlib.suppress(EOFError):
                    kind, sentence = pipe.recv()
                    raise kind(sentence)
        dead = [one.pid for one in ended if one.exitcode != 0]
        self.deaths += len(dead)
        self.jobs -= len(ended) - len(dead)  # the others ended because there is nothing left for them
        return dead

    def stop(self) -> None:
        """End all workers: ask first, so that they give back their trials, then do not ask."""
        for one in self.processes:
            one.terminate()
        until = time.monotonic() + ENDING
        for one in self.processes:
            one.join(max(0.0, until - time.monotonic()))
            if one.is_alive():
                one.kill()
                one.join()
        self.processes = []


def search(study: Any, task: Task, place: Place, space: Space, jobs: int, say: Callable[[str], None]) -> Counter[str]:
    """Do the trials that are missing, with so many workers; return how many trials there are of each state.

    Ctrl-C ends it as Interrupted; every trial that was on its way is given back.
    """
    with quiet():
        trials = look_at(study, place)
        if not place.is_shared:  # the run folder is locked, so that whoever ran these is no more
            _recover(study, place, trials)
            trials = look_at(study, place)
        told = {trial.number for trial, state in states(trials) if state not in ("running", "waiting")}
        missing = task.trials - count(trials)["done"]
        if missing <= 0:
            return count(trials)
        crew = Crew(task, place, study.study_name, min(jobs, missing))
        try:
            crew.fill()
            while crew.jobs > 0:
                time.sleep(LOOK)
                dead = crew.look()
                trials = look_at(study, place)
                for sentence in _news(trials, told, task, space):
                    say(sentence)
                if count(trials)["done"] >= task.trials:
                    break
                _mind(study, place, trials, crew, dead, say)
        except KeyboardInterrupt:
            crew.stop()
            trials = look_at(study, place)
            if not place.is_shared:
                _recover(study, place, trials)
            raise Interrupted("interrupted") from None
        finally:
            crew.stop()
        trials = look_at(study, place)
        for sentence in _news(trials, told, task, space):
            say(sentence)
        counted = count(trials)
        if counted["done"] < task.trials and task.deadline is None:
            say(f"note: the search ended after {counted['done']} trials, because nearly all others would be too large")
        return counted


def look_at(study: Any, place: Place) -> list[Any]:
    """Return the trials of the study as they are now; UsageError where it cannot be reached."""
    with reaching(place):
        return list(study.get_trials(deepcopy=False))


def _recover(study: Any, place: Place, trials: list[Any]) -> None:
    """Give back what nobody works on: trials said to run, and those whose worker was killed before it did so."""
    with reaching(place):
        fail(study, [trial.number for trial, state in states(trials) if state in ("running", "lost")])


def _mind(study: Any, place: Place, trials: list[Any], crew: Crew, dead: list[int], say: Callable[[str], None]) -> None:
    """Replace workers that died, and give their trials back."""
    if dead:
        say(f"note: a worker was ended from outside (process {dead[0]}); its trial will be done again")
    if crew.deaths >= MOST_DEATHS:
        raise UsageError(
            f"{crew.deaths} workers were ended from outside, as the system does where memory runs out; give less data, "
            "or a smaller --jobs, and the same command again"
        )
    if not place.is_shared:  # elsewhere heartbeats tell
        alive = {one.pid for one in crew.processes}
        with reaching(place):
            fail(study, [one.number for one in trials if one.state.name == "RUNNING" and not _is_owned(one, alive)])
    crew.fill()


def _is_owned(trial: Any, alive: set[int | None]) -> bool:
    """Say whether a living worker runs the trial; the moment before it has claimed it counts as well."""
    owner = trial.user_attrs.get("owner")
    if owner is None:
        return trial.datetime_start is None or time.time() - trial.datetime_start.timestamp() < OWNERLESS
    return owner[1] in alive


def _news(trials: list[Any], told: set[int], task: Task, space: Space) -> list[str]:
    """Return a sentence for each trial that came to its end since the last look."""
    found = []
    best = best_of([trial for trial in trials if trial.number in told], task.by)
    counted = sum(state in DONE for trial, state in states(trials) if trial.number in told)
    for trial, state in states(trials):
        if trial.number in told or state in ("running", "waiting"):
            continue
        told.add(trial.number)
        if state in ("given back", "lost"):
            continue
        counted += state in DONE
        now_best = best_of([one for one in (best, trial) if one is not None], task.by)
        is_best = state == "complete" and now_best is trial
        best = now_best
        number = f"{counted}/{task.trials}" if state in DONE and task.trials < NO_END else "-"
        seconds, words = trial.user_attrs.get("seconds", 0.0), in_words(space.options(trial.params))
        found.append(
            f"{number}  trial {trial.number}: {_outcome(trial, state, task.by, is_best)}; {seconds:.1f} s; {words}"
        )
    return found


def _outcome(trial: Any, state: str, by: str, is_best: bool) -> str:
    if state == "complete":
        return f"held-out {metric(by, trial.value)}{', the best so far' if is_best else ''}"
    if state == "pruned":
        return f"dropped after {trial.user_attrs.get('epochs', 0)} epochs"
    return f"{state}: {trial.user_attrs.get('said', 'nobody knows why')}"


def in_words(options: Mapping[str, Any]) -> str:
    """Write what a trial has set otherwise than by default.

    >>> in_words({"hidden": (64, 32), "optimizer": "lion", "weight_decay": 0.1}), in_words({})
    ('hidden 64,32, optimizer lion, weight decay 0.1', 'the defaults')
    """
    written = {
        name: ",".join(map(str, value)) or "none" if isinstance(value, tuple) else value
        for name, value in options.items()
    }
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in written.items()) or "the defaults"
