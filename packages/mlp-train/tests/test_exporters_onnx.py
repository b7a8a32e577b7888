from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from export_models import BUILT_IN, MODELS, layers, of_kind, raw, with_activation

import mlp_data
import mlp_runtime
import mlp_train as toolkit
from mlp_runtime.activations import ACTIVATIONS, Activation
from mlp_runtime.inputs import Column, TableInput
from mlp_train.errors import UsageError
from mlp_train.export import WEIGHTS, to_bytes
from mlp_train.exporters import export
from mlp_train.exporters.onnx import ACTIVATIONS as SAYABLE

onnx = pytest.importorskip("onnx", reason="the extra onnx is not installed")
onnxruntime = pytest.importorskip(
    "onnxruntime", reason="ONNX Runtime, which the exported graphs run in, is not installed"
)


def exported(model: mlp_runtime.Model, weights: str | None = None) -> bytes:
    (content,) = export(model, "onnx", Path("net.onnx"), weights).values()
    return content


def session(content: bytes) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 2
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(content, options)


def feed(session: Any, model: mlp_runtime.Model, given: Any) -> dict[str, Any]:
    """Put raw inputs into the words of ONNX, as docs/export.md says."""
    if model.input.kind == "vector":
        return {"x": np.asarray(given, np.float32)}
    if model.input.kind == "image":
        sides = session.get_inputs()[0].shape[1:]
        return {"pixels": model.input.prepare(given).reshape(-1, *sides)}
    flags = {"yes": 1.0, "no": 0.0, "True": 1.0, "False": 0.0, "1": 1.0}
    fed = {}
    for one in session.get_inputs():
        cells = [row[one.name.removesuffix(".category")] for row in given]
        if one.type == "tensor(string)":
            fed[one.name] = np.array([["" if cell is None else str(cell)] for cell in cells], object)
        else:
            numbers = [np.nan if cell is None else flags.get(str(cell), cell) for cell in cells]
            fed[one.name] = np.array(numbers, np.float32)[:, None]
    return fed


def answers(model: mlp_runtime.Model, given: Any, content: bytes) -> dict[str, Any]:
    running = session(content)
    names = [one.name for one in running.get_outputs()]
    return dict(zip(names, running.run(names, feed(running, model, given)), strict=True))


@pytest.mark.parametrize("kind", [kind for kind in MODELS if "texts" not in kind])
@pytest.mark.parametrize("weights", WEIGHTS)
def test_onnx_runtime_answers_as_the_runtime_from_raw_input(kind: str, weights: str) -> None:
    model, given = of_kind(kind, weights), raw(of_kind(kind))
    found = answers(model, given, exported(model))
    wanted = model.predict(given)
    if model.output_kind == "numbers":
        np.testing.assert_allclose(found["numbers"], wanted.reshape(len(given), -1), rtol=1e-5, atol=1e-5)
        return
    np.testing.assert_allclose(found["probabilities"], model.predict_proba(given), rtol=0, atol=1e-5)
    if model.output_kind == "labels":
        assert [tuple(np.array(model.classes)[row].tolist()) for row in found["holds"]] == wanted
    else:
        assert found["label"].tolist() == wanted.tolist()


def test_every_activation_has_its_onnx() -> None:
    assert SAYABLE.keys() == set(BUILT_IN)


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_activation_gives_the_runtimes_outputs(name: str) -> None:
    model = with_activation(name)
    given = np.random.default_rng(0).normal(size=(200, 20)).astype(np.float32)
    wanted = model.predict(given)
    off = np.abs(answers(model, given, exported(model))["numbers"] - wanted) / np.maximum(1, np.abs(wanted))
    assert off.max() <= 1e-5


def test_a_graph_is_one_that_the_checker_passes_and_a_person_can_read() -> None:
    made = onnx.load_from_string(exported(of_kind("two classes of a table")))
    onnx.checker.check_model(made, full_check=True)
    names = {node.name for node in made.graph.node}
    assert {"layer0.relu", "layer2.sigmoid", "column2.Sex.place", "prepared", "label"} <= names
    assert {"layer0.weight", "layer2.bias"} <= {one.name for one in made.graph.initializer}
    assert [one.name for one in made.graph.input] == ["Age", "Fare (low)", "Sex", "Port", "Alone"]
    used = {name for node in made.graph.node for name in node.input}
    assert {one.name for one in made.graph.initializer} <= used


def test_smaller_weights_make_a_smaller_graph() -> None:
    model = toolkit.fit(mlp_data.load("digits"), epochs=1, hidden=(64,), seed=1).model
    full, half, quarter = (len(exported(model, weights)) for weights in WEIGHTS)
    assert half / full == pytest.approx(0.5, abs=0.03)
    assert quarter / full == pytest.approx(0.26, abs=0.03)


def test_real_passengers_get_the_runtimes_answers() -> None:
    data = mlp_data.load("titanic", drop=("Name", "Ticket", "Cabin"))
    model = toolkit.fit(data, epochs=5, seed=1).model
    assert isinstance(model.input, TableInput)
    given = model.input.synthesise(100)
    found = answers(model, given, exported(model))
    np.testing.assert_allclose(found["probabilities"], model.predict_proba(given), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (Column("Name", "tokens", values=("Mr",)), "column 'Name' is read as the words of a text"),
        (Column("Cabin", "prefix", values=("B",)), "column 'Cabin' is read as the letters that a text begins with"),
        (Column("when", "number", part="hour"), "column 'when' is read as a part of a date"),
    ],
)
def test_what_onnx_cannot_say_is_refused_by_name(column: Column, said: str) -> None:
    made = to_bytes(TableInput((column,)), layers(1, 1, last="identity"), {"kind": "numbers", "names": ["n"]})
    with pytest.raises(UsageError, match=said):
        exported(mlp_runtime.load(made))


def test_a_plug_ins_activation_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ACTIVATIONS, "wavy", Activation("wavy", lambda z, out: np.sin(z, out=out)))
    with pytest.raises(UsageError, match="activation 'wavy', which ONNX cannot say: known there are sigmoid, "):
        exported(with_activation("wavy"))


def test_without_the_package_the_command_says_what_to_install(
    mlp_train: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.mlp").write_bytes(to_bytes(*_plain()))
    monkeypatch.setitem(sys.modules, "onnx", None)
    done = mlp_train("export", "a.mlp", "--to", "onnx", "--out", "a.onnx")
    assert done.code == 2
    assert "pip install 'mlp-train[onnx]'" in done.err


def _plain() -> tuple[Any, Any, Any]:
    prepare, output, last = MODELS["one number of a plain vector"]
    return prepare, layers(prepare.size, 1, last=last), output
