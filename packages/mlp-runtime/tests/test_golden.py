"""Golden files were written once and never change: a reader that no longer gives their answers is broken."""

from __future__ import annotations

import hashlib
from itertools import product
from pathlib import Path

import golden_answers
import pytest

import mlp_runtime
from mlp_runtime.activations import _BUILT_IN
from mlp_runtime.modelfile import MAJOR, MINOR, read

FOLDER = Path(__file__).parent / "golden"
GOLDEN = sorted(FOLDER.glob("[1-9]*.mlp"))
OLD = sorted(FOLDER.glob("0.*.mlp"))  # from before the format was fixed
STORED = {"float32": "f4", "float16": "f2", "int8": "i1"}


def test_the_current_format_has_a_golden_file_with_every_feature():
    current = [path for path in GOLDEN if path.name.startswith(f"{mlp_runtime.FORMAT}-")]
    assert {feature for path in current for feature in read(path).header["requires"]} == mlp_runtime.FEATURES


@pytest.mark.parametrize(
    ("minor", "kind", "weights"), list(product(range(MINOR + 1), ("vector", "image", "table"), STORED))
)
def test_every_activation_has_a_golden_layer_for_each_version_input_and_storage_type(minor, kind, weights):
    files = [mlp_runtime.load(path).describe() for path in GOLDEN]
    files = [about for about in files if about["format"] == f"{MAJOR}.{minor}" and about["input"]["kind"] == kind]
    layers = [layer for about in files for layer in about["layers"]]
    assert {layer["activation"] for layer in layers if layer["dtype"] == STORED[weights]} == _BUILT_IN


def test_no_golden_file_of_the_first_version_was_ever_taken_away():
    every_activation = {f"{kind}-{weights}" for kind, weights in product(("vector", "image", "table"), STORED)}
    named = {"counts", "dates", "image", "labels", "stretch", "table", "vector"}
    assert {path.stem for path in GOLDEN if path.stem.startswith("1.0-")} == {
        f"1.0-{name}" for name in named | every_activation
    }


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_golden_file_still_gives_its_answers(path):
    golden_answers.check(path)


@pytest.mark.parametrize("path", OLD, ids=lambda path: path.stem)
def test_a_file_from_before_the_freeze_says_to_export_again(path):
    with pytest.raises(mlp_runtime.Invalid) as caught:
        mlp_runtime.load(path)
    assert str(caught.value) == (
        f"{path}: the file has format 0.1, from before the format was fixed, and this mlp-runtime reads 1.x: export the"
        " model again with this release's mlp-train"
    )


@pytest.mark.parametrize("path", GOLDEN + OLD, ids=lambda path: path.stem)
def test_a_golden_file_is_small_and_was_never_edited(path):
    content = path.read_bytes()
    assert len(content) < 8_000
    assert hashlib.sha256(content).hexdigest() == golden_answers.expected_of(path)["sha256"]


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_every_truncation_of_a_golden_file_is_refused(path):
    content = path.read_bytes()
    for length in range(len(content)):
        with pytest.raises((mlp_runtime.Damaged, mlp_runtime.NotAModel)):
            mlp_runtime.load(content[:length])


@pytest.mark.parametrize("name", ["counts", "image", "labels", "table", "vector"])
def test_every_single_bit_flip_of_a_golden_file_is_refused(name):
    content = bytearray((FOLDER / f"1.0-{name}.mlp").read_bytes())
    for at in range(len(content)):
        for bit in range(8):
            content[at] ^= 1 << bit
            with pytest.raises(mlp_runtime.ModelFileError):
                mlp_runtime.load(content)
            content[at] ^= 1 << bit
    mlp_runtime.load(content)
