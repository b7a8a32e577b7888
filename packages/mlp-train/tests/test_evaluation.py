"""Evaluation from Python: the same rule as on the command line, that no sample of the training is ever counted."""

from __future__ import annotations

import numpy as np
import pytest

import mlp_data
from mlp_data.errors import DataError
from mlp_train import evaluate, fit
from mlp_train.errors import UsageError
from mlp_train.evaluation import batches


def two_classes(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(seed).normal(size=(rows, 3)).astype(np.float32)
    return x, (x.sum(axis=1) > 0).astype(np.int64)


def test_the_test_split_is_what_counts_where_there_is_one() -> None:
    data = mlp_data.from_arrays(*two_classes(100), test=two_classes(30, seed=1))
    model = fit(data, epochs=5, seed=1).model
    found = evaluate(model, data)
    test = data.splits["test"]
    right = model.predict(test.x) == np.array(data.classes)[test.y]
    assert (found.split, found.samples, found.metrics["accuracy"]) == ("test", 30, round(np.mean(right), 6))
    assert list(found.metrics)[:3] == ["accuracy", "balanced_accuracy", "macro_f1"]
    assert sum(map(sum, found.confusion)) == sum(one.support for one in found.classes) == 30
    assert sum(row[i] for i, row in enumerate(found.confusion)) == right.sum()


def test_of_the_training_data_only_what_was_held_out_counts() -> None:
    data = mlp_data.from_arrays(*two_classes(100))
    result = fit(data, epochs=5, seed=3, valid_fraction=0.2)
    found = evaluate(result.model, data)
    assert (found.split, found.samples) == ("held-out", 20)
    assert found.metrics["accuracy"] == result.metrics["valid"]["accuracy"]
    assert "seed 3, 20.00 %" in found.note


def test_other_data_count_as_a_whole() -> None:
    model = fit(*two_classes(100), epochs=5).model
    found = evaluate(model, mlp_data.from_arrays(*two_classes(50, seed=1)))
    assert (found.split, found.samples) == ("all", 50)


def test_where_every_row_was_trained_on_there_is_nothing_to_measure() -> None:
    data = mlp_data.load("xor")
    with pytest.raises(DataError, match="trained on all of its 4 rows and none was held out"):
        evaluate(fit(data, epochs=5).model, data)


def test_the_figures_of_a_class_follow_from_the_confusions() -> None:
    data = mlp_data.from_arrays(*two_classes(100), test=two_classes(40, seed=1))
    found = evaluate(fit(data, epochs=3, seed=1, hidden=4).model, data)
    second = found.classes[1]
    assert second.recall == found.confusion[1][1] / sum(found.confusion[1])
    assert second.precision == found.confusion[1][1] / (found.confusion[0][1] + found.confusion[1][1])


def test_a_sample_with_the_weight_2_counts_as_two() -> None:
    x, y = two_classes(60, seed=1)
    model = fit(*two_classes(100), epochs=4, hidden=4).model
    times = np.arange(60) % 3
    weighted = evaluate(model, mlp_data.from_arrays(x, y, sample_weight=times))
    rows = np.repeat(np.arange(60), times)
    repeated = evaluate(model, mlp_data.from_arrays(x[rows], y[rows]))
    assert weighted.metrics == pytest.approx(repeated.metrics, rel=1e-5)
    assert weighted.confusion == repeated.confusion
    assert weighted.samples == 60


def test_labels_are_measured_each_by_its_name() -> None:
    x = np.random.default_rng(0).normal(size=(300, 3))
    y = (x > [0.0, 0.5, -0.5]).astype(int)
    model = fit(mlp_data.from_arrays(x, y, classes=["a", "b", "c"]), epochs=30, seed=1).model
    other = np.random.default_rng(1).normal(size=(50, 3))
    turned = (other > [0.0, 0.5, -0.5]).astype(int)[:, ::-1]
    found = evaluate(model, mlp_data.from_arrays(other, turned, classes=["c", "b", "a"]))
    assert found.metrics["micro_f1"] > 0.85
    assert {"accuracy", "macro_f1", "roc_auc", "log_loss"} <= found.metrics.keys()
    assert [(one.name, one.support) for one in found.classes] == [
        ("a", turned[:, 2].sum()), ("b", turned[:, 1].sum()), ("c", turned[:, 0].sum()),
    ]  # fmt: skip
    assert found.confusion == ()
    with pytest.raises(DataError, match="some samples are of label 'd', which the model does not know"):
        evaluate(model, mlp_data.from_arrays(other, turned, classes=["c", "b", "d"]))
    with pytest.raises(DataError, match="the answers ask for classification, but the model was made for multi-label"):
        evaluate(model, mlp_data.from_arrays(other, turned[:, 0]))


def test_rows_that_all_weigh_nothing_measure_nothing() -> None:
    model = fit(*two_classes(100), epochs=2, hidden=4).model
    x, y = two_classes(4, seed=1)
    data = mlp_data.from_arrays(x, y, sample_weight=[0, 0, 0, 1]).take(train=np.arange(3))
    with pytest.raises(DataError, match="all 3 samples have the weight 0"):
        evaluate(model, data)


def test_batches_stay_small_however_large_the_frames() -> None:
    frames = [np.zeros((2000, 3000), np.uint8)] * 20
    sizes = [len(batch) for batch in batches(frames)]
    assert sum(sizes) == 20
    assert max(sizes) * frames[0].nbytes <= 32 << 20


def test_narrow_grey_frames_are_not_taken_for_one_in_colour() -> None:
    (batch,) = batches(np.zeros((5, 8, 3), np.uint8))
    assert isinstance(batch, list)
    assert len(batch) == 5


@pytest.mark.parametrize(("loss", "what"), [("cross-entropy", "one class each"), ("poisson", "numbers")])
def test_labels_are_not_learned_by_a_loss_for_something_else(loss: str, what: str) -> None:
    data = mlp_data.from_arrays(np.eye(4), [[1, 0], [1, 1], [0, 0], [0, 1]])
    with pytest.raises(UsageError, match=f"is for {what}, but several labels may hold: use binary-cross-entropy"):
        fit(data, loss=loss)
