"""Measure what it brings to leave out inputs that are 0 in every training sample, as the margin of digits is.

`python benchmarks/zero_inputs.py [SOURCE] [--epochs 12]`: by default ../shared/data/mnist.zip beside the checkout. The
same training with all inputs and without goes on in turn, an epoch each; the first of them is for the caches.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from command import SHARED
from training_profile import options

import mlp_data
from mlp_data.dataset import Dataset
from mlp_train.config import make_config
from mlp_train.events import EpochEnd
from mlp_train.plan import make_plan
from mlp_train.trainer import Trainer

NET = (784, 128, 10)
WORKS = (
    (32, "momentum", 1),
    (32, "momentum", 2),
    (32, "adam", 1),
    (32, "adam", 2),
    (128, "adam", 2),
    (256, "momentum", 2),
)


def compare(dataset: Dataset, batch: int, optimizer: str, workers: int, epochs: int) -> str:
    """Return a line of the table: samples per second of both, and their ratio."""
    plan = make_plan(dataset, make_config(workers=workers, **options(NET, batch, optimizer)))
    trainers = [Trainer(replace(plan, all_inputs=True)), Trainer(make_plan(dataset, plan.config))]
    runs = [trainer.run() for trainer in trainers]
    took: list[list[float]] = [[], []]
    for _ in range(epochs):
        for run, seconds in zip(runs, took, strict=True):
            began = time.perf_counter()
            for event in run:
                if isinstance(event, EpochEnd):
                    break
            seconds.append(time.perf_counter() - began)
    for run in runs:
        run.close()
    speeds = [f"{len(plan.train) / statistics.median(seconds[1:]):,.0f}" for seconds in took]
    ratios = sorted(a / b for a, b in zip(took[0][1:], took[1][1:], strict=True))
    figures = f"{statistics.median(ratios):.2f} | {ratios[0]:.2f} to {ratios[-1]:.2f}"
    return f"| {batch} | {optimizer} | {workers} | {' | '.join(speeds)} | {figures} |"


def main() -> None:
    """Read what was said, measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", nargs="?", default=str(SHARED / "mnist.zip"))
    parser.add_argument("--epochs", type=int, default=12)
    said = parser.parse_args()
    dataset = mlp_data.load(said.source)
    print("| batch | optimizer | processes | all inputs | without | ratio | spread |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for work in WORKS:
        print(compare(dataset, *work, said.epochs), flush=True)


if __name__ == "__main__":
    main()
