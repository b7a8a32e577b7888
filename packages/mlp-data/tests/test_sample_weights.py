"""Sample weights are numbers from 0 on, one for each sample, and part of what a data set is."""

from __future__ import annotations

import numpy as np
import pytest

import mlp_data
from mlp_data.errors import DataError

X, Y = np.eye(4), [0, 1, 0, 1]


def test_weights_come_with_arrays() -> None:
    data = mlp_data.from_arrays(X, Y, sample_weight=[1, 2, 0, 0.5], test=(X[:2], Y[:2], [3, 1]))
    assert data.splits["train"].weight.tolist() == [1, 2, 0, 0.5]
    assert data.splits["test"].weight.tolist() == [3, 1]
    assert mlp_data.from_arrays(X, Y, test=(X[:2], Y[:2])).splits["test"].weight is None


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ([1, 2, 3], "has the shape (3,) for 4 samples"),
        ([[1], [2], [3], [4]], "has the shape (4, 1) for 4 samples"),
        ([1, 2, -1, 1], "weight 2 is -1"),
        ([1, float("nan"), 1, 1], "weight 1 is nan"),
        ([1, float("inf"), 1, 1], "weight 1 is inf"),
        ([0, 0, 0, 0], "all 4 weights are 0"),
        (["a", "b", "c", "d"], "weights are numbers"),
    ],
)
def test_weights_that_cannot_be_are_one_sentence(wrong: list[object], said: str) -> None:
    with pytest.raises(DataError) as raised:
        mlp_data.from_arrays(X, Y, sample_weight=wrong)
    assert said in str(raised.value)
    assert "arrays: train sample_weight" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_other_weights_make_other_data() -> None:
    plain = mlp_data.from_arrays(X, Y).fingerprint
    weighted = [mlp_data.from_arrays(X, Y, sample_weight=w).fingerprint for w in ([1, 1, 1, 1], [1, 1, 1, 2])]
    assert len({plain, *weighted}) == 3


def test_taking_rows_takes_their_weights() -> None:
    data = mlp_data.from_arrays(X, Y, sample_weight=[1, 2, 3, 4])
    assert data.take(train=np.array([3, 0])).train.weight.tolist() == [4, 1]
