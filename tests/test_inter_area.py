"""A frame comes out of `ImageInput` as OpenCV's own INTER_AREA would make it, whatever its size."""

from __future__ import annotations

import inter_area
import numpy as np
import pytest

import mlp_data

STEP = 11  # of the sizes that take long: benchmarks/inter_area.py tries them all, with every test image of MNIST


@pytest.fixture(scope="module")
def images():
    return np.asarray(mlp_data.load("digits").splits["test"].x)


def off(frames):
    tallies = [inter_area.Tally() for _ in range(3)]
    for frame in frames:
        inter_area.compare(frame, *tallies)
    assert all(tally.frames for tally in tallies)
    assert sum(tally.ties for tally in tallies) <= tallies[0].frames // 500
    return [tally.worst for tally in tallies]


def test_every_image_in_small_sizes_equals_opencv_within_one_level(images):
    assert max(off(inter_area.framed(image, 5 + at % 44, 5 + at % 44) for at, image in enumerate(images))) <= 1


def test_every_square_up_to_400_and_some_up_to_2000_equals_opencv_within_one_level(images):
    sizes = [*range(5, 400), *range(400, 2001, STEP), 2000]
    assert max(off(inter_area.framed(images[size % len(images)], size, size) for size in sizes)) <= 1


def test_frames_that_are_not_square_equal_opencv_within_one_level(images):
    assert max(off(inter_area.oblong(images, 300))) <= 1


def test_one_side_that_grows_makes_the_other_blend_too(images):
    sizes = [(5, 2000), (27, 29), (29, 27), (28, 27), (27, 28), (1000, 20), (98, 2), (2, 98)]
    assert max(off(inter_area.framed(images[0], *size) for size in sizes)) <= 1


def test_the_comparison_sees_a_level_and_a_place_that_differ(images):
    tally = inter_area.Tally()
    tally.add(images[0], np.where(images[0] > 2, images[0] - 2, 0).astype(np.uint8))
    assert (tally.worst, tally.equal) == (2, 0)
    whole, colour, fitted = (inter_area.Tally() for _ in range(3))
    inter_area.compare(np.pad(images[0], ((0, 9), (0, 0))), whole, colour, fitted)
    assert (fitted.worst, fitted.ties) == (0, 0)
