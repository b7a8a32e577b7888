"""`mlp-data preview` draws what came, each step and the vector into one picture, or says why it cannot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mlp_data
from mlp_data.cli import main
from mlp_data.drawing import labelled
from mlp_data.errors import DataError, OptionError
from mlp_data.photo import page_stages
from mlp_data.sheet import drawn, preview

cv2 = pytest.importorskip("cv2")

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main(["preview", *arguments])
        out, err = capsys.readouterr()
        return int(left.value.code or 0), out, err

    return run


def png(frame: np.ndarray) -> bytes:
    return bytes(cv2.imencode(".png", frame)[1])


def photograph() -> np.ndarray:
    page = np.full((300, 400), 200, np.uint8)
    for x, digit in zip((60, 160, 260), mlp_data.load("digits").splits["test"].x, strict=False):
        page[100:200, x : x + 80][cv2.resize(np.asarray(digit), (80, 100)) > 110] = 50
    return page


def tiles_of(sheet: np.ndarray, side: int = 150) -> tuple[int, int]:
    """Return how many rows and columns of tiles a sheet has room for."""
    return round(sheet.shape[0] / (side + 24)), round(sheet.shape[1] / (side + 6))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".WEBP"])
def test_a_zip_of_images_gives_a_row_for_each_sample(run: Run, make_zip: Callable[..., Path], suffix: str) -> None:
    digits = mlp_data.load("digits")
    images = {f"{n % 5}/{n}.png": png(np.asarray(digits.train.x[n])) for n in range(20)}
    code, out, err = run(str(make_zip(images)), "--out", f"sheet{suffix}", "--count", "4")
    assert (code, out) == (0, f"sheet{suffix}\n")
    assert err.startswith("next: look at sheet")
    sheet = cv2.imread(f"sheet{suffix}")
    assert tiles_of(sheet) == (4, 3)  # the sample, its ink, the vector
    assert sorted(path.name for path in Path().iterdir()) == ["data.zip", f"sheet{suffix}"]


def test_idx_files_and_samples_are_shown_too(tmp_path: Path, make_zip: Callable[..., Path], idx: Any) -> None:
    digits = mlp_data.load("digits").train
    packed = make_zip(
        {"train-images-idx3-ubyte": idx(digits.x[:40]), "train-labels-idx1-ubyte": idx(np.arange(40) % 10)}
    )
    assert tiles_of(preview(str(packed), 5))[0] == 5
    assert tiles_of(preview("digits", 3))[0] == 3


def test_the_last_tile_of_a_sample_is_the_vector_that_the_network_gets() -> None:
    digits = mlp_data.load("digits")
    spec = digits.fit_input()
    sheet = preview("digits", 1, seed=3)
    place = int(np.random.default_rng(3).choice(len(digits.train), 1, replace=False)[0])
    vector = np.asarray(spec.prepare([digits.train.x[place]])[0]).reshape(28, 28)
    left = sheet.shape[1] - 156
    tile = sheet[24:174, left : left + 150, 0]
    assert np.array_equal(tile, cv2.resize(vector, (150, 150), interpolation=cv2.INTER_NEAREST))


def test_a_photograph_shows_its_steps_and_two_items_in_a_row(run: Run) -> None:
    Path("page.png").write_bytes(png(photograph()))
    code, out, _ = run("page.png", "--out", "sheet.png")
    assert (code, out) == (0, "sheet.png\n")
    sheet = cv2.imread("sheet.png")
    assert tiles_of(sheet, 280) == (2 + 2, 4)  # the photograph and seven steps, then three items
    steps = page_stages(photograph())
    assert len(steps) == 7
    assert tiles_of(preview("page.png", 1), 280) == (2 + 1, 4)


def test_a_blank_photograph_shows_its_steps_alone(tmp_path: Path) -> None:
    blank = tmp_path / "blank.png"
    blank.write_bytes(png(np.full((200, 300), 190, np.uint8)))
    assert tiles_of(preview(str(blank)), 280) == (2, 4)


def test_the_same_seed_picks_the_same_samples() -> None:
    assert np.array_equal(preview("digits", 4, seed=1), preview("digits", 4, seed=1))
    assert not np.array_equal(preview("digits", 4, seed=1), preview("digits", 4, seed=2))


def test_every_tile_is_titled_and_nothing_is_cut_off() -> None:
    wide, tall = np.zeros((10, 300), np.uint8), np.zeros((300, 10, 3), np.uint8)
    sheet = drawn([[("one", wide), ("two", tall)]])
    assert sheet.shape == (180, 318, 3)
    for left in (6, 162):
        assert (sheet[6:24, left : left + 150] < 100).any()  # a title
    assert (sheet[24:29, 6:156] == 0).all()
    assert (sheet[24:174, 162:167] == 0).all()


def test_a_table_is_refused_with_where_to_look(run: Run) -> None:
    code, out, err = run("titanic", "--out", "sheet.png")
    assert (code, out) == (3, "")
    assert "titanic: holds a table, and a sheet shows images: look at it with mlp-data inspect" in err
    with pytest.raises(DataError, match="sheet shows images"):
        preview("titanic")


@pytest.mark.parametrize(
    ("target", "code", "words"),
    [
        ("sheet.txt", 2, "a picture's name ends in one of .png"),
        ("sheet", 2, "a picture's name ends in one of .png"),
        ("there.png", 6, "the file exists"),
        ("nowhere/sheet.png", 6, "cannot be written"),
    ],
)
def test_a_target_that_cannot_be_written_is_refused(run: Run, target: str, code: int, words: str) -> None:
    Path("there.png").write_bytes(b"mine")
    left, out, err = run("digits", "--out", target, "--count", "1")
    assert (left, out) == (code, "")
    assert words in err
    assert Path("there.png").read_bytes() == b"mine"
    assert [path.name for path in Path().iterdir()] == ["there.png"]


def test_force_replaces_a_sheet(run: Run) -> None:
    Path("there.png").write_bytes(b"mine")
    assert run("digits", "--out", "there.png", "--force", "--count", "1")[0] == 0
    assert cv2.imread("there.png") is not None


@pytest.mark.parametrize("count", [0, -1, 101])
def test_a_sheet_of_no_or_too_many_samples_is_refused(count: int) -> None:
    with pytest.raises(OptionError, match=str(count)):
        preview("digits", count)


def test_labels_stay_within_the_picture_wherever_the_item_is() -> None:
    frame = np.full((200, 300, 3), 200, np.uint8)

    def white(box: tuple[int, int, int, int]) -> int:
        """Return how many pixels of the label are seen: no other is white, and OpenCV's letters differ by version."""
        red = labelled(frame, [(box, "8")])[..., 0]
        assert (red < 100).any()  # the box
        return int((red > 220).sum())

    for box in [(0, 0, 10, 20), (285, 10, 10, 20), (290, 175, 10, 20), (296, 90, 4, 20), (100, 5, 90, 190)]:
        _, _, wide, tall = box
        whole = white((140, 90, wide, min(tall, 60)))  # in the middle; a taller box has no larger label
        assert whole > 10
        assert white(box) == whole
    assert (frame == 200).all()
