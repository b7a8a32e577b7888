"""The fast step computes what the plain one does, whatever the options and however many processes share the work."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import mlp_data
from mlp_data.dataset import Dataset
from mlp_train import products, train
from mlp_train.config import make_config
from mlp_train.crew import can_fork
from mlp_train.errors import DivergedError
from mlp_train.events import EpochEnd, Started
from mlp_train.optimizers import OPTIMIZERS
from mlp_train.plan import make_plan
from mlp_train.schedules import SCHEDULES
from mlp_train.trainer import Trainer

together = pytest.mark.skipif(not can_fork(), reason="several processes need Linux on an x86-64 processor")
OPTIONS: list[dict[str, Any]] = [
    {},
    {"hidden": ()},
    {"hidden": (64, 48, 33)},
    {"hidden": (40, 7, 64)},  # a layer that is too narrow to split, between two that are split
    *({"activation": name} for name in ("leaky-relu:0.2", "sigmoid", "sigmoid-hybrid", "tanh", "elu", "selu", "gelu")),
    {"activation": ("silu", "softmax"), "hidden": (48, 32)},
    *({"optimizer": name} for name in OPTIMIZERS),
    *({"schedule": name} for name in SCHEDULES),
    {"loss": "squared-error"},
    {"loss": "binary-cross-entropy"},
    {"label_smoothing": 0.2},
    {"l1": 0.001},
    {"l2": 0.01},
    {"clip_norm": 0.1},
    {"clip_value": 0.001},
    {"max_norm": 0.7},
    {"dropout": 0.3, "hidden": (64, 48)},
    {"dropout": 0.3, "activation": "tanh"},
    {"augment": "strong"},
    {"input_noise": 0.3},
    {"mixup": 0.4},
    {"average": "ema"},
    {"average": "swa"},
    {"batch_size": "full"},
    {"batch_size": 700, "dropout": 0.1},
]


@pytest.fixture(scope="module")
def digits() -> Dataset:
    """As many of the shipped digits as give 100 batches."""
    return mlp_data.load("digits").take(train=np.arange(100 * 16 - 3))


def trained(data: Dataset, **options: Any) -> tuple[np.ndarray, list[EpochEnd]]:
    """Train for one epoch, or for ten where that is one step, and return the parameters and what was told."""
    batch: dict[str, Any] = {"batch_size": 16, "epochs": 1} if "batch_size" not in options else {"epochs": 5}
    config = make_config(**{"hidden": (64,), "valid_fraction": 0, "dtype": "float64", **batch, **options})
    trainer = Trainer(make_plan(data, config))
    events = list(trainer.run())
    assert isinstance(events[0], Started)
    assert events[0].workers == config.workers
    return trainer.network.flat, [event for event in events if isinstance(event, EpochEnd)]


def assert_same(one: tuple[np.ndarray, list[EpochEnd]], other: tuple[np.ndarray, list[EpochEnd]]) -> None:
    assert np.abs(one[0] - other[0]).max() < 1e-9
    for a, b in zip(one[1], other[1], strict=True):
        assert (a.loss, a.gradient_norms, a.update_ratios) == pytest.approx(
            (b.loss, pytest.approx(b.gradient_norms), pytest.approx(b.update_ratios))
        )


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_hundred_fast_steps_are_a_hundred_plain_ones(digits: Dataset, options: dict[str, Any]) -> None:
    assert_same(
        trained(digits, engine="fast", workers=1, **options), trained(digits, engine="plain", workers=1, **options)
    )


@together
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_two_processes_learn_what_one_does(digits: Dataset, options: dict[str, Any]) -> None:
    assert_same(trained(digits, workers=2, **options), trained(digits, workers=1, **options))


@together
def test_three_processes_learn_what_one_does(digits: Dataset) -> None:
    options = {"hidden": (64, 50), "clip_norm": 0.1, "dropout": 0.2}
    assert_same(trained(digits, workers=3, **options), trained(digits, workers=1, **options))


@together
def test_two_processes_give_the_same_bits_again_and_again(digits: Dataset) -> None:
    first, second = (trained(digits, workers=2, dtype="float32")[0] for _ in range(2))
    assert first.tobytes() == second.tobytes()


@together
def test_one_step_of_two_processes_in_single_precision_is_that_of_one(digits: Dataset) -> None:
    few = digits.take(train=np.arange(16))
    one, two = (trained(few, workers=workers, dtype="float32")[0] for workers in (1, 2))
    assert np.abs(one - two).max() < 1e-6


def test_one_step_whose_products_are_cut_is_the_plain_one(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "has_direct_kernels", lambda: True)
    assert products.cuts(16, 512, 600, np.float32)
    assert products.cuts(16, 600, 512, np.float32, is_transposed=True)
    few = digits.take(train=np.arange(16))
    options = {"hidden": (512, 600), "optimizer": "momentum", "dtype": "float32", "workers": 1}
    plain, fast = (trained(few, engine=engine, **options)[0] for engine in ("plain", "fast"))
    assert np.abs(plain - fast).max() < 1e-6


@together
def test_two_processes_whose_products_are_cut_are_one_process(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "has_direct_kernels", lambda: True)
    few = digits.take(train=np.arange(16))
    options = {"hidden": (512, 600), "optimizer": "momentum", "dtype": "float32"}
    one, two = (trained(few, workers=workers, **options)[0] for workers in (1, 2))
    assert np.abs(one - two).max() < 1e-6


def test_numbers_are_fitted_by_the_fast_step_as_by_the_plain_one() -> None:
    x = np.random.default_rng(0).normal(size=(800, 5))
    data = mlp_data.from_arrays(x, x[:, 0] * 2 - x[:, 1] ** 2)
    for loss in ("squared-error", "absolute-error", "huber:0.5", "quantile:0.8"):
        assert_same(
            trained(data, engine="fast", workers=1, loss=loss), trained(data, engine="plain", workers=1, loss=loss)
        )


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=together)])
def test_a_training_that_diverges_names_step_layer_and_a_remedy(digits: Dataset, workers: int) -> None:
    with pytest.raises(DivergedError, match=r"at step \d+ \(epoch 1\).* layer \d.*--lr"):
        list(train(digits, workers=workers, optimizer="sgd", lr=1e30, epochs=1, warmup=0, hidden=(64,)))


def test_a_full_batch_larger_than_a_piece_is_one_step(digits: Dataset) -> None:
    started, *_ = train(digits, batch_size="full", epochs=1, valid_fraction=0)
    assert isinstance(started, Started)
    assert (started.batch_size, started.batches) == (1597, 1)


def test_an_untrained_network_is_about_as_wrong_as_knowing_nothing(digits: Dataset) -> None:
    started = next(iter(train(digits)))
    assert isinstance(started, Started)
    assert started.chance_loss == pytest.approx(np.log(10))
    assert abs(started.first_loss - np.log(10)) < 0.5
