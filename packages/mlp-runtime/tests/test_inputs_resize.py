"""Resizing is held to exact fractions and whole numbers, and to OpenCV where that is installed."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mlp_runtime.inputs.pixels import grey
from mlp_runtime.inputs.resize import resize

small = arrays.arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.integers(0, 255))


def area(n_in, n_out, i):
    """Return the share of each old pixel in new pixel i, where the new one covers n_in / n_out old ones."""
    low, high = Fraction(i * n_in, n_out), Fraction((i + 1) * n_in, n_out)
    return [max(min(high, j + 1) - max(low, j), Fraction(0)) * Fraction(n_out, n_in) for j in range(n_in)]


def mean(frame, height, width):
    rows = [area(frame.shape[0], height, i) for i in range(height)]
    columns = [area(frame.shape[1], width, i) for i in range(width)]
    pixels = frame.tolist()
    return [
        [
            round(sum(r * c * pixels[y][x] for y, r in enumerate(row) if r for x, c in enumerate(column) if c))
            for column in columns
        ]
        for row in rows
    ]


def pair(n, m, i):
    """Return the two old pixels that new pixel i blends, and the share of the second, as docs/format.md has it."""
    j = math.floor(i * (1 / (m / n)))
    share = round(max(Fraction(i + 1) - Fraction((j + 1) * m, n), Fraction(0)) % 1 * 2048)
    return (j, j + 1, share) if j < n - 1 else (j, j, 0)


def blend(frame, height, width):
    pixels = frame.tolist()
    blended = [[0] * width for _ in range(height)]
    for y in range(height):
        top, bottom, down = pair(len(pixels), height, y)
        for x in range(width):
            left, right, across = pair(len(pixels[0]), width, x)
            upper, lower = (row[left] * (2048 - across) + row[right] * across for row in (pixels[top], pixels[bottom]))
            kept = ((upper >> 4) * (2048 - down) >> 16) + ((lower >> 4) * down >> 16)
            blended[y][x] = kept + 2 >> 2
    return blended


@settings(max_examples=60)
@given(small, st.integers(1, 14), st.integers(1, 14))
def test_every_pixel_is_what_the_specification_says(frame, height, width):
    rule = mean if height <= frame.shape[0] and width <= frame.shape[1] else blend
    wanted = frame.tolist() if frame.shape == (height, width) else rule(frame, height, width)
    assert resize(frame, height, width).tolist() == wanted


@pytest.mark.parametrize(("n", "m"), [(2, 98), (6, 34), (6, 74), (98, 2), (1, 5), (5, 1), (4, 4)])
def test_a_pixel_that_begins_with_an_old_one_is_found_as_the_specification_says(n, m):
    frame = np.random.default_rng(7).integers(0, 256, (3, n)).astype(np.uint8)
    assert resize(frame, 5, m).tolist() == blend(frame, 5, m)
    assert resize(frame.T, m, 5).tolist() == blend(frame.T, m, 5)


def test_a_large_frame_is_as_exact_as_a_small_one():
    frame = np.random.default_rng(0).integers(0, 256, (1200, 700)).astype(np.uint8)
    blocks = frame.reshape(20, 60, 10, 70).astype(int).sum(axis=(1, 3))
    assert (resize(frame, 20, 10) == np.rint(blocks / (60 * 70))).all()


@pytest.mark.parametrize(("level", "even"), [(100, 100), (101, 102)])
def test_a_large_frame_is_halved_to_even_as_a_small_one_is(level, even):
    y, x = np.mgrid[:1400, :1300]
    frame = (level + (y + x) % 2).astype(np.uint8)  # every mean is exactly a half
    assert set(np.unique(resize(frame, 14, 13))) == {even}


def test_the_same_size_changes_nothing():
    frame = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert (resize(frame, 3, 4) == frame).all()


def test_colours_are_resized_one_by_one():
    frame = np.random.default_rng(1).integers(0, 256, (7, 9, 3)).astype(np.uint8)
    for channel in range(3):
        assert (resize(frame, 4, 11)[..., channel] == resize(frame[..., channel], 4, 11)).all()


@pytest.mark.parametrize("source", [(40, 31), (28, 28), (200, 133), (57, 20), (480, 640), (21, 400)])
def test_shrinking_equals_opencv_within_one_level(source):
    cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed, and the runtime does not need it")
    frame = np.random.default_rng(2).integers(0, 256, source).astype(np.uint8)
    for height, width in [(20, 20), (20, 13), (7, 20), (1, 1)]:
        theirs = cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)
        assert np.abs(resize(frame, height, width).astype(int) - theirs).max() <= 1


@pytest.mark.parametrize("source", [(3, 5), (9, 9), (12, 19), (1, 2), (2, 98), (60, 17), (6, 300)])
def test_growing_in_one_direction_or_both_equals_opencv_within_one_level(source):
    cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed, and the runtime does not need it")
    frame = np.random.default_rng(3).integers(0, 256, (*source, 3)).astype(np.uint8)
    for height, width in [(20, 41), (13, 34), (98, 20), (source[0] * 3, source[1]), (source[0], source[1] + 1)]:
        theirs = cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)
        assert np.abs(resize(frame, height, width).astype(int) - theirs).max() <= 1


def test_growing_by_a_whole_number_repeats_the_pixels():
    frame = np.random.default_rng(6).integers(0, 256, (4, 7)).astype(np.uint8)
    assert (resize(frame, 12, 14) == np.repeat(np.repeat(frame, 3, axis=0), 2, axis=1)).all()


def test_grey_equals_opencv_within_one_level():
    cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed, and the runtime does not need it")
    frame = np.random.default_rng(4).integers(0, 256, (300, 200, 3)).astype(np.uint8)
    assert np.abs(grey(frame).astype(int) - cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)).max() <= 1


def test_grey_weighs_the_colours_as_bt_601_does():
    frame = np.random.default_rng(5).integers(0, 256, (30, 20, 3)).astype(np.uint8)
    assert np.abs(grey(frame) - frame @ [0.299, 0.587, 0.114]).max() <= 0.51
    levels = np.arange(256, dtype=np.uint8)
    assert (grey(np.repeat(levels[:, None], 3, axis=1)) == levels).all()


def test_transparent_pixels_lie_over_white():
    frame = np.array([[[0, 0, 0, 0], [0, 0, 0, 255], [0, 0, 0, 128], [200, 200, 200, 51]]], np.uint8)
    assert grey(frame).tolist() == [[255, 0, 127, 244]]
