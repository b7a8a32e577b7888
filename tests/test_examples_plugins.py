"""The plug-ins in examples/ do what their first lines promise, on real digits."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mlp_data
import mlp_data.sources
import mlp_runtime
from mlp_data.dataset import Dataset
from mlp_runtime.activations import ACTIVATIONS
from mlp_train import fit
from mlp_train.derivatives import DERIVATIVES
from mlp_train.gradcheck import run_gradcheck
from mlp_train.losses import LOSSES, parse_loss
from mlp_train.optimizers import OPTIMIZERS
from mlp_train.plugins import load_plugin

EXAMPLES = Path(__file__).parents[1] / "examples"
TABLES: tuple[dict[str, Any], ...] = (ACTIVATIONS, DERIVATIVES, OPTIMIZERS, LOSSES, mlp_data.sources._PLUGINS)
FEW = 600  # digits to train on: enough to be far from chance, and a second's work


@pytest.fixture(autouse=True)
def _tables_as_before() -> Iterator[None]:
    before = [dict(table) for table in TABLES]
    yield
    for table, content in zip(TABLES, before, strict=True):
        table.clear()
        table.update(content)


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return mlp_data.load("digits").take(train=np.arange(FEW), test=np.arange(200))


def accuracy(model: mlp_runtime.Model, data: Dataset) -> float:
    test = data.splits["test"]
    assert test.y is not None
    return float(np.mean([data.classes.index(answer) for answer in model.predict(test.x)] == test.y))


def test_the_custom_activation_has_a_right_derivative() -> None:
    load_plugin(EXAMPLES / "custom_activation.py")
    checks = [check for check in run_gradcheck() if "softplus" in check.subject]
    assert len(checks) > 2  # inside, as the last layer, and under the losses that go with any
    assert all(check.error <= 1e-6 for check in checks)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_custom_activation_never_overflows(dtype: type) -> None:
    softplus = load_plugin(EXAMPLES / "custom_activation.py").softplus
    z = np.array([-np.inf, -1e30, -1, 0, 1, 1e30, np.inf], dtype)
    softplus(z, z, sharpness=1.0)
    np.testing.assert_allclose(z, [0, 0, np.log1p(np.exp(-1)), np.log(2), np.log1p(np.e), 1e30, np.inf], rtol=1e-6)


def test_the_custom_activation_trains_by_name_and_a_runtime_without_it_names_it(digits: Dataset) -> None:
    load_plugin(EXAMPLES / "custom_activation.py")
    result = fit(digits, activation="softplus:2", hidden=32, epochs=15, seed=0)
    assert accuracy(result.model, digits) > 0.8
    assert result.model.layers[0].parameters == {"sharpness": 2.0}

    data = result.to_bytes()
    softplus = ACTIVATIONS.pop("softplus").forward
    with pytest.raises(mlp_runtime.ModelFileError, match=r"'softplus', which this program does not know"):
        mlp_runtime.load(data)
    mlp_runtime.register_activation("softplus", softplus, sharpness=1.0)  # as the example's first lines say
    frames = digits.splits["test"].x
    np.testing.assert_array_equal(mlp_runtime.load(data).predict_proba(frames), result.model.predict_proba(frames))


def test_the_custom_optimizer_trains_by_name(digits: Dataset) -> None:
    load_plugin(EXAMPLES / "custom_optimizer.py")
    result = fit(digits, optimizer="adagrad", hidden=32, epochs=15, seed=0)
    assert accuracy(result.model, digits) > 0.8


def test_the_custom_loss_has_a_right_gradient_with_every_output_activation() -> None:
    load_plugin(EXAMPLES / "custom_loss.py")
    checks = [check for check in run_gradcheck() if "log-cosh" in check.subject]
    assert len(checks) >= 10
    assert all(check.error <= 1e-6 for check in checks)


def test_the_custom_loss_never_overflows() -> None:
    load_plugin(EXAMPLES / "custom_loss.py")
    a, y = np.array([[1e30], [-1e4], [0.5]], np.float32), np.zeros((3, 1), np.float32)
    with np.errstate(over="raise"):
        value = parse_loss("log-cosh:2").value(a, a, y)
    np.testing.assert_allclose(value, [1e30, 1e4 - np.log(2) / 2, np.log(np.cosh(1)) / 2], rtol=1e-6)


def test_the_custom_loss_trains_by_name(digits: Dataset) -> None:
    load_plugin(EXAMPLES / "custom_loss.py")
    result = fit(digits, loss="log-cosh:2", hidden=32, epochs=15, seed=0)
    assert accuracy(result.model, digits) > 0.8


def semeion(images: Any, labels: Any) -> bytes:
    """Write 28 x 28 digits as the lines of a Semeion file: 16 x 16 pixels of 0 or 1, then a 1 at the class."""
    small = images[:, 2:26, 2:26].reshape(-1, 12, 2, 12, 2).mean(axis=(2, 4)) > 64
    pixels = np.pad(small, ((0, 0), (2, 2), (2, 2))).reshape(len(images), 256)
    return b"".join(
        b" ".join([*(b"%.4f" % pixel for pixel in row), *(b"%d" % (label == digit) for digit in range(10))]) + b" \n"
        for row, label in zip(pixels, labels, strict=True)
    )


def test_the_custom_loader_reads_its_own_format_and_leaves_the_others_alone(tmp_path: Path, digits: Dataset) -> None:
    train = digits.splits["train"]
    path = tmp_path / "semeion.data"
    path.write_bytes(semeion(train.x, train.y))
    load_plugin(EXAMPLES / "custom_loader.py")
    data = mlp_data.load(path)
    assert (data.kind, len(data.train), data.classes) == ("image", FEW, tuple("0123456789"))
    np.testing.assert_array_equal(data.train.y, train.y)
    assert np.unique(data.train.x).tolist() == [0, 255]
    assert fit(data, hidden=32, epochs=15, seed=0).metrics["valid"]["accuracy"] > 0.7
    assert mlp_data.load("digits").kind == "image"


def test_the_custom_loader_says_where_a_damaged_file_is_wrong(tmp_path: Path, digits: Dataset) -> None:
    train = digits.splits["train"]
    path = tmp_path / "semeion.data"
    load_plugin(EXAMPLES / "custom_loader.py")
    path.write_bytes(semeion(train.x[:9], train.y[:9])[:-20])
    with pytest.raises(mlp_data.DataError, match=r"semeion.data: a line is not 266 numbers"):
        mlp_data.load(path)


def test_the_command_in_the_loaders_example_runs(tmp_path: Path, digits: Dataset) -> None:
    train = digits.splits["train"]
    (tmp_path / "semeion.data").write_bytes(semeion(train.x[:300], train.y[:300]))
    arguments = ["fit", "semeion.data", "--plugin", str(EXAMPLES / "custom_loader.py"), "--epochs", "3"]
    done = subprocess.run(
        [sys.executable, "-c", "from mlp_train.cli import main; main()", *arguments, "--out", "run", "--json"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert mlp_runtime.load(tmp_path / "run" / "model.mlp").classes == tuple("0123456789")


@pytest.mark.parametrize(
    "command",
    [
        ["gradcheck", "--plugin", "custom_activation.py"],
        ["fit", "xor", "--plugin", "custom_activation.py", "--activation", "softplus"],
        ["gradcheck", "--plugin", "custom_loss.py"],
        ["fit", "xor", "--plugin", "custom_loss.py", "--loss", "log-cosh:2"],
        ["fit", "xor", "--plugin", "custom_optimizer.py", "--optimizer", "adagrad"],
    ],
)
def test_the_commands_in_the_examples_run(tmp_path: Path, command: list[str]) -> None:
    arguments = [str(EXAMPLES / word) if word.endswith(".py") else word for word in command]
    if command[0] == "fit":
        arguments += ["--out", str(tmp_path / "run")]
    done = subprocess.run(
        [sys.executable, "-c", "from mlp_train.cli import main; main()", *arguments], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
