"""`fit` ends with where the model is, how good it is, and what its calibration has changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mlp_train.provenance import provenance

Run = Callable[..., Any]
QUICK = ("--epochs", "12", "--hidden", "32", "--valid-fraction", "0.2", "--progress", "off")


def noisy_csv(path: str, rows: int = 600) -> None:
    """Write a table whose class is told by two numbers, but not for sure, and a tenth of which is rare."""
    generator = np.random.default_rng(0)
    y = (generator.random(rows) < 0.1).astype(int)
    x = generator.normal(size=(rows, 2)) + 1.5 * y[:, None]
    lines = [f"{a:.4f},{b:.4f},{('common', 'rare')[kind]}" for (a, b), kind in zip(x, y, strict=True)]
    Path(path).write_text("\n".join(["a,b,kind", *lines]) + "\n", encoding="utf-8")


def test_the_calibration_error_before_and_after_is_told_and_stored(mlp_train: Run) -> None:
    noisy_csv("t.csv")
    answer = mlp_train("fit", "t.csv", *QUICK, "--out", "m", "--json")
    told = json.loads(answer.out)["calibration"]
    assert told["samples"] == 120
    assert told["log_loss"] < told["log_loss_before"]
    sentence = next(line for line in answer.err.splitlines() if line.startswith("calibrated"))
    assert sentence.startswith(f"calibrated on 120 held-out samples: temperature {told['temperature']:.3g}, log-loss ")
    assert f"calibration error {100 * told['calibration_error_before']:.2f} % -> " in sentence
    shown = json.loads(mlp_train("inspect", "m/model.mlp", "--json").out)
    assert shown["training"]["calibration"] == told
    assert f"temperature {told['temperature']:.3g}" in mlp_train("inspect", "m/model.mlp").out
    again = mlp_train("fit", "--resume", "m", "--json")
    assert json.loads(again.out)["calibration"] == told
    assert sentence in again.err


def test_without_calibration_nothing_is_fitted_or_said(mlp_train: Run) -> None:
    noisy_csv("t.csv")
    answer = mlp_train("fit", "t.csv", *QUICK, "--no-calibrate", "--out", "m", "--json")
    assert json.loads(answer.out)["calibration"] is None
    assert "calibrated" not in answer.err
    assert json.loads(mlp_train("inspect", "m/model.mlp", "--json").out)["output"]["temperature"] == 1


def test_class_weights_come_from_the_command_line_and_go_into_the_file(mlp_train: Run) -> None:
    noisy_csv("t.csv")
    assert mlp_train("fit", "t.csv", *QUICK, "--class-weight", "rare=9", "--out", "m").code == 0
    model = json.loads(mlp_train("inspect", "m/model.mlp", "--json").out)
    assert model["training"]["configuration"]["class_weight"] == {"rare": 9.0}
    assert mlp_train("fit", "t.csv", *QUICK, "--out", "p").code == 0
    recall = {}
    for run in ("m", "p"):
        said = json.loads(mlp_train("evaluate", run, "t.csv", "--json", "-q").out)
        recall[run] = said["classes"][1]["recall"]
    assert recall["m"] > recall["p"]
    wrong = mlp_train("fit", "t.csv", *QUICK, "--class-weight", "rar=9", "--out", "w")
    assert wrong.code == 2
    assert "option 'class_weight' names 'rar', which is no class of the data, did you mean 'rare'?" in wrong.err
    assert not Path("w").exists()


def test_what_a_file_says_of_its_calibration_counts_only_if_it_is_one() -> None:
    whole = {
        "temperature": 1.2, "samples": 60, "log_loss_before": 0.5, "log_loss": 0.4, "calibration_error_before": 0.1,
        "calibration_error": 0.05,
    }  # fmt: skip
    assert provenance({"calibration": whole})["calibration"] == whole
    for wrong in ({**whole, "samples": "many"}, {"temperature": 1.0}, None, [1], {**whole, "log_loss": None}):
        assert provenance({"calibration": wrong}) == {}
