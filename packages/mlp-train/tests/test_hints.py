"""Every hint, on a small training that really shows the mistake, and none on trainings that are well."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import mlp_data
import mlp_train
from mlp_data.dataset import Dataset
from mlp_train.hint_facts import look_at, saturated
from mlp_train.hints import RULES, Hint, advise, hints
from mlp_train.plan import hold_out
from mlp_train.settings import gather


def trained(data: Dataset, **options: Any) -> list[Hint]:
    options = {"seed": 1, **options}
    data = hold_out(data, options.get("valid_fraction", 0.1), options["seed"])
    events = list(mlp_train.train(data, **options))
    config = mlp_train.FitConfig(**options).model_dump(mode="json")
    return advise(config, [event.to_dict() for event in events], data, events[-1].result.model)


def rules(found: list[Hint]) -> list[str]:
    return [hint.rule for hint in found]


def numbers(rows: int = 400, columns: int = 5, seed: int = 0) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).normal(size=(rows, columns))


def noisy(rows: int = 400, above: float = 0.0) -> Dataset:
    x = numbers(rows)
    y = x[:, 0] + np.random.default_rng(1).normal(size=rows) > above
    return mlp_data.from_arrays(x, y.astype(int))


@pytest.mark.parametrize("sample", ["digits", "titanic", "xor"])
def test_a_healthy_training_has_no_hints(sample: str) -> None:
    assert trained(mlp_data.load(sample)) == []


@pytest.mark.parametrize("lr", [0.1, 1.0, 10.0])
def test_a_learning_rate_that_is_too_high_is_noticed_and_named_alone(lr: float) -> None:
    found = trained(mlp_data.load("digits"), lr=lr, epochs=4)
    assert rules(found) == ["lr-too-high"]
    assert found[0].apply == {"lr": 0.003}
    assert found[0].flags == "--lr 0.003"


def test_a_learning_rate_that_is_too_low_is_noticed() -> None:
    found = trained(mlp_data.load("digits"), lr=1e-6, epochs=4)
    assert rules(found) == ["lr-too-low"]
    assert "of the first loss is left; try --lr 0.003" in found[0].sentence()


def test_what_a_hint_applies_mends_the_training() -> None:
    sick = trained(mlp_data.load("titanic"), lr=10.0, epochs=6)
    assert rules(sick) == ["lr-too-high"]
    assert trained(mlp_data.load("titanic"), epochs=6, **sick[0].apply) == []


def test_a_column_that_tells_the_answer_is_named_with_the_flag_that_drops_it() -> None:
    x = numbers(columns=3)
    y = (x[:, 0] + np.random.default_rng(1).normal(size=400) > 0).astype(int)
    leaky = {"size": x[:, 0].tolist(), "age": x[:, 1].tolist(), "paid on": [("", "May")[one] for one in y]}
    found = trained(mlp_data.from_arrays(leaky, y), epochs=5)
    assert found[0].rule == "leak"
    assert found[0].apply == {"drop": ["paid on"]}
    assert "'paid on' alone gives 100%" in found[0].why


def test_a_number_that_copies_a_target_number_leaks_too() -> None:
    x = numbers(2000, 3)
    y = 2.5 * x[:, 0]
    assert list(look_at(mlp_data.from_arrays(x, y)).leaks) == ["feature 0"]


def test_a_column_of_numbered_rows_does_not_leak() -> None:
    names = {"name": [f"person {i}" for i in range(400)], "age": numbers()[:, 1].tolist()}
    assert look_at(mlp_data.from_arrays(names, [0, 1] * 200)).leaks == {}


def test_learning_by_heart_is_noticed_by_the_held_out_loss() -> None:
    x = numbers(120, 30)
    y = (x[:, 0] + 1.5 * np.random.default_rng(1).normal(size=120) > 0).astype(int)
    found = trained(mlp_data.from_arrays(x, y), epochs=100)
    assert rules(found) == ["overfitting"]
    assert found[0].apply == {"dropout": 0.2}


def test_images_are_bent_rather_than_units_dropped_where_digits_are_learned_by_heart() -> None:
    digits = mlp_data.load("digits").train
    rng = np.random.default_rng(0)
    chosen = rng.permutation(len(digits))[:400]
    answers = np.where(rng.random(400) < 0.4, rng.integers(0, 10, 400), digits.y[chosen])  # nothing but memory helps
    few = mlp_data.from_arrays(np.asarray(digits.x)[chosen], answers)
    found = trained(few, epochs=60, patience=60, label_smoothing=0.0, valid_fraction=0.4)
    assert "overfitting" in rules(found)
    assert next(hint for hint in found if hint.rule == "overfitting").apply == {"augment": "light"}


def test_units_that_died_are_counted_where_the_learning_rate_is_not_to_blame() -> None:
    events: list[dict[str, Any]] = [
        {"event": "Started", "first_loss": 2.3, "chance_loss": 2.3, "lr": 0.003, "optimizer": "adamw"},
        {"event": "EpochEnd", "epoch": 1, "loss": 1.0, "update_ratios": [0.001, 0.001], "dead_units": [0.1, 0.75]},
    ]
    (found,) = hints({}, events)
    assert found.why.startswith("75% of the units of hidden layer 2 answer 0")
    assert found.apply == {"activation": "leaky-relu"}


def test_dead_units_of_a_real_training_are_noticed() -> None:
    found = trained(mlp_data.load("digits"), lr=0.03, epochs=6)
    assert {"dead-units", "lr-too-high"} & set(rules(found))


def test_saturated_sigmoids_are_noticed_in_the_trained_model() -> None:
    found = trained(mlp_data.load("digits"), activation="sigmoid", lr=0.1, epochs=20)
    assert "saturated-sigmoids" in rules(found)
    assert next(hint for hint in found if hint.rule == "saturated-sigmoids").apply == {"activation": "relu"}


def test_relus_cannot_saturate() -> None:
    model = mlp_train.fit(mlp_data.load("xor"), epochs=1, seed=1).model
    assert set(saturated(model, np.zeros((4, 2), np.float32))) == {0.0}


def test_a_gradient_that_fades_through_sigmoids_is_noticed_while_training() -> None:
    events = [{"event": "EpochEnd", "epoch": 1, "loss": 1.0, "gradient_norms": [1e-6, 1e-3, 0.5]}]
    assert rules(hints({"activation": "sigmoid"}, events)) == ["saturated-sigmoids"]
    assert hints({"activation": "relu"}, events) == []


def test_a_rare_class_that_is_neglected_is_noticed_and_balancing_silences_it() -> None:
    data = noisy(1000, above=2.6)
    found = trained(data, epochs=30)
    assert rules(found) == ["imbalance"]
    assert found[0].apply == {"class_weight": "balanced"}
    assert "imbalance" not in rules(trained(data, epochs=5, class_weight="balanced"))


def test_answers_that_do_not_belong_to_their_rows_are_noticed() -> None:
    digits = mlp_data.load("digits").train
    x, y = np.asarray(digits.x)[:1000], np.random.default_rng(3).permutation(digits.y[:1000])
    found = trained(mlp_data.from_arrays(x, y), epochs=4)
    assert rules(found) == ["guessing"]
    assert "of 100 held-out rows" in found[0].why
    assert found[0].apply == {}


def test_numbers_that_cannot_be_told_are_noticed() -> None:
    x = numbers(600)
    guess = trained(mlp_data.from_arrays(x, numbers(600, 1, seed=5)[:, 0]), epochs=6)
    assert rules(guess) == ["guessing"]
    assert "always answering the mean has 0" in guess[0].why
    assert trained(mlp_data.from_arrays(x, x[:, 0] + x[:, 1]), epochs=20) == []


def test_a_loss_that_does_not_aim_at_the_mean_is_not_judged_by_it() -> None:
    x = numbers(600)
    y = 0.5 * x[:, 0] + numbers(600, 1, seed=5)[:, 0]
    assert "guessing" not in rules(trained(mlp_data.from_arrays(x, y), loss="quantile:0.95", epochs=8))


def test_a_network_that_has_all_right_is_no_guess_where_one_class_alone_is_held_out() -> None:
    x = numbers(600)
    y = np.array(["ok"] * 596 + ["bad"] * 4)
    assert "guessing" not in rules(trained(mlp_data.from_arrays(x, y), epochs=8))


def test_few_steps_are_too_little_to_judge_the_data_by() -> None:
    x = numbers(600)
    assert trained(mlp_data.from_arrays(x, (x[:, 0] + x[:, 1]) * 9 + 30), batch_size="full", epochs=3) == []


def test_a_rare_class_whose_probability_is_known_is_no_guess() -> None:
    data = noisy(1000, above=1.3)  # one row in five, and the network answers no to nearly all, but not alike
    assert "guessing" not in rules(trained(data, epochs=5))


def test_values_far_from_the_others_are_noticed_in_a_table_and_piecewise_numbers_mend_them() -> None:
    wild = numbers()[:, 0].tolist()
    wild[7] = 1e6
    data = mlp_data.from_arrays({"height": wild, "age": numbers()[:, 1].tolist()}, noisy().train.y)
    found = trained(data, epochs=5)
    assert rules(found) == ["unscaled-inputs"]
    assert found[0].flags == "--numbers piecewise"
    assert "'height' reaches" in found[0].why


def test_infinite_losses_are_no_reason_to_fail() -> None:
    events = [
        {"event": "Started", "first_loss": 2.3, "lr": 0.1, "optimizer": "sgd"},
        *(
            {"event": "EpochEnd", "epoch": i, "loss": None, "valid_loss": None, "update_ratios": [0.1, None]}
            for i in (1, 2)
        ),
    ]
    hints({}, events)


def test_nothing_is_said_before_the_first_epoch() -> None:
    assert hints({"activation": "sigmoid"}, []) == []


def test_every_applied_setting_is_one_that_fit_takes() -> None:
    assert len(RULES) == 9
    for hint in (
        *trained(mlp_data.load("digits"), lr=10.0, epochs=2),
        Hint("leak", "", "", {"drop": ["a"]}),
        Hint("unscaled-inputs", "", "", {"numbers": "piecewise"}),
    ):
        gather({name: str(value) if not isinstance(value, list) else value for name, value in hint.apply.items()})
