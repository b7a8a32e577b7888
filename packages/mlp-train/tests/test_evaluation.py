"""Evaluation from Python: the same rule as on the command line, that no sample of the training is ever counted."""

from __future__ import annotations

import numpy as np
import pytest

import mlp_data
from mlp_data.errors import DataError
from mlp_train import evaluate, fit
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
    assert (found.split, found.samples, found.metrics) == ("test", 30, {"accuracy": round(np.mean(right), 6)})


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


def test_batches_stay_small_however_large_the_frames() -> None:
    frames = [np.zeros((2000, 3000), np.uint8)] * 20
    sizes = [len(batch) for batch in batches(frames)]
    assert sum(sizes) == 20
    assert max(sizes) * frames[0].nbytes <= 32 << 20


def test_narrow_grey_frames_are_not_taken_for_one_in_colour() -> None:
    (batch,) = batches(np.zeros((5, 8, 3), np.uint8))
    assert isinstance(batch, list)
    assert len(batch) == 5
