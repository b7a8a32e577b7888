"""A table may hold several target columns that say yes or no, and a column of weights."""

from __future__ import annotations

from pathlib import Path

import pytest

import mlp_data
from mlp_data.errors import DataError, OptionError, TableError

FILMS = """length,year,funny,sad,sure
95,1994,1,0,1
121,2001,yes,no,2
88,1977,0,0,0.5
140,2010,1,1,1
101,1988,no,yes,1
"""


@pytest.fixture
def films(tmp_path: Path) -> Path:
    path = tmp_path / "films.csv"
    path.write_text(FILMS, encoding="utf-8")
    return path


def test_several_targets_are_labels_that_may_be_true_at_once(films: Path) -> None:
    data = mlp_data.load(films, target="funny, sad", drop="sure")
    assert (data.task, data.classes, data.target) == ("multi-label", ("funny", "sad"), "funny,sad")
    assert data.train.y.tolist() == [[1, 0], [1, 0], [0, 0], [1, 1], [0, 1]]
    assert list(data.train.x) == ["length", "year"]
    assert mlp_data.load(films, target=["funny", "sad"], drop="sure").fingerprint == data.fingerprint


def test_a_column_whose_name_holds_a_comma_is_one_target(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('a,b,"a,b"\n1,2,x\n3,4,y\n5,6,x\n', encoding="utf-8")
    data = mlp_data.load(path, target="a,b")
    assert (data.task, data.classes) == ("classification", ("x", "y"))


def test_the_weight_of_a_row_is_no_feature(films: Path) -> None:
    data = mlp_data.load(films, target="funny", weight_column="sure")
    assert data.train.weight.tolist() == [1, 2, 0.5, 1, 1]
    assert "sure" not in data.train.x
    assert data.left_out["sure"] == "it says how much each row counts"
    assert data.load_options["weight_column"] == "sure"


def test_weights_follow_their_rows_where_others_have_no_answer(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,w,y\n1,10,no\n2,20,\n3,30,yes\n4,40,no\n", encoding="utf-8")
    data = mlp_data.load(path, target="y", weight_column="w")
    assert data.train.weight.tolist() == [10, 30, 40]


def test_a_table_to_be_tested_on_may_lack_the_weights(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("a,w,y\n1,10,no\n2,20,yes\n3,30,yes\n", encoding="utf-8")
    (tmp_path / "test.csv").write_text("a,y\n1,no\n2,yes\n", encoding="utf-8")
    data = mlp_data.load(tmp_path, target="y", weight_column="w")
    assert data.splits["test"].weight is None
    assert list(data.splits["test"].x) == ["a"]


def test_labels_of_a_table_to_be_answered_may_be_absent(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("a,b,p,q\n1,1,0,1\n2,3,1,1\n3,5,1,0\n", encoding="utf-8")
    (tmp_path / "test.csv").write_text("a,b\n1,4\n2,2\n", encoding="utf-8")
    data = mlp_data.load(tmp_path, target="p,q")
    assert data.splits["unlabelled"].y is None
    assert data.left_out == {}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"target": "funny,sat"}, "no column 'sat' to be a target, did you mean 'sad'?"),
        ({"target": "funny,length"}, "line 2: the target 'length' is '95', but one of several targets says 1 or 0"),
        ({"target": "funny", "weight_column": "sur"}, "no column 'sur' to weigh the rows by, did you mean 'sure'?"),
        ({"target": "funny", "weight_column": "funny"}, "'funny' is the target, so it cannot say"),
        ({"target": "funny", "weight_column": "sad"}, "line 3: the weight 'sad' is 'no', but a weight is"),
    ],
)
def test_columns_that_cannot_serve_so_are_one_sentence(films: Path, options: dict[str, str], said: str) -> None:
    with pytest.raises(TableError) as raised:
        mlp_data.load(films, **options)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "options",
    [
        {"target": "funny", "task": "multi-label"},
        {"target": "funny,sad", "task": "regression"},
        {"target": "funny,funny"},
        {"weight_column": 3},
        {"target": [1, 2]},
    ],
)
def test_options_that_do_not_fit_together_are_refused(films: Path, options: dict[str, object]) -> None:
    with pytest.raises(OptionError):
        mlp_data.load(films, **options)


def test_rows_that_all_weigh_nothing_are_refused(films: Path) -> None:
    films.write_text(FILMS.replace(",1\n", ",0\n").replace(",2\n", ",0\n").replace("0.5", "0"), encoding="utf-8")
    with pytest.raises(DataError, match="all 5 weights are 0"):
        mlp_data.load(films, target="funny", weight_column="sure")


def test_images_have_no_column_of_weights() -> None:
    with pytest.raises(OptionError, match="option weight_column='w' is for tables, but this is image data"):
        mlp_data.load("digits", weight_column="w")
