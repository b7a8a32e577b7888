"""How often is the class right, and which classes are taken for which?

`predicted` and `actual` are class indices (n,), `weights` says how much each sample counts (None: all alike).
"""

from __future__ import annotations

import numpy as np

from mlp_train.array import Array


def accuracy(predicted: Array, actual: Array, weights: Array | None = None) -> float:
    """Return the share of samples whose class is right.

    >>> accuracy(np.array([0, 1, 1, 2]), np.array([0, 1, 2, 2]))
    0.75
    >>> accuracy(np.array([0, 1, 1, 2]), np.array([0, 1, 2, 2]), np.array([1.0, 1.0, 6.0, 2.0]))
    0.4
    """
    return float(np.average(predicted == actual, weights=weights))


def confusion_matrix(predicted: Array, actual: Array, classes: int, weights: Array | None = None) -> Array:
    """Count, for every class in its row, how often it was taken for which: (classes, classes), right on the diagonal.

    Whole numbers without weights, the sum of the samples' weights with them.

    >>> confusion_matrix(np.array([0, 1, 1, 2]), np.array([0, 1, 2, 2]), classes=3)
    array([[1, 0, 0],
           [0, 1, 0],
           [0, 1, 1]])
    """
    counts = np.bincount(actual * classes + predicted, weights, minlength=classes * classes)
    return counts.reshape(classes, classes)


def per_class(confusion: Array) -> tuple[Array, Array, Array, Array]:
    """Return precision, recall, F1 and support of every class, each (classes,), from a confusion matrix.

    precision = right / predicted, recall = right / support, F1 = 2 right / (predicted + support), their harmonic mean
    (van Rijsbergen, 1979). A share of nothing is 0, as in precision for a class that is never predicted; a class
    that neither occurs nor is predicted has no F1 (NaN).

    >>> precision, recall, f1, support = per_class(np.array([[1, 1, 0], [0, 2, 0], [0, 0, 0]]))
    >>> precision.round(3), recall, f1.round(3), support
    (array([1.   , 0.667, 0.   ]), array([0.5, 1. , 0. ]), array([0.667, 0.8  ,   nan]), array([2, 2, 0]))
    """
    right, predicted, support = np.diag(confusion).astype(float), confusion.sum(axis=0), confusion.sum(axis=1)
    seen = predicted + support
    f1 = np.divide(2 * right, seen, out=np.full(len(right), np.nan), where=seen > 0)
    return _share(right, predicted), _share(right, support), f1, support


def balanced_accuracy(confusion: Array) -> float:
    """Return the mean recall of the classes that occur, so that a rare class counts as much as a common one.

    Always guessing gives 1 / classes, however uneven they are (Brodersen et al., 2010). NaN where nothing occurs.

    >>> balanced_accuracy(np.array([[90, 0], [5, 5]]))
    0.75
    """
    _, recall, _, support = per_class(confusion)
    return float(recall[support > 0].mean()) if support.any() else float("nan")


def macro_f1(confusion: Array) -> float:
    """Return the mean F1 of the classes that occur or are predicted; NaN where there are none.

    >>> round(macro_f1(np.array([[1, 1, 0], [0, 2, 0], [0, 0, 0]])), 4)
    0.7333
    """
    f1 = per_class(confusion)[2]
    return float(np.nanmean(f1)) if not np.isnan(f1).all() else float("nan")


def roc_auc(scores: Array, is_positive: Array, weights: Array | None = None) -> float:
    """Return the probability that a positive sample scores higher than a negative one; ties count one half.

    That is the area under the curve of true against false positives (Hanley and McNeil, 1982), computed from midranks
    as the Mann-Whitney statistic. scores: (n,), higher for positives. NaN where only one kind occurs.

    >>> roc_auc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True]))
    0.75
    >>> roc_auc(np.array([0.5, 0.5]), np.array([False, True]))
    0.5
    """
    is_positive = np.asarray(is_positive, bool)
    weights = np.ones(len(scores)) if weights is None else weights
    _, place = np.unique(scores, return_inverse=True)
    positive = np.bincount(place, weights * is_positive)  # weight at each of the different scores, rising
    negative = np.bincount(place, weights * ~is_positive)
    pairs = positive.sum() * negative.sum()
    below = np.cumsum(negative) - negative
    return float((positive * (below + negative / 2)).sum() / pairs) if pairs > 0 else float("nan")


def roc_auc_one_vs_rest(scores: Array, actual: Array, weights: Array | None = None) -> float:
    """Return the mean over the classes of each one's ROC-AUC against all others; of two classes, that of the second.

    scores: (n, classes). A class that no sample has, or every one, has no such figure and is left out of the mean
    (macro average, as in Provost and Domingos, 2000, without their weighting by frequency). NaN where none is left.

    >>> roc_auc_one_vs_rest(np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8]]), np.array([0, 0, 1]))
    1.0
    """
    if scores.shape[1] == 2:
        return roc_auc(scores[:, 1], actual == 1, weights)
    areas = np.array([roc_auc(scores[:, i], actual == i, weights) for i in range(scores.shape[1])])
    return float(np.nanmean(areas)) if not np.isnan(areas).all() else float("nan")


def _share(part: Array, whole: Array) -> Array:
    share: Array = np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)
    return share
