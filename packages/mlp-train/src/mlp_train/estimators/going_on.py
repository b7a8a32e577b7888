"""A training that goes on with other samples or settings keeps its weights and what its optimizer remembers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from mlp_runtime import Model
from mlp_train.array import Array
from mlp_train.control import Control
from mlp_train.errors import UsageError
from mlp_train.lbfgs_learner import LbfgsLearner
from mlp_train.learner import Learner
from mlp_train.network import LayerSpec
from mlp_train.plan import Plan
from mlp_train.trainer import Trainer


@dataclass(frozen=True, eq=False)
class Memory:
    """Where a training stopped: its vectors by name, as a checkpoint has them, and how many steps it has made."""

    optimizer: str
    vectors: Mapping[str, Array] = field(default_factory=dict)
    steps: int = 0
    found_lr: float | None = None
    fingerprint: str = ""  # of the samples

    @classmethod
    def of(cls, trainer: Further, vectors: Mapping[str, Array]) -> Memory:
        """Return what to go on with after `trainer`, whose last checkpoint has these vectors."""
        plan = trainer.plan
        kept = {name: vectors[name] for name in trainer.state.saved}
        return cls(plan.config.optimizer, kept, trainer.steps, plan.found_lr, plan.dataset.fingerprint)


class Further(Trainer):
    """A trainer that begins with the weights of `model`, or with `memory`; with neither of them, anew.

    What an optimizer remembers serves only the same optimizer; what L-BFGS knows of the loss, only the same samples.
    UsageError where the layers are not those of the model.
    """

    def __init__(self, plan: Plan, model: Model | None, memory: Memory | None, control: Control, seed: int) -> None:
        self.before = memory.steps if memory else 0
        if model is not None:
            _check_layers(plan.layers, model)
            turn = [np.random.default_rng((seed, kind, self.before)) for kind in (1, 2)]
            plan = replace(plan, shuffle_generator=turn[0], noise_generator=turn[1])  # another order than before
        super().__init__(plan, None, control)
        if memory is not None:
            self._remember(memory)
        elif model is not None:
            for i, layer in enumerate(model.layers):
                self.network.weights[i][:] = np.asarray(layer.weight).T
                self.network.biases[i][:] = layer.bias
        self.best = self.network.flat.copy()

    @property
    def steps(self) -> int:
        """Steps in all, those before this training among them."""
        return self.before + self.epoch * self.plan.batches

    def _remember(self, memory: Memory) -> None:
        config = self.plan.config
        np.copyto(self.network.flat, memory.vectors["parameters"])
        same = memory.optimizer == config.optimizer
        if same and config.optimizer == "lbfgs":
            same = memory.fingerprint == self.plan.dataset.fingerprint
        if not same:
            self.before = 0
        for name, vector in memory.vectors.items():
            is_known = name in self.state.vectors and self.state.vectors[name].shape == vector.shape
            if is_known and ((same and name.startswith("optimizer.")) or (name == "average" and self._averages_on)):
                np.copyto(self.state.vectors[name], vector)

    @property
    def _averages_on(self) -> bool:
        return self.config.average == "ema"  # the other is the mean over the last quarter of one training

    def _learner(self) -> Learner | LbfgsLearner:
        learner = super()._learner()
        if self.before:
            learner.take(self.steps)
            if learner.average is not None and not self._averages_on:
                learner.average.steps = self.epoch * self.plan.batches
        return learner


def _check_layers(layers: tuple[LayerSpec, ...], model: Model) -> None:
    ours = [(spec.n_in, spec.n_out, spec.activation) for spec in layers]
    theirs = [(layer.weight.shape[1], len(layer.bias), layer.activation.name) for layer in model.layers]
    if ours != theirs:
        raise UsageError(
            f"training goes on with the layers {_written(theirs)}, but the parameters now ask for {_written(ours)}: "
            "leave the layers as they were, or fit anew with warm_start=False"
        )


def _written(layers: list[tuple[int, int, str]]) -> str:
    return ", ".join(f"{n_in} -> {n_out} {activation}" for n_in, n_out, activation in layers)
