from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mlp_runtime
from mlp_runtime import activations
from mlp_runtime.errors import ModelFileError
from mlp_runtime.inputs import Column, ImageInput, Input, TableInput, VectorInput
from mlp_runtime.modelfile import ALIGN, MAX_HEADER
from mlp_train.errors import OutputError, UsageError, exit_code
from mlp_train.export import WEIGHTS, Layer, quantise, to_bytes, write

DIGITS: dict[str, Any] = {"kind": "classes", "classes": [str(digit) for digit in range(10)], "temperature": 1.0}
PASSENGERS = TableInput(
    columns=(
        Column("Age", "number", fill=29.0, mean=30.0, scale=0.1, missing=True),
        Column("Sex", "category", fill="male", values=("female", "male")),
    )
)


def net(*sizes: int, hidden: str = "relu", last: str = "softmax", seed: int = 0, spread: float = 1.0) -> list[Layer]:
    generator = np.random.default_rng(seed)
    layers: list[Layer] = []
    for n_in, n_out in itertools.pairwise(sizes):
        weight = (generator.normal(size=(n_in, n_out)) * spread / np.sqrt(n_in)).astype(np.float32)
        bias = generator.normal(size=n_out).astype(np.float32)
        layers.append((weight, bias, last if n_out == sizes[-1] and len(layers) == len(sizes) - 2 else hidden, {}))
    return layers


def numbers(count: int = 1, **more: Any) -> dict[str, Any]:
    return {"kind": "numbers", "names": [f"y{i}" for i in range(count)], **more}


def plain_forward(layers: list[Layer], x: Any) -> Any:
    """The definition, in float64 and without the toolkit's own layer."""
    a = np.asarray(x, np.float64)
    for weight, bias, activation, parameters in layers:
        z = a @ weight.astype(np.float64) + bias
        a = np.empty_like(z)
        activations.get_activation(activation).forward(z, a, **parameters)
    return a


INPUTS: dict[str, tuple[Input, list[Layer], dict[str, Any]]] = {
    "vector": (
        VectorInput(3, names=("a", "b", "c"), mean=np.ones(3, np.float32), scale=np.full(3, 2, np.float32)),
        net(3, 5, 1, last="identity"),
        numbers(mean=20.0, scale=3.0),
    ),
    "image": (ImageInput(), net(784, 16, 10), DIGITS),
    "table": (
        PASSENGERS,
        net(PASSENGERS.size, 4, 1, last="sigmoid"),
        {"kind": "classes", "classes": ["0", "1"], "threshold": 0.5},
    ),
}


@pytest.mark.parametrize("kind", INPUTS)
@pytest.mark.parametrize("weights", WEIGHTS)
def test_the_runtime_gives_the_outputs_that_the_weights_define(kind: str, weights: str) -> None:
    prepare, layers, output = INPUTS[kind]
    model = mlp_runtime.load(to_bytes(prepare, layers, output, weights=weights))
    x = np.random.default_rng(1).normal(size=(20, prepare.size)).astype(np.float32)
    tolerance = {"float32": 1e-6, "float16": 1e-3, "int8": 0.05}[weights]
    np.testing.assert_allclose(model.forward(x), plain_forward(layers, x), rtol=tolerance, atol=tolerance)


def test_plain_msgpack_reads_the_file_as_an_array_of_seven() -> None:
    prepare, layers, output = INPUTS["image"]
    data = to_bytes(prepare, layers, output, meta={"name": "digits"})
    magic, major, minor, digest, header, padding, block = msgpack.unpackb(data)
    assert (magic, major, minor) == ("MLP\r\n\x1a\n", 1, 0)
    assert digest == hashlib.sha256(data[:17] + data[49:]).digest()
    assert not any(padding)
    assert (len(data) - len(block)) % ALIGN == 0
    described = msgpack.unpackb(header)
    assert described["meta"] == {"name": "digits"}
    assert all(entry["offset"] % ALIGN == 0 for entry in described["tensors"])
    first = described["tensors"][0]
    stored = np.frombuffer(block, "<f4", count=784 * 16, offset=first["offset"]).reshape(first["shape"])
    np.testing.assert_array_equal(stored, layers[0][0].T)  # (n_out, n_in) in the file, (n_in, n_out) in training


def test_every_length_outside_the_header_has_its_fixed_form() -> None:
    data = to_bytes(*INPUTS["vector"])
    header = int.from_bytes(data[50:54], "big")
    assert data[:9] == b"\x97\xa7MLP\r\n\x1a\n"
    assert (data[9], data[12], data[15:17], data[49], data[54 + header]) == (0xCD, 0xCD, b"\xc4\x20", 0xC6, 0xC4)
    assert data[56 + header + data[55 + header]] == 0xC6


def test_the_same_input_gives_the_same_bytes_and_any_other_gives_others() -> None:
    prepare, layers, output = INPUTS["image"]
    first = to_bytes(prepare, layers, output)
    assert to_bytes(ImageInput(), net(784, 16, 10), dict(output)) == first
    assert to_bytes(prepare, net(784, 16, 10, seed=1), output) != first
    assert to_bytes(prepare, layers, output, meta={"created": "2025-01-31"}) != first


def test_smaller_weights_make_smaller_files() -> None:
    prepare, layers, output = INPUTS["image"]
    full, half, quarter = (len(to_bytes(prepare, layers, output, weights=weights)) for weights in WEIGHTS)
    weights = 784 * 16 + 16 * 10
    assert full - half == pytest.approx(2 * weights, abs=200)
    assert full - quarter == pytest.approx(3 * weights, abs=500)


def test_the_effective_parameters_of_an_activation_are_stored() -> None:
    layers = net(3, 4, 1, hidden="leaky-relu", last="identity")
    assert mlp_runtime.load(to_bytes(VectorInput(3), layers, numbers())).layers[0].parameters == {
        "negative_slope": 0.01
    }
    layers[0] = (*layers[0][:3], {"negative_slope": 0.3})
    model = mlp_runtime.load(to_bytes(VectorInput(3), layers, numbers()))
    assert model.layers[0].parameters == {"negative_slope": 0.3}
    x = np.array([[-1.0, 2.0, -3.0]], np.float32)
    np.testing.assert_allclose(model.forward(x), plain_forward(layers, x), rtol=1e-5)


def test_a_temperature_divides_what_goes_into_the_last_activation() -> None:
    prepare, layers, output = INPUTS["image"]
    x = np.random.default_rng(1).normal(size=(5, 784)).astype(np.float32)
    model = mlp_runtime.load(to_bytes(prepare, layers, {**output, "temperature": 2.5}))
    weight, bias, activation, parameters = layers[-1]
    cooled = [*layers[:-1], (weight / 2.5, bias / 2.5, activation, parameters)]
    np.testing.assert_allclose(model.forward(x), plain_forward(cooled, x), rtol=1e-4, atol=1e-6)


def test_the_self_test_is_made_of_the_spec_alone_and_notices_another_weight() -> None:
    prepare, layers, output = INPUTS["table"]
    data = bytearray(to_bytes(prepare, layers, output))
    rows = msgpack.unpackb(msgpack.unpackb(bytes(data))[4])["selftest"]["inputs"]["rows"]
    assert {name for row in rows for name in row} <= {"Age", "Sex"}
    other = to_bytes(prepare, net(PASSENGERS.size, 4, 1, last="sigmoid", seed=1), output)
    assert len(other) == len(data)
    first = next(e for e in msgpack.unpackb(msgpack.unpackb(other)[4])["tensors"] if e["name"] == "layers.0.weight")
    start = len(other) - len(msgpack.unpackb(other)[6]) + first["offset"]
    data[start : start + first["length"]] = other[start : start + first["length"]]
    with pytest.raises(ModelFileError, match="self-test"):
        mlp_runtime.load(bytes(data), verify=False)


@pytest.mark.parametrize("width", [3, 4])
@pytest.mark.parametrize("fit", ["none", "stretch"])
def test_grey_images_as_narrow_as_colours_are_many_go_into_a_model_that_loads(width: int, fit: str) -> None:
    prepare = ImageInput(8, width, fit=fit)
    model = mlp_runtime.load(to_bytes(prepare, net(prepare.size, 10), DIGITS))
    frames = np.random.default_rng(0).integers(0, 256, (5, 8, width), np.uint8)
    assert model.predict(frames[0]) == model.predict(list(frames))[0]
    assert model.predict_proba(list(frames)).shape == (5, 10)


def test_inputs_too_large_for_a_self_test_make_a_file_without_one() -> None:
    prepare = VectorInput(300_000)
    layers: list[Layer] = [(np.zeros((prepare.size, 1)), np.zeros(1), "identity", {})]
    data = to_bytes(prepare, layers, numbers(), weights="int8")
    assert "selftest" not in msgpack.unpackb(msgpack.unpackb(data)[4])


def test_numpys_numbers_and_nan_in_the_training_record_become_plain() -> None:
    training = {"metrics": {"accuracy": np.float32(0.5), "loss": float("nan")}, "hidden": (128, np.int64(64))}
    model = mlp_runtime.load(to_bytes(VectorInput(2), net(2, 1, last="identity"), numbers(), training=training))
    assert model.training == {"metrics": {"accuracy": 0.5, "loss": None}, "hidden": [128, 64]}


def test_a_header_that_is_too_long_is_refused_with_what_is_long() -> None:
    values = tuple(f"a street with a long name, number {i}" for i in range(MAX_HEADER // 30))
    table = TableInput(columns=(Column("street", "category", fill="", values=values),))
    with pytest.raises(OutputError, match=r"would take \d+ bytes, 'input' alone \d+, and the format allows 262144"):
        to_bytes(table, net(table.size, 1, last="identity"), numbers())


def broken(part: str, value: float) -> list[Layer]:
    (weight, bias, *rest), *others = net(3, 4, 2)
    (weight if part == "weight" else bias).flat[0] = value
    return [(weight, bias, rest[0], rest[1]), *others]  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("layers", "output", "options", "said"),
    [
        (broken("weight", np.nan), numbers(2), {}, "layers.0.weight holds numbers that are not finite"),
        (broken("bias", np.inf), numbers(2), {}, "layers.0.bias holds numbers that are not finite"),
        (broken("weight", 1e5), numbers(2), {"weights": "float16"}, "float16 ends at 65504"),
        (net(3, 4, 2, hidden="identity", last="identity", spread=1e30), numbers(2), {}, "NaN or an infinity"),
        (net(3, 2), numbers(2, scale=0.0), {}, "output.scale: found 0"),
        (net(4, 2), numbers(2), {}, "weight \\(4, 2\\) and a bias \\(2,\\), but is given 3 numbers"),
        (net(3, 4, 2), numbers(3), {}, "found 3 names, but layer 1 gives 2 numbers"),
        (net(3, 2), {"kind": "classes", "classes": ["a", "a"]}, {}, "wanted at least 2 different names"),
        (net(3, 2), numbers(2), {"meta": {"a": {"b": {"c": {"d": {"e": {"f": {"g": {}}}}}}}}}, "no runtime would load"),
    ],
)
def test_what_the_reader_would_refuse_is_never_made(
    layers: list[Layer], output: Mapping[str, Any], options: dict[str, Any], said: str
) -> None:
    with pytest.raises(OutputError, match=said) as caught:
        to_bytes(VectorInput(3), layers, output, **options)
    assert exit_code(caught.value) == 6


def test_an_unknown_way_to_store_weights_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="'float61', did you mean 'float16'"):
        to_bytes(*INPUTS["vector"], weights="float61")


@given(st.integers(1, 6), st.integers(1, 6), st.floats(-40, 38), st.integers(0, 2**32 - 1))
def test_int8_is_within_half_a_step_of_every_weight(rows: int, columns: int, exponent: float, seed: int) -> None:
    generator = np.random.default_rng(seed)
    with np.errstate(over="ignore", under="ignore"):
        weight = (generator.uniform(-1, 1, (rows, columns)) * 10**exponent).astype(np.float32)
    values, scale = quantise(weight)
    assert values.dtype == np.int8
    assert values.min() >= -127
    assert scale.dtype == np.float32
    error = np.abs(values.astype(np.float64) * scale[:, None] - weight)
    assert (error <= 0.501 * scale[:, None]).all()


def test_writing_replaces_the_file_and_says_where_it_cannot(tmp_path: Path) -> None:
    data = to_bytes(*INPUTS["vector"])
    write(tmp_path / "model.mlp", data)
    write(tmp_path / "model.mlp", data)
    assert mlp_runtime.load(tmp_path / "model.mlp").input.size == 3
    with pytest.raises(OutputError, match="its folder does not exist"):
        write(tmp_path / "absent" / "model.mlp", data)
