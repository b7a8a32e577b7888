"""Digits as CSV load fast, whatever their headings, and the line that is wrong is named."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import mlp_data
from mlp_data.errors import DataError
from mlp_data.loaders.csv_digits import find_layout, image_shape
from mlp_data.sources import open_source

Zip = Callable[..., Path]


def frames(count: int, pixels: int = 64) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, pixels))


def csv(rows: np.ndarray, first: list[str] | None = None, header: str | None = "label", end: str = "\n") -> bytes:
    lines = [",".join(map(str, row)) for row in rows.tolist()]
    if first is not None:
        lines = [f"{cell},{line}" for cell, line in zip(first, lines, strict=True)]
    names = [f"pixel{i}" for i in range(rows.shape[1])]
    if header is not None:
        lines.insert(0, ",".join([header, *names] if first is not None else names))
    return (end.join(lines) + end).encode()


def test_train_test_and_sample_submission_are_told_apart(make_zip: Zip) -> None:
    rows = frames(30)
    sample = "ImageId,Label\n" + "".join(f"{i},0\n" for i in range(1, 11))
    members = {
        "sample_submission.csv": sample.encode(),
        "test.csv": csv(rows[20:]),
        "train.csv": csv(rows[:20], [str(i % 10) for i in range(20)]),
    }
    data = mlp_data.load(make_zip(members))
    assert data.kind == "image"
    assert data.target == "label"
    assert data.classes == tuple("0123456789")
    assert list(data.splits) == ["train", "unlabelled"]
    assert np.array_equal(data.splits["train"].x, rows[:20].reshape(-1, 8, 8))
    assert np.array_equal(data.splits["unlabelled"].x, rows[20:].reshape(-1, 8, 8))
    assert data.splits["unlabelled"].y is None
    assert data.submission == ("ImageId", "Label")
    assert data.splits["unlabelled"].ids == [str(i) for i in range(1, 11)]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("header", ["label", "digit", "5x5", None])
def test_headings_and_line_ends_may_be_any(make_zip: Zip, header: str | None, end: str) -> None:
    rows = frames(6)
    data = mlp_data.load(make_zip({"a.txt": csv(rows, list("102102"), header, end)}))
    assert data.splits["train"].y.tolist() == [1, 0, 2, 1, 0, 2]
    assert np.array_equal(data.splits["train"].x.reshape(6, -1), rows)


def test_labels_may_be_words_and_ids_are_no_labels(make_zip: Zip) -> None:
    words = mlp_data.load(make_zip({"letters.csv": csv(frames(3), ["b", "a", "B c"])}))
    assert words.classes == ("a", "b", "B c")
    members = {"train.csv": csv(frames(4), list("0101")), "test.csv": csv(frames(2), ["1001", "1002"], "id")}
    assert mlp_data.load(make_zip(members)).splits["unlabelled"].ids == ["1001", "1002"]


def test_the_label_may_come_last_as_in_openml_files(make_zip: Zip) -> None:
    rows = frames(4)
    lines = [f"{','.join(map(str, row))},{label}" for row, label in zip(rows.tolist(), "1021", strict=True)]
    header = ",".join([*(f"pixel{i}" for i in range(1, 65)), "class"])
    for odd in (lines, [line.replace(",", ", ") for line in lines]):
        data = mlp_data.load(make_zip({"mnist_784.csv": "\n".join([header, *odd]).encode()}))
        assert (data.target, data.classes) == ("class", ("0", "1", "2"))
        assert data.splits["train"].y.tolist() == [1, 0, 2, 1]
        assert np.array_equal(data.splits["train"].x.reshape(4, -1), rows)


def test_quotes_spaces_and_points_are_read_too(make_zip: Zip) -> None:
    content = csv(frames(4), list("0101"))
    plain = mlp_data.load(make_zip({"a.csv": content}))
    head, _, body = content.partition(b"\n")
    odd = head + b"\n" + body.replace(b",", b", ").replace(b"\n", b".0\n")
    assert np.array_equal(mlp_data.load(make_zip({"a.csv": odd})).splits["train"].x, plain.splits["train"].x)
    quoted = b"\n".join(b",".join(b'"%s"' % cell for cell in line.split(b",")) for line in content.splitlines())
    data = mlp_data.load(make_zip({"a.csv": quoted}))
    assert (data.target, data.classes) == ("label", ("0", "1"))
    assert np.array_equal(data.splits["train"].x, plain.splits["train"].x)
    with_mark = mlp_data.load(make_zip({"a.csv": b"\xef\xbb\xbf" + content.rstrip(b"\n")}))
    assert with_mark.target == "label"
    assert np.array_equal(with_mark.splits["train"].x, plain.splits["train"].x)


def test_the_number_of_columns_gives_the_shape() -> None:
    assert image_shape(784) == (28, 28)
    assert image_shape(3072) == (32, 32, 3)
    assert image_shape(785) is None
    assert image_shape(4) is None  # a table of five whole numbers a row is no image


def test_a_table_of_few_numbers_is_left_to_the_table_loader(make_zip: Zip) -> None:
    with open_source(make_zip({"a.csv": b"y,a,b,c,d\n1,2,3,4,5\n0,2,3,4,5\n"})) as source:
        assert find_layout(source.members[0]) is None


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b"\n1,", b"\n1,7,", "line 3 has 66 cells, but the first line has 65"),
        (b"\n1,", b"\n1,256,", "line 3 has 66 cells"),
        (b"\n2,", b"\n2\n2,", "line 4 has 1 cells"),
        (b"\n2,", b"\n,", "line 4 has no label: fill or drop it"),
    ],
)
def test_a_wrong_line_is_named(make_zip: Zip, old: bytes, new: bytes, words: str) -> None:
    content = csv(frames(4), list("0123")).replace(old, new, 1)
    with pytest.raises(DataError, match=words):
        mlp_data.load(make_zip({"a.csv": content}))


@pytest.mark.parametrize("cell", ["256", "-1", "x", "", "3.5", "nan", "999999"])
def test_a_pixel_that_is_none_is_named_with_its_line(make_zip: Zip, cell: str) -> None:
    lines = csv(frames(4), list("0123")).decode().split("\n")
    lines[3] = ",".join([*lines[3].split(",")[:-1], cell])
    with pytest.raises(DataError, match=f"line 4 has the pixel '{cell}', but pixels are whole numbers from 0 to 255"):
        mlp_data.load(make_zip({"a.csv": "\n".join(lines).encode()}))


def test_images_of_two_sizes_are_refused(make_zip: Zip) -> None:
    with pytest.raises(DataError, match="images of shapes"):
        mlp_data.load(make_zip({"train.csv": csv(frames(2), list("01")), "test.csv": csv(frames(2, 81))}))


def test_a_header_without_lines_is_not_taken_for_data(make_zip: Zip) -> None:
    with pytest.raises(DataError):
        mlp_data.load(make_zip({"a.csv": csv(frames(1), ["1"]).partition(b"\n")[0] + b"\n"}))


def test_forty_two_thousand_lines_take_seconds(shared_data: Path) -> None:
    start = time.process_time()
    data = mlp_data.load(shared_data / "digit-recognizer.zip")
    assert time.process_time() - start < 20  # about 2 where this was written
    assert {name: split.x.shape for name, split in data.splits.items()} == {
        "train": (42_000, 28, 28),
        "unlabelled": (28_000, 28, 28),
    }
    assert data.splits["train"].y.tolist()[:2] != []
    assert data.submission == ("ImageId", "Label")
    assert data.splits["unlabelled"].ids[-1] == "28000"


def test_images_that_lie_on_their_side_are_turned_on_request(make_zip: Zip) -> None:
    rows = frames(6)
    data = mlp_data.load(make_zip({"a.csv": csv(rows, list("102102"))}), transpose=True)
    assert np.array_equal(data.train.x, rows.reshape(-1, 8, 8).swapaxes(1, 2))
