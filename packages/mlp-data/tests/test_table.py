"""Columns become numbers by what their cells show, and the training rows alone decide."""

from __future__ import annotations

import csv
import io
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mlp_data
from mlp_data.cells import numbers
from mlp_data.column_types import MOST_REPEATED, describe
from mlp_data.errors import TableError
from mlp_data.options import Options
from mlp_data.readings import clean
from mlp_data.table import column_types, fit_table, spread
from mlp_runtime.inputs import TableInput

ROWS = 60


def passengers(rows: int = ROWS) -> dict[str, list[str]]:
    titles = ["Mr", "Mrs", "Miss", "Master"]
    return {
        "PassengerId": [str(i + 1) for i in range(rows)],
        "Name": [f"Family{i}, {titles[i % 4]}. Given{i}" for i in range(rows)],
        "Age": ["" if i % 5 == 0 else str(20 + i % 31) for i in range(rows)],
        "Cabin": ["" if i % 3 else f"{'ABC'[i % 9 // 3]}{i + 10}" for i in range(rows)],
        "Sex": ["male" if i % 2 else "female" for i in range(rows)],
        "Alone": ["yes" if i % 4 else "no" for i in range(rows)],
        "Port": ["Southampton"] * rows,
        "Nothing": [""] * rows,
        "Remark": [f"remark{i} on{i}" for i in range(rows)],
    }


@pytest.mark.parametrize(
    ("column", "type_", "said"),
    [
        ("PassengerId", "id", "its name says so"),
        ("Name", "tokens", "60 different texts"),
        ("Age", "number", "from 20 to 49"),
        ("Cabin", "prefix", "codes such as 'A10'"),
        ("Sex", "category", "2 different texts"),
        ("Alone", "flag", "'no' and 'yes'"),
        ("Port", "constant", "'Southampton'"),
        ("Nothing", "empty", "all 60 cells are empty"),
        ("Remark", "text", "no word is in 2 to 98 %"),
    ],
)
def test_every_column_gets_a_type_and_a_reason(column: str, type_: str, said: str) -> None:
    found = column_types(passengers())[column]
    assert found.type == type_
    assert said in found.reason


def test_columns_that_tell_nothing_are_left_out_with_their_reason() -> None:
    fitted, left_out = fit_table(passengers())
    assert set(left_out) == {"PassengerId", "Port", "Nothing", "Remark"}
    assert {column.name for column in fitted.columns} == {"Name", "Age", "Cabin", "Sex", "Alone"}
    assert all(left_out.values())


def test_titles_come_out_of_names_without_knowing_what_a_title_is() -> None:
    fitted, _ = fit_table(passengers())
    words = {name for name in fitted.output_names if name.startswith("Name:")}
    assert words == {"Name:Mr", "Name:Mrs", "Name:Miss", "Name:Master"}


def test_words_that_nearly_all_rows_share_tell_nothing() -> None:
    cells = [f"the {'red' if i % 2 else 'blue'} house{i}" for i in range(200)]
    assert set(describe("note", cells).values) == {"red", "blue"}


def test_words_that_do_not_go_with_the_answer_are_not_learned_by_heart() -> None:
    table = {"note": [f"{'good' if i % 2 else 'bad'} {'odd' if i // 2 % 2 else 'even'} item{i}" for i in range(200)]}
    fitted, _ = fit_table(table, np.arange(200) % 2)
    assert set(fitted.output_names) == {"note:good", "note:bad"}
    with pytest.raises(TableError, match="none of the words goes with the answer"):
        fit_table(table, np.arange(200) // 4 % 2)


def test_words_are_chosen_for_numbers_as_answers_too() -> None:
    table = {"note": [f"{'large' if i % 2 else 'small'} house{i}" for i in range(100)]}
    fitted, _ = fit_table(table, np.arange(100) % 2 * 50.0 + np.arange(100) / 100)
    assert set(fitted.output_names) == {"note:large", "note:small"}


def test_missing_numbers_become_the_median_and_say_that_they_are_missing() -> None:
    fitted, _ = fit_table({"Age": ["", *map(str, range(15, 35)), "1000"]})
    age, missing = fitted.transform({"Age": ""})[0]
    assert fitted.output_names == ("Age", "Age is missing")
    assert (age, missing) == (0, 1)
    assert fitted.transform({"Age": "25"})[0].tolist() == [0, 0]  # 25 is the median


def test_numbers_come_out_near_one_even_with_a_long_tail_and_a_wrong_value() -> None:
    rng = np.random.default_rng(0)
    fares = np.append(rng.lognormal(2.5, 1.2, 999), 1e9)
    fitted, _ = fit_table({"Fare": fares.tolist()})
    x = fitted.transform({"Fare": fares[:-1].tolist()})
    assert 0.3 < np.percentile(np.abs(x), 90) < 3
    assert np.abs(x).max() < 20


def test_the_spread_is_the_standard_deviation_of_normal_numbers() -> None:
    values = np.random.default_rng(0).normal(3, 2, 100_000)
    assert spread(values) == pytest.approx(2, rel=0.02)
    assert spread(np.array([0.0] * 999 + [5.0])) > 0


def test_rare_and_unknown_categories_are_all_zeros() -> None:
    table = {"town": ["Ulm"] * 300 + ["Jena"] * 300 + ["Wien"] * 2}
    fitted, _ = fit_table(table)
    assert fitted.output_names == ("town=Jena", "town=Ulm")
    assert fitted.transform({"town": ["Wien", "Atlantis", None, "Ulm"]}).tolist() == [[0, 0], [0, 0], [0, 0], [0, 1]]


def test_codes_give_the_letters_they_begin_with() -> None:
    fitted, _ = fit_table({"Cabin": passengers()["Cabin"]})
    found = dict(zip(fitted.output_names, fitted.transform({"Cabin": "B77"})[0].tolist(), strict=True))
    assert found == {"Cabin^A": 0, "Cabin^B": 1, "Cabin^C": 0, "Cabin is missing": 0}


def tickets(rows: int = ROWS) -> list[str]:
    """Texts of which one in three is shared by two rows, and one by three."""
    return ["A1" if i in (7, 22, 40) else f"shared {i % 10}" if i < 20 else f"alone {i}" for i in range(rows)]


def test_texts_that_rows_share_get_an_input_each_the_most_frequent_first() -> None:
    found = column_types({"Ticket": tickets()})["Ticket"]
    assert found.type == "tokens"
    assert found.repeated == ("A1", *(f"shared {i}" for i in range(10) if i != 7))
    assert "10 texts that rows share get an input each" in found.reason


def test_a_shared_text_is_one_input_and_an_unknown_one_is_zeros() -> None:
    fitted, _ = fit_table({"Ticket": tickets()})
    names = [f"Ticket={value}" for value in ("A1", "shared 0", "shared 3")]
    places = [fitted.output_names.index(name) for name in names]
    rows = fitted.transform({"Ticket": ["A1", "shared 3", "shared 99", "alone 25", None]})
    assert rows[:, places].tolist() == [[1, 0, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0], [0, 0, 0]]
    assert not [name for name in fitted.output_names if name.startswith("Ticket=alone")]


def test_shared_texts_stand_beside_prefixes_and_in_for_words_that_tell_nothing() -> None:
    cabins = [f"{'ABC'[i % 3]}{i - i % 2 * 3 if i < 30 else i}" for i in range(ROWS)]
    found = column_types({"Cabin": cabins})["Cabin"]
    assert found.type == "prefix"
    assert found.repeated
    assert {column.type for column in fit_table({"Cabin": cabins})[0].columns} == {"prefix", "category"}
    answers = np.array([i % 2 for i in range(ROWS)])
    without_words, left_out = fit_table({"Ticket": tickets()}, np.ones(ROWS))
    assert [column.type for column in without_words.columns] == ["category"]
    assert not left_out
    assert fit_table({"Ticket": tickets()}, answers)[0].columns[-1] == without_words.columns[0]


def test_shared_texts_without_any_word_in_common_are_no_longer_left_out() -> None:
    gates = [f"x{i % 8 if i < 16 else i}" * 3 for i in range(ROWS)]
    found = column_types({"Gate": [f"{gate}!{gate}" for gate in gates]})["Gate"]
    assert found.type == "category"
    assert len(found.values) == 8


@pytest.mark.parametrize(
    "cells",
    [
        [f"note{max(i, 2)} on{max(i, 2)}" for i in range(ROWS)],
        [f"note{i // 2 if i < 40 else i} " + "very " * 50 + "long" for i in range(ROWS)],
    ],
    ids=["three of sixty rows are alike", "the texts are long"],
)
def test_few_or_long_shared_texts_do_not_count(cells: list[str]) -> None:
    found = column_types({"Note": cells})["Note"]
    assert found.type in ("tokens", "prefix", "text")
    assert not found.repeated


def test_at_most_so_many_shared_texts_get_an_input() -> None:
    found = column_types({"Ticket": [f"ticket{i // 2} of{i // 2}" for i in range(1200)]})["Ticket"]
    assert (found.type, len(found.values)) == ("category", MOST_REPEATED)


def test_few_whole_numbers_are_read_as_numbers_and_as_codes() -> None:
    fitted, _ = fit_table({"Pclass": ["1", "2", "3"] * 20})
    assert fitted.output_names == ("Pclass", "Pclass=1", "Pclass=2", "Pclass=3")
    assert fitted.transform({"Pclass": 3}).tolist() == fitted.transform({"Pclass": "3"}).tolist()


def test_row_numbers_are_ids_whatever_they_are_called_but_measurements_are_not() -> None:
    rng = np.random.default_rng(0)
    assert describe("nr", [str(i) for i in rng.permutation(500)]).type == "id"
    assert describe("population", [str(i) for i in rng.choice(10**7, 500, replace=False)]).type == "number"
    assert describe("a", ["0", "1", "2", "3"]).type == "number"  # four rows prove nothing
    assert describe("Covid", [str(i * 7) for i in range(30)]).type == "number"
    assert describe("key", [f"{i:x}-{i * i:x}" for i in range(500)]).type == "id"


def test_one_value_with_gaps_is_no_constant() -> None:
    fitted, left_out = fit_table({"insured": ["yes", ""] * 20})
    assert not left_out
    assert fitted.transform({"insured": ["yes", ""]}).tolist() == [[1, 0], [0, 1]]


def test_types_can_be_asked_for() -> None:
    table = {"zip": [str(10_000 + i % 3) for i in range(60)], "id": [str(i) for i in range(60)]}
    fitted, _ = fit_table(table, None, Options(columns={"zip": "category", "id": "number"}))
    assert fitted.output_names == ("zip=10000", "zip=10001", "zip=10002", "id")
    assert column_types(table, Options(columns={"zip": "text"}))["zip"].type == "category"
    dropped, left_out = fit_table(table, None, Options(drop=("id",)))
    assert left_out == {"id": "dropped as asked for"}
    assert "id" not in dropped.output_names


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (Options(columns={"Agee": "number"}), "did you mean 'Age'"),
        (Options(drop=("Agee",)), "did you mean 'Age'"),
        (Options(columns={"Age": "numbr"}), "did you mean 'number'"),
        (Options(columns={"Sex": "number"}), "row 1: 'female' is not a number"),
        (Options(columns={"Sex": "flag"}), "neither yes nor no"),
        (Options(columns={"Nothing": "number"}), "column 'Nothing': no cell of it is a number: drop the column"),
        (Options(columns={"Nothing": "tokens"}), "nothing in it is frequent enough"),
    ],
)
def test_what_cannot_be_done_is_said_with_the_column(options: Options, said: str) -> None:
    with pytest.raises(TableError, match=said):
        fit_table(passengers(), None, options)


def test_a_table_with_nothing_to_learn_from_is_refused() -> None:
    with pytest.raises(TableError, match="'id': an id"):
        fit_table({"id": [str(i) for i in range(30)]})


def test_text_that_got_lost_among_numbers_is_named() -> None:
    with pytest.raises(TableError, match="column 'Age', row 17: 'abc' is not a number"):
        fit_table({"Age": ["abc" if i == 16 else str(i * 3) for i in range(40)]})


def test_infinite_and_absent_numbers_are_missing_and_words_for_nothing_too() -> None:
    read = numbers(["inf", "-inf", "nan", None, "NA", "?", "1e40", "3", 4])
    assert read.bad == {}
    assert read.finite.tolist() == [3, 4]
    assert clean(["NA", "Namibia"], "text") == (["NA", "Namibia"], {})


def test_numbers_too_close_for_float32_are_left_out() -> None:
    _, left_out = fit_table({"tiny": [f"{i}e-40" for i in range(30)], "x": [str(i * i) for i in range(30)]})
    assert "tiny" in left_out


@given(st.lists(st.one_of(st.none(), st.text(max_size=8), st.floats(), st.integers(), st.booleans()), min_size=1))
def test_any_column_gets_a_type_or_an_error_of_its_own(cells: list[object]) -> None:
    table = {"anything": cells, "x": [i * i for i in range(len(cells))]}
    try:
        fitted, _ = fit_table(table)
    except TableError:
        return
    assert np.isfinite(fitted.transform({"anything": [None, ""], "x": [1, 2]})).all()


def titanic(folder: Path) -> list[dict[str, str]]:
    with zipfile.ZipFile(folder / "titanic.zip") as archive:
        return list(csv.DictReader(io.StringIO(archive.read("train.csv").decode())))


def test_the_titanic_needs_no_rules_of_its_own(shared_data: Path) -> None:
    rows = titanic(shared_data)
    table = {name: [row[name] for row in rows] for name in rows[0] if name != "Survived"}
    fitted, left_out = fit_table(table, np.array([int(row["Survived"]) for row in rows]))
    assert "an id" in left_out["PassengerId"]
    expected = {
        "Name:Mr",
        "Name:Mrs",
        "Name:Miss",
        "Name:Master",
        "Sex=female",
        "Cabin^C",
        "Age is missing",
        "Embarked=Q",
    }
    assert expected <= set(fitted.output_names)
    shared = {"Ticket=1601", "Ticket=CA. 2343", "Cabin=C23 C25 C27"}
    assert shared <= set(fitted.output_names)
    counted = Counter(table["Ticket"]) + Counter(table["Cabin"])
    repeated = [name for name in fitted.output_names if name.startswith(("Ticket=", "Cabin="))]
    assert all(counted[name.split("=", 1)[1]] > 1 for name in repeated)
    assert fitted.size - len(repeated) < 40
    raw = {name: value for name, value in rows[0].items() if name != "Survived"}
    assert np.array_equal(fitted.transform(raw)[0], fitted.transform(table)[0])


def test_what_is_fitted_depends_on_the_training_rows_alone(shared_data: Path) -> None:
    data = mlp_data.load(shared_data / "titanic.zip")
    train, held = np.arange(800), np.arange(800, 891)
    table = data.train.x
    assert isinstance(table, dict)
    spoiled = {name: [*cells[:800], *["spoiled 1e9"] * 91] for name, cells in table.items()}
    assert isinstance(data.take(train=train).fit_input(), TableInput)
    first, _ = fit_table({name: [cells[i] for i in train] for name, cells in table.items()})
    second, _ = fit_table({name: cells[:800] for name, cells in spoiled.items()})
    whole, _ = fit_table(table)
    assert first == second
    assert first != whole  # the rows that were held out would have changed something
    assert len(held) == 91


def test_a_linear_model_on_the_encoding_tells_survivors(shared_data: Path) -> None:
    """Least squares is no network, but poor columns would show: the share of the larger class is 0.616."""
    data = mlp_data.load(shared_data / "titanic.zip")
    right = 0
    for fold in data.folds(5, np.random.default_rng(0)):
        fitted = fold.fit_input()
        x, test = (
            np.hstack([fitted.transform(fold.splits[s].x), np.ones((len(fold.splits[s]), 1))])
            for s in ("train", "test")
        )
        y = fold.train.y
        assert y is not None
        weights = np.linalg.solve(x.T @ x + np.eye(x.shape[1]), x.T @ (2.0 * y - 1))
        right += int(((test @ weights > 0) == fold.splits["test"].y).sum())
    assert right / 891 > 0.80
