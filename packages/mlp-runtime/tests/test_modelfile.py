"""The reader takes a whole, honest file and refuses every other with one sentence."""

from __future__ import annotations

import io
import re
from pathlib import Path

import make_model
import numpy as np
import pytest
from make_model import XOR_TENSORS, Raw, build, digits, lay_out, pack, random_layers, seal, topics, xor

from mlp_runtime import Damaged, Invalid, ModelFileError, NotAModel, TooNew, load
from mlp_runtime.modelfile import ALIGN, FEATURES, HEADER_AT, padding, read

FORMAT_PAGE = Path(__file__).resolve().parents[3] / "docs" / "format.md"
TINY = build(
    {
        "requires": ["input.vector/1"],
        "input": {"kind": "vector", "features": 1},
        "layers": [{"weight": "w", "bias": "b", "activation": "identity"}],
        "output": {"kind": "numbers", "names": ["y"]},
    },
    {"w": np.array([[0.5]], np.float32), "b": np.array([1], np.float32)},
)


def refusal(data, kind=ModelFileError, **options):
    with pytest.raises(kind) as caught:
        load(data, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 400
    return message


# --- whole files -----------------------------------------------------------------------------------------------------


def test_a_path_bytes_and_a_file_give_the_same_model(tmp_path):
    path = tmp_path / "xor.mlp"
    path.write_bytes(xor())
    with path.open("rb") as file:
        sources = [path, str(path), xor(), bytearray(xor()), memoryview(xor()), io.BytesIO(xor()), file]
        assert [load(source).predict([0, 1]) for source in sources] == ["yes"] * 7


def test_bytes_may_be_changed_after_loading():
    data = bytearray(xor())
    model = load(data)
    data[:] = bytes(len(data))
    assert model.predict([0, 1]) == "yes"


def test_a_file_opened_as_text_is_refused_with_what_to_do():
    with pytest.raises(TypeError, match="open it 'rb'"):
        load(io.StringIO("MLP"))


def test_a_path_that_is_not_there_is_the_usual_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none.mlp")


def test_tensors_are_aligned_and_read_only():
    for data in (xor(), digits()):
        for name, values in read(data).tensors.items():
            assert values.__array_interface__["data"][0] % ALIGN == 0, name
            with pytest.raises(ValueError, match="read-only"):
                values[...] = 0
            with pytest.raises(ValueError, match="WRITEABLE"):
                values.flags.writeable = True


def test_padding_puts_the_block_at_a_multiple_of_64():
    assert {(HEADER_AT + 5 + length + 2 + padding(length) + 5) % 64 for length in range(300)} == {0}
    assert max(map(padding, range(300))) == 63


def test_the_example_in_the_specification_is_a_file():
    if not FORMAT_PAGE.is_file():
        pytest.skip("docs/format.md is not beside this package")
    lines = re.findall(r"^[0-9a-f]{8}  ((?:[0-9a-f]{2} ?)+)$", FORMAT_PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    data = bytes.fromhex(" ".join(lines))
    assert len(data) == 388
    assert load(data).predict([4.0]) == 3.0


def test_the_specification_names_every_feature():
    if not FORMAT_PAGE.is_file():
        pytest.skip("docs/format.md is not beside this package")
    named = re.findall(r"`((?:input|output|weights)\.[a-z0-9/]+\d)`", FORMAT_PAGE.read_text(encoding="utf-8"))
    assert set(named) == FEATURES


def test_any_messagepack_library_reads_the_file():
    msgpack = pytest.importorskip("msgpack")
    magic, major, minor, _, header, zeros, block = msgpack.unpackb(xor())
    assert (magic, major, minor) == ("MLP\r\n\x1a\n", 1, 0)
    assert msgpack.unpackb(header)["meta"]["name"] == "xor"
    assert not any(zeros)
    assert block.startswith(XOR_TENSORS["layers.0.weight"].tobytes())


# --- damage ----------------------------------------------------------------------------------------------------------


def test_every_truncation_is_refused():
    data = xor()
    for length in range(len(data)):
        with pytest.raises(Damaged if length else NotAModel):
            load(data[:length])


def test_every_flipped_bit_is_refused():
    for at in range(len(TINY)):
        for bit in range(8):
            data = bytearray(TINY)
            data[at] ^= 1 << bit
            with pytest.raises(ModelFileError):
                load(data)


def test_bytes_at_the_end_are_refused():
    assert "has bytes added at its end" in refusal(xor() + b"\0", Damaged)


def test_a_changed_weight_is_damage_unless_nobody_wants_to_know():
    data = bytearray(digits())
    data[-1] ^= 0x01
    assert "the SHA-256 does not match the content" in refusal(data, Damaged)
    assert load(data, verify=False).predict(np.zeros((28, 28), np.uint8)) in "0123456789"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "model: found no bytes at the start, wanted the magic of a .mlp model file"),
        (b"PK\x03\x04" + bytes(500), "found a zip archive at the start"),
        (b"\x93NUMPY\x01\x00" + bytes(500), "found a .npy file"),
        (b"\x80\x04\x95" + bytes(500), "found a pickle"),
        (b"version https://git-lfs.github.com/spec/v1", "found a Git LFS pointer"),
        (b"<!DOCTYPE html>", "found a web page"),
        (bytes(10), "found bytes 00 00 00 00 00 00 00 00 at the start"),
        (b"x", "found bytes 78"),
    ],
)
def test_what_is_no_model_is_named(data, message):
    assert message in refusal(data, NotAModel)


def test_a_text_mode_copy_is_recognised():
    assert "text-mode" in refusal(xor().replace(b"\r\n", b"\n"), Damaged)
    assert "text-mode" in refusal(xor().replace(b"\n", b"\r\n"), Damaged)


def test_the_name_of_the_file_stands_in_front(tmp_path):
    path = tmp_path / "broken.mlp"
    path.write_bytes(xor()[:-1])
    assert refusal(path).startswith(f"{path}: found 1231 bytes, wanted 1232: the file was cut short")
    with path.open("rb") as file:
        assert refusal(file).startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("at", "new", "message"),
    [
        (9, b"\xce", "offset 9: found byte 0xce, wanted 0xcd in the major version"),
        (12, b"\xce", "offset 12: found byte 0xce, wanted 0xcd in the minor version"),
        (15, b"\xc5", "offset 15: found byte 0xc5, wanted 0xc4 in the SHA-256"),
        (16, b"\x10", "offset 16: found byte 0x10, wanted 0x20 in the SHA-256"),
        (49, b"\xc5", "offset 49: found byte 0xc5, wanted 0xc6 in the header"),
        (50, b"\x00\x03\xff\xff", "the tensor block should start at 262208, but the file ends at 1232"),
    ],
)
def test_a_broken_marker_is_damage(at, new, message):
    data = xor()
    assert message in refusal(data[:at] + new + data[at + len(new) :], Damaged, verify=False)


def test_the_padding_has_the_one_length_and_is_zero():
    data = xor()
    header_end = HEADER_AT + 5 + int.from_bytes(data[50:54], "big")
    zeros = data[header_end + 1]
    assert zeros == padding(header_end - HEADER_AT - 5)
    broken = data[: header_end + 2] + b"\1" + data[header_end + 3 :]
    assert f"offset {header_end + 2}: found byte 0x01, wanted 0x00 in the padding" in refusal(broken, verify=False)
    longer = seal(pack(make_model.XOR_HEADER), padding=bytes(zeros + 64))
    assert "in the padding" in refusal(longer, Damaged)


# --- newer files -----------------------------------------------------------------------------------------------------


def test_a_newer_major_version_is_refused_with_both_versions():
    assert "the file has format 7.3 and this mlp-runtime reads 1.x" in refusal(xor(major=7, minor=3), TooNew)


def test_the_major_version_is_checked_before_the_digest():
    data = bytearray(xor())
    data[11] = 2
    refusal(data, TooNew)


def test_a_file_from_before_the_freeze_is_refused_with_what_to_do():
    message = refusal(xor(major=0, minor=1), Invalid)
    assert "the file has format 0.1, from before the format was fixed, and this mlp-runtime reads 1.x" in message
    assert message.endswith("export the model again with this release's mlp-train")


def test_a_newer_minor_version_with_unknown_keys_is_read():
    def change(header):
        header["novelty"] = {"a": 1}
        header["layers"][0]["novelty"] = None

    assert load(xor(change, minor=9)).predict([1, 0]) == "yes"


def test_an_unknown_feature_is_refused_by_name_with_the_nearest():
    message = refusal(xor(lambda header: header["requires"].append("weights.int4"), minor=4), TooNew)
    assert "format 1.4 and requires 'weights.int4'" in message
    assert "(format 1.0)" in message
    assert "did you mean 'weights.int8'?" in message


# --- headers that no honest writer makes -----------------------------------------------------------------------------


def header_bytes(**change):
    """Return the XOR header as bytes, with `change` in place of its keys."""
    table, block = lay_out(XOR_TENSORS)
    return pack({**make_model.XOR_HEADER, "tensors": table, **change}), block


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"meta": Raw(b"\x82\xa1a\x01\xa1a\x02")}, "found the key 'a' a second time"),
        ({"meta": Raw(b"\xd6\xff" + bytes(4))}, "found type byte 0xd6"),
        ({"meta": Raw(b"\x81\xc4\x01a\x01")}, "found type byte 0xc4"),
        ({"meta": {"a": float("nan")}}, "found nan, wanted a finite number"),
        ({"meta": {"a": float("inf")}}, "found inf, wanted a finite number"),
        ({"meta": Raw(b"\x91" * 8 + b"\xc0")}, "9 levels deep"),
        ({"meta": Raw(b"\xdd\xff\xff\xff\xff")}, "found a list of 4294967295"),
        ({"meta": Raw(b"\xc0\xc0")}, "wanted text"),
        ({"x": Raw(b"\xa1")}, "found a text of 1 with 0 bytes left"),
        ({"x": Raw(b"\xc0\xc0")}, "found 1 more bytes, wanted the end"),
        ({"meta": 3}, "header key meta: found 3, wanted a map"),
        ({"training": [1]}, "header key training: found a list of 1, wanted a map"),
        ({"requires": "all"}, "header key requires: found 'all', wanted a list of text"),
        ({"requires": []}, "found no 'input.vector/1', wanted it because the file has an input of kind 'vector'"),
        ({"input": None}, "header key input: found nothing, wanted a map"),
        ({"input": {"kind": "sound"}}, "header key input.kind: found 'sound', wanted 'vector' or 'image' or 'table'"),
        ({"input": {"kind": "vector", "features": -1}}, "header key input.features: found -1, wanted a positive count"),
        ({"input": {"kind": "vector", "features": True}}, "input.features: found True, wanted a positive count"),
        ({"input": {"kind": "vector", "features": 2**40}}, "header key input"),
        ({"input": {"kind": "vector", "features": 2, "mean": "layers.1.bias"}}, "header key input"),
        ({"input": {"kind": "vector", "features": 3}}, "layer 0 expects 2 inputs but the input gives 3"),
        ({"layers": []}, "header key layers: found an empty list, wanted at least one layer"),
        ({"layers": [3]}, "header key layers: found a list of 1, wanted a list of maps"),
        ({"layers": [{}]}, "header key layers[0].weight: found nothing, wanted text"),
        ({"layers": {"a": 1}}, "header key layers: found a map of 1, wanted a list"),
        (
            {"output": {"kind": "poem"}},
            "header key output.kind: found 'poem', wanted 'classes' or 'labels' or 'numbers'",
        ),
        ({"output": {"kind": "classes", "classes": ["a"]}}, "wanted at least 2 different names"),
        ({"output": {"kind": "classes", "classes": ["a", "a"]}}, "wanted at least 2 different names"),
        ({"output": {"kind": "classes", "classes": ["a", "b", "c"]}}, "found 3 names, but layer 1 gives 1 numbers"),
        (
            {"output": {"kind": "classes", "classes": ["a", 1]}},
            "output.classes: found a list of 2, wanted a list of text",
        ),
        ({"output": {"kind": "classes", "classes": ["a", "b"], "threshold": 2}}, "output.threshold: found 2, wanted"),
        (
            {"output": {"kind": "classes", "classes": ["a", "b"], "temperature": 0}},
            "output.temperature: found 0, wanted",
        ),
        ({"output": {"kind": "numbers", "names": ["a", "b"]}}, "found 2 names, but layer 1 gives 1 numbers"),
        (
            {"output": {"kind": "numbers", "names": ["a"], "scale": 0}},
            "output.scale: found 0, wanted a number that is not 0",
        ),
        ({"output": {"kind": "numbers", "names": ["a"], "mean": "x"}}, "output.mean: found 'x', wanted a number"),
        (
            {"selftest": {"inputs": {}, "outputs": "o", "tolerance": 1}},
            "header key selftest.inputs.tensor: found nothing, wanted text",
        ),
        ({"tensors": None}, "header key tensors: found nothing, wanted a list of maps"),
    ],
)
def test_a_header_that_makes_no_sense_is_refused_by_key(change, message):
    assert message in refusal(seal(*header_bytes(**change)), Invalid)


def test_a_header_that_is_no_map_or_too_long_is_refused():
    assert "header: found a list, wanted a map" in refusal(seal(pack([1] * 20)), Invalid)
    assert "offset 49: found a header of 262145 bytes, wanted at most 262144" in refusal(seal(bytes(262_145)), Invalid)


def layer_change(index, **change):
    def apply(header):
        header["layers"][index].update(change)

    return apply


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            layer_change(0, weight="nothing"),
            "layers[0].weight: found 'nothing', wanted the name of a tensor in the file",
        ),
        (
            layer_change(0, weight="layers.1.bias"),
            "layers[0].weight: found a float32 array of shape (1,), wanted float32 (outputs, inputs)",
        ),
        (
            layer_change(0, bias="layers.1.bias"),
            "layers[0].bias: found a float32 array of shape (1,), wanted float32 (2,)",
        ),
        (layer_change(1, bias="layers.0.bias"), "layers[1].bias: found 'layers.0.bias' a second time"),
        (layer_change(1, weight="layers.0.weight"), "layers[1].weight: found 'layers.0.weight' a second time"),
        (layer_change(0, activation=7), "layers[0].activation: found 7, wanted text"),
        (layer_change(0, activation="x" * 5000), "layers[0].activation: found 'xxxxx"),
        (layer_change(0, parameters={"slope": 1.0}), "layers[0].parameters: found 'slope', which relu does not have"),
        (layer_change(0, parameters={"slope": "1"}), "layers[0].parameters: found a map of 1, wanted a map of numbers"),
    ],
)
def test_layers_that_do_not_fit_are_refused(change, message):
    assert message in refusal(xor(change), Invalid)


def test_a_broken_chain_names_both_layers():
    layers, tensors = random_layers([2, 3, 2])
    tensors["layers.1.weight"] = np.ones((2, 4), np.float32)
    header = {**make_model.XOR_HEADER, "layers": layers, "selftest": None}
    assert "layer 1 expects 4 inputs but layer 0 gives 3" in refusal(build(header, tensors), Invalid)


def test_a_threshold_without_a_single_output_is_refused():
    layers, tensors = random_layers([2, 2])
    header = {**make_model.XOR_HEADER, "layers": layers, "selftest": None}
    assert "header key output.threshold: wanted nothing" in refusal(build(header, tensors), Invalid)


def test_an_unknown_activation_is_refused_by_name_and_says_how_to_register_it():
    message = refusal(xor(layer_change(0, activation="rellu")), TooNew)
    assert "layers[0].activation: found 'rellu', which this program does not know, did you mean 'relu'?" in message
    assert "register_activation" in message


# --- the table of tensors --------------------------------------------------------------------------------------------


def tensor_change(index, **change):
    """Return the XOR file with `change` in one entry of its table; a value of None removes the key."""
    table, block = lay_out(XOR_TENSORS)
    table[index] = {key: value for key, value in {**table[index], **change}.items() if value is not None}
    return seal({**make_model.XOR_HEADER, "tensors": table}, block)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": None}, "tensors[1].name: found nothing, wanted text"),
        ({"name": "layers.0.weight"}, "tensors[1].name: found 'layers.0.weight' a second time, wanted it once"),
        ({"name": ""}, "tensors[1].name: found '', wanted text"),
        ({"dtype": "f8"}, "tensors[1].dtype: found 'f8', wanted 'f4' or 'f2' or 'i1' or 'u1'"),
        ({"dtype": "f2"}, "requires: found no 'weights.float16', wanted it because the file has a tensor of type f2"),
        ({"dtype": "i1"}, "requires: found no 'weights.int8'"),
        ({"shape": []}, "tensors[1].shape: found a list of 0, wanted 1 to 4 positive counts"),
        ({"shape": [2, 0]}, "tensors[1].shape"),
        ({"shape": [-2]}, "tensors[1].shape"),
        ({"shape": [2.0]}, "tensors[1].shape"),
        ({"shape": [True, 2]}, "tensors[1].shape"),
        ({"shape": [1, 1, 1, 1, 2]}, "tensors[1].shape"),
        ({"shape": [2**62, 2**62, 2**62, 2]}, "tensors[1].length: found 8, wanted 7"),
        ({"shape": [2**32, 2**32]}, "tensors[1].length: found 8, wanted 73786976294838206464"),
        ({"shape": [3]}, "tensors[1].length: found 8, wanted 12 for shape [3]"),
        ({"length": -8}, "tensors[1].length: found -8, wanted a count"),
        ({"offset": -64}, "tensors[1].offset: found -64, wanted a count"),
        ({"offset": 0}, "tensors[1].offset: found 0, wanted 64"),  # an overlap
        ({"offset": 16}, "tensors[1].offset: found 16, wanted 64"),  # not aligned
        ({"offset": 128}, "tensors[1].offset: found 128, wanted 64"),  # a hole
        ({"offset": 2**64 - 1}, "tensors[1].offset: found 18446744073709551615, wanted 64"),
        ({"shape": [2000], "length": 8000}, "tensors[1].length: found an end at 8064, wanted at most"),
    ],
)
def test_a_table_of_tensors_that_lies_is_refused(change, message):
    assert message in refusal(tensor_change(1, **change), Invalid)


def test_nothing_may_hide_between_or_behind_the_tensors():
    table, block = lay_out(XOR_TENSORS)
    header = {**make_model.XOR_HEADER, "tensors": table}
    assert "found a byte that is not 0 before 64" in refusal(seal(header, block[:20] + b"\1" + block[21:]), Invalid)
    assert "found 1 bytes behind the last tensor, wanted none" in refusal(seal(header, block + b"\0"), Invalid)
    assert "behind the last tensor" in refusal(seal({**header, "tensors": []}, block), Invalid)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_must_be_finite(value):
    for name in ("layers.0.weight", "layers.1.bias"):
        changed = XOR_TENSORS[name].copy()
        changed.flat[-1] = value
        assert f"tensor '{name}': found NaN or an infinity" in refusal(xor(tensors={name: changed}), Invalid)


def test_a_tensor_that_nothing_names_is_allowed():
    assert load(xor(tensors={"spare": np.zeros(3, np.uint8)})).predict([0, 1]) == "yes"


def test_a_width_beyond_the_limit_is_refused():
    layers, tensors = random_layers([1, 2**20 + 1, 1])
    header = {**make_model.XOR_HEADER, "input": {"kind": "vector", "features": 1}, "layers": layers, "selftest": None}
    assert "wanted at most 1048576 in and out" in refusal(build(header, tensors), Invalid)


# --- storage types ---------------------------------------------------------------------------------------------------


def test_float16_weights_are_widened_once():
    half = {"layers.0.weight": XOR_TENSORS["layers.0.weight"].astype(np.float16)}
    model = load(xor(lambda header: header["requires"].append("weights.float16"), half))
    assert model.layers[0].weight.dtype == np.float32
    assert model.predict([0, 1]) == "yes"


def quantised(scale=(0.5, 0.25), values=((2, 2), (4, 4)), scale_name="s", **options):
    tensors = {"layers.0.weight": (np.array(values, np.int8), scale_name), "s": np.array(scale, np.float32)}
    return xor(lambda header: header["requires"].append("weights.int8"), tensors, **options)


def test_int8_weights_are_multiplied_by_the_scale_of_their_output():
    model = load(quantised())
    np.testing.assert_array_equal(model.layers[0].weight, np.ones((2, 2), np.float32))
    other = load(quantised((1, 2)), selftest=False)
    np.testing.assert_array_equal(other.layers[0].weight, [[2, 2], [8, 8]])
    assert model.predict([1, 1]) == "no"
    assert not model.layers[0].weight.flags.writeable
    assert model.describe()["layers"][0]["dtype"] == "i1"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (quantised(values=((2, 2), (4, -128))), "found the value -128, wanted -127 to 127"),
        (quantised(scale=(0.5, np.inf)), "found NaN or an infinity"),
        (quantised(scale=(0.5, 3e38)), "tensor 'layers.0.weight': found NaN or an infinity"),
        (quantised(scale=(0.5, 0.5, 0.5)), "tensors[0].scale: found 's', wanted the name of an f4 tensor of shape [2]"),
        (quantised(scale_name="x"), "tensors[0].scale: found 'x', wanted the name of an f4 tensor of shape [2]"),
        (quantised(scale_name=None), "tensors[0].scale"),
    ],
)
def test_int8_weights_that_make_no_sense_are_refused(data, message):
    assert message in refusal(data, Invalid)


# --- self-test -------------------------------------------------------------------------------------------------------


def test_a_wrong_answer_in_the_self_test_is_refused():
    wrong = XOR_TENSORS["selftest.outputs"].copy()
    wrong[2] = 0.25
    data = xor(tensors={"selftest.outputs": wrong})
    assert "self-test: input 2 gave 0.999955 for output 0, wanted 0.25 within 0.0001" in refusal(data, Invalid)
    assert load(data, selftest=False).predict([0, 1]) == "yes"


def selftest_change(tensors=None, **change):
    return xor(lambda header: header["selftest"].update(change), tensors)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (selftest_change(tolerance=0), "selftest.tolerance: found 0, wanted a positive number"),
        (selftest_change(outputs="nothing"), "selftest.outputs: found 'nothing', wanted the name of a tensor"),
        (selftest_change(outputs="layers.0.bias"), "selftest.outputs: found 'layers.0.bias' a second time"),
        (selftest_change({"o": np.zeros((3, 1), np.float32)}, outputs="o"), "wanted float32 (4, 1)"),
        (
            selftest_change({"i": np.zeros((9, 2), np.float32)}, inputs={"tensor": "i"}),
            "selftest.inputs: found a float32 array of shape (9, 2), wanted 1 to 8 inputs in 1048576 bytes",
        ),
        (selftest_change({"i": np.zeros((1, 2**18 + 1), np.float32)}, inputs={"tensor": "i"}), "in 1048576 bytes"),
        (selftest_change({"i": np.zeros((4, 3), np.float32)}, inputs={"tensor": "i"}), "header key selftest.inputs: "),
        (selftest_change({"i": np.zeros(4, np.float32)}, inputs={"tensor": "i"}), "header key selftest.inputs: "),
    ],
)
def test_a_self_test_that_makes_no_sense_is_refused(data, message):
    assert message in refusal(data, Invalid)


# --- any header ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_a_header_changed_anywhere_loads_or_is_refused_in_one_sentence(seed):
    generator = np.random.default_rng(seed)
    good = [xor(), make_model.prices(), digits(hidden=2, fit="ink")][seed % 3]
    end = HEADER_AT + 5 + int.from_bytes(good[HEADER_AT + 1 : HEADER_AT + 5], "big")
    header, block = good[HEADER_AT + 5 : end], good[end + 2 + good[end + 1] + 5 :]
    refused = 0
    for _ in range(400):
        changed = bytearray(header)
        for at in generator.integers(len(changed), size=generator.integers(1, 4)):
            changed[at] = generator.choice([0, 0x7F, 0x80, 0x90, 0xC0, 0xC3, 0xCB, 0xD3, 0xFF, changed[at] ^ 1])
        try:
            load(seal(bytes(changed), block)).describe()
        except ModelFileError as error:
            refused += 1
            assert "\n" not in str(error), error  # noqa: PT017
    assert refused > 200


# --- labels ----------------------------------------------------------------------------------------------------------


def test_a_file_of_labels_must_say_so_in_what_it_requires():
    def forget(header):
        header["requires"].remove("output.labels/1")

    assert "requires: found no 'output.labels/1'" in refusal(topics(change=forget), Invalid)


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ({"labels": None}, "output.labels: found nothing, wanted a list of text"),
        ({"labels": []}, "output.labels: found"),
        ({"labels": ["a", "b", "a"]}, "at least 1 different names"),
        ({"labels": ["a", "b"]}, "output: found 2 names"),
        ({"threshold": 1.5}, "output.threshold: found 1.5"),
        ({"temperature": 0}, "output.temperature: found 0"),
    ],
)
def test_labels_that_make_no_sense_are_refused_by_key(output, said):
    assert said in refusal(topics(change=lambda header: header["output"].update(output)), Invalid)
