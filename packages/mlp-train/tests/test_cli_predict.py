"""`predict`: answers for images, arrays, tables and archives, all of them the runtime's."""

from __future__ import annotations

import csv
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import mlp_data
import mlp_runtime

Run = Callable[..., Any]
QUICK = ("--epochs", "2", "--hidden", "8", "-q")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `digits.mlp`, `titanic.mlp`, `xor.mlp` and `price.mlp`, hardly trained."""
    import mlp_train

    folder = tmp_path_factory.mktemp("models")
    for name in ("digits", "titanic", "xor"):
        mlp_train.fit(mlp_data.load(name), epochs=1, hidden=(8,)).save(folder / f"{name}.mlp")
    price = mlp_data.from_arrays({"size": ["1", "2", "3", "4"]}, [1.5, 2.5, 3.5, 4.5], task="regression")
    mlp_train.fit(price, epochs=1).save(folder / "price.mlp")
    return folder


def frames(count: int) -> Any:
    return mlp_data.load("digits").splits["test"].x[:count]


def png(frame: Any) -> bytes:
    return bytes(cv2.imencode(".png", frame)[1])


def rows_of(out: str) -> list[list[str]]:
    return [line.split("\t") for line in out.splitlines()]


def test_each_image_is_one_line_with_name_label_and_confidence(mlp_train: Run, models: Path) -> None:
    images = frames(3)
    for number, frame in enumerate(images):
        Path(f"{number}.png").write_bytes(png(frame))
    answer = mlp_train("predict", models / "digits.mlp", "0.png", "1.png", "2.png")
    model = mlp_runtime.load(models / "digits.mlp")
    best = [model.top(frame, 1)[0] for frame in images]
    assert rows_of(answer.out) == [[f"{i}.png", label, f"{share:.3f}"] for i, (label, share) in enumerate(best)]
    hint = answer.err.splitlines()[-1]  # how Python is called depends on who called
    assert hint.startswith("next: ")
    assert f" -m mlp_runtime info {models / 'digits.mlp'}, or copy" in hint


def test_a_folder_and_a_zip_give_the_same_answers(mlp_train: Run, models: Path) -> None:
    Path("box/inner").mkdir(parents=True)
    with zipfile.ZipFile("box.zip", "w") as archive:
        for number, frame in enumerate(frames(5)):
            Path(f"box/inner/{number}.png").write_bytes(png(frame))
            archive.writestr(f"inner/{number}.png", png(frame))
        archive.writestr("__MACOSX/inner/._0.png", b"junk")
    folder = rows_of(mlp_train("predict", models / "digits.mlp", "box").out)
    packed = rows_of(mlp_train("predict", models / "digits.mlp", "box.zip").out)
    assert [row[0] for row in packed] == [f"box.zip/inner/{number}.png" for number in range(5)]
    assert [row[1:] for row in folder] == [row[1:] for row in packed]


def test_a_broken_image_among_others_is_named_counted_and_skipped(mlp_train: Run, models: Path) -> None:
    with zipfile.ZipFile("box.zip", "w") as archive:
        good = png(frames(1)[0])
        archive.writestr("a.png", good)
        archive.writestr("b.png", good[:60])
    answer = mlp_train("predict", models / "digits.mlp", "box.zip")
    assert answer.code == 0
    assert [row[0] for row in rows_of(answer.out)] == ["box.zip/a.png"]
    assert "skipped: box.zip/b.png" in answer.err
    assert "1 image of 2 could not be read" in answer.err


def test_a_broken_image_alone_is_an_error(mlp_train: Run, models: Path) -> None:
    Path("b.png").write_bytes(png(frames(1)[0])[:60])
    answer = mlp_train("predict", models / "digits.mlp", "b.png")
    assert (answer.code, answer.out) == (3, "")
    assert answer.err.startswith("error: b.png")


def test_an_array_is_one_input_or_many(mlp_train: Run, models: Path) -> None:
    images = frames(600)
    np.save("many.npy", images)
    np.save("one.npy", images[0])
    many = rows_of(mlp_train("predict", models / "digits.mlp", "many.npy").out)
    (one,) = rows_of(mlp_train("predict", models / "digits.mlp", "one.npy").out)
    model = mlp_runtime.load(models / "digits.mlp")
    assert [row[1] for row in many] == model.predict(images).tolist()
    assert many[599][0] == "many.npy[599]"
    assert one[0] == "one.npy"
    assert one[1:] == many[0][1:]


def test_a_vector_model_takes_one_row_or_many(mlp_train: Run, models: Path) -> None:
    np.save("one.npy", np.array([0.0, 1.0]))
    np.save("many.npy", np.array([[0.0, 1.0], [1.0, 1.0]]))
    answer = mlp_train("predict", models / "xor.mlp", "one.npy", "many.npy")
    assert [row[0] for row in rows_of(answer.out)] == ["one.npy", "many.npy[0]", "many.npy[1]"]


@pytest.mark.parametrize(
    "array", [np.zeros((2, 3)), np.array(["a", "b"]), np.array([{}], object), np.zeros((2, 2, 2, 2))]
)
def test_an_array_that_does_not_fit_is_one_sentence(mlp_train: Run, models: Path, array: Any) -> None:
    np.save("bad.npy", array, allow_pickle=True)
    answer = mlp_train("predict", models / "xor.mlp", "bad.npy")
    assert (answer.code, answer.out) == (3, "")
    assert answer.err.count("\n") == 1
    assert "bad.npy" in answer.err


def test_an_archive_without_images_of_its_own_is_read_by_the_loaders(mlp_train: Run, models: Path) -> None:
    answer = mlp_train("predict", models / "digits.mlp", "digits")
    assert "answering the 1,000 samples of the test split" in answer.err
    model = mlp_runtime.load(models / "digits.mlp")
    assert [row[1] for row in rows_of(answer.out)] == model.predict(frames(1000)).tolist()


def test_titanic_becomes_a_submission_as_the_archive_wants_it(mlp_train: Run, models: Path) -> None:
    answer = mlp_train("predict", models / "titanic.mlp", "titanic", "--out", "submission.csv")
    assert answer.out == "submission.csv\n"
    with Path("submission.csv").open(encoding="utf-8", newline="") as file:
        heading, *rows = csv.reader(file)
    assert heading == ["PassengerId", "Survived"]
    assert [row[0] for row in rows] == [str(number) for number in range(892, 1310)]
    assert {row[1] for row in rows} <= {"0", "1"}
    unlabelled = mlp_data.load("titanic").splits["unlabelled"]
    assert [row[1] for row in rows] == mlp_runtime.load(models / "titanic.mlp").predict(unlabelled.x).tolist()


def test_an_answer_file_is_never_overwritten_without_force(mlp_train: Run, models: Path) -> None:
    Path("out.csv").write_text("precious", encoding="utf-8")
    answer = mlp_train("predict", models / "xor.mlp", "xor", "--out", "out.csv")
    assert (answer.code, answer.out) == (6, "")
    assert Path("out.csv").read_text(encoding="utf-8") == "precious"
    assert mlp_train("predict", models / "xor.mlp", "xor", "--out", "out.csv", "--force").code == 0
    assert Path("out.csv").read_text(encoding="utf-8").startswith("input,label,confidence\nxor[0],")


def test_a_failure_leaves_the_old_answer_file_alone(mlp_train: Run, models: Path) -> None:
    Path("out.csv").write_text("precious", encoding="utf-8")
    assert mlp_train("predict", models / "xor.mlp", "none.npy", "--out", "out.csv", "--force").code == 3
    assert Path("out.csv").read_text(encoding="utf-8") == "precious"
    assert mlp_train("predict", models / "xor.mlp", "xor", "--out", "none/out.csv").code == 6


def test_rows_of_a_table_are_named_by_their_line(mlp_train: Run, models: Path) -> None:
    Path("rows.csv").write_text("size,colour\n1,red\n\n2,blue\n", encoding="utf-8")
    answer = mlp_train("predict", models / "price.mlp", "rows.csv")
    model = mlp_runtime.load(models / "price.mlp")
    assert rows_of(answer.out) == [
        ["rows.csv:2", f"{model.predict({'size': 1}):.6g}"],
        ["rows.csv:4", f"{model.predict({'size': 2}):.6g}"],
    ]


def test_a_word_for_nothing_is_a_missing_number_and_a_text_is_an_error(mlp_train: Run, models: Path) -> None:
    Path("rows.csv").write_text("size,x\nNA,1\n2,1\n", encoding="utf-8")
    answer = mlp_train("predict", models / "price.mlp", "rows.csv")
    model = mlp_runtime.load(models / "price.mlp")
    assert rows_of(answer.out)[0][1] == f"{model.predict({'size': None}):.6g}"
    Path("rows.csv").write_text("size,x\n1,1\nbig,1\n", encoding="utf-8")
    answer = mlp_train("predict", models / "price.mlp", "rows.csv")
    assert (answer.code, answer.out) == (3, "")
    assert "'size'" in answer.err
    assert "'big'" in answer.err


def test_a_missing_column_is_named(mlp_train: Run, models: Path) -> None:
    Path("rows.csv").write_text("sizes,x\n1,1\n2,1\n", encoding="utf-8")
    answer = mlp_train("predict", models / "price.mlp", "rows.csv")
    assert answer.code == 3
    assert "did you mean 'sizes'" in answer.err


def test_json_is_one_object_with_every_answer(mlp_train: Run, models: Path) -> None:
    said = json.loads(mlp_train("predict", models / "xor.mlp", "xor", "--json").out)
    assert [one["input"] for one in said["predictions"]] == [f"xor[{row}]" for row in range(4)]
    assert set(said["predictions"][0]) == {"input", "label", "confidence", "probabilities"}
    numbers = Path("rows.csv")
    numbers.write_text("size,x\n1,1\n2,1\n", encoding="utf-8")
    said = json.loads(mlp_train("predict", models / "price.mlp", "rows.csv", "--json").out)
    assert set(said["predictions"][0]) == {"input", "value"}


def test_json_is_that_of_the_runtime(mlp_train: Run, models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import numpy as np

    from mlp_runtime.__main__ import main

    np.save("x.npy", np.array([[0, 1], [1, 1]], np.float32))
    for model, inputs in ((models / "xor.mlp", "x.npy"), (models / "price.mlp", "rows.csv")):
        Path("rows.csv").write_text("size,x\n1,1\n", encoding="utf-8")
        assert main(["predict", str(model), inputs, "--json"]) == 0
        device = json.loads(capsys.readouterr().out)
        workstation = json.loads(mlp_train("predict", model, inputs, "--json").out)
        assert device.keys() == workstation.keys()
        assert [one.keys() for one in device["predictions"]] == [one.keys() for one in workstation["predictions"]]
        if inputs == "x.npy":
            assert device == workstation


def test_the_confidence_is_that_of_the_label(mlp_train: Run, models: Path) -> None:
    said = json.loads(mlp_train("predict", models / "xor.mlp", "xor", "--json").out)
    assert all(0.5 <= one["confidence"] <= 1 for one in said["predictions"])


def test_an_empty_name_is_not_the_folder_that_one_is_in(mlp_train: Run, models: Path) -> None:
    Path("0.png").write_bytes(png(frames(1)[0]))
    for arguments in (["fit", ""], ["predict", models / "digits.mlp", ""], ["predict", "", "0.png"]):
        answer = mlp_train(*arguments)
        assert (answer.code, answer.out) == (2, "")
        assert "empty" in answer.err


def test_data_of_another_kind_are_refused(mlp_train: Run, models: Path) -> None:
    Path("rows.csv").write_text("size,x\n1,1\n2,2\n", encoding="utf-8")
    answer = mlp_train("predict", models / "digits.mlp", "rows.csv")
    assert answer.code == 3
    assert "this is table data, but the model takes image data" in answer.err


@pytest.mark.skipif(os.name != "posix", reason="only there may a file have such a name")
def test_the_name_of_a_file_cannot_steer_the_terminal(mlp_train: Run, models: Path) -> None:
    Path("box").mkdir()
    Path("box", "a\x1b[2J\n.png").write_bytes(png(frames(1)[0]))
    answer = mlp_train("predict", models / "digits.mlp", "box")
    assert answer.code == 0
    assert "\x1b" not in answer.out + answer.err
    assert len(answer.out.splitlines()) == 1


def test_mnist_as_png_and_as_idx_get_the_runtimes_answers(mlp_train: Run, models: Path, shared_data: Path) -> None:
    model = mlp_runtime.load(models / "digits.mlp")
    idx = mlp_train("predict", models / "digits.mlp", shared_data / "mnist.zip", "-q")
    test = mlp_data.load(shared_data / "mnist.zip").splits["test"].x
    assert [row[1] for row in rows_of(idx.out)] == model.predict(test).tolist()
    pictures = rows_of(mlp_train("predict", models / "digits.mlp", shared_data / "mnist-png.zip", "-q").out)
    assert len(pictures) == 12_000


def test_no_answer_overwrites_the_model_an_input_or_another_answer(mlp_train: Run, models: Path) -> None:
    model, page = models / "digits.mlp", Path("page.png")
    page.write_bytes(cv2.imencode(".png", np.full((40, 40), 200, np.uint8))[1].tobytes())
    before = model.read_bytes(), page.read_bytes()
    for options in (
        ["--out", model],
        ["--out", page],
        ["--segment", "--annotate", page],
        ["--segment", "--annotate", "new.png", "--out", "./new.png"],
    ):
        answer = mlp_train("predict", model, page, "--force", *options)
        assert answer.code == 2
        assert "would overwrite" in answer.err
    assert (model.read_bytes(), page.read_bytes()) == before
    assert not Path("new.png").exists()


@pytest.mark.parametrize("option", ["--out", "--annotate"])
def test_where_the_answers_cannot_go_is_said_before_there_are_any(mlp_train: Run, models: Path, option: str) -> None:
    Path("a.png").write_bytes(png(frames(1)[0]))
    Path("folder.png").mkdir()
    asked = ("predict", models / "digits.mlp", "a.png", *(["--segment"] if option == "--annotate" else []), option)
    missing = mlp_train(*asked, "nowhere/b.png")
    assert (missing.code, missing.out) == (6, "")
    assert "nowhere/b.png: the file cannot be written, its folder does not exist; make it, or" in missing.err
    folder = mlp_train(*asked, "folder.png", "--force")
    assert (folder.code, folder.out) == (6, "")
    assert "folder.png: this is a folder; give the name of a file" in folder.err


@pytest.mark.parametrize("name", ["a.png", "a.npy"])
def test_images_that_lie_on_no_side_are_not_turned(mlp_train: Run, models: Path, name: str) -> None:
    Path("a.png").write_bytes(png(frames(1)[0]))
    np.save("a.npy", frames(1)[0])
    answer = mlp_train("predict", models / "digits.mlp", name, "--transpose")
    assert (answer.code, answer.out) == (2, "")
    assert f"{name}: --transpose is for images in IDX and CSV files, and these are none; leave it out" in answer.err
