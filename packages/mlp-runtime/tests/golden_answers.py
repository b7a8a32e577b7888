"""Hold the answers of golden files against those that were right when they were made, with NumPy and the runtime alone.

`python golden_answers.py FOLDER` does so on a device, which has no pytest.
"""

from __future__ import annotations

import json
import platform
import sys
from pathlib import Path

import numpy as np

import mlp_runtime
from mlp_runtime.modelfile import read


def expected_of(path):
    """Return what lies beside a golden file: its SHA-256, raw inputs and the answers to them."""
    return json.loads(path.with_suffix(".json").read_text())


def raw_inputs(path, expected):
    frames = read(path).header["input"]["kind"] == "image"
    return [np.array(item, np.uint8) for item in expected["inputs"]] if frames else expected["inputs"]


def check(path):
    """Raise AssertionError unless a golden file still gives its answers, and every layer still says what it said."""
    expected = expected_of(path)
    model = mlp_runtime.load(path)
    inputs = raw_inputs(path, expected)
    outputs = model.forward(model.input.transform(inputs))
    np.testing.assert_allclose(outputs, expected["outputs"], rtol=1e-5, atol=1e-6)
    said = model.trace(model.input.transform(inputs))
    assert len(said) == len(expected["layers"])
    for number, (found, wanted) in enumerate(zip(said, expected["layers"])):
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6, err_msg=f"behind layer {number - 1}")
    if model.output_kind == "labels":
        assert [list(labels) for labels in model.predict(inputs)] == expected["predictions"]
        return
    answers = np.asarray(model.predict(inputs))
    if answers.dtype.kind == "f":
        np.testing.assert_allclose(answers, expected["predictions"], rtol=1e-5)
    else:
        assert answers.tolist() == expected["predictions"]


def main(folder):
    """Check every golden file of the format that is read, and say where that was."""
    paths = sorted(folder.glob("[1-9]*.mlp"))
    assert paths, f"{folder}: there is no golden file"
    for path in paths:
        check(path)
    print(f"{len(paths)} golden files give their answers on {platform.machine()}, {sys.byteorder}-endian")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
