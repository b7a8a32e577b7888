"""Train on all of MNIST, by default with default settings and three seeds: mean test accuracy, and seconds to the file.

`python benchmarks/mnist.py [MNIST.ZIP] [--recipe NAME] [--seeds N]` takes four IDX members, by default those of
../shared/data/mnist.zip beside the checkout. The test images are looked at once a run, when the model file is written.
Recipes: `default`; `plain`, no distortion but much dropout; `minutes` and `long`, `--preset best` with a time limit of
3 and 30 minutes.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from command import SHARED, fit_and_evaluate, summary

# name -> (options, seeds, wanted accuracy, wanted seconds from the start of the command to the file)
RECIPES = {
    "default": ([], 3, 0.983, 90.0),
    "plain": (
        ["--hidden", "1024,1024,1024", "--dropout", "0.4", "--batch-size", "128", "--max-norm", "2"],
        3,
        0.989,
        3600.0,
    ),
    "minutes": (["--preset", "best", "--time-limit", "175"], 3, 0.993, 185.0),
    "long": (
        ["--preset", "best", "--hidden", "1024,1024", "--epochs", "400", "--time-limit", "1790"],
        1,
        0.995,
        1805.0,
    ),
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive", nargs="?", default=str(SHARED / "mnist.zip"))
    parser.add_argument("--recipe", choices=RECIPES, default="default")
    parser.add_argument("--seeds", type=int)
    chosen = parser.parse_args()
    options, seeds, accuracy, seconds = RECIPES[chosen.recipe]
    runs = [fit_and_evaluate(chosen.archive, seed + 1, *options) for seed in range(chosen.seeds or seeds)]
    sys.exit(summary(f"mnist.zip {chosen.recipe}", runs, accuracy, seconds))
