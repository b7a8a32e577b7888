"""What would spoil a training or its test is said in plain sentences, and quickly."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

import mlp_data
from mlp_data import from_arrays
from mlp_data.check import problems
from mlp_data.dataset import Dataset, Split

FRAMES = np.random.default_rng(0).integers(0, 256, (60, 8, 8), dtype=np.uint8)
LABELS = ["a", "b", "c"] * 20


def normal(*shape: int) -> np.ndarray:
    """Draw numbers, the same in every test, whichever tests ran before."""
    return np.random.default_rng(1).normal(size=shape)


def said(dataset: Dataset, part: str) -> list[str]:
    return [problem for problem in problems(dataset) if part in problem]


def test_sound_data_have_no_problems() -> None:
    assert problems(from_arrays(FRAMES, LABELS)) == ()
    assert problems(from_arrays(FRAMES.reshape(60, -1).astype(np.float32), LABELS)) == ()
    assert problems(from_arrays({"x": normal(60).tolist()}, LABELS)) == ()


def test_uneven_and_small_classes_are_named() -> None:
    data = from_arrays(FRAMES, ["a"] * 57 + ["b"] * 3)
    assert said(data, "'a' has 57 samples and 'b' 3")
    assert said(data, "fewer than 10 samples (down to 3) of the class 'b'")


def test_classes_that_a_split_lacks_are_named() -> None:
    data = from_arrays(FRAMES, LABELS, test=(FRAMES[:2] // 2, ["a", "d"]))
    assert said(data, "train: no sample shows the class 'd'")
    assert said(data, "test: no sample shows the class 'b', 'c'")


def test_few_numbers_to_learn_from_are_reported() -> None:
    assert said(from_arrays([[0.0], [1.0], [2.0]], [0.5, 1.5, 2.5]), "only 3 samples")


def test_images_of_one_colour_are_counted() -> None:
    frames = FRAMES.copy()
    frames[[5, 9]] = 77
    assert said(from_arrays(frames, LABELS), "2 of 60 images are of one colour (the first is number 5")
    assert said(from_arrays([*frames, frames[5][:4]], [*LABELS, "a"]), "3 of 61 images are of one colour")
    colour = np.stack([frames, frames, frames // 2], axis=3)
    assert said(from_arrays(colour, LABELS), "2 of 60 images are of one colour")


def test_equal_samples_are_counted_with_and_without_the_same_answer() -> None:
    frames = FRAMES.copy()
    frames[3] = frames[0]  # both are "a"
    frames[7] = frames[2]  # "b" and "c"
    data = from_arrays(frames, LABELS)
    assert said(data, "train: 1 of 60 samples equal an earlier one with the same answer")
    assert said(
        data, "train: 1 samples occur again with another answer, such as train[2] ('c') and train[7] ('b'): one of the"
    )


def test_samples_with_two_answers_are_named_by_their_files(make_zip: Callable[..., Path]) -> None:
    pictures = [cv2.imencode(".png", frame)[1].tobytes() for frame in FRAMES[:30]]
    members = {f"train/{'ab'[i % 2]}/{i}.png": picture for i, picture in enumerate(pictures[:20])}
    members |= {f"test/{'ab'[i % 2]}/{i}.png": picture for i, picture in enumerate(pictures[20:])}
    members["train/b/again.png"] = pictures[0]
    members |= {"test/a/leaked.png": pictures[4], "test/b/turned.png": pictures[6]}
    found = problems(mlp_data.load(make_zip(members)))
    assert [sentence for sentence in found if "answer" in sentence or "too" in sentence] == [
        "train: 1 samples occur again with another answer, such as 'train/a/0.png' ('a') and 'train/b/again.png' "
        "('b'): one of the answers must be wrong, or something that tells them apart is missing",
        "test: 2 of 12 samples are in the training split too, such as 'test/a/leaked.png' and 'train/a/4.png', "
        "'test/b/turned.png' and 'train/a/6.png': the result will look better than it is",
        "test: 1 samples have another answer in the training split, such as 'test/b/turned.png' ('b') and "
        "'train/a/6.png' ('a'): one of the answers must be wrong",
    ]


def test_only_a_few_of_many_are_named() -> None:
    frames = np.concatenate([FRAMES, FRAMES])
    (problem,) = said(from_arrays(frames, [0] * 60 + [1] * 60), "another answer")
    assert problem.startswith("train: 60 samples occur again with another answer")
    assert problem.count(" and train[") == 3
    (problem,) = said(
        from_arrays(FRAMES.reshape(60, 64) * 1.0, [0.5] * 60, test=(FRAMES.reshape(60, 64) * 1.0, [1.5] * 60)),
        "have another",
    )
    assert "test[0] (1.5) and train[0] (0.5)" in problem


def test_samples_that_are_in_train_and_test_are_counted() -> None:
    for x in (FRAMES, FRAMES.reshape(60, -1) / np.float32(255), list(FRAMES)):
        assert said(
            from_arrays(x, LABELS, test=(x[50:55], LABELS[50:55])), "test: 5 of 5 samples are in the training split"
        )
    table = {"x": list(range(60)), "y": [i * 2.5 for i in range(60)]}
    test = {name: cells[:4] for name, cells in table.items()}
    assert said(from_arrays(table, LABELS, test=(test, LABELS[:4])), "4 of 4 samples")


def test_samples_that_differ_in_one_pixel_are_not_equal() -> None:
    frames = np.zeros((64, 8, 8), np.uint8)
    frames.reshape(64, 64)[np.arange(64), np.arange(64)] = 128
    assert not said(from_arrays(frames, ["a", "b"] * 32), "equal")
    pairs = np.zeros((2016, 8, 8), np.uint8)  # two top bits at once, which a plain sum of products would mix up
    pairs.reshape(2016, 64)[np.arange(2016)[:, None], np.stack(np.triu_indices(64, 1), axis=1)] = 128
    assert not said(from_arrays(pairs, ["a", "b"] * 1008), "equal")


def test_values_that_are_no_numbers_are_found() -> None:
    x = normal(60, 3).astype(np.float32)
    data = from_arrays(x, LABELS)
    x = x.copy()
    x[4, 1], x[9, 2] = np.nan, np.inf
    assert said(
        replace(data, splits={"train": Split(x, data.train.y)}), "2 values are not finite numbers, the first in row 4"
    )


def test_columns_that_tell_nothing_are_named() -> None:
    x = normal(60, 3)
    x[:, 1] = 5
    assert said(from_arrays(x, LABELS), "the feature '1' has the same value")
    assert said(from_arrays(x, LABELS, names=["p", "q", "r"]), "the feature 'q' has the same value")
    table = {"x": x[:, 0].tolist(), "ship": ["Titanic"] * 60, "none": [""] * 60, "gaps": ["", "", "1.5", "2.5"] * 15}
    data = from_arrays(table, LABELS)
    assert data.unused_columns == {"ship": "every row has the same value, 'Titanic'", "none": "all 60 cells are empty"}
    assert not said(data, "column 'ship'")  # said once is enough
    assert not said(data, "column 'none'")
    assert not said(data, "column 'gaps'")
    assert said(from_arrays({**table, "gaps": ["", "", "1.5"] * 20}, LABELS), "column 'gaps' is empty in 40 of 60 rows")


def test_a_value_far_from_all_others_is_questioned() -> None:
    x = normal(60)
    x[7] = 1e9
    assert said(from_arrays({"x": x.tolist()}, LABELS), "column 'x' holds 1e+09")


def test_seventy_thousand_images_are_checked_in_no_time() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (70_000, 28, 28), dtype=np.uint8)
    frames[31_000] = frames[17]
    frames[65_000:65_100] = frames[:100]
    y = np.arange(70_000) % 10
    data = from_arrays(frames[:60_000], y[:60_000], test=(frames[60_000:], y[60_000:]))
    start = time.process_time()
    found = problems(data)
    assert time.process_time() - start < 5  # a ceiling with much slack; it takes half a second
    assert len(found) == 2
    assert "test: 100 of 10000 samples are in the training split too" in found[1]


def test_mnist_is_sound(shared_data: Path) -> None:
    assert problems(mlp_data.load(shared_data / "mnist.zip")) == ()
