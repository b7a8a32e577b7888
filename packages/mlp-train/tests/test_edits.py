"""Edits change a network as they say, are undone by leaving them out, and the file of them is what was shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mlp_data
import mlp_runtime
import mlp_train
from mlp_runtime import Model
from mlp_runtime.inputs import VectorInput
from mlp_train.errors import OutputError, UsageError
from mlp_train.export import to_bytes
from mlp_train.ui.edits import MOST_EDITS, Edit, Noise, Prune, Scale, SwitchOff, edited, edited_file, read, write

ALL = (SwitchOff(1, 2), Scale(2, 1, -0.5), Noise(0.25, 7), Prune(0.3))


def network(activation: str = "relu") -> Model:
    """A network of fixed weights 6-5-4-3 with biases, so that nothing is 0 by chance."""
    generator = np.random.default_rng(1)
    sizes = ((6, 5, activation), (5, 4, activation), (4, 3, "softmax"))
    layers: Any = [(generator.normal(size=(i, o)), generator.normal(size=o), name, {}) for i, o, name in sizes]
    said = {"kind": "classes", "classes": ["a", "b", "c"], "temperature": 2.0}
    training = {"target": "letter", "metrics": {"test": {"accuracy": 0.9}}, "calibration": {"temperature": 2.0}}
    return mlp_runtime.load(to_bytes(VectorInput(6), layers, said, meta={"name": "letters"}, training=training))


X = np.random.default_rng(2).normal(size=(40, 6)).astype(np.float32)


def test_a_unit_that_is_switched_off_is_one_that_says_nothing_to_the_next_layer() -> None:
    for activation in ("relu", "tanh", "sigmoid"):  # a sigmoid of nothing is 0.5, which must not be heard either
        model = network(activation)
        before = model.trace(X)[1]
        before[:, 2] = 0
        rest = [before, *[layer.weight for layer in model.layers[1:]]]
        z = before @ rest[1].T + model.layers[1].bias
        model.layers[1].activate(z)
        z = z @ rest[2].T + model.layers[2].bias
        model.layers[2].activate(z)
        np.testing.assert_allclose(edited(model, [SwitchOff(1, 2)]).forward(X), z, rtol=1e-5)


def test_scaling_multiplies_the_weights_of_one_unit_and_leaves_its_bias() -> None:
    model = network()
    found = edited(model, [Scale(2, 1, 3.0)])
    np.testing.assert_array_equal(found.layers[1].weight[1], model.layers[1].weight[1] * np.float32(3))
    np.testing.assert_array_equal(found.layers[1].weight[0], model.layers[1].weight[0])
    np.testing.assert_array_equal(found.layers[1].bias, model.layers[1].bias)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99, 1.0])
def test_pruning_takes_exactly_the_smallest_share_of_all_weights_together(share: float) -> None:
    model = network()
    found = edited(model, [Prune(share)])
    before = np.concatenate([layer.weight.ravel() for layer in model.layers])
    after = np.concatenate([layer.weight.ravel() for layer in found.layers])
    gone = after == 0
    assert gone.sum() == round(share * before.size)
    np.testing.assert_array_equal(after[~gone], before[~gone])
    if 0 < gone.sum() < gone.size:
        assert np.abs(before[gone]).max() <= np.abs(before[~gone]).min()
    for one, other in zip(found.layers, model.layers, strict=True):
        np.testing.assert_array_equal(one.bias, other.bias)


def test_noise_is_as_large_as_it_says_the_same_for_a_seed_and_leaves_zeros_alone() -> None:
    wide = [(np.random.default_rng(0).normal(size=(100, 200)), np.zeros(200), "relu", {})]
    wide += [(np.ones((200, 2)), np.zeros(2), "softmax", {})]
    model = mlp_runtime.load(to_bytes(VectorInput(100), wide, {"kind": "classes", "classes": ["a", "b"]}))
    moved = edited(model, [Noise(0.5, 3)]).layers[0].weight - model.layers[0].weight
    assert moved.std() == pytest.approx(0.5 * model.layers[0].weight.std(), rel=0.03)
    np.testing.assert_array_equal(edited(model, [Noise(0.5, 3)]).layers[0].weight, model.layers[0].weight + moved)
    assert (edited(model, [Noise(0.5, 4)]).layers[0].weight - model.layers[0].weight != moved).any()
    pruned = edited(model, [Prune(0.4), Noise(0.5, 3)])
    assert np.concatenate([layer.weight.ravel() == 0 for layer in pruned.layers]).mean() == pytest.approx(
        0.4, abs=0.001
    )


def test_without_edits_the_network_is_the_very_one_that_was_opened() -> None:
    model = network()
    assert edited(model, ()) is model
    before = [layer.weight.copy() for layer in model.layers]
    for at in range(len(ALL), -1, -1):  # undoing one after the other
        edited(model, ALL[:at])
    for layer, weight in zip(model.layers, before, strict=True):
        np.testing.assert_array_equal(layer.weight, weight)


def test_leaving_out_the_last_edit_undoes_it() -> None:
    model = network()
    shorter, same = edited(model, ALL[:2]), edited(model, (*ALL, Scale(1, 1, 2.0))[:2])
    np.testing.assert_array_equal(shorter.forward(X), same.forward(X))
    assert (edited(model, ALL[:3]).forward(X) != shorter.forward(X)).any()


def test_the_edited_file_loads_and_gives_exactly_the_answers_that_were_shown(tmp_path: Path) -> None:
    model = network()
    path = tmp_path / "edited.mlp"
    path.write_bytes(edited_file(model, ALL))
    loaded = mlp_runtime.load(path)  # runs the self-test
    np.testing.assert_array_equal(loaded.predict_proba(X), edited(model, ALL).predict_proba(X))
    assert loaded.describe()["selftest"]


def test_the_edited_file_says_which_edits_were_made_and_claims_nothing_that_was_measured_before() -> None:
    model = network()
    first = edited(model, ALL[:2])
    second = edited(first, ALL[2:])
    assert second.meta == {"name": "letters", "edits": [one.words() for one in ALL]}
    assert second.training == {"target": "letter"}
    assert "temperature" not in second.describe()["output"]
    assert edited_file(first, ALL[2:]) == edited_file(first, ALL[2:])


def test_weights_that_were_stored_in_bytes_stay_what_they_were_but_for_the_edit() -> None:
    data = mlp_data.from_arrays(X, (X[:, 0] > 0).astype(int))
    stored = mlp_runtime.load(mlp_train.fit(data, epochs=2, seed=1).to_bytes(weights="int8"))
    found = edited(stored, [SwitchOff(1, 0)])
    for one, other in zip(found.layers, stored.layers, strict=True):
        kept = one.weight != 0
        np.testing.assert_array_equal(one.weight[kept], other.weight[kept])


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        (SwitchOff(3, 0), "only hidden units"),
        (SwitchOff(4, 0), "no layer 4"),
        (SwitchOff(0, 0), "no layer 0"),
        (SwitchOff(1, 5), "no unit 5"),
        (Scale(1, -1, 2.0), "no unit -1"),
        (Scale(1, 0, 1e9), "wanted one from -100 to 100"),
        (Noise(-1.0), "wanted 0 to 100"),
        (Noise(0.1, -5), "a seed of -5 came, wanted a whole number from 0"),
        (Prune(1.5), "wanted one from 0 to 1"),
    ],
)
def test_what_does_not_fit_the_network_is_refused_in_one_sentence(edit: Edit, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        edited(network(), [edit])


def test_weights_that_grow_beyond_their_type_are_refused() -> None:
    with pytest.raises(OutputError, match="not finite"):
        edited(network(), [Scale(1, 0, 100.0)] * 30)


numbers = st.integers(0, 99)
shares = st.floats(0, 1, width=16)
any_edit = st.one_of(
    st.builds(SwitchOff, numbers, numbers),
    st.builds(Scale, numbers, numbers, st.floats(-9, 9, width=16)),
    st.builds(Noise, shares, numbers),
    st.builds(Prune, shares),
)


@given(st.lists(any_edit, max_size=5))
def test_edits_come_back_from_their_text(edits: list[Edit]) -> None:
    assert read(write(edits)) == tuple(edits)


@pytest.mark.parametrize(
    "text",
    [
        "off",
        "off_1",
        "off_1_2_3",
        "off_a_b",
        "off_1.5_2",
        "prune_nan",
        "noise_inf_1",
        "*",
        "x_1",
        "off_1_2*",
        "prune_-1000",
    ],
)
def test_a_text_that_is_no_edit_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no edit: wanted for example"):
        read(text)


def test_more_edits_than_anybody_makes_are_refused() -> None:
    with pytest.raises(UsageError, match="at most 100"):
        read("*".join(["prune_0.1"] * (MOST_EDITS + 1)))
