"""`predict --segment`: every character on a photograph is answered, with its box, and drawn where asked."""

from __future__ import annotations

import csv
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import mlp_data
import mlp_runtime
import mlp_train as trainer
from mlp_data.photo import segment

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `digits.mlp`, `titanic.mlp` and `plain.mlp`, which fits no images; hardly trained."""
    folder = tmp_path_factory.mktemp("models")
    for name in ("digits", "titanic"):
        trainer.fit(mlp_data.load(name), epochs=1, hidden=(8,)).save(folder / f"{name}.mlp")
    plain = mlp_data.load("digits", fit="none")
    trainer.fit(plain, epochs=1, hidden=(8,)).save(folder / "plain.mlp")
    return folder


def photograph(rows: int = 2, columns: int = 3) -> np.ndarray:
    """Return a page with rows of digits in dark ink: uint8 (h, w)."""
    page = 205 + np.random.default_rng(0).normal(0, 2, (160 * rows + 120, 150 * columns + 120))
    digits = mlp_data.load("digits").splits["test"].x
    for place in range(rows * columns):
        y, x = 80 + 160 * (place // columns), 70 + 150 * (place % columns)
        ink = cv2.resize(np.asarray(digits[place]), (110, 110), interpolation=cv2.INTER_CUBIC) > 110
        page[y : y + 110, x : x + 110][ink] = 60
    return np.clip(np.rint(cv2.GaussianBlur(page, (0, 0), 1)), 0, 255).astype(np.uint8)


def photo_file(name: str = "page.png", page: np.ndarray | None = None) -> bytes:
    """Write a photograph and return its bytes."""
    data = bytes(cv2.imencode(Path(name).suffix, photograph() if page is None else page)[1])
    Path(name).write_bytes(data)
    return data


def rows_of(out: str) -> list[list[str]]:
    return [line.split("\t") for line in out.splitlines()]


def test_each_character_is_one_line_with_name_box_label_and_confidence(mlp_train: Run, models: Path) -> None:
    photo_file()
    answer = mlp_train("predict", models / "digits.mlp", "page.png", "--segment")
    assert answer.code == 0
    model = mlp_runtime.load(models / "digits.mlp")
    items = segment(photograph())
    assert len(items) == 6
    best = [model.top(item.frame, 1)[0] for item in items]
    assert rows_of(answer.out) == [
        ["page.png", ",".join(map(str, item.box)), label, f"{share:.3f}"]
        for item, (label, share) in zip(items, best, strict=True)
    ]


def test_json_is_one_object_with_the_boxes(mlp_train: Run, models: Path) -> None:
    photo_file()
    answer = mlp_train("predict", models / "digits.mlp", "page.png", "--segment", "--json")
    told = json.loads(answer.out)["predictions"]
    assert [one["box"] for one in told] == [list(item.box) for item in segment(photograph())]
    assert all(one["input"] == "page.png" and 0 <= one["confidence"] <= 1 for one in told)
    assert all(sum(one["probabilities"].values()) == pytest.approx(1, abs=1e-5) for one in told)


def test_a_csv_has_a_column_for_each_number_of_the_box(mlp_train: Run, models: Path) -> None:
    photo_file()
    answer = mlp_train("predict", models / "digits.mlp", "page.png", "--segment", "--out", "items.csv")
    assert answer.out == "items.csv\n"
    with Path("items.csv").open(newline="") as file:
        head, *rows = csv.reader(file)
    assert head == ["input", "x", "y", "width", "height", "label", "confidence"]
    assert [tuple(map(int, row[1:5])) for row in rows] == [item.box for item in segment(photograph())]


def test_a_blank_page_says_so_and_is_no_error(mlp_train: Run, models: Path) -> None:
    photo_file("blank.png", np.full((300, 400), 200, np.uint8))
    answer = mlp_train("predict", models / "digits.mlp", "blank.png", "--segment")
    assert (answer.code, answer.out) == (0, "")
    assert "blank.png: nothing on it stands out as a character" in answer.err
    empty = mlp_train("predict", models / "digits.mlp", "blank.png", "--segment", "--json")
    assert json.loads(empty.out)["predictions"] == []


def test_photographs_in_a_zip_and_in_a_folder_are_read_alike(mlp_train: Run, models: Path) -> None:
    Path("box").mkdir()
    with zipfile.ZipFile("box.zip", "w") as archive:
        for name, columns in (("a.png", 2), ("b.jpg", 3)):
            archive.writestr(name, photo_file(f"box/{name}", photograph(1, columns)))
    folder = rows_of(mlp_train("predict", models / "digits.mlp", "box", "--segment").out)
    packed = rows_of(mlp_train("predict", models / "digits.mlp", "box.zip", "--segment").out)
    assert [row[0] for row in packed] == ["box.zip/a.png"] * 2 + ["box.zip/b.jpg"] * 3
    assert [row[1:] for row in folder] == [row[1:] for row in packed]


def test_a_broken_photograph_is_an_error_alone_and_skipped_among_others(mlp_train: Run, models: Path) -> None:
    good = photo_file()
    Path("broken.png").write_bytes(good[: len(good) // 3])
    alone = mlp_train("predict", models / "digits.mlp", "broken.png", "--segment")
    assert (alone.code, alone.out) == (3, "")
    assert "broken.png" in alone.err
    with zipfile.ZipFile("box.zip", "w") as archive:
        archive.writestr("broken.png", good[: len(good) // 3])
        archive.writestr("page.png", good)
    among = mlp_train("predict", models / "digits.mlp", "box.zip", "--segment")
    assert among.code == 0
    assert len(rows_of(among.out)) == 6
    assert "skipped: box.zip/broken.png" in among.err
    assert "box.zip: 1 image of 2 could not be read and have no answer" in among.err


def test_what_holds_no_image_is_refused(mlp_train: Run, models: Path) -> None:
    Path("table.csv").write_text("a,b\n1,2\n")
    answer = mlp_train("predict", models / "digits.mlp", "table.csv", "--segment")
    assert (answer.code, answer.out) == (3, "")
    assert "there is no image in it" in answer.err


@pytest.mark.parametrize(
    ("model", "takes"),
    [
        ("titanic", "a table; give a model of single characters"),
        ("plain", "images of one size (fit='none'); train with --fit ink"),
    ],
)
def test_a_model_that_cannot_take_characters_of_any_size_is_refused(
    mlp_train: Run, models: Path, model: str, takes: str
) -> None:
    photo_file()
    answer = mlp_train("predict", models / f"{model}.mlp", "page.png", "--segment")
    assert (answer.code, answer.out) == (2, "")
    assert f"but this model takes {takes}" in answer.err


def test_annotate_draws_a_box_around_each_character_and_keeps_the_rest(mlp_train: Run, models: Path) -> None:
    photo_file()
    answer = mlp_train("predict", models / "digits.mlp", "page.png", "--segment", "--annotate", "out.png")
    assert answer.code == 0
    assert "drew 6 answers into out.png" in answer.err
    drawn, page = cv2.imread("out.png"), cv2.imread("page.png")
    assert drawn.shape == page.shape
    changed = (drawn != page).any(axis=2)
    for x, y, w, h in (item.box for item in segment(photograph())):
        assert changed[y - 1, x : x + w].all()
        assert changed[y : y + h, x - 1].all()
        assert not changed[y + 2 : y + h - 2, x + 2 : x + w - 2].any()  # what was written can still be read
    assert changed.mean() < 0.1
    assert sorted(path.name for path in Path().iterdir()) == ["out.png", "page.png"]


@pytest.mark.parametrize(
    ("flags", "code", "words"),
    [
        (("--annotate", "new.png"), 2, "--annotate draws what --segment finds; give both"),
        (("--segment", "--annotate", "new.txt"), 2, "a picture's name ends in one of .png"),
        (("--segment", "--annotate", "there.png"), 6, "there.png: the file exists"),
        (("--segment", "--annotate", "nowhere/new.png"), 6, "its folder does not exist"),
        (("box", "--segment", "--annotate", "new.png"), 2, "--annotate draws into one photograph"),
    ],
)
def test_annotate_where_it_cannot_draw_is_refused_and_leaves_no_file(
    mlp_train: Run, models: Path, flags: tuple[str, ...], code: int, words: str
) -> None:
    photo_file()
    Path("box").mkdir()
    photo_file("box/a.png")
    Path("there.png").write_bytes(b"mine")
    answer = mlp_train("predict", models / "digits.mlp", "page.png", *flags)
    assert answer.code == code
    assert words in answer.err
    assert Path("there.png").read_bytes() == b"mine"
    assert not Path("new.png").exists()


def test_force_replaces_the_picture_and_a_zip_of_two_is_refused(mlp_train: Run, models: Path) -> None:
    page = photo_file()
    Path("there.png").write_bytes(b"mine")
    asked = ("predict", models / "digits.mlp")
    assert mlp_train(*asked, "page.png", "--segment", "--annotate", "there.png", "--force").code == 0
    assert cv2.imread("there.png") is not None
    with zipfile.ZipFile("box.zip", "w") as archive:
        archive.writestr("a.png", page)
        archive.writestr("b.png", page)
    two = mlp_train(*asked, "box.zip", "--segment", "--annotate", "new.png")
    assert (two.code, two.out) == (2, "")
    assert not Path("new.png").exists()


def test_photographs_are_not_turned(mlp_train: Run, models: Path) -> None:
    photo_file()
    answer = mlp_train("predict", models / "digits.mlp", "page.png", "--segment", "--transpose")
    assert (answer.code, answer.out) == (2, "")
    assert "--transpose is for images in IDX and CSV files, but --segment reads photographs" in answer.err
