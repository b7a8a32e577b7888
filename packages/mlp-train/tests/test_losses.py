"""Losses are right in the middle and exact at the extremes."""

from __future__ import annotations

import numpy as np
import pytest

from mlp_runtime.activations import ACTIVATIONS
from mlp_train.losses import LOSSES, binary_cross_entropy, cross_entropy


def softmax(z):
    a = np.empty_like(z)
    ACTIVATIONS["softmax"].forward(z, a)
    return a


def test_cross_entropy_is_minus_the_log_of_the_right_class():
    z = np.log(np.array([[0.7, 0.2, 0.1]]))
    assert cross_entropy(z, softmax(z), np.array([[0.0, 1.0, 0.0]])) == pytest.approx(-np.log(0.2))


def test_binary_cross_entropy_is_minus_the_log_of_the_right_answer():
    z = np.array([[np.log(0.8 / 0.2)]])
    assert binary_cross_entropy(z, z, np.array([[1.0]])) == pytest.approx(-np.log(0.8))
    assert binary_cross_entropy(z, z, np.array([[0.0]])) == pytest.approx(-np.log(0.2))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_losses_stay_finite_and_exact_at_huge_weighted_sums(dtype):
    z = np.array([[3e4, -3e4]], dtype)
    assert cross_entropy(z, softmax(z), np.array([[1.0, 0.0]], dtype)) == 0.0
    assert cross_entropy(z, softmax(z), np.array([[0.0, 1.0]], dtype)) == 6e4
    one = z[:, :1]
    assert binary_cross_entropy(one, one, np.ones((1, 1), dtype)) == 0.0
    assert binary_cross_entropy(one, one, np.zeros((1, 1), dtype)) == 3e4


def test_a_network_that_knows_nothing_starts_at_the_log_of_the_number_of_classes():
    z = np.zeros((5, 10))
    assert cross_entropy(z, softmax(z), np.eye(10)[:5]) == pytest.approx(np.full(5, np.log(10)))


def test_squared_error_is_half_the_squared_distance():
    assert LOSSES["squared-error"].value(None, np.array([[1.0, 5.0]]), np.array([[1.0, 2.0]])).tolist() == [4.5]
