"""An .npz holds a model as plain arrays, for a program of your own: NumPy reads it in one line.

`spec` is a JSON text that says what the arrays are; `layers.0.weight` (n_out, n_in), `layers.0.bias` (n_out,) and so on
are the numbers, with `layers.0.weight.scale` (n_out,) where the weight is int8, and `input.mean`, `input.scale` of a
vector.
"""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np

from mlp_runtime import Model
from mlp_train.array import Array
from mlp_train.exporters.stored import stored_layers
from mlp_train.plain import plain


def export(model: Model, weights: str, name: str) -> dict[str, bytes]:
    """Return the archive."""
    said = model.describe()
    spec: dict[str, Any] = {"name": name, "input": said["input"], "output": said["output"], "layers": []}
    arrays: dict[str, Array] = {}
    for index, layer in enumerate(stored_layers(model, weights)):
        key = f"layers.{index}"
        arrays[f"{key}.weight"], arrays[f"{key}.bias"] = layer.values, layer.bias
        if layer.scale is not None:
            arrays[f"{key}.weight.scale"] = layer.scale
        spec["layers"].append({"activation": layer.activation, "parameters": layer.parameters})
    arrays |= model.input.spec()[1]
    out = io.BytesIO()
    text = np.array(json.dumps(plain(spec), indent=1))
    np.savez(out, allow_pickle=False, spec=text, **arrays)
    return {"": out.getvalue()}
