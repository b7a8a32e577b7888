"""The rules of the hints look at a training through a view: its settings, what its data are like, and its epochs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from mlp_train.hint_facts import Facts
from mlp_train.optimizers import OPTIMIZERS


@dataclass(frozen=True)
class View:
    """What the rules look at. events: as in metrics.jsonl. saturated: `hint_facts.saturated` of a trained model."""

    config: Mapping[str, Any]
    events: Sequence[Mapping[str, Any]]
    facts: Facts = field(default_factory=Facts)
    saturated: Sequence[float] = ()

    @cached_property
    def epochs(self) -> list[Mapping[str, Any]]:
        """The ends of the epochs so far."""
        return [event for event in self.events if event.get("event") == "EpochEnd"]

    @cached_property
    def started(self) -> Mapping[str, Any]:
        """The beginning of the training."""
        return next((event for event in self.events if event.get("event") == "Started"), {})

    @cached_property
    def metrics(self) -> Mapping[str, Mapping[str, float]]:
        """The figures of each split, where the training has ended."""
        ended = [event for event in self.events if event.get("event") == "Finished"]
        return ended[-1].get("metrics", {}) if ended else {}

    def numbers(self, name: str) -> list[float]:
        """Return one number of every epoch; what is not finite is infinite."""
        return [math.inf if one.get(name) is None else float(one[name]) for one in self.epochs]

    @cached_property
    def steps(self) -> list[float]:
        """The largest of the layers' update ratios in every epoch."""
        every = [one.get("update_ratios") or () for one in self.epochs]
        return [max((math.inf if ratio is None else ratio for ratio in ratios), default=0.0) for ratios in every]

    @property
    def optimizer(self) -> str:
        """The name of the optimizer."""
        return str(self.started.get("optimizer") or self.config.get("optimizer") or "adamw")

    @property
    def usual_lr(self) -> float | None:
        """What suits the optimizer; None where it chooses the length of its steps itself, or is not known."""
        known = None if self.optimizer == "lbfgs" else OPTIMIZERS.get(self.optimizer)
        return known.default_lr if known else None

    @property
    def activation(self) -> str:
        """The activation of the hidden layers, the first where they differ."""
        said = self.config.get("activation") or "relu"
        return str(said if isinstance(said, str) else said[0]).partition(":")[0]

    @property
    def most_dead(self) -> float:
        """The share of dead units of the hidden layer that has most of them."""
        return max(self.epochs[-1].get("dead_units") or (), default=0.0) if self.epochs else 0.0
