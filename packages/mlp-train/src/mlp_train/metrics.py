"""A metric is a figure that a person understands: how often the answer is right, or how far off it is."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mlp_train.array import Array


def accuracy(predicted: Array, actual: Array) -> float:
    """Return the share of class indices that agree.

    >>> accuracy(np.array([0, 1, 1, 2]), np.array([0, 1, 2, 2]))
    0.75
    """
    return float(np.mean(predicted == actual))


def rmse(predicted: Array, actual: Array) -> float:
    """Return the root of the mean squared error, in the unit of the target.

    >>> rmse(np.array([1.0, 3.0]), np.array([0.0, 2.0]))
    1.0
    """
    return float(np.sqrt(np.mean(np.square(predicted - actual))))


def r2(predicted: Array, actual: Array) -> float:
    """Return the share of the target's variance that the prediction explains: 1 is perfect, 0 is the mean's.

    Where the target does not vary there is nothing to explain: 0 then.

    >>> r2(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 3.0]))
    1.0
    """
    spread = float(np.sum(np.square(actual - np.mean(actual))))
    return 1.0 - float(np.sum(np.square(predicted - actual))) / spread if spread > 0 else 0.0


def rounded(figures: Mapping[str, float]) -> dict[str, float]:
    """Return figures as they are stored: with 6 digits, because more depend on how many threads BLAS takes.

    >>> rounded({"accuracy": 0.9731, "loss": 0.123456789})
    {'accuracy': 0.9731, 'loss': 0.123457}
    """
    return {name: float(f"{value:.6g}") for name, value in figures.items()}


def score(task: str, predicted: Array, actual: Array) -> dict[str, float]:
    """Return the figures of a task: `accuracy` for classification, `rmse` and `r2` for regression."""
    if task == "classification":
        return {"accuracy": accuracy(predicted, actual)}
    return {"rmse": rmse(predicted, actual), "r2": r2(predicted, actual)}
