"""`--loss` fits the target: it is refused where it makes no sense, and the model answers in the target's own unit."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest

import mlp_data
import mlp_runtime
from mlp_data.errors import DataError
from mlp_train import fit
from mlp_train.config import FitConfig
from mlp_train.errors import UsageError
from mlp_train.plan import make_plan


def numbers(seed=0, rows=400, target=lambda x, rng: 3 * x[:, 0] + rng.normal(size=len(x))):
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (rows, 2))
    return mlp_data.from_arrays(x, target(x, rng))


def counts(x, rng):
    return rng.poisson(np.exp(1.5 + 1.2 * x[:, 0])).astype(float)


def test_a_loss_with_its_number_is_what_training_uses():
    plan = make_plan(numbers(), FitConfig(loss="huber:0.5"))
    assert plan.loss.parameters == {"delta": 0.5}
    assert plan.loss.value(None, np.array([[3.0]]), np.array([[0.0]])).tolist() == [0.5 * (3 - 0.25)]
    assert plan.provenance()["configuration"]["loss"] == "huber:0.5"


@pytest.mark.parametrize("loss", ["cross-entropy", "binary-cross-entropy"])
def test_a_loss_for_classes_is_refused_for_numbers(loss):
    with pytest.raises(UsageError, match=f"'{loss}' is for classes, but the target is a number: use squared-error"):
        make_plan(numbers(), FitConfig(loss=loss))


@pytest.mark.parametrize("loss", ["quantile:0.9", "poisson"])
def test_a_loss_for_numbers_is_refused_for_classes(loss):
    xor = mlp_data.from_arrays([[0, 0], [0, 1], [1, 0], [1, 1]], ["0", "1", "1", "0"])
    with pytest.raises(UsageError, match="is for numbers, but the target is a class: use cross-entropy"):
        make_plan(xor, FitConfig(loss=loss))


@pytest.mark.parametrize(("loss", "said"), [("huber:x", "'x' is not a number"), ("hubr:1", "did you mean 'huber'")])
def test_a_loss_that_cannot_be_is_refused_before_training(loss, said):
    with pytest.raises(UsageError, match=said):
        make_plan(numbers(), FitConfig(loss=loss))


def test_poisson_refuses_targets_below_zero():
    with pytest.raises(DataError, match=r"'poisson' is for counts, but the target goes down to -\d"):
        make_plan(numbers(), FitConfig(loss="poisson"))


def test_poisson_goes_with_the_exponential_alone():
    data = numbers(target=counts)
    assert make_plan(data, FitConfig(loss="poisson")).layers[-1].activation == "exp"
    with pytest.raises(UsageError, match="'poisson' goes with the output activation 'exp', not 'identity'"):
        make_plan(data, FitConfig(loss="poisson", output_activation="identity"))


def test_a_model_of_counts_gives_the_mean_and_never_less_than_zero():
    data = numbers(rows=2000, target=counts)
    model = mlp_runtime.load(fit(data, loss="poisson", hidden=(16,), epochs=40, seed=0).to_bytes())
    assert model.layers[-1].activation.name == "exp"
    x = np.array([[-0.9, 0.0], [0.0, 0.0], [0.9, 0.0]])
    np.testing.assert_allclose(model.predict(x), np.exp(1.5 + 1.2 * x[:, 0]), rtol=0.2)
    assert (model.predict(np.array([[-50.0, 0.0], [50.0, 0.0]])) >= 0).all()


def test_counts_that_are_all_zero_can_be_trained_on():
    data = numbers(target=lambda x, rng: np.zeros(len(x)))
    assert fit(data, loss="poisson", hidden=(4,), lr=0.1, epochs=30, seed=1).model.predict([[0.0, 0.0]]) < 0.2


@pytest.mark.parametrize("q", [0.1, 0.9])
def test_a_quantile_model_is_exceeded_as_often_as_it_says(q):
    data, new = numbers(rows=3000), numbers(seed=1, rows=3000)
    model = fit(data, loss=f"quantile:{q}", hidden=(16,), epochs=30, seed=0).model
    below = np.mean(new.train.y <= model.predict(new.train.x))
    assert below == pytest.approx(q, abs=0.04)


@pytest.mark.parametrize("loss", ["absolute-error", "huber:0.5"])
def test_outliers_do_not_move_an_absolute_or_a_huber_loss_far(loss):
    def spoiled(x, rng):
        return 2 * x[:, 0] + np.where(rng.random(len(x)) < 0.1, 30.0, 0.0)

    data = numbers(rows=1500, target=spoiled)
    x = np.array([[-0.5, 0.0], [0.5, 0.0]])
    error = {
        name: np.abs(fit(data, loss=name, hidden=(16,), epochs=40, seed=1).model.predict(x) - 2 * x[:, 0]).max()
        for name in (loss, "squared-error")
    }
    assert error[loss] < 1.5 < error["squared-error"]


def test_every_choice_of_how_to_learn_can_be_typed_and_is_kept_with_the_run(mlp_train):
    choices = {
        "optimizer": "nadam",
        "beta1": 0.8,
        "beta2": 0.95,
        "schedule": "coslog4",
        "lr": "auto",
        "loss": "huber:0.5",
    }
    flags = [part for name, value in choices.items() for part in (f"--{name}", value)]
    done = mlp_train("fit", "xor", "--out", "m", "--epochs", 50, *flags)
    assert done.code == 0, done.err
    kept = tomllib.loads(Path("m/config.toml").read_text())
    assert {name: kept[name] for name in choices} == choices


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--loss", "huber:-1"), "delta must be from 1e-06 to below 1e+06, but is -1"),
        (("--optimizer", "nadm"), "did you mean 'nadam'"),
        (("--schedule", "one_cycle"), "did you mean 'one-cycle'"),
        (("--lr", "fast"), "it is auto, or a number above 0"),
        (("--beta2", "1"), "it is a share, from 0 to below 1"),
    ],
)
def test_a_choice_that_does_not_exist_is_refused_in_one_sentence(mlp_train, flags, said):
    done = mlp_train("fit", "xor", "--out", "m", *flags)
    assert done.code == 2
    assert said in done.err.replace("\n", " ")
