"""A summary is what a search came to, as plain values: the report draws it, and `--json` prints it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlp_data.atomic import write_text
from mlp_train.plain import plain
from mlp_train.runs import SUMMARY
from mlp_train.tuning.storage import quiet
from mlp_train.tuning.study import DONE, best_of, count, is_less_better, states

FEWEST = 5  # complete trials, below which nobody can say what mattered
BEST_SHARE, BEST_TRIALS = 0.1, 5  # what counts as good when it is asked what mattered: the best tenth, or five


def summarize(study: Any, by: str, identity: Mapping[str, Any]) -> dict[str, Any]:
    """Return all of a study that the report shows."""
    trials = study.get_trials(deepcopy=False)
    best = best_of(trials, by)
    rows = [
        {
            "number": trial.number,
            "state": state,
            "value": trial.value if state == "complete" else None,
            "settings": dict(trial.params),
            **{name: trial.user_attrs.get(name) for name in ("layers", "size", "seconds", "epochs", "said")},
        }
        for trial, state in states(trials)
        if state in (*DONE, "refused")
    ]
    counted = count(trials)
    return dict(
        plain(
            {
                "by": by,
                "less_is_better": is_less_better(by),
                "identity": dict(identity),
                "best": None if best is None else best.number,
                "counts": {name: counted[name] for name in (*DONE, "refused", "given back") if counted[name]},
                "importance": importance(study, trials),
                "trials": rows,
            }
        )
    )


def importance(study: Any, trials: Sequence[Any]) -> dict[str, float]:
    """Return what share each setting had in how good the trials were, by PED-ANOVA (Watanabe et al., 2023).

    Empty where too few trials came to their end, or where Optuna cannot say.
    """
    import optuna

    complete = sum(trial.state.name == "COMPLETE" for trial in trials)
    if complete < FEWEST:
        return {}
    share = min(0.5, max(BEST_SHARE, BEST_TRIALS / complete))
    with quiet():
        try:
            evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=share)
            found = optuna.importance.get_param_importances(study, evaluator=evaluator)
        except (ValueError, RuntimeError, ArithmeticError):  # as where all trials chose the same
            return {}
    return {name: round(float(value), 4) for name, value in found.items()}


def write_summary(folder: Path, summary: Mapping[str, Any]) -> None:
    """Keep the summary in the run folder, for its report."""
    write_text(folder / SUMMARY, json.dumps(summary, indent=1, allow_nan=False) + "\n")


def read_summary(folder: Path) -> dict[str, Any]:
    """Return the summary in a run folder; empty where there is none that can be read."""
    try:
        found = json.loads((folder / SUMMARY).read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def front(trials: Sequence[Mapping[str, Any]], *, less_is_better: bool) -> list[Mapping[str, Any]]:
    """Return the trials to which no other is both smaller and better, the smallest first.

    >>> a, b, c = ({"size": 1, "value": 0.8}, {"size": 2, "value": 0.7}, {"size": 3, "value": 0.9})
    >>> front([c, b, a], less_is_better=False) == [a, c]
    True
    """
    sign = 1 if less_is_better else -1
    found: list[Mapping[str, Any]] = []
    for trial in sorted(trials, key=lambda one: (one["size"], sign * one["value"])):
        if not found or sign * trial["value"] < sign * found[-1]["value"]:
            found.append(trial)
    return found
