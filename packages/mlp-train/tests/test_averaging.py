"""The average of the weights is what its name says."""

from __future__ import annotations

import numpy as np
import pytest

from mlp_train.averaging import Average

PATH = np.random.default_rng(0).normal(size=(60, 3))


def test_swa_is_the_mean_of_all_steps_from_its_start_on() -> None:
    average = Average("swa", 3, np.float64, start=20)
    for w in PATH:
        assert not average.is_made or average.steps > 20
        average.update(w)
    assert average.mean == pytest.approx(PATH[20:].mean(axis=0))


def test_ema_begins_with_the_first_weights_and_then_forgets_as_slowly_as_its_decay_allows() -> None:
    average, expected = Average("ema", 3, np.float64, decay=0.8), PATH[0]
    average.update(PATH[0])
    for t, w in enumerate(PATH[1:], 2):
        kept = min(0.8, t / (9 + t))
        expected = kept * expected + (1 - kept) * w
        average.update(w)
    assert average.mean == pytest.approx(expected)


def test_an_average_goes_on_from_what_was_saved() -> None:
    whole, first, second = (Average("ema", 3, np.float64) for _ in range(3))
    for w in PATH:
        whole.update(w)
    for w in PATH[:30]:
        first.update(w)
    second.mean[:], second.steps = first.mean, first.steps
    for w in PATH[30:]:
        second.update(w)
    assert second.mean.tobytes() == whole.mean.tobytes()
