"""The figures of a training under the names by which trackers group them, such as `valid/accuracy`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from mlp_train.events import EpochEnd

if TYPE_CHECKING:
    from mlp_train.result import Result


def epoch_figures(event: EpochEnd) -> dict[str, float]:
    """Return the figures of an epoch; those that are no finite number are left out.

    >>> event = EpochEnd(1, 9, 0.5, 0.01, 1.5, 2.0, 16.0, update_ratios=(0.1,), valid_loss=0.4, valid={"r2": 0.9})
    >>> {name: value for name, value in epoch_figures(event).items() if "/" in name}
    {'train/loss': 0.5, 'valid/loss': 0.4, 'valid/r2': 0.9, 'layer1/update_ratio': 0.1}
    """
    figures: dict[str, float | None] = {"train/loss": event.loss, "valid/loss": event.valid_loss}
    figures |= {f"valid/{name}": value for name, value in event.valid.items()}
    figures |= {"lr": event.lr, "gradient_norm": event.gradient_norm, "seconds": event.seconds}
    for name in ("gradient_norms", "update_ratios", "dead_units"):
        figure = name if name == "dead_units" else name[:-1]
        figures |= {f"layer{number}/{figure}": value for number, value in enumerate(getattr(event, name), 1)}
    return _finite(figures)


def final_figures(result: Result) -> dict[str, float]:
    """Return the figures of the network that is kept, and the epoch whose weights it has."""
    figures = {
        f"final/{split}/{name}": value
        for split, split_figures in result.metrics.items()
        for name, value in split_figures.items()
    }
    return _finite({**figures, "final/epoch": result.epoch})


def _finite(figures: Mapping[str, float | None]) -> dict[str, float]:
    return {name: value for name, value in figures.items() if value is not None and math.isfinite(value)}
