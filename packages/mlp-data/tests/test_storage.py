"""Data that fit are loaded into memory, larger ones stay on disk, and both are the same data."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from mlp_data import DataError, Dataset, OptionError, load
from mlp_data.check import problems
from mlp_data.inspection import inspect
from mlp_data.options import Options
from mlp_data.rows import FileRows
from mlp_data.sources import open_source
from mlp_data.storage import Storage, default_memory, read_size
from mlp_data.stored_table import store_table
from mlp_data.table_rows import TableRows

Write = Callable[..., Any]


@pytest.fixture
def tight(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing fit in memory, as with data that are larger than it."""
    monkeypatch.setattr(Storage, "fits", lambda self, content: False)


def same(one: Dataset, other: Dataset) -> None:
    assert (one.kind, one.classes, one.problems, one.splits.keys()) == (
        other.kind,
        other.classes,
        other.problems,
        other.splits.keys(),
    )
    for name, split in one.splits.items():
        assert (np.asarray(split.x) == np.asarray(other.splits[name].x)).all()
        assert (split.y is None) == (other.splits[name].y is None)
        assert split.y is None or (split.y == other.splits[name].y).all()
        assert split.ids == other.splits[name].ids
    assert one.fingerprint == other.fingerprint
    assert one.fit_input() == other.fit_input()
    assert problems(one) == problems(other)


def digits(idx: Write, digits_of: Write) -> dict[str, bytes]:
    return {
        "train-images.idx3-ubyte": idx(digits_of(60)),
        "train-labels.idx1-ubyte": idx(np.arange(60) % 3),
        "t10k-images.idx3-ubyte": idx(digits_of(20)),
        "t10k-labels.idx1-ubyte": idx(np.arange(20) % 3),
    }


def pack(packing: str, members: dict[str, bytes], folder: Path, make_zip: Write) -> Path:
    if packing == "zip":
        return Path(make_zip(members))
    (folder / "data").mkdir()
    for name, content in members.items():
        (folder / "data" / name).write_bytes(gzip.compress(content) if packing == "gz" else content)
    return folder / "data"


@pytest.mark.parametrize("packing", ["folder", "zip", "gz"])
def test_idx_on_disk_is_the_same_data_as_in_memory(
    packing: str, idx: Write, digits_of: Write, tmp_path: Path, make_zip: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = pack(packing, digits(idx, digits_of), tmp_path, make_zip)
    in_memory = load(source)
    monkeypatch.setattr(Storage, "fits", lambda self, content: False)
    for _ in range(2):  # the second time from the cache
        on_disk = load(source, cache=str(tmp_path / "cache"))
        assert isinstance(on_disk.train.x, FileRows)
        same(in_memory, on_disk)
    assert (tmp_path / "cache").exists() == (packing != "folder")  # what lies there as it is needs no copy
    assert inspect(in_memory) == inspect(on_disk)


def test_a_source_that_changed_is_not_taken_from_the_cache(
    idx: Write, digits_of: Write, tmp_path: Path, make_zip: Write, tight: None
) -> None:
    members = digits(idx, digits_of)
    before = load(make_zip(members), cache=str(tmp_path / "cache"))
    members["train-images.idx3-ubyte"] = idx(digits_of(60)[::-1])
    after = load(make_zip(members), cache=str(tmp_path / "cache"))
    assert (np.asarray(after.train.x) == digits_of(60)[::-1]).all()
    assert (np.asarray(before.train.x) == digits_of(60)).all()  # whoever reads the old entry goes on with it


def test_an_image_file_that_is_too_short_is_refused_before_it_is_cached(
    idx: Write, digits_of: Write, tmp_path: Path, make_zip: Write, tight: None
) -> None:
    members = digits(idx, digits_of)
    members["train-images.idx3-ubyte"] = members["train-images.idx3-ubyte"][:-1]
    with pytest.raises(DataError, match="promises shape"):
        load(make_zip(members), cache=str(tmp_path / "cache"))
    assert list((tmp_path / "cache").iterdir()) == []


def test_vectors_and_images_with_one_channel_stay_on_disk_too(idx: Write, tmp_path: Path, tight: None) -> None:
    for name, shape in (("vectors", (40, 5)), ("images", (40, 6, 6, 1))):
        folder = tmp_path / name
        folder.mkdir()
        values = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        (folder / "images.idx").write_bytes(idx(values))
        (folder / "labels.idx").write_bytes(idx(np.arange(40) % 2))
        data = load(folder)
        assert isinstance(data.train.x, FileRows)
        assert (np.asarray(data.train.x) == values.reshape(data.train.x.shape)).all()
        assert data.fit_input().size == values[0].size
        problems(data)


@pytest.mark.parametrize("said", ["much", "", "-1G", "1 Gigabyte", 0])
def test_an_amount_of_memory_that_is_none_is_refused(said: Any) -> None:
    with pytest.raises(OptionError, match="is no amount of memory: give one such as 512M"):
        read_size(said)


def test_too_little_memory_is_refused_with_the_least_that_would_do(idx: Write, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="max_memory='100M' is too small for any data: allow at least 288M"):
        load("digits", max_memory="100M")
    count = 2_000_000
    images, labels = tmp_path / "images.idx", tmp_path / "labels.idx"
    images.write_bytes(bytes([0, 0, 8, 3]) + count.to_bytes(4, "big") + bytes([0, 0, 0, 28] * 2))
    labels.write_bytes(idx([0, 1]))
    os.truncate(images, 16 + count * 784)  # of zeros that take no room
    with pytest.raises(OptionError, match=r"288M is too small for 2,000,000 rows.* allow at least (\d+)M") as caught:
        load(tmp_path, max_memory="288M")
    least = str(caught.value).rsplit(" ", 1)[1]
    with pytest.raises(DataError, match=r"2,000,000 images but .* holds 2 labels"):  # so far it comes with that much
        load(tmp_path, max_memory=least)


def test_a_table_whose_cells_do_not_fit_in_memory_stays_on_disk(tmp_path: Path) -> None:
    table = tmp_path / "sales.csv"
    note = "quiet " * 25
    table.write_text("rooms,note,price\n" + f"1,{note},10.5\n2,{note},19.5\n3,{note},31.0\n" * 50_000)
    x = load(table, max_memory="320M", cache=str(tmp_path / "cache")).train.x
    assert isinstance(x, TableRows)
    assert x[149_998:] == {"rooms": ["2", "3"], "note": [note, note]}
    assert isinstance(load(table, max_memory="1G").train.x, dict)


def test_parquet_whose_cells_do_not_fit_in_memory_is_refused_before_it_is_read(tmp_path: Path) -> None:
    table = tmp_path / "sales.parquet"
    table.write_bytes(b"PAR1")
    os.truncate(table, 40 << 20)  # of zeros that take no room
    said = Options.of(max_memory="288M")
    with (
        open_source(table) as source,
        pytest.raises(OptionError, match=r"41,943,040 bytes of Parquet.* least 592M, or"),
    ):
        store_table(source.members[0], source, said)


def test_without_a_word_half_of_the_machine_is_allowed_and_small_data_stay_in_memory() -> None:
    assert 256 << 20 < default_memory() < 1 << 50
    assert isinstance(load("digits").train.x, np.ndarray)
    assert "max_memory" not in load("digits", max_memory="1G").load_options  # how, not what


def twice_the_same(in_memory: Dataset, source: Path, cache: Path) -> None:
    """Load onto the disk, then from there."""
    for _ in range(2):
        on_disk = load(source, cache=str(cache))
        assert isinstance(on_disk.train.x, FileRows)
        same(in_memory, on_disk)


def pixel_csv(count: int) -> bytes:
    pixels = np.random.default_rng(1).integers(0, 256, (count, 64))
    rows = [",".join(map(str, [f"class {i % 3}" if i > 40 else i % 3, *row])) for i, row in enumerate(pixels.tolist())]
    heading = "label," + ",".join(f"pixel{i}" for i in range(64))
    return "\n".join([heading, *rows]).encode()


@pytest.mark.parametrize("packing", ["folder", "zip", "gz"])
def test_lines_of_pixels_on_disk_are_the_same_data_as_in_memory(
    packing: str, tmp_path: Path, make_zip: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = pack(packing, {"train.csv": pixel_csv(90)}, tmp_path, make_zip)
    in_memory = load(source)
    monkeypatch.setattr(Storage, "fits", lambda self, content: False)
    twice_the_same(in_memory, source, tmp_path / "cache")
    turned = load(source, cache=str(tmp_path / "cache"), transpose=True)
    assert (np.asarray(turned.train.x) == np.asarray(in_memory.train.x).swapaxes(1, 2)).all()


def png_folder(frames: list[np.ndarray]) -> dict[str, bytes]:
    members = {f"{i % 2}/{i}.png": cv2.imencode(".png", frame)[1].tobytes() for i, frame in enumerate(frames)}
    members["0/broken.png"] = members["0/0.png"][:-20]
    return {f"{'test' if i % 5 == 0 else 'train'}/{name}": members[name] for i, name in enumerate(members)}


GREY = np.random.default_rng(2).integers(0, 256, (30, 6, 5), np.uint8)
COLOUR = np.random.default_rng(3).integers(0, 256, (30, 6, 5, 3), np.uint8)


@pytest.mark.parametrize("frames", [[*GREY], [*COLOUR], [*GREY[:20], *COLOUR[20:]], [*COLOUR[:3], *GREY[3:]]])
def test_image_folders_on_disk_are_the_same_data_as_in_memory(
    frames: list[np.ndarray], tmp_path: Path, make_zip: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make_zip(png_folder(frames))
    in_memory = load(source)
    monkeypatch.setattr(Storage, "fits", lambda self, content: False)
    twice_the_same(in_memory, source, tmp_path / "cache")


def test_images_of_different_sizes_stay_in_memory(tmp_path: Path, make_zip: Write, tight: None) -> None:
    data = load(make_zip(png_folder([*GREY[:5], *GREY[5:, :4]])), cache=str(tmp_path / "cache"))
    assert isinstance(data.train.x, list)
    assert list((tmp_path / "cache").iterdir()) == []
