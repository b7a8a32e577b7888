"""A preset is a set of settings that go together: `quick` for a first look, `good` by default, `best` for the last bit.

What is set otherwise wins over a preset. benchmarks/ measures what each reaches.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlp_train.config import FitConfig

# For tables, after what helped RealMLP most (Holzmueller et al., 2024): numbers that learn at several speeds over the
# time, dropout, a short memory of Adam's squares, more smoothing. For images, distortion (Simard et al., 2003).
PRESETS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "quick": {},
    "good": {},
    "best": {
        "image": {
            "hidden": (512, 512),
            "batch_size": 128,
            "augment": "strong",
            "average": "ema",
            "valid_fraction": 0.03,
        },
        "table": {"hidden": (128, 128), "dropout": 0.1, "average": "ema"},
        "vector": {"hidden": (128, 128), "dropout": 0.1, "average": "ema"},
    },
}
EPOCHS = {"quick": 0.25, "good": 1.0, "best": 4.0}  # times what `auto` would take


def left_to_preset(config: FitConfig) -> set[str]:
    """Return the settings that the preset decides, for one kind of data or another.

    >>> left_to_preset(FitConfig(dropout=0.5)), "dropout" in left_to_preset(FitConfig(preset="best"))
    (set(), True)
    """
    return {name for values in PRESETS[config.preset].values() for name in values} - config.model_fields_set


def resolve(config: FitConfig, kind: str) -> FitConfig:
    """Return `config` with what its preset says for data of this kind, where nothing else was said.

    >>> resolve(FitConfig(preset="best", hidden=(9,)), "image").hidden
    (9,)
    """
    said = PRESETS[config.preset].get(kind, {}) if config.optimizer != "lbfgs" else {}  # which knows nothing of them
    return config.model_copy(
        update={name: value for name, value in said.items() if name not in config.model_fields_set}
    )
