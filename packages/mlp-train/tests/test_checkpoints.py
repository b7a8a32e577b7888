from __future__ import annotations

import hashlib
import io
import math
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest

from mlp_train.checkpoints import MAGIC, Checkpoint, load, save
from mlp_train.errors import CheckpointError, OutputError, exit_code


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "last.ckpt"


def forged(body: Any) -> bytes:
    packed = msgpack.packb(body)
    return MAGIC + hashlib.sha256(packed).digest() + packed


def test_arrays_come_back_with_the_same_bits_dtype_and_shape_and_can_be_changed(path: Path) -> None:
    arrays = {
        "parameters": np.array([0.1, -0.0, np.nan, np.inf], np.float32),
        "moments": np.arange(6.0).reshape(2, 3).T,
        "big-endian": np.arange(4, dtype=">i4"),
        "scalar": np.array(3, np.int64),
        "empty": np.zeros((0, 4), np.uint8),
        "mask": np.array([True, False]),
    }
    save(path, Checkpoint(arrays, {}))
    back = load(path).arrays
    assert list(back) == list(arrays)
    for name, array in arrays.items():
        assert back[name].shape == array.shape
        assert back[name].dtype.name == array.dtype.name
        assert back[name].tobytes() == array.astype(array.dtype.newbyteorder("=")).tobytes()
        back[name][...] = 0


def test_a_random_generator_goes_on_where_it_stopped(path: Path) -> None:
    generator = np.random.default_rng(7)
    generator.normal(size=5)
    save(path, Checkpoint({}, {"generator": generator.bit_generator.state}))
    expected = generator.normal(size=100)

    again = np.random.default_rng()
    again.bit_generator.state = load(path).state["generator"]
    np.testing.assert_array_equal(again.normal(size=100), expected)


def test_floats_in_the_state_keep_their_bits_and_may_be_infinite(path: Path) -> None:
    save(path, Checkpoint({}, {"best": math.inf, "loss": 0.1 + 0.2, "none": None, "name": "é"}))
    assert load(path).state == {"best": math.inf, "loss": 0.1 + 0.2, "none": None, "name": "é"}


def test_the_same_checkpoint_gives_the_same_bytes(path: Path) -> None:
    checkpoint = Checkpoint({"a": np.arange(3.0)}, {"epoch": 1})
    save(path, checkpoint)
    first = path.read_bytes()
    save(path, load(path))
    assert path.read_bytes() == first


def test_objects_are_refused_because_only_pickle_could_store_them(path: Path) -> None:
    with pytest.raises(TypeError, match="dtype object"):
        save(path, Checkpoint({"a": np.array([None])}, {}))
    with pytest.raises(TypeError):
        save(path, Checkpoint({}, {"a": object()}))
    assert not path.exists()


def test_every_flipped_bit_and_every_cut_is_noticed(path: Path) -> None:
    save(path, Checkpoint({"a": np.arange(4, dtype=np.float32)}, {"epoch": 3}))
    good = path.read_bytes()
    for position in range(len(good)):
        path.write_bytes(good[:position] + bytes([good[position] ^ 4]) + good[position + 1 :])
        with pytest.raises(CheckpointError):
            load(path)
        path.write_bytes(good[:position])
        with pytest.raises(CheckpointError):
            load(path)
    path.write_bytes(good + b"\0")
    with pytest.raises(CheckpointError, match="damaged"):
        load(path)


def test_a_file_of_another_kind_is_named_as_such(path: Path) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, a=np.array([None]))  # would need pickle
    for content in (b"", b"hello", buffer.getvalue()):
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match="this is not a checkpoint") as caught:
            load(path)
        assert exit_code(caught.value) == 4


def test_a_newer_version_says_so(path: Path) -> None:
    path.write_bytes(MAGIC[:-1] + b"\x03" + bytes(60))
    with pytest.raises(CheckpointError, match="version 03 and this release reads 02"):
        load(path)


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"state": "{}"},
        {"state": "{", "arrays": []},
        {"state": "[]", "arrays": []},
        {"state": "[" * 100_000, "arrays": []},
        {"state": "{}", "arrays": [["a", "object", [1], b"12345678"]]},
        {"state": "{}", "arrays": [["a", "float32", [2**40], b"1234"]]},
        {"state": "{}", "arrays": [["a", "float32", [-1], b"1234"]]},
        {"state": "{}", "arrays": [["a", "float32", ["1"], b"1234"]]},
        {"state": "{}", "arrays": [["a", "float32", [1], "1234"]]},
        {"state": "{}", "arrays": [["a", ["float32"], [1], b"1234"]]},
        {"state": "{}", "arrays": [["a", "float32", [1]]]},
        {"state": "{}", "arrays": 3},
    ],
)
def test_a_forged_body_with_a_right_digest_is_refused_too(path: Path, body: Any) -> None:
    path.write_bytes(forged(body))
    with pytest.raises(CheckpointError, match="not made as it should be"):
        load(path)


def test_a_missing_file_and_a_folder_are_each_one_sentence(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.ckpt", tmp_path):
        with pytest.raises(CheckpointError, match="cannot be read"):
            load(path)


def test_a_place_that_cannot_be_written_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="does not exist"):
        save(tmp_path / "absent" / "last.ckpt", Checkpoint({}, {}))
