"""Several labels of a sample may be true at once."""

from __future__ import annotations

import numpy as np
import pytest

import mlp_data
from mlp_data.check import problems
from mlp_data.errors import DataError
from mlp_data.inspection import inspect

X = np.arange(12.0).reshape(6, 2)
SEVERAL = np.array([[1, 0, 1], [0, 0, 0], [1, 1, 1], [0, 1, 0], [1, 0, 0], [0, 0, 1]])


def test_a_matrix_of_0_and_1_is_several_labels() -> None:
    data = mlp_data.from_arrays(X, SEVERAL, classes=["red", "green", "blue"])
    assert (data.task, data.classes) == ("multi-label", ("red", "green", "blue"))
    assert data.train.y.tolist() == SEVERAL.tolist()
    assert data.train.y.dtype == np.int64


def test_rows_with_one_1_each_stay_classes_unless_labels_are_asked_for() -> None:
    one_hot = np.eye(3, dtype=int)[[0, 1, 2, 0, 1, 2]]
    assert mlp_data.from_arrays(X, one_hot).task == "classification"
    assert mlp_data.from_arrays(X, one_hot, task="multi-label").train.y.shape == (6, 3)


def test_labels_without_names_are_numbered() -> None:
    assert mlp_data.from_arrays(X, SEVERAL.astype(bool)).classes == ("0", "1", "2")


def test_one_hot_test_rows_follow_what_the_training_rows_are() -> None:
    data = mlp_data.from_arrays(X, SEVERAL, test=(X[:2], [[1, 0, 0], [0, 1, 0]]))
    assert data.splits["test"].y.shape == (2, 3)


@pytest.mark.parametrize(
    ("y", "classes", "said"),
    [
        (SEVERAL * 2, None, "this is int64"),
        (SEVERAL[:, 0], None, "a column for each of at least two"),
        (SEVERAL, ["a", "b"], "2 different names are given for 3 labels"),
        (SEVERAL, ["a", "b", "a"], "2 different names are given for 3 labels"),
        (SEVERAL[:4], None, "6 samples but 4 answers"),
    ],
)
def test_what_cannot_be_labels_is_one_sentence(y: np.ndarray, classes: list[str] | None, said: str) -> None:
    with pytest.raises(DataError) as raised:
        mlp_data.from_arrays(X, y, classes=classes, task="multi-label")
    assert said in str(raised.value)


def test_splits_with_other_labels_are_refused() -> None:
    with pytest.raises(DataError, match=r"the number of labels differs \(3 in train, 2 in test\)"):
        mlp_data.from_arrays(X, SEVERAL, test=(X[:2], [[1, 0], [1, 1]]))


def test_rows_are_held_out_in_proportion_to_their_sets_of_labels() -> None:
    y = np.array([[1, 0], [1, 1], [0, 0], [1, 1]] * 10)
    data = mlp_data.from_arrays(np.arange(80.0).reshape(40, 2), y).hold_out(0.2, np.random.default_rng(0))
    sets = sorted(map(tuple, data.splits["valid"].y.tolist()))
    assert sets == [(0, 0)] * 2 + [(1, 0)] * 2 + [(1, 1)] * 4


def test_an_inspection_counts_each_label_and_checks_find_odd_rows() -> None:
    data = mlp_data.from_arrays(np.concatenate([X, X[:1]]), np.concatenate([SEVERAL, [[0, 0, 0]]]))
    report = inspect(data)
    assert report["classes"] == {"0": {"train": 3}, "1": {"train": 2}, "2": {"train": 3}}
    assert any(
        "occur again with another answer, such as train[0] ('0, 2') and train[6] (none)" in said
        for said in problems(data)
    )


def test_labels_that_never_vary_teach_nothing() -> None:
    with pytest.raises(DataError, match="every label has one value in all 6 rows"):
        mlp_data.from_arrays(X, np.array([[1, 0, 1]] * 6), task="multi-label").fit_input()
