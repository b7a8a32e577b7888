"""Training learns, repeats itself bit by bit, resumes as if never stopped, and says when it cannot go on."""

from __future__ import annotations

import dataclasses
import json
import time
from types import SimpleNamespace

import numpy as np
import pytest

import mlp_data
import mlp_runtime
from mlp_data.errors import DataError
from mlp_train import fit, measuring, train
from mlp_train.assess import look
from mlp_train.checkpoints import Checkpoint
from mlp_train.control import Control
from mlp_train.errors import CheckpointError, DivergedError, OutputError, UsageError
from mlp_train.events import EpochEnd, Finished, Progress, Started, Stopped

XOR = ([[0, 0], [0, 1], [1, 0], [1, 1]], ["0", "1", "1", "0"])


def blobs(n=120, classes=3, seed=0):
    """Points around `classes` corners: easy, but not without mistakes."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, n)
    x = rng.normal(0, 0.6, (n, 4)) + np.eye(classes, 4)[y] * 3
    return mlp_data.from_arrays(x, [f"class {i}" for i in y])


def events_of(*args, **options):
    return list(train(*args, **options))


def test_xor_is_learned_in_full_batches():
    *events, finished = events_of(mlp_data.from_arrays(*XOR), seed=0)
    assert events[0].batch_size == 4
    assert events[0].batches == 1
    assert finished.result.metrics["train"]["accuracy"] == 1.0
    assert finished.result.model.predict([[0, 0], [0, 1], [1, 0], [1, 1]]).tolist() == XOR[1]


@pytest.mark.parametrize(
    ("samples", "wanted", "size"),
    [(32, "auto", 32), (33, "auto", 32), (33, "full", 33), (100, 64, 64), (20, 64, 20)],
)
def test_the_batch_rule(samples, wanted, size):
    data = blobs(samples)
    started = next(iter(train(data, batch_size=wanted, valid_fraction=0)))
    assert started.batch_size == size
    assert started.batches == -(-samples // size)


def test_every_option_of_the_network_trains_on_classes():
    for activation in ("sigmoid", "sigmoid-hybrid", "leaky-relu:0.2", "elu", "selu", "gelu", "silu", "tanh", "softmax"):
        result = fit(blobs(), activation=activation, hidden=(16, 8), epochs=60, lr=0.01)
        assert result.metrics["train"]["accuracy"] > 0.9, activation


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "nesterov", "adam", "adamw"])
def test_every_optimizer_trains(optimizer):
    assert fit(blobs(), optimizer=optimizer, epochs=150, hidden=16).metrics["train"]["accuracy"] > 0.9


@pytest.mark.parametrize("loss", ["cross-entropy", "binary-cross-entropy", "squared-error"])
@pytest.mark.parametrize("classes", [2, 3])
def test_every_loss_trains_on_two_and_on_three_classes(loss, classes):
    result = fit(blobs(classes=classes), loss=loss, epochs=60, hidden=16, lr=0.01)
    assert result.metrics["train"]["accuracy"] > 0.9
    assert result.model.predict(np.zeros(4, np.float32)) in result.output["classes"]


def test_numbers_are_predicted_in_their_own_unit():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 3))
    y = 5000 + 1000 * (x[:, 0] - 2 * x[:, 1])
    result = fit(x, y, epochs=60)
    assert result.metrics["valid"]["r2"] > 0.95
    assert result.metrics["valid"]["rmse"] < 500
    assert result.model.predict(np.array([0, 0, 0], np.float32)) == pytest.approx(5000, abs=300)


def test_the_metrics_are_those_of_the_loaded_model():
    data = blobs(300)
    result = fit(data, epochs=5)
    train_split = data.hold_out(0, np.random.default_rng(0)).splits["train"]
    predicted = result.model.predict(train_split.x)
    share = np.mean([p == data.classes[i] for p, i in zip(predicted, train_split.y, strict=True)])
    both = result.metrics["train"]["accuracy"] * 270 + result.metrics["valid"]["accuracy"] * 30
    assert share * 300 == pytest.approx(both)


def test_the_same_seed_gives_the_same_bits_and_another_seed_others():
    one, two, three = (fit(blobs(), epochs=3, seed=seed).to_bytes() for seed in (1, 1, 2))
    assert one == two
    assert one != three


def test_events_come_in_order_and_are_json():
    events = events_of(blobs(), epochs=3)
    assert [type(event) for event in events] == [Started, EpochEnd, EpochEnd, EpochEnd, Finished]
    lines = [json.loads(json.dumps(event.to_dict())) for event in events]
    assert [line["event"] for line in lines] == ["Started", "EpochEnd", "EpochEnd", "EpochEnd", "Finished"]
    assert lines[1]["valid"].keys() == {"accuracy"}


def test_a_long_epoch_tells_how_far_it_is_and_learns_the_same_bits(monkeypatch):
    quick = events_of(blobs(), epochs=2, seed=1)
    monkeypatch.setattr("mlp_train.learner.PROGRESS_SECONDS", 0.0)
    slow = events_of(blobs(), epochs=2, seed=1)
    told = [event for event in slow if isinstance(event, Progress)]
    first = [event.share for event in told if event.epoch == 1]
    assert first == sorted(set(first))
    assert len(first) == slow[0].batches - 1
    assert all(0 < event.share < 1 and event.eta >= 0 for event in told)
    json.dumps([event.to_dict() for event in told])
    assert not any(isinstance(event, Progress) for event in quick)
    np.testing.assert_array_equal(slow[-1].result.network.flat, quick[-1].result.network.flat)
    assert slow[-1].result.history == quick[-1].result.history


def test_smoothed_labels_are_told_only_where_they_are_used():
    assert events_of(blobs(classes=3), epochs=1)[0].label_smoothing == 0.05
    assert events_of(blobs(classes=2), epochs=1)[0].label_smoothing == 0.0


def test_early_stopping_keeps_the_weights_of_the_lowest_validation_loss():
    rng = np.random.default_rng(0)
    noise = mlp_data.from_arrays(rng.normal(size=(200, 5)), rng.choice(["a", "b"], 200))  # nothing to learn but noise
    events = events_of(noise, epochs=300, patience=5, lr=0.01)
    assert isinstance(events[-2], Stopped)
    losses = [event.valid_loss for event in events if isinstance(event, EpochEnd)]
    assert len(losses) == int(np.argmin(losses)) + 1 + 5
    result = events[-1].result
    assert result.epoch == int(np.argmin(losses)) + 1
    assert result.metrics["valid"]["loss"] == pytest.approx(min(losses))


def test_with_smoothed_labels_the_weights_are_kept_that_answer_held_out_rows_best_so_smoothed(monkeypatch):
    seen, share = [], 0.3

    def remembering(plan, split, *rest, **options):
        found = look(plan, split, *rest, **options)
        seen.extend([found] if split == "valid" else [])
        return found

    monkeypatch.setattr("mlp_train.trainer.look", remembering)
    *events, finished = events_of(blobs(), label_smoothing=share, epochs=60, patience=20, lr=0.01)
    *epochs, kept = seen  # the last look is at the weights that are kept
    for one in seen:
        likelihood = one.z - np.log(np.exp(one.z).sum(axis=1, keepdims=True))
        wanted = np.eye(3)[one.actual] * (1 - share) + share / 3
        assert one.objective == pytest.approx(-(wanted * likelihood).sum(axis=1).mean(), rel=1e-5)
    objectives, losses = [one.objective for one in epochs], [one.loss for one in epochs]
    assert np.argmin(objectives) != np.argmin(losses)
    assert finished.result.epoch == np.argmin(objectives) + 1
    assert kept.objective == pytest.approx(min(objectives))
    assert [event.valid_loss for event in events if isinstance(event, EpochEnd)] == losses
    (stopped,) = (event for event in events if isinstance(event, Stopped))
    assert "the validation loss, with labels smoothed as in training, has not improved for 20 epochs" in str(stopped)


def test_the_test_split_is_not_looked_at():
    data = blobs()
    spoiled = mlp_data.from_arrays(
        data.splits["train"].x,
        [data.classes[i] for i in data.splits["train"].y],
        test=(np.full((5, 4), 1e9), [data.classes[0]] * 5),
    )
    assert fit(data, epochs=3).network.flat.tobytes() == fit(spoiled, epochs=3).network.flat.tobytes()


def stops_after(data, last, **options):
    """Train and keep the state of every epoch's end, as if each could be the last."""
    saved = []
    iterator = train(data, checkpoint=saved.append, **options)
    for event in iterator:
        if isinstance(event, EpochEnd) and event.epoch == last:
            break
    return saved


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adamw"])
def test_a_resumed_run_ends_with_the_bits_of_an_uninterrupted_one(optimizer, monkeypatch):
    monkeypatch.setattr("mlp_train.trainer.CHECKPOINT_SECONDS", 0.0)
    options = {"epochs": 6, "optimizer": optimizer, "seed": 5, "batch_size": 16}
    whole = fit(blobs(), **options)
    for saved in stops_after(blobs(), 5, **options):
        *_, finished = train(blobs(), resume=saved, **options)
        assert finished.result.to_bytes() == whole.to_bytes()
        assert finished.result.history == whole.history


def test_a_checkpoint_of_another_configuration_or_of_other_data_is_refused():
    (saved,) = stops_after(blobs(), 1, epochs=2)
    with pytest.raises(CheckpointError, match=r"another configuration \(epochs was 2 and is 3\)"):
        events_of(blobs(), epochs=3, resume=saved)
    with pytest.raises(CheckpointError, match="another data"):
        events_of(blobs(seed=1), epochs=2, resume=saved)


def huge_state(number):
    state = np.random.default_rng(0).bit_generator.state
    return {**state, "state": {**state["state"], "state": number}}


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("epoch", [None, -1, 1.5, "x"]),
        ("best_epoch", [None, -1, []]),
        ("best_loss", ["x", [], True]),
        ("epoch", [3, 10**12]),
        ("lr_factor", [None, 0, "x", float("inf")]),
        ("best_loss", [float("nan")]),
        ("seconds", [None, -1, float("inf")]),
        ("plateau", [None, {}, {"share": 0, "lowest": None, "waited": 0}]),
        ("settled", [None, {}, {"workers": 65, "epochs": 1, "lr": None}, {"workers": 1, "epochs": 0, "lr": None}]),
        (
            "generators",
            [None, {}, [], [{}, {}], [{"bit_generator": "PCG64"}, None], [huge_state(-1), huge_state(10**60)]],
        ),
        ("history", [None, "x", [1]]),
        ("identity", [None, 5, {}]),
    ],
)
def test_a_checkpoint_whose_state_was_forged_is_refused(key, values):
    saved: list[Checkpoint] = []
    events_of(blobs(), epochs=2, checkpoint=saved.append)
    for state in ({**saved[0].state, key: value} for value in values):
        with pytest.raises(CheckpointError, match=rf"the checkpoint .*{key}.*: start a new run"):
            events_of(blobs(), epochs=2, resume=Checkpoint(saved[0].arrays, state))
    without = {name: value for name, value in saved[0].state.items() if name != key}
    with pytest.raises(CheckpointError, match="start a new run"):
        events_of(blobs(), epochs=2, resume=Checkpoint(saved[0].arrays, without))


@pytest.mark.parametrize("name", ["parameters", "best", "optimizer.mean"])
def test_a_checkpoint_whose_arrays_were_forged_is_refused(name):
    saved: list[Checkpoint] = []
    events_of(blobs(), epochs=2, checkpoint=saved.append)
    arrays = saved[0].arrays
    assert name in arrays
    for forged in (np.ones(1, np.float32), np.ones(arrays[name].shape), np.full_like(arrays[name], np.nan)):
        with pytest.raises(CheckpointError, match=rf"the checkpoint .*{name}.*: start a new run"):
            events_of(blobs(), epochs=2, resume=Checkpoint({**arrays, name: forged}, saved[0].state))
    rest = {key: array for key, array in arrays.items() if key != name}
    with pytest.raises(CheckpointError, match=rf"the checkpoint .*{name}.*: start a new run"):
        events_of(blobs(), epochs=2, resume=Checkpoint(rest, saved[0].state))


def test_a_loss_that_is_still_a_number_but_beyond_all_sense_stops_it_too():
    with pytest.raises(DivergedError, match=r"diverged at step \d+ .* the loss became \d\.\d+e\+\d+ and"):
        fit(mlp_data.load("digits"), optimizer="sgd", lr=100.0, epochs=1)


def test_a_diverging_loss_stops_with_a_sentence():
    with pytest.raises(DivergedError, match=r"diverged at step \d+ .* layer \d .* smaller --lr .* --clip-norm 1"):
        fit(blobs(), optimizer="momentum", lr=1e30, activation="relu")


def test_clipping_and_l2_hold_the_weights_small():
    free = fit(blobs(), optimizer="sgd", epochs=20, valid_fraction=0)
    held = fit(blobs(), optimizer="sgd", epochs=20, valid_fraction=0, l2=0.1)
    assert np.linalg.norm(held.network.flat) < 0.7 * np.linalg.norm(free.network.flat)
    clipped = events_of(blobs(), optimizer="sgd", epochs=1, clip_norm=1e-6, warmup=0.0)[-1].result
    unmoved = events_of(blobs(), optimizer="sgd", epochs=1, lr=1e-12)[-1].result
    assert np.abs(clipped.network.flat - unmoved.network.flat).max() < 1e-5


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"optimizer": "adan"}, "unknown optimizer 'adan', did you mean 'adam'?"),
        ({"activation": "rellu"}, "did you mean 'relu'?"),
        ({"loss": "cross-entropi"}, "did you mean 'cross-entropy'?"),
        ({"schedule": "cosin"}, "did you mean 'cosine'?"),
        ({"initializer": "he"}, "unknown initializer 'he'"),
        ({"epohs": 3}, "unknown option 'epohs', did you mean 'epochs'?"),
        ({"epochs": 0}, "option 'epochs' cannot be 0"),
        ({"lr": -1}, "option 'lr' cannot be -1"),
        ({"lr": float("nan")}, "option 'lr' cannot be nan"),
        ({"hidden": (0,)}, "option 'hidden' cannot be"),
        ({"batch_size": "half"}, "option 'batch_size' cannot be 'half'"),
        ({"activation": "leaky-relu:0"}, "negative_slope must be a finite number above 0"),
        ({"activation": "tanh:3"}, "'tanh' takes no number"),
        ({"activation": ("relu", "tanh", "relu")}, "3 activations are given for 2 hidden layers"),
        ({"output_activation": "tanh"}, "goes with the output activation 'softmax', not 'tanh'"),
    ],
)
def test_an_unusable_option_is_named_in_one_sentence(options, sentence):
    with pytest.raises(UsageError, match=r".*") as caught:
        fit(blobs(), **options)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_loss_for_classes_is_refused_for_numbers():
    with pytest.raises(UsageError, match="the target is a number: use squared-error"):
        fit([[0.0], [1.0]], [0.5, 1.5], loss="cross-entropy")


def test_one_class_alone_cannot_be_trained_on():
    with pytest.raises(DataError, match="class"):
        fit(np.zeros((10, 2)), ["a"] * 10)


def test_no_hidden_layer_is_a_linear_model():
    result = fit(blobs(), hidden=(), epochs=30, lr=0.05)
    assert len(result.network.layers) == 1
    assert result.metrics["train"]["accuracy"] > 0.9


def test_float64_trains_and_exports():
    result = fit(blobs(), dtype="float64", epochs=5)
    assert result.network.flat.dtype == np.float64
    assert result.model.predict_proba(np.zeros((1, 4), np.float32)).dtype == np.float32


def test_a_network_larger_than_a_model_file_is_refused_before_memory_is_taken_for_it():
    with pytest.raises(UsageError, match=r"the network would have 1,000,00\d,\d+,\d+ parameters, but .* 1,073,741,823"):
        events_of(blobs(), hidden=(1_000_000, 1_000_000))


def test_a_table_too_wide_for_a_model_file_is_refused_before_it_is_trained_on():
    rows = np.random.default_rng(0).normal(size=(60, 3000)).round(3)
    table = {f"gene_{i}": rows[:, i].tolist() for i in range(3000)}
    with pytest.raises(OutputError, match="the model cannot be written: its header would take"):
        train(mlp_data.from_arrays(table, [0, 1] * 30), epochs=1)


def test_lbfgs_fits_a_small_table_better_than_many_small_steps_and_says_when_it_is_done():
    data = blobs(60)
    *events, finished = events_of(data, optimizer="lbfgs", epochs=300, hidden=(8,), l2=0.001, label_smoothing=0)
    assert finished.result.metrics["train"]["accuracy"] > 0.95
    assert any(isinstance(event, Stopped) and "lbfgs finds nothing better" in event.reason for event in events)
    losses = [event.loss for event in events if isinstance(event, EpochEnd)]
    assert losses[-1] < losses[0] / 5


def test_lbfgs_goes_on_to_the_same_bits():
    options = {"optimizer": "lbfgs", "epochs": 8, "hidden": (8,)}
    (saved,) = stops_after(blobs(), 3, **options)
    resumed, whole = (fit(blobs(), resume=state, **options).network.flat for state in (saved, None))
    assert resumed.tobytes() == whole.tobytes()


@pytest.mark.parametrize(
    "options", [{"dropout": 0.1}, {"batch_size": 8}, {"clip_norm": 1.0}, {"average": "ema"}, {"mixup": 0.2}], ids=str
)
def test_lbfgs_refuses_what_it_cannot_do(options):
    with pytest.raises(UsageError, match=r"lbfgs.*adamw"):
        fit(blobs(), optimizer="lbfgs", **options)


def test_a_plateau_makes_the_steps_smaller_and_a_resumed_run_knows():
    options = {"schedule": "plateau", "epochs": 40, "hidden": (8,), "optimizer": "sgd", "lr": 1.0, "patience": 40}
    events = events_of(blobs(), **options)
    rates = [event.lr for event in events if isinstance(event, EpochEnd)]
    assert rates[-1] < rates[5]
    (saved,) = stops_after(blobs(), 30, **options)
    resumed = events_of(blobs(), resume=saved, **options)
    assert resumed[-1].result.to_bytes() == events[-1].result.to_bytes()


def test_whoever_watches_may_stop_a_training_or_change_its_steps():
    control, rates = Control(), []
    for event in train(blobs(), control=control, epochs=50, schedule="constant", warmup=0, hidden=(8,), lr=0.01):
        if isinstance(event, EpochEnd):
            rates.append(event.lr)
            if event.epoch == 3:
                control.lr = 0.002
            if event.epoch == 5:
                control.stop("that will do")
        if isinstance(event, Stopped):
            assert event.reason == "that will do"
    assert rates == pytest.approx([0.01, 0.01, 0.01, 0.002, 0.002])
    assert isinstance(event, Finished)


def test_a_time_limit_decides_how_many_epochs_there_are_and_a_resumed_run_keeps_them(monkeypatch):
    monkeypatch.setattr("mlp_train.trainer.CHECKPOINT_SECONDS", 0.0)
    for module in ("trainer", "measuring"):  # the processor's own time, which other programs take nothing of
        monkeypatch.setattr(f"mlp_train.{module}.time", SimpleNamespace(perf_counter=time.process_time))
    data, saved = blobs(400), []
    options = {"time_limit": 0.5, "epochs": 1_000_000, "hidden": (8,)}
    started, *rest = train(data, checkpoint=saved.append, patience=1_000_000, **options)
    assert 1 < started.epochs < 100_000
    assert [event.seconds for event in rest if isinstance(event, EpochEnd)][-1] < 2
    resumed = next(iter(train(data, resume=saved[1], patience=1_000_000, **options)))
    assert (resumed.epochs, resumed.first_epoch) == (started.epochs, 2)


@pytest.mark.parametrize("slow_passes", [(0,), (0, 2)])
def test_a_slow_start_or_a_hiccup_takes_no_epochs_from_a_time_limit(monkeypatch, slow_passes):
    now = 0.0  # of a clock that other programs cannot slow down

    def passes(trainer):
        nonlocal now
        for number, done in enumerate(quick(trainer)):
            now += 0.5 if number in slow_passes else 0.02
            yield done

    quick = measuring._passes
    monkeypatch.setattr(measuring, "_passes", passes)
    monkeypatch.setattr(measuring, "time", SimpleNamespace(perf_counter=lambda: now))
    started = next(iter(train(blobs(400), time_limit=20.0, epochs=1_000_000, hidden=(8,))))
    assert started.epochs > 400  # of 0.02 seconds, and their share of the look at held-out rows


def test_the_weights_of_a_layer_are_watched():
    ends = [event for event in events_of(blobs(), hidden=(16, 8), epochs=3) if isinstance(event, EpochEnd)]
    for end in ends:
        assert len(end.gradient_norms) == len(end.update_ratios) == 3
        assert end.gradient_norm == pytest.approx(np.linalg.norm(end.gradient_norms), rel=1e-5)
        assert all(1e-9 < ratio < 0.5 for ratio in end.update_ratios)
        assert all(0 <= share < 0.6 for share in end.dead_units)


def test_dead_units_are_counted():
    dead = events_of(blobs(), hidden=(16,), epochs=1, optimizer="sgd", lr=1e4, warmup=0, clip_norm=1.0)[1]
    assert dead.dead_units[0] > 0.5


def test_a_rare_class_that_weighs_more_is_found_more_often():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(0, 1, 400), rng.normal(1.5, 1, 40)])[:, None]
    data = mlp_data.from_arrays(x, ["common"] * 400 + ["rare"] * 40)
    found = []
    for weight in ("none", "balanced", {"rare": 30.0}):
        model = fit(data, class_weight=weight, epochs=40, hidden=(4,)).model
        found.append(np.mean(model.predict(data.train.x[-40:]) == "rare"))
    assert found[0] < 0.5 < found[1] < found[2]


def test_weights_of_samples_count_in_training_and_in_the_figures():
    x, y = [[0.0]] * 10 + [[1.0]] * 10, [0.0] * 10 + [1.0] * 5 + [3.0] * 5
    weights = [1.0] * 15 + [3.0] * 5
    means = [
        fit(mlp_data.from_arrays(x, y, sample_weight=w), epochs=400, valid_fraction=0, hidden=(4,), weight_decay=0)
        for w in (None, weights)
    ]
    assert [float(result.model.predict([1.0])) for result in means] == pytest.approx([2.0, 2.5], abs=0.05)


def test_a_learning_rate_is_found_that_trains_and_a_resumed_run_keeps_it():
    started, *_, finished = train(blobs(600), lr="auto", optimizer="momentum", epochs=20, hidden=(16,))
    assert 0.001 < started.lr < 1
    assert finished.result.metrics["valid"]["accuracy"] > 0.9
    (saved,) = stops_after(blobs(600), 2, lr="auto", epochs=4)
    resumed = next(iter(train(blobs(600), lr="auto", epochs=4, resume=saved)))
    assert resumed.lr == saved.state["settled"]["lr"]


def test_a_run_that_stopped_early_does_not_train_on_when_it_is_resumed():
    options = {"patience": 1, "epochs": 60, "lr": 0.03, "schedule": "constant", "hidden": (16,), "seed": 9}
    saved: list[Checkpoint] = []
    *events, whole = events_of(blobs(), checkpoint=saved.append, **options)
    stopped = [event for event in events if isinstance(event, Stopped)]
    assert len(stopped) == 1
    again = events_of(blobs(), resume=saved[-1], **options)
    assert [type(event) for event in again] == [Started, Stopped, Finished]
    assert again[1] == stopped[0]
    assert again[2].result.to_bytes() == whole.result.to_bytes()


def test_an_epoch_is_told_before_it_is_saved(monkeypatch):
    monkeypatch.setattr("mlp_train.trainer.CHECKPOINT_SECONDS", 0.0)
    order = []
    for event in train(blobs(), epochs=3, checkpoint=lambda state: order.append(f"saved {state.state['epoch']}")):
        if isinstance(event, EpochEnd):
            order.append(f"told {event.epoch}")  # noqa: PERF401  # when it happens is the point
    assert order == ["saved 0", "told 1", "saved 1", "told 2", "saved 2", "told 3", "saved 3"]


def test_a_validation_loss_that_is_never_finite_still_keeps_trained_weights():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 2))
    data = mlp_data.from_arrays(x, x[:, 0])
    valid = mlp_data.dataset.Split(x[:3].astype(np.float32), np.array([0.0, 1.0, 1e25]))
    data = dataclasses.replace(data, splits={**data.splits, "valid": valid})
    result = fit(data, epochs=5, hidden=(4,))
    assert result.epoch == 1


def test_held_out_rows_without_weight_are_not_watched():
    x = np.random.default_rng(0).normal(size=(60, 2))
    data = mlp_data.from_arrays(x, x[:, 0] > 0)
    valid = mlp_data.dataset.Split(x[:3].astype(np.float32), np.array([0, 1, 1]), weight=np.zeros(3))
    started = next(iter(train(dataclasses.replace(data, splits={**data.splits, "valid": valid}))))
    assert started.valid_samples == 0


@pytest.mark.parametrize("value", [0, -1.0, float("nan"), float("inf")])
def test_a_learning_rate_that_is_none_is_refused(value):
    with pytest.raises(UsageError, match="a number above 0"):
        Control().lr = value


def test_fit_can_be_stopped_by_whoever_is_told():
    control = Control()
    result = fit(blobs(), epochs=50, control=control, on_event=lambda event: control.stop())
    assert len(result.history) == 1


def test_the_plain_engine_refuses_several_processes():
    with pytest.raises(UsageError, match="the plain engine works in one process"):
        fit(blobs(), engine="plain", workers=2)


def test_chance_counts_every_label():
    x = np.random.default_rng(0).normal(size=(60, 3))
    labels = mlp_data.from_arrays(x, (x > 0).astype(int), classes=["a", "b", "c"])
    started = next(iter(train(labels)))
    assert started.chance_loss == pytest.approx(3 * np.log(2))
    assert abs(started.first_loss - started.chance_loss) < 1


@pytest.mark.parametrize("width", [3, 4])
def test_grey_images_as_narrow_as_colours_are_many_train_into_a_file_that_predicts(width, tmp_path):
    y = np.arange(400) % 2
    x = np.random.default_rng(0).integers(0, 50, (400, 8, width), np.uint8)
    x[y == 1, :2] += 150  # few enough to stay ink
    fit(x, y.astype(str), hidden=8, epochs=20, seed=0).save(tmp_path / "narrow.mlp")
    model = mlp_runtime.load(tmp_path / "narrow.mlp")
    assert [model.predict(frame) for frame in x] == y.astype(str).tolist()


def test_a_control_can_ask_for_every_batch_and_gets_the_gradient_of_each():
    control = Control()
    control.every_batch = True
    events = events_of(blobs(200), epochs=2, batch_size=20, control=control, seed=3)
    told = [event for event in events if isinstance(event, Progress)]
    assert [round(event.share * 9) for event in told] == list(range(1, 9)) * 2  # the ninth batch ends the epoch
    assert all(len(event.gradient_norms) == 3 and min(event.gradient_norms) > 0 for event in told)


def test_a_training_that_tells_of_every_batch_learns_the_same_bits():
    control = Control()
    plain = fit(blobs(200), epochs=2, batch_size=20, seed=3)
    for event in train(blobs(200), epochs=2, batch_size=20, seed=3, control=control):  # noqa: B007  # the last counts
        control.every_batch = not control.every_batch
    assert event.result.network.flat.tobytes() == plain.network.flat.tobytes()
