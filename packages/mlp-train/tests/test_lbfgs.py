"""L-BFGS reaches the minimum, in few steps, across kinks and in float32, and goes on where a checkpoint left it."""

from __future__ import annotations

import numpy as np
import pytest

from mlp_train.backward import backward
from mlp_train.initializers import initialize
from mlp_train.lbfgs import LBFGS
from mlp_train.losses import LOSSES, mean_loss, output_gradient
from mlp_train.network import ForwardPass, Gradient, LayerSpec, Network


def ridge(seed=0, rows=60, columns=30, penalty=0.1):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, columns)) * 10.0 ** rng.uniform(-1, 1, columns)  # a narrow valley
    y = rng.normal(size=rows)
    solution = np.linalg.solve(x.T @ x / rows + penalty * np.eye(columns), x.T @ y / rows)

    def evaluate(w):
        rest = x @ w - y
        return 0.5 * float(rest @ rest) / rows + 0.5 * penalty * float(w @ w), x.T @ rest / rows + penalty * w

    return evaluate, solution


def rosenbrock(p):
    x, y = p
    return (1 - x) ** 2 + 100 * (y - x * x) ** 2, np.array([-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)])


def network_loss(activation="tanh", dtype=np.float64, l2=1e-3, hidden=8):
    """Return a small network and its evaluate on 80 samples of three classes."""
    rng = np.random.default_rng(3)
    label = np.arange(80) % 3
    x = (np.eye(3)[label] @ rng.normal(size=(3, 4)) + rng.normal(size=(80, 4))).astype(dtype)
    y = np.eye(3, dtype=dtype)[label]
    network = Network([LayerSpec(4, hidden, activation), LayerSpec(hidden, 3, "softmax")], dtype)
    initialize(network, np.random.default_rng(1))
    gradient, forward = Gradient(network.layers, dtype), ForwardPass(network, 80, keep_last_z=True)
    weights, loss = slice(0, network.weight_count), LOSSES["cross-entropy"]

    def evaluate(parameters):
        assert parameters is network.flat
        network.forward(x, forward)
        value = mean_loss(loss, forward, y) + 0.5 * l2 * float(network.flat[weights] @ network.flat[weights])
        backward(network, forward, output_gradient(loss, network, forward, y), gradient)
        gradient.flat[weights] += l2 * network.flat[weights]
        return value, gradient.flat

    return network, evaluate


def run(parameters, evaluate, steps, optimizer=None):
    optimizer = optimizer or LBFGS(len(parameters))
    losses = []
    for _ in range(steps):
        losses.append(optimizer.step(parameters, evaluate))
        if optimizer.converged:
            break
    return losses, optimizer


def test_it_finds_the_solution_of_a_ridge_regression():
    evaluate, solution = ridge()
    w = np.zeros(len(solution))
    losses, optimizer = run(w, evaluate, 500)
    np.testing.assert_allclose(w, solution, rtol=1e-5, atol=1e-7)
    assert optimizer.converged
    assert losses[-1] == pytest.approx(evaluate(solution)[0], rel=1e-12)


def test_in_float32_it_ends_within_the_digits_that_float32_has():
    evaluate, solution = ridge(seed=19)  # whose loss is twice as near as it must be, on every processor
    w = np.zeros(len(solution), np.float32)
    losses, optimizer = run(w, lambda p: evaluate(p.astype(np.float32)), 500)
    assert optimizer.converged
    assert losses[-1] == pytest.approx(evaluate(solution)[0], rel=1e-6)


def test_it_follows_a_bent_valley_to_its_end():
    p = np.array([-1.2, 1.0])
    losses, _ = run(p, rosenbrock, 100)
    np.testing.assert_allclose(p, [1, 1], atol=1e-6)
    assert len(losses) < 60


def test_the_loss_never_rises():
    network, evaluate = network_loss()
    losses, _ = run(network.flat, evaluate, 100)
    assert losses == sorted(losses, reverse=True)


def test_a_small_network_reaches_a_minimum_where_plain_descent_is_far_from_it():
    network, evaluate = network_loss()
    start = network.flat.copy()
    losses, _ = run(network.flat, evaluate, 400)
    assert np.abs(evaluate(network.flat)[1]).max() < 1e-5  # no slope is left
    network.flat[:] = start
    for _ in range(1000):
        network.flat[:] -= 0.3 * evaluate(network.flat)[1]
    assert losses[-1] < evaluate(network.flat)[0] - 0.01


def test_the_kinks_of_relu_do_not_stop_it():
    network, evaluate = network_loss("relu", dtype=np.float32, hidden=16, l2=0.0)
    losses, _ = run(network.flat, evaluate, 200)
    assert losses[-1] < 1e-3


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("cut", [0, 1, 5, 17])
def test_a_restored_one_goes_on_with_the_same_bits(dtype, cut):
    network, evaluate = network_loss(dtype=dtype)
    start = network.flat.copy()
    run(network.flat, evaluate, 30)
    whole = network.flat.copy()

    network.flat[:] = start
    _, before = run(network.flat, evaluate, cut)
    kept = {name: array.copy() for name, array in before.arrays().items()}
    assert all(np.isfinite(array).all() for array in kept.values())  # a checkpoint takes no others
    after = LBFGS(len(start))
    after.restore(kept, before.steps)
    run(network.flat, evaluate, 30 - cut, after)
    assert network.flat.tobytes() == whole.tobytes()


def test_parameters_that_someone_else_changed_are_looked_at_again():
    def two_valleys(p):
        return float((p[0] ** 2 - 1) ** 2), 4 * p * (p * p - 1)

    p = np.array([-1.5])
    _, optimizer = run(p, two_valleys, 3)
    p[:] = 1.2
    run(p, two_valleys, 50, optimizer)
    assert p[0] == pytest.approx(1, abs=1e-6)


def test_a_step_that_is_too_short_is_made_longer_at_once():
    def long_slope(p):
        return 0.5e-4 * float((p[0] - 1e4) ** 2), 1e-4 * (p - 1e4)

    p = np.zeros(1)
    LBFGS(1).step(p, long_slope)
    assert p[0] > 500


def test_where_nothing_lower_is_found_the_parameters_stay():
    p = np.ones(3, np.float32)
    losses, optimizer = run(p, lambda p: (float(p.sum()), -np.ones(3)), 3)  # a gradient that points the wrong way
    assert (p.tolist(), losses, optimizer.converged) == ([1.0, 1.0, 1.0], [3.0], True)


def test_a_lower_loss_without_a_gradient_is_no_place_to_stand():
    def cliff(p):
        return float(p[0]), np.ones(1) if p[0] > 0 else np.full(1, np.nan)

    p = np.array([0.5])
    run(p, cliff, 5)
    assert 0 < p[0] < 0.5


def test_values_that_are_not_finite_are_stepped_back_from():
    def steep(p):
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(p[0] - np.log(p[0])), 1 - 1 / p  # nothing below 0

    p = np.array([20.0])
    run(p, steep, 50)
    assert p[0] == pytest.approx(1, abs=1e-5)


def test_where_nothing_is_finite_the_parameters_stay():
    p = np.ones(2)
    losses, optimizer = run(p, lambda p: (float("nan"), np.full(2, np.nan)), 3)
    assert p.tolist() == [1.0, 1.0]
    assert np.isnan(losses).all()
    assert optimizer.converged


def test_at_the_bottom_it_stays_and_says_so():
    p = np.zeros(3)
    losses, optimizer = run(p, lambda p: (float(p @ p), 2 * p), 5)
    assert (losses, optimizer.converged, p.tolist()) == ([0.0], True, [0.0, 0.0, 0.0])


def test_a_step_costs_little_more_than_one_gradient():
    evaluate, solution = ridge()
    calls = []
    w = np.zeros(len(solution))
    losses, _ = run(w, lambda p: (calls.append(1), evaluate(p))[1], 40)
    assert len(calls) < 1.5 * len(losses)
