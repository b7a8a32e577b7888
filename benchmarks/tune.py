"""What a search brings over the default settings, on rows that neither saw, and how many trials a minute does.

    python benchmarks/tune.py [--trials 20] [--only digits|titanic]

Each search and the `fit` that it is compared with are commands as a person types them. The rows of the last columns are
looked at once, at the end: the 1,000 test images of the digits, and 267 of Titanic's 891 passengers, others each time.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from command import mlp_train

from mlp_data.sources import SAMPLES_FOLDER

SPLITS = 3


def titanic(folder: Path, seed: int) -> Path:
    """Write the passengers whose fate is known as a folder of two tables, one of them for the test."""
    with zipfile.ZipFile(SAMPLES_FOLDER / "titanic.zip") as archive:
        rows = list(csv.reader(io.StringIO(archive.read("train.csv").decode())))
    head, known = rows[0], rows[1:]
    order = np.random.default_rng(seed).permutation(len(known))
    cut = round(0.3 * len(known))
    folder.mkdir()
    for name, chosen in (("test", order[:cut]), ("train", order[cut:])):
        with (folder / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([head, *(known[i] for i in sorted(chosen))])
    return folder


def compare(name: str, source: str | Path, words: list[str], folder: Path, trials: int, jobs: list[int]) -> None:
    """Print a line for `fit`, and one for a search with each number of processes."""
    began = time.perf_counter()
    found = mlp_train("fit", source, *words, "--out", folder / f"{name}-fit", "--json", "--quiet")
    line(f"{name}, fit", found, time.perf_counter() - began)
    for count in jobs:
        out = folder / f"{name}-tune-{count}"
        began = time.perf_counter()
        found = mlp_train(
            "tune", source, *words, "--trials", str(trials), "--jobs", str(count), "--out", out, "--json", "--quiet"
        )
        seconds = time.perf_counter() - began
        line(f"{name}, tune, {count} jobs", found, seconds)
        done = sum(found["trials"].get(state, 0) for state in ("complete", "pruned", "diverged", "failed"))
        print(f"    {60 * done / seconds:.0f} trials a minute; {found['trials']}; {found['command']}")


def line(name: str, found: dict[str, Any], seconds: float) -> None:
    """Print the figures of a model."""
    valid, test = (found["metrics"][split] for split in ("valid", "test"))
    size = Path(found["model"]).stat().st_size / 1000
    held = f"held out {100 * valid['accuracy']:.2f} %, log-loss {valid['log_loss']:.3f}"
    print(
        f"{name:24} {held}   test {100 * test['accuracy']:.2f} %, log-loss {test['log_loss']:.3f}"
        f"   {size:.0f} kB  {seconds:.1f} s",
        flush=True,
    )


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--only", choices=("digits", "titanic"))
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        if chosen.only != "digits":
            for seed in range(SPLITS):
                source = titanic(folder / f"titanic-{seed}", seed)
                target: list[str] = ["--target", "Survived"]
                compare(f"titanic {seed}", source, target, folder, chosen.trials, [1, 2] if seed == 0 else [2])
        if chosen.only != "titanic":
            compare("digits", "digits", [], folder, chosen.trials, [1, 2])


if __name__ == "__main__":
    main()
