"""The trainer repeats one thing: forward, loss, backward, update; and tells what happens in events."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlp_data.dataset import Dataset
from mlp_train.array import Array
from mlp_train.backward import backward
from mlp_train.blas import one_thread_where_small
from mlp_train.checkpoints import Checkpoint
from mlp_train.config import FitConfig, make_config
from mlp_train.errors import CheckpointError, DivergedError
from mlp_train.events import EpochEnd, Event, Finished, Progress, Started, Stopped
from mlp_train.initializers import initialize
from mlp_train.losses import mean_loss, output_gradient, smooth_labels
from mlp_train.metrics import rounded, score
from mlp_train.network import ForwardPass, Gradient, Network
from mlp_train.optimizers import OPTIMIZERS
from mlp_train.plan import Plan, make_plan
from mlp_train.plugins import load_installed
from mlp_train.reader import BlockReader
from mlp_train.regularizers import add_l2_gradient, clip_norm, gradient_norm, l2_penalty
from mlp_train.result import Result
from mlp_train.schedules import learning_rate

EVALUATION_ROWS = 1024  # a batch that stays in cache and keeps the products large
CHECKPOINT_SECONDS = 1.0  # a run of many short epochs should not spend its time on writing
PROGRESS_SECONDS = 0.2  # how long an epoch may take before it tells how far it is, and then between two such words


def train(
    dataset: Dataset,
    config: FitConfig | None = None,
    *,
    resume: Checkpoint | None = None,
    checkpoint: Callable[[Checkpoint], None] | None = None,
    **options: Any,
) -> Iterator[Event]:
    """Train a network on `dataset` and yield what happens; the last event is `Finished(result)`.

    `options` are fields of `FitConfig`. `checkpoint` is called with the state at the end of an epoch, at most once a
    second; `resume` continues from such a state and ends with exactly the parameters of an uninterrupted run.
    The dataset's test split is not looked at.

    Raises UsageError for options that do not fit together, DataError for data that cannot be trained on, and
    DivergedError when the loss leaves the finite numbers.

    >>> import mlp_data
    >>> xor = mlp_data.from_arrays([[0, 0], [0, 1], [1, 0], [1, 1]], ["0", "1", "1", "0"])
    >>> *_, finished = train(xor, seed=1)
    >>> finished.result.metrics["train"]["accuracy"]
    1.0
    """
    load_installed()
    plan = make_plan(dataset, make_config(config, **options))
    return Trainer(plan, resume).run(checkpoint)


@dataclass
class Pass:
    """How far one pass over the training samples is."""

    step: int  # of the whole training
    lr: float
    samples: int = 0
    loss: float = 0.0  # summed over these samples
    norm: float = 0.0  # of the last batch's gradient


class Trainer:
    """One training run: the network, its optimizer, the random numbers and what was reached so far."""

    def __init__(self, plan: Plan, resume: Checkpoint | None = None) -> None:
        self.plan, self.config = plan, plan.config
        self.network = Network(plan.layers, plan.config.dtype)
        self.gradient = Gradient(plan.layers, plan.config.dtype)
        self.forward = ForwardPass(self.network, max(plan.batch_size, EVALUATION_ROWS), keep_last_z=True)
        self.optimizer = OPTIMIZERS[plan.config.optimizer](
            self.network.flat.size,
            plan.config.dtype,
            weight_count=self.network.weight_count,
            momentum=plan.config.momentum,
            weight_decay=plan.config.weight_decay,
        )
        self.lr = plan.config.lr or self.optimizer.default_lr
        self.label_smoothing = plan.config.label_smoothing if plan.loss_name == "cross-entropy" else 0.0
        self.scratch = np.empty_like(self.gradient.flat)
        self.generator = plan.shuffle_generator
        self.epoch = 0  # epochs done
        self.history: list[dict[str, Any]] = []
        self.best_epoch, self.best_loss = 0, np.inf
        if resume is None:
            initialize(self.network, plan.weight_generator, plan.config.initializer)
            self.best = self.network.flat.copy()
        else:
            self._restore(resume)

    def run(self, checkpoint: Callable[[Checkpoint], None] | None = None) -> Iterator[Event]:
        """Train to the end, or until the validation loss has not improved for `patience` epochs."""
        plan = self.plan
        began, first_epoch = time.perf_counter(), self.epoch + 1
        last_checkpoint = began
        yield self._started(first_epoch)
        if checkpoint and self.epoch == 0:
            checkpoint(self.checkpoint())
        while self.epoch < plan.epochs:
            if self.epoch - self.best_epoch >= plan.patience and plan.valid is not None:
                yield Stopped(
                    f"the validation loss has not improved for {plan.patience} epochs; "
                    f"the weights of epoch {self.best_epoch} are kept"
                )
                break
            for done in self._train_epoch():
                share, seconds = done.samples / len(plan.train), time.perf_counter() - began
                if share < 1:
                    epochs_done = self.epoch + share
                    eta = seconds / (epochs_done - first_epoch + 1) * (plan.epochs - epochs_done)
                    yield Progress(self.epoch + 1, plan.epochs, share, done.loss / done.samples, seconds, eta)
            self.epoch += 1
            valid = {} if plan.valid is None else self.evaluate(plan.valid)
            valid_loss = valid.pop("loss", None)
            best = valid_loss is None or valid_loss < self.best_loss
            if best:
                self.best_epoch, self.best_loss = self.epoch, np.inf if valid_loss is None else valid_loss
                np.copyto(self.best, self.network.flat)
            now = time.perf_counter()
            seconds = now - began
            event = EpochEnd(
                epoch=self.epoch,
                epochs=plan.epochs,
                loss=done.loss / done.samples,
                lr=done.lr,
                gradient_norm=done.norm,
                seconds=seconds,
                eta=seconds / (self.epoch - first_epoch + 1) * (plan.epochs - self.epoch),
                valid_loss=valid_loss,
                valid=valid,
                best=best,
            )
            self.history.append({k: v for k, v in event.to_dict().items() if k not in ("event", "seconds", "eta")})
            if checkpoint and (now - last_checkpoint >= CHECKPOINT_SECONDS or self.epoch == plan.epochs):
                checkpoint(self.checkpoint())
                last_checkpoint = time.perf_counter()
            yield event
        np.copyto(self.network.flat, self.best)
        yield Finished(self._result())

    def _train_epoch(self) -> Iterator[Pass]:
        """Show the network every training sample once; yield how far that is, a few times a second and at the end."""
        batches = self.plan.train.batches(self.plan.batch_size, self.generator)
        so_far = Pass(self.epoch * self.plan.batches, self.lr)
        while so_far.samples < len(self.plan.train):
            until = time.perf_counter() + PROGRESS_SECONDS
            # the loss is looked at after every batch, so an overflow is reported by a sentence and not by a warning
            with (
                one_thread_where_small(self.network, self.plan.batch_size),
                np.errstate(over="ignore", invalid="ignore"),
            ):
                for x, y in batches:
                    self._train_batch(x, y, so_far)
                    if time.perf_counter() > until and so_far.samples < len(self.plan.train):
                        break
            yield so_far  # outside of `with`, so that whoever listens computes as ever
        if not np.isfinite(self.network.flat).all():
            raise self._diverged(so_far.step, np.nan, so_far.lr)

    def _train_batch(self, x: Array, y: Array, so_far: Pass) -> None:
        """Do one step: forward, loss, backward, update."""
        plan, config = self.plan, self.config
        if self.label_smoothing:
            y = smooth_labels(y, self.label_smoothing)
        self.network.forward(x, self.forward)
        loss = mean_loss(plan.loss, self.forward, y)
        if not np.isfinite(loss):
            raise self._diverged(so_far.step, loss, so_far.lr)
        d_z = output_gradient(plan.loss, self.network, self.forward, y)
        backward(self.network, self.forward, d_z, self.gradient)
        if config.l2:
            loss += l2_penalty(self.network, config.l2)
            add_l2_gradient(self.network, self.gradient, config.l2, self.scratch)
        so_far.step += 1
        if so_far.step % plan.batches == 0:
            so_far.norm = gradient_norm(self.gradient)
        if config.clip_norm:
            clip_norm(self.gradient, config.clip_norm)
        steps = plan.epochs * plan.batches
        so_far.lr = learning_rate(config.schedule, self.lr, so_far.step - 1, steps, config.warmup)
        self.optimizer.update(self.network.flat, self.gradient.flat, so_far.lr)
        so_far.loss += loss * len(x)
        so_far.samples += len(x)

    def evaluate(self, reader: BlockReader) -> dict[str, float]:
        """Return the mean loss and the task's figures of the present weights on the samples of `reader`."""
        total, predicted, actual = 0.0, [], []
        with one_thread_where_small(self.network, EVALUATION_ROWS), np.errstate(over="ignore", invalid="ignore"):
            for x, y in reader.batches(EVALUATION_ROWS):
                for start in range(0, len(x), EVALUATION_ROWS):
                    part = y[start : start + EVALUATION_ROWS]
                    outputs = self.network.forward(x[start : start + EVALUATION_ROWS], self.forward)
                    predicted.append(self.plan.answers(outputs))
                    total += mean_loss(self.plan.loss, self.forward, part) * len(part)
                    actual.append(self.plan.answers(part))
        figures = score(self.plan.task, np.concatenate(predicted), np.concatenate(actual))
        return {"loss": total / len(reader), **figures}

    def checkpoint(self) -> Checkpoint:
        """Return everything that decides how training goes on from the end of this epoch."""
        arrays = {"parameters": self.network.flat.copy(), "best": self.best.copy()}
        arrays |= {f"optimizer.{name}": array.copy() for name, array in self.optimizer.arrays().items()}
        state = {
            "epoch": self.epoch,
            "best_epoch": self.best_epoch,
            "best_loss": None if np.isinf(self.best_loss) else self.best_loss,
            "optimizer_steps": self.optimizer.steps,
            "generator": self.generator.bit_generator.state,
            "history": list(self.history),
            "identity": self.plan.identity(),
        }
        return Checkpoint(arrays, state)

    def _restore(self, saved: Checkpoint) -> None:
        ours = self.plan.identity()
        identity = saved.part("identity", lambda value: isinstance(value, dict) and value.keys() == ours.keys())
        for name, now in ours.items():
            then = identity[name]
            if then != now:
                raise CheckpointError(
                    f"this checkpoint was made with another {name} ({_difference(then, now)}), "
                    "so resuming would not continue the same training: start a new run"
                )
        np.copyto(self.network.flat, saved.array("parameters", self.network.flat))
        self.best = saved.array("best", self.network.flat).copy()
        memory = {name: saved.array(f"optimizer.{name}", array) for name, array in self.optimizer.arrays().items()}
        self.optimizer.restore(memory, saved.part("optimizer_steps", _is_count))
        try:
            self.generator.bit_generator.state = saved.part("generator", lambda value: isinstance(value, dict))
        except (TypeError, ValueError, KeyError) as error:
            raise saved.refusal(f"generator: {error}") from error
        self.epoch, self.best_epoch = saved.part("epoch", _is_count), saved.part("best_epoch", _is_count)
        best_loss = saved.part("best_loss", lambda value: value is None or type(value) in (int, float))
        self.best_loss = np.inf if best_loss is None else best_loss
        self.history = list(saved.part("history", _is_history))

    def _started(self, first_epoch: int) -> Started:
        plan = self.plan
        return Started(
            samples=len(plan.train),
            valid_samples=0 if plan.valid is None else len(plan.valid),
            layers=tuple(str(spec) for spec in plan.layers),
            parameters=self.network.flat.size,
            loss=plan.loss_name,
            optimizer=self.config.optimizer,
            lr=self.lr,
            batch_size=plan.batch_size,
            batches=plan.batches,
            epochs=plan.epochs,
            first_epoch=first_epoch,
            input=plan.dataset.input_reason,
            label_smoothing=self.label_smoothing,
            left_out=plan.dataset.unused_columns,
            problems=plan.dataset.problems,
        )

    def _result(self) -> Result:
        metrics = {"train": rounded(self.evaluate(self.plan.train))}
        if self.plan.valid is not None:
            metrics["valid"] = rounded(self.evaluate(self.plan.valid))
        return Result(
            network=self.network,
            input=self.plan.input,
            output=self.plan.output,
            config=self.config,
            epoch=self.best_epoch,
            history=tuple(self.history),
            metrics=metrics,
            training=self.plan.provenance(),
        )

    def _diverged(self, step: int, loss: float, lr: float) -> DivergedError:
        sizes = [float(np.abs(w).max()) for w in self.network.weights]
        worst = next((i for i, size in enumerate(sizes) if not np.isfinite(size)), int(np.argmax(sizes)))
        return DivergedError(
            f"training diverged at step {step + 1} (epoch {self.epoch + 1}): the loss became {loss} and the largest "
            f"weight of layer {worst + 1} is {sizes[worst]:.3g}; try a smaller --lr (it was {lr:.3g}) or --clip-norm 1"
        )


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_history(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(epoch, dict) for epoch in value)


def _difference(then: Any, now: Any) -> str:
    """Say what is not as it was; of a whole configuration only the settings that differ."""
    if not (isinstance(then, dict) and isinstance(now, dict)):
        return f"it was {repr(then)[:20]} and is {repr(now)[:20]}"
    return ", ".join(f"{key} was {then.get(key)} and is {now[key]}" for key in now if then.get(key) != now[key])
