"""Class weights and sample weights become one weight for each sample."""

from __future__ import annotations

import numpy as np
import pytest

import mlp_data
from mlp_data.dataset import Split
from mlp_data.errors import DataError
from mlp_train import fit
from mlp_train.class_weights import sample_weights
from mlp_train.errors import UsageError
from mlp_train.settings import gather

NAMES = ("a", "b", "c")


def split(y: list[int] | None, weight: list[float] | None = None) -> Split:
    rows = 4 if y is None else len(y)
    x = np.zeros((rows, 1), np.float32)
    return Split(x, None if y is None else np.array(y), weight=None if weight is None else np.array(weight))


def test_without_any_weights_there_are_none() -> None:
    assert sample_weights(split([0, 1, 1]), NAMES) is None


def test_balanced_classes_weigh_the_same_together_and_1_on_average() -> None:
    weights = sample_weights(split([0, 0, 0, 1, 1, 2]), NAMES, "balanced")
    np.testing.assert_allclose(weights, [6 / 9] * 3 + [1, 1, 2])
    assert np.mean(weights) == pytest.approx(1)


def test_a_class_that_never_occurs_takes_nothing_from_the_others() -> None:
    np.testing.assert_allclose(sample_weights(split([0, 0, 0, 2]), NAMES, "balanced"), [4 / 6] * 3 + [2])


def test_given_weights_keep_their_ratio_and_what_is_not_named_has_1() -> None:
    weights = sample_weights(split([0, 1, 2, 2]), NAMES, {"b": 5.0})
    np.testing.assert_allclose(weights, np.array([1, 5, 1, 1]) / 2)


def test_a_sample_weight_multiplies_that_of_its_class() -> None:
    weights = sample_weights(split([0, 1], [1.0, 3.0]), NAMES, {"a": 2.0})
    np.testing.assert_allclose(weights, [2 / 2.5, 3 / 2.5])


def test_balance_counts_weights_and_not_rows() -> None:
    weights = sample_weights(split([0, 0, 1], [1.0, 1.0, 2.0]), NAMES, "balanced")
    np.testing.assert_allclose(weights, [0.75, 0.75, 1.5])  # both classes weigh 2 already


def test_the_validation_split_is_weighed_as_the_training_split_is() -> None:
    train, valid = split([0, 0, 0, 1]), split([1, 1])
    np.testing.assert_allclose(sample_weights(valid, NAMES, "balanced", train), [2, 2])
    assert sample_weights(valid, NAMES, train=train) is None


def test_numbers_take_sample_weights_alone() -> None:
    x = np.zeros((2, 1), np.float32)
    numbers = Split(x, np.array([1.5, 2.5]), weight=np.array([1.0, 3.0]))
    np.testing.assert_allclose(sample_weights(numbers, ()), [0.5, 1.5])
    with pytest.raises(UsageError, match="class weights are for answers of one class each, but these are numbers"):
        sample_weights(numbers, (), "balanced")


def test_several_labels_at_once_take_no_class_weights() -> None:
    labels = Split(np.zeros((2, 1), np.float32), np.array([[1, 0], [1, 1]]), weight=np.array([1.0, 3.0]))
    np.testing.assert_allclose(sample_weights(labels, ("x", "y")), [0.5, 1.5])
    with pytest.raises(UsageError, match="these are several labels at once"):
        sample_weights(labels, ("x", "y"), {"x": 2.0})


def test_a_class_that_is_not_there_is_named_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="names 'Rare', which is no class of the data, did you mean 'rare'"):
        sample_weights(split([0, 1]), ("common", "rare"), {"Rare": 5.0})


def test_weights_of_nothing_but_0_are_refused() -> None:
    with pytest.raises(DataError, match="all 2 samples to train on have the weight 0"):
        sample_weights(split([0, 1], [0.0, 0.0]), NAMES)


def test_a_person_writes_them_as_names_with_numbers() -> None:
    assert gather({"class_weight": "rare=5,common=0.5"}).config.class_weight == {"rare": 5.0, "common": 0.5}
    assert gather({"class_weight": "balanced"}).config.class_weight == "balanced"
    for wrong in ("balance", "rare=0", "rare=-1", "rare=much", "rare=2,common"):
        with pytest.raises(UsageError, match="it is none, balanced, or weights above 0 such as rare=5,common=1"):
            gather({"class_weight": wrong})


def test_they_are_told_by_a_file_as_by_a_flag() -> None:
    saved = gather({"class_weight": "a=2"}).effective()
    assert saved["class_weight"] == {"a": 2.0}
    assert gather({"class_weight": saved["class_weight"]}).config.class_weight == {"a": 2.0}


def test_weights_stay_with_their_samples() -> None:
    x, y = np.arange(40.0).reshape(20, 2), [0, 1] * 10
    data = mlp_data.from_arrays(x, y, sample_weight=np.arange(20.0))
    for part in data.hold_out(0.3, np.random.default_rng(0)).splits.values():
        assert part.weight is not None
        assert (part.x[:, 0] == 2 * part.weight).all()
    for fold in data.folds(4, np.random.default_rng(0)):
        assert (fold.splits["test"].x[:, 0] == 2 * fold.splits["test"].weight).all()


def uneven(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return two clouds that overlap, the second with a tenth of the rows."""
    generator = np.random.default_rng(seed)
    y = (generator.random(rows) < 0.1).astype(int)
    return generator.normal(size=(rows, 2)) + 1.5 * y[:, None], y


def test_balance_finds_more_of_a_rare_class() -> None:
    x, y = uneven(600, 0)
    other, truth = uneven(2000, 1)
    found = {}
    for how in ("none", "balanced"):
        said = fit(x, y, hidden=8, epochs=15, seed=1, class_weight=how).model.predict(other).astype(int)
        found[how] = (said[truth == 1] == 1).mean()
    assert found["balanced"] > found["none"] + 0.2


def test_rows_without_weight_teach_nothing() -> None:
    x = np.random.default_rng(0).normal(size=(300, 2))
    right = (x[:, 0] > 0).astype(int)
    wrong = np.arange(300) % 3 == 0
    y = np.where(wrong, 1 - right, right)
    data = mlp_data.from_arrays(x, y, sample_weight=np.where(wrong, 0.0, 1.0))
    assert (fit(data, hidden=8, epochs=80, seed=1).model.predict(x).astype(int) == right).mean() > 0.95


def test_weights_that_are_all_alike_change_nothing() -> None:
    x, y = uneven(100, 0)
    plain = fit(x, y, hidden=8, epochs=3, seed=1)
    weighted = fit(mlp_data.from_arrays(x, y, sample_weight=np.full(100, 7.0)), hidden=8, epochs=3, seed=1)
    np.testing.assert_allclose(weighted.network.flat, plain.network.flat, rtol=1e-6)
