"""Weights make some samples count more than others: those of a rare class, or those that were measured better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mlp_data.dataset import Split
from mlp_data.errors import DataError
from mlp_runtime.errors import nearest
from mlp_train.array import Array
from mlp_train.errors import UsageError


def sample_weights(
    split: Split,
    classes: Sequence[str],
    class_weight: str | Mapping[str, float] = "none",
    train: Split | None = None,
) -> Array | None:
    """Return how much each sample of `split` counts in the loss, float64 (n,); None where all count alike.

    That is its own weight, `split.weight`, times that of its class. class_weight: `none`; `balanced`, by which all
    classes that occur weigh the same together, samples / (classes * samples of the class) (King and Zeng, 2001); or
    class -> weight, 1 for a class that is not named. Balance is taken from the split `train`, and so is the scale,
    for which the mean over its samples is 1: the learning rate then means what it means without weights. Without
    `train`, both are those of `split` itself.

    UsageError where a class is not known, and where the answers are not one class each; DataError where all weigh 0.

    >>> split = Split(np.zeros((4, 1), np.float32), np.array([0, 0, 0, 1]))
    >>> sample_weights(split, ["common", "rare"], "balanced").round(3)
    array([0.667, 0.667, 0.667, 2.   ])
    """
    train = split if train is None else train
    _check(split, classes, class_weight)
    if class_weight == "none" and split.weight is None and train.weight is None:
        return None
    of_class = _of_classes(train, classes, class_weight)
    mean = float(_weigh(train, of_class).mean())
    if not mean:
        raise DataError(f"all {len(train)} samples to train on have the weight 0, so none counts: give some above 0")
    weights: Array = _weigh(split, of_class) / mean
    return weights


def _check(split: Split, classes: Sequence[str], class_weight: str | Mapping[str, float]) -> None:
    if class_weight == "none":
        return
    if not classes or split.y is None or split.y.ndim != 1:
        what = "numbers" if not classes else "several labels at once"
        raise UsageError(f"class weights are for answers of one class each, but these are {what}: leave them out")
    for name in class_weight if isinstance(class_weight, Mapping) else ():
        if name not in classes:
            known = nearest(name, classes) or f": the classes are {', '.join(classes[:12])}"
            raise UsageError(f"option 'class_weight' names {name!r}, which is no class of the data{known}")


def _of_classes(train: Split, classes: Sequence[str], class_weight: str | Mapping[str, float]) -> Array:
    if isinstance(class_weight, Mapping):
        return np.array([class_weight.get(name, 1.0) for name in classes])
    if class_weight == "none":
        return np.ones(len(classes))
    counts = np.bincount(np.asarray(train.y), train.weight, minlength=len(classes))
    shown = counts > 0
    balance: Array = np.divide(counts.sum(), counts * shown.sum(), out=np.ones(len(counts)), where=shown)
    return balance


def _weigh(split: Split, of_class: Array) -> Array:
    weights: Array = np.ones(len(split)) if split.weight is None else split.weight
    if not len(of_class) or split.y is None or split.y.ndim != 1:
        return weights
    return weights * of_class[split.y]
