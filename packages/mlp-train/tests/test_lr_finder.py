"""The range test raises the learning rate, stops where the loss breaks, and answers with a rate that trains."""

from __future__ import annotations

import math

import numpy as np
import pytest

import mlp_data
from mlp_train import fit
from mlp_train.backward import backward
from mlp_train.config import FitConfig
from mlp_train.initializers import initialize
from mlp_train.losses import mean_loss, output_gradient
from mlp_train.lr_finder import choose_lr, find_lr
from mlp_train.network import ForwardPass, Gradient, Network
from mlp_train.optimizers import OPTIMIZERS
from mlp_train.plan import make_plan


def recorded(loss_of):
    rates = []

    def step(lr):
        rates.append(lr)
        return loss_of(lr)

    return rates, step


def test_the_rate_rises_by_the_same_factor_from_a_millionth_to_ten():
    rates, step = recorded(lambda lr: 1 - lr / 20)
    find_lr(step, default=0.1)
    assert (len(rates), rates[0], rates[-1]) == (100, pytest.approx(1e-6), pytest.approx(10))
    np.testing.assert_allclose(np.diff(np.log(rates)), np.log(1e7) / 99)


@pytest.mark.parametrize("broken", [math.nan, math.inf, 1.6])
def test_the_test_ends_where_the_loss_breaks(broken):
    rates, step = recorded(lambda lr: broken if lr > 0.1 else 1 - lr)
    assert find_lr(step, default=5.0) < 0.1
    assert sum(rate > 0.1 for rate in rates) == 1


@pytest.mark.parametrize("losses", [[], [1.0], [1.0, 1.0, 1.2], [math.nan]])
def test_where_nothing_lowers_the_loss_the_default_stays(losses):
    answers = iter([*losses, math.nan])
    assert find_lr(lambda lr: next(answers), default=0.123) == 0.123


def test_the_test_says_the_middle_of_enough_and_lowest_less_a_margin():
    rates = [1e-3, 1e-2, 1e-1, 1.0]
    assert choose_lr(rates, [1.0, 0.05, 0.0, 0.3], 9.0) == pytest.approx(math.sqrt(1e-2 * 1e-1) / 1.5)
    assert choose_lr(rates, [1.0, 0.5, 0.0, 0.3], 9.0) == pytest.approx(1e-1 / 1.5)


def test_a_default_that_is_near_is_met_half_way_and_one_that_is_far_is_left():
    rates, losses = [1e-3, 1e-2, 1.5e-1, 1.0], [1.0, 0.5, 0.0, 0.3]
    assert choose_lr(rates, losses, 0.4) == pytest.approx(math.sqrt(0.1 * 0.4))
    assert choose_lr(rates, losses, 0.02) == pytest.approx(math.sqrt(0.1 * 0.02))
    assert choose_lr(rates, losses, 3.1) == choose_lr(rates, losses, 0.003) == pytest.approx(0.1)


def test_losses_below_zero_are_as_good_as_any():
    rates = [1e-3, 1e-2, 1e-1, 1.0]
    losses = np.array([1.0, 0.5, 0.0, 0.3])
    assert choose_lr(rates, list(losses - 7), 9.0) == choose_lr(rates, list(losses), 9.0)
    rates, step = recorded(lambda lr: -3.0 - lr if lr < 0.1 else -1.0)  # -1.0 is half as high again
    find_lr(step, default=0.5)
    assert sum(rate > 0.1 for rate in rates) == 1


def training(plan, scale=1.0):
    """Return a step as the contract asks for: one batch at this rate, then the loss of the same samples as always."""
    network, config = Network(plan.layers, np.float64), plan.config
    initialize(network, np.random.default_rng(config.seed))
    gradient, forward = Gradient(network.layers, np.float64), ForwardPass(network, 600, keep_last_z=True)
    optimizer = OPTIMIZERS[config.optimizer](
        network.flat.size, np.float64, weight_count=network.weight_count, momentum=0.9, weight_decay=0.0
    )
    samples = next(plan.train.batches(512))
    x, y = samples.x.astype(np.float64), samples.y.astype(np.float64)
    rng = np.random.default_rng(1)

    def step(lr):
        rows = rng.permutation(len(x))[:32]
        with np.errstate(over="ignore", invalid="ignore"):
            network.forward(x[rows], forward)
            backward(network, forward, scale * output_gradient(plan.loss, network, forward, y[rows]), gradient)
            optimizer.update(network.flat, gradient.flat, lr)
            network.forward(x, forward)
            return scale * mean_loss(plan.loss, forward, y)

    return step


def digits():
    return mlp_data.load("digits").take(train=np.arange(1200))


@pytest.mark.parametrize(("optimizer", "lowest", "highest"), [("sgd", 50, 200), ("adam", 0.95, 1.05)])
def test_a_loss_a_hundred_times_as_steep_asks_for_smaller_steps_unless_they_adapt(optimizer, lowest, highest):
    plan = make_plan(digits(), FitConfig(optimizer=optimizer, hidden=(16,)))
    usual, steep = (find_lr(training(plan, scale), default=9.0) for scale in (1.0, 100.0))
    assert lowest < usual / steep < highest  # the default, 9, is far from all


@pytest.mark.parametrize("optimizer", ["sgd", "nesterov", "rmsprop", "adamw", "lion"])
def test_the_rate_that_is_found_trains_about_as_well_as_the_default(optimizer):
    data, default = digits(), OPTIMIZERS[optimizer].default_lr
    difference = 0.0
    for seed in range(6, 9):  # from which no other processor's rounding leads as far as the margin below
        options = {"optimizer": optimizer, "hidden": (32,), "epochs": 15, "seed": seed, "valid_fraction": 0.3}
        lr = find_lr(training(make_plan(data, FitConfig(**options))), default=default)
        assert lr != default
        found, usual = (fit(data, **options, lr=one).metrics["valid"]["accuracy"] for one in (lr, default))
        difference += (found - usual) / 3
    assert difference > -0.02  # of 1,080 samples: twice the standard error
