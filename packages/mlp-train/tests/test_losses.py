"""Losses are right in the middle and exact at the extremes, and their gradients point the right way."""

from __future__ import annotations

import numpy as np
import pytest

from mlp_runtime.activations import ACTIVATIONS
from mlp_train.errors import UsageError
from mlp_train.losses import LOSSES, binary_cross_entropy, cross_entropy, parse_loss


def activated(name, z):
    a = np.empty_like(z)
    ACTIVATIONS[name].forward(z, a)
    return a


def softmax(z):
    return activated("softmax", z)


def value(text, a, y, z=None):
    return parse_loss(text).value(z, np.array(a), np.array(y)).tolist()


def gradient(text, a, y):
    a, y = np.array(a), np.array(y)
    out = np.empty_like(a)
    parse_loss(text).gradient(a, y, out)
    return out.tolist()


def test_cross_entropy_is_minus_the_log_of_the_right_class():
    z = np.log(np.array([[0.7, 0.2, 0.1]]))
    assert cross_entropy(z, softmax(z), np.array([[0.0, 1.0, 0.0]])) == pytest.approx(-np.log(0.2))


def test_binary_cross_entropy_is_minus_the_log_of_the_right_answer():
    z = np.array([[np.log(0.8 / 0.2)]])
    assert binary_cross_entropy(z, z, np.array([[1.0]])) == pytest.approx(-np.log(0.8))
    assert binary_cross_entropy(z, z, np.array([[0.0]])) == pytest.approx(-np.log(0.2))


def test_several_labels_at_once_are_several_questions():
    z, y = np.array([[0.3, -2.0, 1.5]]), np.array([[1.0, 0.0, 1.0]])
    alone = [binary_cross_entropy(z[:, [i]], None, y[:, [i]]).item() for i in range(3)]
    assert binary_cross_entropy(z, None, y) == pytest.approx(sum(alone))
    assert gradient("binary-cross-entropy", [[0.9, 0.2, 0.7]], y)[0] == pytest.approx([-0.1, 0.2, -0.3])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_losses_stay_finite_and_exact_at_huge_weighted_sums(dtype):
    z = np.array([[3e4, -3e4]], dtype)
    assert cross_entropy(z, softmax(z), np.array([[1.0, 0.0]], dtype)) == 0.0
    assert cross_entropy(z, softmax(z), np.array([[0.0, 1.0]], dtype)) == 6e4
    one = z[:, :1]
    assert binary_cross_entropy(one, one, np.ones((1, 1), dtype)) == 0.0
    assert binary_cross_entropy(one, one, np.zeros((1, 1), dtype)) == 3e4


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_and_its_gradient_are_finite_at_the_extremes(name, dtype):
    loss = LOSSES[name]
    z = np.array([[1e4, -1e4, 88.0, -104.0, 0.0, 1e-38], [-1e4, 1e4, 0.0, 1.0, -1.0, 17.0]], dtype)
    y = np.array([[0, 1, 0, 0, 0, 0], [0, 0, 0, 0, 0, 1]], dtype)
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        a = activated(loss.activation or "identity", z)
        out, values = np.empty_like(a), loss.value(z, a, y)
        loss.gradient(a, y, out)
    assert values.shape == (2,)
    assert values.dtype == out.dtype == dtype
    assert np.isfinite(values).all()
    assert np.isfinite(out).all()


@pytest.mark.parametrize("z", [-1e4, -50.0, -17.0, -1e-3, 0.0, 1e-3, 17.0, 50.0, 1e4])
def test_the_log_loss_of_float32_is_that_of_float64(z):
    exact = np.logaddexp(0, np.float64(z))  # -log(1 - sigmoid(z)), which is softplus(z)
    assert binary_cross_entropy(np.array([[z]], np.float32), None, np.zeros((1, 1), np.float32)) == pytest.approx(
        exact, rel=1e-6
    )
    pair = np.array([[z, 0.0]], np.float32)
    other = np.array([[0.0, 1.0]], np.float32)
    assert cross_entropy(pair, softmax(pair), other) == pytest.approx(exact, rel=1e-6, abs=1e-7)


def test_a_network_that_knows_nothing_starts_at_the_log_of_the_number_of_classes():
    z = np.zeros((5, 10))
    assert cross_entropy(z, softmax(z), np.eye(10)[:5]) == pytest.approx(np.full(5, np.log(10)))


def test_squared_error_is_half_the_squared_distance():
    assert value("squared-error", [[1.0, 5.0]], [[1.0, 2.0]]) == [4.5]


def test_absolute_error_counts_the_distance_and_its_gradient_the_side():
    assert value("absolute-error", [[1.0, 5.0], [0.0, 0.0]], [[1.5, 2.0], [0.0, -1.0]]) == [3.5, 1.0]
    assert gradient("absolute-error", [[1.0, 5.0, 2.0]], [[1.5, 2.0, 2.0]]) == [[-1.0, 1.0, 0.0]]


def test_huber_is_squared_near_and_straight_far():
    a, y = [[0.5, 1.5, -4.0]], [[0.0, 0.0, 0.0]]
    assert value("huber:1.5", a, y) == [0.125 + 1.125 + 1.5 * (4 - 0.75)]
    assert gradient("huber:1.5", a, y) == [[0.5, 1.5, -1.5]]
    assert value("huber", [[3.0]], [[0.0]]) == value("huber:1", [[3.0]], [[0.0]]) == [2.5]


def test_a_quantile_counts_being_too_low_and_too_high_differently():
    assert value("quantile:0.9", [[0.0], [2.0]], [[1.0], [1.0]]) == pytest.approx([0.9, 0.1])
    assert gradient("quantile:0.9", [[0.0, 2.0, 1.0]], [[1.0, 1.0, 1.0]])[0] == pytest.approx([-0.9, 0.1, 0])


@pytest.mark.parametrize(("text", "best"), [("quantile:0.9", 90.0), ("absolute-error", 50.0), ("squared-error", 50.0)])
def test_the_best_constant_is_what_the_loss_is_named_after(text, best):
    y = np.arange(101.0)[:, None]
    totals = [parse_loss(text).value(None, np.full_like(y, guess), y).sum() for guess in range(101)]
    assert np.argmin(totals) == best


def test_poisson_is_zero_where_the_mean_is_right_and_otherwise_the_difference_of_log_likelihoods():
    y = np.array([[0.0, 3.0, 5.0]])
    right = np.log(np.where(y > 0, y, 1e-30))
    assert value("poisson", np.exp(right), y, right) == pytest.approx([0.0], abs=1e-12)
    z = np.array([[0.5, 1.0, 1.0]])
    likelihood = (y * z - np.exp(z)).sum() - (y * right - np.exp(right)).sum()  # without log(y!), which both have
    assert value("poisson", np.exp(z), y, z) == pytest.approx([-likelihood])
    assert gradient("poisson", np.exp(z), y)[0] == pytest.approx((np.exp(z) - y)[0])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("hubert", "unknown loss 'hubert', did you mean 'huber'"),
        ("squared-error:2", "'squared-error' takes no number"),
        ("huber:much", "'much' is not a number"),
        ("huber:", "'huber:': a number is missing after the colon; write huber:1, or huber alone"),
        ("huber:0", r"delta must be from 1e-06 to below 1e\+06, but is 0"),
        ("huber:1e-300", r"delta must be from 1e-06 to below 1e\+06, but is 1e-300"),
        ("huber:1e300", r"delta must be from 1e-06 to below 1e\+06, but is 1e\+300"),
        ("huber:nan", r"delta must be from 1e-06 to below 1e\+06, but is nan"),
        ("huber:inf", r"delta must be from 1e-06 to below 1e\+06, but is inf"),
        ("quantile:1", "q must be from 1e-06 to below 1, but is 1"),
    ],
)
def test_a_loss_that_cannot_be_is_refused_in_one_sentence(text, said):
    with pytest.raises(UsageError, match=said):
        parse_loss(text)
