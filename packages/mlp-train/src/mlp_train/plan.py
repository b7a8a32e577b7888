"""A plan is made before training: it looks at the data once and settles everything that the configuration left open."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

import mlp_runtime
from mlp_data.dataset import Dataset
from mlp_data.errors import DataError
from mlp_data.rows import FileRows
from mlp_data.table_rows import TableRows
from mlp_runtime.errors import InputError, nearest
from mlp_runtime.inputs import Input
from mlp_train.activation_names import parse_activation
from mlp_train.array import Array
from mlp_train.class_weights import sample_weights
from mlp_train.config import FitConfig
from mlp_train.crew import choose_workers
from mlp_train.errors import UsageError
from mlp_train.export import to_bytes
from mlp_train.initializers import INITIALIZERS
from mlp_train.losses import Loss, parse_loss
from mlp_train.network import LayerSpec
from mlp_train.optimizers import OPTIMIZERS
from mlp_train.piece import PIECE
from mlp_train.presets import epochs_share, resolve
from mlp_train.raw_batches import batches
from mlp_train.reader import ArrayReader, BlockReader, FileReader, prepare_on_disk
from mlp_train.schedules import SCHEDULES
from mlp_train.without_effect import Case, refuse_what_has_no_effect, said_in

MOST_PARAMETERS = (2**32 - 1) // 4  # a model file counts the bytes of its tensors in 32 bits
FULL_BATCH_LIMIT = 32  # at most this many samples: one step sees them all
MINI_BATCH = 32
FEWEST_TO_HOLD_OUT = 40  # below, every sample is worth more for training than for watching


@dataclass(frozen=True, eq=False)
class Plan:
    """The settled training: samples as readers, the layers, the loss, how long, and what the model file will say."""

    config: FitConfig
    dataset: Dataset  # with its validation split
    input: Input
    train: BlockReader
    valid: BlockReader | None
    layers: tuple[LayerSpec, ...]
    loss_name: str
    output: dict[str, Any]  # the `output` map of the model file
    batch_size: int
    epochs: int
    workers: int  # processes
    found_lr: float | None  # by the range test of `lr = "auto"`
    weight_generator: np.random.Generator
    shuffle_generator: np.random.Generator
    noise_generator: np.random.Generator  # dropout, mixup and the like
    all_inputs: bool = False  # whether those that are always 0 are computed with the others: see `zero_inputs`

    @property
    def task(self) -> str:
        """`classification`, `multi-label` or `regression`."""
        return self.dataset.task

    @cached_property
    def loss(self) -> Loss:
        """The loss that is minimised."""
        return parse_loss(self.loss_name)

    @property
    def batches(self) -> int:
        """Batches in one epoch."""
        return math.ceil(len(self.train) / self.batch_size)

    @property
    def piece(self) -> int:
        """How many rows go through the network together."""
        return min(PIECE, self.batch_size)

    @property
    def patience(self) -> int:
        """After how many epochs without a better one training ends."""
        return self.config.patience or max(10, self.epochs // 3)

    @property
    def steps(self) -> int:
        """Batches in the whole training."""
        return self.epochs * self.batches

    @property
    def lr(self) -> float:
        """The learning rate that the schedule changes."""
        given, optimizer = self.config.lr, self.config.optimizer
        if self.found_lr is not None:
            return self.found_lr
        if optimizer == "lbfgs":
            return 1.0  # it chooses the length of its steps itself
        return given if isinstance(given, float) else OPTIMIZERS[optimizer].default_lr

    @property
    def smoothing(self) -> float:
        """How much of each label is spread over all classes; 0 where the loss has no such labels."""
        return self.config.label_smoothing if self.loss_name == "cross-entropy" else 0.0

    @property
    def chance_loss(self) -> float | None:
        """The loss of knowing nothing, which is what an untrained network should begin with."""
        outputs = self.layers[-1].n_out
        chances = {"cross-entropy": math.log(outputs), "binary-cross-entropy": outputs * math.log(2)}
        return chances.get(self.loss_name)

    def answers(self, outputs: Array) -> Array:
        """Turn rows of network output, or of targets, into answers as in `Split.y`."""
        if self.task == "regression":
            answers: Array = outputs[:, 0].astype(np.float64) * self.output["scale"] + self.output["mean"]
        elif self.task == "multi-label":
            answers = (outputs >= self.output["threshold"]).astype(np.int64)
        elif outputs.shape[1] == 1:
            answers = (outputs[:, 0] >= self.output["threshold"]).astype(np.int64)
        else:
            answers = outputs.argmax(axis=1)
        return answers

    def identity(self) -> dict[str, Any]:
        """Return what a checkpoint and the run that resumes it must have in common."""
        return {
            "configuration": self.config.model_dump(mode="json"),
            "data": self.dataset.fingerprint,
            "validation data": self._own_validation,
            "place of the samples": "disk" if isinstance(self.train, FileReader) else "memory",  # their order differs
        }

    @cached_property
    def _own_validation(self) -> str | None:
        return own_validation(self.dataset)

    def provenance(self) -> dict[str, Any]:
        """Return the `training` map of the model file: what would be needed to train this model again."""
        return {
            "source": Path(self.dataset.name).name,  # where its data came from, but nobody's folders
            "options": dict(self.dataset.load_options),
            "fingerprint": self.dataset.fingerprint,
            "samples": len(self.train),
            "valid_samples": 0 if self.valid is None else len(self.valid),
            "target": self.dataset.target,
            "left_out": self.dataset.unused_columns,
            "configuration": self.config.model_dump(mode="json"),
            "batch_size": self.batch_size,
            "epochs": self.epochs,
            "workers": self.workers,
            "lr": self.lr,
            "versions": {"mlp-train": mlp_runtime.__version__, "numpy": np.__version__},
        }


@dataclass(frozen=True)
class Settled:
    """What was measured or chosen when a training began, which it must keep when it goes on; None: not yet."""

    workers: int | None = None
    epochs: int | None = None
    lr: float | None = None
    input: Input | None = None  # the preparation
    output: dict[str, Any] | None = None  # as in the model file


def make_plan(
    dataset: Dataset, config: FitConfig, settled: Settled = Settled(), said: Collection[str] | None = None
) -> Plan:
    """Settle the training of `dataset`; UsageError or DataError in one sentence where that cannot be done.

    said: the options that somebody gave, whose lack of effect is an error; None: those that are not as by default.
    """
    said = said_in(config) if said is None else said
    config = resolve(config, dataset)
    _check_names(config)
    _, weight_seed, shuffle_seed, noise_seed = np.random.SeedSequence(config.seed).spawn(4)  # hold_out: the first
    _check_classes(dataset)
    dataset = hold_out(dataset, config.valid_fraction, config.seed)
    prepared = settled.input or dataset.fit_input()
    loss_name = _loss_name(config, dataset)
    is_watched = _can_be_watched(dataset)
    refuse_what_has_no_effect(said, Case(config, dataset, loss_name, is_watched))
    output = settled.output or _output(dataset, loss_name)
    train = _reader(dataset, "train", prepared, output, config)
    epochs = settled.epochs or _epochs(config, dataset, len(train))
    layers = _layers(config, prepared.size, _width(output), loss_name, output)
    size = batch_size("full" if config.optimizer == "lbfgs" else config.batch_size, len(train))
    on_disk = isinstance(train, FileReader)
    workers = settled.workers if config.workers == "auto" else None
    workers = workers or choose_workers(config, layers, size, epochs * len(train), on_disk)
    plan = Plan(
        config=config.model_copy(update={"workers": workers}),  # a run that goes on elsewhere needs the same number
        dataset=dataset,
        input=prepared,
        train=train,
        valid=_reader(dataset, "valid", prepared, output, config) if is_watched else None,
        layers=layers,
        loss_name=loss_name,
        output=output,
        batch_size=size,
        epochs=epochs,
        workers=workers,
        found_lr=settled.lr,
        weight_generator=np.random.default_rng(weight_seed),
        shuffle_generator=np.random.default_rng(shuffle_seed),
        noise_generator=np.random.default_rng(noise_seed),
    )
    _check_it_fits_a_file(plan)
    return plan


def hold_out(dataset: Dataset, fraction: float, seed: int) -> Dataset:
    """Return `dataset` with the validation split that training with this seed watches.

    The same data, fraction and seed give the same rows, so that `evaluate` can find them again.
    """
    if len(dataset.splits["train"]) < FEWEST_TO_HOLD_OUT:
        return dataset
    generator = np.random.default_rng(np.random.SeedSequence(seed).spawn(1)[0])
    return dataset.hold_out(fraction, generator)


def own_validation(dataset: Dataset) -> str | None:
    """Return the SHA-256 of validation samples that the source brings; None where there are none, or held out."""
    if "valid" not in dataset.splits or dataset.loaded_fingerprint:
        return None
    return replace(dataset, splits={"train": dataset.splits["valid"]}).fingerprint


def batch_size(wanted: str | int, samples: int) -> int:
    """Return how many samples one step sees.

    `auto` is the full batch up to 32 samples, whose gradient is exact and cheap, and mini-batches of 32 above, whose
    many noisy steps learn more from the same samples (Masters and Luschi, 2018).

    >>> batch_size("auto", 32), batch_size("auto", 33), batch_size("full", 1000), batch_size(64, 50)
    (32, 32, 1000, 50)
    """
    if wanted == "full" or (wanted == "auto" and samples <= FULL_BATCH_LIMIT):
        return samples
    return min(MINI_BATCH if wanted == "auto" else int(wanted), samples)


def _epochs(config: FitConfig, dataset: Dataset, samples: int) -> int:
    """Small sets need more passes, large ones fewer: the number falls with the root of the number of samples."""
    if config.epochs != "auto":
        return config.epochs
    return round(epochs_share(config, dataset) * float(np.clip(round(3700 / samples**0.5), 10, 2000)))


def _check_names(config: FitConfig) -> None:
    for option, name, known in (
        ("optimizer", config.optimizer, {**OPTIMIZERS, "lbfgs": None}),
        ("schedule", config.schedule, SCHEDULES),
        ("initializer", config.initializer, {"auto": None, **INITIALIZERS}),
    ):
        if name not in known:
            raise UsageError(f"unknown {option} {name!r}{nearest(name, known)}: it is one of {', '.join(known)}")
    if config.loss != "auto":
        parse_loss(config.loss)


def _can_be_watched(dataset: Dataset) -> bool:
    """Say whether there are held-out rows that count; DataError where they have no answers."""
    valid = dataset.splits.get("valid")
    if valid is None or not len(valid) or (valid.weight is not None and not valid.weight.any()):
        return False
    if valid.y is None:
        raise DataError(f"{dataset.name}: the validation samples have no answers to compare with; leave them out")
    return True


def _check_classes(dataset: Dataset) -> None:
    train = dataset.splits["train"]
    if train.y is None:
        raise DataError(f"{dataset.name}: the training samples have no answers to learn from; name the target column")


def _loss_name(config: FitConfig, dataset: Dataset) -> str:
    regression, classes = dataset.task == "regression", len(dataset.classes)
    if config.loss == "auto":
        has_sigmoids = classes == 2 or dataset.task == "multi-label"
        return "squared-error" if regression else "binary-cross-entropy" if has_sigmoids else "cross-entropy"
    task = parse_loss(config.loss).task
    if dataset.task == "multi-label" and (task == "regression" or parse_loss(config.loss).activation == "softmax"):
        what = "numbers" if task == "regression" else "one class each"
        raise UsageError(f"loss {config.loss!r} is for {what}, but several labels may hold: use binary-cross-entropy")
    if regression and task == "classification":
        raise UsageError(f"loss {config.loss!r} is for classes, but the target is a number: use squared-error")
    if not regression and task == "regression":
        raise UsageError(f"loss {config.loss!r} is for numbers, but the target is a class: use cross-entropy")
    return config.loss


def _output(dataset: Dataset, loss_name: str) -> dict[str, Any]:
    """Describe what the outputs mean, in the words of the model file."""
    train = dataset.splits["train"]
    assert train.y is not None
    if dataset.task == "regression":
        mean = float(np.average(train.y, weights=train.weight))
        spread = float(np.average((train.y - mean) ** 2, weights=train.weight) ** 0.5)
        if parse_loss(loss_name).activation == "exp":  # its answers begin at 0, so the targets must keep their place
            if train.y.min() < 0:
                raise DataError(
                    f"{dataset.name}: loss {loss_name!r} is for counts, but the target goes down to {train.y.min():g}: "
                    "use squared-error"
                )
            mean, spread = 0.0, mean
        scale = spread if spread > 0 else 1.0
        return {"kind": "numbers", "names": [dataset.target or "y"], "mean": mean, "scale": scale}
    if dataset.task == "multi-label":
        return {"kind": "labels", "labels": list(dataset.classes), "threshold": 0.5, "temperature": 1.0}
    output: dict[str, Any] = {"kind": "classes", "classes": list(dataset.classes), "temperature": 1.0}
    if loss_name == "binary-cross-entropy" and len(dataset.classes) == 2:
        output["threshold"] = 0.5
    return output


def _width(output: dict[str, Any]) -> int:
    if output["kind"] == "labels":
        return len(output["labels"])
    return len(output["classes"]) if output["kind"] == "classes" and "threshold" not in output else 1


def _reader(dataset: Dataset, name: str, prepared: Input, output: dict[str, Any], config: FitConfig) -> BlockReader:
    """Prepare the raw samples of a split, in memory or, where they lie in a file, into another file."""
    split = dataset.splits[name]
    assert split.y is not None
    encode = partial(_targets, output)
    weights = sample_weights(split, dataset.classes, config.class_weight, dataset.train)
    if isinstance(split.x, FileRows | TableRows):
        rows = prepare_on_disk(prepared, batches(split.x), split.x.cache)
        return FileReader(prepared, rows, split.y, encode, config.dtype, weights)
    return ArrayReader(prepared, prepared.prepare(split.x, many=True), encode(split.y), config.dtype, weights)


def _targets(output: dict[str, Any], y: Array) -> Array:
    """Put answers, (n,) or of labels (n, labels), into rows as wide as the network's output."""
    if output["kind"] == "numbers":
        rows: Array = ((y - output["mean"]) / output["scale"])[:, None]
    elif "threshold" in output:
        rows = y.reshape(len(y), -1)
    else:
        rows = np.eye(len(output["classes"]), dtype=np.float32)[y]
    return rows


def _check_it_fits_a_file(plan: Plan) -> None:
    """Refuse, before time is spent on training, what could not be written after it."""
    parameters = sum(layer.n_in * layer.n_out + layer.n_out for layer in plan.layers)
    if parameters > MOST_PARAMETERS:
        raise UsageError(
            f"the network would have {parameters:,} parameters, but a model file holds at most {MOST_PARAMETERS:,}: "
            f"choose smaller hidden layers"
        )
    # The header hardly depends on the network: a layer in place of all, and room for the others and for the figures.
    last = plan.layers[-1]
    layer = np.zeros((plan.input.size, last.n_out)), np.zeros(last.n_out), last.activation, last.parameters
    room = {"name": "x" * (2000 + 500 * len(plan.layers))}
    to_bytes(plan.input, [layer], plan.output, meta=room, training=plan.provenance())


def _layers(config: FitConfig, n_in: int, n_out: int, loss_name: str, output: dict[str, Any]) -> tuple[LayerSpec, ...]:
    hidden = config.hidden
    if hidden == "auto":
        hidden = (256, 128) if n_in >= 256 else (64, 32)
    names = (config.activation,) if isinstance(config.activation, str) else config.activation
    if len(names) == 1:
        names = names * len(hidden)
    if len(names) != len(hidden):
        raise UsageError(
            f"{len(names)} activations are given for {len(hidden)} hidden layers: give one for all, or one for each"
        )
    last, paired = config.output_activation, parse_loss(loss_name).activation
    if last == "auto":
        last = paired or {"classes": "softmax", "labels": "sigmoid", "numbers": "identity"}[output["kind"]]
    elif paired and last != paired:
        raise UsageError(f"loss {loss_name!r} goes with the output activation {paired!r}, not {last!r}")
    sizes = (n_in, *hidden, n_out)
    try:
        return tuple(
            LayerSpec(a, b, *parse_activation(name))
            for a, b, name in zip(sizes[:-1], sizes[1:], (*names, last), strict=True)
        )
    except InputError as error:
        raise UsageError(str(error)) from None
