"""A setting that can change nothing is a mistake of whoever gave it: this table says which, when, why, and what to do.

Only what somebody said counts, never what a preset or a default says, nor a value that asks for what happens anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from mlp_data.dataset import Dataset
from mlp_train.config import FitConfig
from mlp_train.errors import UsageError
from mlp_train.schedules import RISING


@dataclass(frozen=True, eq=False)
class Case:
    """What decides whether a setting does anything. config: with what its preset says. watched: rows are held out."""

    config: FitConfig
    dataset: Dataset
    loss: str
    watched: bool


@dataclass(frozen=True, eq=False)
class Rule:
    """Where `holds`, the option does nothing, whatever its value, but those in `off` ask for nothing else."""

    option: str
    off: tuple[Any, ...]
    holds: Callable[[Case], bool]
    why: str  # may name what is in the case
    remedy: str = ""


ADAMS = ("adam", "adamw", "nadam")
USED_BY = {
    "momentum": ("momentum", "nesterov"),
    "beta1": (*ADAMS, "lion"),
    "beta2": (*ADAMS, "rmsprop", "lion"),
    "weight_decay": ("adamw", "lion"),
}
BUILT_IN = {"sgd", "lbfgs"}.union(*USED_BY.values())  # one of your own may use everything

# L-BFGS needs the exact loss of all samples, as it is, and chooses the length of its steps.
_NOT_WITH_LBFGS: dict[str, tuple[tuple[Any, ...], str]] = {
    **dict.fromkeys(("dropout", "input_noise", "mixup"), ((0,), "needs the same loss each time it looks")),
    "augment": (("none",), "needs the same loss each time it looks"),
    **dict.fromkeys(("max_norm", "clip_norm", "clip_value"), ((None,), "takes every step as it finds it")),
    "average": (("none",), "takes every step as it finds it"),
    "engine": (("fast",), "has a step of its own"),
    "lr": ((None,), "chooses the length of its steps"),
    "schedule": ((), "chooses the length of its steps"),
    "warmup": ((0,), "chooses the length of its steps"),
    "workers": (("auto", 1), "works in one process"),
    "batch_size": (("auto", "full"), "looks at all rows at once"),
}


def _is(optimizer: str) -> Callable[[Case], bool]:
    return lambda case: case.config.optimizer == optimizer


def _not_one_of(users: tuple[str, ...]) -> Callable[[Case], bool]:
    return lambda case: case.config.optimizer in BUILT_IN and case.config.optimizer not in users


def _has_no_labels_to_smooth(case: Case) -> bool:
    return case.loss != "cross-entropy"


def _is_not_hidden(case: Case) -> bool:
    return case.config.hidden == ()


def _is_not_watched(case: Case) -> bool:
    return not case.watched


RULES = (
    *(
        Rule(
            name, (0,), _not_one_of(users), "the optimizer {optimizer} does not use it", f"choose {' or '.join(users)}"
        )
        for name, users in USED_BY.items()
    ),
    *(
        Rule(name, off, _is("lbfgs"), f"the optimizer lbfgs {why}", "choose adamw")
        for name, (off, why) in _NOT_WITH_LBFGS.items()
    ),
    Rule(
        "warmup",
        (0,),
        lambda case: case.config.schedule in RISING,
        "the schedule {schedule} begins with small steps by itself",
        "choose another schedule, such as cosine",
    ),
    Rule(
        "label_smoothing",
        (0,),
        lambda case: _has_no_labels_to_smooth(case) and case.dataset.task == "classification",
        "the loss is {loss}, and only cross-entropy has labels to smooth",
        "choose the loss cross-entropy",
    ),
    Rule(
        "label_smoothing",
        (0,),
        _has_no_labels_to_smooth,
        "the loss is {loss}, and only cross-entropy has labels to smooth",
    ),
    Rule("dropout", (0,), _is_not_hidden, "there is no hidden layer", "add one with hidden"),
    Rule("activation", (), _is_not_hidden, "there is no hidden layer", "add one with hidden"),
    Rule(
        "augment", ("none",), lambda case: case.dataset.kind != "image", "it distorts images, but this is {kind} data"
    ),
    Rule(
        "calibrate",
        (False,),
        lambda case: case.dataset.task == "regression",
        "the target is a number, and only probabilities can be calibrated",
    ),
    *(
        Rule(name, off, _is_not_watched, "no rows are held out", "have some: a valid_fraction above 0, of enough rows")
        for name, off in {"calibrate": (False,), "patience": (None,)}.items()
    ),
    Rule(
        "valid_fraction",
        (),
        lambda case: "valid" in case.dataset.splits and not case.dataset.loaded_fingerprint,
        "the source has validation rows of its own",
    ),
)


def refuse_what_has_no_effect(said: Collection[str], case: Case) -> None:
    """Raise UsageError for the first option in `said` that does nothing in this case."""
    config = case.config
    words = {"optimizer": config.optimizer, "schedule": config.schedule, "loss": case.loss, "kind": case.dataset.kind}
    for rule in RULES:
        if rule.option in said and getattr(config, rule.option) not in rule.off and rule.holds(case):
            remedy = f", or {rule.remedy}" if rule.remedy else ""
            raise UsageError(f"option {rule.option!r} has no effect: {rule.why.format(**words)}; leave it out{remedy}")


def said_in(config: FitConfig) -> set[str]:
    """Return what somebody must have said, because the default is another.

    >>> said_in(FitConfig(beta1=0.5, weight_decay=0.2))
    {'beta1'}
    """
    fields = FitConfig.model_fields
    return {name for name in config.model_fields_set if getattr(config, name) != fields[name].default}
