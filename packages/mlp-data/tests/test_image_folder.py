"""Image folders load whatever wraps them and whatever junk lies in them; bad images are named, counted and skipped."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np
import pytest

import mlp_data
from mlp_data import load
from mlp_data.errors import DataError
from mlp_data.loaders import image_folder
from mlp_data.loaders.image_folder import load_image_folder
from mlp_data.options import Options
from mlp_data.sources import open_source

Zip = Callable[..., Path]
Digits = Callable[[int], np.ndarray]


def png(frame: np.ndarray, ending: str = ".png") -> bytes:
    return cv2.imencode(ending, frame)[1].tobytes()


@pytest.fixture
def picture(digits_of: Digits) -> bytes:
    return png(digits_of(1)[0])


def tree(picture: bytes, names: Iterable[str]) -> dict[str, bytes]:
    return dict.fromkeys(names, picture)


def summary(data: mlp_data.Dataset) -> dict[str, list[str]]:
    return {
        name: [data.classes[i] for i in split.y] if split.y is not None else ["?"] * len(split)
        for name, split in data.splits.items()
    }


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (["cat/1.png", "dog/1.png", "dog/2.png"], {"train": ["cat", "dog", "dog"]}),
        (["pets/all/cat/1.png", "pets/all/dog/1.png"], {"train": ["cat", "dog"]}),
        (["pets/train/cat/1.png", "pets/test/dog/1.png"], {"train": ["cat"], "test": ["dog"]}),
        (["Training/7/a.png", "Validation/7/a.png"], {"train": ["7"], "valid": ["7"]}),
        (["cat/train/1.png", "cat/test/1.png", "dog/train/1.png"], {"train": ["cat", "dog"], "test": ["cat"]}),
        (["train/cat/tabby/1.png", "train/dog/1.png"], {"train": ["cat", "dog"]}),
        (["pets/train/cat/1.png", "pets/test/1.png"], {"train": ["cat"], "unlabelled": ["?"]}),
        (["only/1.png", "only/2.png"], {"train": ["only", "only"]}),
        (["1.png", "2.png"], {"unlabelled": ["?", "?"]}),
        (["10/a.png", "9/a.png", "2/a.png"], {"train": ["2", "9", "10"]}),
    ],
)
def test_folders_name_classes_and_splits(
    make_zip: Zip, picture: bytes, names: list[str], wanted: dict[str, list[str]]
) -> None:
    assert summary(mlp_data.load(make_zip(tree(picture, names)))) == wanted


def test_a_folder_on_disk_loads_as_its_zip_does(make_zip: Zip, digits_of: Digits, tmp_path: Path) -> None:
    members = {f"d/{i % 3}/{i}.png": png(frame) for i, frame in enumerate(digits_of(12))}
    archive = make_zip({**members, "__MACOSX/d/0/._0.png": b"junk", "d/.DS_Store": b"junk", "d/0/Thumbs.db": b"junk"})
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(tmp_path / "out")
    zipped, folder = mlp_data.load(archive), mlp_data.load(tmp_path / "out")
    assert zipped.fingerprint == folder.fingerprint
    assert zipped.classes == ("0", "1", "2")
    assert zipped.problems == ()
    assert zipped.splits["train"].x.shape == (12, 12, 12)


def test_bad_images_are_named_counted_and_skipped(make_zip: Zip, picture: bytes) -> None:
    members = tree(picture, ["0/a.png", "1/a.png"])
    members |= {"0/empty.png": b"", "0/cut.png": picture[:40], "1/text.jpg": b"hello", "1/other.gif": b"GIF89a"}
    data = mlp_data.load(make_zip(members))
    assert summary(data) == {"train": ["0", "1"]}
    (problem,) = data.problems
    assert problem.startswith("4 of 6 images cannot be read and are left out: ")
    assert "'0/cut.png': the PNG image is damaged or cut short" in problem
    assert "'0/empty.png': the image is empty (0 bytes)" in problem
    assert problem.endswith("and 1 more")


def test_a_damaged_member_loses_only_itself(make_zip: Zip, picture: bytes) -> None:
    path = make_zip(tree(picture, ["0/a.png", "0/b.png", "1/a.png"]), method=zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    content[content.index(b"0/b.png") + 60] ^= 1
    path.write_bytes(content)
    data = mlp_data.load(path)
    assert summary(data) == {"train": ["0", "1"]}
    assert "checksum" in data.problems[0]


def test_where_no_image_can_be_read_the_source_is_refused(make_zip: Zip) -> None:
    with pytest.raises(
        DataError, match=r"none of its 2 images can be read, the first being '0/a.png': the image is em"
    ):
        mlp_data.load(make_zip({"0/a.png": b"", "1/a.png": b""}))


def test_images_that_fill_the_memory_are_refused_before_they_do(make_zip: Zip, tmp_path: Path) -> None:
    # a megabyte of pixels in a thousand bytes each; of one size they would stay on disk
    blanks = [png(np.zeros((1000, 1000 - i // 4), np.uint8)) for i in range(9)]
    with open_source(make_zip({f"{i % 2}/{i}.png": blank for i, blank in enumerate(blanks)})) as source:
        cache = str(tmp_path / "cache")
        assert len(load_image_folder(source, Options(max_memory=18_000_000, cache=cache)).train) == 9
        with pytest.raises(DataError, match=r"up to '0/8\.png', take over 4,000,000 bytes, half of the memory allowed"):
            load_image_folder(source, Options(max_memory=8_000_000, cache=cache))


def test_sizes_may_differ_and_colour_is_kept_where_there_is_some(make_zip: Zip) -> None:
    red = np.zeros((9, 7, 3), np.uint8)
    red[..., 2] = 255  # OpenCV's order
    grey_as_colour = np.full((5, 6, 3), 90, np.uint8)
    mixed = mlp_data.load(make_zip({"0/a.png": png(red), "1/a.png": png(grey_as_colour)}))
    frames = mixed.splits["train"].x
    assert isinstance(frames, list)
    assert [frame.shape for frame in frames] == [(9, 7, 3), (5, 6, 3)]
    assert frames[0][0, 0].tolist() == [255, 0, 0]
    grey = mlp_data.load(make_zip({"0/a.png": png(grey_as_colour), "1/a.png": png(grey_as_colour)}))
    assert grey.splits["train"].x.shape == (2, 5, 6)


def test_the_content_decides_and_not_the_ending(make_zip: Zip, picture: bytes) -> None:
    assert summary(mlp_data.load(make_zip(tree(picture, ["0/a", "1/b.csv"])))) == {"train": ["0", "1"]}


def test_twelve_thousand_png_files_load_with_their_junk_left_out(shared_data: Path) -> None:
    data = mlp_data.load(shared_data / "mnist-png.zip")
    assert {name: split.x.shape for name, split in data.splits.items()} == {
        "train": (10_000, 28, 28),
        "test": (2_000, 28, 28),
    }
    assert np.bincount(data.splits["train"].y).tolist() == [1000] * 10
    assert np.bincount(data.splits["test"].y).tolist() == [200] * 10
    assert data.problems == ()
    assert "28 x 28" in data.input_reason
    assert data.fit_input().fit == "ink"


def test_images_decoded_on_several_threads_come_in_the_order_of_their_names(
    make_zip: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_folder, "_TOGETHER", 3)  # many groups
    members = {f"{i % 2}/{i}.png": png(np.full((4, 4), i, np.uint8)) for i in range(100)}
    members["1/51.png"] = members["1/51.png"][:-20]
    data = load(make_zip(members))
    found = np.asarray(data.train.x)[:, 0, 0].tolist()
    assert found == [*range(0, 100, 2), *(i for i in range(1, 100, 2) if i != 51)]
    assert (data.train.y == [i % 2 for i in found]).all()
    assert "1 of 100 images cannot be read" in data.problems[0]
    assert "51.png" in data.problems[0]
