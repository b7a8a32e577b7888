"""A table beside the images says what is on them, for each split folder or for all, in CSV or in JSON lines."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import mlp_data
from mlp_data.errors import TableError

Zip = Callable[..., Path]


@pytest.fixture
def pictures(digits_of: Callable[[int], np.ndarray]) -> list[bytes]:
    return [cv2.imencode(".png", frame)[1].tobytes() for frame in digits_of(6)]


def lines(*rows: dict[str, Any]) -> bytes:
    return "\n".join(map(json.dumps, rows)).encode()


def labels(data: mlp_data.Dataset, split: str = "train") -> dict[str, Any]:
    part = data.splits[split]
    named = [data.classes[i] for i in part.y] if data.task == "classification" else part.y.tolist()
    return dict(zip(part.ids, named, strict=True))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("metadata.csv", b"file_name,label\n0.png,cat\n1.png,dog\nmore/2.png,cat\n"),
        ("metadata.csv", b'\xef\xbb\xbf"label";"file_name"\ncat;0.png\ndog;1.png\ncat;./more/2.png\n'),
        (
            "metadata.jsonl",
            lines(
                {"file_name": "0.png", "label": "cat", "box": [1, 2]},
                {"label": "dog", "file_name": "1.png"},
                {"file_name": "more\\2.png", "label": "cat"},
            ),
        ),
    ],
)
@pytest.mark.parametrize("folder", ["", "wrapped/pets/"])
def test_labels_come_from_the_list(
    make_zip: Zip, pictures: list[bytes], name: str, content: bytes, folder: str
) -> None:
    files = dict(zip(["0.png", "1.png", "more/2.png"], pictures, strict=False)) | {name: content, "README.md": b"# x"}
    data = mlp_data.load(make_zip({folder + key: value for key, value in files.items()}))
    assert labels(data) == {folder + "0.png": "cat", folder + "1.png": "dog", folder + "more/2.png": "cat"}
    assert (data.kind, data.target, data.classes) == ("image", "label", ("cat", "dog"))
    assert [problem for problem in data.problems if "target" not in problem] == []


def test_each_split_folder_may_have_its_own_list(make_zip: Zip, pictures: list[bytes]) -> None:
    members = {"train/0.png": pictures[0], "train/1.png": pictures[1], "test/0.png": pictures[2]}
    members |= {"validation/0.png": pictures[3], "validation/metadata.csv": b"file_name,digit\n0.png,7\n"}
    members |= {"train/metadata.csv": b"file_name,digit\n0.png,7\n1.png,3\n"}
    members |= {"test/metadata.jsonl": lines({"file_name": "0.png", "digit": 3})}
    data = mlp_data.load(make_zip(members))
    assert labels(data) == {"train/0.png": "7", "train/1.png": "3"}
    assert labels(data, "test") == {"test/0.png": "3"}
    assert labels(data, "valid") == {"validation/0.png": "7"}
    assert data.classes == ("3", "7")


def test_one_list_may_name_the_files_of_all_splits_and_leave_the_test_open(
    make_zip: Zip, pictures: list[bytes]
) -> None:
    members = {"train/0.png": pictures[0], "train/1.png": pictures[1], "test/0.png": pictures[2]}
    listed = b"file_name,label\ntrain/0.png,a\ntrain/1.png,b\ntest/0.png,a\n"
    assert labels(mlp_data.load(make_zip({**members, "metadata.csv": listed})), "test") == {"test/0.png": "a"}
    own = {"train/metadata.csv": b"file_name,label\n0.png,a\n1.png,b\n", "test/metadata.csv": b"file_name\n0.png\n"}
    data = mlp_data.load(make_zip({**members, **own}, "own.zip"))
    assert data.splits["unlabelled"].ids == ["test/0.png"]


def test_what_the_list_and_the_files_lack_is_counted_and_named(make_zip: Zip, pictures: list[bytes]) -> None:
    listed = b"file_name,label\n0.png,a\n1.png,b\ngone.png,a\n2.png,\nbad.png,b\n"
    members = {f"{i}.png": picture for i, picture in enumerate(pictures[:3])} | {"bad.png": pictures[0][:50]}
    data = mlp_data.load(make_zip({**members, "metadata.csv": listed}))
    assert labels(data) == {"0.png": "a", "1.png": "b"}
    said = "\n".join(data.problems)
    assert "1 of 5 files are not there: 'gone.png'" in said
    assert "1 of 5 images are left out, because their 'label' is empty" in said
    assert "1 of 3 images cannot be read and are left out: 'bad.png': the PNG image is damaged" in said


def test_the_column_and_the_task_are_asked_for_or_found(make_zip: Zip, pictures: list[bytes]) -> None:
    listed = b"file_name,age,kind\n" + b"".join(b"%d.png,%d.5,%s\n" % (i, i, b"xy"[i % 2 :][:1]) for i in range(6))
    path = make_zip({**{f"{i}.png": picture for i, picture in enumerate(pictures)}, "metadata.csv": listed})
    ages = mlp_data.load(path, target="age")
    assert ages.task == "regression"
    assert labels(ages)["3.png"] == 3.5
    assert mlp_data.load(path, target="kind").classes == ("x", "y")
    with pytest.raises(TableError, match="'kind' holds texts, so the task is classification"):
        mlp_data.load(path, target="kind", task="regression")
    with pytest.raises(TableError, match="no column 'kinds' to be the target, did you mean 'kind'"):
        mlp_data.load(path, target="kinds")


def test_a_list_alone_or_a_broken_one_is_refused_in_one_sentence(make_zip: Zip, pictures: list[bytes]) -> None:
    with pytest.raises(TableError, match="none of the files that it lists is there"):
        mlp_data.load(make_zip({"metadata.csv": b"file_name,label\n0.png,a\n1.png,b\n"}))
    for bad in (b'{"file_name": "0.png"}\n[1]', b'{"file_name": "0.png"}\n' + b"[" * 100_000, b'{"file_name": 1}\n{'):
        with pytest.raises(TableError, match="line 2 is no JSON object"):
            mlp_data.load(make_zip({"metadata.jsonl": bad, "0.png": pictures[0]}))


def test_keys_that_differ_from_line_to_line_are_capped(make_zip: Zip) -> None:
    content = lines(*({"file_name": "a.png", f"k{i}": i} for i in range(1200)))
    with pytest.raises(TableError, match="up to line 1000 there are over 1,000 different keys"):
        mlp_data.load(make_zip({"metadata.jsonl": content}))


def test_a_list_that_tells_nothing_leaves_the_folders_to_tell(make_zip: Zip, pictures: list[bytes]) -> None:
    members = {"a/0.png": pictures[0], "b/1.png": pictures[1], "metadata.csv": b"file_name\na/0.png\nb/1.png\n"}
    assert labels(mlp_data.load(make_zip(members))) == {"a/0.png": "a", "b/1.png": "b"}


@pytest.mark.parametrize("heading", [b"file_name\t\x01,label", b"file_name\tx,label", b'{"a": "file_name"}\n{"b"'])
def test_a_table_that_only_looks_like_a_list_is_none(make_zip: Zip, pictures: list[bytes], heading: bytes) -> None:
    members = {"a/0.png": pictures[0], "b/1.png": pictures[1], "metadata.csv": heading + b"\n0.png,cat\n1.png,dog\n"}
    assert labels(mlp_data.load(make_zip(members))) == {"a/0.png": "a", "b/1.png": "b"}


def test_no_file_outside_the_source_is_ever_opened(tmp_path: Path, pictures: list[bytes]) -> None:
    (tmp_path / "secret.png").write_bytes(pictures[0])
    inner = tmp_path / "data"
    inner.mkdir()
    (inner / "0.png").write_bytes(pictures[1])
    (inner / "metadata.csv").write_text(f"file_name,label\n0.png,a\n../secret.png,b\n{tmp_path}/secret.png,b\n")
    data = mlp_data.load(inner)
    assert labels(data) == {"0.png": "a"}
    assert "2 of 3 files are not there" in data.problems[0]
