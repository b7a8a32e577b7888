"""A dataset keeps samples and answers together, whatever is held out, folded or taken from it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mlp_data
from mlp_data import Dataset, Split, from_arrays
from mlp_data.errors import DataError
from mlp_data.labels import classes_and_indices, natural_order


def numbered(count: int, classes: int = 3) -> Dataset:
    """Make samples that can be told apart: each holds its own number, and its class is that number's rest."""
    rows = np.arange(count, dtype=float)
    return from_arrays(rows[:, np.newaxis], np.arange(count) % classes)


def numbers(split: Split) -> list[int]:
    return [int(row[0]) for row in split.x]


@given(st.integers(4, 80), st.integers(2, 4), st.floats(0.05, 0.5), st.integers(0, 99))
def test_holding_out_takes_each_class_in_proportion(count: int, classes: int, fraction: float, seed: int) -> None:
    data = numbered(count, classes)
    held = data.hold_out(fraction, np.random.default_rng(seed))
    if round(fraction * count) == 0:
        assert held is data
        return
    train, valid = held.splits["train"], held.splits["valid"]
    assert len(valid) == round(fraction * count)
    assert sorted(numbers(train) + numbers(valid)) == list(range(count))
    for split in (train, valid):
        assert [number % classes for number in numbers(split)] == split.y.tolist()  # answers stay with their samples
    for label in range(classes):
        share = (valid.y == label).sum() - fraction * (data.splits["train"].y == label).sum()
        assert abs(share) <= 1.5


def test_holding_out_is_the_same_for_the_same_seed_and_keeps_the_fingerprint() -> None:
    data = numbered(50)
    one, two, other = (data.hold_out(0.2, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert numbers(one.splits["valid"]) == numbers(two.splits["valid"])
    assert numbers(one.splits["valid"]) != numbers(other.splits["valid"])
    assert one.fingerprint == data.fingerprint
    assert len(data.splits["train"]) == 50  # the dataset itself is not changed


def test_a_valid_split_that_the_source_has_is_kept() -> None:
    data = Dataset("d", "vector", "regression", {"train": Split(np.eye(4)), "valid": Split(np.eye(4)[:1])})
    assert data.hold_out(0.5, np.random.default_rng(0)) is data


@given(st.integers(2, 40), st.integers(2, 6), st.integers(0, 9))
def test_folds_test_every_sample_once_and_never_train_on_it(count: int, k: int, seed: int) -> None:
    data = numbered(max(count, k))
    tested = []
    for fold in data.folds(k, np.random.default_rng(seed)):
        train, test = numbers(fold.splits["train"]), numbers(fold.splits["test"])
        assert not set(train) & set(test)
        assert len(train) + len(test) == len(data.splits["train"])
        tested += test
    assert sorted(tested) == list(range(len(data.splits["train"])))


def test_too_many_folds_are_refused() -> None:
    with pytest.raises(DataError, match="9 folds"):
        list(numbered(4).folds(9, np.random.default_rng(0)))


def test_tables_frames_and_ids_are_taken_together() -> None:
    split = Split({"a": ["x", "y", "z"]}, np.array([0.5, 1.5, 2.5]), ["i", "j", "k"])
    taken = split.take(np.array([2, 0]))
    assert (taken.x, taken.y.tolist(), taken.ids) == ({"a": ["z", "x"]}, [2.5, 0.5], ["k", "i"])
    frames = [np.zeros((1, 2), np.uint8), np.ones((3, 4), np.uint8)]
    assert Split(frames).take(np.array([1])).x[0].shape == (3, 4)


def test_the_fingerprint_changes_with_any_sample_answer_or_shape() -> None:
    base = np.arange(12, dtype=np.uint8).reshape(3, 2, 2)
    changed = base.copy()
    changed[2, 1, 1] ^= 1
    made = [
        from_arrays(base, [0, 1, 0]),
        from_arrays(changed, [0, 1, 0]),
        from_arrays(base, [0, 1, 1]),
        from_arrays(base.reshape(3, 1, 4), [0, 1, 0]),
    ]
    assert len({data.fingerprint for data in made}) == 4
    assert from_arrays(base.copy(), [0, 1, 0]).fingerprint == made[0].fingerprint


def test_training_samples_that_are_missing_are_missed_when_they_are_needed() -> None:
    data = Dataset("d", "image", "classification", {"test": Split(np.zeros((2, 3, 3), np.uint8))})
    with pytest.raises(DataError, match="d: there are no training samples, only 2 test"):
        data.fit_input()
    with pytest.raises(DataError, match="no samples in it"):
        Dataset("d", "image", "classification", {})


@pytest.mark.parametrize(
    ("y", "task", "classes", "indices"),
    [
        ([0, 1, 1], "classification", ("0", "1"), [0, 1, 1]),
        (["b", "a", "b"], "classification", ("a", "b"), [1, 0, 1]),
        ([True, False, True], "classification", ("False", "True"), [1, 0, 1]),
        ([10, 9, 2], "classification", ("2", "9", "10"), [2, 1, 0]),
        ([[0, 1], [1, 0], [0, 1]], "classification", ("0", "1"), [1, 0, 1]),
        ([[3], [4], [3]], "classification", ("3", "4"), [0, 1, 0]),
        ([0.0, 1.0, 0.5], "regression", (), [0.0, 1.0, 0.5]),
        (np.array(["b", "a", "b"], object), "classification", ("a", "b"), [1, 0, 1]),
    ],
)
def test_the_type_of_the_answers_tells_the_task(
    y: Any, task: str, classes: tuple[str, ...], indices: list[Any]
) -> None:
    data = from_arrays(np.eye(3), y)
    assert (data.task, data.classes, data.splits["train"].y.tolist()) == (task, classes, indices)


def test_class_names_go_with_whole_numbers_or_are_the_labels() -> None:
    named = from_arrays(np.eye(3), [0, 2, 0], classes=["cat", "dog", "owl"])
    assert named.classes == ("cat", "dog", "owl")
    assert named.splits["train"].y.tolist() == [0, 2, 0]
    assert from_arrays(np.eye(2), ["dog", "cat"], classes=["cat", "dog"]).splits["train"].y.tolist() == [1, 0]
    with pytest.raises(DataError, match="whole numbers from 0 to 1"):
        from_arrays(np.eye(2), [0, 2], classes=["cat", "dog"])
    with pytest.raises(DataError, match="label 'dogg' is not among the class names, did you mean 'dog'"):
        from_arrays(np.eye(2), ["dogg", "cat"], classes=["cat", "dog"])


def test_the_form_of_x_tells_the_kind() -> None:
    frames = [np.zeros((4, 5), np.uint8), np.zeros((6, 5), np.uint8)]
    assert from_arrays(frames, [0, 1]).kind == "image"
    assert from_arrays(np.zeros((2, 4, 5, 1)), [0, 1]).splits["train"].x.shape == (2, 4, 5)
    assert from_arrays([[1, 2], [3, 4]], [0, 1]).kind == "vector"
    rows = from_arrays([{"a": 1, "b": "x"}, {"a": 2}], [0, 1])
    assert rows.kind == "table"
    assert rows.splits["train"].x == {"a": [1, 2], "b": ["x", None]}
    assert from_arrays({"a": [1, 2]}, [0, 1], test=({"a": [3]}, [1])).splits["test"].x == {"a": [3]}


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        ([[0, 1], [2]], [0, 1], "differ"),
        ([["a", "b"], ["c", "d"]], [0, 1], "values"),
        ([1, 2, 3], [0, 1, 0], "1 dimensions"),
        ([[0.0, np.nan], [1, 2]], [0, 1], r"row 0, column 1 \(nan\)"),
        ([[0.0, 1e300], [1, 2]], [0, 1], "not finite float32"),
        ([[0.0, 1.0]], [0, 1], "1 samples but 2 answers"),
        ([[0.0], [1.0]], [0.0, np.nan], "answer 1 is nan"),
        ([[0.0], [1.0]], [0.5, -1e300], r"answer 1 is -1e\+300, but the network computes up to 1e\+30"),
        ([[0.0], [1.0]], [[1, 2], [3, 4]], "one answer a sample"),
        ([[0.0], [1.0]], [None, 1], "holds object values"),
        ({"a": [1, 2], "b": [1]}, [0, 1], "column 'b' has 1 cells but 'a' has 2"),
        (np.zeros((2, 4, 5, 2)), [0, 1], "2 channels"),
        (np.full((2, 4, 5), 700), [0, 1], "700"),
        (np.zeros((0, 3)), [], "is empty"),
    ],
)
def test_arrays_that_cannot_be_used_are_refused(x: Any, y: Any, words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        from_arrays(x, y)
    assert "\n" not in str(caught.value)


def test_classes_are_sorted_as_people_do() -> None:
    assert natural_order(["10", "2", "-3", "2.5"]) == ("-3", "2", "2.5", "10")
    assert natural_order(["class10", "class9", "Class1"]) == ("Class1", "class9", "class10")
    assert natural_order(["nan", "1"]) == ("1", "nan")
    assert classes_and_indices([[1.0, 2.0], [3]])[0] == ("1", "2", "3")


def test_the_names_that_the_package_gives_out_are_these() -> None:
    names = """ArchiveError DataError Dataset DecodeError Member OptionError Options Source Split Table TableError
        from_arrays load loader"""
    assert sorted(mlp_data.__all__) == sorted(names.split())
    assert all(getattr(mlp_data, name) is not None for name in mlp_data.__all__)
