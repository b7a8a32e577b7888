from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from export_models import MODELS, layers, of_kind, raw

import mlp_runtime
from mlp_runtime.activations import ACTIVATIONS, layer
from mlp_runtime.inputs import ink, pixels, resize
from mlp_train.errors import OutputError, UsageError
from mlp_train.export import WEIGHTS, to_bytes
from mlp_train.exporters import FORMATS, export
from mlp_train.exporters.cut_source import cut
from mlp_train.exporters.stored import kept_weights


def only(files: Any) -> bytes:
    (content,) = files.values()
    return content


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("weights", WEIGHTS)
def test_a_model_with_other_weights_answers_as_the_training_would_have_written_it(kind: str, weights: str) -> None:
    model = of_kind(kind)
    again = mlp_runtime.load(only(export(model, "mlp", Path("a.mlp"), weights)))
    meant = of_kind(kind, weights)
    np.testing.assert_array_equal(
        again.forward(model.input.transform(raw(model))), meant.forward(model.input.transform(raw(model)))
    )
    assert kept_weights(again) == weights
    assert again.describe()["output"] == model.describe()["output"]


def test_a_temperature_is_not_divided_into_the_last_layer_a_second_time() -> None:
    prepare, output, _ = MODELS["classes of an image"]
    model = mlp_runtime.load(to_bytes(prepare, layers(prepare.size, 5, 3), {**output, "temperature": 2.5}))
    again = mlp_runtime.load(only(export(model, "mlp", Path("a.mlp"))))
    x = np.random.default_rng(0).normal(size=(9, prepare.size)).astype(np.float32)
    np.testing.assert_array_equal(again.forward(x), model.forward(x))
    assert again.describe()["output"]["temperature"] == 2.5


def test_weights_stay_as_they_are_stored_where_nobody_says_otherwise() -> None:
    model = of_kind("numbers of a vector", "int8")
    once = only(export(model, "mlp", Path("a.mlp")))
    assert kept_weights(mlp_runtime.load(once)) == "int8"
    assert only(export(mlp_runtime.load(once), "mlp", Path("a.mlp"))) == once


@pytest.mark.parametrize("weights", WEIGHTS)
def test_plain_arrays_and_their_spec_are_enough_to_compute_the_answer(weights: str) -> None:
    model = of_kind("numbers of a vector")
    with np.load(io.BytesIO(only(export(model, "npz", Path("a.npz"), weights)))) as archive:
        arrays = dict(archive)
    spec = json.loads(str(arrays["spec"]))
    x = raw(model)
    a = (x - arrays[spec["input"]["mean"]]) * arrays[spec["input"]["scale"]]
    for index, described in enumerate(spec["layers"]):
        weight = arrays[f"layers.{index}.weight"].astype(np.float32)
        weight = weight * arrays.get(f"layers.{index}.weight.scale", np.ones(1))[:, None]
        bias = arrays[f"layers.{index}.bias"]
        a = layer(
            a.astype(np.float32), weight.T.astype(np.float32), bias, out=np.empty((len(a), len(bias)), np.float32)
        )
        ACTIVATIONS[described["activation"]].forward(a, a, **described["parameters"])
    answers = a * spec["output"]["scale"] + spec["output"]["mean"]
    np.testing.assert_allclose(answers, of_kind("numbers of a vector", weights).predict(x), rtol=1e-5, atol=1e-5)


def test_the_same_model_gives_the_same_bytes_in_every_form() -> None:
    model = of_kind("two classes of a table")
    for form in FORMATS.keys() - {"onnx"}:
        assert export(model, form, Path("a.b")) == export(model, form, Path("a.b")), form


def test_weights_that_float16_cannot_hold_are_refused_with_the_largest() -> None:
    prepare, output, _ = MODELS["one number of a plain vector"]
    large = [(np.full((3, 1), 1e5), np.zeros(1), "identity", {})]
    model = mlp_runtime.load(to_bytes(prepare, large, output))
    with pytest.raises(OutputError, match=r"layer 0 .* float16, which ends at 65504, .* 100000: store float32"):
        export(model, "npz", Path("a.npz"), "float16")


@pytest.mark.parametrize(
    ("form", "weights", "said"),
    [
        ("numpy", None, "to 'numpy'"),
        ("onxn", None, "did you mean 'onnx'"),
        ("mlp", "int4", "'int4', did you mean 'int8'"),
        ("c", "float16", "C99 has no 16-bit"),
    ],
)
def test_what_there_is_not_is_refused_by_name(form: str, weights: str | None, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        export(of_kind("numbers of a vector"), form, Path("a"), weights)


@pytest.fixture(scope="module")
def digits_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from typer.testing import CliRunner

    from mlp_train.cli import app

    folder = tmp_path_factory.mktemp("digits") / "run"
    done = CliRunner().invoke(
        app, ["fit", "digits", "--epochs", "1", "--hidden", "16", "--seed", "1", "--out", str(folder)]
    )
    assert done.exit_code == 0, done.stderr
    return folder


def test_the_command_says_what_smaller_weights_cost_on_rows_that_were_held_back(
    mlp_train: Callable[..., Any], digits_run: Path
) -> None:
    done = mlp_train("export", digits_run, "--weights", "int8", "--out", "small.mlp", "--json")
    said = json.loads(done.out)
    assert said["weights"] == {"before": "float32", "after": "int8"}
    assert said["size_ratio"] == pytest.approx(0.25, abs=0.1)
    before, after = said["figures"]["accuracy"]
    assert abs(before - after) < 0.02
    assert "1,000 samples: the test split" in done.err
    again = json.loads(mlp_train("evaluate", "small.mlp", "digits", "--json").out)
    assert again["accuracy"] == after
    assert Path("small.mlp").stat().st_size == said["files"]["small.mlp"]


def test_the_command_exports_all_the_same_where_the_data_are_gone(
    mlp_train: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "t.csv").write_text("a,b\n" + "1,x\n2,y\n" * 30, encoding="utf-8")
    assert mlp_train("fit", "t.csv", "--epochs", "1", "--out", "run").code == 0
    (tmp_path / "t.csv").unlink()
    done = mlp_train("export", "run", "--weights", "float16", "--out", "half.mlp")
    assert done.code == 0
    assert "was not measured" in done.err
    assert "accuracy" not in done.out
    asked = mlp_train("export", "run", "--weights", "int8", "--out", "less.mlp", "--source", "t.csv")
    assert asked.code == 3
    assert not (tmp_path / "less.mlp").exists()


def test_the_command_replaces_no_file_unless_told_to(
    mlp_train: Callable[..., Any], tmp_path: Path, digits_run: Path
) -> None:
    (tmp_path / "net.h").write_text("mine", encoding="utf-8")
    done = mlp_train("export", digits_run, "--to", "c", "--out", "net.c")
    assert (done.code, done.out) == (6, "")
    assert "net.h: the file exists" in done.err
    assert not (tmp_path / "net.c").exists()
    assert mlp_train("export", digits_run, "--to", "c", "--out", "net.c", "--force").code == 0
    assert (tmp_path / "net.h").read_text(encoding="utf-8").startswith("/* A small neural network: 784-16-10.")


def test_the_command_names_what_is_unknown_and_what_is_no_model(mlp_train: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "no.mlp").write_bytes(b"PK\x03\x04 and more")
    assert mlp_train("export", "no.mlp", "--out", "a").code == 4
    assert mlp_train("export", "absent.mlp", "--out", "a").code == 2
    assert "--out" in mlp_train("export", "no.mlp").err


@pytest.mark.parametrize("kind", MODELS)
def test_a_script_answers_as_the_runtime_in_a_process_without_it(kind: str, tmp_path: Path) -> None:
    model = of_kind(kind)
    files = export(model, "numpy-script", tmp_path / "net.py")
    (tmp_path / "net.py").write_bytes(only(files))
    given = raw(model)
    np.save(tmp_path / "raw.npy", given) if isinstance(given, np.ndarray) else (tmp_path / "raw.json").write_text(
        json.dumps(given), encoding="utf-8"
    )
    ask = (
        "import json, sys, numpy as np, net\n"
        "raw = np.load('raw.npy') if sys.argv[1] == 'npy' else json.load(open('raw.json', 'rb'))\n"
        "ask = getattr(net, 'predict_proba', net.predict)\n"
        "np.savez('said.npz', many=ask(raw), single=[ask(one) for one in raw[:5]])\n"
        "labels = net.predict(raw)\n"
        "json.dump(labels if isinstance(labels, list) else labels.tolist(), open('labels.json', 'w'))\n"
        "assert not [name for name in sys.modules if name.startswith('mlp_')], sys.modules\n"
    )
    kind_of_file = "npy" if isinstance(given, np.ndarray) else "json"
    subprocess.run([sys.executable, "-W", "error", "-c", ask, kind_of_file], cwd=tmp_path, check=True)
    wanted = (model.predict_proba if model.classes else model.predict)(given)
    with np.load(tmp_path / "said.npz") as said:
        np.testing.assert_allclose(said["many"], wanted, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(said["single"], wanted[:5], rtol=1e-6, atol=1e-6)
    labels = json.loads((tmp_path / "labels.json").read_text(encoding="utf-8"))
    if model.classes:
        expected = model.predict(given)
        assert labels == (expected.tolist() if isinstance(expected, np.ndarray) else [list(one) for one in expected])


def test_a_script_answers_from_a_shell_and_refuses_what_the_model_does_not_take(tmp_path: Path) -> None:
    model = of_kind("two classes of a table")
    row = raw(model)[1]
    (tmp_path / "net.py").write_bytes(only(export(model, "numpy-script", tmp_path / "net.py")))
    (tmp_path / "row.json").write_text(json.dumps(row), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "net.py", "row.json"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == model.predict(row)
    (tmp_path / "row.json").write_text(json.dumps({**row, "Age": "old"}), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "net.py", "row.json"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert "column 'Age': 'old' came, but the model wants a finite number" in done.stderr


@pytest.mark.parametrize("weights", WEIGHTS)
def test_a_script_with_the_shipped_digits_answers_as_the_runtime(
    digits_run: Path, weights: str, tmp_path: Path
) -> None:
    import mlp_data

    model = mlp_runtime.load(only(export(mlp_runtime.load(digits_run / "model.mlp"), "mlp", Path("a"), weights)))
    digits = mlp_data.load("digits").splits["test"].x[:200]
    namespace: dict[str, Any] = {"__name__": "net"}
    exec(only(export(model, "numpy-script", tmp_path / "net.py")), namespace)
    np.testing.assert_allclose(namespace["predict_proba"](digits), model.predict_proba(digits), rtol=0, atol=1e-6)
    assert namespace["predict"](digits).tolist() == model.predict(digits).tolist()


def test_constants_of_one_name_in_several_modules_stay_apart() -> None:
    imports, text = cut([("mlp_runtime.inputs.image", "ImageInput")])
    namespace: dict[str, Any] = {}
    exec("from __future__ import annotations\n" + "\n".join(imports) + "\n" + text, namespace)
    assert namespace["_ink_BLOCK"] == ink._BLOCK
    assert namespace["_resize_BLOCK"] == resize._BLOCK
    assert namespace["_pixels_BLOCK"] == pixels._BLOCK
    assert "_BLOCK" not in namespace


def test_a_file_name_never_becomes_code_of_the_script() -> None:
    name = '"""; raise SystemExit("caught") #.py'
    namespace: dict[str, Any] = {"__name__": "net"}
    exec(only(export(of_kind("numbers of a vector"), "numpy-script", Path(name))), namespace)
    assert "predict" in namespace
