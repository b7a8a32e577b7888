"""The settings of a run as the command that a person types to train it again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from mlp_train.config import make_config
from mlp_train.plain import plain
from mlp_train.presets import PRESETS
from mlp_train.settings import DATA, RUN

_REPEATED = ("plugin", "columns")  # flags that are given once for each of their values


def fit_command(config: Mapping[str, Any]) -> str:
    """Write settings as a `fit` that can be typed: what is as by default goes without saying, but for the seed.

    >>> fit_command({"source": "my data.csv", "hidden": [64, 32], "calibrate": False, "seed": 1, "lr": None})
    "mlp-train fit 'my data.csv' --hidden 64,32 --no-calibrate --seed 1"

    What a preset would decide otherwise is said, too:

    >>> fit_command({"preset": "best", "average": "none"})
    'mlp-train fit digits --preset best --average none'
    """
    of_preset = {name for said in PRESETS.get(config.get("preset", "good"), {}).values() for name in said}
    usual = {**RUN, **make_config().model_dump(mode="json")}
    words = ["mlp-train", "fit", str(config.get("source", RUN["source"]))]
    for name, value in plain(dict(config)).items():
        known = name in usual or name in DATA
        same = value == usual.get(name) and name != "seed" and name not in of_preset
        if name == "source" or not known or same or value is None or (value in ([], {}, False) and name in DATA):
            continue
        flag = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            words.append(flag if value else f"--no-{flag[2:]}")
        elif name in _REPEATED:
            pairs = value if isinstance(value, list) else [f"{key}={kind}" for key, kind in value.items()]
            words += [word for pair in pairs for word in (flag, str(pair))]
        else:
            words += [flag, _written(value)]
    return shlex.join(words)


def _written(value: Any) -> str:
    if isinstance(value, dict):
        return ",".join(f"{key}={number:g}" for key, number in value.items())
    if isinstance(value, list):
        return ",".join(map(str, value)) or "none"
    return str(value)
