"""A table input reads one row or many, by name, and gives the same numbers either way."""

from __future__ import annotations

import csv
import io
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlp_runtime.errors import InputError, Invalid
from mlp_runtime.inputs import FLAGS, Column, TableInput, input_from_spec

PASSENGERS = TableInput(
    (
        Column("Age", "number", fill=28.0, mean=30.0, scale=0.1, missing=True),
        Column("Sex", "category", values=("female", "male")),
        Column("Name", "tokens", values=("Mr", "Mrs", "Miss")),
        Column("Cabin", "prefix", values=("B", "C"), missing=True),
        Column("Alone", "flag"),
        Column("Pclass", "number", fill=3.0, mean=2.0),
        Column("Pclass", "category", fill="3", values=("1", "2", "3")),
        Column("Fare", "number", mean=32.0, scale=0.02),
    )
)
ROW = {
    "Age": "40",
    "Sex": "female",
    "Name": "Brown, Mrs. James",
    "Cabin": "C85",
    "Alone": "no",
    "Pclass": 1,
    "Fare": 71.3,
}
cells = {
    "Age": st.one_of(st.none(), st.floats(-1e6, 1e6), st.integers(0, 99), st.sampled_from(["", " ", "7.25", "nan"])),
    "Sex": st.one_of(st.none(), st.sampled_from(["female", " male ", "other", "", "nan"]), st.just(float("nan"))),
    "Name": st.one_of(st.none(), st.text(), st.just("Cumings, Mrs. John Bradley (Miss Florence)"), st.integers()),
    "Cabin": st.one_of(st.none(), st.sampled_from(["C85", "B57 B59", "", "T", "12", "c85"])),
    "Alone": st.one_of(st.none(), st.booleans(), st.sampled_from(["yes", "NO", " True ", "0", "1.0", "t", 0, 1, 0.0])),
    "Pclass": st.one_of(st.none(), st.sampled_from([1, 2.0, "3", "3.0", " 2", np.int64(1), np.float32(2)])),
    "Fare": st.one_of(st.none(), st.floats(0, 500, width=32), st.just(True)),
    "Ticket": st.text(),
}  # fmt: skip
rows_of_passengers = st.lists(st.fixed_dictionaries(cells), min_size=1, max_size=6)


def columns_of(rows):
    return {name: [row[name] for row in rows] for name in rows[0]}


def test_every_number_of_the_input_has_a_name():
    assert PASSENGERS.output_names == (
        "Age", "Age is missing", "Sex=female", "Sex=male", "Name:Mr", "Name:Mrs", "Name:Miss", "Cabin^B", "Cabin^C",
        "Cabin is missing", "Alone", "Pclass", "Pclass=1", "Pclass=2", "Pclass=3", "Fare",
    )  # fmt: skip
    assert PASSENGERS.size == len(PASSENGERS.output_names) == 16


def test_a_row_becomes_the_numbers_that_its_columns_say():
    row = dict(zip(PASSENGERS.output_names, PASSENGERS.transform(ROW)[0].tolist()))
    assert row == pytest.approx(
        {
            "Age": 1, "Age is missing": 0, "Sex=female": 1, "Sex=male": 0, "Name:Mr": 0, "Name:Mrs": 1, "Name:Miss": 0,
            "Cabin^B": 0, "Cabin^C": 1, "Cabin is missing": 0, "Alone": 0, "Pclass": -1, "Pclass=1": 1, "Pclass=2": 0,
            "Pclass=3": 0, "Fare": 0.786,
        }
    )  # fmt: skip


def test_missing_cells_are_filled_and_flagged():
    row = dict(zip(PASSENGERS.output_names, PASSENGERS.transform(dict.fromkeys(ROW))[0].tolist()))
    some = {"Age": -0.2, "Age is missing": 1, "Cabin is missing": 1, "Pclass": 1, "Pclass=3": 1}
    assert row == pytest.approx({**dict.fromkeys(PASSENGERS.output_names, 0), **some}, abs=1e-6)


def test_a_missing_cell_is_not_the_value_that_is_called_none():
    table = TableInput([Column("Alley", "category", values=("None", "Gravel"), missing=True)])
    assert table.transform({"Alley": "None"}).tolist() == [[1, 0, 0]]
    assert table.transform({"Alley": None}).tolist() == [[0, 0, 1]]


@pytest.mark.parametrize("nothing", [None, float("nan"), "", "  ", np.nan, np.float32("nan")])
def test_every_kind_of_nothing_is_missing(nothing):
    gap = PASSENGERS.transform(dict.fromkeys(ROW))
    assert (PASSENGERS.transform(dict.fromkeys(ROW, nothing)) == gap).all()
    assert (PASSENGERS.transform({name: [nothing] for name in ROW}) == gap).all()


@given(rows_of_passengers)
def test_one_row_many_rows_and_columns_give_the_same_bits(rows):
    alone = np.concatenate([PASSENGERS.transform(row) for row in rows])
    assert alone.dtype == np.float32
    assert np.isfinite(alone).all()
    assert PASSENGERS.transform(rows).tobytes() == alone.tobytes()
    assert PASSENGERS.transform(columns_of(rows)).tobytes() == alone.tobytes()


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=9))
def test_columns_may_be_arrays(fares):
    rows = [{**ROW, "Fare": fare} for fare in fares]
    columns = {name: np.array(column) for name, column in columns_of(rows).items()}
    assert PASSENGERS.transform(columns).tobytes() == PASSENGERS.transform(rows).tobytes()


def test_unknown_categories_words_and_prefixes_give_zeros():
    row = {**ROW, "Sex": "unknown", "Name": "Dr. No", "Cabin": "T1", "Pclass": 9}
    numbers = dict(zip(PASSENGERS.output_names, PASSENGERS.prepare(row)[0].tolist()))
    assert not any(
        value for name, value in numbers.items() if name[-2:] != "ss" and any(sign in name for sign in "=:^")
    )


def test_a_word_counts_only_as_a_whole():
    titles = TableInput([Column("Name", "tokens", values=("Mr", "Mrs"))])
    assert titles.prepare({"Name": "Mrs. Mrozek"}).tolist() == [[0, 1]]
    assert titles.prepare({"Name": "Mr and Mrs Mr"}).tolist() == [[1, 1]]


@pytest.mark.parametrize("cell", [3, 3.0, "3", " 3 ", "3.0", np.int8(3), np.float32(3)])
def test_a_code_is_the_same_as_number_and_as_text(cell):
    for values in (("3", "4"), ("3.0", "4")):
        assert TableInput([Column("Code", "category", values=values)]).prepare({"Code": cell}).tolist() == [[1, 0]]


@pytest.mark.parametrize(
    ("said", "value"), [*FLAGS.items(), ("YES", 1), (True, 1), (0, 0), (1.0, 1), (np.bool_(False), 0)]
)
def test_a_flag_reads_what_people_write(said, value):
    flag = TableInput([Column("Alone", "flag")])
    assert flag.prepare({"Alone": said}).tolist() == flag.prepare({"Alone": [said]}).tolist() == [[value]]


def test_a_missing_flag_takes_its_fill():
    assert TableInput([Column("Alone", "flag", fill="yes", missing=True)]).prepare({"Alone": None}).tolist() == [[1, 1]]


def test_a_column_that_is_not_needed_is_ignored():
    assert (PASSENGERS.transform({**ROW, "Ticket": "PC 17599", "Friends": [1, 2]}) == PASSENGERS.transform(ROW)).all()
    assert PASSENGERS.is_batch({**ROW, "Friends": [1, 2]}) is False


def test_a_batch_is_told_from_one_row():
    assert PASSENGERS.is_batch(ROW) is False
    assert PASSENGERS.is_batch([ROW]) is True
    assert PASSENGERS.is_batch({name: [cell] for name, cell in ROW.items()}) is True
    assert PASSENGERS.prepare([ROW], many=True).shape == PASSENGERS.prepare(ROW, many=False).shape == (1, 16)


class Frame:
    """What a data frame looks like from afar."""

    columns = tuple(ROW)

    def to_dict(self, orient):
        return {name: [cell] for name, cell in ROW.items()}


WRONG = [
    (None, "None came, but the model wants a row as a mapping with Age, Sex, Name, Cabin, Alone, Pclass, Fare"),
    ([], "a list of 0 came"),
    ([1, 2, 3], "a list of 3 came"),
    ([ROW, None], "a list of 2 came"),
    ("Age=3", "'Age=3' came"),
    (np.zeros((2, 7)), "a float64 array"),
    (Frame(), r"give data.to_dict\('list'\)"),
    ({}, "there is no column 'Age' among none"),
    ({**{k: v for k, v in ROW.items() if k != "Age"}, "age": 3}, "there is no column 'Age', did you mean 'age'"),
    ([ROW, {k: v for k, v in ROW.items() if k != "Sex"}], "row 1: there is no column 'Sex'"),
    ({"Age": [1]}, "there is no column 'Sex' among 'Age'"),
    ({**ROW, "Age": "young"}, "column 'Age': 'young' came, but the model wants a finite number"),
    ([ROW, {**ROW, "Age": "young"}], "column 'Age', row 1: 'young' came"),
    ({**ROW, "Age": 10**400}, "column 'Age': 1000"),
    ([ROW, {**ROW, "Age": 10**400}], "column 'Age', row 1: 1000"),
    ({**ROW, "Age": "inf"}, "column 'Age': 'inf' came, but the model wants a finite number"),
    ({**ROW, "Fare": 1e300}, r"column 'Fare': 1e\+300 came"),
    ([ROW, {**ROW, "Fare": -1e39}], r"column 'Fare', row 1: -1e\+39 came"),
    ({**ROW, "Alone": "maybe"}, "column 'Alone': 'maybe' came, but the model wants yes or no"),
    ([ROW, {**ROW, "Alone": 2}], "column 'Alone', row 1: 2 came, but the model wants yes or no"),
    ([ROW, {**ROW, "Age": [3]}], "column 'Age', row 1: a list of 1 came"),
    ([ROW, {**ROW, "Sex": ["male"]}], "column 'Sex', row 1: a list of 1 came, but the model wants a text or a number"),
    ([ROW, {**ROW, "Sex": b"male"}], "column 'Sex', row 1: b'male' came"),
    ({**ROW, "Fare": 1j}, "column 'Fare': 1j came"),
    ({**{k: [v, v] for k, v in ROW.items()}, "Age": [1]}, "'Age' has 1, 'Sex' has 2"),
    ({k: [] for k in ROW}, "differ in length or are empty"),
    ({**ROW, "Age": [1, 2]}, "column 'Sex': 'female' came beside lists of many cells"),
    ({**{k: [v] for k, v in ROW.items()}, "Age": np.zeros((1, 2))}, "column 'Age': a float64 array of shape"),
    (
        {**{k: [v] for k, v in ROW.items()}, "Age": np.zeros(())},
        "column 'Age': a float64 array of shape .* came beside",
    ),
]


@pytest.mark.parametrize(("raw", "message"), WRONG)
def test_what_is_no_row_is_refused_in_one_sentence(raw, message):
    with pytest.raises(InputError, match=message) as caught:
        PASSENGERS.transform(raw)
    assert "\n" not in str(caught.value)


def test_one_and_many_are_not_mixed_up():
    for raw, many in ((ROW, True), ([ROW], False)):
        with pytest.raises(InputError):
            PASSENGERS.prepare(raw, many=many)


def test_the_input_is_not_changed():
    row = dict(ROW)
    column = np.array([1.0, np.nan])
    PASSENGERS.transform(row)
    TableInput([Column("x", "number", fill=3)]).transform({"x": column})
    assert row == ROW
    assert np.isnan(column[1])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("", "number"), "name: found '', wanted text"),
        ((3, "number"), "name: found 3, wanted text"),
        (("x", "numbr"), "type: found 'numbr', wanted 'number' or 'flag' or 'category' or 'tokens' or 'prefix'"),
        (("x", "category"), "values: found a tuple of ., wanted different ones"),
        (("x", "category", None, 0, 1, ("a", "a")), "values: found a tuple of ., wanted different ones"),
        (("x", "category", None, 0, 1, (1, 2)), "values: found a tuple of 2, wanted a list of text"),
        (("x", "category", None, 0, 1, "ab"), "values: found 'ab', wanted a list of text"),
        (("x", "category", None, 0, 1, ("a", "")), "values: found a tuple of 2, wanted a list of text"),
        (("x", "category", None, 0, 1, ("3", "3.0")), "values: found a tuple of 2, wanted different ones"),
        (("x", "category", None, 1, 1, ("a",)), "mean, scale: found 1, 1, wanted none"),
        (
            ("x", "number", None, 0, 1, ("a",)),
            "values: found a tuple of 1, wanted different ones for category, tokens, prefix alone",
        ),
        (("x", "number", "many"), "fill: 'many' came, but the model wants a finite number"),
        (("x", "number", 1e39), "fill: found 1e.39, wanted a cell"),
        (("x", "number", [1]), "fill: found a list of 1, wanted a cell"),
        (("x", "flag", "maybe"), "fill: 'maybe' came, but the model wants yes or no"),
        (("x", "number", None, float("nan")), "mean: found nan, wanted a number"),
        (("x", "number", None, 0, 0), "scale: found 0, wanted a number that is not 0"),
        (("x", "number", None, "0"), "mean: found '0', wanted a number"),
        (("x", "number", None, 0, 1, (), 1), "missing: found 1, wanted true or false"),
    ],
)
def test_an_impossible_column_is_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        Column(*arguments)


@pytest.mark.parametrize("columns", [(), ({"name": "x"},), [None]])
def test_a_table_without_columns_is_refused(columns):
    with pytest.raises(InputError, match="at least one Column"):
        TableInput(columns)


def test_a_table_of_too_many_numbers_is_refused():
    wide = Column("x", "category", values=[str(i) for i in range(2**19 + 1)])
    with pytest.raises(InputError, match="numbers, wanted at most 1048576"):
        TableInput((wide, wide))


def test_a_spec_comes_back_as_the_same_input():
    spec, tensors = PASSENGERS.spec()
    assert tensors == {}
    newer = {**spec, "something": 1, "columns": [{**column, "newer": True} for column in spec["columns"]]}
    assert input_from_spec(newer, {}) == PASSENGERS
    assert spec["columns"][4] == {"name": "Alone", "type": "flag"}


@pytest.mark.parametrize(
    "column",
    [
        None, {}, {"name": "x"}, {"type": "flag"}, {"name": 1, "type": "flag"}, {"name": "x", "type": "photo"},
        {"name": "x", "type": "category"}, {"name": "x", "type": "category", "values": "abc"},
        {"name": "x", "type": "category", "values": [1]}, {"name": "x", "type": "number", "mean": "1"},
        {"name": "x", "type": "number", "mean": 1e39}, {"name": "x", "type": "number", "scale": 0},
        {"name": "x", "type": "number", "missing": 1}, {"name": "x", "type": "number", "fill": "many"},
        {"name": "x", "type": "number", "fill": [1]}, {"name": "x", "type": "number", "fill": {"a": 1}},
    ],
)  # fmt: skip
def test_a_spec_that_breaks_a_rule_is_refused(column):
    with pytest.raises(Invalid, match=r"header key input\.columns(\[1\]|: found a list of 2, wanted a list of maps)"):
        input_from_spec({"kind": "table", "columns": [{"name": "y", "type": "number"}, column]}, {})


@pytest.mark.parametrize("spec", [{}, {"columns": None}, {"columns": []}, {"columns": {}}, {"columns": "abc"}])
def test_a_spec_without_columns_is_refused(spec):
    with pytest.raises(Invalid, match="input"):
        input_from_spec({"kind": "table", **spec}, {})


def test_rows_for_a_self_test_come_from_the_spec_alone():
    rows = PASSENGERS.synthesise(8)
    assert rows == PASSENGERS.synthesise(8)
    assert {type(cell) for row in rows for cell in row.values()} <= {float, str, bool, int, type(None)}
    numbers = PASSENGERS.prepare(rows)
    assert numbers.any(axis=0).all()  # every number of the input is tried
    assert len(np.unique(numbers, axis=0)) == 8


def test_real_passengers_give_the_same_bits_by_row_and_by_column(shared_data):
    with zipfile.ZipFile(shared_data / "titanic.zip") as archive:
        name = next(name for name in archive.namelist() if name.endswith("train.csv"))
        rows = list(csv.DictReader(io.StringIO(archive.read(name).decode())))
    for row in rows:
        row["Alone"] = row["SibSp"] == row["Parch"] == "0"
    batch = PASSENGERS.transform(columns_of(rows))
    assert batch.shape == (891, 16)
    assert np.concatenate([PASSENGERS.transform(row) for row in rows]).tobytes() == batch.tobytes()
    names = PASSENGERS.output_names
    assert batch[:, names.index("Age is missing")].sum() == 177
    assert batch[:, names.index("Sex=female")].sum() == 314
    assert batch[:, names.index("Name:Mrs")].sum() >= 125
    assert batch[:, names.index("Pclass=3")].sum() == 491
