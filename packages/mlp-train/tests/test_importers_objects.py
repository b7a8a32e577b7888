"""Modules of PyTorch, models of Keras and files of tensors: what is refused, and what stays as it was."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import numpy as np
import pytest

import mlp_runtime
from mlp_train import importers
from mlp_train.errors import ForeignModelError, UsageError


@pytest.fixture
def nn() -> Any:
    """The layers of PyTorch."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: nox -s importers has it")
    torch.manual_seed(0)
    return torch.nn


@pytest.fixture
def keras() -> Any:
    """Keras 3, on whatever it computes with."""
    pytest.importorskip("torch", reason="PyTorch is not installed: nox -s importers has it")
    return pytest.importorskip("keras", reason="Keras is not installed: nox -s importers has it")


def test_a_module_stays_as_it_was(nn: Any) -> None:
    module = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 2)).train()
    before = [value.clone() for value in module.state_dict().values()]
    assert importers.torch(module, names=["a", "b"]).difference <= 2e-6
    assert module.training
    assert all((old == new).all() for old, new in zip(before, module.state_dict().values(), strict=True))


def test_logits_become_probabilities_on_request(nn: Any) -> None:
    module = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 3))
    model = importers.torch(module, classes=["a", "b", "c"], logits=True).model
    assert model.predict_proba([0.1, 0.2, 0.3]).sum() == pytest.approx(1)
    logs = nn.Sequential(*module, nn.LogSoftmax(dim=1))
    again = importers.torch(logs, classes=["a", "b", "c"], logits=True).model
    np.testing.assert_allclose(again.predict_proba([0.1, 0.2, 0.3]), model.predict_proba([0.1, 0.2, 0.3]), atol=1e-6)
    with pytest.raises(ForeignModelError, match=r"'3' \(LogSoftmax\) is a LogSoftmax, which the model file has not"):
        importers.torch(logs)
    with pytest.raises(UsageError, match="logits were promised, but the network ends with the activation softmax"):
        importers.torch(nn.Sequential(*module, nn.Softmax(dim=1)), logits=True)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (
            lambda nn: nn.Sequential(nn.Conv2d(1, 2, 3), nn.Linear(4, 2)),
            r"the module '0' \(Conv2d\) is a layer that is not",
        ),
        (lambda nn: nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4)), r"the module '1' \(LayerNorm\)"),
        (lambda nn: nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.GELU())), r"the module '1.0' \(GELU\) is the form"),
        (lambda nn: nn.Sequential(nn.Linear(4, 4), nn.PReLU(4)), r"the module '1' \(PReLU\)"),
        (lambda nn: nn.Sequential(nn.Linear(4, 4), nn.Softmax(dim=0)), "has dim=0: over a row it is dim=1"),
        (lambda nn: nn.Sequential(nn.Linear(4, 8), nn.Linear(7, 1)), r"weight of the shape \(7, 1\), but is given 8"),
        (
            lambda nn: nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4, track_running_stats=False)),
            "measures every batch",
        ),
        (lambda nn: nn.Sequential(nn.ReLU()), "has no Linear layer"),
    ],
)
def test_a_module_that_is_no_layer_is_refused_by_name(nn: Any, make: Callable[[Any], Any], said: str) -> None:
    with pytest.raises(ForeignModelError, match=said):
        importers.torch(make(nn))


def test_a_module_of_ones_own_is_not_taken_for_one_of_pytorchs(nn: Any) -> None:
    class Linear(nn.Linear):  # type: ignore[misc, name-defined]
        def forward(self, x: Any) -> Any:
            return super().forward(x) * 2

    with pytest.raises(ForeignModelError, match="no Linear layer"):
        importers.torch(nn.Sequential(Linear(3, 2)))


def test_a_hook_that_changes_the_answers_is_found_out(nn: Any) -> None:
    module = nn.Sequential(nn.Linear(3, 2))
    module[0].register_forward_hook(lambda module, given, made: made + 1)
    with pytest.raises(
        ForeignModelError, match=r"answers otherwise than PyTorch .* by 1 where 1e-05 is allowed|otherwise"
    ):
        importers.torch(module)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda k: [k.layers.Dense(5, activation="gelu")], r"layer 0 \(Dense 'here'\) has the gelu with erf"),
        (lambda k: [k.layers.Dense(5, activation="exponential")], "an exponential without a limit"),
        (lambda k: [k.layers.Dense(5, activation="softplus")], "has the activation 'softplus'"),
        (
            lambda k: [k.layers.LayerNormalization()],
            r"layer 0 \(LayerNormalization 'here'\) is a layer that is not read",
        ),
        (lambda k: [k.layers.ReLU(max_value=6.0)], "has a max_value or a threshold"),
    ],
)
def test_a_keras_layer_that_is_none_of_ours_is_refused_by_name(
    keras: Any, make: Callable[[Any], list[Any]], said: str
) -> None:
    layers = make(keras)
    layers[0].name = "here"
    with pytest.raises(ForeignModelError, match=said):
        importers.keras(keras.Sequential([keras.Input((4,)), *layers, keras.layers.Dense(1)]))


def test_a_keras_model_with_branches_or_without_an_input_is_refused(keras: Any) -> None:
    given = keras.Input((4,))
    sum_of = keras.layers.Add()([keras.layers.Dense(4)(given), given])
    with pytest.raises(ForeignModelError, match=r"\(Add '.*'\) is a layer that is not read"):
        importers.keras(keras.Model(given, sum_of))
    two = keras.Model(given, [keras.layers.Dense(4)(given), keras.layers.Dense(4)(given)])
    with pytest.raises(ForeignModelError):
        importers.keras(two)
    with pytest.raises(ForeignModelError, match="has no input yet"):
        importers.keras(keras.Sequential([keras.layers.Dense(3)]))
    with pytest.raises(ForeignModelError, match="a str came"):
        importers.keras("a text")


@pytest.mark.parametrize("backend", ["numpy", "jax"])
def test_keras_may_compute_with_anything(keras: Any, tmp_path: Path, backend: str) -> None:
    """Another process, because Keras chooses what it computes with when it is imported."""
    pytest.importorskip(
        "jax", reason="JAX, on which Keras's NumPy stands too, is not installed: nox -s importers has it"
    )
    code = (
        "from pathlib import Path\nfrom import_cases import from_keras\n"
        "made = from_keras('a functional model', Path('.'))\nprint(made.against, made.difference < 2e-6)\n"
    )
    environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": str(Path(__file__).parent)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout == f"Keras {keras.__version__} on {backend} True\n", done.stderr


WEIGHTS = {
    "fc1.weight": np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32),
    "fc1.bias": np.random.default_rng(1).normal(size=5).astype(np.float32),
    "fc2.weight": np.random.default_rng(2).normal(size=(5, 2)).astype(np.float16),
    "mean": np.array([1, 2, 3], np.float32),
}
SPEC: dict[str, Any] = {
    "layers": [
        {"weight": "fc1.weight", "bias": "fc1.bias", "activation": "leaky-relu", "parameters": {"negative_slope": 0.3}},
        {"weight": "fc2.weight", "layout": "in-out"},
    ],
    "input": {"mean": "mean", "scale": [1.0, 0.5, 2.0], "names": ["a", "b", "c"]},
    "output": {"names": ["low", "high"]},
}


@pytest.fixture
def tensors(tmp_path: Path) -> Callable[..., importers.Imported]:
    """Import WEIGHTS by a spec."""
    save = pytest.importorskip("safetensors.numpy", reason="safetensors is not installed: nox -s importers has it")
    save.save_file(WEIGHTS, str(tmp_path / "net.safetensors"))

    def take(spec: Any = SPEC) -> importers.Imported:
        text = spec if isinstance(spec, str) else json.dumps(spec)
        (tmp_path / "spec").write_text(text, encoding="utf-8")
        return importers.safetensors(tmp_path / "net.safetensors", tmp_path / "spec")

    return take


def test_tensors_and_a_spec_are_a_network(tensors: Any) -> None:
    made = tensors()
    x = np.random.default_rng(3).normal(size=(20, 3)).astype(np.float32)
    a = ((x - [1, 2, 3]) * [1, 0.5, 2]) @ WEIGHTS["fc1.weight"].T + WEIGHTS["fc1.bias"]
    wanted = np.where(a > 0, a, 0.3 * a) @ WEIGHTS["fc2.weight"].astype(float)
    np.testing.assert_allclose(made.model.predict(x), wanted, rtol=1e-5, atol=1e-5)
    assert made.model.input.names == ("a", "b", "c")
    assert made.model.describe()["output"]["names"] == ["low", "high"]
    assert made.against == "the spec in float64"


@pytest.mark.parametrize(
    ("spec", "error", "said"),
    [
        ({}, UsageError, "layers cannot be used: field required"),
        ({"layers": [{"weight": "fc1.weights"}]}, ForeignModelError, "did you mean 'fc1.weight'"),
        ({"layers": [{"weight": "fc1.weight", "activation": "rely"}]}, UsageError, "did you mean 'relu'"),
        ({"layers": [{"weight": "fc1.weight", "act": "relu"}]}, UsageError, "layers.0.act cannot be used"),
        ({"layers": [{"weight": "fc1.bias"}]}, ForeignModelError, "needs floats of 2 axes there"),
        ({"layers": [{"weight": "fc1.weight", "bias": "mean"}]}, ForeignModelError, "constants of the shape"),
        (
            {"layers": [{"weight": "fc1.weight"}], "input": {"mean": [1.0, 2.0]}},
            ForeignModelError,
            "the spec's input has",
        ),
        (
            {"layers": [{"weight": "fc1.weight", "activation": "relu", "parameters": {"slope": 1.0}}]},
            UsageError,
            "relu has no parameter 'slope'",
        ),
        ("layers = 3 = 4", UsageError, "neither JSON nor TOML"),
        ("[" * 100_000, UsageError, "neither JSON nor TOML"),
        ('{"layers": ' + "[" * 100_000, UsageError, "neither JSON nor TOML"),
        ("{" + " " * 2**21 + "}", UsageError, "larger than 1,048,576 bytes"),
        (".".join(["a"] * 50_000) + " = 1", UsageError, "its keys have too many parts"),
        (" .\t".join(["a"] * 50_000) + " = 1", UsageError, "its keys have too many parts"),
        (".".join(['"="'] * 50_000) + " = 1", UsageError, "its keys have too many parts"),
        (".".join(["1"] * 50_000) + " = 1", UsageError, "its keys have too many parts"),
        ("[" + ".".join(["a"] * 50_000) + "]", UsageError, "its keys have too many parts"),
        ('{"layers": [], "layers": [{"weight": "fc1.weight"}]}', UsageError, "the key 'layers' comes twice"),
        ('{"layers": [{"weight": "a", "weight": "b"}]}', UsageError, "the key 'weight' comes twice"),
        (
            '{"layers": [{"weight": "fc1.weight"}], "input": {"mean": [NaN, 1, 1]}}',
            UsageError,
            r"input\.mean\.0 cannot be used: input should be a finite number",
        ),
        (
            '{"layers": [{"weight": "fc1.weight"}], "input": {"scale": [1, 1e999, 1]}}',
            UsageError,
            r"input\.scale\.1 cannot be used: input should be a finite number",
        ),
        (
            {"layers": [{"weight": "fc1.weight", "activation": "x" * 500_000}]},
            UsageError,
            "there is no activation '" + "x" * 60 + "'$",
        ),
        (
            {"layers": [{"weight": "fc1.weight", "activation": "relu", "parameters": {"x" * 500_000: 1.0}}]},
            UsageError,
            "relu has no parameter '" + "x" * 60 + "'$",
        ),
    ],
)
def test_a_spec_that_does_not_fit_is_refused_in_a_sentence(
    tensors: Any, spec: Any, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said) as caught:
        tensors(spec)
    assert "\n" not in str(caught.value)


def header(text: bytes, claimed: int | None = None, rest: bytes = b"") -> bytes:
    return struct.pack("<Q", len(text) if claimed is None else claimed) + text + rest


@pytest.mark.parametrize(
    "content",
    [
        header(b'{"a":{"dtype":"F32","shape":[1000000,1000000],"data_offsets":[0,4000000000000]}}'),
        header(b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}', rest=b"\0" * 4),
        header(b"{", claimed=2**60),
        header(b'{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}', rest=b"\0" * 4),
        header(b'{"fc1.weight":{"dtype":"BF16","shape":[1,2],"data_offsets":[0,4]}}', rest=b"\0" * 4),
        header(b"{}"),
        header(b"{" + b'"x":' * 50000),
    ],
)
def test_tensors_that_mean_harm_are_refused_in_a_sentence(
    mlp_train: Callable[..., Any], tmp_path: Path, content: bytes
) -> None:
    pytest.importorskip("safetensors", reason="safetensors is not installed: nox -s importers has it")
    (tmp_path / "net.safetensors").write_bytes(content)
    (tmp_path / "spec.json").write_text(json.dumps(SPEC), encoding="utf-8")
    done = mlp_train("import", "net.safetensors", "--spec", "spec.json", "-o", "net.mlp")
    assert (done.code, done.out) == (4, "")
    assert done.err.startswith("error: net.safetensors: ")
    assert done.err.count("\n") == 1
    assert not (tmp_path / "net.mlp").exists()


def test_the_command_takes_tensors_with_their_spec_alone(
    mlp_train: Callable[..., Any], tmp_path: Path, tensors: Any
) -> None:
    tensors()
    done = mlp_train("import", "net.safetensors", "--out", "net.mlp")
    assert done.code == 2
    assert "--spec FILE says what they are" in done.err
    done = mlp_train("import", "net.safetensors", "--spec", "spec", "--out", "net.mlp")
    assert done.code == 0, done.err
    assert mlp_runtime.load(tmp_path / "net.mlp").meta["origin"]["form"] == "safetensors"
    (tmp_path / "net.onnx").write_bytes(b"\x08\x08")
    assert "this is none: leave it out" in mlp_train("import", "net.onnx", "--spec", "spec", "-o", "a.mlp").err


@pytest.mark.parametrize("over", ["net.safetensors", "spec", "link"])
def test_a_model_replaces_no_file_that_it_is_made_of(
    mlp_train: Callable[..., Any], tmp_path: Path, tensors: Any, over: str
) -> None:
    tensors()
    (tmp_path / "link").symlink_to(tmp_path / "net.safetensors")
    before = (tmp_path / over).read_bytes()
    done = mlp_train("import", "net.safetensors", "--spec", "spec", "--force", "-o", over)
    assert (done.code, done.out) == (6, "")
    assert done.err == f"error: {over}: the model would replace the file that it is made of; choose another name\n"
    assert (tmp_path / over).read_bytes() == before


@pytest.mark.parametrize("name", ["sklearn", "torch", "keras"])
def test_without_its_package_an_importer_says_what_to_install(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UsageError, match="pip install"):
        getattr(importers, name)(object())
