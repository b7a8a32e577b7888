"""NumPy archives load by the names people give their arrays, and never run code."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mlp_data
from mlp_data.errors import DataError
from mlp_data.loaders.npz import read_npy
from mlp_data.sources import Member


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    def save(**arrays: object) -> Path:
        path = tmp_path / "data.npz"
        np.savez_compressed(path, **arrays)
        return path

    return save


X, Y = np.arange(12.0).reshape(6, 2), np.array([0, 1, 2, 0, 1, 2])


@pytest.mark.parametrize(
    "names", [("x", "y"), ("X", "Y"), ("data", "target"), ("arr_0", "arr_1"), ("train_images", "train_labels")]
)
def test_the_usual_names_are_known(save: Callable[..., Path], names: tuple[str, str]) -> None:
    data = mlp_data.load(save(**dict(zip(names, (X, Y), strict=True))))
    assert data.splits["train"].x.tolist() == X.tolist()
    assert data.splits["train"].y.tolist() == Y.tolist()


@pytest.mark.parametrize("names", ["x_train y_train x_test y_test", "trainX trainY testX testY"])
def test_a_test_part_becomes_the_test_split(save: Callable[..., Path], names: str) -> None:
    data = mlp_data.load(save(**dict(zip(names.split(), (X, Y, X[:3], Y[:3]), strict=True))))
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 6, "test": 3}


def test_images_names_and_fortran_order_are_understood(save: Callable[..., Path]) -> None:
    images = np.asfortranarray(np.arange(6 * 5 * 4, dtype=np.uint8).reshape(6, 5, 4))
    data = mlp_data.load(save(images=images, labels=Y, class_names=np.array(["cat", "dog", "owl"])))
    assert data.kind == "image"
    assert data.classes == ("cat", "dog", "owl")
    assert np.array_equal(data.splits["train"].x, images)
    named = mlp_data.load(save(x=X, y=Y, feature_names=np.array(["a", "b"])))
    assert named.fit_input().names == ("a", "b")


def test_floating_point_answers_are_numbers_to_predict(save: Callable[..., Path]) -> None:
    data = mlp_data.load(save(x=X, y=Y / 2))
    assert data.task == "regression"
    assert mlp_data.load(save(x=X, y=Y / 1.0), task="classification").classes == ("0", "1", "2")


def test_an_npz_inside_a_zip_loads(save: Callable[..., Path], make_zip: Callable[..., Path]) -> None:
    path = save(x=X, y=Y)
    assert len(mlp_data.load(make_zip({"d/data.npz": path.read_bytes()})).splits["train"]) == 6


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"x": X}, "no answers y for training"),
        ({"y": Y}, "no samples x for train"),
        ({"x": X, "y": Y[:4]}, "train has 6 samples but 4 answers"),
        ({"x": X, "y": Y, "data": X}, "one array of x more than the split train needs"),
        ({"x": np.where(X == 3, np.nan, X), "y": Y}, "1 values are not finite .* row 1, column 1"),
        ({"x": X[:0], "y": Y[:0]}, "is empty"),
        ({"x": np.array([{}, {}]), "y": Y[:2]}, "Python objects, which are never loaded"),
        ({"x": X, "y": Y, "x_test": X[:, :1], "y_test": Y}, "number of features differs"),
        ({"x": np.full((6, 3, 3), 2.0), "y": Y}, "float"),
    ],
)
def test_what_cannot_be_used_is_refused(save: Callable[..., Path], arrays: dict[str, np.ndarray], words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        mlp_data.load(save(**arrays))
    assert "\n" not in str(caught.value)


def npy(content: bytes) -> np.ndarray:
    return read_npy(Member("a.npy", len(content), "a.npy", lambda count: content[:count]))


def saved(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def test_a_header_that_promises_terabytes_costs_nothing() -> None:
    content = saved(np.zeros((100, 100), np.uint8)).replace(b"(100, 100)", b"(1000000000000,)".ljust(10))
    with pytest.raises(DataError):
        npy(content)


@given(st.integers(0, 130), st.integers(0, 255), st.integers(0, 200))
def test_any_damage_gives_an_array_or_one_sentence(at: int, value: int, length: int) -> None:
    content = bytearray(saved(np.arange(8, dtype=np.int32)))
    content[at] = value
    for damaged in (bytes(content), bytes(content[:length])):
        try:
            npy(damaged)
        except DataError as error:
            assert "\n" not in str(error)  # noqa: PT017
