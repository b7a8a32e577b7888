"""A result is what training leaves: the network, how it got there, and everything the model file needs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import mlp_runtime
from mlp_runtime.inputs import Input
from mlp_train import export
from mlp_train.config import FitConfig
from mlp_train.network import Network


@dataclass(frozen=True, eq=False)
class Result:
    """A trained network with its input preparation; `metrics` holds the figures of each split that was looked at."""

    network: Network
    input: Input
    output: dict[str, Any]  # the `output` map of the model file
    config: FitConfig
    epoch: int  # the epoch whose weights these are
    history: tuple[dict[str, Any], ...]  # one entry an epoch
    metrics: Mapping[str, Mapping[str, float]]  # {"train": {"loss": ..., "accuracy": ...}, "valid": ...}
    training: Mapping[str, Any]  # provenance, without the metrics
    calibration: Mapping[str, float] | None = None  # what the temperature in `output` has changed, if one was fitted

    def to_bytes(self, *, weights: str = "float32", meta: Mapping[str, Any] | None = None) -> bytes:
        """Return the model file; `weights` is float32, float16 or int8."""
        layers = [
            (weight, bias, spec.activation, dict(spec.parameters))
            for weight, bias, spec in zip(self.network.weights, self.network.biases, self.network.layers, strict=True)
        ]
        metrics = {split: dict(figures) for split, figures in self.metrics.items()}
        training = {**self.training, "epoch": self.epoch, "metrics": metrics}
        if self.calibration is not None:
            training["calibration"] = dict(self.calibration)
        return export.to_bytes(self.input, layers, self.output, meta=meta, training=training, weights=weights)

    def save(
        self, path: str | os.PathLike[str], *, weights: str = "float32", meta: Mapping[str, Any] | None = None
    ) -> None:
        """Write the model file, whole or not at all; OutputError where it cannot be written."""
        export.write(path, self.to_bytes(weights=weights, meta=meta))

    @cached_property
    def model(self) -> mlp_runtime.Model:
        """The model as the device will load it: raw input in, answers out."""
        return mlp_runtime.load(self.to_bytes())
