"""A model answers with labels, numbers and probabilities, never changes, and says what it wants."""

from __future__ import annotations

import copy
import json
import pickle
import threading

import make_model
import numpy as np
import pytest
from make_model import build, digits, prices, random_layers, topics, xor

import mlp_runtime
from mlp_runtime import InputError, Model, load

FRAMES = np.random.default_rng(5).integers(0, 256, (40, 28, 28), np.uint8)
ROW = {"rooms": 3, "town": "Ulm", "garden": True}


def plain_forward(model, x):
    """Return what the layers give for x (batch, n_in), written down as simply as can be, in float64."""
    for layer in model.layers:
        z = x @ layer.weight.T.astype(float) + layer.bias
        if layer.activation.name == "relu":
            x = np.maximum(z, 0)
        elif layer.activation.name == "tanh":
            x = np.tanh(z)
        elif layer.activation.name == "softmax":
            x = np.exp(z - z.max(axis=1, keepdims=True))
            x /= x.sum(axis=1, keepdims=True)
        else:
            assert layer.activation.name == "identity"
            x = z
    return x


# --- answers ---------------------------------------------------------------------------------------------------------


def test_one_frame_gives_one_label_and_a_batch_an_array():
    model = load(digits())
    one, many = model.predict(FRAMES[0]), model.predict(FRAMES)
    assert type(one) is str
    assert isinstance(many, np.ndarray)
    assert many.shape == (40,)
    assert many[0] == one
    assert set(many) <= set(model.classes)


def test_a_batch_of_one_is_a_batch():
    model = load(digits())
    assert model.predict(FRAMES[:1]).shape == (1,)
    assert model.predict_proba(FRAMES[:1]).shape == (1, 10)
    assert model.predict_proba(FRAMES[0]).shape == (10,)


def test_the_probabilities_are_what_the_layers_give():
    model = load(digits())
    expected = plain_forward(model, FRAMES.reshape(40, 784) / 255)
    found = model.predict_proba(FRAMES)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(model.predict(FRAMES), np.array(model.classes)[found.argmax(axis=1)])


def test_the_label_is_the_likeliest_class_however_large_the_logits():
    for factor in (1, 100, 10_000):
        model = load(digits(last_factor=factor))
        probabilities = model.predict_proba(FRAMES)
        chosen = [model.classes.index(label) for label in model.predict(FRAMES)]
        assert chosen == [model.classes.index(model.predict(frame)) for frame in FRAMES]
        np.testing.assert_array_equal(probabilities[np.arange(40), chosen], probabilities.max(axis=1))


def test_inputs_from_a_generator_are_answered_a_batch_at_a_time():
    model, taken = load(digits()), []

    def frames():
        for at, frame in enumerate(FRAMES):
            taken.append(at)
            yield frame

    answers = model.predict_iter(frames(), batch=16)
    first = next(answers)
    assert len(taken) == 16
    assert [first, *answers] == model.predict(FRAMES).tolist()
    assert list(load(prices()).predict_iter([ROW] * 3)) == [load(prices()).predict(ROW)] * 3
    assert list(model.predict_iter(iter(()))) == []


def test_top_lists_the_likeliest_classes_first():
    model = load(digits())
    best = model.top(FRAMES[0], 3)
    assert best[0][0] == model.predict(FRAMES[0])
    assert sorted((share for _, share in best), reverse=True) == [share for _, share in best]
    assert all(type(label) is str and type(share) is float for label, share in best)
    assert len(model.top(FRAMES[0], 99)) == 10
    assert model.top(FRAMES[0], 0) == []
    assert model.top(FRAMES[:2]) == [model.top(FRAMES[:2], 3)[0], model.top(FRAMES[:2], 3)[1]]


def test_one_output_for_two_classes_is_the_share_of_the_second():
    model = load(xor())
    assert model.predict([0, 1]) == "yes"
    assert model.predict([[0, 0], [0, 1], [1, 0], [1, 1]]).tolist() == ["no", "yes", "yes", "no"]
    shares = model.predict_proba([[0, 0], [0, 1]])
    assert shares.shape == (2, 2)
    np.testing.assert_allclose(shares, [[0.99995, 0.00005], [0.00005, 0.99995]], atol=1e-5)
    assert [label for label, _ in model.top([0, 1])] == ["yes", "no"]


def test_the_threshold_decides():
    def strict(header):
        header["output"]["threshold"] = 0.99999

    assert load(xor(strict)).predict([0, 1]) == "no"
    assert load(xor(lambda header: header["output"].update(threshold=0))).predict([0, 0]) == "yes"


def test_a_threshold_that_is_reached_counts():
    data = xor(lambda header: header["output"].update(threshold=float(np.float32(load(xor()).forward([0, 1])[0]))))
    assert load(data).predict([0, 1]) == "yes"


def test_numbers_come_in_the_scale_of_the_target():
    model = load(prices())
    x = model.input.transform([ROW])
    assert type(model.predict(ROW)) is float
    assert model.predict(ROW) == pytest.approx(plain_forward(model, x)[0, 0] * 50 + 200, rel=1e-5)
    assert model.predict([ROW, ROW]).shape == (2,)
    assert model.predict([ROW]).dtype == np.float32
    assert model.classes == ()


def test_several_numbers_come_as_an_array():
    layers, tensors = random_layers([2, 3], last="identity")
    header = {"requires": ["input.vector/1"], "input": {"kind": "vector", "features": 2}, "layers": layers}
    model = load(build({**header, "output": {"kind": "numbers", "names": ["x", "y", "z"], "mean": 1.0}}, tensors))
    assert model.predict([1, 2]).shape == (3,)
    assert model.predict([[1, 2]]).shape == (1, 3)
    np.testing.assert_allclose(model.predict([1, 2]), model.forward([1, 2]) + 1, rtol=1e-6)


def test_of_labels_every_one_holds_that_reaches_the_threshold():
    model = load(topics())
    x = np.random.default_rng(0).normal(size=(50, 2)) * 3
    shares = model.predict_proba(x)
    assert shares.shape == (50, 3)
    expected = [tuple(np.array(model.classes)[row].tolist()) for row in shares >= 0.5]
    assert model.predict(x) == expected
    assert {len(one) for one in expected} >= {1, 2, 3}
    assert model.predict(x[7]) == expected[7]
    assert model.predict(x, strict=True) == expected
    assert model.predict_proba(x[7]).shape == (3,)
    assert (model.output_kind, model.classes) == ("labels", ("red", "green", "blue"))
    assert model.top(x[7], 1)[0][0] == model.classes[shares[7].argmax()]


def test_a_label_that_reaches_the_threshold_holds():
    share = float(load(topics()).predict_proba([0.5, 1])[1])
    assert "green" in load(topics(share)).predict([0.5, 1])


def test_no_label_or_all_may_hold():
    assert load(topics(1.0)).predict([0.5, 1]) == ()
    assert load(topics(0.0)).predict([[0.5, 1]]) == [("red", "green", "blue")]


def test_one_label_alone_holds_or_not_and_is_no_pair_of_classes():
    model = load(topics(labels=["spam"]))
    assert model.predict_proba([[1, 2], [3, 4]]).shape == (2, 1)
    assert set(model.predict(np.random.default_rng(0).normal(size=(20, 2)) * 9)) == {(), ("spam",)}


def test_forward_takes_prepared_numbers_and_nothing_else():
    model = load(digits())
    x = model.input.transform(FRAMES)
    np.testing.assert_array_equal(model.forward(x), model.predict_proba(FRAMES))
    assert model.forward(x[0]).shape == (10,)
    for wrong in (FRAMES, x[:, :5], [["a"] * 784], None, [[1.0] * 784, [1.0]], x + 1j):
        with pytest.raises(InputError, match="784"):
            model.forward(wrong)


def test_trace_says_what_every_layer_said():
    model = load(digits())
    x = model.input.transform(FRAMES[:3])
    trace = model.trace(x)
    assert [a.shape for a in trace] == [(3, 784), (3, 16), (3, 10)]
    assert [a.shape for a in model.trace(x[0])] == [(784,), (16,), (10,)]
    np.testing.assert_array_equal(trace[0], x)
    np.testing.assert_allclose(trace[-1], model.forward(x), atol=1e-6)
    for a in trace:
        a[...] = 0  # the caller's own
    assert x.any()


def test_one_by_one_agrees_with_a_batch():
    model = load(digits())
    alone = np.array([model.predict_proba(frame) for frame in FRAMES])
    np.testing.assert_allclose(alone, model.predict_proba(FRAMES), atol=1e-5)


def test_strict_answers_have_the_same_bits_in_any_batch():
    model = load(digits(hidden=100))
    many = model.predict_proba(FRAMES, strict=True)
    for size in (1, 2, 7, 39):
        np.testing.assert_array_equal(model.predict_proba(FRAMES[:size], strict=True), many[:size])
    np.testing.assert_array_equal(model.predict_proba(FRAMES[3], strict=True), many[3])
    assert model.predict(FRAMES[3], strict=True) == model.predict(FRAMES, strict=True)[3]
    x = model.input.transform(FRAMES)
    np.testing.assert_array_equal(model.forward(x, strict=True), many)


def test_an_own_activation_answers_after_registering():
    def change(header):
        header["layers"][0] = {**header["layers"][0], "activation": "test-double", "parameters": {"by": 3.0}}
        del header["selftest"]

    def double(z, out, by):
        np.multiply(z, by, out=out)

    with pytest.raises(mlp_runtime.TooNew, match="'test-double', which this program does not know"):
        load(xor(change))
    mlp_runtime.register_activation("test-double", double, by=2.0)
    try:
        model = load(xor(change))
        np.testing.assert_array_equal(model.trace([1, 1])[1], [6, 3])
    finally:
        del mlp_runtime.activations.ACTIVATIONS["test-double"]


# --- promises of a value ---------------------------------------------------------------------------------------------


def test_a_model_never_changes():
    model = load(digits())
    for name in ("path", "classes", "input", "layers", "anything"):
        with pytest.raises(AttributeError, match="never changes"):
            setattr(model, name, None)
        with pytest.raises(AttributeError, match="never changes"):
            delattr(model, name)
    with pytest.raises((AttributeError, TypeError)):
        model.layers[0].bias = None
    with pytest.raises(TypeError):
        model.layers[0].parameters["a"] = 1.0
    for layer in model.layers:
        for array in (layer.weight, layer.bias):
            with pytest.raises(ValueError, match="read-only"):
                array[...] = 0


def test_what_describes_a_model_is_a_copy():
    model = load(xor())
    model.meta["name"] = "other"
    model.training["metrics"]["accuracy"] = 0
    model.describe()["output"]["classes"].clear()
    assert model.meta["name"] == "xor"
    assert model.training["metrics"]["accuracy"] == 1.0
    assert model.describe()["output"]["classes"] == ["no", "yes"]


def test_answers_are_fresh_and_the_callers():
    model = load(digits())
    for ask in (model.predict_proba, model.predict, lambda frames: model.forward(model.input.transform(frames))):
        for raw in (FRAMES, FRAMES[:1], FRAMES[0]):
            first = ask(raw)
            if isinstance(first, str):
                continue
            kept = first.copy()
            assert first.flags.writeable
            again = ask(FRAMES[::-1] if len(raw) == 40 else FRAMES[1:2] if raw.ndim == 3 else FRAMES[1])
            np.testing.assert_array_equal(first, kept)
            assert not np.shares_memory(first, again)


def test_the_input_is_left_alone():
    model, frame = load(digits(fit="ink")), FRAMES[0].copy()
    model.predict(frame)
    np.testing.assert_array_equal(frame, FRAMES[0])


def test_threads_that_share_a_model_get_the_same_bits():
    model = load(digits(hidden=64))
    expected = {
        "one": [model.predict_proba(frame) for frame in FRAMES],
        "few": model.predict_proba(FRAMES[:7]),
        "many": model.predict_proba(np.tile(FRAMES, (10, 1, 1))),
        "strict": model.predict_proba(FRAMES, strict=True),
    }
    wrong = []

    def work(seed):
        generator = np.random.default_rng(seed)
        for _ in range(60):
            what = generator.integers(4)
            if what == 0:
                at = generator.integers(40)
                same = np.array_equal(model.predict_proba(FRAMES[at]), expected["one"][at])
            elif what == 1:
                same = np.array_equal(model.predict_proba(FRAMES[:7]), expected["few"])
            elif what == 2:
                same = np.array_equal(model.predict_proba(np.tile(FRAMES, (10, 1, 1))), expected["many"])
            else:
                same = np.array_equal(model.predict_proba(FRAMES, strict=True), expected["strict"])
            if not same:
                wrong.append(what)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


# --- what it says of itself, and of wrong input ----------------------------------------------------------------------


def test_describe_is_one_json_object(tmp_path):
    path = tmp_path / "xor.mlp"
    path.write_bytes(xor())
    about = json.loads(json.dumps(load(path).describe()))
    assert about["path"] == str(path)
    assert about["format"] == "1.0"
    assert about["weights"] == 9
    assert about["bytes"] == len(xor())
    assert about["selftest"] is True
    assert about["meta"] == {"name": "xor", "licence": "MIT"}
    assert about["training"]["metrics"] == {"accuracy": 1.0}
    assert about["layers"][0] == {"inputs": 2, "outputs": 2, "activation": "relu", "parameters": {}, "dtype": "f4"}
    assert about["input"]["names"] == ["a", "b"]


def test_a_model_shows_its_name_and_shape():
    assert repr(load(xor())) == "<mlp_runtime.Model xor: vector 2-2-1>"
    assert isinstance(load(xor()), Model)


def test_a_model_of_numbers_has_no_probabilities():
    model = load(prices())
    for ask in (model.predict_proba, model.top):
        with pytest.raises(InputError, match="this one gives numbers: use predict"):
            ask(ROW)


@pytest.mark.parametrize(
    ("data", "raw", "words"),
    [
        (xor(), [0, 1, 2], ["a list of 3|shape (3,)", "(2,)"]),
        (xor(), "ab", ["'ab'", "(2,)"]),
        (xor(), [0, np.nan], ["nan", "finite", "'b'"]),
        (xor(), None, ["None", "(2,)"]),
        (digits(), np.zeros((20, 20), np.uint8), ["20 x 20", "28 x 28"]),
        (digits(), np.zeros(784, np.float32), ["(784,)", "forward"]),
        (digits(), np.zeros((28, 28), complex), ["complex128"]),
        (digits(), np.zeros((2, 28, 28, 7), np.uint8), ["(2, 28, 28, 7)"]),
        (prices(), {"rooms": 3, "town": "Ulm"}, ["'garden'"]),
        (prices(), {"room": 3, "town": "Ulm", "garden": 1}, ["'rooms'", "did you mean 'room'?"]),
        (prices(), {**ROW, "rooms": "many"}, ["'rooms'", "'many'"]),
        (prices(), [1, 2, 3], ["list of 3"]),
        (prices(), 3, ["3 came"]),
    ],
)
def test_a_wrong_input_says_what_came_and_what_is_wanted(data, raw, words):
    with pytest.raises(InputError) as caught:
        load(data).predict(raw)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert any(part in message for part in word.split("|")), message


def test_a_missing_cell_is_no_error():
    model = load(prices())
    for gap in (None, "", " ", float("nan")):
        assert model.predict({**ROW, "rooms": gap}) == model.predict({**ROW, "rooms": None})
    assert model.predict({**ROW, "town": "Paris"}) != model.predict(ROW)


def test_the_self_test_of_a_table_runs_its_rows():
    rows = [ROW, {"rooms": None, "town": "Paris", "garden": False}]
    model = load(prices())
    outputs = model.forward(model.input.transform(rows))
    columns = model.describe()["input"]["columns"]
    layers, tensors = random_layers([5, 4, 1], 0, "tanh", "identity")
    header = {"requires": ["input.table/1"], "input": {"kind": "table", "columns": columns}, "layers": layers}
    header["output"] = {"kind": "numbers", "names": ["price"]}
    header["selftest"] = {"inputs": {"rows": rows}, "outputs": "o", "tolerance": 1e-4}
    load(build(header, {**tensors, "o": outputs}))
    with pytest.raises(mlp_runtime.Invalid, match="self-test: input 0 gave"):
        load(build(header, {**tensors, "o": outputs + 1}))
    header["selftest"]["inputs"]["rows"] = [ROW, {"rooms": "x", "town": "", "garden": ""}]
    with pytest.raises(mlp_runtime.Invalid, match=r"header key selftest.inputs: .*'rooms'"):
        load(build(header, {**tensors, "o": outputs}))


def test_the_self_test_names_the_input_and_the_output_that_are_wrong():
    layers, tensors = random_layers([5000, 3, 2])
    raw = np.linspace(-1, 1, 15000, dtype=np.float32).reshape(3, 5000)
    header = {"requires": ["input.vector/1"], "input": {"kind": "vector", "features": 5000}, "layers": layers}
    header["output"] = {"kind": "classes", "classes": ["a", "b"]}
    outputs = load(build(header, tensors)).forward(raw)
    header["selftest"] = {"inputs": {"tensor": "i"}, "outputs": "o", "tolerance": 1e-4}
    load(build(header, {**tensors, "i": raw, "o": outputs}))
    with pytest.raises(mlp_runtime.Invalid, match="self-test: input 2 gave"):
        load(build(header, {**tensors, "i": raw, "o": outputs + np.float32([[0], [0], [0.1]])}))


def test_the_public_names_are_these():
    assert set(mlp_runtime.__all__) == {
        "FEATURES", "FORMAT", "Damaged", "InputError", "Invalid", "MlpError", "Model", "ModelFileError", "NotAModel",
        "TooNew", "load", "register_activation",
    }  # fmt: skip
    assert all(hasattr(mlp_runtime, name) for name in mlp_runtime.__all__)
    public = {name for name in dir(load(xor())) if not name.startswith("_")}
    assert public == {
        "classes", "describe", "forward", "input", "layers", "meta", "output_kind", "path", "predict", "predict_iter",
        "predict_proba", "top", "trace", "training",
    }  # fmt: skip
    assert mlp_runtime.FORMAT == "1.0"
    assert make_model.XOR_HEADER["requires"][0] in mlp_runtime.FEATURES


def test_a_model_travels_in_a_pickle_and_is_its_own_copy(tmp_path):
    path = tmp_path / "digits.mlp"
    path.write_bytes(digits())
    model = load(path)
    data = pickle.dumps(model)
    path.unlink()
    other = pickle.loads(data)
    np.testing.assert_array_equal(other.predict_proba(FRAMES), model.predict_proba(FRAMES))
    assert other.path == model.path == str(path)
    assert copy.copy(model) is model
    assert copy.deepcopy(model) is model
