from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlp_runtime.activations import ACTIVATIONS
from mlp_train import plugins
from mlp_train.derivatives import DERIVATIVES
from mlp_train.errors import PluginError, exit_code
from mlp_train.gradcheck import run_gradcheck
from mlp_train.losses import LOSSES, Loss
from mlp_train.optimizers import OPTIMIZERS, SGD
from mlp_train.plugins import load_plugin, load_plugins, register_activation, register_loss, register_optimizer

TABLES: tuple[dict[str, Any], ...] = (ACTIVATIONS, DERIVATIVES, OPTIMIZERS, LOSSES)


@pytest.fixture(autouse=True)
def _tables_as_before() -> Iterator[None]:
    before = [dict(table) for table in TABLES]
    yield
    for table, content in zip(TABLES, before, strict=True):
        table.clear()
        table.update(content)


def square(z: Any, out: Any) -> None:
    np.multiply(z, z, out=out)


def square_backward(d_a: Any, z: Any, a: Any, out: Any) -> None:
    np.multiply(d_a, 2 * z, out=out)


def wrong_backward(d_a: Any, z: Any, a: Any, out: Any) -> None:
    np.multiply(d_a, 3 * z, out=out)


def checks(name: str) -> list[bool]:
    return [check.ok for check in run_gradcheck() if check.subject.endswith(f"activation {name}")]


def test_an_activation_of_ones_own_is_checked_like_the_others() -> None:
    register_activation("square", square, square_backward)
    assert checks("square") == [True, True]


def test_a_wrong_derivative_is_found() -> None:
    register_activation("square", square, wrong_backward)
    assert checks("square") == [False, False]
    register_activation("square", square, wrong_backward, surrogate=True)
    assert checks("square") == [True, True]


def test_its_own_numbers_reach_both_functions() -> None:
    without_z: list[bool] = []

    def scaled(z: Any, out: Any, factor: float) -> None:
        np.multiply(z, factor, out=out)

    def scaled_backward(d_a: Any, z: Any, a: Any, out: Any, factor: float) -> None:
        without_z.append(z is None)
        np.multiply(d_a, factor, out=out)

    register_activation("scaled", scaled, scaled_backward, needs_z=False, factor=2)
    assert ACTIVATIONS["scaled"].parameters == {"factor": 2.0}
    assert checks("scaled") == [True, True]
    assert any(without_z)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: register_activation("relu", square, square_backward), "'relu' is built in"),
        (lambda: register_activation("", square, square_backward), "name"),
        (lambda: register_activation("a", None, square_backward), "needs a function forward"),  # type: ignore[arg-type]
        (lambda: register_activation("a", square, 3), "needs a function backward.*, not int"),  # type: ignore[arg-type]
        (
            lambda: register_activation("a", square, square_backward, initializer="he-norml"),
            "'he-norml', did you mean 'he-normal'",
        ),
        (lambda: register_optimizer("adam", SGD), "'adam' is built in"),
        (lambda: register_optimizer("a", dict), "must be a subclass"),  # type: ignore[arg-type]
        (lambda: register_loss("squared-error", LOSSES["squared-error"]), "'squared-error' is built in"),
        (lambda: register_loss("a", square), "must be a losses.Loss"),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_work_is_refused_and_changes_nothing(call: Any, said: str) -> None:
    before = [dict(table) for table in TABLES]
    with pytest.raises(PluginError, match=said) as caught:
        call()
    assert exit_code(caught.value) == 2
    assert [dict(table) for table in TABLES] == before


def test_a_function_that_fails_at_once_is_refused_before_it_is_trained_with() -> None:
    def too_few(z: Any) -> None: ...

    def of_another_shape(d_a: Any, z: Any, a: Any, out: Any) -> None:
        out[...] = np.ones((99, 99))

    with pytest.raises(PluginError, match=r"'odd' fails on 2 x 3 numbers \(TypeError: .*; mend its forward"):
        register_activation("odd", too_few, square_backward)
    with pytest.raises(PluginError, match=r"'odd' fails on 2 x 3 numbers \(ValueError: .*; mend its backward"):
        register_activation("odd", square, of_another_shape)
    assert "odd" not in ACTIVATIONS
    assert "odd" not in DERIVATIVES


def test_a_loss_that_fails_at_once_is_refused_before_it_is_trained_with() -> None:
    squared = LOSSES["squared-error"]

    def one_for_all(z: Any, a: Any, y: Any) -> Any:
        return np.square(a - y).sum()

    def of_another_shape(a: Any, y: Any, out: Any) -> None:
        out[...] = np.ones((99, 99))

    for loss, said in [
        (Loss(one_for_all, squared.gradient), r"gives the shape \(\), not one .* of 2 rows.*; mend its value function"),
        (Loss(squared.value, of_another_shape), r"'odd' fails on 2 x 3 numbers \(ValueError: .*; mend its gradient"),
        (
            Loss(squared.value, squared.gradient, "softmaks"),
            "goes with the activation 'softmaks', did you mean 'softmax'",
        ),
        (Loss(squared.value, squared.gradient, parameters={"k": 1.0}), "unexpected keyword argument 'k'"),
    ]:
        with pytest.raises(PluginError, match=said):
            register_loss("odd", loss)
    assert "odd" not in LOSSES


def test_a_loss_whose_number_reaches_only_its_value_is_found_wrong() -> None:
    def value(z: Any, a: Any, y: Any, k: float) -> Any:
        return k * np.square(a - y).sum(axis=1)

    def gradient(a: Any, y: Any, out: Any, k: float) -> None:
        np.multiply(a - y, 2, out=out)  # forgot k, which is 1 unless someone gives it

    register_loss("odd", Loss(value, gradient, parameters={"k": 1.0}))
    assert not any(check.ok for check in run_gradcheck() if check.subject.startswith("loss odd"))


def test_optimizers_and_losses_go_by_name_and_can_be_replaced_by_a_later_plug_in() -> None:
    loss = Loss(LOSSES["squared-error"].value, LOSSES["squared-error"].gradient)
    for _ in range(2):
        register_optimizer("mine", SGD)
        register_loss("mine", loss)
    assert OPTIMIZERS["mine"] is SGD
    assert LOSSES["mine"] is loss


GOOD = """
from dataclasses import dataclass
from mlp_train import register_optimizer
from mlp_train.optimizers import SGD

@dataclass
class Note:
    text: str

register_optimizer("from-a-file", SGD)
"""


def test_a_plug_in_file_is_run_once_it_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(GOOD)
    load_plugins([path])
    assert "from-a-file" in OPTIMIZERS


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("x = 1\nimport no_such_module\n", "bad.py, line 2: ModuleNotFoundError: No module named 'no_such_module'"),
        ("x = 1\n\nif x\n", "bad.py, line 3: SyntaxError: expected ':'"),
        ("def f():\n    return 1 / 0\nf()\n", "bad.py, line 2: ZeroDivisionError: division by zero"),
        ("import json\njson.loads('{')\n", "bad.py, line 2: JSONDecodeError: Expecting property name"),
        ("raise SystemExit(0)\n", "bad.py, line 1: SystemExit: 0"),
        ("raise ValueError\n", "bad.py, line 1: ValueError: no message"),
        ("raise ValueError('a\\nb')\n", "bad.py, line 1: ValueError: a;"),
        ("import mlp_train\nmlp_train.register_optimizer('sgd', 3)\n", "bad.py, line 2: the optimizer 'sgd' must be"),
    ],
)
def test_an_error_in_a_plug_in_is_one_sentence_with_file_and_line(tmp_path: Path, source: str, said: str) -> None:
    path = tmp_path / "bad.py"
    path.write_text(source)
    with pytest.raises(PluginError) as caught:
        load_plugin(path)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "mlp_plugin_bad" not in sys.modules


def test_a_relative_path_is_named_with_its_line_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.py").write_text("1 / 0\n")
    with pytest.raises(PluginError, match=r"^bad.py, line 1: ZeroDivisionError"):
        load_plugin("bad.py")


def test_ctrl_c_in_a_plug_in_stays_ctrl_c(tmp_path: Path) -> None:
    path = tmp_path / "slow.py"
    path.write_text("raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        load_plugin(path)


def test_what_is_no_python_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("")
    for path, said in [
        (tmp_path / "absent.py", "there is no such plug-in file"),
        (tmp_path, "there is no such plug-in file"),
        (tmp_path / "notes.txt", r"does not end in \.py"),
    ]:
        with pytest.raises(PluginError, match=said):
            load_plugin(path)


def installed(tmp_path: Path, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lay out a package with an entry point as pip leaves it."""
    info = tmp_path / "their_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{plugins.GROUP}]\ntheirs = {value}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    plugins.load_installed.cache_clear()


def test_an_installed_package_registers_through_its_entry_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "their_module.py").write_text(
        "def setup():\n    from mlp_train.plugins import register_optimizer\n"
        "    from mlp_train.optimizers import SGD\n    register_optimizer('theirs', SGD)\n"
    )
    installed(tmp_path, "their_module:setup", monkeypatch)
    load_plugins()
    assert "theirs" in OPTIMIZERS
    plugins.load_installed.cache_clear()


def test_an_installed_package_that_cannot_be_loaded_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(tmp_path, "their_absent_module", monkeypatch)
    with pytest.raises(PluginError, match=r"'theirs' \(their_absent_module\) cannot be loaded: ModuleNotFoundError"):
        load_plugins()
    plugins.load_installed.cache_clear()
