"""A study is the trials of one search; here they are counted, given back where a worker died, and compared."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mlp_data.dataset import Dataset
from mlp_train.errors import UsageError
from mlp_train.plain import plain
from mlp_train.plan import own_validation
from mlp_train.run_table import LESS_IS_BETTER
from mlp_train.settings import Settings
from mlp_train.tuning.storage import Place, quiet

MOST_TRIES = 3  # of one trial whose worker dies each time, as where memory runs out
VERSION = 1  # of the space: other dimensions make another study
DONE = ("complete", "pruned", "diverged", "failed")  # a trial that says something about its settings
STATES = (*DONE, "refused", "running", "waiting", "given back", "lost")


def by_default(task: str) -> str:
    """Return the figure that is searched by where nobody names another."""
    return "rmse" if task == "regression" else "accuracy"


def is_less_better(by: str) -> bool:
    """Say whether a smaller figure is the better one."""
    return by in LESS_IS_BETTER


def identity(dataset: Dataset, settings: Settings, by: str, max_bytes: int | None, folds: int) -> dict[str, Any]:
    """Return what all trials of a study, on whatever machine, have in common."""
    fixed = settings.config.model_dump(mode="json", include=set(settings.said) | {"preset", "seed"})
    return dict(
        plain(
            {
                "version": VERSION,
                "data": dataset.fingerprint,
                "validation": own_validation(dataset),
                "target": dataset.target,
                "options": dict(dataset.load_options),
                "fixed": dict(sorted(fixed.items())),
                "by": by,
                "max_bytes": max_bytes,
                "folds": folds,
            }
        )
    )


def name_of(identity: Mapping[str, Any]) -> str:
    """Return the name of the study, the same wherever the command is given and whatever the data are called there."""
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
    return f"mlp-train tune {digest[:16]}"


def open_study(storage: Any, place: Place, identity: Mapping[str, Any], name: str, first: Mapping[str, Any]) -> Any:
    """Return the study in the storage, or a new one that begins with the settings `first`.

    UsageError where a journal holds the study of another command.
    """
    import optuna

    with quiet():
        if place.path is not None:
            for other in optuna.get_all_study_summaries(storage, include_best_trial=False):
                if other.study_name != name:
                    raise UsageError(_another(place, other.user_attrs.get("identity"), identity))
        directions = optuna.study.StudyDirection
        direction = directions.MINIMIZE if is_less_better(identity["by"]) else directions.MAXIMIZE
        study = optuna.create_study(
            storage=storage,
            study_name=name,
            direction=direction,
            load_if_exists=True,
            sampler=optuna.samplers.RandomSampler(),
        )
        if "identity" not in study.user_attrs:
            study.set_user_attr("identity", dict(identity))
        if not study.get_trials(deepcopy=False):
            study.enqueue_trial(dict(first), skip_if_exists=True)
    return study


def state_of(trial: Any, given_back: set[int]) -> str:
    """Return what became of a trial, one of STATES."""
    name, why = trial.state.name, trial.user_attrs.get("why")
    if name in ("RUNNING", "WAITING"):
        return str(name.lower())
    if name == "COMPLETE":
        return "complete"
    if name == "PRUNED":
        return why if why in ("refused", "diverged") else "pruned"
    if why == "failed":
        return "failed"
    return "given back" if trial.number in given_back else "lost"


def states(trials: Sequence[Any]) -> list[tuple[Any, str]]:
    """Return each trial with what became of it."""
    given_back = {trial.user_attrs["again"] for trial in trials if "again" in trial.user_attrs}
    return [(trial, state_of(trial, given_back)) for trial in trials]


def count(trials: Sequence[Any]) -> Counter[str]:
    """Return how many trials there are of each of STATES, and of all that are `done`."""
    found = Counter(state for _, state in states(trials))
    found["done"] = sum(found[state] for state in DONE)
    return found


def give_back(study: Any, trial: Any, *, died: bool = True) -> None:
    """Put a trial that came to no end into the queue again, with the settings that it had.

    died: its worker did, which may be the settings' fault, so that happens MOST_TRIES times at most.
    """
    import optuna

    tries = trial.user_attrs.get("tries", 1) + died
    if tries > MOST_TRIES:
        return
    with quiet():
        study.add_trial(
            optuna.create_trial(
                state=optuna.trial.TrialState.WAITING,
                params=trial.params,
                distributions=trial.distributions,
                user_attrs={"again": trial.number, "tries": tries},
                system_attrs={name: value for name, value in trial.system_attrs.items() if name == "fixed_params"},
            )
        )


def fail(study: Any, numbers: Iterable[int]) -> None:
    """Give back trials that are said to run, but whose workers are dead; only where nobody else does the same."""
    import optuna

    with quiet():
        for number in numbers:
            study.tell(number, state=optuna.trial.TrialState.FAIL, skip_if_finished=True)
            give_back(study, study.get_trials(deepcopy=False)[number])


def best_of(trials: Iterable[Any], by: str) -> Any | None:
    """Return the best complete trial; of equals that with the lower loss, then the smaller, then the earlier."""
    complete = [trial for trial in trials if trial.state.name == "COMPLETE" and math.isfinite(trial.value)]
    return min(complete, key=lambda trial: rank(trial, by), default=None)


def rank(trial: Any, by: str) -> tuple[float, float, int, int]:
    """Return by what complete trials are compared, the best first."""
    figures = trial.user_attrs.get("figures", {})
    loss = figures.get("log_loss", figures.get("loss", math.inf))
    sign = 1 if is_less_better(by) else -1
    return sign * trial.value, loss, trial.user_attrs.get("size", 0), trial.number


def _another(place: Place, then: Any, now: Mapping[str, Any]) -> str:
    """Say what differs between the study in a folder and the one that is asked for."""
    then = then if isinstance(then, dict) else {}
    what = next((name for name in ("data", "validation", "options", "target") if then.get(name) != now[name]), None)
    if what is not None:
        why = "its training data were others" if what == "data" else f"its {what} were not the same"
    elif then.get("fixed") != now["fixed"]:
        fixed = dict(then.get("fixed") or {})
        names = [name for name in {**fixed, **now["fixed"]} if fixed.get(name) != now["fixed"].get(name)]
        name = (names or ["settings"])[0].replace("_", "-")
        why = f"--{name} was not the same"
    else:
        of_search = {
            "by": "--by",
            "max_bytes": "--max-model-kb",
            "folds": "--folds",
            "version": "the version of mlp-train",
        }
        why = f"{next((text for key, text in of_search.items() if then.get(key) != now[key]), 'it')} was not the same"
    return f"{place}: this is the study of another search: {why}; give the same command as then, or another --out"
