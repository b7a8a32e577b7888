"""Take away: the model to the byte, a command that trains it again, a script that runs, a drawing that stands alone."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import mlp_data
import mlp_runtime
import mlp_train
from mlp_train.settings import gather

pytest.importorskip("starlette", reason="the page's own packages are not installed: mlp-train[ui]")
pytest.importorskip("httpx2", reason="Starlette's test client needs httpx2")

from starlette.testclient import TestClient

from mlp_train.fit_command import fit_command
from mlp_train.ui.network_svg import network_svg
from mlp_train.ui.server import app
from mlp_train.ui.state import Opened, Workbench, open_thing

TOKEN = "the-token-of-this-start"


def client_of(opened: Opened) -> TestClient:
    return TestClient(app(Workbench(opened), TOKEN), base_url="http://127.0.0.1:8765", headers={"x-mlp-token": TOKEN})


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    mlp_train.fit(mlp_data.load("titanic"), epochs=2, seed=1).save(folder / "titanic.mlp")
    mlp_train.fit(mlp_data.load("digits"), epochs=1, seed=7, hidden=(16,), lr=0.01).save(folder / "digits.mlp")
    generator = np.random.default_rng(0)
    x = generator.normal(size=(60, 3))
    mlp_train.fit(x, x @ [1.0, 2.0, 3.0], epochs=1, seed=1).save(folder / "numbers.mlp")
    small = generator.integers(0, 255, (40, 4, 5)).astype(np.uint8)
    mlp_train.fit(small, (small[:, 0, 0] > 99).astype(int), epochs=1, seed=1).save(folder / "small.mlp")
    return folder


def taken(models: Path, name: str, **more: Any) -> dict[str, Any]:
    model = mlp_runtime.load(models / f"{name}.mlp")
    answer = client_of(Opened(f"{name}.mlp", model, **more)).get("/api/take")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_the_model_comes_as_it_lies_on_the_disk(models: Path) -> None:
    client = client_of(open_thing(str(models / "digits.mlp")))
    assert client.get("/api/take/model").content == (models / "digits.mlp").read_bytes()


def run(script: str, file: str, folder: Path, *arguments: str) -> str:
    """Run the script with a Python that finds NumPy and mlp_runtime, and nothing else of ours."""
    (folder / "ask.py").write_text(script, encoding="utf-8")
    assert (folder / file).is_file()
    paths = [str(Path(mlp_runtime.__file__).parents[1]), str(Path(np.__file__).parents[1])]
    forbid = "import sys; sys.modules.update(dict.fromkeys(('mlp_train', 'mlp_data', 'cv2', 'msgpack', 'pydantic')))"
    code = f"import runpy, sys; sys.path += {paths!r}; {forbid}; sys.argv = sys.argv[1:]; runpy.run_path('ask.py')"
    command = [sys.executable, "-S", "-c", code, "ask.py", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("source", [None, "titanic"])
def test_the_script_of_a_table_runs_with_the_runtime_alone(models: Path, tmp_path: Path, source: str | None) -> None:
    found = taken(models, "titanic", source=source)
    (tmp_path / found["file"]).write_bytes((models / "titanic.mlp").read_bytes())
    said = run(found["script"], found["file"], tmp_path)
    assert {line.split(":")[0] for line in said.splitlines()} == {"0", "1"}
    assert "'Pclass': " in found["script"]
    assert len(found["script"].splitlines()) <= 12


def test_the_script_of_images_runs_with_the_runtime_alone(models: Path, tmp_path: Path) -> None:
    found = taken(models, "digits")
    (tmp_path / found["file"]).write_bytes((models / "digits.mlp").read_bytes())
    frame = np.asarray(mlp_data.load("digits").splits["test"].x[0])
    np.save(tmp_path / "seven.npy", frame)
    said = run(found["script"], found["file"], tmp_path, "seven.npy")
    model = mlp_runtime.load(models / "digits.mlp")
    assert said.splitlines()[0].startswith(f"{model.predict(frame)}: ")
    assert len(found["script"].splitlines()) <= 12
    assert "picamera2" in found["script"]


def test_the_scripts_of_other_inputs_run_too(models: Path, tmp_path: Path) -> None:
    for name in ("numbers", "small"):
        found = taken(models, name)
        (tmp_path / found["file"]).write_bytes((models / f"{name}.mlp").read_bytes())
        np.save(tmp_path / "one.npy", np.zeros((4, 5), np.uint8))
        assert run(found["script"], found["file"], tmp_path, *(["one.npy"] if name == "small" else []))


def test_names_that_would_break_a_script_do_not(tmp_path: Path) -> None:
    rows = {'it\'s "odd" \\': [1.0, 2.0, 3.0, 4.0] * 5, 'two\nlines"""': ["a", "b"] * 10}
    mlp_train.fit(rows, ["no", "yes"] * 10, epochs=1, seed=1).save(tmp_path / "odd.mlp")
    opened = open_thing(str(tmp_path / "odd.mlp"))
    found = client_of(Opened('o"""d\n.mlp', opened.model)).get("/api/take").json()
    (tmp_path / found["file"]).write_bytes((tmp_path / "odd.mlp").read_bytes())
    assert "yes" in run(found["script"], found["file"], tmp_path)
    ElementTree.fromstring(found["svg"])


def parsed(command: str) -> Any:
    """Read a command as `fit` would."""
    words = shlex.split(command)
    assert words[:2] == ["mlp-train", "fit"]
    flags: dict[str, Any] = {"source": words[2]}
    at = 3
    while at < len(words):
        name = words[at].removeprefix("--")
        if at + 1 == len(words) or words[at + 1].startswith("--"):
            flags[name.removeprefix("no-").replace("-", "_")] = "no" if name.startswith("no-") else "yes"
            at += 1
        else:
            key = name.replace("-", "_")
            value = words[at + 1]
            flags[key] = [*flags.get(key, []), value] if key in ("plugin", "columns") else value
            at += 2
    return gather(flags)


def test_the_command_of_a_run_says_what_its_configuration_says(tmp_path: Path) -> None:
    config = {
        "source": "my data.csv", "hidden": [64, 32], "lr": 0.01, "class_weight": {"rare": 5.0, "common": 1.0},
        "dropout": 0.2, "seed": 3, "drop": ["Ticket"], "columns": {"Pclass": "category"}, "weights": "float16",
        "epochs": 7, "target": "Survived", "weight_decay": 0.2, "preset": "good", "hidden_": None,
    }  # fmt: skip
    read = parsed(fit_command(config))
    assert read.config.hidden == (64, 32)
    assert read.config.class_weight == {"rare": 5.0, "common": 1.0}
    assert (read.config.lr, read.config.dropout, read.config.seed, read.config.epochs) == (0.01, 0.2, 3, 7)
    assert read.data == {"drop": ("Ticket",), "columns": {"Pclass": "category"}, "target": "Survived"}
    assert (read["source"], read["weights"]) == ("my data.csv", "float16")
    assert "weight-decay" not in fit_command(config)


def test_the_command_of_a_real_run_is_its_own(mlp_train: Any, tmp_path: Path) -> None:
    given = ["fit", "titanic", "--epochs", "2", "--hidden", "8", "--no-calibrate", "--seed", "5", "--drop", "Ticket"]
    assert mlp_train(*given, "--quiet", "--progress", "off", "--no-report", "--out", tmp_path / "run").code == 0
    found = client_of(open_thing(str(tmp_path / "run"))).get("/api/take").json()
    read = parsed(found["command"])
    assert (read["source"], read.config.hidden, read.config.epochs, read.config.seed) == ("titanic", (8,), 2, 5)
    assert read.config.calibrate is False
    assert (
        mlp_train(*shlex.split(found["command"])[1:], "--quiet", "--no-report", "--out", tmp_path / "again").code == 0
    )
    assert (tmp_path / "again" / "model.mlp").read_bytes() == (tmp_path / "run" / "model.mlp").read_bytes()


def test_a_model_file_alone_says_its_settings_and_that_the_data_must_be_found(models: Path) -> None:
    found = taken(models, "digits")
    read = parsed(found["command"])
    assert (read.config.hidden, read.config.lr, read.config.seed) == ((16,), 0.01, 7)
    assert "put their path in" in found["note"]


def test_the_drawing_stands_alone_and_has_a_title(models: Path) -> None:
    found = taken(models, "digits")
    root = ElementTree.fromstring(found["svg"])
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root[0].tag.endswith("title")
    assert "784-16-10" in str(root[0].text)
    for word in ("<script", "href", "url(", "@import", "<style"):
        assert word not in found["svg"]


def test_one_output_for_two_classes_bears_the_name_of_the_one_it_gives_the_probability_of(models: Path) -> None:
    drawn = network_svg(mlp_runtime.load(models / "titanic.mlp"), "titanic")
    assert ">P(1)</text>" in drawn


def test_a_name_in_the_drawing_can_be_no_markup(models: Path) -> None:
    drawn = network_svg(mlp_runtime.load(models / "small.mlp"), "<script>\x00 & co")
    assert "&lt;script&gt;" in drawn
    ElementTree.fromstring(drawn)


def test_where_no_model_is_open_there_is_nothing_to_take() -> None:
    client = client_of(Opened())
    assert "no model is open" in client.get("/api/take").json()["error"]
    assert client.get("/api/take/model").status_code == 422
