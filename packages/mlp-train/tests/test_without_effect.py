"""A setting that somebody gave and that could not do anything is refused, in one sentence that says why."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mlp_data
from mlp_train import fit
from mlp_train.config import FitConfig
from mlp_train.errors import UsageError
from mlp_train.optimizers import OPTIMIZERS
from mlp_train.without_effect import RULES, USED_BY, said_in

Run = Callable[..., Any]


@pytest.fixture
def tables(mlp_train: Run) -> None:
    x = np.random.default_rng(0).normal(size=(60, 2)).round(3)
    for name, answers in {"numbers": x.sum(axis=1), "classes": np.array([*"xyz"] * 20)}.items():
        lines = [f"{a},{b},{answer}" for (a, b), answer in zip(x, answers, strict=True)]
        Path(f"{name}.csv").write_text("\n".join(["a,b,y", *lines]) + "\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("classes.csv --optimizer sgd --beta1 0.8", "'beta1' has no effect: the optimizer sgd does not use it"),
        ("classes.csv --optimizer rmsprop --beta1 0.8", "'beta1' has no effect: the optimizer rmsprop"),
        ("classes.csv --optimizer momentum --beta2 0.8", "'beta2' has no effect: the optimizer momentum"),
        ("classes.csv --momentum 0.5", "'momentum' has no effect: the optimizer adamw"),
        ("classes.csv --optimizer adam --weight-decay 0.1", "choose adamw or lion"),
        ("classes.csv --optimizer adam --weight-decay 0.2", "'weight_decay' has no effect"),  # said, though the default
        ("classes.csv --optimizer lbfgs --momentum 0.5", "'momentum' has no effect: the optimizer lbfgs"),
        ("classes.csv --optimizer lbfgs --warmup 0.1", "'warmup' has no effect: the optimizer lbfgs"),
        ("classes.csv --optimizer lbfgs --schedule step", "'schedule' has no effect: the optimizer lbfgs"),
        ("classes.csv --optimizer lbfgs --workers 2", "'workers' has no effect: the optimizer lbfgs"),
        ("classes.csv --schedule one-cycle --warmup 0.2", "the schedule one-cycle begins with small steps by itself"),
        ("classes.csv --schedule coslog4 --warmup 0.2", "'warmup' has no effect: the schedule coslog4"),
        ("numbers.csv --label-smoothing 0.1", "'label_smoothing' has no effect: the loss is squared-error"),
        ("xor --label-smoothing 0.1", "leave it out, or choose the loss cross-entropy"),
        ("classes.csv --hidden none --dropout 0.2", "'dropout' has no effect: there is no hidden layer"),
        ("classes.csv --hidden none --activation tanh", "'activation' has no effect: there is no hidden layer"),
        ("numbers.csv --calibrate", "'calibrate' has no effect: the target is a number"),
        ("classes.csv --calibrate --valid-fraction 0", "'calibrate' has no effect: no rows are held out"),
        ("classes.csv --patience 3 --valid-fraction 0", "'patience' has no effect: no rows are held out"),
        ("xor --patience 3", "'patience' has no effect: no rows are held out"),
        ("classes.csv --augment light", "'augment' has no effect: it distorts images, but this is table data"),
        ("classes.csv --transpose", "transpose=True is for images"),
        ("digits --numbers piecewise", "numbers='piecewise' is for tables"),
        ("digits --target kind", "target='kind' names a column, but this data has none"),
    ],
)
@pytest.mark.usefixtures("tables")
def test_what_a_flag_says_in_vain_is_one_sentence_with_exit_code_2(mlp_train: Run, given: str, why: str) -> None:
    answer = mlp_train("fit", *given.split(), "--epochs", "1", "--out", "run")
    assert (answer.code, answer.out) == (2, "")
    (error,) = [line for line in answer.err.splitlines() if line.startswith("error: ")]
    assert why in error
    assert "leave it out" in error
    assert not Path("run").exists()


@pytest.mark.usefixtures("tables")
def test_a_validation_split_of_the_source_leaves_nothing_to_hold_out(mlp_train: Run) -> None:
    for split in ("train", "valid"):
        Path("parts", split).mkdir(parents=True)
        Path("parts", split, f"{split}.csv").write_text(Path("classes.csv").read_text(encoding="utf-8"), "utf-8")
    answer = mlp_train("fit", "parts", "--epochs", "1", "--valid-fraction", "0.3")
    assert answer.code == 2
    assert "'valid_fraction' has no effect: the source has validation rows of its own" in answer.err
    assert mlp_train("fit", "parts", "--epochs", "1").code == 0


@pytest.mark.usefixtures("tables")
def test_a_file_and_the_environment_are_no_excuse(mlp_train: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("s.toml").write_text('optimizer = "sgd"\nbeta1 = 0.5\n', encoding="utf-8")
    answer = mlp_train("fit", "classes.csv", "--epochs", "1", "--config", "s.toml")
    assert answer.code == 2
    assert "'beta1' has no effect" in answer.err
    monkeypatch.setenv("MLP_TRAIN_CALIBRATE", "yes")
    answer = mlp_train("fit", "numbers.csv", "--epochs", "1")
    assert answer.code == 2
    assert "'calibrate' has no effect" in answer.err


@pytest.mark.usefixtures("tables")
def test_what_presets_and_defaults_say_in_vain_is_nobodys_mistake(mlp_train: Run) -> None:
    for said in ("--optimizer sgd", "--schedule one-cycle", "--hidden none --preset best", "--optimizer lbfgs"):
        assert mlp_train("fit", "numbers.csv", *said.split(), "--epochs", "1").code == 0, said


@pytest.mark.usefixtures("tables")
def test_to_ask_for_what_happens_anyway_is_no_mistake(mlp_train: Run) -> None:
    off = "--optimizer sgd --weight-decay 0 --momentum 0 --schedule one-cycle --warmup 0 --label-smoothing 0"
    answer = mlp_train("fit", "numbers.csv", *off.split(), "--no-calibrate", "--augment", "none", "--epochs", "1")
    assert answer.code == 0, answer.err


@pytest.mark.usefixtures("tables")
def test_the_settings_of_a_run_can_be_repeated_with_another_optimizer(mlp_train: Run) -> None:
    assert mlp_train("fit", "numbers.csv", "--epochs", "1", "--out", "run").code == 0
    again = ("fit", "--config", "run/config.toml", "--out", "again", "--optimizer", "sgd")
    assert mlp_train(*again).code == 0, "the defaults in a saved config.toml were said by nobody"


def test_python_is_told_too_but_not_of_defaults() -> None:
    data = mlp_data.from_arrays(np.eye(4), [0, 1, 0, 1])
    with pytest.raises(UsageError, match="'beta1' has no effect: the optimizer sgd does not use it; leave it out"):
        fit(data, optimizer="sgd", beta1=0.5)
    assert said_in(FitConfig(beta1=0.5, weight_decay=0.2)) == {"beta1"}
    fit(data, optimizer="sgd", weight_decay=FitConfig().weight_decay, epochs=1)


def test_an_optimizer_of_your_own_may_use_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OPTIMIZERS, "mine", OPTIMIZERS["sgd"])
    fit([[0.0], [1.0]], ["a", "b"], optimizer="mine", beta1=0.5, momentum=0.5, weight_decay=0.1, epochs=1)


def test_the_table_knows_what_each_optimizer_uses() -> None:
    gradients = np.random.default_rng(0).normal(size=(20, 5))
    ours = {
        name: kind for name, kind in OPTIMIZERS.items() if kind.__module__ == "mlp_train.optimizers"
    }  # no plug-in's
    for name, make in ours.items():
        moved = {}
        for option, value in {"momentum": 0.5, "beta1": 0.5, "beta2": 0.5, "weight_decay": 0.5}.items():
            ends = []
            for said in ({}, {option: value}):
                numbers = {"momentum": 0.9, "weight_decay": 0.2, **said}
                optimizer = make(5, np.float64, weight_count=5, **numbers)
                parameters = np.ones(5)
                for gradient in gradients:
                    optimizer.update(parameters, gradient.copy(), 0.1)
                ends.append(parameters)
            moved[option] = not np.array_equal(*ends)
        assert moved == {option: name in users for option, users in USED_BY.items()}, name


def test_every_rule_is_about_a_setting() -> None:
    assert {rule.option for rule in RULES} <= FitConfig.model_fields.keys()
