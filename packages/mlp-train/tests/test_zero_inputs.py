"""Inputs that are 0 in every training sample are left out of the step, and nobody can tell from what comes out."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import mlp_data
from mlp_data.dataset import Dataset, Split
from mlp_runtime.inputs import ImageInput
from mlp_train import train
from mlp_train.config import make_config
from mlp_train.control import Control
from mlp_train.crew import can_fork
from mlp_train.events import EpochEnd, Progress
from mlp_train.optimizers import OPTIMIZERS, SGD
from mlp_train.plan import make_plan
from mlp_train.reader import ArrayReader
from mlp_train.trainer import Trainer, settle
from mlp_train.zero_inputs import LINE, learned_from

together = pytest.mark.skipif(not can_fork(), reason="several processes need Linux on an x86-64 processor")
FEW: dict[str, Any] = {"hidden": (64,), "batch_size": 16, "epochs": 2, "valid_fraction": 0.2, "dtype": "float64"}


@pytest.fixture(scope="module")
def digits() -> Dataset:
    """Few of the shipped digits, 28 x 28, most of whose margin is blank."""
    return mlp_data.load("digits").take(train=np.arange(400))


def trained(data: Dataset, **options: Any) -> tuple[Trainer, list[EpochEnd]]:
    trainer = Trainer(settle(data, make_config(**{**FEW, **options})))
    return trainer, [event for event in trainer.run() if isinstance(event, EpochEnd)]


def test_what_is_always_0_is_left_out_in_whole_lines(digits: Dataset) -> None:
    plan = make_plan(digits, make_config(**FEW))
    assert isinstance(plan.train, ArrayReader)
    seen = plan.train.nonzero_inputs()
    assert np.array_equal(seen, np.concatenate([piece.x for piece in plan.train.batches(50)]).any(axis=0))
    reader = learned_from(plan)
    assert reader.inputs is not None
    assert 0 <= len(reader.inputs) - seen.sum() < LINE
    assert len(reader.inputs) % LINE == 0
    assert set(np.flatnonzero(seen)) <= set(reader.inputs)
    whole, kept = next(plan.train.batches(50)), next(reader.batches(50))
    assert np.array_equal(whole.x[:, reader.inputs], kept.x)
    assert whole.x.sum() == kept.x.sum() > 0
    assert plan.train.inputs is None


@pytest.mark.parametrize(
    "options",
    [
        *({"optimizer": name} for name in OPTIMIZERS if name != "lbfgs"),
        {"optimizer": "adamw", "weight_decay": 3.0},
        {"optimizer": "adamw", "weight_decay": 100.0, "lr": 0.01, "schedule": "constant", "warmup": 0.0},  # all is gone
        {"dropout": 0.3},
        {"mixup": 0.4},
        {"clip_norm": 0.1},
        {"clip_value": 0.001},
        {"label_smoothing": 0.2},
        {"class_weight": "balanced"},
        {"batch_size": "full"},
        {"schedule": "plateau"},
        {"lr": "auto"},
    ],
    ids=str,
)
@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=together)])
def test_training_gives_what_the_plain_engine_gives_with_all_inputs(
    digits: Dataset, options: dict[str, Any], workers: int
) -> None:
    fast, told = trained(digits, workers=workers, **options)
    plain, expected = trained(digits, engine="plain", workers=1, **options)
    assert fast.samples.inputs is not None
    assert plain.samples.inputs is None
    assert np.abs(fast.network.flat - plain.network.flat).max() < 1e-9
    for name, vector in plain.state.vectors.items():
        assert np.abs(fast.state.vectors[name] - vector).max() < 1e-9, name
    for ours, theirs in zip(told, expected, strict=True):
        assert ours.loss == pytest.approx(theirs.loss)
        assert ours.valid_loss == pytest.approx(theirs.valid_loss)
        assert ours.gradient_norms == pytest.approx(theirs.gradient_norms)
        assert ours.update_ratios == pytest.approx(theirs.update_ratios)


@pytest.mark.parametrize(
    "options",
    [
        {"l1": 1e-4},
        {"l2": 1e-4},
        {"max_norm": 2.0},
        {"input_noise": 0.1},
        {"augment": "light"},
        {"average": "ema"},
        {"average": "swa"},
        {"engine": "plain"},
        {"optimizer": "lbfgs", "batch_size": "auto"},
    ],
    ids=str,
)
def test_all_inputs_are_kept_where_more_than_the_gradient_decides(digits: Dataset, options: dict[str, Any]) -> None:
    plan = make_plan(digits, make_config(**{**FEW, **options}))
    assert learned_from(plan) is plan.train


def test_all_inputs_are_kept_for_an_optimizer_of_a_plug_in(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    class Drift(SGD):
        """Moves every weight, whatever its gradient."""

        def update(self, parameters: np.ndarray, gradient: np.ndarray, lr: float) -> None:
            super().update(parameters, gradient, lr)
            parameters += 0.001

    monkeypatch.setitem(OPTIMIZERS, "drift", Drift)
    fast, _ = trained(digits, optimizer="drift")
    plain, _ = trained(digits, optimizer="drift", engine="plain")
    assert fast.samples.inputs is None
    assert np.abs(fast.network.flat - plain.network.flat).max() < 1e-9


def test_all_inputs_are_kept_where_few_are_blank_or_blank_is_not_0() -> None:
    x = np.random.default_rng(0).normal(size=(100, 40))
    x[:, :10] = 0  # 30 are left, which takes two lines of the three
    x[:, 36:] = 0
    plans = [make_plan(mlp_data.from_arrays(some, np.arange(100) % 2), make_config(**FEW)) for some in (x, x[:, 9:37])]
    assert [learned_from(plan).inputs is None for plan in plans] == [False, True]
    inked = ArrayReader(ImageInput(28, 28, mean=10.0), np.zeros((5, 784), np.uint8), np.zeros((5, 1)))
    assert inked.nonzero_inputs().all()


def test_columns_of_a_table_that_never_change_are_left_out() -> None:
    x = np.zeros((200, 40))
    x[:, 3], x[:, 7] = np.random.default_rng(0).normal(size=(2, 200))
    x[:, 11] = 5.0  # always the same: 0 when scaled
    data = mlp_data.from_arrays(x, (x[:, 3] > x[:, 7]).astype(int))
    fast, _ = trained(data)
    plain, _ = trained(data, engine="plain")
    assert fast.samples.inputs is not None
    assert len(fast.samples.inputs) == LINE
    assert {3, 7} <= set(fast.samples.inputs)
    assert np.abs(fast.network.flat - plain.network.flat).max() < 1e-9


def test_nothing_but_zeros_is_trained_on_without_an_error() -> None:
    data = mlp_data.from_arrays(np.zeros((100, 40)), np.arange(100) % 2)
    fast, told = trained(data)
    assert fast.samples.inputs is not None
    assert len(told) == 2


def test_an_input_first_seen_in_validation_meets_the_weights_it_began_with() -> None:
    x = np.random.default_rng(0).normal(size=(200, 40))
    later, y = x + 1, (x[:, 0] > 0).astype(int)
    x[:, 10:] = 0
    data = mlp_data.from_arrays(x, y)
    data = replace(data, splits={**data.splits, "valid": Split(later, y)})
    fast, told = trained(data, valid_fraction=0.1)
    plain, expected = trained(data, valid_fraction=0.1, engine="plain")
    assert fast.samples.inputs is not None
    assert [event.valid_loss for event in told] == pytest.approx([event.valid_loss for event in expected])
    assert np.abs(plain.network.weights[0][39]).max() > 0


def test_a_run_that_goes_on_ends_with_the_same_bytes(digits: Dataset) -> None:
    saved: list[Any] = []
    options = {**FEW, "epochs": 4, "dtype": "float32"}
    *_, whole = train(digits, checkpoint=saved.append, **options)
    early = next(one for one in saved if one.state["epoch"] < 4)
    *_, rest = train(digits, resume=early, **options)
    assert rest.result.network.flat.tobytes() == whole.result.network.flat.tobytes()


def test_training_that_goes_on_with_other_data_lets_momentum_move_what_is_now_blank() -> None:
    pytest.importorskip("sklearn")
    from mlp_train.estimators import MLPClassifier

    generator = np.random.default_rng(0)
    x = generator.normal(size=(64, 40))
    y = (x[:, 0] > 0).astype(int)
    blank = x.copy()
    blank[:, 10:] = 0
    networks = []
    for engine in ("fast", "plain"):
        model = MLPClassifier(hidden=(16,), optimizer="momentum", random_state=0, engine=engine, dtype="float64")
        model.partial_fit(x, y, classes=[0, 1]).partial_fit(blank, y)
        networks.append(model.predict_proba(x))
    assert np.abs(networks[0] - networks[1]).max() < 1e-9


def test_whoever_watches_every_batch_sees_the_whole_network(digits: Dataset) -> None:
    control = Control()
    control.every_batch = True
    plan = make_plan(digits, make_config(**{**FEW, "workers": 1}))
    trainer = Trainer(plan, control=control)
    start = trainer.network.flat.copy()
    seen = []
    for event in trainer.run():
        if isinstance(event, Progress):
            assert trainer.learner is not None
            seen.append(trainer.learner.parameters())
            assert len(event.gradient_norms) == 2
        if len(seen) == 2:
            break
    assert trainer.samples.inputs is not None
    blank = np.setdiff1d(np.arange(784), trainer.samples.inputs)
    weights = [vector[: 784 * 64].reshape(784, 64) for vector in (start, *seen)]
    for before, after in pairwise(weights):
        factors = after[blank] / before[blank]  # all shrink alike
        assert factors.max() - factors.min() < 1e-12
        assert 0.9 < factors.min() < 1
