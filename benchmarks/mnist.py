"""Train on all of MNIST, by default with default settings and three seeds: mean test accuracy, and seconds to the file.

`python benchmarks/mnist.py [MNIST.ZIP] [--recipe NAME] [--seeds N]` takes four IDX members, by default those of
../shared/data/mnist.zip beside the checkout. The test images are looked at once a run, when the model file is written.
Recipes: `default`; `plain`, no distortion but mixed pairs of images; `minutes` and `long`, `--preset best` with a time
limit of 3 and 30 minutes, which decides how many of the epochs there are.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from command import SHARED, fit_and_evaluate, summary

PLAIN = (
    "--hidden 1024,1024 --mixup 1 --label-smoothing 0 --average ema --batch-size 128 --lr 0.002 "
    "--valid-fraction 0.03 --epochs 50 --patience 50"
)
# name -> (options, seeds, wanted accuracy, wanted seconds from the start of the command to the file)
RECIPES = {
    "default": ([], 3, 0.983, 90.0),
    "plain": (PLAIN.split(), 3, 0.989, 3600.0),
    "minutes": (["--preset", "best", "--epochs", "100", "--time-limit", "160"], 3, 0.993, 180.0),
    "long": (
        ["--preset", "best", "--hidden", "1024,1024", "--dropout", "0.1", "--epochs", "400", "--time-limit", "1500"],
        1,
        0.995,
        1800.0,
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
