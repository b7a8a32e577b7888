"""Find and read the digits on synthetic photographs: shares found and read, and false finds on blank pages.

A digit counts as found where an item's box overlaps its own by half (intersection over union), each item once. Pages
come from packages/mlp-data/tools/make_photos.py, one for each seed; those of the default seeds were not looked at while
the code was made.
The model is one that `mlp-train fit mnist.zip --out RUN` wrote, or is trained here in that way.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import mlp_data
import mlp_runtime
from mlp_data.decode import decode
from mlp_data.photo import segment

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "packages" / "mlp-data" / "tools"))
from command import SHARED, mlp_train
from make_photos import make_photo

MNIST = SHARED / "mnist.zip"
PHOTOGRAPH, SAYS = SHARED / "photos" / "05221859.jpg", "05221859"
FOUND, READ, FALSE = 0.97, 0.95, 0  # the goals
TIGHT = 0.75  # of the union: a box that fits well, told beside the goal
SEEDS, BLANK_SEEDS = 100_000, 110_000
Box = tuple[int, int, int, int]


def overlap(one: Box, other: Box) -> float:
    """Return the intersection of two boxes (x, y, w, h) as a share of their union."""
    (x0, y0, w0, h0), (x1, y1, w1, h1) = one, other
    wide, tall = min(x0 + w0, x1 + w1) - max(x0, x1), min(y0 + h0, y1 + h1) - max(y0, y1)
    shared = max(wide, 0) * max(tall, 0)
    return shared / (w0 * h0 + w1 * h1 - shared)


def match(boxes: Sequence[Box], found: Sequence[Box]) -> dict[int, int]:
    """Pair boxes with those found, the best overlap first, each once and by half at least."""
    pairs = sorted(((overlap(a, b), i, j) for i, a in enumerate(boxes) for j, b in enumerate(found)), reverse=True)
    taken: dict[int, int] = {}
    for share, i, j in pairs:
        if share >= 0.5 and i not in taken and j not in taken.values():
            taken[i] = j
    return taken


def measure(model: mlp_runtime.Model, digits: np.ndarray, labels: np.ndarray, seeds: range) -> Counter[tuple[str, str]]:
    """Count what was drawn, found, read, in order and false, of all pages and of each kind."""
    counts: Counter[tuple[str, str]] = Counter()
    for seed in seeds:
        photo = make_photo(np.random.default_rng(seed), digits, labels)
        items = segment(photo.frame)
        taken = match(photo.boxes, [item.box for item in items])
        said = model.predict([item.frame for item in items]) if items else []
        read = sum(str(said[j]) == str(photo.labels[i]) for i, j in taken.items())
        tight = sum(overlap(photo.boxes[i], items[j].box) >= TIGHT for i, j in taken.items())
        order = [taken[i] for i in sorted(taken)]
        in_order = order == sorted(order)
        for kind in ("all", photo.tool, photo.paper):
            counts.update({(kind, "drawn"): len(photo.boxes), (kind, "found"): len(taken), (kind, "read"): read})
            counts.update({(kind, "tight"): tight})
            counts.update({(kind, "false"): len(items) - len(taken), (kind, "pages"): 1, (kind, "in order"): in_order})
    return counts


def main() -> int:
    """Print the figures; leave with 1 where one misses its goal."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="a model trained on MNIST [trained here]")
    parser.add_argument("--pages", type=int, default=200)
    parser.add_argument("--blank", type=int, default=300, help="blank pages")
    parser.add_argument("--seed", type=int, default=SEEDS, help="of the first page")
    options = parser.parse_args()
    if not MNIST.is_file():
        print("skipped: ../shared/data/mnist.zip is not beside this checkout")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        if options.model is None:
            options.model = Path(folder) / "run" / "model.mlp"
            mlp_train("fit", MNIST, "--out", options.model.parent, "--json", "--quiet")
        model = mlp_runtime.load(options.model)
    split = mlp_data.load(MNIST).splits["test"]
    counts = measure(model, split.x, split.y, range(options.seed, options.seed + options.pages))
    for kind in sorted({kind for kind, _ in counts}):
        drawn, found, tight, read, false = (counts[kind, it] for it in ("drawn", "found", "tight", "read", "false"))
        print(
            f"{kind:10} {drawn:5,} digits   found {found / max(drawn, 1):6.1%}"
            f" (overlap by {TIGHT:.0%}: {tight / max(drawn, 1):6.1%})   of those read {read / max(found, 1):6.1%}"
            f"   false finds {false:3}   in reading order {counts[kind, 'in order']}/{counts[kind, 'pages']} pages"
        )
    blank = 0
    for seed in range(options.seed + BLANK_SEEDS - SEEDS, options.seed + BLANK_SEEDS - SEEDS + options.blank):
        blank += len(segment(make_photo(np.random.default_rng(seed), split.x, split.y, blank=True).frame))
    print(f"blank      {options.blank:5,} pages    false finds {blank}")
    real = decode(PHOTOGRAPH.read_bytes(), colour=True)
    said = "".join(map(str, model.predict([item.frame for item in segment(real)])))
    print(f"{PHOTOGRAPH.name}: {said}")
    found, read = counts["all", "found"] / counts["all", "drawn"], counts["all", "read"] / counts["all", "found"]
    return int(not (found >= FOUND and read >= READ and blank <= FALSE and said == SAYS))


if __name__ == "__main__":
    sys.exit(main())
