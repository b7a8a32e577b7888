"""Photographs of handwritten digits are made here from MNIST, so that every digit's place and name are known.

A page is drawn flat, seen in perspective on a table or filling the frame, lit, blurred, made noisy and packed as JPEG.
The seed decides everything: `python make_photos.py MNIST.zip FOLDER --count 20 --seed 1` writes the same files again.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

Array = np.ndarray[Any, Any]

TOOLS = ("pencil", "pen", "marker", "chalk", "dark page", "whiteboard")
PAPERS = ("plain", "ruled", "squared")
# For each tool: the lightness of the page, how much of the ink covers it, the width of its stroke as a share of the
# digit's height, and how grainy it is.
LOOKS = {
    "pencil": ((130, 225), (0.35, 0.65), (0.05, 0.09), 0.35),
    "pen": ((140, 235), (0.55, 0.9), (0.05, 0.1), 0.1),
    "marker": ((140, 235), (0.75, 0.95), (0.1, 0.18), 0.05),
    "chalk": ((25, 75), (0.5, 0.85), (0.07, 0.14), 0.5),
    "dark page": ((10, 60), (0.6, 0.95), (0.06, 0.14), 0.1),
    "whiteboard": ((190, 245), (0.6, 0.95), (0.06, 0.12), 0.2),
}


@dataclass(frozen=True)
class Photo:
    """A photograph with what is on it. boxes: (x, y, w, h) of the ink of each digit, row by row, left to right."""

    frame: Array
    boxes: list[tuple[int, int, int, int]]
    labels: list[int]
    tool: str
    paper: str


def make_photo(rng: np.random.Generator, digits: Array, labels: Array, blank: bool = False) -> Photo:
    """Draw one photograph; `digits` (n, 28, 28) and their labels are what is picked from."""
    tool, paper = str(rng.choice(TOOLS)), str(rng.choice(PAPERS))
    long, short = int(rng.integers(480, 2000)), rng.uniform(0.6, 0.8)
    width, height = (long, int(long * short)) if rng.random() < 0.7 else (int(long * short), long)
    levels, covers, strokes, grain = LOOKS[tool]
    page = np.full((height, width), rng.uniform(*levels), np.float32)
    dark = tool not in ("chalk", "dark page")
    aim = rng.uniform(15, 60) if dark else rng.uniform(200, 250)
    size = max(24.0, float(rng.uniform(0.07, 0.22)) * min(width, height))
    cover = rng.uniform(*covers)
    page += _lines(rng, paper, page.shape, max(size, 24.0)) * (aim - page) * rng.uniform(0.15, 0.55) * cover
    ids = np.zeros(page.shape, np.int32)
    picked: list[int] = []
    if not blank:
        stroke = float(rng.uniform(*strokes))
        for top, left, index, ink in _rows(rng, digits, page.shape, size, stroke, grain):
            picked.append(index)
            inside = np.s_[top : top + ink.shape[0], left : left + ink.shape[1]]
            page[inside] += ink * cover * (aim - page[inside])
            ids[inside][ink > 0.35] = len(picked)
    page *= _wear(rng, page.shape)
    for _ in range(int(rng.integers(0, 8))):
        radius = int(rng.integers(0, max(2, long // 500)))
        cv2.circle(page, (int(rng.integers(width)), int(rng.integers(height))), radius, float(aim), -1)
    page, ids = _seen_from_aside(rng, page, ids, dark)
    frame = _camera(rng, page)
    if rng.random() < 0.06:  # as a telephone of today takes it
        frame = cv2.resize(frame, None, fx=4000 / long, fy=4000 / long, interpolation=cv2.INTER_LINEAR)
        ids = cv2.resize(ids, frame.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    boxes, found = [], []
    for number, index in enumerate(picked, 1):
        x, y, w, h = cv2.boundingRect((ids == number).astype(np.uint8))
        if w and h and x and y and x + w < ids.shape[1] and y + h < ids.shape[0]:  # whole, and within the frame
            boxes.append((int(x), int(y), int(w), int(h)))
            found.append(int(labels[index]))
    return Photo(frame, boxes, found, tool, paper)


def _rows(
    rng: np.random.Generator, digits: Array, shape: tuple[int, ...], size: float, stroke: float, grain: float
) -> Iterator[tuple[int, int, int, Array]]:
    """Yield top, left, number and ink of each digit: rows that slope a little, and gaps that vary but are gaps."""
    height, width = shape
    margin = int(0.17 * min(shape))  # what the perspective may take away
    slope = rng.uniform(-0.02, 0.02) if rng.random() < 0.7 else rng.uniform(-0.1, 0.1)
    usual, mixed = size, rng.random() < 0.25
    y = margin + rng.uniform(0, size)
    for _ in range(int(rng.integers(1, 5))):
        x = margin + rng.uniform(0, size)
        size = usual * rng.uniform(0.7, 1.5) if mixed else usual  # a heading, and what is below it
        for _ in range(int(rng.integers(1, 9))):
            index = int(rng.integers(len(digits)))
            ink = _draw(rng, digits[index], int(size * rng.uniform(0.85, 1.15)), stroke, grain)
            top = int(y + slope * x + rng.uniform(-0.08, 0.08) * size)
            if x + ink.shape[1] > width - margin or not margin <= top <= height - margin - ink.shape[0]:
                break
            yield top, int(x), index, ink
            x += ink.shape[1] + size * rng.uniform(0.12, 0.8)
        y += max(size, usual) * rng.uniform(1.5, 2.2) + abs(slope) * width / 2


def _draw(rng: np.random.Generator, digit: Array, tall: int, stroke: float, grain: float) -> Array:
    """Return how much ink is where, 0..1: the digit enlarged, slanted, its strokes made `stroke` x height wide."""
    rows, columns = np.flatnonzero(digit.max(axis=1) > 60), np.flatnonzero(digit.max(axis=0) > 60)
    cut = digit[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.float32) / 255
    scale = tall / len(rows)
    wide = max(3, int(scale * len(columns) * rng.uniform(0.85, 1.15)))
    pad = int(0.15 * tall) + 3
    ink = np.pad(cv2.resize(cut, (wide, tall), interpolation=cv2.INTER_CUBIC), pad)
    slant = np.array([[1, rng.uniform(-0.12, 0.12), 0], [0, 1, 0]], np.float32)
    slant[0, 2] = -slant[0, 1] * ink.shape[0] / 2
    ink = cv2.GaussianBlur(cv2.warpAffine(ink, slant, ink.shape[::-1]), (0, 0), 0.35 * scale)
    inside = cv2.distanceTransform((ink > 0.45).astype(np.uint8), cv2.DIST_L2, 5)
    outside = cv2.distanceTransform((ink <= 0.45).astype(np.uint8), cv2.DIST_L2, 5)
    distance = inside - outside
    half = float(np.percentile(inside[inside > 0], 90))  # about half the width that the strokes have now
    change = np.clip(stroke * tall / 2 - half, -0.6 * half, 0.6 * half)
    ink = np.clip(distance + change + 0.5, 0, 1)
    rough = cv2.GaussianBlur(rng.normal(0, 1, ink.shape).astype(np.float32), (0, 0), rng.uniform(0.6, 1.5))
    worn = ink * np.clip(1 + grain * rough / rough.std() - grain / 2, 0, 1)
    used = np.flatnonzero(ink.max(axis=0) > 0)
    return np.asarray(worn[:, used[0] : used[-1] + 1], np.float32)


def _lines(rng: np.random.Generator, paper: str, shape: tuple[int, ...], size: float) -> Array:
    """Return the printed lines of a page, 0..1."""
    lines = np.zeros(shape, np.float32)
    if paper == "plain":
        return lines
    step = size * (rng.uniform(1.0, 1.9) if paper == "ruled" else rng.uniform(0.45, 1.3))
    thick = max(1, round(max(shape) * rng.uniform(0.0008, 0.0022)))
    for y in np.arange(rng.uniform(0, step), shape[0], step):
        lines[int(y) : int(y) + thick] = 1
    if paper == "squared":
        for x in np.arange(rng.uniform(0, step), shape[1], step):
            lines[:, int(x) : int(x) + thick] = 1
    if rng.random() < 0.4:  # the margin of a school book, often in red
        x = int(shape[1] * rng.uniform(0.03, 0.15))
        lines[:, x : x + thick + 1] = rng.uniform(0.8, 1.6)
    return cv2.GaussianBlur(lines, (0, 0), 0.5) if thick > 1 else lines


def _wear(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Return what a used page is multiplied with: clouded paper, a crease where it was folded, and punched holes."""
    height, width = shape
    cells = rng.normal(0, rng.uniform(0, 0.012), (height // 40 + 2, width // 40 + 2)).astype(np.float32)
    page = 1 + cv2.resize(cells, (width, height), interpolation=cv2.INTER_CUBIC)
    if rng.random() < 0.12:
        y = np.linspace(-1, 1, height)[:, None] - rng.uniform(-0.5, 0.5) + rng.uniform(-0.1, 0.1) * np.ones(width)
        page += rng.uniform(0.03, 0.1) * np.sign(y) * np.exp(-np.abs(y) * height / rng.uniform(3, 20))
    if rng.random() < 0.12:
        x, radius = int(rng.uniform(0.08, 0.12) * min(shape)), int(rng.uniform(0.008, 0.014) * max(shape))
        for place in np.linspace(0.2, 0.8, int(rng.integers(2, 5))):
            cv2.circle(page, (x, int(place * height)), radius, float(rng.uniform(0.2, 0.6)), -1)
    return np.asarray(page)


def _seen_from_aside(rng: np.random.Generator, page: Array, ids: Array, dark: bool) -> tuple[Array, Array]:
    """Turn and tilt the page; one in four lies on a table whose surface shows around it."""
    height, width = page.shape
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    on_table = rng.random() < 0.25
    tilt = rng.uniform(-0.05, 0.05, (4, 2)) * [width, height]
    angle = np.deg2rad(rng.uniform(-3, 3) if rng.random() < 0.7 else rng.uniform(-8, 8))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = corners.mean(axis=0)
    grow = rng.uniform(0.8, 0.92) if on_table else 1.12
    there = ((corners + tilt / 2 - middle) * grow @ turn.T + middle).astype(np.float32)
    if not on_table:  # whatever the tilt, the page fills the frame; no digit is nearer to its edge than this takes
        there = np.where(corners > middle, np.maximum(there, corners), np.minimum(there, corners)).astype(np.float32)
    matrix = cv2.getPerspectiveTransform(corners, there)
    table = rng.uniform(40, 110) if dark else rng.uniform(90, 200)
    size = (width, height)
    seen = cv2.warpPerspective(page, matrix, size, flags=cv2.INTER_LINEAR, borderValue=float(table))
    places = cv2.warpPerspective(ids.astype(np.float32), matrix, size, flags=cv2.INTER_NEAREST, borderValue=0.0)
    return np.asarray(seen), np.asarray(places).astype(np.int32)


def _camera(rng: np.random.Generator, page: Array) -> Array:
    """Light the page, let shadows fall on it, and take the photograph."""
    height, width = page.shape
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    a = rng.uniform(-0.2, 0.2, 5)
    light = 1 + a[0] * x + a[1] * y + a[2] * x * y / 2 + a[3] * x * x / 2 + a[4] * y * y / 2
    light = light * (1 - rng.choice([0.0, 0.1, 0.3]) * ((x * x + y * y) / 2) ** 2)  # the lens's own shade
    for _ in range(int(rng.integers(0, 3))):  # the hand, the head, the telephone
        shade = np.zeros(page.shape, np.float32)
        corner = rng.choice([-0.2, 1.2], 2) * [width, height]
        points = corner + rng.uniform(-0.75, 0.75, (4, 2)) * [width, height]
        cv2.fillConvexPoly(shade, cv2.convexHull(points.astype(np.int32)), 1.0)
        soft = rng.uniform(0.002, 0.02) * max(page.shape)
        light = light * (1 - rng.uniform(0.15, 0.5) * cv2.GaussianBlur(shade, (0, 0), soft))
    page = page * light.astype(np.float32)
    if rng.random() < 0.12:  # a lamp that mirrors in a board, or in glossy ink
        glare = np.exp(-8 * ((x - rng.uniform(-1, 1)) ** 2 + (y - rng.uniform(-1, 1)) ** 2))
        page += (rng.uniform(10, 60) * glare).astype(np.float32)
    if rng.random() < 0.1:  # the finger that holds the page
        middle = [(0, rng.uniform(0, height)), (width, rng.uniform(0, height)), (rng.uniform(0, width), height)]
        finger = np.zeros(page.shape, np.float32)
        spot = tuple(int(value) for value in middle[rng.integers(3)])
        cv2.ellipse(finger, spot, (min(page.shape) // 9, min(page.shape) // 14), rng.uniform(0, 90), 0, 360, 1.0, -1)
        page += cv2.GaussianBlur(finger, (0, 0), max(page.shape) / 400) * (rng.uniform(80, 170) - page)
    seen = cv2.GaussianBlur(page.astype(np.float32), (0, 0), rng.uniform(0.0004, 0.0012) * max(page.shape))
    seen = seen + rng.normal(0, rng.uniform(0.5, 6), page.shape)
    tint = rng.uniform(0.75, 1.0, 3)
    colour = np.clip(np.rint(seen[..., None] * tint), 0, 255).astype(np.uint8)
    packed = cv2.imencode(".jpg", colour, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(45, 96))])[1]
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR))[..., ::-1]


def main() -> None:
    """Write photographs and `boxes.json`, which says what is on each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mnist", help="MNIST as mlp_data.load takes it; its test images are drawn")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--blank", action="store_true", help="nothing is written on the pages")
    options = parser.parse_args()
    import mlp_data

    split = mlp_data.load(options.mnist).splits["test"]
    options.folder.mkdir(parents=True, exist_ok=True)
    told = {}
    for number in range(options.seed, options.seed + options.count):
        photo = make_photo(np.random.default_rng(number), split.x, split.y, options.blank)
        name = f"{number:05}.jpg"
        cv2.imwrite(str(options.folder / name), photo.frame[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])
        told[name] = {"boxes": photo.boxes, "labels": photo.labels, "tool": photo.tool, "paper": photo.paper}
    (options.folder / "boxes.json").write_text(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
