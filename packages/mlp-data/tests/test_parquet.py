"""Parquet files load as the same tables and images do from CSV and folders; without pyarrow one is told how."""

from __future__ import annotations

import builtins
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import mlp_data
from mlp_data.errors import DataError, TableError

Make = Callable[..., bytes]
COLUMNS = {
    "size": [1.5, None, 3.25, 4.0] * 10,
    "rooms": list(range(40)),
    "colour": ["red", "blue", None, "red"] * 10,
    "is_new": [True, False] * 20,
    "label": ["a", "b", "b", "a"] * 10,
}


@pytest.fixture(scope="module")
def parquet() -> Make:
    """Write columns as a Parquet file, with pyarrow alone."""
    arrow = pytest.importorskip("pyarrow", reason="pyarrow, the extra mlp-data[parquet], is not installed")
    pq = pytest.importorskip("pyarrow.parquet")

    def write(columns: dict[str, list[Any]], names: list[str] | None = None) -> bytes:
        table = arrow.table(columns)
        if names is not None:
            features = {"info": {"features": {"label": {"names": names, "_type": "ClassLabel"}}}}
            table = table.replace_schema_metadata({"huggingface": json.dumps(features)})
        sink = arrow.BufferOutputStream()
        pq.write_table(table, sink)
        content: bytes = sink.getvalue().to_pybytes()
        return content

    return write


def as_csv(columns: dict[str, list[Any]]) -> bytes:
    def text(cell: Any) -> str:
        return "" if cell is None else str(cell).lower() if isinstance(cell, bool) else str(cell)

    rows = [",".join(map(text, row)) for row in zip(*columns.values(), strict=True)]
    return "\n".join([",".join(columns), *rows]).encode()


def test_a_table_loads_as_from_csv(parquet: Make, make_zip: Callable[..., Path], tmp_path: Path) -> None:
    path = tmp_path / "train.parquet"
    path.write_bytes(parquet(COLUMNS))
    data = mlp_data.load(path)
    csv = mlp_data.load(make_zip({"train.csv": as_csv(COLUMNS)}))
    assert (data.target, data.classes) == ("label", ("a", "b"))
    given, wanted = data.fit_input(), csv.fit_input()
    assert np.array_equal(given.transform(data.train.x), wanted.transform(csv.train.x))
    assert given.output_names == wanted.output_names


def test_the_target_is_what_the_test_file_lacks_here_too(parquet: Make, make_zip: Callable[..., Path]) -> None:
    asked = {name: cells[:3] for name, cells in COLUMNS.items() if name != "colour"}
    data = mlp_data.load(make_zip({"train.parquet": parquet(COLUMNS), "test.parquet": parquet(asked)}))
    assert data.target == "colour"
    assert len(data.splits["unlabelled"]) == 3


def test_columns_that_no_text_can_hold_are_named(parquet: Make, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(parquet({**COLUMNS, "tags": [[1, 2]] * 40}))
    data = mlp_data.load(path)
    assert "tags" not in data.train.x
    assert any("column 'tags' holds neither numbers nor texts" in problem for problem in data.problems)


@pytest.mark.parametrize("is_struct", [True, False])
def test_images_load_as_hugging_face_stores_them(
    parquet: Make, make_zip: Callable[..., Path], digits_of: Callable[[int], np.ndarray], is_struct: bool
) -> None:
    frames = digits_of(9)
    files = [cv2.imencode(".png", frame)[1].tobytes() for frame in frames]
    cells = [{"bytes": file, "path": None} for file in files] if is_struct else files

    def shard(rows: slice, labels: list[int]) -> bytes:
        return parquet({"image": cells[rows], "label": labels}, ["cat", "dog"])

    members = {
        "data/train-00000-of-00002.parquet": shard(slice(0, 4), [0, 1, 0, 1]),
        "data/train-00001-of-00002.parquet": shard(slice(4, 6), [1, 0]),
        "data/test-00000-of-00001.parquet": shard(slice(6, 9), [0, 1, -1]),
    }
    data = mlp_data.load(make_zip(members))
    assert np.array_equal(data.train.x, frames[:6])
    assert [data.classes[i] for i in data.train.y] == ["cat", "dog", "cat", "dog", "dog", "cat"]
    assert [data.classes[i] for i in data.splits["test"].y] == ["cat", "dog"]
    assert np.array_equal(data.splits["unlabelled"].x, frames[8:])
    assert data.train.ids[4] == "data/train-00001-of-00002.parquet[0]"


def test_a_bad_image_in_a_row_is_named_and_skipped(parquet: Make, tmp_path: Path, digits_of: Any) -> None:
    good = [cv2.imencode(".png", frame)[1].tobytes() for frame in digits_of(2)]
    path = tmp_path / "a.parquet"
    path.write_bytes(parquet({"image": [*good, b"no image", None], "kind": ["x", "y", "x", "y"]}))
    data = mlp_data.load(path)
    assert len(data.train) == 2
    assert "2 of 4 images cannot be read and are left out: 'a.parquet[2]': starts with b'no image'" in data.problems[0]


def test_a_damaged_file_is_refused_in_one_sentence(parquet: Make, tmp_path: Path) -> None:
    content = parquet(COLUMNS)
    path = tmp_path / "a.parquet"
    for bad in (content[:-20], content[:100], b"PAR1", b"PAR1" * 10, content[:-8] + b"\xff" * 4 + b"PAR1"):
        path.write_bytes(bad)
        with pytest.raises(TableError, match="the Parquet file is damaged or of a rare kind") as caught:
            mlp_data.load(path)
        assert "\n" not in str(caught.value)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_damage_gives_a_table_or_one_sentence(parquet: Make, tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(parquet(COLUMNS))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(4, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "a.parquet"
    path.write_bytes(content)
    try:
        mlp_data.load(path)
    except DataError as error:
        assert "\n" not in str(error)  # noqa: PT017


def test_without_pyarrow_one_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    usual = builtins.__import__

    def without(name: str, *arguments: Any) -> Any:
        if name.startswith("pyarrow"):
            raise ImportError("No module named 'pyarrow'")
        return usual(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", without)
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1" + bytes(20) + b"PAR1")
    with pytest.raises(DataError, match=r'Parquet needs pyarrow, which cannot .*: pip install "mlp-data\[parquet\]"$'):
        mlp_data.load(path)


def test_dates_that_python_has_not_and_odd_fields_beside_the_bytes_do_no_harm(
    parquet: Make, tmp_path: Path, digits_of: Any
) -> None:
    arrow = pytest.importorskip("pyarrow", reason="pyarrow, the extra mlp-data[parquet], is not installed")
    far = arrow.array([2**40, 2**41] * 2, arrow.timestamp("s"))
    contents = arrow.array([cv2.imencode(".png", frame)[1].tobytes() for frame in digits_of(4)])
    cells = arrow.StructArray.from_arrays([far, contents], ["taken", "bytes"])
    path = tmp_path / "a.parquet"
    path.write_bytes(parquet({"image": cells, "label": far}))
    data = mlp_data.load(path)
    assert len(data.train) == 4
    assert len(data.classes) == 2


@pytest.mark.parametrize("names", [{"0": "cat"}, "cat", [1], None, 7])
def test_class_names_that_are_no_list_of_names_are_left_alone(
    parquet: Make, tmp_path: Path, digits_of: Any, names: Any
) -> None:
    files = [cv2.imencode(".png", frame)[1].tobytes() for frame in digits_of(4)]
    path = tmp_path / "a.parquet"
    path.write_bytes(parquet({"image": files, "label": [0, 1] * 2}, names))
    assert mlp_data.load(path).classes == ("0", "1")


def test_a_column_without_a_name_gets_its_number_as_in_csv(parquet: Make, tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(parquet({"": COLUMNS["size"], "label": COLUMNS["label"]}))
    data = mlp_data.load(path)
    assert "column 1" in data.train.x
    assert data.fit_input().size


def test_two_columns_of_one_name_are_refused_beside_images_too(parquet: Make, tmp_path: Path, digits_of: Any) -> None:
    arrow = pytest.importorskip("pyarrow", reason="pyarrow, the extra mlp-data[parquet], is not installed")
    pq = pytest.importorskip("pyarrow.parquet")
    files = arrow.array([cv2.imencode(".png", frame)[1].tobytes() for frame in digits_of(2)])
    pq.write_table(arrow.Table.from_arrays([files, files], ["image", "image"]), tmp_path / "a.parquet")
    with pytest.raises(TableError, match="two columns are called 'image': rename one"):
        mlp_data.load(tmp_path / "a.parquet")
