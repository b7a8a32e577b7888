"""A learner is what one process trains: its share of the network, an optimizer for it, and the samples in turn."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from mlp_train.array import Array
from mlp_train.augmenting import Augmenter
from mlp_train.averaging import Average
from mlp_train.blas import one_thread_where_small
from mlp_train.config import FitConfig
from mlp_train.control import Control
from mlp_train.crew import Crew
from mlp_train.diagnose import Watched
from mlp_train.errors import DivergedError
from mlp_train.fast_step import FastStep
from mlp_train.lbfgs import LBFGS
from mlp_train.network import FlatArrays, LayerSpec, Network
from mlp_train.optimizers import OPTIMIZERS
from mlp_train.own_rows import FastOwnRows, PlainOwnRows
from mlp_train.parallel import Ranks
from mlp_train.plan import Plan
from mlp_train.reader import BlockReader
from mlp_train.schedules import learning_rate
from mlp_train.share import Exchange, Share
from mlp_train.step import PlainStep

PROGRESS_SECONDS = 0.2  # how long an epoch may take before it tells how far it is, and then between two such words
BLOWN_UP = 1e12  # a loss of targets that are 0, 1 or scaled, which no step comes back from although it is a number
SWA_START = 0.75  # the share of the training after which `swa` begins to average


@dataclass
class Pass:
    """How far one pass over the training samples is."""

    step: int  # of the whole training
    lr: float
    samples: int = 0
    loss: float = 0.0  # summed over these samples
    watched: Watched | None = None  # of the last step


class State:
    """The vectors that decide how training goes on, by name; most are as long as the whole network's parameters."""

    def __init__(self, plan: Plan, crew: Crew) -> None:
        config = plan.config
        size = FlatArrays(plan.layers, config.dtype).flat.size
        kept = {"parameters": (size,)}
        if config.optimizer == "lbfgs":
            kept |= {f"optimizer.{name}": array.shape for name, array in LBFGS(size).arrays().items()}
        else:
            kept |= {f"optimizer.{name}": (size,) for name in OPTIMIZERS[config.optimizer].memory}
        if config.average != "none":
            kept["average"] = (size,)
        self.saved = tuple(kept)
        told = {"gradient": (size,), "change": (size,)}  # these only tell how it went
        self.vectors = {name: crew.array(shape, _dtype(name, config)) for name, shape in {**kept, **told}.items()}


def _dtype(name: str, config: FitConfig) -> Any:
    """Return the type of a vector; L-BFGS keeps its memory in types of its own."""
    if config.optimizer == "lbfgs" and name.startswith("optimizer."):
        return LBFGS(1).arrays()[name.removeprefix("optimizer.")].dtype
    return config.dtype


class Learner:
    """One process's part of the training."""

    converged = False  # it ends when the epochs do

    def __init__(
        self,
        plan: Plan,
        samples: BlockReader,
        crew: Crew,
        state: State,
        exchange: Exchange,
        augmenter: Augmenter | None = None,
        control: Control | None = None,
        ranks: Ranks | None = None,
    ) -> None:
        self.plan, self.samples, self.crew, self.state, self.exchange = plan, samples, crew, state, exchange
        self.augmenter = augmenter
        self.control = control if control is not None and crew.count == 1 else Control()  # none waits for another
        config = plan.config
        self.share = Share(plan.layers, crew.index, crew.count, samples.inputs)
        self.network = Network(self.share.layers, config.dtype)
        size = self.network.flat.size
        self.optimizer = OPTIMIZERS[config.optimizer](
            size,
            config.dtype,
            weight_count=self.network.weight_count,
            momentum=config.momentum,
            weight_decay=config.weight_decay,
            beta1=config.beta1,
            beta2=config.beta2,
        )
        self.average: Average | None = None
        if config.average != "none":
            start = int(SWA_START * plan.steps) if config.average == "swa" else 0
            self.average = Average(config.average, size, config.dtype, start=start)
        self.step: PlainStep = self._kind_of_step(ranks)(
            self.network,
            plan.loss,
            self.optimizer,
            config,
            plan.noise_generator,
            smoothing=plan.smoothing,
            average=self.average,
            rows=plan.piece,
        )

    def _kind_of_step(self, ranks: Ranks | None) -> Callable[..., PlainStep]:
        if self.plan.config.engine == "plain":
            return PlainStep if ranks is None else partial(PlainOwnRows, ranks)
        kind = FastStep if ranks is None else partial(FastOwnRows, ranks)
        return partial(kind, self.share, self.exchange, self.crew)

    def take(self, steps: int) -> None:
        """Begin with this process's share of the state, after so many steps."""
        self.optimizer.steps = steps
        if self.average is not None:
            self.average.steps = steps
        for name, own in self._vectors():
            self.share.take(self._layered(self.state.vectors[name], self.plan.layers), own)

    def put(self, watched: Watched | None) -> None:
        """Leave this process's share in the state, once an epoch, and what happened in the last step."""
        vectors = self._vectors()
        if watched is not None:
            vectors += [(name, self._layered(getattr(watched, name))) for name in ("gradient", "change")]
        for name, own in vectors:
            self.share.put(own, self._layered(self.state.vectors[name], self.plan.layers))
        self._decay_zero_inputs(
            self.state.vectors["parameters"], None if watched is None else self.state.vectors["change"]
        )
        self.optimizer.decay_left = self.optimizer.decay_left_before = 1.0

    def parameters(self) -> Array:
        """Return a copy of the whole network's parameters as they are now, where one process trains all of it."""
        flat = self.state.vectors["parameters"].copy()
        self.share.put(self.network, self._layered(flat, self.plan.layers))
        self._decay_zero_inputs(flat)
        return flat

    def _decay_zero_inputs(self, parameters: Array, change: Array | None = None) -> None:
        """Do to the weights that no step computes what decay did to the others since they were put."""
        left_out, columns = self.share.zero_inputs, self.share.columns[0]
        if not len(left_out) or not (self.share.is_split[0] or self.share.is_first):
            return
        left, left_before = self.optimizer.decay_left, self.optimizer.decay_left_before
        weight = self._layered(parameters, self.plan.layers).weights[0]
        began = weight[left_out, columns]
        weight[left_out, columns] = began * left
        if change is not None:
            d_weight = self._layered(change, self.plan.layers).weights[0]
            d_weight[left_out, columns] = began * (left - left_before)

    def align(self, ranks: Ranks) -> None:
        """Take what rank 0 has: processors of two kinds may round differently, and would drift apart unnoticed."""
        for _, own in self._vectors():
            ranks.as_first(own.flat)

    def _vectors(self) -> list[tuple[str, FlatArrays]]:
        own = {"parameters": self.network.flat}
        own |= {f"optimizer.{name}": array for name, array in self.optimizer.arrays().items()}
        if self.average is not None:
            own["average"] = self.average.mean
        return [(name, self._layered(flat)) for name, flat in own.items()]

    def _layered(self, flat: Array, layers: tuple[LayerSpec, ...] | None = None) -> FlatArrays:
        return FlatArrays(layers or self.share.layers, flat.dtype, flat)

    def epoch(self, number: int, scale: float) -> Iterator[Pass]:
        """Show the network every training sample once; yield how far that is, a few times a second and at the end.

        number: epochs done before; scale: a factor of the schedule's learning rate.
        """
        plan, config = self.plan, self.plan.config
        batches = self.samples.batches(plan.batch_size, plan.shuffle_generator, self.augmenter)
        so_far = Pass(number * plan.batches, plan.lr)
        total, step = len(self.samples), self.step
        begins = True  # the next piece is the first of a batch
        while so_far.samples < total:
            every = self.control.every_batch
            until = time.perf_counter() + (0.0 if every else PROGRESS_SECONDS)
            # the loss is looked at after every batch, so an overflow is reported by a sentence and not by a warning
            with (
                one_thread_where_small(self.network, plan.piece if self.crew.count == 1 else 1),
                np.errstate(over="ignore", invalid="ignore", divide="ignore"),
            ):
                for piece in batches:
                    if begins:
                        rate = learning_rate(config.schedule, plan.lr * scale, so_far.step, plan.steps, config.warmup)
                        so_far.lr = rate
                        step.begin(rate)
                    begins = piece.ends
                    loss = step.add(piece)
                    if not abs(loss) < BLOWN_UP:  # nor NaN; every process sees the same loss
                        raise self._diverged(so_far.step + 1, number + 1, f"the loss became {loss:.3g}", so_far.lr)
                    so_far.loss += loss * piece.batch
                    so_far.samples += len(piece.x)
                    if not piece.ends:
                        continue
                    so_far.step += 1
                    so_far.watched = step.update(watch=every or so_far.samples == total)
                    if time.perf_counter() >= until and so_far.samples < total:
                        break
            yield so_far  # outside of `with`, so that whoever listens computes as ever
        self.optimizer.settle()
        if self.crew.total(float(not np.isfinite(self.network.flat).all())):
            raise self._diverged(so_far.step, number + 1, "a weight is no longer a number", so_far.lr)

    def _diverged(self, step: int, epoch: int, what: str, lr: float) -> DivergedError:
        largest = self.exchange.largest
        largest[self.crew.index] = largest_weights(self.network)
        self.crew.wait()
        return diverged(largest.max(axis=0), step, epoch, what, f"a smaller --lr (it was {lr:.3g}) or --clip-norm 1")


def diverged(sizes: Array, step: int, epoch: int, what: str, remedy: str) -> DivergedError:
    """Return the error that names the step, the layer whose values blew up, and what to try.

    sizes: (layers,), the largest weight of each.
    """
    blown = np.flatnonzero(~np.isfinite(sizes))
    worst = int(blown[0]) if blown.size else int(np.argmax(sizes))
    return DivergedError(
        f"training diverged at step {step} (epoch {epoch}): {what} and the largest weight of layer {worst + 1} is "
        f"{sizes[worst]:.3g}; try {remedy}"
    )


def largest_weights(network: Network) -> Array:
    """Return the size of the largest weight of each layer."""
    return np.array([np.abs(weight).max() for weight in network.weights], np.float64)
