"""`fit`: from a source of data to a run folder with a model in it."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mlp_data
import mlp_runtime
from mlp_train import fit
from mlp_train.runs import read_run

Run = Callable[..., Any]
QUICK = ("--epochs", "2", "--hidden", "8")


def numbers_csv(path: str, rows: int = 60) -> None:
    """Write a table whose target is a number: twice a, and some noise."""
    generator = np.random.default_rng(0)
    a, noise = generator.normal(size=rows), generator.normal(size=rows)
    lines = [f"{x:.4f},{n:.4f},{2 * x + 0.1 * n:.4f}" for x, n in zip(a, noise, strict=True)]
    Path(path).write_text("\n".join(["a,b,price", *lines]) + "\n", encoding="utf-8")


def test_stdout_is_the_path_of_the_model_and_nothing_else(mlp_train: Run) -> None:
    answer = mlp_train("fit", "xor", *QUICK, "--out", "runs/x")
    assert answer.code == 0
    assert answer.out == f"{Path('runs/x/model.mlp')}\n"
    assert mlp_runtime.load("runs/x/model.mlp").classes == ("0", "1")


def test_stderr_tells_the_story_and_ends_with_the_next_step(mlp_train: Run) -> None:
    said = mlp_train("fit", "xor", *QUICK, "--out", "x").err.splitlines()
    assert said[0] == "xor: vectors, 2 features, 2 classes; 4 to train on"
    for part in ("network: 2 -> 8 relu", "the full batch of 4 samples", "held out: nothing", "epoch 2/2  loss"):
        assert any(part in line for line in said), part
    assert said[-1] == f"next: mlp-train predict {Path('x/model.mlp')} INPUT..."


def test_the_next_step_can_be_typed_as_it_stands(mlp_train: Run) -> None:
    said = mlp_train("fit", "xor", *QUICK, "--out", "my run").err.splitlines()[-1]
    following = shlex.split(said.removeprefix("next: mlp-train ").replace("INPUT...", "xor"))
    assert mlp_train(*following).out.count("\n") == 4


def test_python_and_the_command_line_train_the_same_network(mlp_train: Run) -> None:
    mlp_train("fit", "titanic", *QUICK, "--seed", "3", "--drop", "Name", "--out", "x")
    by_command = mlp_runtime.load("x/model.mlp")
    titanic = mlp_data.load("titanic", drop="Name")
    by_python = fit(titanic, epochs=2, hidden=8, seed=3).model
    rows = titanic.splits["unlabelled"].x
    assert by_command.predict_proba(rows).tobytes() == by_python.predict_proba(rows).tobytes()
    assert by_command.training == by_python.training


def test_without_a_source_it_trains_on_the_digits(mlp_train: Run) -> None:
    answer = mlp_train("fit", "--epochs", "1", "--hidden", "8", "--json", "--out", "d")
    said = json.loads(answer.out)
    assert said["samples"] == {"train": 5400, "valid": 600, "test": 1000}
    assert said["epochs"] == 1
    assert said["model"] == str(Path("d/model.mlp"))
    assert 0 < said["metrics"]["test"]["accuracy"] < 1
    assert read_run("d").config["source"] == "digits"
    assert "mini-batches of 32" in answer.err


def test_the_model_carries_the_test_figures_that_evaluate_gives(mlp_train: Run) -> None:
    fitted = json.loads(mlp_train("fit", "digits", "--epochs", "1", "--hidden", "8", "--json", "--out", "d", "-q").out)
    stored = mlp_runtime.load("d/model.mlp").training["metrics"]["test"]["accuracy"]
    measured = json.loads(mlp_train("evaluate", "d/model.mlp", "digits", "--json").out)
    assert stored == fitted["metrics"]["test"]["accuracy"] == measured["accuracy"]
    assert measured["split"] == "test"


def test_figures_of_a_rounded_model_are_those_of_the_file(mlp_train: Run) -> None:
    fitted = json.loads(mlp_train("fit", "titanic", *QUICK, "--weights", "int8", "--json", "--out", "t", "-q").out)
    measured = json.loads(mlp_train("evaluate", "t", "titanic", "--json", "-q").out)
    assert measured["accuracy"] == fitted["metrics"]["valid"]["accuracy"]
    assert mlp_runtime.load("t/model.mlp").describe()["layers"][0]["dtype"] == "i1"


def test_quiet_says_nothing(mlp_train: Run) -> None:
    answer = mlp_train("fit", "xor", *QUICK, "--quiet")
    assert answer.err == ""
    assert Path(answer.out.strip()).exists()


def test_progress_as_json_leaves_stderr_to_the_program_that_reads_it(mlp_train: Run) -> None:
    answer = mlp_train("fit", "xor", *QUICK, "--progress", "json")
    events = [json.loads(line)["event"] for line in answer.err.splitlines()]
    assert events == ["Started", "EpochEnd", "EpochEnd", "Finished"]


def test_titanic_finds_its_target_and_says_what_is_left_out(mlp_train: Run) -> None:
    said = mlp_train("fit", "titanic", *QUICK, "--out", "t").err
    assert "target: 'Survived', classification, because the training table has this column" in said
    assert "left out: 'PassengerId', an id: gender_submission.csv" in said
    assert "held out: 89 samples" in said
    assert f"mlp-train predict {Path('t/model.mlp')} titanic --out submission.csv" in said
    assert mlp_runtime.load("t/model.mlp").training["target"] == "Survived"


def test_smoothed_labels_explain_a_training_loss_above_the_validation_loss(mlp_train: Run) -> None:
    three = "a,y\n" + "".join(f"{i * 7 % 20 / 8},{'xyz'[i % 3]}\n" for i in range(60))
    Path("three.csv").write_text(three, encoding="utf-8")
    said = mlp_train("fit", "three.csv", *QUICK, "--out", "three").err
    assert "training: cross-entropy with labels smoothed by 0.05 (so the training loss cannot reach 0) by adamw" in said
    assert "smoothed" not in mlp_train("fit", "xor", *QUICK, "--out", "two").err


def test_a_model_that_is_no_better_than_guessing_comes_with_a_hint(mlp_train: Run) -> None:
    poor = mlp_train("fit", "titanic", *QUICK, "--lr", "8", "--out", "poor").err
    good = mlp_train("fit", "titanic", "--epochs", "20", "--out", "good").err
    hint = "the commonest class, would be right as often; try a smaller --lr"
    assert f"hint: always answering '0', {hint}" in poor
    assert hint not in good


def test_stored_figures_have_six_digits(mlp_train: Run) -> None:
    mlp_train("fit", "titanic", *QUICK, "--out", "t")
    figures = mlp_runtime.load("t/model.mlp").training["metrics"]
    assert all(value == float(f"{value:.6g}") for of in figures.values() for value in of.values())


def test_the_log_of_a_run_keeps_whole_epochs_alone(mlp_train: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlp_train.learner.PROGRESS_SECONDS", 0.0)
    said = mlp_train("fit", "titanic", *QUICK, "--progress", "json", "--out", "t").err
    assert '"event":"Progress"' in said
    assert {event["event"] for event in read_run("t").events} == {"Started", "EpochEnd", "Finished"}


def test_why_a_column_is_the_target_is_said_once(mlp_train: Run) -> None:
    numbers_csv("prices.csv")
    said = mlp_train("fit", "prices.csv", *QUICK, "--out", "m").err
    assert "target: 'price', regression\n" in said
    assert said.count("--target names another") == 1
    asked = mlp_train("fit", "prices.csv", *QUICK, "--target", "a", "--out", "n").err
    assert "target: 'a', regression, as asked for\n" in asked
    assert "--target names another" not in asked


def test_a_column_can_be_dropped_and_the_model_remembers(mlp_train: Run) -> None:
    said = mlp_train(
        "fit", "titanic", *QUICK, "--drop", "Ticket,Name", "--columns", "Pclass=category", "--out", "t"
    ).err
    assert "left out: 'Ticket', dropped as asked for" in said
    model = mlp_runtime.load("t/model.mlp")
    assert model.training["options"] == {"drop": ["Ticket", "Name"], "columns": {"Pclass": "category"}}
    assert json.loads(mlp_train("evaluate", "t", "titanic", "--json").out)["split"] == "held-out"


def test_the_same_settings_give_the_same_file_from_any_folder(
    mlp_train: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    numbers_csv("house.csv")
    assert mlp_train("fit", "house.csv", *QUICK, "--out", "one").code == 0
    first = Path("one/model.mlp").read_bytes()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert mlp_train("fit", "--config", "../one/config.toml", "--out", "again").code == 0
    assert Path("again/model.mlp").read_bytes() == first
    assert str(tmp_path).encode() not in first


def test_environment_and_flags_reach_the_training(mlp_train: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLP_TRAIN_EPOCHS", "5")
    monkeypatch.setenv("MLP_TRAIN_HIDDEN", "3")
    mlp_train("fit", "xor", "--epochs", "2", "--out", "x")
    config = read_run("x").config
    assert (config["epochs"], config["hidden"]) == (2, [3])


def test_an_unknown_variable_is_refused(mlp_train: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLP_TRAIN_EPOCH", "5")
    answer = mlp_train("fit", "xor")
    assert (answer.code, answer.out) == (2, "")
    assert "did you mean 'MLP_TRAIN_EPOCHS'?" in answer.err


def test_a_run_is_never_overwritten_without_force(mlp_train: Run) -> None:
    mlp_train("fit", "xor", *QUICK, "--out", "x")
    before = Path("x/model.mlp").read_bytes()
    answer = mlp_train("fit", "xor", "--epochs", "3", "--out", "x")
    assert answer.code == 6
    assert "--force" in answer.err
    assert Path("x/model.mlp").read_bytes() == before
    assert mlp_train("fit", "xor", "--epochs", "3", "--out", "x", "--force").code == 0
    assert read_run("x").config["epochs"] == 3


def test_force_with_unusable_data_leaves_the_old_run_alone(mlp_train: Run) -> None:
    mlp_train("fit", "xor", *QUICK, "--out", "x")
    before = Path("x/model.mlp").read_bytes()
    assert mlp_train("fit", "none.zip", "--out", "x", "--force").code == 3
    assert mlp_train("fit", "xor", "--activation", "rleu", "--out", "x", "--force").code == 2
    assert Path("x/model.mlp").read_bytes() == before


def test_a_place_that_cannot_be_written_is_refused_before_training(mlp_train: Run) -> None:
    Path("file").write_text("in the way", encoding="utf-8")
    for place in ("file", "file/below"):
        answer = mlp_train("fit", "xor", "--out", place)
        assert answer.code == 6
        assert "epoch" not in answer.err


def test_a_full_disk_is_one_sentence_and_exit_code_6(command: list[str], tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="this system has no limit on the size of a file")

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    done = subprocess.run(
        [*command, "fit", "titanic", *QUICK, "--out", str(tmp_path / "t"), "-q"],
        capture_output=True, text=True, check=False, preexec_fn=limit,
    )  # fmt: skip
    assert done.returncode == 6
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "t" / "model.mlp").exists()


def test_a_missed_goal_has_exit_code_5_and_keeps_the_model(mlp_train: Run) -> None:
    answer = mlp_train("fit", "titanic", *QUICK, "--min-accuracy", "0.999", "--out", "t")
    assert answer.code == 5
    assert "below the 0.999 of --min-accuracy" in answer.err
    assert answer.out == f"{Path('t/model.mlp')}\n"
    assert Path("t/model.mlp").exists()
    assert mlp_train("fit", "titanic", *QUICK, "--min-accuracy", "0.1", "--out", "u").code == 0


@pytest.mark.parametrize("source", ["xor", "house.csv"])
def test_a_goal_that_cannot_be_measured_is_refused_before_training(mlp_train: Run, source: str) -> None:
    numbers_csv("house.csv")
    answer = mlp_train("fit", source, "--min-accuracy", "0.5")
    assert answer.code == 2
    assert "--min-accuracy" in answer.err
    assert "epoch 1" not in answer.err


def test_numbers_are_learned_and_reported_in_the_targets_unit(mlp_train: Run) -> None:
    numbers_csv("house.csv", 200)
    answer = mlp_train("fit", "house.csv", "--epochs", "60", "--hidden", "8", "--lr", "0.02", "--json", "--out", "h")
    metrics = json.loads(answer.out)["metrics"]["valid"]
    assert metrics["r2"] > 0.8
    assert metrics["rmse"] < 1.0
    assert "target: 'price', regression" in answer.err


def test_a_run_without_out_gets_a_folder_of_its_own(mlp_train: Run) -> None:
    one, two = (mlp_train("fit", "xor", *QUICK, "--name", "my run").out.strip() for _ in range(2))
    assert one != two
    assert Path(one).parent.name.endswith("-my-run")
    assert Path("runs/latest/model.mlp").samefile(two)
    assert mlp_runtime.load(one).meta == {"name": "my run"}


def test_a_plugin_trains_by_name_and_the_run_repeats_it(command: list[str], tmp_path: Path) -> None:
    plugin = tmp_path / "mine.py"
    plugin.write_text(
        "import numpy as np\nfrom mlp_train import register_activation\n"
        "def forward(z, out):\n    np.multiply(z, 2, out=out)\n"
        "def backward(d_a, z, a, out):\n    np.multiply(d_a, 2, out=out)\n"
        "register_activation('twice', forward, backward)\n",
        encoding="utf-8",
    )

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*command, *arguments], capture_output=True, text=True, check=False, cwd=tmp_path)

    first = run("fit", "xor", *QUICK, "--activation", "twice", "--plugin", "mine.py", "--out", "x")
    assert first.returncode == 0, first.stderr
    assert run("fit", "--config", "x/config.toml", "--out", "y").returncode == 0
    following = shlex.split(first.stderr.splitlines()[-1].removeprefix("next: mlp-train "))
    assert following[-2:] == ["--plugin", "mine.py"]
    assert run(*("xor" if word == "INPUT..." else word for word in following)).stdout.count("\n") == 4
    without = run("predict", "x/model.mlp", "xor")
    assert without.returncode == 4
    assert "'twice'" in without.stderr
    assert "give --plugin FILE.py" in without.stderr
    device = subprocess.run(
        [sys.executable, "-m", "mlp_runtime", "info", "x/model.mlp"],
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert device.returncode == 4
    assert "this command loads no plug-ins" in device.stderr
    unknown = run("fit", "xor", "--activation", "twice")
    assert unknown.returncode == 2


def test_a_settings_file_is_checked_like_flags(mlp_train: Run) -> None:
    Path("mine.toml").write_text("hiddens = [8]\n", encoding="utf-8")
    answer = mlp_train("fit", "xor", "--config", "mine.toml")
    assert answer.code == 2
    assert "mine.toml: unknown setting 'hiddens', did you mean 'hidden'?" in answer.err


def test_a_run_that_could_not_begin_leaves_no_folder(mlp_train: Run, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    for wrong in (["nothing.zip"], ["xor", "--optimizer", "adm"], ["xor", "--plugin", "none.py"]):
        assert mlp_train("fit", *wrong, "--out", "run").code in (2, 3)
        assert not (tmp_path / "run").exists()
        mlp_train("fit", *wrong, "--out", "mine")
        assert (tmp_path / "mine").is_dir()  # a folder that was there stays


@pytest.mark.skipif(os.name != "posix", reason="Windows has no lock that ends with its process")
def test_of_two_runs_in_one_folder_one_is_refused(command: list[str], tmp_path: Path) -> None:
    arguments = [*command, "fit", "xor", "--out", "run", "--epochs", "300", "-q"]
    both = [subprocess.Popen(arguments, cwd=tmp_path, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate()[1] for process in both]
    assert sorted(process.returncode for process in both) == [0, 6]
    refused = "another process is training in this folder|is not empty|another run came into this folder first"
    assert len([one for one in said if re.search(refused, one)]) == 1, said  # by how far the other was
    done = [line for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines() if "Finished" in line]
    assert len(done) == 1


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        (("--valid-fraction", "0"), "because valid_fraction is 0"),
        (("--valid-fraction", "0.001"), "because a valid_fraction of 0.001 of 60 samples is less than one"),
        (("--preset", "best"), "because the preset best learns from all where rows are few"),
        (("--drop", "a"), None),
    ],
)
def test_why_nothing_is_held_out_is_what_it_is(mlp_train: Run, flags: tuple[str, ...], why: str | None) -> None:
    numbers_csv("t.csv")
    told = [line for line in mlp_train("fit", "t.csv", *QUICK, *flags).err.splitlines() if line.startswith("held out:")]
    assert told == ([f"held out: nothing, {why}"] if why else ["held out: 6 samples to watch and never train on"])


def test_few_rows_are_too_few_to_hold_any_out(mlp_train: Run) -> None:
    numbers_csv("t.csv", rows=39)
    assert "held out: nothing, because 39 samples are too few to spare any" in mlp_train("fit", "t.csv", *QUICK).err
    lines = [f"{i % 7},{'xyz'[i % 3]}" for i in range(60)]
    Path("c.csv").write_text("\n".join(["a,y", *lines]) + "\n", encoding="utf-8")
    goal = mlp_train("fit", "c.csv", *QUICK, "--valid-fraction", "0", "--min-accuracy", "0.5")
    assert goal.code == 2
    assert "there is no test split and nothing is held out, because valid_fraction is 0; leave it out" in goal.err


def test_a_training_that_ends_before_swa_begins_says_that_nothing_was_averaged(mlp_train: Run) -> None:
    noise = np.random.default_rng(0).normal(size=(80, 4)).round(3)
    lines = [",".join(map(str, row)) + f",{'xyz'[i % 3]}" for i, row in enumerate(noise)]
    Path("t.csv").write_text("\n".join(["a,b,c,d,y", *lines]) + "\n", encoding="utf-8")
    flags = ("--average", "swa", "--epochs", "200", "--patience", "5", "--lr", "0.03")
    early = mlp_train("fit", "t.csv", *flags).err
    assert "stopped early" in early
    assert "not averaged: swa begins after 75% of the 200 epochs, but the best weights, which are kept, are" in early
    whole = mlp_train("fit", "t.csv", "--average", "swa", "--epochs", "4", "--valid-fraction", "0").err
    assert "not averaged" not in whole


def test_several_targets_have_a_name_on_both_sides_of_every_comma(mlp_train: Run) -> None:
    Path("t.csv").write_text("a,l1,l2\n" + "1,0,1\n2,1,0\n3,1,1\n" * 9, encoding="utf-8")
    for target in ("l1,", ",l1,l2", "l1,,l2"):
        answer = mlp_train("fit", "t.csv", *QUICK, "--target", target)
        assert answer.code == 2, target
        assert f"target={target!r} has nothing beside a comma: name every column" in answer.err
