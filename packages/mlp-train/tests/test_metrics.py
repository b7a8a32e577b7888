"""Metrics equal what is worked out by hand, and what scikit-learn says."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mlp_train.metrics import classes, full_score, labels, numbers, probabilities, score

CONFUSED = np.array([[4, 1, 0], [2, 3, 0], [0, 0, 0]])  # the third class neither occurs nor is predicted


def test_balanced_accuracy_is_the_mean_recall_of_the_classes_that_occur() -> None:
    assert classes.balanced_accuracy(CONFUSED) == pytest.approx((4 / 5 + 3 / 5) / 2)


def test_precision_recall_and_f1_follow_from_the_confusion_matrix() -> None:
    precision, recall, f1, support = classes.per_class(CONFUSED)
    np.testing.assert_allclose(precision, [4 / 6, 3 / 4, 0])
    np.testing.assert_allclose(recall, [4 / 5, 3 / 5, 0])
    np.testing.assert_allclose(f1, [8 / 11, 6 / 9, np.nan])
    assert support.tolist() == [5, 5, 0]


def test_a_class_that_never_occurs_spoils_no_mean_but_one_predicted_in_vain_does() -> None:
    assert classes.macro_f1(CONFUSED) == pytest.approx((8 / 11 + 6 / 9) / 2)
    in_vain = np.array([[4, 0, 1], [2, 3, 0], [0, 0, 0]])
    assert classes.macro_f1(in_vain) == pytest.approx((8 / 11 + 6 / 8 + 0) / 3)


def test_weights_count_as_repetitions() -> None:
    generator = np.random.default_rng(0)
    times = generator.integers(1, 4, 60)
    actual, shares = generator.integers(0, 3, 60), generator.dirichlet(np.ones(3), 60)
    weighted = full_score("classification", shares.argmax(axis=1), actual, shares, times.astype(float))
    rows = np.repeat(np.arange(60), times)
    repeated = full_score("classification", shares[rows].argmax(axis=1), actual[rows], shares[rows])
    assert weighted == pytest.approx(repeated)
    y, found = generator.normal(size=60), generator.normal(size=60)
    assert full_score("regression", found, y, weights=times) == pytest.approx(
        full_score("regression", found[rows], y[rows])
    )
    truths, said = generator.integers(0, 2, (60, 4)), generator.random((60, 4))
    weighted = full_score("multi-label", (said > 0.5).astype(int), truths, said, times)
    repeated = full_score("multi-label", (said[rows] > 0.5).astype(int), truths[rows], said[rows])
    assert weighted == pytest.approx(repeated)


def test_roc_auc_counts_pairs_and_half_of_the_ties() -> None:
    # positives 0.5 and 0.9 against negatives 0.1, 0.5 and 0.7: 1 + 1/2 + 0 and 3 of 6 pairs
    scores, positive = np.array([0.5, 0.9, 0.1, 0.5, 0.7]), np.array([1, 1, 0, 0, 0])
    assert classes.roc_auc(scores, positive) == pytest.approx(4.5 / 6)
    # the pair with the tie counts 2 * 3 now
    weights = np.array([2.0, 1.0, 1.0, 3.0, 1.0])
    assert classes.roc_auc(scores, positive, weights) == pytest.approx((2 * (1 + 1.5) + 1 * 5) / (3 * 5))


def test_roc_auc_of_one_class_alone_is_not_defined() -> None:
    assert math.isnan(classes.roc_auc(np.array([0.1, 0.2]), np.array([True, True])))
    assert math.isnan(classes.roc_auc_one_vs_rest(np.full((2, 3), 1 / 3), np.array([1, 1])))
    only = full_score("classification", np.array([1, 1]), np.array([1, 1]), np.array([[0.2, 0.8]] * 2))
    assert "roc_auc" not in only
    assert only["balanced_accuracy"] == only["accuracy"] == 1


def test_log_loss_is_finite_where_the_right_class_was_ruled_out() -> None:
    impossible = np.array([[1.0, 0.0]], np.float32)
    assert probabilities.log_loss(impossible, np.array([1])) == pytest.approx(87.3365, abs=1e-4)
    assert probabilities.log_loss(impossible, np.array([0])) == 0


def test_brier_of_three_classes_sums_over_them() -> None:
    shares = np.array([[0.7, 0.2, 0.1]])
    assert probabilities.brier(shares, np.array([1])) == pytest.approx(0.49 + 0.64 + 0.01)


def test_calibration_error_is_the_weighted_gap_of_each_bin() -> None:
    # bin (0.6, 0.8]: two right of four at 0.75; bin (0.8, 1]: all of two right at 0.95
    sure = np.array([0.75] * 4 + [0.95] * 2)
    shares, actual = np.stack([sure, 1 - sure], axis=1), np.array([0, 0, 1, 1, 0, 0])
    expected = 4 / 6 * 0.25 + 2 / 6 * 0.05
    assert probabilities.calibration_error(shares, actual, bins=5) == pytest.approx(expected)
    weights = np.array([1.0, 1.0, 1.0, 1.0, 2.0, 2.0])
    expected = 4 / 8 * 0.25 + 4 / 8 * 0.05
    assert probabilities.calibration_error(shares, actual, weights, bins=5) == pytest.approx(expected)


def test_a_bin_holds_its_upper_edge() -> None:
    # 0.5 lies in (0, 0.5] and is wrong, 0.75 lies in (0.5, 1] and is right
    shares = np.array([[0.5, 0.5], [0.75, 0.25]])
    assert probabilities.calibration_error(shares, np.array([1, 0]), bins=2) == pytest.approx((0.5 + 0.25) / 2)


def test_certainty_falls_into_the_last_bin_and_is_calibrated_if_right() -> None:
    assert probabilities.calibration_error(np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([0, 1])) == 0


def test_numbers_are_measured_in_the_unit_of_the_target() -> None:
    found, actual, weights = np.array([1.0, 2.0, 6.0]), np.array([1.0, 4.0, 3.0]), np.array([1.0, 1.0, 2.0])
    assert numbers.mae(found, actual) == pytest.approx(5 / 3)
    assert numbers.mae(found, actual, weights) == pytest.approx(8 / 4)
    assert numbers.rmse(found, actual, weights) == pytest.approx(math.sqrt((4 + 2 * 9) / 4))
    mean = (1 + 4 + 2 * 3) / 4
    spread = (1 - mean) ** 2 + (4 - mean) ** 2 + 2 * (3 - mean) ** 2
    assert numbers.r2(found, actual, weights) == pytest.approx(1 - 22 / spread)
    assert numbers.r2(found, np.ones(3)) == 0


def test_several_labels_are_counted_together_and_one_by_one() -> None:
    actual = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 0]])
    said = np.array([[1, 0, 0], [0, 1, 0], [1, 0, 0]])
    assert labels.subset_accuracy(said, actual) == pytest.approx(1 / 3)
    assert labels.micro_f1(said, actual) == pytest.approx(2 * 2 / (3 + 3))
    np.testing.assert_allclose(labels.label_f1(said, actual), [2 / 4, 1, np.nan])
    assert full_score("multi-label", said, actual)["macro_f1"] == pytest.approx(0.75)
    nothing = np.zeros((2, 2), int)
    assert full_score("multi-label", nothing, nothing) == {"accuracy": 1.0}


def test_outputs_that_are_no_probabilities_are_not_judged_as_such() -> None:
    rows = np.array([[0.9, 0.8], [0.1, 0.3]])
    found = full_score("classification", np.array([0, 1]), np.array([0, 1]), rows)
    assert found.keys() == {"accuracy", "balanced_accuracy", "macro_f1", "roc_auc"}


def test_after_an_epoch_only_what_is_cheap_is_counted() -> None:
    assert score("classification", np.array([0, 1]), np.array([1, 1])).keys() == {"accuracy"}
    assert score("regression", np.array([0.0]), np.array([1.0])).keys() == {"rmse", "r2"}
    assert score("classification", np.array([0]), np.array([0]), np.array([0.0])) == {}


@pytest.mark.parametrize("count", [2, 5])
@pytest.mark.parametrize("weighted", [False, True])
def test_classes_are_measured_as_by_scikit_learn(count: int, weighted: bool) -> None:
    theirs = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    generator = np.random.default_rng(count)
    actual = generator.integers(0, count, 400)
    shares = generator.dirichlet(np.ones(count), 400).round(2) + 0.01  # rounded, so that there are ties
    shares[np.arange(400), actual] += 0.3
    shares /= shares.sum(axis=1, keepdims=True)
    weights = generator.random(400) if weighted else None
    said = shares.argmax(axis=1)
    ours = full_score("classification", said, actual, shares, weights)
    auc = shares[:, 1] if count == 2 else shares
    assert ours["accuracy"] == pytest.approx(theirs.accuracy_score(actual, said, sample_weight=weights))
    assert ours["balanced_accuracy"] == pytest.approx(
        theirs.balanced_accuracy_score(actual, said, sample_weight=weights)
    )
    assert ours["macro_f1"] == pytest.approx(theirs.f1_score(actual, said, average="macro", sample_weight=weights))
    found = theirs.roc_auc_score(actual, auc, multi_class="ovr", average="macro", sample_weight=weights)
    assert ours["roc_auc"] == pytest.approx(found)
    assert ours["log_loss"] == pytest.approx(theirs.log_loss(actual, shares, sample_weight=weights))
    found = theirs.brier_score_loss(actual, auc, sample_weight=weights, scale_by_half="auto")
    assert ours["brier"] == pytest.approx(found)
    np.testing.assert_allclose(
        classes.confusion_matrix(said, actual, count, weights),
        theirs.confusion_matrix(actual, said, sample_weight=weights),
    )


@pytest.mark.parametrize("weighted", [False, True])
def test_numbers_and_labels_are_measured_as_by_scikit_learn(weighted: bool) -> None:
    theirs = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    generator = np.random.default_rng(7)
    y, found = generator.normal(size=(2, 300))
    weights = generator.random(300) if weighted else None
    ours = full_score("regression", found, y, weights=weights)
    assert ours["mae"] == pytest.approx(theirs.mean_absolute_error(y, found, sample_weight=weights))
    assert ours["rmse"] == pytest.approx(theirs.mean_squared_error(y, found, sample_weight=weights) ** 0.5)
    assert ours["r2"] == pytest.approx(theirs.r2_score(y, found, sample_weight=weights))
    truths, shares = generator.integers(0, 2, (300, 4)), generator.random((300, 4))
    said = (shares > 0.5).astype(int)
    ours = full_score("multi-label", said, truths, shares, weights)
    assert ours["accuracy"] == pytest.approx(theirs.accuracy_score(truths, said, sample_weight=weights))
    assert ours["micro_f1"] == pytest.approx(theirs.f1_score(truths, said, average="micro", sample_weight=weights))
    assert ours["macro_f1"] == pytest.approx(theirs.f1_score(truths, said, average="macro", sample_weight=weights))
    assert ours["roc_auc"] == pytest.approx(theirs.roc_auc_score(truths, shares, sample_weight=weights))
