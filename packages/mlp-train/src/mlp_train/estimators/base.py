"""What the classifier and the regressor share: their parameters, and training by them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

import mlp_runtime
from mlp_data.arrays import assemble
from mlp_data.dataset import Dataset, Split
from mlp_data.errors import DataError
from mlp_data.fitting import Fitted
from mlp_runtime.inputs import Input, VectorInput
from mlp_train.array import Array
from mlp_train.checkpoints import Checkpoint
from mlp_train.control import Control
from mlp_train.errors import UsageError
from mlp_train.estimators.going_on import Further, Memory
from mlp_train.estimators.parameters import Parameters, seed_of
from mlp_train.events import Finished
from mlp_train.export import write
from mlp_train.exporters.model_file import export as model_file
from mlp_train.measuring import measured
from mlp_train.plain import plain
from mlp_train.plan import Settled, hold_out, make_plan
from mlp_train.plugins import load_installed
from mlp_train.presets import resolve
from mlp_train.result import Result


@contextmanager
def value_errors() -> Iterator[None]:
    """Raise as ValueError, as scikit-learn's callers expect it, what is wrong with parameters or data."""
    try:
        yield
    except (UsageError, DataError) as error:
        raise ValueError(str(error)) from error


class Estimator(Parameters):
    """A network with scikit-learn's conventions; see MLPClassifier and MLPRegressor."""

    model_: mlp_runtime.Model  # what answers
    n_iter_: int  # epochs in all
    loss_curve_: list[float]  # the training loss of each
    history_: list[dict[str, Any]]  # everything the trainer told of each
    metrics_: dict[str, dict[str, float]]  # the figures of the split "train", and of "valid" where rows were held out
    _memory: Memory | None
    _seed: int

    def export(self, path: str | os.PathLike[str], *, weights: str = "float32") -> None:
        """Write the model file, from which mlp_runtime gives the answers of this estimator on any device.

        weights: float32, or float16 or int8, whose answers differ a little.
        """
        check_is_fitted(self)
        write(path, model_file(self.model_, weights, "")[""])

    @property
    def coefs_(self) -> list[Array]:
        """The weights of each layer (n_in, n_out), which the inputs meet after they were standardised."""
        return [np.array(layer.weight).T for layer in self._fitted_model().layers]

    @property
    def intercepts_(self) -> list[Array]:
        """The biases of each layer (n_out,)."""
        return [np.array(layer.bias) for layer in self._fitted_model().layers]

    def _fitted_model(self) -> mlp_runtime.Model:
        if not hasattr(self, "model_"):
            raise AttributeError(f"this {type(self).__name__} is not fitted yet, so it has no weights: call fit first")
        return self.model_

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def _raw(self, X: Any) -> Array:
        """Check what is to be answered, and return it as the model takes it."""
        check_is_fitted(self)
        return self._shaped(validate_data(self, X, reset=False, dtype=(np.float64, np.float32)))

    def _shaped(self, X: Array) -> Array:
        if self.image_shape is None:
            return X
        shape = tuple(plain(self.image_shape))
        if np.prod(shape) != X.shape[1]:
            raise ValueError(f"image_shape is {shape}, but X has {X.shape[1]} features, not {np.prod(shape)}")
        return X.reshape(len(X), *shape)

    def _part(self, X: Array, y: Array, sample_weight: Any) -> tuple[Array, Array, Array | None]:
        """Return samples, answers and weights without the samples of weight 0, which are as good as absent."""
        X = self._shaped(X)
        if sample_weight is None:
            return X, y, None
        weight = _check_sample_weight(sample_weight, X if X.ndim == 2 else y, dtype=np.float64)
        counts = weight != 0
        return (X, y, weight) if counts.all() or not counts.any() else (X[counts], y[counts], weight[counts])

    def _train(
        self, parts: dict[str, Any], *, task: str, classes: Sequence[str] | None, goes_on: bool, one_pass: bool
    ) -> None:
        """Train on parts "train" and maybe "valid": (samples, answers, weights)."""
        names = getattr(self, "feature_names_in_", None) if self.image_shape is None else None
        memory, model = (self._memory, self.model_) if goes_on else (None, None)
        if not goes_on:
            self._seed = seed_of(self.random_state)
        config = self._config(one_pass)
        dataset = assemble("X", parts, task=task, classes=classes, names=None if names is None else list(names))
        dataset = hold_out(dataset, resolve(config, dataset).valid_fraction, config.seed)
        prepared = _standardisation(dataset) if model is None else model.input
        if prepared is not None and (one_pass or model is not None):
            dataset = KnownInput.of(dataset, prepared)
        settled = Settled(lr=memory.found_lr if memory else None, input=prepared)
        if model is not None:  # whose temperature is in the last layer's weights by now
            settled = replace(settled, output={**model.describe()["output"], "temperature": 1.0})
        load_installed()
        plan = make_plan(dataset, config, settled, () if one_pass else None)
        if memory is not None:  # what an optimizer remembers moves the weights of inputs that are 0 from now on
            plan = replace(plan, all_inputs=True)
        plan = measured(plan)
        control = Control()
        trainer = Further(plan, model, memory, control, config.seed)
        keeps = one_pass or self.warm_start
        result, vectors = self._run(trainer, control, keeps)
        if not goes_on:
            self.n_iter_, self.loss_curve_, self.history_ = 0, [], []
        self.model_ = result.model
        self.n_iter_ += trainer.epoch
        self.loss_curve_ += [epoch["loss"] for epoch in result.history]
        self.history_ += result.history
        self.metrics_ = {split: dict(figures) for split, figures in result.metrics.items()}
        self._memory = Memory.of(trainer, vectors) if keeps else None

    def _run(self, trainer: Further, control: Control, keeps: bool) -> tuple[Result, dict[str, Array]]:
        given = self.callbacks
        callbacks = [] if given is None else [given] if callable(given) else list(given)
        for callback in callbacks:
            if not callable(callback):
                raise ValueError(f"callbacks holds {callback!r}, which cannot be called: give functions")
        vectors: dict[str, Array] = {}

        def keep(saved: Checkpoint) -> None:
            vectors.update(saved.arrays)

        for event in trainer.run(keep if keeps else None):
            for callback in callbacks:
                callback(event, control)
            if isinstance(event, Finished):
                return event.result, vectors
        raise AssertionError("a training always ends with Finished")


@dataclass(frozen=True, eq=False)
class KnownInput(Dataset):
    """Samples for one of many passes: their preparation is known, and they need not show every class."""

    fitted: Fitted | None = None

    @classmethod
    def of(cls, dataset: Dataset, prepared: Input) -> KnownInput:
        """Return the dataset with its preparation."""
        parts = {part.name: getattr(dataset, part.name) for part in fields(dataset)}
        return cls(**parts, fitted=Fitted(prepared, "the inputs are prepared as in the first training", {}))

    @property
    def _fitted(self) -> Fitted:  # nothing to be computed
        assert self.fitted is not None
        return self.fitted


def takes_small_steps(estimator: Estimator) -> bool:
    """Say whether the optimizer can do with some of the samples; else partial_fit is an attribute that is not there."""
    if estimator.optimizer == "lbfgs":
        raise AttributeError("partial_fit takes small steps, but lbfgs needs all samples at once: use fit, or adamw")
    return True


def _standardisation(dataset: Dataset) -> VectorInput | None:
    """Return mean and spread of the training rows with regard to their weights; None for images, which need none."""
    train: Split = dataset.train
    if not isinstance(train.x, np.ndarray) or train.x.ndim != 2:
        return None
    mean = np.average(train.x.astype(np.float64), axis=0, weights=train.weight)
    spread = np.average((train.x - mean) ** 2, axis=0, weights=train.weight) ** 0.5
    scale = np.divide(1.0, spread, out=np.ones_like(spread), where=spread > 1e-30)
    return VectorInput(train.x.shape[1], dataset.input_options.get("names"), mean, scale)
