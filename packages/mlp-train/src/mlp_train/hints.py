"""Hints notice the common mistakes of a training and say why they matter and what to change.

Each rule is a small function over a `View`: the configuration, what was found in the data, and the events so far. So
the command line, the report and the page say the same, during a training and after it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from mlp_data.dataset import Dataset
from mlp_runtime import Model
from mlp_train.events import Event
from mlp_train.hint_facts import SATURATING, Facts, look_at, saturated
from mlp_train.hint_view import View
from mlp_train.raw_batches import batches

FAST, SLOW = 0.02, 1e-4  # a step as a share of the weights it moves; about 0.001 is healthy (Karpathy, CS231n notes)
UNSTEADY = 1.1  # times the lowest loss before it
OVERFITTED, NOTABLE = 1.3, 0.05  # times the lowest held-out loss; and by so much of what knowing nothing costs
DEAD = SATURATED = 0.5  # of a hidden layer's units; of their answers
VANISHED = 1e-3  # gradient of the first layer beside that of the last
UNEVEN, NEGLECTED = 4, 0.1  # times as many samples of a class; accuracy that balanced accuracy lacks
FEWEST_JUDGED, FEWEST_STEPS = 50, 100  # rows; steps
KNOWING = 0.05  # R2, or area under the ROC curve above that of a coin
WIDE = 15.0  # standard deviations from the mean


@dataclass(frozen=True)
class Hint:
    """One mistake. rule: its name. title: what it is. why: what shows it and why it matters. apply: settings to change.

    `apply` has the names of `FitConfig` and of the options of `mlp_data.load`, so that it can be given to both.
    """

    rule: str
    title: str
    why: str
    apply: Mapping[str, Any] = field(default_factory=dict)

    @property
    def flags(self) -> str:
        """The same change on the command line.

        >>> Hint("lr-too-high", "too high", "because", {"lr": 0.003, "drop": ["a", "b"]}).flags
        '--lr 0.003 --drop a,b'
        """
        return " ".join(f"--{name.replace('_', '-')} {_written(value)}" for name, value in self.apply.items())

    def sentence(self) -> str:
        """Return all of it in words."""
        return f"{self.title}: {self.why}" + (f"; try {self.flags}" if self.apply else "")

    def to_dict(self) -> dict[str, Any]:
        """Return it as values that JSON knows."""
        return {"rule": self.rule, "title": self.title, "why": self.why, "apply": dict(self.apply), "flags": self.flags}


@dataclass(frozen=True)
class Hinted(Event):
    """What the hints said at the end of a training, each as `Hint.to_dict` tells it."""

    hints: tuple[dict[str, Any], ...]


Rule = Callable[[View], Hint | None]


def hints(
    config: Mapping[str, Any],
    events: Sequence[Mapping[str, Any]],
    facts: Facts | None = None,
    saturated: Sequence[float] = (),
) -> list[Hint]:
    """Return what the rules notice, the most important first; an empty list where all is well.

    config: settings as in `config.toml`. events: `Event.to_dict()` of a training, or the lines of its metrics.jsonl.
    facts: `hint_facts.look_at(dataset)`. saturated: `hint_facts.saturated` of the trained model.

    >>> hints({"lr": 10.0}, [])
    []
    """
    view = View(config, events, facts or Facts(), saturated)
    found: list[Hint] = []
    for rule, is_named_by in RULES.items():
        if not any(one.rule in is_named_by for one in found) and (hint := rule(view)):
            found.append(hint)
    return found


def leak(view: View) -> Hint | None:
    """A column tells the answer by itself."""
    if not view.facts.leaks:
        return None
    name, power = next(iter(view.facts.leaks.items()))
    return Hint(
        "leak",
        "leaking column",
        f"{name!r} alone gives {power:.0%} of the answer on rows that it was not read on, so it may be written down "
        "only when the answer is known; if so, the model will fail where it matters",
        {"drop": list(view.facts.leaks)},
    )


def lr_too_high(view: View) -> Hint | None:
    """The steps are long, and the loss shows it."""
    losses, usual = view.numbers("loss"), view.usual_lr
    if not losses or usual is None or max(view.steps) < FAST:
        return None
    unsteady = any(loss > UNSTEADY * min(losses[:at]) for at, loss in enumerate(losses) if at)
    chance = view.started.get("chance_loss") or view.started.get("first_loss") or math.inf
    if not (unsteady or losses[-1] > 0.9 * chance or view.most_dead > DEAD):
        return None
    lr = float(view.started.get("lr") or usual)
    what = "the training loss jumps" if unsteady else "the training loss hardly falls"
    if not unsteady and view.most_dead > DEAD:
        what = f"{view.most_dead:.0%} of a layer's units are dead"
    return Hint(
        "lr-too-high",
        "learning rate too high",
        f"a step moved a layer by up to {max(view.steps) * 100:.2g} % of its weights, where 0.1 % is usual, and "
        f"{what}, because such steps leap over what they look for",
        {"lr": usual if lr > usual else lr / 10},
    )


def lr_too_low(view: View) -> Hint | None:
    """The steps are tiny, and much of the loss is left."""
    losses, usual = view.numbers("loss"), view.usual_lr
    first, lr = view.started.get("first_loss"), view.started.get("lr")
    if len(losses) < 2 or usual is None or not first or not lr or lr >= usual:
        return None
    early = median(view.steps[: max(1, len(view.steps) // 2)])  # later, most schedules make them small on purpose
    if early > SLOW or not 0.25 * first < losses[-1]:
        return None
    return Hint(
        "lr-too-low",
        "learning rate too low",
        f"a step moved a layer by no more than {early:.1g} of its weights, where 0.001 is usual, and after "
        f"{len(losses)} epochs {losses[-1] / first:.0%} of the first loss is left",
        {"lr": usual},
    )


def overfitting(view: View) -> Hint | None:
    """The held-out loss rises while the training loss falls."""
    held, losses = view.numbers("valid_loss"), view.numbers("loss")
    if len(held) < 5 or not all(map(math.isfinite, held)):
        return None
    best = held.index(min(held))
    now = median(held[-3:])  # one epoch says little
    worth = view.started.get("chance_loss") or view.started.get("first_loss") or 0.0
    if now < OVERFITTED * held[best] or now - held[best] < NOTABLE * worth or losses[-1] > losses[best]:
        return None
    images = view.facts.kind == "image" and view.config.get("augment", "none") == "none"
    remedy = {"augment": "light"} if images else {"dropout": 0.5 if view.config.get("dropout") else 0.2}
    return Hint(
        "overfitting",
        "overfitting",
        f"the held-out loss was lowest in epoch {view.epochs[best].get('epoch', best + 1)} and rose by "
        f"{now / held[best] - 1:.0%} since, while the training loss fell: the network "
        "learns the training rows by heart",
        remedy,
    )


def dead_units(view: View) -> Hint | None:
    """Many hidden units answer 0 to everything."""
    if view.most_dead <= DEAD:
        return None
    shares = view.epochs[-1]["dead_units"]
    return Hint(
        "dead-units",
        "dead units",
        f"{max(shares):.0%} of the units of hidden layer {shares.index(max(shares)) + 1} answer 0 to every held-out "
        "row, so no gradient reaches them and nothing can wake them",
        {"activation": "leaky-relu"},
    )


def saturated_sigmoids(view: View) -> Hint | None:
    """Hidden units stand at the flat ends of their activation, or the gradient fades on its way through them."""
    if view.activation not in SATURATING:
        return None
    ends = max(view.saturated, default=0.0)
    norms = [one["gradient_norms"] for one in view.epochs if len(one.get("gradient_norms") or ()) > 1]
    faded = median(n[0] / n[-1] if n[0] is not None and n[-1] else 1.0 for n in norms) if norms else 1.0
    if ends > SATURATED:
        what = f"{ends:.0%} of the answers of a hidden layer lie at the flat ends of {view.activation}"
    elif faded < VANISHED:
        what = f"the gradient of the first layer is {faded:.0e} of the last one's, lost through {view.activation}"
    else:
        return None
    return Hint(
        "saturated-sigmoids",
        "saturated units",
        f"{what}, where the slope is nearly 0, so what is before them hardly learns",
        {"activation": "relu"},
    )


def imbalance(view: View) -> Hint | None:
    """Some class is rare, and pays for it."""
    counts = {name: count for name, count in view.facts.counts.items() if count}
    if len(counts) < 2 or view.config.get("class_weight", "none") != "none":
        return None
    rare, common = min(counts, key=counts.__getitem__), max(counts, key=counts.__getitem__)
    times = counts[common] / counts[rare]
    figures = view.metrics.get("valid") or view.metrics.get("test") or {}
    lacking = figures.get("accuracy", 1.0) - figures.get("balanced_accuracy", 0.0) if figures else 1.0
    if times < UNEVEN or lacking < NEGLECTED:
        return None
    cost = f", and the mean recall of the classes is {lacking * 100:.0f} points below the accuracy" if figures else ""
    return Hint(
        "imbalance",
        "rare classes",
        f"{common!r} has {times:.0f} times as many samples as {rare!r}{cost}: answering the "
        "common class pays too often",
        {"class_weight": "balanced"},
    )


def guessing(view: View) -> Hint | None:
    """What was learned says no more of held-out rows than an answer that never looks at them."""
    figures, rows = view.metrics.get("valid") or {}, view.started.get("valid_samples") or 0
    if rows < FEWEST_JUDGED or len(view.epochs) * (view.started.get("batches") or 0) < FEWEST_STEPS:
        return None
    aims_at_mean = view.started.get("loss") == "squared-error"
    if aims_at_mean and 0 != figures.get("r2", 1.0) < KNOWING:  # exactly 0 where all have the same number
        what = f"R2 is {figures['r2']:.2f}, and always answering the mean has 0"
    elif view.facts.counts and "accuracy" in figures and figures.get("roc_auc", 1.0) < 0.5 + KNOWING:
        common = max(view.facts.counts, key=view.facts.counts.__getitem__)
        share = view.facts.counts[common] / sum(view.facts.counts.values())
        if figures["accuracy"] > share + 2 * math.sqrt(share * (1 - share) / rows):  # two standard errors
            return None
        what = f"{figures['accuracy']:.0%} are right, and always answering {common!r} has about {share:.0%}"
    else:
        return None
    return Hint(
        "guessing",
        "hardly better than guessing",
        f"of {rows} held-out rows {what}; either the inputs say nothing of the answer, or they do not belong to it: "
        "see with `mlp-data inspect` or `mlp-data preview` whether each row has its own answer",
    )


def unscaled_inputs(view: View) -> Hint | None:
    """A value reaches the network far outside the range of the others."""
    if view.facts.widest <= WIDE:
        return None
    piecewise = view.facts.kind == "table" and view.config.get("numbers") != "piecewise"
    return Hint(
        "unscaled-inputs",
        "inputs of very different size",
        f"{view.facts.widest_name} reaches {view.facts.widest:.0f} standard deviations from its mean, so a few samples "
        "outweigh the rest in every sum" + ("" if piecewise else "; bring it to a common scale, by a logarithm say"),
        {"numbers": "piecewise"} if piecewise else {},
    )


def advise(
    config: Mapping[str, Any], events: Sequence[Mapping[str, Any]], dataset: Dataset | None, model: Model | None
) -> list[Hint]:
    """Return the hints of a training that has ended, with all that its data and its model tell."""
    facts: Facts | None = None
    shares: tuple[float, ...] = ()
    if dataset is not None and "train" in dataset.splits:
        facts = look_at(dataset)
        if model is not None and any(layer.activation.name in SATURATING for layer in model.layers[:-1]):
            shares = saturated(model, model.input.transform(next(batches(dataset.train.x))))
    return hints(config, events, facts, shares)


# each rule, and the rules that already name its cause
RULES: dict[Rule, tuple[str, ...]] = {
    leak: (),
    lr_too_high: (),
    lr_too_low: (),
    dead_units: ("lr-too-high",),
    saturated_sigmoids: ("lr-too-low",),
    unscaled_inputs: (),
    overfitting: ("lr-too-high",),
    imbalance: ("lr-too-high", "lr-too-low"),
    guessing: (
        "lr-too-high",
        "lr-too-low",
        "dead-units",
        "saturated-sigmoids",
        "unscaled-inputs",
        "overfitting",
        "imbalance",
    ),
}


def _written(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ",".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
