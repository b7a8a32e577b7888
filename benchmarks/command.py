"""Run `mlp-train` as a person would and read the object that it prints."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@dataclass(frozen=True)
class Run:
    """What one training gave: its seed, its accuracy on the test split, and its time from start to file."""

    seed: int
    accuracy: float
    seconds: float


def mlp_train(*arguments: str | Path) -> Any:
    """Run the command of this interpreter's environment and return the object on its standard output."""
    command = [str(Path(sys.executable).with_name("mlp-train")), *map(str, arguments)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with exit code {done.returncode}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def fit_and_evaluate(source: str, seed: int, *options: str) -> Run:
    """Train, with default settings but for `options`, then look at the test split for the first time."""
    with tempfile.TemporaryDirectory() as home:
        start = time.perf_counter()
        mlp_train("fit", source, "--out", Path(home) / "run", "--seed", str(seed), "--json", "--quiet", *options)
        seconds = time.perf_counter() - start
        return Run(seed, mlp_train("evaluate", Path(home) / "run" / "model.mlp", source, "--json")["accuracy"], seconds)


def summary(name: str, runs: list[Run], accuracy: float, seconds: float) -> int:
    """Print every run and their mean beside the goals; return 1 where one is missed."""
    for run in runs:
        print(f"{name}  seed {run.seed}  test accuracy {run.accuracy:.2%}  {run.seconds:.1f} s")
    average, slowest = mean(run.accuracy for run in runs), max(run.seconds for run in runs)
    spread = stdev(run.accuracy for run in runs) if len(runs) > 1 else 0.0
    met = average >= accuracy and slowest <= seconds
    print(f"{name}  mean {average:.2%}, spread {spread:.2%}, slowest {slowest:.1f} s")
    print(f"{name}  wanted {accuracy:.1%} within {seconds:.0f} s: {'ok' if met else 'MISSED'}")
    return int(not met)
