"""`evaluate`: how good a model is on rows that it has never seen."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mlp_data
from mlp_train import fit

Run = Callable[..., Any]
QUICK = ("--epochs", "3", "--hidden", "8", "-q")


def classes_csv(path: str, classes: Sequence[str], rows: int = 90, seed: int = 0) -> None:
    """Write a table whose class is told by which of three numbers is the largest."""
    x = np.random.default_rng(seed).normal(size=(rows, 3))
    lines = [f"{a:.4f},{b:.4f},{c:.4f},{classes[np.argmax((a, b, c))]}" for a, b, c in x]
    Path(path).write_text("\n".join(["a,b,c,kind", *lines]) + "\n", encoding="utf-8")


def evaluate(mlp_train: Run, *arguments: str) -> Any:
    answer = mlp_train("evaluate", *arguments, "--json", "-q")
    assert answer.code == 0, answer.err
    return json.loads(answer.out)


def test_the_training_source_without_a_test_split_is_measured_on_what_was_held_out(mlp_train: Run) -> None:
    fitted = json.loads(mlp_train("fit", "titanic", *QUICK, "--seed", "7", "--out", "t", "--json").out)
    said = evaluate(mlp_train, "t/model.mlp", "titanic")
    assert said["split"] == "held-out"
    assert said["samples"] == fitted["samples"]["valid"] == 89
    assert said["accuracy"] == fitted["metrics"]["valid"]["accuracy"]
    assert "held out (seed 7, 10.00 %)" in said["note"]


def test_a_copy_of_the_training_source_is_recognised_by_its_content(mlp_train: Run) -> None:
    classes_csv("one.csv", "xyz")
    mlp_train("fit", "one.csv", *QUICK, "--out", "m")
    Path("copy.csv").write_bytes(Path("one.csv").read_bytes())
    assert evaluate(mlp_train, "m", "copy.csv")["split"] == "held-out"


def test_a_model_made_in_python_knows_its_training_rows_again_without_a_dropped_column(mlp_train: Run) -> None:
    classes_csv("one.csv", "xyz")
    trained = fit(mlp_data.load(Path("one.csv").resolve(), drop="c"), epochs=3, hidden=8)
    trained.save("m.mlp")
    assert trained.training["source"] == "one.csv", "nobody's folders are in a model file"
    assert evaluate(mlp_train, "m.mlp", "one.csv")["split"] == "held-out"


def test_another_source_is_measured_whole(mlp_train: Run) -> None:
    classes_csv("one.csv", "xyz")
    classes_csv("other.csv", "xyz", rows=50, seed=1)
    mlp_train("fit", "one.csv", *QUICK, "--out", "m")
    said = evaluate(mlp_train, "m", "other.csv")
    assert (said["split"], said["samples"]) == ("all", 50)


def test_rows_that_were_all_trained_on_are_no_measure(mlp_train: Run) -> None:
    mlp_train("fit", "xor", *QUICK, "--out", "x")
    answer = mlp_train("evaluate", "x", "xor")
    assert answer.code == 3
    assert answer.out == ""
    assert "trained on all of its 4 rows and none was held out" in answer.err


def test_classes_are_matched_by_name_whatever_their_order(mlp_train: Run) -> None:
    classes_csv("one.csv", "xyz", rows=300)
    mlp_train("fit", "one.csv", "--epochs", "60", "--lr", "0.02", "-q", "--out", "m")
    classes_csv("two.csv", "xyz", seed=1)
    text = Path("two.csv").read_text(encoding="utf-8")
    kept = [line for line in text.splitlines() if not line.endswith(",x")]  # y and z are now number 0 and 1
    Path("two.csv").write_text("\n".join(kept) + "\n", encoding="utf-8")
    assert mlp_data.load("two.csv").classes == ("y", "z")
    assert evaluate(mlp_train, "m", "two.csv")["accuracy"] > 0.8


def test_a_class_that_the_model_does_not_know_is_named(mlp_train: Run) -> None:
    classes_csv("one.csv", ["apple", "pear", "plum"])
    mlp_train("fit", "one.csv", *QUICK, "--out", "m")
    classes_csv("two.csv", ["apple", "pears", "plum"], seed=1)
    answer = mlp_train("evaluate", "m", "two.csv")
    assert answer.code == 3
    assert "class 'pears', which the model does not know, did you mean 'pear'?" in answer.err


def test_numbers_are_measured_by_rmse_and_r2(mlp_train: Run) -> None:
    rows = [f"{i},{i % 5},{3 * i + 0.5}" for i in range(80)]
    Path("line.csv").write_text("\n".join(["a,b,price", *rows]) + "\n", encoding="utf-8")
    fitted = json.loads(mlp_train("fit", "line.csv", *QUICK, "--out", "m", "--json").out)
    said = evaluate(mlp_train, "m", "line.csv")
    assert said["rmse"] == pytest.approx(fitted["metrics"]["valid"]["rmse"], rel=1e-4)
    assert said["r2"] == pytest.approx(fitted["metrics"]["valid"]["r2"], rel=1e-4)
    assert "accuracy" not in said
    assert mlp_train("evaluate", "m", "line.csv").out.splitlines()[0].startswith("RMSE ")
    assert mlp_train("evaluate", "m", "line.csv", "--min-accuracy", "0.5").code == 2


def test_a_person_reads_figures_of_each_class_and_what_is_taken_for_what(mlp_train: Run) -> None:
    classes_csv("one.csv", ["apple", "pear", "a plum of a long name that goes on"], rows=200)
    mlp_train("fit", "one.csv", *QUICK, "--out", "m")
    classes_csv("two.csv", ["apple", "pear", "a plum of a long name that goes on"], seed=1)
    told = mlp_train("evaluate", "m", "two.csv").out
    said = json.loads(mlp_train("evaluate", "m", "two.csv", "--json", "-q").out)
    assert [one["name"] for one in said["classes"]] == ["a plum of a long name that goes on", "apple", "pear"]
    overall, classes, confusions = (part.splitlines() for part in told.split("\n\n"))
    assert overall[1] == f"balanced accuracy  {said['balanced_accuracy']:.4f}"
    assert classes[0].split() == ["class", "precision", "recall", "F1", "support"]
    assert classes[1].startswith("a plum of a long name t~  ")
    apple = [f"{said['classes'][1][name]:.4f}" for name in ("precision", "recall", "f1")]
    assert classes[2].split() == ["apple", *apple, str(sum(said["confusion"][1]))]
    assert confusions[1].split() == ["a", "plum", "~", "apple", "pear"]
    assert [int(cell.replace(".", "0")) for cell in confusions[3].split()[1:]] == said["confusion"][1]
    assert max(map(len, told.splitlines())) <= 80


def test_of_many_classes_the_most_frequent_confusions_are_named(mlp_train: Run) -> None:
    x = np.random.default_rng(0).normal(size=(600, 2))
    names = [f"c{int(a * 7) % 5}{int(b * 7) % 5}" for a, b in x]
    lines = [f"{a:.4f},{b:.4f},{name}" for (a, b), name in zip(x, names, strict=True)]
    Path("many.csv").write_text("\n".join(["a,b,kind", *lines]) + "\n", encoding="utf-8")
    mlp_train("fit", "many.csv", *QUICK, "--out", "m")
    told = mlp_train("evaluate", "m", "many.csv").out
    assert len(json.loads(mlp_train("evaluate", "m", "many.csv", "--json", "-q").out)["confusion"]) == 25
    frequent = told.split("the most frequent confusions\n")[1].splitlines()
    assert len(frequent) == 10
    counts = [int(line.split(": ")[1].split()[0]) for line in frequent]
    assert counts == sorted(counts, reverse=True)
    assert all(re.fullmatch(r"c\d\d taken for c\d\d: \d+ of \d+ \(\d+\.\d\d %\)", line) for line in frequent)


def test_several_labels_go_from_a_table_to_answers(mlp_train: Run) -> None:
    x = np.random.default_rng(0).normal(size=(200, 3))
    lines = [f"{a:.4f},{b:.4f},{c:.4f},{int(a > 0)},{'yes' if b > 0.5 else 'no'}" for a, b, c in x]
    Path("t.csv").write_text("\n".join(["a,b,c,hot,wet", *lines]) + "\n", encoding="utf-8")
    fitted = mlp_train("fit", "t.csv", "--target", "hot,wet", "--epochs", "30", "--seed", "1", "--out", "m", "--json")
    assert fitted.code == 0, fitted.err
    assert "2 labels" in fitted.err
    said = evaluate(mlp_train, "m", "t.csv")
    assert said["split"] == "held-out"
    assert said["accuracy"] > 0.8
    told = mlp_train("evaluate", "m", "t.csv").out
    assert told.splitlines()[1].startswith("micro F1  ")
    assert "label  precision" in told
    assert "confusions" not in told
    assert "output: labels hot, wet" in mlp_train("inspect", "m/model.mlp").out
    Path("new.csv").write_text("a,b,c\n2,2,0\n-2,-2,0\n2,-2,0\n", encoding="utf-8")
    predicted = [line.split("\t") for line in mlp_train("predict", "m", "new.csv").out.splitlines()]
    assert [labels for _, labels in predicted] == ["hot, wet", "", "hot"]
    found = json.loads(mlp_train("predict", "m", "new.csv", "--json").out)["predictions"]
    assert found[0]["labels"] == ["hot", "wet"]
    assert found[1]["probabilities"].keys() == {"hot", "wet"}
    assert mlp_train("predict", "m", "new.csv", "--out", "said.csv").code == 0
    rows = Path("said.csv").read_text(encoding="utf-8").splitlines()
    assert rows[0] == "input,hot,wet"
    assert [row.split(",", 1)[1] for row in rows[1:]] == ["1,1", "0,0", "1,0"]


def test_the_column_of_weights_is_that_of_the_training(mlp_train: Run) -> None:
    x = np.random.default_rng(0).normal(size=(100, 2))
    lines = [f"{a:.4f},{b:.4f},{i % 3},{'xy'[int(a > b)]}" for i, (a, b) in enumerate(x)]
    Path("t.csv").write_text("\n".join(["a,b,w,kind", *lines]) + "\n", encoding="utf-8")
    fitted = mlp_train("fit", "t.csv", "--weight-column", "w", *QUICK[:-1], "--out", "m", "--json")
    assert fitted.code == 0, fitted.err
    assert "left out: 'w', it says how much each row counts" in fitted.err
    assert evaluate(mlp_train, "m", "t.csv")["split"] == "held-out", "the same data, weights and all"
    plain = ["a,b,kind", *(",".join(line.split(",")[:2] + line.split(",")[3:]) for line in lines)]
    Path("plain.csv").write_text("\n".join(plain) + "\n", encoding="utf-8")
    said = evaluate(mlp_train, "m", "plain.csv")
    assert (said["split"], said["samples"]) == ("all", 100)
    missed = mlp_train("evaluate", "m", "plain.csv", "--weight-column", "v")
    assert missed.code == 3
    assert "there is no column 'v' to weigh the rows by" in missed.err


def test_data_of_another_kind_are_refused_in_one_sentence(mlp_train: Run) -> None:
    mlp_train("fit", "xor", *QUICK, "--out", "x")
    answer = mlp_train("evaluate", "x", "digits")
    assert answer.code == 3
    assert (
        "this is image data, but the model takes vector data: give arrays of 2 numbers a row, x in a .npz" in answer.err
    )


def test_a_column_that_the_model_needs_is_missed_by_name(mlp_train: Run) -> None:
    classes_csv("one.csv", "xyz")
    mlp_train("fit", "one.csv", *QUICK, "--out", "m")
    Path("two.csv").write_text("a,bb,c,kind\n1,2,3,x\n3,2,1,y\n3,2,4,y\n", encoding="utf-8")
    answer = mlp_train("evaluate", "m", "two.csv")
    assert answer.code == 3
    assert "'b'" in answer.err


def test_rows_without_answers_cannot_be_measured(mlp_train: Run) -> None:
    mlp_train("fit", "titanic", *QUICK, "--out", "t")
    Path("new.csv").write_text("Pclass,Sex\n3,male\n1,female\n", encoding="utf-8")
    answer = mlp_train("evaluate", "t", "new.csv")
    assert answer.code == 3
    assert "Survived" in answer.err


def test_a_goal_can_be_set_here_too(mlp_train: Run) -> None:
    mlp_train("fit", "titanic", *QUICK, "--out", "t")
    answer = mlp_train("evaluate", "t", "titanic", "--min-accuracy", "1")
    assert answer.code == 5
    assert re.match(r"accuracy +0\.", answer.out)
    assert mlp_train("evaluate", "t", "titanic", "--min-accuracy", "0").code == 0


def idx(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape) + array.tobytes()


def test_images_that_lay_on_their_side_in_training_are_turned_in_its_tests_and_questions_too(mlp_train: Run) -> None:
    y = np.arange(80, dtype=np.uint8) % 2
    frames = np.zeros((80, 8, 8), np.uint8)
    frames[y == 0, 2:6, 1:7] = 200  # lying, as a dash is
    frames[y == 1, 1:7, 2:6] = 200  # standing
    frames += np.random.default_rng(0).integers(0, 50, frames.shape, dtype=np.uint8)
    for folder, images in (("sideways", frames.swapaxes(1, 2)), ("upright", frames)):
        Path(folder).mkdir()
        for split, rows in (("train", slice(0, 60)), ("test", slice(60, 80))):
            Path(folder, f"{split}-images").write_bytes(idx(images[rows]))
            Path(folder, f"{split}-labels").write_bytes(idx(y[rows]))
    mlp_train("fit", "sideways", "--transpose", "--fit", "none", "--out", "run", "--epochs", "30", "--quiet")
    assert "transpose = true" in Path("run/config.toml").read_text()
    assert json.loads(mlp_train("inspect", "run/model.mlp", "--json").out)["training"]["options"]["transpose"] is True
    assert evaluate(mlp_train, "run/model.mlp", "sideways")["accuracy"] == 1
    assert evaluate(mlp_train, "run/model.mlp", "upright")["accuracy"] == 0
    assert evaluate(mlp_train, "run/model.mlp", "upright", "--no-transpose")["accuracy"] == 1
    for source, flags in (("sideways", []), ("upright", ["--no-transpose"])):
        said = json.loads(mlp_train("predict", "run/model.mlp", source, *flags, "--json").out)["predictions"]
        assert [one["label"] for one in said] == [str(label) for label in y[60:]]


def test_an_input_of_the_model_cannot_weigh_the_rows(mlp_train: Run) -> None:
    classes_csv("t.csv", "xyz")
    assert mlp_train("fit", "t.csv", *QUICK, "--out", "m").code == 0
    answer = mlp_train("evaluate", "m", "t.csv", "--weight-column", "b")
    assert (answer.code, answer.out) == (2, "")
    assert "the column 'b' cannot weigh the rows, because the model takes it as an input: choose another" in answer.err


def test_a_target_of_data_without_columns_is_refused(mlp_train: Run) -> None:
    assert mlp_train("fit", "digits", *QUICK, "--out", "m").code == 0
    answer = mlp_train("evaluate", "m", "digits", "--target", "kind")
    assert answer.code == 2
    assert "target='kind' names a column, but this data has none" in answer.err
