"""Train a small neural network by explicit backpropagation, and ship it as one file."""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"

__all__ = [
    "Control",
    "EpochEnd",
    "Event",
    "Finished",
    "FitConfig",
    "Progress",
    "Result",
    "Started",
    "Stopped",
    "__version__",
    "evaluate",
    "fit",
    "register_activation",
    "register_loss",
    "register_optimizer",
    "tracker",
    "train",
]

_HOME = {
    "Control": "mlp_train.control",
    **dict.fromkeys(("EpochEnd", "Event", "Finished", "Progress", "Started", "Stopped"), "mlp_train.events"),
    "FitConfig": "mlp_train.config",
    # not in __all__, because `from mlp_train import *` does not need scikit-learn
    **dict.fromkeys(("MLPClassifier", "MLPRegressor"), "mlp_train.estimators"),
    "Result": "mlp_train.result",
    "evaluate": "mlp_train.evaluation",
    "fit": "mlp_train.api",
    "register_activation": "mlp_train.plugins",
    "register_loss": "mlp_train.plugins",
    "register_optimizer": "mlp_train.plugins",
    "tracker": "mlp_train.trackers",
    "train": "mlp_train.trainer",
}


def __getattr__(name: str) -> Any:
    # NumPy, pydantic and OpenCV load when they are needed, so that `mlp-train --help` answers at once
    if name in _HOME:
        import importlib

        return getattr(importlib.import_module(_HOME[name]), name)
    if name == "importers":
        import importlib

        return importlib.import_module("mlp_train.importers")
    raise AttributeError(f"module 'mlp_train' has no attribute {name!r}")
