"""Run a small neural network from one file, with NumPy alone.

    model = mlp_runtime.load("digits.mlp")
    model.predict(frame)                      # '7'

What's where: `model` answers, `inputs` turns raw input into numbers, `activations` and `forward` compute,
`modelfile`, `schema` and `unpack` read the file, `errors` says what can go wrong.
"""

from __future__ import annotations

from .activations import register_activation
from .errors import Damaged, InputError, Invalid, MlpError, ModelFileError, NotAModel, TooNew
from .model import Model, load
from .modelfile import FEATURES, FORMAT

__version__ = "0.1.0"

__all__ = [
    "FEATURES",
    "FORMAT",
    "Damaged",
    "InputError",
    "Invalid",
    "MlpError",
    "Model",
    "ModelFileError",
    "NotAModel",
    "TooNew",
    "load",
    "register_activation",
]
