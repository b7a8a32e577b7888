"""A metric is a figure that a person understands: how often the answer is right, or how far off it is."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mlp_train.array import Array
from mlp_train.metrics import classes, labels
from mlp_train.metrics import numbers as of_numbers
from mlp_train.metrics import probabilities as of_probabilities
from mlp_train.metrics.classes import accuracy
from mlp_train.metrics.numbers import r2, rmse

__all__ = ["accuracy", "full_score", "r2", "rmse", "rounded", "score"]


def rounded(figures: Mapping[str, float]) -> dict[str, float]:
    """Return figures as they are stored: with 6 digits, because more depend on how many threads BLAS takes.

    >>> rounded({"accuracy": 0.9731, "loss": 0.123456789})
    {'accuracy': 0.9731, 'loss': 0.123457}
    """
    return {name: float(f"{value:.6g}") for name, value in figures.items()}


def score(task: str, predicted: Array, actual: Array, weights: Array | None = None) -> dict[str, float]:
    """Return the few figures of a task that are worth their time after every epoch.

    Classes: `accuracy`. Several labels: `accuracy` (all labels of a sample right) and `micro_f1`. Numbers: `rmse`
    and `r2`. predicted, actual: class indices (n,), 0/1 matrices (n, labels), or numbers (n,); weights: (n,) or None.

    >>> score("classification", np.array([0, 1, 1, 2]), np.array([0, 1, 2, 2]))
    {'accuracy': 0.75}
    """
    if weights is not None and not weights.any():  # nothing counts
        return {}
    if task == "classification":
        figures = {"accuracy": accuracy(predicted, actual, weights)}
    elif task == "multi-label":
        figures = {
            "accuracy": labels.subset_accuracy(predicted, actual, weights),
            "micro_f1": labels.micro_f1(predicted, actual, weights),
        }
    else:
        figures = {"rmse": rmse(predicted, actual, weights), "r2": r2(predicted, actual, weights)}
    return _defined(figures)


def full_score(
    task: str, predicted: Array, actual: Array, probabilities: Array | None = None, weights: Array | None = None
) -> dict[str, float]:
    """Return all figures of a task, for the end of a training and for `evaluate`; those of `score` come first.

    Classes: `balanced_accuracy` and `macro_f1` too, with probabilities (n, classes) `roc_auc`, and where their rows
    sum to 1 `log_loss`, `brier` and `calibration_error`. Several labels: `macro_f1`, with probabilities (n, labels)
    `roc_auc` (macro) and the same three, for which every label counts as a sample with two classes. Numbers: `mae`.
    What is not defined for these samples, such as a ROC-AUC where all are of one class, is absent.

    >>> shares = np.array([[0.8, 0.2], [0.4, 0.6], [0.3, 0.7], [0.6, 0.4]])
    >>> found = full_score("classification", shares.argmax(axis=1), np.array([0, 1, 1, 1]), shares)
    >>> {name: round(value, 4) for name, value in found.items()}  # doctest: +NORMALIZE_WHITESPACE
    {'accuracy': 0.75, 'balanced_accuracy': 0.8333, 'macro_f1': 0.7333, 'roc_auc': 1.0, 'log_loss': 0.5017,
     'brier': 0.1625, 'calibration_error': 0.175}
    """
    figures = score(task, predicted, actual, weights)
    if weights is not None and not weights.any():
        return {}
    if task == "classification":
        known = 1 + int(max(predicted.max(initial=0), actual.max(initial=0)))
        count = known if probabilities is None else probabilities.shape[1]
        confusion = classes.confusion_matrix(predicted, actual, count, weights)
        figures["balanced_accuracy"] = classes.balanced_accuracy(confusion)
        figures["macro_f1"] = classes.macro_f1(confusion)
        if probabilities is not None:
            figures["roc_auc"] = classes.roc_auc_one_vs_rest(probabilities, actual, weights)
            figures |= _of_probabilities(probabilities, actual, weights)
    elif task == "multi-label":
        f1 = labels.label_f1(predicted, actual, weights)
        figures["macro_f1"] = float(np.nanmean(f1)) if not np.isnan(f1).all() else float("nan")
        if probabilities is not None:
            columns = zip(probabilities.T, actual.T, strict=True)
            areas = np.array([classes.roc_auc(shares, is_true == 1, weights) for shares, is_true in columns])
            figures["roc_auc"] = float(np.nanmean(areas)) if not np.isnan(areas).all() else float("nan")
            figures |= _of_probabilities(*labels.as_pairs(probabilities, actual, weights))
    else:
        figures["mae"] = of_numbers.mae(predicted, actual, weights)
    return _defined(figures)


def _of_probabilities(rows: Array, actual: Array, weights: Array | None) -> dict[str, float]:
    if not of_probabilities.are_probabilities(rows):
        return {}
    return {
        "log_loss": of_probabilities.log_loss(rows, actual, weights),
        "brier": of_probabilities.brier(rows, actual, weights),
        "calibration_error": of_probabilities.calibration_error(rows, actual, weights),
    }


def _defined(figures: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in figures.items() if np.isfinite(value)}
