"""Penalties, clipping and limits change what their formulas say, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from mlp_train.disturb import mixup, with_noise
from mlp_train.dropout import draw_mask
from mlp_train.network import Gradient, LayerSpec, Network
from mlp_train.regularizers import (
    add_penalty_gradient,
    clip_norm,
    clip_value,
    limit_norms,
    norm,
    penalty,
)

LAYERS = (LayerSpec(3, 4, "relu"), LayerSpec(4, 2, "softmax"))


@pytest.fixture
def network() -> Network:
    made = Network(LAYERS, np.float64)
    made.flat[:] = np.random.default_rng(0).normal(size=made.flat.size)
    return made


def test_penalties_count_weights_and_spare_biases(network: Network) -> None:
    weights = np.concatenate([weight.ravel() for weight in network.weights])
    expected = 0.1 * np.abs(weights).sum() + 0.2 / 2 * np.square(weights).sum()
    assert penalty(network, 0.1, 0.2) == pytest.approx(expected)
    for bias in network.biases:
        bias[:] = 100
    assert penalty(network, 0.1, 0.2) == pytest.approx(expected)
    assert penalty(network, 0.0, 0.0) == 0


@pytest.mark.parametrize(("l1", "l2"), [(0.3, 0.0), (0.0, 0.3), (0.2, 0.1)])
def test_the_gradient_of_a_penalty_is_its_slope(network: Network, l1: float, l2: float) -> None:
    gradient = Gradient(LAYERS, np.float64)
    add_penalty_gradient(network, gradient, l1, l2)
    for place in (0, 7, network.flat.size - 1):
        values = []
        for step in (1e-6, -2e-6):
            network.flat[place] += step
            values.append(penalty(network, l1, l2))
        network.flat[place] += 1e-6
        assert gradient.flat[place] == pytest.approx((values[0] - values[1]) / 2e-6, abs=1e-6)


def test_a_long_gradient_is_shortened_and_keeps_its_direction() -> None:
    gradient = Gradient(LAYERS, np.float64)
    gradient.flat[:] = np.arange(gradient.flat.size)
    before, length = gradient.flat.copy(), norm(gradient.flat)
    clip_norm(gradient, 2 * length, length)
    assert (gradient.flat == before).all()
    clip_norm(gradient, 1.0, length)
    assert gradient.flat == pytest.approx(before / length)


def test_clipping_by_value_cuts_each_number() -> None:
    gradient = Gradient(LAYERS, np.float64)
    gradient.flat[:3] = (-5, 0.1, 5)
    clip_value(gradient, 0.5)
    assert gradient.flat[:3].tolist() == [-0.5, 0.1, 0.5]


def test_no_units_incoming_weights_stay_longer_than_the_limit(network: Network) -> None:
    network.weights[0][:, 0] = 0.01
    short, bias = network.weights[0][:, 0].copy(), network.biases[0].copy()
    limit_norms(network, 0.5)
    for weight in network.weights:
        assert np.linalg.norm(weight, axis=0).max() <= 0.5 + 1e-12
    assert (network.weights[0][:, 0] == short).all()
    assert (network.biases[0] == bias).all()
    network.flat[:] = 0
    limit_norms(network, 0.5)
    assert (network.flat == 0).all()


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_dropout_leaves_out_its_share_and_keeps_the_expected_sum(rate: float) -> None:
    mask = draw_mask(np.random.default_rng(0), 1000, 200, rate, np.float64)
    assert (mask == 0).mean() == pytest.approx(rate, abs=0.01)
    assert mask.mean() == pytest.approx(1, abs=0.02)


def test_noise_has_the_deviation_asked_for_and_leaves_the_samples_alone() -> None:
    x = np.ones((1000, 50), np.float32)
    noisy = with_noise(x, 0.3, np.random.default_rng(0))
    assert noisy.dtype == np.float32
    assert float((noisy - x).std()) == pytest.approx(0.3, rel=0.02)
    assert (x == 1).all()


def test_mixup_mixes_inputs_targets_and_weights_by_the_same_share() -> None:
    x = np.arange(6, dtype=np.float64)[:, None]
    y, weight = x * 2, x[:, 0] * 3
    mixed, targets, weights = mixup(x, y, weight, 0.4, np.random.default_rng(0))
    assert targets == pytest.approx(mixed * 2)
    assert weights == pytest.approx(mixed[:, 0] * 3)
    assert not np.array_equal(mixed, x)
    assert mixed.sum() == pytest.approx(x.sum())
