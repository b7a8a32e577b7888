"""How good are answers of which several may be true at once?

`predicted` and `actual` are 0/1 matrices (n, labels), `weights` (n,) or None.
"""

from __future__ import annotations

import numpy as np

from mlp_train.array import Array


def subset_accuracy(predicted: Array, actual: Array, weights: Array | None = None) -> float:
    """Return the share of samples all of whose labels are right.

    >>> subset_accuracy(np.array([[1, 0], [1, 1]]), np.array([[1, 0], [0, 1]]))
    0.5
    """
    return float(np.average((predicted == actual).all(axis=1), weights=weights))


def label_counts(predicted: Array, actual: Array, weights: Array | None = None) -> tuple[Array, Array, Array]:
    """Return for each label how often it was rightly given, how often given, and how often true, each (labels,).

    >>> label_counts(np.array([[1, 0], [1, 1]]), np.array([[1, 0], [0, 1]]))
    (array([1., 1.]), array([2., 1.]), array([1., 1.]))
    """
    weight = np.ones(len(actual)) if weights is None else weights
    return weight @ (predicted * actual), weight @ predicted, weight @ actual


def micro_f1(predicted: Array, actual: Array, weights: Array | None = None) -> float:
    """Return the F1 of all labels of all samples counted together; NaN where none is true and none was given.

    >>> round(micro_f1(np.array([[1, 0], [1, 1]]), np.array([[1, 0], [0, 1]])), 4)
    0.8
    """
    right, given, true = (counts.sum() for counts in label_counts(predicted, actual, weights))
    return float(2 * right / (given + true)) if given + true > 0 else float("nan")


def label_f1(predicted: Array, actual: Array, weights: Array | None = None) -> Array:
    """Return the F1 of each label, (labels,); NaN for one that is never true and was never given.

    >>> label_f1(np.array([[1, 0, 0], [1, 1, 0]]), np.array([[1, 0, 0], [0, 1, 0]])).round(4)
    array([0.6667, 1.    ,    nan])
    """
    right, given, true = label_counts(predicted, actual, weights)
    seen = given + true
    f1: Array = np.divide(2 * right, seen, out=np.full(len(right), np.nan), where=seen > 0)
    return f1


def as_pairs(probabilities: Array, actual: Array, weights: Array | None = None) -> tuple[Array, Array, Array | None]:
    """Return every label of every sample as a sample of its own with two classes, false and true.

    probabilities: (n, labels). The results are (n labels, 2), (n labels,) and (n labels,) or None.

    >>> as_pairs(np.array([[0.25, 0.5]]), np.array([[0, 1]]))
    (array([[0.75, 0.25],
           [0.5 , 0.5 ]]), array([0, 1]), None)
    """
    shares = probabilities.reshape(-1)
    repeated = None if weights is None else np.repeat(weights, actual.shape[1])
    return np.stack([1 - shares, shares], axis=1), actual.reshape(-1), repeated
