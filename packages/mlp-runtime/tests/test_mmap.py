"""A mapped file is checked like any other, is not copied, and opens at once when the caller trusts it."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from make_model import digits

from mlp_runtime import Damaged, Invalid, NotAModel, load

FRAMES = np.random.default_rng(5).integers(0, 256, (40, 28, 28), np.uint8)


@pytest.fixture
def path(tmp_path):
    written = tmp_path / "digits.mlp"
    written.write_bytes(digits())
    return written


def test_a_mapped_model_answers_the_same(path):
    mapped, read = load(path, mmap=True), load(path)
    np.testing.assert_array_equal(mapped.predict_proba(FRAMES), read.predict_proba(FRAMES))
    again = pickle.loads(pickle.dumps(mapped))
    np.testing.assert_array_equal(again.predict_proba(FRAMES), read.predict_proba(FRAMES))


def test_its_weights_stay_in_the_file_and_cannot_be_written(path):
    weight = load(path, mmap=True).layers[0].weight
    with pytest.raises(ValueError, match="read-only"):
        weight[0, 0] = 1
    base = weight
    while isinstance(base, np.ndarray):
        base = base.base
    assert type(getattr(base, "obj", base)).__name__ == "mmap"


@pytest.mark.parametrize("at", [20, 200, -1])
def test_a_damaged_file_is_refused(path, at):
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)
    with pytest.raises(Damaged, match="SHA-256"):
        load(path, mmap=True)


@pytest.mark.parametrize(("content", "words"), [(b"", "no bytes"), (b"PK\x03\x04", "a zip archive")])
def test_a_file_that_is_no_model_is_refused_before_it_is_mapped(tmp_path, content, words):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(NotAModel, match=words):
        load(tmp_path / "x", mmap=True)


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only Linux has files without a size")
@pytest.mark.parametrize("path", ["/dev/zero", "/proc/self/maps"])
def test_what_cannot_be_mapped_is_refused_for_what_it_holds(path):
    with pytest.raises(NotAModel, match="wanted the magic"):
        load(path, mmap=True)


def test_a_trusted_file_is_opened_without_a_look_at_its_weights(tmp_path):
    (tmp_path / "nan.mlp").write_bytes(digits(last_factor=np.nan))
    with pytest.raises(Invalid, match="NaN"):
        load(tmp_path / "nan.mlp", mmap=True)
    assert np.isnan(load(tmp_path / "nan.mlp", mmap=True, verify=False).forward(np.ones(784, np.float32))).all()


def test_bytes_cannot_be_mapped():
    with pytest.raises(TypeError, match="the path of a file"):
        load(digits(), mmap=True)
