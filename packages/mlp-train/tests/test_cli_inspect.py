"""`inspect`, `gradcheck` and `env`: commands that show and change nothing."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mlp_data
from mlp_train.config import make_config
from mlp_train.export import to_bytes
from mlp_train.plan import make_plan

Run = Callable[..., Any]
QUICK = ("--epochs", "2", "--hidden", "8", "-q")


def test_a_source_is_shown_as_mlp_data_shows_it(mlp_train: Run) -> None:
    from typer.testing import CliRunner

    from mlp_data.cli import app

    shown = mlp_train("inspect", "titanic")
    assert shown.out == CliRunner().invoke(app, ["inspect", "titanic"]).stdout
    assert shown.err == "next: mlp-train fit titanic\n"
    assert json.loads(mlp_train("inspect", "titanic", "--json").out)["target"] == "Survived"


def test_a_model_shows_input_layers_output_and_training(mlp_train: Run) -> None:
    mlp_train("fit", "titanic", *QUICK, "--out", "t", "--name", "ship")
    shown = mlp_train("inspect", "t/model.mlp")
    for part in ("ship", "input: table", "  Sex: category", "8 relu", "output: classes 0, 1", "valid: ", "accuracy 0."):
        assert part in shown.out, part
    said = json.loads(mlp_train("inspect", "t/model.mlp", "--json").out)
    assert said["meta"] == {"name": "ship"}
    assert said["training"]["source"] == "titanic"


@pytest.mark.parametrize(
    "odd",
    [
        {"metrics": 5},
        {"metrics": {"test": {"accuracy": "high"}}},
        {"options": [1], "target": 7},
        {"options": {"drop": [1], "columns": ["a"]}},
        {"configuration": {"valid_fraction": "x", "seed": [1]}},
        {"configuration": {"valid_fraction": 5.0, "seed": -1}},
        {"fingerprint": 5, "samples": "\x1b[2J"},
    ],
)
def test_a_model_whose_history_was_forged_is_used_without_it(mlp_train: Run, odd: dict[str, Any]) -> None:
    data = mlp_data.load("titanic")
    plan = make_plan(data, make_config())
    layer = np.zeros((plan.input.size, 1)), np.zeros(1), "sigmoid", dict[str, float]()
    training = {**plan.provenance(), **odd}
    Path("model.mlp").write_bytes(to_bytes(plan.input, [layer], plan.output, training=training))
    inspected, evaluated = mlp_train("inspect", "model.mlp"), mlp_train("evaluate", "model.mlp", "titanic")
    assert inspected.code == 0
    assert evaluated.code == (3 if "configuration" in odd else 0)  # then nobody knows what was held out
    assert ("none was held out" in evaluated.err) == ("configuration" in odd)
    assert "\x1b" not in inspected.out


def test_a_run_shows_whether_it_is_finished_and_how_to_go_on(mlp_train: Run) -> None:
    mlp_train("fit", "xor", *QUICK, "--out", "x")
    shown = mlp_train("inspect", "x")
    assert shown.out.startswith("x: finished, 2 epochs\n")
    assert "epochs = 2" in shown.out
    assert json.loads(mlp_train("inspect", "x", "--json").out)["finished"] is True
    Path("x/model.mlp").unlink()
    Path("x/metrics.jsonl").unlink()
    shown = mlp_train("inspect", "x")
    assert "not finished" in shown.out
    assert "next: mlp-train fit --resume x" in shown.err


def test_a_killed_run_shows_how_far_it_came(mlp_train: Run) -> None:
    mlp_train("fit", "xor", "--epochs", "12", "--hidden", "8", "-q", "--out", "x")
    lines = Path("x/metrics.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    Path("x/metrics.jsonl").write_text("".join(lines[:5]), encoding="utf-8")
    Path("x/model.mlp").unlink()
    assert mlp_train("inspect", "x").out.startswith("x: not finished, 4 of 12 epochs\n")


def test_what_is_none_of_these_is_unusable_data(mlp_train: Run) -> None:
    Path("notes.txt").write_text("one\ntwo\n", encoding="utf-8")
    answer = mlp_train("inspect", "notes.txt")
    assert (answer.code, answer.out) == (3, "")


def test_every_derivative_is_right_and_the_surrogate_is_expected_to_differ(mlp_train: Run) -> None:
    answer = mlp_train("gradcheck")
    assert answer.code == 0
    lines = answer.out.splitlines()
    assert any(line.startswith("activation sigmoid-hybrid") and "mismatch expected" in line for line in lines)
    assert any(line.startswith("loss binary-cross-entropy") and line.endswith("ok") for line in lines)
    said = json.loads(mlp_train("gradcheck", "--json").out)
    assert said["ok"] is True
    assert 0 < said["worst"] <= said["tolerance"] == 1e-6
    assert len(said["checks"]) == len(lines)


def test_a_wrong_derivative_of_a_plugin_is_found(command: list[str], tmp_path: Path) -> None:
    (tmp_path / "wrong.py").write_text(
        "import numpy as np\nfrom mlp_train import register_activation\n"
        "def forward(z, out):\n    np.multiply(z, 2, out=out)\n"
        "def backward(d_a, z, a, out):\n    np.multiply(d_a, 3, out=out)\n"
        "register_activation('wrong', forward, backward)\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [*command, "gradcheck", "--plugin", "wrong.py", "--json"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 5
    assert "activation wrong" in done.stderr
    said = json.loads(done.stdout)
    assert said["ok"] is False
    wrong = [one["subject"] for one in said["checks"] if not one["ok"]]
    assert {"activation wrong", "output activation wrong"} <= set(wrong)
    assert all(subject.endswith("wrong") for subject in wrong)  # each loss is tried with it too


def test_the_environment_names_versions_but_nobody(mlp_train: Run) -> None:
    shown = mlp_train("env")
    assert shown.out.startswith("Python ")
    assert "NumPy" in shown.out
    said = json.loads(mlp_train("env", "--json").out)
    assert {"python", "numpy", "blas", "opencv", "cpu_count", "threads", "packages"} <= set(said)
    assert str(Path.home()) not in json.dumps(said)
