"""Golden files were written once and never change: a reader that no longer gives their answers is broken."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

import mlp_runtime
from mlp_runtime.modelfile import read

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.mlp"))


def raw(path, expected):
    frames = read(path).header["input"]["kind"] == "image"
    return [np.array(item, np.uint8) for item in expected["inputs"]] if frames else expected["inputs"]


def test_the_current_format_has_a_golden_file_with_every_feature():
    current = [path for path in GOLDEN if path.name.startswith(f"{mlp_runtime.FORMAT}-")]
    assert {feature for path in current for feature in read(path).header["requires"]} == mlp_runtime.FEATURES


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_golden_file_still_gives_its_answers(path):
    expected = json.loads(path.with_suffix(".json").read_text())
    model = mlp_runtime.load(path)
    inputs = raw(path, expected)
    outputs = model.forward(model.input.transform(inputs))
    np.testing.assert_allclose(outputs, expected["outputs"], rtol=1e-5, atol=1e-6)
    if model.output_kind == "labels":
        assert [list(labels) for labels in model.predict(inputs)] == expected["predictions"]
        return
    answers = np.asarray(model.predict(inputs))
    if answers.dtype.kind == "f":
        np.testing.assert_allclose(answers, expected["predictions"], rtol=1e-5)
    else:
        assert answers.tolist() == expected["predictions"]


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_golden_file_is_small_and_was_never_edited(path):
    content = path.read_bytes()
    assert len(content) < 8_000
    assert hashlib.sha256(content).hexdigest() == json.loads(path.with_suffix(".json").read_text())["sha256"]
