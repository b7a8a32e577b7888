"""Presets: what `best` chooses for few rows, many rows and each task, and what gives way to the user."""

from __future__ import annotations

import numpy as np
import pytest

import mlp_data
import mlp_train
from mlp_data import Dataset
from mlp_train.config import FitConfig
from mlp_train.errors import UsageError
from mlp_train.plan import make_plan
from mlp_train.presets import FEW, PRESETS, resolve

BEST = FitConfig(preset="best")


def rows(count: int, answers: int = 2) -> Dataset:
    """Return rows of noise with so many classes, or with numbers to predict where there are none."""
    rng = np.random.default_rng(0)
    y = np.arange(count) % answers if answers else rng.normal(size=count)
    return mlp_data.from_arrays(rng.normal(size=(count, 3)), y)


def test_few_rows_all_teach_and_many_leave_some_to_watch() -> None:
    assert make_plan(rows(FEW), BEST).valid is None
    plan = make_plan(rows(FEW + 1), BEST)
    assert plan.valid is not None
    assert len(plan.train) < FEW  # what is held out still counts as rows
    assert plan.config.activation == "relu"


def test_a_split_made_beforehand_chooses_the_same_settings() -> None:
    whole = rows(FEW + 100)
    apart = whole.hold_out(0.1, np.random.default_rng(0))
    assert resolve(BEST, whole) == resolve(BEST, apart)


def test_two_classes_get_smoothed_labels_and_numbers_keep_their_loss() -> None:
    classes, numbers = make_plan(rows(60), BEST), make_plan(rows(60, answers=0), BEST)
    assert (classes.loss_name, classes.smoothing, classes.layers[-1].n_out) == ("cross-entropy", 0.1, 2)
    assert (numbers.loss_name, numbers.smoothing) == ("squared-error", 0.0)


def test_labels_of_which_several_hold_keep_their_loss() -> None:
    labels = mlp_data.from_arrays(np.eye(50, 3), np.eye(50, 2, dtype=int)[::-1], task="multi-label")
    assert make_plan(labels, BEST).loss_name == "binary-cross-entropy"


@pytest.mark.parametrize("said", [{"output_activation": "sigmoid"}, {"loss": "binary-cross-entropy"}])
def test_one_output_for_two_classes_may_still_be_asked_for(said: dict[str, str]) -> None:
    assert make_plan(rows(60), FitConfig(preset="best", **said)).layers[-1].n_out == 1


def test_lbfgs_is_left_alone_by_best() -> None:
    assert resolve(FitConfig(preset="best", optimizer="lbfgs"), rows(60)).dropout == 0.0


def test_the_step_that_best_takes_for_images_is_that_of_its_optimizer() -> None:
    images = mlp_data.from_arrays(np.zeros((4, 8, 8), np.uint8), ["a", "b"] * 2)
    adamw, momentum = (resolve(FitConfig(preset="best", **said), images) for said in ({}, {"optimizer": "momentum"}))
    assert (adamw.lr, adamw.weight_decay) == (0.0015, 0.02)
    assert (momentum.lr, momentum.hidden) == (None, adamw.hidden)
    assert resolve(FitConfig(preset="best", lr=0.1), images).lr == 0.1


def test_all_that_presets_say_are_settings() -> None:
    for kinds in PRESETS.values():
        for said in kinds.values():
            FitConfig(**said)


def test_best_learns_what_four_rows_say() -> None:
    result = mlp_train.fit([[0, 0], [0, 1], [1, 0], [1, 1]], ["0", "1", "1", "0"], preset="best", seed=1)
    assert list(result.model.predict([[0, 0], [0, 1], [1, 0], [1, 1]])) == ["0", "1", "1", "0"]


def test_without_held_out_rows_evaluate_says_that_there_is_nothing_to_measure() -> None:
    data = rows(60)
    model = mlp_train.fit(data, preset="best", epochs=1).model
    with pytest.raises(mlp_data.DataError, match="none was held out"):
        mlp_train.evaluate(model, data)


def test_an_unknown_preset_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="quick, good or best"):
        mlp_train.fit(rows(20), preset="bests")
