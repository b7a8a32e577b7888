"""Resizing is held to exact fractions, and to OpenCV where that is installed."""

from __future__ import annotations

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


def linear(n_in, n_out, i):
    """Return the shares of the two old pixels whose centres enclose the centre of new pixel i."""
    at = min(max((i + Fraction(1, 2)) * n_in / n_out - Fraction(1, 2), Fraction(0)), Fraction(n_in - 1))
    return [max(1 - abs(at - j), Fraction(0)) for j in range(n_in)]


def exactly(frame, height, width):
    down, across = (area if n_out <= n_in else linear for n_in, n_out in zip(frame.shape, (height, width)))
    rows = [down(frame.shape[0], height, i) for i in range(height)]
    columns = [across(frame.shape[1], width, i) for i in range(width)]
    pixels = frame.tolist()
    return [
        [
            round(sum(r * c * pixels[y][x] for y, r in enumerate(row) if r for x, c in enumerate(column) if c))
            for column in columns
        ]
        for row in rows
    ]


@settings(max_examples=60)
@given(small, st.integers(1, 14), st.integers(1, 14))
def test_every_pixel_is_the_exact_fraction_rounded(frame, height, width):
    assert resize(frame, height, width).tolist() == exactly(frame, height, width)


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


@pytest.mark.parametrize("source", [(3, 5), (9, 9), (12, 19), (1, 2)])
def test_enlarging_equals_opencv_within_one_level(source):
    cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed, and the runtime does not need it")
    frame = np.random.default_rng(3).integers(0, 256, source).astype(np.uint8)
    theirs = cv2.resize(frame, (41, 20), interpolation=cv2.INTER_LINEAR)
    assert np.abs(resize(frame, 20, 41).astype(int) - theirs).max() <= 1


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
