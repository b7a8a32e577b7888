"""Hold `ImageInput` against the same preparation made of OpenCV calls, on every size from 5 x 5 to 2,000 x 2,000.

`python benchmarks/inter_area.py [--data DIR] [--small 64] [--pairs 10000]`: DIR holds mnist.zip, by default
../shared/data beside the checkout. Every test image is tried in every size up to --small, and in one of the larger
ones, so that each of those has five or six images; then come --pairs frames that are not square. Each frame is
stretched, in grey and in colour, and fitted by its ink. Takes a quarter of an hour on one core.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

import mlp_data
from mlp_runtime.inputs import ImageInput

sys.path.insert(0, str(Path(__file__).parent))
from command import SHARED

Frame = NDArray[np.uint8]
SIZES = range(5, 2001)
SIDE, BOX = 28, 20
STRETCHED = ImageInput(SIDE, SIDE, fit="stretch", ink="light")
COLOURED = ImageInput(48, 17, channels=3, fit="stretch", ink="light")
INKED = ImageInput(SIDE, SIDE, fit="ink", box=BOX)
TIE = 0.01  # pixels: a place that is rounded so near to a half hangs on one level, and either neighbour is right


@dataclass
class Tally:
    """How far the runtime's levels lie from OpenCV's. ties: frames that a single level put a pixel further."""

    frames: int = 0
    worst: int = 0
    equal: int = 0
    ties: int = 0

    def add(self, ours: Frame, theirs: Frame) -> None:
        """Count one frame."""
        off = int(cv2.absdiff(ours.reshape(-1), theirs.reshape(-1)).max())
        self.frames += 1
        self.worst = max(self.worst, off)
        self.equal += off == 0


def framed(image: Frame, height: int, width: int) -> Frame:
    """Return a test image in another size, as a scanner or a camera might give it."""
    grows = height > image.shape[0] and width > image.shape[1]
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_CUBIC if grows else cv2.INTER_AREA))


def stretched(frame: Frame, height: int, width: int) -> Frame:
    """Return what OpenCV makes of a whole frame."""
    return np.asarray(cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA))


def ink(frame: Frame) -> Frame:
    """Return the ink of a frame as docs/format.md has it, resized by OpenCV so that its long side fills the box."""
    border = np.concatenate([frame[0], frame[-1], frame[1:-1, 0], frame[1:-1, -1]])
    level = np.full_like(frame, np.sort(border)[(len(border) - 1) // 2])
    strokes = np.asarray(cv2.subtract(level, frame) if level[0, 0] > 127 else cv2.subtract(frame, level))
    sure, soft = (
        (x, y, x + wide, y + tall)
        for x, y, wide, tall in (
            cv2.boundingRect((strokes > least).astype(np.uint8)) for least in (int(strokes.max()) // 8, 0)
        )
    )
    reach = max(1, 3 * max(sure[2] - sure[0], sure[3] - sure[1]) // BOX)
    left, top, right, bottom = (
        outer if abs(outer - inner) <= reach else inner for outer, inner in zip(soft, sure, strict=True)
    )
    cut = strokes[top:bottom, left:right]
    tall, wide = (max(1, int(BOX * side / max(cut.shape) + 0.5)) for side in cut.shape)
    return stretched(cut, tall, wide)


def starts(boxed: Frame) -> tuple[tuple[int, int], bool]:
    """Return where the centre of mass of the ink puts it (top, left), and whether a hundredth of a pixel decided."""
    moments = cv2.moments(boxed)
    at = [SIDE / 2 - moments[name] / moments["m00"] for name in ("m01", "m10")]
    tie = any(abs(abs(start - round(start)) - 0.5) < TIE for start in at)
    top, left = (min(max(round(start), 0), SIDE - side) for start, side in zip(at, boxed.shape, strict=True))
    return (top, left), tie


def compare(frame: Frame, whole: Tally, colour: Tally, fitted: Tally) -> None:
    """Prepare one grey frame in the three ways."""
    whole.add(STRETCHED.prepare(frame), stretched(frame, SIDE, SIDE))
    painted = cv2.merge([frame, cv2.flip(frame, 1), 255 - frame])
    colour.add(COLOURED.prepare(painted), stretched(painted, 48, 17))
    boxed = ink(frame)
    (top, left), tie = starts(boxed)
    theirs = np.zeros((SIDE, SIDE), np.uint8)
    theirs[top : top + boxed.shape[0], left : left + boxed.shape[1]] = boxed
    ours = INKED.prepare(frame).reshape(SIDE, SIDE)
    if tie and int(cv2.absdiff(ours, theirs).max()) > 1:
        fitted.ties += 1
        moved = [np.roll(theirs, (y, x), axis=(0, 1)) for y in (-1, 0, 1) for x in (-1, 0, 1)]
        theirs = min(moved, key=lambda placed: int(cv2.absdiff(ours, placed).max()))
    fitted.add(ours, theirs)


def sizes(images: Frame, small: int) -> Iterator[Frame]:
    """Yield every image in every small size, and one after the other in the larger ones; every second one inverted."""
    for number, image in enumerate(images):
        for size in range(SIZES.start, small + 1):
            frame = framed(image, size, size)
            yield 255 - frame if number % 2 else frame
        size = small + 1 + number % (SIZES.stop - small - 1)
        frame = framed(image, size, size)
        yield 255 - frame if number // 2 % 2 else frame


def oblong(images: Frame, count: int, seed: int = 1) -> Iterator[Frame]:
    """Yield frames of any height and width, the small ones as often as the large ones."""
    generator = np.random.default_rng(seed)
    low, high = np.log([SIZES.start, SIZES.stop])
    for height, width in np.exp(generator.uniform(low, high, (count, 2))).astype(int):
        yield framed(images[generator.integers(len(images))], int(height), int(width))


def report(name: str, frames: Iterable[Frame]) -> bool:
    """Compare frames, print the figures, and tell whether one lies more than one level off."""
    began = time.perf_counter()
    tallies = {"stretched": Tally(), "stretched in colour": Tally(), "fitted by ink": Tally()}
    for frame in frames:
        compare(frame, *tallies.values())
    for way, tally in tallies.items():
        verdict = "ok" if tally.worst <= 1 else "MISSED"
        print(
            f"{name}  {way:20} {tally.frames:9,} frames  worst {tally.worst}, wanted at most 1: {verdict}  "
            f"{tally.equal / tally.frames:.2%} equal to the bit  {tally.ties} ties of the place"
        )
    print(f"{name}  {time.perf_counter() - began:.0f} s", flush=True)
    return any(tally.worst > 1 for tally in tallies.values())


def main() -> int:
    """Read what was said and compare; return 1 where a level is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=SHARED)
    parser.add_argument("--small", type=int, default=64)
    parser.add_argument("--pairs", type=int, default=10_000)
    said = parser.parse_args()
    images = np.asarray(mlp_data.load(said.data / "mnist.zip").splits["test"].x)
    missed = report("square", sizes(images, said.small))
    return int(report("oblong", oblong(images, said.pairs)) or missed)


if __name__ == "__main__":
    sys.exit(main())
