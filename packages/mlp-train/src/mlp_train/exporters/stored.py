"""Every exporter starts from the same thing: a model's layers, with the weights as they are to be stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mlp_runtime import Model
from mlp_runtime.activations import get_activation
from mlp_runtime.errors import nearest
from mlp_train.array import Array
from mlp_train.errors import OutputError, UsageError
from mlp_train.export import WEIGHTS, quantise

KEPT = {"f4": "float32", "f2": "float16", "i1": "int8"}  # a model file's word for a type, and ours


@dataclass(frozen=True, eq=False)
class StoredLayer:
    """One layer: values (n_out, n_in) in float32, float16 or int8, which a scale (n_out,) multiplies, bias (n_out,)."""

    values: Array
    scale: Array | None
    bias: Array
    activation: str
    parameters: Mapping[str, float]

    @property
    def weight(self) -> Array:
        """Return the weight (n_out, n_in) float32 that whoever reads the values works with."""
        wide = self.values.astype(np.float32)
        return wide if self.scale is None else wide * self.scale[:, None]


def kept_weights(model: Model) -> str:
    """Return how the file of a model stores its weights: what an export does, too, where nobody says otherwise."""
    return KEPT[model.describe()["layers"][0]["dtype"]]


def stored_layers(model: Model, weights: str) -> list[StoredLayer]:
    """Return the layers of a model with their weights stored as float32, float16 or int8."""
    if weights not in WEIGHTS:
        raise UsageError(f"weights cannot be stored as {weights!r}{nearest(weights, WEIGHTS)}: {', '.join(WEIGHTS)}")
    layers = []
    for index, layer in enumerate(model.layers):
        values, scale = np.asarray(layer.weight, np.float32), None
        if weights == "int8":
            values, scale = quantise(values)
        elif weights == "float16":
            with np.errstate(over="ignore"):  # refused below
                values = values.astype(np.float16)
            if not np.isfinite(values).all():
                raise OutputError(
                    f"layer {index} cannot be stored as float16, which ends at 65504, because its largest weight is "
                    f"{np.abs(layer.weight).max():g}: store float32"
                )
        name = layer.activation.name
        parameters = {**get_activation(name).parameters, **layer.parameters}
        layers.append(StoredLayer(values, scale, np.asarray(layer.bias), name, parameters))
    return layers


def check_activations(layers: list[StoredLayer], known: Mapping[str, object], target: str) -> None:
    """Refuse an activation, such as a plug-in's, that the target has no words for."""
    for index, layer in enumerate(layers):
        if layer.activation not in known:
            raise UsageError(
                f"layer {index} ends with the activation {layer.activation!r}, which {target} cannot say: known there "
                f"are {', '.join(known)}"
            )
