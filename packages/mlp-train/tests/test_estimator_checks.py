"""scikit-learn checks the estimators by its own rules; docs/scikit-learn.md argues each check that cannot hold."""

from __future__ import annotations

import pytest

pytest.importorskip("sklearn", "1.8", reason="scikit-learn is not installed, or hands pytest a generator as before 1.8")

from sklearn.utils.estimator_checks import parametrize_with_checks

from mlp_train import MLPClassifier, MLPRegressor

EXACT = {"dtype": "float64", "epochs": 150, "batch_size": "full", "lr": 0.01}
LBFGS = {"dtype": "float64", "epochs": 30, "optimizer": "lbfgs", "l2": 0.001}
ARGUED = {
    "check_sample_weight_equivalence_on_dense_data": "the defaults take the number of epochs from the number of rows"
}
EVERY = [kind(**settings) for settings in ({}, EXACT, LBFGS) for kind in (MLPClassifier, MLPRegressor)]


def argued(estimator):
    return ARGUED if estimator.epochs == "auto" else {}


@parametrize_with_checks(EVERY, expected_failed_checks=argued)
def test_scikit_learn_finds_an_estimator_of_its_own_kind(estimator, check):
    check(estimator)
