"""Each optimizer takes the step of its own formula, and all of them find the bottom of a bowl."""

from __future__ import annotations

import numpy as np
import pytest

from mlp_train.optimizers import OPTIMIZERS


def make(name, size=2, weight_count=2, momentum=0.9, weight_decay=0.0):
    return OPTIMIZERS[name](size, np.float64, weight_count=weight_count, momentum=momentum, weight_decay=weight_decay)


def steps(name, gradients, lr=0.1, start=1.0, **options):
    optimizer, w = make(name, size=1, weight_count=1, **options), np.array([start])
    for g in gradients:
        optimizer.update(w, np.array([g]), lr)
    return w.item()


def test_sgd_steps_against_the_gradient():
    assert steps("sgd", [2.0, 1.0]) == pytest.approx(1 - 0.1 * 2 - 0.1 * 1)


def test_momentum_keeps_rolling():
    assert steps("momentum", [2.0, 1.0]) == pytest.approx(1 - 0.1 * 2 - 0.1 * (0.9 * 2 + 1))


def test_nesterov_looks_ahead():
    assert steps("nesterov", [2.0, 1.0]) == pytest.approx(1 - 0.1 * (2 + 0.9 * 2) - 0.1 * (1 + 0.9 * (0.9 * 2 + 1)))


def test_adam_takes_a_first_step_of_the_learning_rate_whatever_the_gradient():
    assert steps("adam", [1e-3]) == pytest.approx(0.9, abs=1e-5)
    assert steps("adam", [1e3]) == pytest.approx(0.9, abs=1e-5)


def test_adam_follows_the_formula_of_its_paper():
    m = v = 0.0
    w = 1.0
    for t, g in enumerate([0.5, -0.2, 0.7], start=1):
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        w -= 0.1 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    assert steps("adam", [0.5, -0.2, 0.7]) == pytest.approx(w, rel=1e-12)


def test_adamw_shrinks_weights_but_not_biases():
    optimizer, w = make("adamw", weight_count=1, weight_decay=0.5), np.array([1.0, 1.0])
    optimizer.update(w, np.zeros(2), 0.1)
    assert w.tolist() == [0.95, 1.0]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_finds_the_bottom_of_a_bowl(name):
    optimizer, w = make(name), np.array([3.0, -2.0])
    for _ in range(800):
        optimizer.update(w, w * [1.0, 4.0], 0.02)
    assert np.abs(w).max() < 0.05


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_restored_optimizer_goes_on_as_if_never_stopped(name):
    rng = np.random.default_rng(0)
    gradients = rng.normal(size=(6, 2))
    one, w = make(name), np.ones(2)
    for g in gradients[:3]:
        one.update(w, g.copy(), 0.1)
    two, w2 = make(name), w.copy()
    two.restore(one.arrays(), one.steps)
    for g in gradients[3:]:
        one.update(w, g.copy(), 0.1)
        two.update(w2, g.copy(), 0.1)
    assert w.tolist() == w2.tolist()
