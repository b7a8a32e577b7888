"""What a search may change: ranges that hold the default, and nothing that somebody set or that would do nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import mlp_data
from mlp_data.dataset import Dataset
from mlp_train import export
from mlp_train.config import FitConfig, make_config
from mlp_train.errors import UsageError
from mlp_train.plan import make_plan
from mlp_train.presets import resolve
from mlp_train.tuning.space import Space, file_size, hidden_layers, make_space


class Drawn:
    """Draws a setting at random, as Optuna's trial does for a random search."""

    def __init__(self, seed: int) -> None:
        self.generator = np.random.default_rng(seed)

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        return choices[self.generator.integers(len(choices))]

    def suggest_int(self, name: str, low: int, high: int, *, log: bool) -> int:
        return int(self.generator.integers(low, high + 1))

    def suggest_float(self, name: str, low: float, high: float, *, step: float | None, log: bool) -> float:
        return float(self.generator.uniform(low, high))


def images(n: int = 200) -> Dataset:
    generator = np.random.default_rng(0)
    return mlp_data.from_arrays(generator.integers(0, 255, (n, 28, 28), np.uint8), [str(i % 10) for i in range(n)])


def space(dataset: Dataset, max_bytes: int | None = None, **said: Any) -> Space:
    config = make_config(**said)
    return make_space(make_plan(dataset, config, said=set(said)), config, set(said), max_bytes)


def names(found: Space) -> set[str]:
    return {one.name for one in found.dimensions}


@pytest.mark.parametrize("dataset", ["titanic", "digits"])
@pytest.mark.parametrize("preset", ["good", "best"])
def test_the_first_trial_says_nothing_but_the_defaults(dataset: str, preset: str) -> None:
    found = space(mlp_data.load(dataset), preset=preset, valid_fraction=0.2)
    assert found.options(found.defaults) == {}


@pytest.mark.parametrize("dataset", ["titanic", "digits"])
def test_every_default_lies_within_its_range(dataset: str) -> None:
    for one in space(mlp_data.load(dataset)).dimensions:
        assert one.default in one.choices if one.choices else one.low <= one.default <= one.high, one


def test_images_are_distorted_and_tables_get_noise() -> None:
    of_images, of_tables = names(space(images())), names(space(mlp_data.load("titanic")))
    assert "augment" in of_images
    assert "augment" not in of_tables
    assert "input_noise" in of_tables


def test_labels_are_smoothed_only_where_the_loss_has_them() -> None:
    assert "label_smoothing" in names(space(images()))
    assert "label_smoothing" not in names(space(mlp_data.load("titanic")))  # two classes: one sigmoid


def test_what_somebody_set_is_not_searched() -> None:
    found = names(space(images(), hidden=(9,), lr=0.01, dropout=0.0, optimizer="adamw"))
    assert not found & {"layers", "width", "narrowing", "lr_factor", "dropout", "optimizer"}
    assert {"activation", "weight_decay", "batch_size"} <= found


def test_an_activation_for_each_layer_fixes_their_number() -> None:
    found = names(space(images(), activation=("relu", "tanh")))
    assert "layers" not in found
    assert "width" in found


def test_an_optimizer_that_cannot_use_what_is_set_is_not_tried() -> None:
    (optimizer,) = (one for one in space(images(), weight_decay=0.1).dimensions if one.name == "optimizer")
    assert set(optimizer.choices) == {"adamw", "lion"}
    assert "weight_decay" not in names(space(images(), optimizer="nesterov"))


@pytest.mark.parametrize("dataset", ["titanic", "digits"])
def test_whatever_is_drawn_is_a_training_that_fit_takes(dataset: str) -> None:
    data = mlp_data.load(dataset)
    found = space(data)
    for seed in range(40):
        options = found.options(found.suggest(Drawn(seed)))
        make_plan(data, make_config(**options), said=set(options))  # refuses what would do nothing


@pytest.mark.parametrize("most", [16_000, 40_000, 200_000])
def test_the_bound_is_kept_by_the_file_that_is_written(most: int) -> None:
    data = images(60)
    found = space(data, most)
    seen = []
    for seed in range(30):
        plan = make_plan(data, found.config(found.suggest(Drawn(seed))), said=())
        promised = file_size(plan)
        layers = [(np.ones((s.n_in, s.n_out)), np.ones(s.n_out), s.activation, s.parameters) for s in plan.layers]
        written = export.to_bytes(plan.input, layers, plan.output, training=plan.provenance())
        assert promised - 6000 < len(written) <= promised
        seen.append(promised <= most)
    assert any(seen)
    assert file_size(make_plan(data, found.config(found.defaults), said=())) <= most


def test_a_bound_below_the_smallest_network_is_refused() -> None:
    with pytest.raises(UsageError, match="--max-model-kb 3 cannot be kept: the smallest network, with 2 hidden units"):
        space(images(), 3000)
    with pytest.raises(UsageError, match="the network, with 500,400 hidden units, takes"):
        space(images(), 100_000, hidden=(500, 400))
    with pytest.raises(UsageError, match="the network, with no hidden layer, takes"):
        space(images(), 10_000, hidden=())


def test_layers_narrow_by_the_same_factor_but_never_to_nothing() -> None:
    assert hidden_layers(3, 64, 0.5) == (64, 32, 16)
    assert hidden_layers(3, 3, 0.5) == (3, 2, 2)


def test_a_preset_decides_what_is_not_searched() -> None:
    data = mlp_data.load("digits")
    found = space(data, preset="best")
    assert resolve(FitConfig(preset="best"), data).hidden == found.hidden == (512, 512)
