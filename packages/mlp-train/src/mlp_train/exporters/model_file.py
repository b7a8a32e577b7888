"""A model file again, the same model with its weights stored in another way."""

from __future__ import annotations

import numpy as np

from mlp_runtime import Model
from mlp_train.export import to_bytes


def export(model: Model, weights: str, name: str) -> dict[str, bytes]:  # noqa: ARG001  # exporters share a signature
    """Return the model file."""
    said = model.describe()
    layers = [
        (np.asarray(layer.weight).T, np.asarray(layer.bias), layer.activation.name, layer.parameters)
        for layer in model.layers
    ]
    data = to_bytes(
        model.input,
        layers,
        said["output"],
        meta=said["meta"],
        training=said["training"],
        weights=weights,
        folded=True,
    )
    return {"": data}
