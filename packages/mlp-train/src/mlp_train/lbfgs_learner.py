"""With L-BFGS one pass over all samples is one long step, for which they are looked at several times."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mlp_train.array import Array
from mlp_train.averaging import Average
from mlp_train.blas import one_thread_where_small
from mlp_train.crew import Crew
from mlp_train.diagnose import Watched
from mlp_train.fast_step import FastStep
from mlp_train.lbfgs import LBFGS
from mlp_train.learner import Pass, State, diverged, largest_weights
from mlp_train.network import Network
from mlp_train.plan import Plan
from mlp_train.regularizers import add_penalty_gradient, penalty
from mlp_train.share import Exchange, Share


class LbfgsLearner:
    """Does what `Learner` does, by another way, and in one process."""

    average: Average | None = None

    def __init__(self, plan: Plan, state: State) -> None:
        self.plan, self.state = plan, state
        self.network = Network(plan.layers, plan.config.dtype, state.vectors["parameters"])
        self.optimizer = LBFGS(self.network.flat.size)
        alone = Crew(1)
        exchange = Exchange(plan.layers, plan.piece, plan.config.dtype, alone)
        options = {"smoothing": plan.smoothing, "rows": plan.piece}
        self.step = FastStep(
            Share(plan.layers),
            exchange,
            alone,
            self.network,
            plan.loss,
            None,
            plan.config,
            plan.noise_generator,
            **options,
        )

    @property
    def converged(self) -> bool:
        """Whether there is nothing lower to be found."""
        return self.optimizer.converged

    def take(self, steps: int) -> None:
        """Begin where the state is, after so many steps."""
        memory = {name: self.state.vectors[f"optimizer.{name}"] for name in self.optimizer.memory}
        self.optimizer.restore(memory, steps)

    def put(self, watched: Watched | None) -> None:
        """Leave what it remembers in the state; the parameters are there already."""
        told = {} if watched is None else {"gradient": watched.gradient, "change": watched.change}
        for name, array in {**{f"optimizer.{name}": a for name, a in self.optimizer.arrays().items()}, **told}.items():
            np.copyto(self.state.vectors[name], array)

    def parameters(self) -> Array:
        """Return a copy of the network's parameters as they are now."""
        return self.network.flat.copy()

    def epoch(self, number: int, scale: float) -> Iterator[Pass]:  # noqa: ARG002  # it has no learning rate
        """Do one step of L-BFGS; `number` epochs were done before."""
        before = self.network.flat.copy()
        with (
            one_thread_where_small(self.network, self.plan.piece),
            np.errstate(over="ignore", invalid="ignore", divide="ignore"),
        ):
            loss = self.optimizer.step(self.network.flat, self._evaluate)
        so_far = Pass(number + 1, self.plan.lr, samples=len(self.plan.train))
        if not np.isfinite(loss):
            sizes = largest_weights(self.network)
            raise diverged(sizes, number + 1, number + 1, f"the loss became {loss}", "--optimizer adamw, or --l2 0.001")
        config = self.plan.config
        so_far.loss = (loss - penalty(self.network, config.l1, config.l2)) * so_far.samples
        so_far.watched = Watched(self.optimizer.gradient, self.network.flat - before)
        yield so_far

    def _evaluate(self, parameters: Array) -> tuple[float, Array]:  # noqa: ARG002  # they are the network's own
        """Return the loss of all samples with its penalties, and its gradient."""
        config = self.plan.config
        loss = sum(self.step.add(piece) for piece in self.plan.train.batches(len(self.plan.train)))
        add_penalty_gradient(self.network, self.step.gradient, config.l1, config.l2)
        return loss + penalty(self.network, config.l1, config.l2), self.step.gradient.flat
