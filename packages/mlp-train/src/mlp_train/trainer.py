"""The trainer repeats one thing: forward, loss, backward, update; and tells what happens in events."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from typing import Any, NoReturn

import numpy as np

from mlp_data.dataset import Dataset
from mlp_train.assess import all_figures, calibration, few_figures, look
from mlp_train.augmenting import Augmenter
from mlp_train.checkpoints import Checkpoint
from mlp_train.config import FitConfig, make_config
from mlp_train.control import Control
from mlp_train.crew import Crew
from mlp_train.diagnose import DeadUnits, Watched, layer_norms, update_ratios
from mlp_train.errors import DivergedError
from mlp_train.events import EpochEnd, Event, Finished, Progress, Started, Stopped
from mlp_train.initializers import initialize
from mlp_train.lbfgs_learner import LbfgsLearner
from mlp_train.learner import Learner, Pass, State
from mlp_train.losses import mean_loss
from mlp_train.metrics import rounded
from mlp_train.network import ForwardPass, Network
from mlp_train.parallel import Ranks
from mlp_train.piece import PIECE
from mlp_train.plan import Plan, Settled, make_plan
from mlp_train.plugins import load_installed
from mlp_train.regularizers import norm, penalty
from mlp_train.result import Result
from mlp_train.resuming import checkpoint, restore, settled
from mlp_train.schedules import Plateau
from mlp_train.share import Exchange
from mlp_train.zero_inputs import learned_from

CHECKPOINT_SECONDS = 1.0  # a run of many short epochs should not spend its time on writing
NOT_IN_HISTORY = ("event", "seconds", "eta")


def train(
    dataset: Dataset,
    config: FitConfig | None = None,
    *,
    resume: Checkpoint | None = None,
    checkpoint: Callable[[Checkpoint], None] | None = None,
    control: Control | None = None,
    **options: Any,
) -> Iterator[Event]:
    """Train a network on `dataset` and yield what happens; the last event is `Finished(result)`.

    `options` are fields of `FitConfig`. `checkpoint` is called with the state at the end of an epoch, at most once a
    second; `resume` continues from such a state and ends with exactly the parameters of an uninterrupted run.
    Through `control` the caller may stop the training or change its steps. The dataset's test split is not looked at.

    Raises UsageError for options that do not fit together, DataError for data that cannot be trained on, and
    DivergedError when the loss leaves the finite numbers.

    >>> import mlp_data
    >>> xor = mlp_data.from_arrays([[0, 0], [0, 1], [1, 0], [1, 1]], ["0", "1", "1", "0"])
    >>> *_, finished = train(xor, seed=1)
    >>> finished.result.metrics["train"]["accuracy"]
    1.0
    """
    return Trainer(settle(dataset, make_config(config, **options), resume), resume, control).run(checkpoint)


def settle(
    dataset: Dataset,
    config: FitConfig,
    resume: Checkpoint | None = None,
    said: Collection[str] | None = None,
    *,
    measure: bool = True,
) -> Plan:
    """Settle how `dataset` will be trained on, as the run of the checkpoint `resume` did, or with measurements anew.

    said: as `make_plan` takes it. measure: whether what is left to a measurement is measured here.
    """
    from mlp_train.measuring import measured  # which trains a little itself

    load_installed()
    plan = make_plan(dataset, config, Settled() if resume is None else settled(resume), said)
    return measured(plan) if measure and not resume else plan


class Trainer:
    """One training run: the network, what every process of its crew learns, and what was reached so far."""

    def __init__(
        self,
        plan: Plan,
        resume: Checkpoint | None = None,
        control: Control | None = None,
        ranks: Ranks | None = None,
    ) -> None:
        self.plan, self.config, self.ranks = plan, plan.config, ranks
        self.crew = Crew(plan.workers)
        self.state = State(plan, self.crew)
        self.exchange = Exchange(plan.layers, plan.piece, plan.config.dtype, self.crew)
        self.network = Network(plan.layers, plan.config.dtype, self.state.vectors["parameters"])
        self.samples = plan.train if ranks is not None else learned_from(plan)
        self.augmenter = None if self.config.augment == "none" else Augmenter(plan, self.crew, ranks)
        self.learner: Learner | LbfgsLearner | None = None
        self.control = control or Control()
        self.epoch = 0  # epochs done
        self.seconds = 0.0  # that were spent before this process
        self.stopped: str | None = None  # why it ended before its last epoch
        self.plateau, self.lr_factor = Plateau(), 1.0
        self.lr_scale = self.crew.array((1,), np.float64)  # what both make of the learning rate, for all processes
        self.history: list[dict[str, Any]] = []
        self.best_epoch, self.best_loss = 0, np.inf
        if resume is None:
            initialize(self.network, plan.weight_generator, plan.config.initializer)
            self.best = self.network.flat.copy()
        else:
            restore(self, resume)

    def run(self, save: Callable[[Checkpoint], None] | None = None) -> Iterator[Event]:
        """Train to the end, or until the validation loss has not improved for `patience` epochs."""
        try:
            self.start()
            yield from self._epochs(save)
        finally:
            self.crew.end()

    def start(self) -> None:
        """Start the other processes, and begin where the state is."""
        self.crew.start(self._learn_along)
        self.learner = self._learner()

    def _epochs(self, save: Callable[[Checkpoint], None] | None) -> Iterator[Event]:
        plan = self.plan
        first_epoch, spent = self.epoch + 1, self.seconds
        yield self._started(first_epoch)
        began = last_save = time.perf_counter()  # whoever listens may have taken a while to get ready
        if save and self.epoch == 0:
            save(checkpoint(self, spent))
        while self.epoch < plan.epochs and self.stopped is None:
            if self.control.lr is not None:
                self.lr_factor = self.control.lr / plan.lr
            self.lr_scale[0] = self.plateau.share * self.lr_factor
            for done in self.one_epoch():
                share, seconds = done.samples / len(plan.train), time.perf_counter() - began
                if share < 1:
                    epochs_done = self.epoch + share
                    eta = seconds / (epochs_done - first_epoch + 1) * (plan.epochs - epochs_done)
                    norms = () if done.watched is None else self._norms(done.watched)
                    yield Progress(self.epoch + 1, plan.epochs, share, done.loss / done.samples, seconds, eta, norms)
            self.epoch += 1
            judged, dead = self.judged(), DeadUnits(plan.layers)
            seen = None if plan.valid is None else look(plan, "valid", judged, dead)
            best = seen is None or seen.objective < self.best_loss or self.best_epoch == 0
            if best:
                self.best_epoch, self.best_loss = self.epoch, np.inf if seen is None else seen.objective
                np.copyto(self.best, judged.flat)
            seconds = time.perf_counter() - began
            gradient, change = self.state.vectors["gradient"], self.state.vectors["change"]
            event = EpochEnd(
                epoch=self.epoch,
                epochs=plan.epochs,
                loss=done.loss / done.samples + penalty(self.network, self.config.l1, self.config.l2),
                lr=done.lr,
                gradient_norm=norm(gradient),
                gradient_norms=layer_norms(gradient, plan.layers),
                update_ratios=update_ratios(change, self.network),
                dead_units=() if plan.valid is None else dead.shares(),
                seconds=seconds,
                eta=seconds / (self.epoch - first_epoch + 1) * (plan.epochs - self.epoch),
                valid_loss=None if seen is None else seen.loss,
                valid={} if seen is None else few_figures(plan, seen),
                best=best,
            )
            if self.config.schedule == "plateau":
                self.plateau.observe(event.loss if seen is None else seen.objective)
            self.history.append({k: v for k, v in event.to_dict().items() if k not in NOT_IN_HISTORY})
            yield event  # told before it is saved, so that a log never lacks an epoch of the checkpoint
            self.stopped = self._reason_to_stop(seconds, self.epoch - first_epoch + 1)
            last = self.stopped is not None or self.epoch == plan.epochs
            if save and (last or time.perf_counter() - last_save >= CHECKPOINT_SECONDS):
                save(checkpoint(self, spent + time.perf_counter() - began))
                last_save = time.perf_counter()
        if self.stopped is not None:
            yield Stopped(self.stopped)
        np.copyto(self.network.flat, self.best)
        yield Finished(self._result())

    def _norms(self, watched: Watched) -> tuple[float, ...]:
        assert self.learner is not None
        return layer_norms(watched.gradient, self.learner.network.layers)

    def _reason_to_stop(self, seconds: float, epochs: int) -> str | None:
        """Return why the training shall end before its last epoch, if it shall; so many `epochs` took `seconds`."""
        plan, limit = self.plan, self.config.time_limit
        if self.epoch == plan.epochs:
            return None
        assert self.learner is not None
        if self.control.reason is not None:
            return self.control.reason
        if self.learner.converged:
            return f"{self.config.optimizer} finds nothing better"
        if limit is not None and self.seconds + seconds * (1 + 1 / epochs) > limit * 1.05:
            return f"one more epoch would go beyond the time limit of {limit:g} seconds"
        if self.epoch - self.best_epoch >= plan.patience and plan.valid is not None:
            smoothed = ", with labels smoothed as in training," if plan.smoothing else ""
            return (
                f"the validation loss{smoothed} has not improved for {plan.patience} epochs; "
                f"the weights of epoch {self.best_epoch} are kept"
            )
        return None

    def one_epoch(self) -> Iterator[Pass]:
        """Show every process's share of the network every training sample once."""
        self.crew.call()
        if self.ranks is None:
            yield from self._own_epoch()
            return
        self.ranks.tell(float(self.lr_scale[0]))
        try:
            yield from self._own_epoch()
        except DivergedError:  # which all ranks notice, because all see the same loss
            self.ranks.rest()
            raise
        self.ranks.rest()

    def follow(self, ranks: Ranks) -> NoReturn:
        """Do an epoch whenever rank 0 says so, until it says that the job ends."""
        self.start()
        while True:
            self.lr_scale[0] = ranks.listen()
            with suppress(DivergedError):  # rank 0 says it
                for _ in self._own_epoch():
                    continue
            self.epoch += 1

    def _own_epoch(self) -> Iterator[Pass]:
        assert self.learner is not None
        for done in self.learner.epoch(self.epoch, float(self.lr_scale[0])):
            yield done
        if self.ranks is not None:
            assert isinstance(self.learner, Learner), "lbfgs is refused"
            self.learner.align(self.ranks)
        self.learner.put(done.watched)
        self.crew.wait()

    def _learn_along(self) -> None:
        """Do one epoch in another process of the crew."""
        self.learner = self.learner or self._learner()
        for _ in self.one_epoch():
            continue
        self.epoch += 1

    def _learner(self) -> Learner | LbfgsLearner:
        learner: Learner | LbfgsLearner
        if self.config.optimizer == "lbfgs":
            learner = LbfgsLearner(self.plan, self.state)
        else:
            shared = self.crew, self.state, self.exchange
            learner = Learner(self.plan, self.samples, *shared, self.augmenter, self.control, self.ranks)
        learner.take(self.epoch * self.plan.batches)
        return learner

    def judged(self) -> Network:
        """Return the network that answers: the average one, where there is an average already."""
        average = self.learner.average if self.learner else None
        if average is None or not average.is_made:
            return self.network
        return Network(self.plan.layers, self.config.dtype, self.state.vectors["average"])

    def _started(self, first_epoch: int) -> Started:
        plan = self.plan
        forward = ForwardPass(self.network, PIECE, keep_last_z=True)
        piece = next(iter(plan.train.batches(PIECE, np.random.default_rng(0))))  # mixed, as in training
        with np.errstate(over="ignore", invalid="ignore"):
            self.network.forward(piece.x, forward)
            first_loss = mean_loss(plan.loss, forward, piece.y)
        return Started(
            samples=len(plan.train),
            valid_samples=0 if plan.valid is None else len(plan.valid),
            layers=tuple(str(spec) for spec in plan.layers),
            parameters=self.network.flat.size,
            loss=plan.loss_name,
            optimizer=self.config.optimizer,
            lr=plan.lr,
            batch_size=plan.batch_size,
            batches=plan.batches,
            epochs=plan.epochs,
            first_epoch=first_epoch,
            input=plan.dataset.input_reason,
            workers=plan.workers,
            first_loss=first_loss,
            chance_loss=plan.chance_loss,
            label_smoothing=plan.smoothing,
            left_out=plan.dataset.unused_columns,
            problems=plan.dataset.problems,
        )

    def _result(self) -> Result:
        plan, output, calibrated = self.plan, self.plan.output, None
        valid = None if plan.valid is None else look(plan, "valid", self.network)
        if valid is not None and (calibrated := calibration(plan, valid)) is not None:
            output = {**output, "temperature": calibrated.temperature}
        train = look(plan, "train", self.network, keep=False)
        metrics = {"train": {"loss": train.loss, **few_figures(plan, train)}}
        if valid is not None:
            metrics["valid"] = all_figures(plan, valid, 1.0 if calibrated is None else calibrated.temperature)
        return Result(
            network=self.network,
            input=plan.input,
            output=output,
            config=self.config,
            epoch=self.best_epoch,
            history=tuple(self.history),
            metrics={split: rounded(figures) for split, figures in metrics.items()},
            training=plan.provenance(),
            calibration=None if calibrated is None else calibrated.to_dict(),
        )
