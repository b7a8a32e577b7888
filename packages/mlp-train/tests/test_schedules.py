"""Schedules start, pass and end where their formulas say."""

from __future__ import annotations

import pytest

from mlp_train.schedules import SCHEDULES, learning_rate


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_starts_at_the_full_learning_rate(name):
    assert learning_rate(name, 0.5, 0, 100, warmup=0.0) == 0.5


def test_cosine_falls_to_almost_nothing_at_the_last_step():
    rates = [learning_rate("cosine", 1.0, step, 100, warmup=0.1) for step in range(100)]
    assert max(rates) == rates[9] == rates[10] == 1.0
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert 0 < rates[-1] < 0.001


def test_warm_up_rises_in_a_straight_line():
    assert [learning_rate("constant", 1.0, step, 100, warmup=0.04) for step in range(5)] == [0.25, 0.5, 0.75, 1.0, 1.0]
