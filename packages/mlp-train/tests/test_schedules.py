"""Schedules start, pass and end where their formulas say."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from mlp_train.schedules import RISING, SCHEDULES, Plateau, learning_rate


def rates(name, steps=100, warmup=0.0):
    return [learning_rate(name, 0.5, step, steps, warmup) for step in range(steps)]


@pytest.mark.parametrize("name", sorted(set(SCHEDULES) - set(RISING)))
def test_a_schedule_that_falls_starts_at_the_full_learning_rate(name):
    assert rates(name)[0] == 0.5
    assert rates(name) == sorted(rates(name), reverse=True)


@pytest.mark.parametrize("name", RISING)
def test_a_schedule_that_rises_starts_small_and_no_warm_up_is_put_before_it(name):
    assert rates(name, warmup=0.3) == rates(name)
    assert 0 < rates(name)[0] < 0.1
    assert max(rates(name, steps=2000)) == pytest.approx(0.5, rel=1e-4)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("steps", [1, 2, 7])
def test_no_step_is_wasted_however_short_the_training(name, steps):
    assert all(0 < rate <= 0.5 for rate in rates(name, steps, warmup=0.05))


def test_cosine_falls_to_almost_nothing_at_the_last_step():
    found = [learning_rate("cosine", 1.0, step, 100, warmup=0.1) for step in range(100)]
    assert max(found) == found[9] == found[10] == 1.0
    assert found[10:] == sorted(found[10:], reverse=True)
    assert 0 < found[-1] < 0.001


def test_step_falls_to_a_tenth_twice():
    assert rates("step", 8) == pytest.approx([0.5, 0.5, 0.5, 0.5, 0.05, 0.05, 0.005, 0.005])


def test_exponential_loses_the_same_share_every_step():
    ratios = np.divide(rates("exponential")[1:], rates("exponential")[:-1])
    np.testing.assert_allclose(ratios, 0.01**0.01)


def test_one_cycle_rises_for_three_tenths_and_then_falls():
    found = rates("one-cycle")
    assert np.argmax(found) in (29, 30)
    assert found[:30] == sorted(found[:30])
    assert found[30:] == sorted(found[30:], reverse=True)
    assert found[-1] < 0.5 / 1000


def test_coslog4_has_four_hills_that_double_in_length():
    found = np.array(rates("coslog4", steps=1500))
    inside = found[1:-1]
    valleys = 1 + np.flatnonzero((inside < found[:-2]) & (inside < found[2:]))
    assert valleys == pytest.approx([100, 300, 700], abs=1)
    assert np.sum((inside > found[:-2]) & (inside > found[2:])) == 4
    assert found[-1] < 0.01


def test_warm_up_rises_in_a_straight_line():
    found = [learning_rate("constant", 1.0, step, 100, warmup=0.04) for step in range(5)]
    assert found == [0.25, 0.5, 0.75, 1.0, 1.0]


def test_a_plateau_waits_and_then_cuts_the_share():
    plateau = Plateau(factor=0.1, patience=2)
    assert [plateau.observe(1.0) for _ in range(7)] == pytest.approx([1, 1, 1, 0.1, 0.1, 0.1, 0.01])


def test_a_plateau_leaves_a_falling_loss_alone_even_below_zero():
    plateau = Plateau(factor=0.1, patience=0)
    assert {plateau.observe(loss) for loss in (2.0, 1.0, 0.5, -0.5, -1.0)} == {1.0}
    assert plateau.observe(-1.00001) == pytest.approx(0.1)  # lower, but not by enough to count


def test_a_plateau_counts_a_loss_that_is_not_a_number_as_no_progress():
    plateau = Plateau(factor=0.1, patience=0)
    assert plateau.observe(math.nan) == pytest.approx(0.1)


def test_a_restored_plateau_goes_on_as_if_never_stopped():
    losses = [3.0, 2.0, 2.0, 2.0, 1.9, 2.5, 1.95, 1.8, 1.8, 1.8, 1.8]
    whole = Plateau(0.5, 1)
    expected = [whole.observe(loss) for loss in losses]
    for cut in range(len(losses)):
        before, after = Plateau(0.5, 1), Plateau(0.5, 1)
        found = [before.observe(loss) for loss in losses[:cut]]
        after.restore(json.loads(json.dumps(before.state())))
        assert found + [after.observe(loss) for loss in losses[cut:]] == expected
