"""Train on the Titanic passengers by 10-fold cross-validation with default settings and three seeds: mean accuracy.

`python benchmarks/titanic_cv.py [TITANIC.ZIP [piecewise]]`, by default the shipped sample with scaled numbers.
Everything that is fitted, the input's fills, scales and bins too, sees the nine training folds alone.
"""

from __future__ import annotations

import sys
from statistics import mean, stdev

import numpy as np

import mlp_data
import mlp_train

ACCURACY, FOLDS = 0.80, 10


def cross_validate(dataset: mlp_data.Dataset, seed: int) -> list[float]:
    """Return the accuracy on each fold of networks that were trained on the other nine."""
    folds = dataset.folds(FOLDS, np.random.default_rng(seed))
    return [mlp_train.evaluate(mlp_train.fit(fold, seed=seed).model, fold).metrics["accuracy"] for fold in folds]


if __name__ == "__main__":
    source, numbers = [*sys.argv[1:], *("titanic", "scaled")[len(sys.argv[1:]) :]][:2]
    passengers = mlp_data.load(source, numbers=numbers)
    means = []
    for seed in (1, 2, 3):
        folds = cross_validate(passengers, seed)
        means.append(mean(folds))
        print(
            f"titanic  seed {seed}  {FOLDS}-fold accuracy {mean(folds):.2%}, spread over the folds {stdev(folds):.2%}"
        )
    print(f"titanic  mean {mean(means):.2%}, spread over the seeds {stdev(means):.2%}; wanted {ACCURACY:.0%}")
    print("ok" if mean(means) >= ACCURACY else "MISSED")
    sys.exit(mean(means) < ACCURACY)
