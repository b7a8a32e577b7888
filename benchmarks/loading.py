"""Time loading beside the bare library calls that it cannot do without: medians of ratios, with their spread.

`python benchmarks/loading.py [--rounds 7] [--data DIR]`: DIR holds mnist.zip, digit-recognizer.zip, mnist-png.zip and
titanic.zip, by default ../shared/data beside the checkout. Both sides of a row run in turn in one process. What has
to reach the goal is the ratio of the processor's time, all threads together, which other work on the machine stretches
least; a ratio above 1 means that `mlp_data.load` takes less. The ratio by the clock, where a second core counts, stands
beside it. pandas is for comparison alone: `pip install --group bench`.
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

import mlp_data

sys.path.insert(0, str(Path(__file__).parent))
from command import SHARED

TITANIC_SECONDS = 0.05


def bare_zip(path: Path) -> None:
    """Unpack every member, as zipfile does it."""
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            archive.read(name)


def bare_pandas(path: Path) -> None:
    """Parse every table of pixels, as pandas does it."""
    import pandas

    with zipfile.ZipFile(path) as archive:
        for name in ("train.csv", "test.csv"):
            pandas.read_csv(io.BytesIO(archive.read(name)))


def bare_imdecode(path: Path) -> None:
    """Read and decode every image on one core."""
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.endswith(".png") and not name.startswith("__MACOSX"):
                cv2.imdecode(np.frombuffer(archive.read(name), np.uint8), cv2.IMREAD_UNCHANGED)


def photographs(folder: Path) -> Path:
    """Pack 400 smooth, grainy colour images of 256 x 256 as PNG, in two classes."""
    generator = np.random.default_rng(1)
    with zipfile.ZipFile(folder / "photographs.zip", "w") as archive:
        for number in range(400):
            rough = generator.integers(0, 240, (8, 8, 3), np.uint8)
            smooth = cv2.resize(rough, (256, 256), interpolation=cv2.INTER_CUBIC)
            grainy = cv2.add(smooth, generator.integers(0, 16, smooth.shape, np.uint8))
            archive.writestr(f"{number % 2}/{number}.png", cv2.imencode(".png", grainy)[1].tobytes())
    return folder / "photographs.zip"


def seconds(call: Callable[[Path], object], path: Path) -> tuple[float, float]:
    """Return how long one call takes, and how long it keeps processors busy."""
    wall, cpu = time.perf_counter(), time.process_time()
    call(path)
    return time.perf_counter() - wall, time.process_time() - cpu


def main() -> int:
    """Read what was said and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--data", type=Path, default=SHARED)
    said = parser.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as home:
        return compare(said.data, said.rounds, photographs(Path(home)))


def compare(data: Path, rounds: int, photos: Path) -> int:
    """Print a line for each source; return 1 where a goal is missed."""
    rows: tuple[tuple[str, Path, Callable[[Path], object], str, float], ...] = (
        ("IDX 70,000 in zip", data / "mnist.zip", bare_zip, "zipfile.read", 0.8),
        ("CSV 70,000 of pixels in zip", data / "digit-recognizer.zip", bare_pandas, "pandas.read_csv", 1.0),
        ("PNG 12,000 of 28 x 28 in zip", data / "mnist-png.zip", bare_imdecode, "zipfile, imdecode", 0.8),
        ("PNG 400 of 256 x 256 in zip", photos, bare_imdecode, "zipfile, imdecode", 0.8),
    )
    missed = 0
    for what, path, call, against, wanted in rows:
        pairs = [(seconds(mlp_data.load, path), seconds(call, path)) for _ in range(rounds + 1)][1:]
        ratios = sorted(bare[1] / ours[1] for ours, bare in pairs)
        ratio = statistics.median(ratios)
        by_clock = statistics.median(bare[0] / ours[0] for ours, bare in pairs)
        missed += ratio < wanted
        wall, busy, other = (statistics.median(values) for values in zip(*((*a, b[1]) for a, b in pairs), strict=True))
        print(
            f"{what:28} {busy:6.3f} s on {busy / wall:.1f} of {os.cpu_count()} cores  {against:17} {other:6.3f} s  "
            f"ratio {ratio:.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}), wanted {wanted}, by the clock {by_clock:.2f}  "
            f"{'ok' if ratio >= wanted else 'MISSED'}",
            flush=True,
        )
    times = sorted(seconds(mlp_data.load, data / "titanic.zip")[1] for _ in range(rounds * 3))
    median = statistics.median(times)
    missed += median > TITANIC_SECONDS
    print(
        f"tables, 891 + 418 rows       {median:6.3f} s ({times[0]:.3f} to {times[-1]:.3f}), wanted "
        f"{TITANIC_SECONDS} s  {'ok' if median <= TITANIC_SECONDS else 'MISSED'}"
    )
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
