"""The parameters of both estimators are the settings of the trainer, by the same names and with the same defaults."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state

from mlp_train.config import FitConfig, make_config
from mlp_train.control import Control
from mlp_train.events import Event
from mlp_train.plain import plain

Callback = Callable[[Event, Control], None]
OPTIONS = tuple(name for name in FitConfig.model_fields if name != "seed")  # which is random_state here
ONE_PASS = {"epochs": 1, "schedule": "constant", "warmup": 0.0, "valid_fraction": 0.0}  # what partial_fit does


class Parameters(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """The parameters, which nothing looks at before `fit`."""

    def __init__(
        self,
        *,
        preset: str = "good",
        hidden: Any = "auto",
        activation: str | Sequence[str] = "relu",
        output_activation: str = "auto",
        initializer: str = "auto",
        dtype: str = "float32",
        loss: str = "auto",
        label_smoothing: float = 0.05,
        class_weight: Any = None,
        l1: float = 0.0,
        l2: float = 0.0,
        augment: str = "none",
        dropout: float = 0.0,
        input_noise: float = 0.0,
        mixup: float = 0.0,
        max_norm: float | None = None,
        average: str = "none",
        optimizer: str = "adamw",
        lr: float | str | None = None,
        momentum: float = 0.9,
        beta1: float | None = None,
        beta2: float | None = None,
        weight_decay: float = 0.2,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        schedule: str = "cosine",
        warmup: float = 0.05,
        epochs: int | str = "auto",
        batch_size: int | str = "auto",
        time_limit: float | None = None,
        engine: str = "fast",
        workers: int | str = "auto",
        patience: int | None = None,
        valid_fraction: float = 0.1,
        calibrate: bool = True,
        random_state: Any = None,
        warm_start: bool = False,
        callbacks: Callback | Sequence[Callback] | None = None,
        image_shape: tuple[int, ...] | None = None,
    ) -> None:
        self.preset = preset
        self.hidden = hidden
        self.activation = activation
        self.output_activation = output_activation
        self.initializer = initializer
        self.dtype = dtype
        self.loss = loss
        self.label_smoothing = label_smoothing
        self.class_weight = class_weight
        self.l1 = l1
        self.l2 = l2
        self.augment = augment
        self.dropout = dropout
        self.input_noise = input_noise
        self.mixup = mixup
        self.max_norm = max_norm
        self.average = average
        self.optimizer = optimizer
        self.lr = lr
        self.momentum = momentum
        self.beta1 = beta1
        self.beta2 = beta2
        self.weight_decay = weight_decay
        self.clip_norm = clip_norm
        self.clip_value = clip_value
        self.schedule = schedule
        self.warmup = warmup
        self.epochs = epochs
        self.batch_size = batch_size
        self.time_limit = time_limit
        self.engine = engine
        self.workers = workers
        self.patience = patience
        self.valid_fraction = valid_fraction
        self.calibrate = calibrate
        self.random_state = random_state
        self.warm_start = warm_start
        self.callbacks = callbacks
        self.image_shape = image_shape

    def _config(self, one_pass: bool) -> FitConfig:
        """Return the trainer's configuration; what is as by default is left to the preset."""
        given = {name: _plain(getattr(self, name)) for name in OPTIONS}
        given["class_weight"] = self._class_weight()
        if one_pass:
            given |= ONE_PASS
        fields = FitConfig.model_fields
        said = {name: value for name, value in given.items() if one_pass or value != fields[name].default}
        return make_config(**said, seed=self._seed)

    def _class_weight(self) -> Any:
        """Return the weights of classes in the trainer's words."""
        return "none" if self.class_weight is None else self.class_weight


def _plain(value: Any) -> Any:
    if isinstance(value, float | np.floating) and not np.isfinite(value):
        return float(value)  # which is refused, while None would leave the choice to the trainer
    value = plain(value)
    return tuple(value) if isinstance(value, list) else value


def seed_of(random_state: Any) -> int:
    """Return the trainer's seed: the number itself, or one that a generator draws."""
    if isinstance(random_state, int | np.integer):
        return int(random_state)
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))
