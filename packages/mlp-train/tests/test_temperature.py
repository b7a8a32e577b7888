"""A temperature makes answers as sure as they are right, and changes none of them."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest

import mlp_data
from mlp_train import Result, fit
from mlp_train.metrics import full_score
from mlp_train.temperature import COLDEST, HOTTEST, Calibration, calibrate, fit_temperature, probabilities


def log_loss(logits: np.ndarray, y: np.ndarray, t: float, weights: np.ndarray | None = None) -> float:
    shares = probabilities(logits, "softmax", t)
    return float(np.average(-np.log(shares[np.arange(len(y)), y]), weights=weights))


def drawn(rows: int, classes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return logits and answers that were drawn with just these probabilities: their temperature is 1."""
    generator = np.random.default_rng(seed)
    logits = 2 * generator.normal(size=(rows, classes))
    return logits, (logits + generator.gumbel(size=logits.shape)).argmax(axis=1)


@pytest.mark.parametrize("true", [0.3, 1.0, 4.0])
def test_the_temperature_by_which_logits_are_too_large_is_found_again(true: float) -> None:
    logits, y = drawn(20_000, 5)
    assert fit_temperature(true * logits, y) == pytest.approx(true, rel=0.03)


def test_nearby_temperatures_have_a_larger_log_loss() -> None:
    logits, y = drawn(3000, 4)
    weights = np.random.default_rng(1).random(3000)
    for given in (None, weights):
        found = fit_temperature(2.5 * logits, y, given)
        least = log_loss(2.5 * logits, y, found, given)
        assert all(least < log_loss(2.5 * logits, y, found * off, given) for off in (0.97, 1.03))


def test_one_sigmoid_and_two_logits_say_the_same() -> None:
    logits, y = drawn(500, 2)
    one = fit_temperature(3 * (logits[:, 1:] - logits[:, :1]), y)
    assert one == pytest.approx(fit_temperature(3 * logits, y), rel=1e-6)


def test_labels_share_one_temperature() -> None:
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(5000, 3)) * 2
    y = (generator.random(logits.shape) < 1 / (1 + np.exp(-logits))).astype(int)
    assert fit_temperature(2 * logits, y) == pytest.approx(2, rel=0.05)


def test_weights_count_as_repetitions() -> None:
    logits, y = drawn(100, 3)
    times = np.random.default_rng(0).integers(1, 4, 100)
    rows = np.repeat(np.arange(100), times)
    # the imagined sample counts once, so that more rows give it a little less to say
    assert fit_temperature(logits, y, times) == pytest.approx(fit_temperature(logits[rows], y[rows]), rel=0.02)


def test_where_all_are_right_the_temperature_stays_within_reason() -> None:
    # (n + 1 - 1/2) / (n + 1) for the right one of two classes: 4 / T = log(2 n + 1)
    logits, y = np.array([[4.0, 0.0]] * 60), np.zeros(60, int)
    assert fit_temperature(logits, y) == pytest.approx(4 / math.log(2 * 60 + 1), rel=1e-6)


def test_logits_that_tell_nothing_or_the_contrary_come_to_an_end() -> None:
    y = np.array([0, 1] * 30)
    assert fit_temperature(np.zeros((60, 3)), y) == 1
    assert fit_temperature(np.eye(2)[1 - y] * 9, y) == pytest.approx(HOTTEST, rel=1e-3)
    assert COLDEST < fit_temperature(np.eye(2)[y] * 1e6, y) <= HOTTEST


def test_nothing_is_fitted_where_it_makes_no_sense() -> None:
    logits, y = drawn(200, 3)
    assert calibrate(3 * logits[:49], y[:49], "softmax") is None, "too few"
    assert calibrate(3 * logits, y, "identity") is None, "no probabilities"
    assert calibrate(3 * logits, y, "sigmoid") is None, "a sigmoid for each of several classes"
    assert calibrate(np.where(logits > 4, np.inf, logits), y, "softmax") is None
    assert calibrate(3 * logits, y, "softmax", np.zeros(200)) is None
    assert isinstance(calibrate(3 * logits, y, "softmax"), Calibration)


def test_a_calibration_tells_what_it_gained() -> None:
    logits, y = drawn(2000, 4)
    found = calibrate(3 * logits, y, "softmax")
    assert found is not None
    assert found.log_loss < found.log_loss_before
    assert found.calibration_error < 0.5 * found.calibration_error_before
    shares = probabilities(3 * logits, "softmax", found.temperature)
    measured = full_score("classification", shares.argmax(axis=1), y, shares)
    assert measured["calibration_error"] == pytest.approx(found.calibration_error)
    assert found.to_dict()["samples"] == 2000


def logits_of(result: Result, x: Any) -> np.ndarray:
    """Return the last layer's numbers before its activation, as the model on a device computes them."""
    model = result.model
    *_, a, _ = model.trace(model.input.transform(x))
    return a @ model.layers[-1].weight.T + model.layers[-1].bias


@pytest.fixture(scope="module")
def digits() -> tuple[mlp_data.Dataset, Result]:
    data = mlp_data.load("digits")
    # smoothed labels, the default, leave a network less sure than it may be
    return data, fit(data, hidden=64, epochs=15, seed=3, calibrate=False, valid_fraction=0.2)


def test_on_digits_never_seen_the_answers_stay_and_their_sureness_gets_better(
    digits: tuple[mlp_data.Dataset, Result],
) -> None:
    data, result = digits
    held = data.hold_out(0.2, np.random.default_rng(np.random.SeedSequence(3).spawn(1)[0]))
    valid, test = held.splits["valid"], data.splits["test"]
    found = calibrate(logits_of(result, valid.x), valid.y, "softmax")
    assert found is not None
    warm = dataclasses.replace(result, output={**result.output, "temperature": found.temperature}).model
    assert warm.describe()["output"]["temperature"] == pytest.approx(found.temperature)
    before, after = result.model.predict_proba(test.x), warm.predict_proba(test.x)
    np.testing.assert_allclose(
        after, probabilities(logits_of(result, test.x), "softmax", found.temperature), rtol=1e-3, atol=1e-6
    )
    said = [full_score("classification", shares.argmax(axis=1), test.y, shares) for shares in (before, after)]
    assert said[0]["accuracy"] == said[1]["accuracy"]
    assert said[1]["log_loss"] < 0.9 * said[0]["log_loss"]
    assert said[1]["calibration_error"] < 0.5 * said[0]["calibration_error"]


def test_one_sigmoid_is_cooled_and_warmed_too() -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(300, 4))
    y = (x[:, 0] + generator.normal(size=300) > 0).astype(int)
    result = fit(x, y, hidden=32, epochs=60, seed=1, calibrate=False)
    logits = logits_of(result, x)
    warm = dataclasses.replace(result, output={**result.output, "temperature": 2.0}).model
    np.testing.assert_allclose(warm.predict_proba(x), probabilities(logits, "sigmoid", 2.0), rtol=1e-4, atol=1e-6)
    assert (warm.predict(x) == result.model.predict(x)).all()


def test_a_training_ends_with_a_temperature_where_enough_is_held_out() -> None:
    x = np.random.default_rng(0).normal(size=(700, 4))
    y = (x[:, 0] + np.random.default_rng(1).normal(size=700) > 0).astype(int)
    options: dict[str, Any] = {"hidden": 64, "epochs": 30, "seed": 1, "patience": 30}
    warm, plain = fit(x, y, **options), fit(x, y, **options, calibrate=False)
    assert warm.calibration is not None
    assert plain.calibration is None
    temperature = warm.model.describe()["output"]["temperature"]
    assert temperature == pytest.approx(warm.calibration["temperature"], rel=1e-5)
    assert plain.model.describe()["output"]["temperature"] == 1
    assert warm.model.training["calibration"] == pytest.approx(warm.calibration)
    np.testing.assert_allclose(
        warm.model.predict_proba(x), probabilities(logits_of(plain, x), "sigmoid", temperature), rtol=1e-3, atol=1e-5
    )
    assert (warm.model.predict(x) == plain.model.predict(x)).all()
    assert warm.metrics["valid"]["log_loss"] == pytest.approx(warm.calibration["log_loss"], rel=1e-4)
    assert warm.metrics["valid"]["log_loss"] < plain.metrics["valid"]["log_loss"]
    assert fit(x[:100], y[:100], epochs=2).calibration is None, "10 held-out rows are too few"
