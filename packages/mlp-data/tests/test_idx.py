"""IDX files load by what is in them, and a wrong one is refused in one sentence."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mlp_data
from mlp_data.errors import DataError
from mlp_data.loaders.idx import DTYPES, parse_idx
from mlp_data.rows import FileRows
from mlp_data.storage import Storage

Zip = Callable[..., Path]
Idx = Callable[..., bytes]
Digits = Callable[[int], np.ndarray]


@pytest.fixture
def members(idx: Idx, digits_of: Digits) -> dict[str, bytes]:
    return {
        "train-images.idx3-ubyte": idx(digits_of(40)),
        "train-labels.idx1-ubyte": idx(np.arange(40) % 4),
        "t10k-images.idx3-ubyte": idx(digits_of(8)),
        "t10k-labels.idx1-ubyte": idx(np.arange(8) % 4),
    }


def lengths(dataset: mlp_data.Dataset) -> dict[str, int]:
    return {name: len(split) for name, split in dataset.splits.items()}


def test_images_and_labels_are_paired_by_name(make_zip: Zip, members: dict[str, bytes], digits_of: Digits) -> None:
    data = mlp_data.load(make_zip(members))
    assert lengths(data) == {"train": 40, "test": 8}
    assert data.classes == ("0", "1", "2", "3")
    assert np.array_equal(data.splits["train"].x, digits_of(40))
    assert data.splits["train"].y.dtype == np.int64
    assert data.splits["train"].y.tolist() == [0, 1, 2, 3] * 10


def test_any_name_will_do_where_the_counts_tell(make_zip: Zip, members: dict[str, bytes]) -> None:
    renamed = dict(zip(["a", "b.bin", "c.dat", "d"], members.values(), strict=True))
    data = mlp_data.load(make_zip(renamed))
    assert lengths(data) == {"train": 40, "test": 8}  # the larger pair is for training


def test_gzip_members_are_unpacked_and_false_ones_read_as_they_are(make_zip: Zip, members: dict[str, bytes]) -> None:
    names = list(members)
    mixed = {f"{name}.gz": gzip.compress(members[name]) for name in names[:2]}
    mixed |= {f"{name}.gz": members[name] for name in names[2:]}
    assert lengths(mlp_data.load(make_zip(mixed))) == {"train": 40, "test": 8}


def test_a_folder_a_wrapped_folder_and_a_zip_in_a_zip_load_alike(
    make_zip: Zip, members: dict[str, bytes], tmp_path: Path
) -> None:
    inner = make_zip(members, "inner.zip")
    folder = tmp_path / "folder" / "MNIST" / "raw"
    folder.mkdir(parents=True)
    for name, content in members.items():
        (folder / name).write_bytes(content)
    sources = [inner, make_zip({"data/inner.zip": inner.read_bytes()}, "outer.zip"), tmp_path / "folder"]
    loaded = [mlp_data.load(source) for source in sources]
    assert [lengths(data) for data in loaded] == [{"train": 40, "test": 8}] * 3
    assert len({data.fingerprint for data in loaded}) == 1


def test_a_zip_in_a_zip_in_a_zip_is_refused(make_zip: Zip, members: dict[str, bytes]) -> None:
    middle = make_zip({"inner.zip": make_zip(members, "inner.zip").read_bytes()}, "middle.zip")
    with pytest.raises(DataError, match="an archive in an archive in an archive: unpack the outermost"):
        mlp_data.load(make_zip({"middle.zip": middle.read_bytes()}, "outer.zip"))


def test_without_test_images_there_is_no_test_split(make_zip: Zip, members: dict[str, bytes]) -> None:
    train = {name: content for name, content in members.items() if "train" in name}
    assert lengths(mlp_data.load(make_zip(train))) == {"train": 40}


def test_test_images_without_labels_are_unlabelled(make_zip: Zip, members: dict[str, bytes]) -> None:
    del members["t10k-labels.idx1-ubyte"]
    data = mlp_data.load(make_zip(members))
    assert lengths(data) == {"train": 40, "unlabelled": 8}
    assert data.splits["unlabelled"].y is None


def test_labels_are_indices_of_classes_sorted_by_value(make_zip: Zip, idx: Idx, digits_of: Digits) -> None:
    data = mlp_data.load(make_zip({"x": idx(digits_of(3)), "y": idx([300, -2, 9], 0x0B)}))
    assert data.classes == ("-2", "9", "300")
    assert data.splits["train"].y.tolist() == [2, 0, 1]


def test_colour_and_vectors_are_told_by_the_dimensions(make_zip: Zip, idx: Idx) -> None:
    labels = idx([0, 1])
    colour = mlp_data.load(make_zip({"images": idx(np.full((2, 8, 9, 3), 7)), "labels": labels}))
    assert colour.splits["train"].x.shape == (2, 8, 9, 3)
    vectors = mlp_data.load(make_zip({"data": idx([[0.5, 1], [2, 3]], 0x0D), "labels": labels}))
    assert vectors.kind == "vector"
    assert vectors.splits["train"].x.tolist() == [[0.5, 1], [2, 3]]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda m: {**m, "t10k-images.idx3-ubyte": m["t10k-images.idx3-ubyte"][:-1]}, r"promises shape \(8, 12, 12\)"),
        (lambda m: {**m, "t10k-images.idx3-ubyte": m["t10k-images.idx3-ubyte"] + b"x"}, "promises shape"),
        (lambda m: {**m, "t10k-labels.idx1-ubyte": m["t10k-labels.idx1-ubyte"][:7]}, "header is cut short at 7 of 8"),
        (lambda m: {**m, "t10k-labels.idx1-ubyte": m["train-labels.idx1-ubyte"]}, "8 images but .* holds 40 labels"),
        (lambda m: {**m, "train-labels.idx1-ubyte": b"\0\0\x07\x01\0\0\0\x01a"}, "type 0x07 is unknown"),
        (lambda m: {**m, "train-labels.idx1-ubyte": b"\0\0\x08\x07" + bytes(28)}, "IDX with 7 dimensions"),
        (lambda m: {n: c for n, c in m.items() if "images" in n}, "there are no labels for them"),
        (lambda m: {n: c for n, c in m.items() if "labels" in n}, "but no images"),
        (lambda m: {**m, **{f"old/{n}": c for n, c in m.items()}}, "one images file more than its split needs"),
        (lambda m: {"a": m["train-images.idx3-ubyte"], "b": b"\0\0\x08\x01\0\0\0\0"}, "is empty"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(
    make_zip: Zip, members: dict[str, bytes], change: Callable[[dict[str, bytes]], dict[str, bytes]], words: str
) -> None:
    with pytest.raises(DataError, match=words) as caught:
        mlp_data.load(make_zip(change(members)))
    assert "\n" not in str(caught.value)


def test_counts_that_fit_two_labels_files_are_not_guessed(make_zip: Zip, idx: Idx, digits_of: Digits) -> None:
    pairs = {"a": idx(digits_of(4)), "b": idx(digits_of(4)), "c": idx([0, 1, 0, 1]), "d": idx([1, 0, 1, 0])}
    with pytest.raises(DataError, match="may belong to the labels 'c', 'd': name each pair alike"):
        mlp_data.load(make_zip(pairs))


@pytest.mark.parametrize("code", DTYPES)
def test_every_type_of_the_format_is_read(idx: Idx, code: int) -> None:
    assert parse_idx(idx([[1, 2, 3]], code), "x").tolist() == [[1, 2, 3]]


@given(st.binary(max_size=80), st.sampled_from([b"", b"\0\0\x08\x01", b"\0\0\x08\x03\0\0\0\x02", b"\0\0\x0d\x02"]))
def test_any_bytes_give_an_array_or_one_sentence(rest: bytes, start: bytes) -> None:
    try:
        found = parse_idx(start + rest, "x")
    except DataError as error:
        assert "\n" not in str(error)  # noqa: PT017
    else:
        assert found.size > 0


@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=4))
def test_a_header_that_promises_more_than_there_is_costs_nothing(lengths: list[int]) -> None:
    header = bytes([0, 0, 8, len(lengths)]) + b"".join(length.to_bytes(4, "big") for length in lengths)
    with pytest.raises(DataError):
        parse_idx(header, "x")  # no value follows


def test_images_that_lie_on_their_side_are_turned_on_request(
    make_zip: Zip, members: dict[str, bytes], digits_of: Digits, tmp_path: Path
) -> None:
    path = make_zip(members)
    upright, turned = mlp_data.load(path), mlp_data.load(path, transpose=True)
    assert np.array_equal(turned.train.x, upright.train.x.swapaxes(1, 2))
    assert turned.load_options == {"transpose": True}
    assert turned.fingerprint != upright.fingerprint


def test_images_on_disk_are_turned_as_they_are_read(tmp_path: Path, idx: Idx, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Storage, "fits", lambda self, size: False)
    frames = np.arange(5 * 3 * 4 * 3, dtype=np.uint8).reshape(5, 3, 4, 3)
    (tmp_path / "train-images").write_bytes(idx(frames))
    (tmp_path / "train-labels").write_bytes(idx([0, 1, 0, 1, 0]))
    x = mlp_data.load(tmp_path, transpose=True, cache=str(tmp_path / "cache")).train.x
    assert isinstance(x, FileRows)
    assert x.shape == (5, 4, 3, 3)
    assert np.array_equal(np.asarray(x), frames.swapaxes(1, 2))
    assert np.array_equal(x.take(np.array([3, 0]))[:], frames[[3, 0]].swapaxes(1, 2))
    assert np.array_equal(x.transpose()[1], frames[1])
