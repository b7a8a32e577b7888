"""Compare `--lr auto` with each optimizer's default learning rate, on images, a table and a regression.

    python benchmarks/lr_finder.py [--seeds 3] [--only sgd]

The figures are accuracies and, for the regression, R2, on 30 % of the rows that are held out, as means over the seeds;
beside them stand the lowest and the highest learning rate that was found. Exit code 1 where a mean is more than a point
below that of the default. The regression is the first one of Friedman (1991), with 1,000 rows.
"""

from __future__ import annotations

import argparse
import sys
from statistics import mean

import numpy as np

import mlp_data
import mlp_train
from mlp_train.optimizers import OPTIMIZERS

POINT = 0.01


def friedman(rows: int = 1000, seed: int = 0) -> mlp_data.Dataset:
    """Return y = 10 sin(pi x1 x2) + 20 (x3 - 1/2)^2 + 10 x4 + 5 x5 + noise; five more columns say nothing."""
    rng = np.random.default_rng(seed)
    x = rng.random((rows, 10))
    y = 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2 + 10 * x[:, 3] + 5 * x[:, 4]
    return mlp_data.from_arrays(x.astype(np.float32), y + rng.normal(size=rows))


def score(data: mlp_data.Dataset, name: str, seed: int, epochs: int | str, lr: str | None) -> tuple[float, float]:
    """Return the figure on held-out rows and the learning rate that was used."""
    for event in mlp_train.train(
        data, optimizer=name, seed=seed, epochs=epochs, lr=lr, valid_fraction=0.3, patience=10_000, workers=1
    ):
        if isinstance(event, mlp_train.Started):
            used = event.lr
        if isinstance(event, mlp_train.Finished):
            metrics = event.result.metrics["valid"]
            return metrics.get("accuracy", metrics.get("r2", float("nan"))), used
    raise AssertionError("a training ends with Finished")


def main() -> int:
    """Print one line for each kind of data and optimizer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", choices=list(OPTIMIZERS), help="one optimizer")
    options = parser.parse_args()
    sources = {
        "digits": (mlp_data.load("digits").take(train=np.arange(2000)), 15),
        "titanic": (mlp_data.load("titanic"), "auto"),
        "friedman": (friedman(), 40),
    }
    worse = 0
    print(f"{'data':<10}{'optimizer':<11}{'default lr':>10} {'score':>7}  {'found lr':>17} {'score':>7}")
    for source, (data, epochs) in sources.items():
        for name in [options.only] if options.only else OPTIMIZERS:
            usual = [score(data, name, seed, epochs, None) for seed in range(options.seeds)]
            found = [score(data, name, seed, epochs, "auto") for seed in range(options.seeds)]
            before, after = (mean(value for value, _ in runs) for runs in (usual, found))
            rates = [lr for _, lr in found]
            worse += after < before - POINT
            print(
                f"{source:<10}{name:<11}{usual[0][1]:>10g} {before:>7.3f}  {min(rates):>8.2g}{max(rates):>9.2g} "
                f"{after:>7.3f}{'  worse' if after < before - POINT else ''}",
                flush=True,
            )
    return int(worse > 0)


if __name__ == "__main__":
    sys.exit(main())
