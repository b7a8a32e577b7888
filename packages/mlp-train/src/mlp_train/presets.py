"""A preset is a set of settings that go together: `quick` for a first look, `good` by default, `best` for the last bit.

What is set otherwise wins over a preset. benchmarks/ measures what each reaches.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlp_data.dataset import Dataset
from mlp_train.config import FitConfig

# For images: distortion (Simard et al., 2003). For tables and vectors, after RealMLP (Holzmueller et al., 2024): SELU,
# dropout, no validation rows, and smoothed labels, for which two classes get two softmax outputs. Many rows allow the
# sharper bends of ReLU, which need them: on 1,000 of plotnine's diamonds SELU is better, on 4,000 ReLU is.
PRESETS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "quick": {},
    "good": {},
    "best": {
        "image": {
            "hidden": (512, 512),
            "batch_size": 128,
            "augment": "strong",
            "average": "ema",
            "lr": 0.0015,
            "weight_decay": 0.02,
            "valid_fraction": 0.03,
        },
        "few rows": {"hidden": (128, 128), "activation": "selu", "dropout": 0.15, "valid_fraction": 0.0},
        "many rows": {"hidden": (256, 256), "dropout": 0.1, "batch_size": 256, "average": "ema"},
        "classes of rows": {"loss": "cross-entropy", "label_smoothing": 0.1},
    },
}
FEW = 2000  # rows
EPOCHS = {"quick": 0.25, "good": 1.0, "best": 4.0}  # times what `auto` would take
EPOCHS_OF_FEW = 0.5  # by `best`: without validation rows nothing else ends it before it learns by heart


def left_to_preset(config: FitConfig) -> set[str]:
    """Return the settings that the preset decides, for one kind of data or another.

    >>> left_to_preset(FitConfig(dropout=0.5)), "dropout" in left_to_preset(FitConfig(preset="best"))
    (set(), True)
    """
    return {name for values in PRESETS[config.preset].values() for name in values} - config.model_fields_set


def resolve(config: FitConfig, dataset: Dataset) -> FitConfig:
    """Return `config` with what its preset says for such data, where nothing else was said.

    >>> import mlp_data, numpy as np
    >>> images = mlp_data.from_arrays(np.zeros((2, 8, 8), np.uint8), ["a", "b"])
    >>> resolve(FitConfig(preset="best", hidden=(9,)), images).hidden
    (9,)
    """
    settings = PRESETS[config.preset]
    if config.optimizer == "lbfgs":  # which knows nothing of them
        said = {}
    elif dataset.kind == "image":
        said = dict(settings.get("image", {}))
        if config.optimizer != "adamw":  # for which the step and the decay were chosen
            said = {name: value for name, value in said.items() if name not in ("lr", "weight_decay")}
    else:
        said = dict(settings.get("few rows" if is_small(dataset) else "many rows", {}))
        if dataset.task == "classification" and "output_activation" not in config.model_fields_set:
            said |= settings.get("classes of rows", {})
    return config.model_copy(
        update={name: value for name, value in said.items() if name not in config.model_fields_set}
    )


def epochs_share(config: FitConfig, dataset: Dataset) -> float:
    """Return how many times the usual number of epochs the preset takes.

    >>> import mlp_data
    >>> epochs_share(FitConfig(preset="best"), mlp_data.from_arrays([[0.0], [1.0]], ["a", "b"]))
    0.5
    """
    return EPOCHS_OF_FEW if config.preset == "best" and is_small(dataset) else EPOCHS[config.preset]


def is_small(dataset: Dataset) -> bool:
    """Tell whether these are few rows, held out or not, and no images."""
    rows = sum(len(dataset.splits[name]) for name in ("train", "valid") if name in dataset.splits)
    return dataset.kind != "image" and rows <= FEW
