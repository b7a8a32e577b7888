"""How samples become network input is chosen from the pixels of the training split, and from nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mlp_data
from mlp_data import Dataset, Split, from_arrays
from mlp_data.errors import DataError
from mlp_data.fitting import is_coloured, looks_drawn

Digits = Callable[[int], np.ndarray]


def photos(count: int, height: int, width: int, channels: int = 0) -> np.ndarray:
    shape = (count, height, width, channels) if channels else (count, height, width)
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def fitted(x: Any, **options: Any) -> tuple[Any, str]:
    data = replace(from_arrays(x, np.arange(len(x)) % 2), input_options=options)
    return data.fit_input(), data.input_reason


def test_strokes_on_an_even_background_are_fitted_by_their_ink(digits_of: Digits) -> None:
    for frames in (digits_of(20), 255 - digits_of(20)):
        found, reason = fitted(frames)
        assert (found.fit, found.height, found.width, found.channels) == ("ink", 28, 28, 1)
        assert reason == "fit=ink to 28 x 28: 100% of the frames looked at are strokes on an even background"


def test_small_pictures_of_one_size_stay_as_they_are() -> None:
    found, reason = fitted(photos(20, 20, 24))
    assert (found.fit, found.height, found.width, found.channels) == ("none", 20, 24, 1)
    assert "only 0% of the frames" in reason


def test_large_pictures_are_shrunk_in_their_own_ratio() -> None:
    found, _ = fitted(photos(6, 100, 200))
    assert (found.fit, found.height, found.width) == ("stretch", 16, 32)
    mixed, _ = fitted([*photos(3, 90, 60), *photos(3, 30, 20)])
    assert (mixed.fit, mixed.height, mixed.width) == ("stretch", 32, 21)


def test_colour_is_kept_where_there_is_some() -> None:
    found, reason = fitted(photos(6, 32, 32, 3))
    assert (found.fit, found.channels, found.size) == ("none", 3, 32 * 32 * 3)
    assert reason == "fit=none to 32 x 32: the frames have colour, and all have one small size"
    grey = np.repeat(photos(6, 32, 32)[..., np.newaxis], 3, axis=3)
    assert fitted(grey)[0].channels == 1


def test_strokes_of_colour_keep_it_and_are_told_what_finds_them_anywhere(digits_of: Digits) -> None:
    red = np.repeat(255 - digits_of(10)[..., np.newaxis], 3, axis=3)
    red[..., 0] = 255
    found, reason = fitted(red)
    assert (found.fit, found.channels) == ("none", 3)
    assert "have colour (and 100% of the frames looked at are strokes on an even background: where shape" in reason


def test_yellowish_paper_is_no_colour_and_a_red_pen_is(digits_of: Digits) -> None:
    paper = np.repeat(255 - digits_of(1)[0][..., np.newaxis], 3, axis=2)
    tinted = (paper * [1.0, 0.95, 0.85]).astype(np.uint8)
    assert not is_coloured(tinted)
    red = paper.copy()
    red[..., 0] = 255
    assert is_coloured(red)


def test_noise_and_one_colour_do_not_look_drawn(digits_of: Digits) -> None:
    assert looks_drawn(digits_of(1)[0])
    assert not looks_drawn(photos(1, 28, 28)[0])
    assert not looks_drawn(np.full((28, 28), 7, np.uint8))
    half = np.zeros((28, 28), np.uint8)
    half[1:20, 1:27] = 255  # more than a stroke
    assert not looks_drawn(half)


def test_what_was_asked_for_is_done(digits_of: Digits) -> None:
    found, reason = fitted(digits_of(10), fit="stretch", ink="dark")
    assert (found.fit, found.ink) == ("stretch", "dark")
    assert "asked for" in reason


def test_no_other_split_and_no_name_changes_the_fit(digits_of: Digits) -> None:
    train = Split(digits_of(30), np.arange(30) % 2)
    others = {
        "valid": Split(photos(30, 40, 40, 3), np.zeros(30, np.int64)),
        "test": Split(photos(30, 40, 40, 3), np.zeros(30, np.int64)),
        "unlabelled": Split(photos(9, 5, 7)),
    }
    alone = Dataset("mnist", "image", "classification", {"train": train}, ("0", "1"))
    among = Dataset("photographs", "image", "classification", {"train": train, **others}, ("0", "1"))
    assert alone.fit_input() == among.fit_input()
    assert alone.input_reason == among.input_reason


def test_a_vector_is_scaled_by_the_training_rows_alone() -> None:
    rows = np.random.default_rng(0).normal([5, -3, 0], [2, 0.1, 1], (500, 3))
    data = from_arrays(rows, np.arange(500) % 2, test=(rows * 100, np.arange(500) % 2))
    x = data.fit_input().transform(rows)
    assert np.allclose(x.mean(axis=0), 0, atol=1e-4)
    assert np.allclose(x.std(axis=0), 1, atol=1e-4)


def test_a_feature_that_never_varies_stays_zero() -> None:
    data = from_arrays([[7.0, 1.0], [7.0, 2.0]], [0, 1])
    assert data.fit_input().transform([[7.0, 1.0]])[0, 0] == 0


def test_too_few_samples_or_names_are_refused() -> None:
    data = from_arrays(np.eye(2), [0, 1], classes=["a", "b", "c"])
    with pytest.raises(DataError, match="2 training samples cannot show all of the 3 classes"):
        data.fit_input()
    with pytest.raises(DataError, match="3 feature names were given for 2 features"):
        from_arrays(np.eye(2), [0, 1], names=["a", "b", "c"]).fit_input()


def test_mnist_has_its_known_counts_and_is_fitted_by_its_ink(shared_data: Path) -> None:
    mnist = mlp_data.load(shared_data / "mnist.zip")
    assert {name: len(split) for name, split in mnist.splits.items()} == {"train": 60_000, "test": 10_000}
    assert np.bincount(mnist.splits["test"].y).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert np.bincount(mnist.splits["train"].y).tolist() == [
        5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949,
    ]  # fmt: skip
    assert mnist.classes == tuple("0123456789")
    fitted_input = mnist.fit_input()
    assert (fitted_input.fit, fitted_input.size) == ("ink", 784)


def test_features_too_small_for_float32_to_tell_apart_stay_finite() -> None:
    rows = np.random.default_rng(0).normal(size=(50, 2)) * 1e-42
    assert np.isfinite(from_arrays(rows, [0, 1] * 25).fit_input().transform(rows.astype(np.float32))).all()
