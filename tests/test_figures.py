"""The default settings keep their word: the figures that the benchmarks print in full hold for one seed here."""

from __future__ import annotations

from statistics import mean

import titanic_cv

import mlp_data
import mlp_train


def test_the_defaults_read_96_of_100_digits_that_they_never_saw():
    digits = mlp_data.load("digits")
    found = mlp_train.evaluate(mlp_train.fit(digits, seed=1).model, digits)
    assert (found.split, found.samples) == ("test", 1000)
    assert found.metrics["accuracy"] >= 0.96


def test_the_defaults_tell_4_of_5_fates_of_passengers_that_they_never_saw():
    folds = titanic_cv.cross_validate(mlp_data.load("titanic"), seed=1)
    assert mean(folds) >= 0.80
