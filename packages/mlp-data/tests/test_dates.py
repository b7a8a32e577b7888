"""Dates are found by what the cells show, in the order that the whole column shows, and give their parts."""

from __future__ import annotations

import datetime
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mlp_data
from mlp_data.column_types import describe
from mlp_data.dates import find_order
from mlp_data.errors import TableError
from mlp_data.inspection import inspect
from mlp_data.options import Options
from mlp_data.readings import clean, find_reading
from mlp_data.table import fit_table
from mlp_runtime.inputs import TableInput

DAYS = [datetime.date(2024, 1, 1) + datetime.timedelta(days=13 * i % 700) for i in range(100)]


def written(form: str, days: Sequence[datetime.date] = DAYS) -> list[str]:
    return [day.strftime(form) for day in days]


@pytest.mark.parametrize(
    ("form", "order", "said"),
    [
        ("%Y-%m-%d", "ymd", "year first"),
        ("%Y/%m/%d", "ymd", "year first"),
        ("%Y-%m-%dT%H:%M:%SZ", "ymd", "year first"),
        ("%Y%m%d", "ymd", "year first"),
        ("%Y%m%dT%H%M%S", "ymd", "year first"),
        ("%d/%m/%Y", "dmy", "day first, as 14/01/2024 shows"),
        ("%d.%m.%y", "dmy", "day first, because the dates then lie in the fewest years"),
        ("%m/%d/%Y", "mdy", "month first, as 01/14/2024 shows"),
        ("%m-%d-%y", "mdy", "month first, as "),
        ("%m/%d/%Y %I:%M %p", "mdy", "month first, as "),
        ("%y-%m-%d", "ymd", "year first, because the dates then lie in the fewest years"),
    ],
)
def test_the_order_of_a_date_shows_in_its_column(form: str, order: str, said: str) -> None:
    found = describe("Sold", written(form))
    assert (found.type, found.order, found.values) == ("date", order, ("year", "month", "day", "weekday"))
    assert found.reason.startswith(f"dates from 2024-01-01 to 2025-11-20, {said}")
    assert find_reading(written(form)) == f"date-{order}"


def test_days_up_to_the_twelfth_are_told_by_the_order_of_the_rows() -> None:
    days = [datetime.date(2024, month, day) for month in range(1, 13) for day in (1, 5, 9)]
    shuffled = random.Random(0).sample(days, len(days))
    for form, order in (("%d/%m/%Y", "dmy"), ("%m/%d/%Y", "mdy")):
        found = find_order(written(form, days))
        assert found is not None
        assert (found.order, found.is_certain) == (order, True)
        assert "in order of time" in found.reason
        unknown = find_order(written(form, shuffled))
        assert unknown is not None
        assert (unknown.order, unknown.is_certain) == ("dmy", False)


@pytest.mark.parametrize(
    "cells",
    [
        ["1.2.3", "1.2.4", "1.3.0", "2.0.1"], ["10.0.0.1", "10.0.0.2"], ["1/2", "3/4"], ["555-12-1234", "555-11-9999"],
        ["12345678", "87654321"], ["20261301", "20260101"], ["Monday", "Tuesday"], ["2026-01-31 or so", "never"], [""],
        ["2026-01-31", "x", "y"],
    ],
)  # fmt: skip
def test_what_only_looks_like_dates_is_none(cells: list[str]) -> None:
    assert describe("code", cells * 30).type != "date"
    assert not find_reading(cells * 30).startswith("date")


def test_a_date_becomes_its_parts() -> None:
    fitted, left_out = fit_table({"Sold": [*written("%d/%m/%Y"), ""]})
    assert not left_out
    numbers = [name for name in fitted.output_names if "=" not in name]
    assert numbers == ["Sold.year", "Sold.month", "Sold.day"]  # a single gap tells nothing, and all are at midnight
    months = [f"Sold.month={month}" for month in range(1, 13)]
    assert [name for name in fitted.output_names if "month=" in name] == months
    assert [name[-1] for name in fitted.output_names if "weekday=" in name] == list("1234567")
    row = dict(zip(fitted.output_names, fitted.transform({"Sold": "4/5/2025"})[0].tolist(), strict=True))
    assert (row["Sold.month=5"], row["Sold.weekday=7"]) == (1, 1)
    assert sum(value for name, value in row.items() if "=" in name) == 2
    assert np.abs(fitted.transform({"Sold": written("%d/%m/%Y")})).max() < 4


def test_gaps_in_dates_are_said_once() -> None:
    fitted, _ = fit_table({"Sold": ["" if i % 4 == 0 else said for i, said in enumerate(written("%Y-%m-%d %H:%M"))]})
    assert fitted.output_names.count("Sold is missing") == 1
    missing = dict(zip(fitted.output_names, fitted.transform({"Sold": None})[0].tolist(), strict=True))
    assert {name for name, value in missing.items() if value} == {"Sold is missing"}


def test_hours_count_where_they_differ_and_one_date_alone_tells_nothing() -> None:
    fitted, _ = fit_table({"at": [f"2026-01-31 {hour}:30" for hour in range(24)]})
    assert fitted.output_names == ("at.hour",)
    _, left_out = fit_table({"at": ["31/1/2026"] * 9, "x": list(range(9))})
    assert left_out == {"at": "every row has the same value, '31/1/2026'"}
    fitted, _ = fit_table({"at": ["31/1/2026", ""] * 9})
    assert fitted.output_names == ("at=31/1/2026", "at is missing")


@pytest.mark.parametrize("kind", [datetime.date, datetime.datetime, np.datetime64])
def test_dates_from_memory_need_no_order(kind: Any) -> None:
    days = DAYS if kind is datetime.date else [kind(day.isoformat()) for day in DAYS] if kind is np.datetime64 else [
        datetime.datetime(day.year, day.month, day.day, 7) for day in DAYS
    ]  # fmt: skip
    data = mlp_data.from_arrays({"Sold": days}, ["a", "b"] * 50)
    texts, _ = fit_table({"Sold": written("%Y-%m-%d")})
    fitted = data.fit_input()
    assert fitted.output_names == texts.output_names
    assert fitted.transform(data.train.x).shape == (100, fitted.size)


def test_the_order_can_be_asked_for() -> None:
    days = written("%m/%d/%Y", [datetime.date(2024, month, day) for month in (3, 1, 2) for day in (4, 9, 1)])
    asked = describe("Sold", days, "date-mdy")
    assert (asked.type, asked.order) == ("date", "mdy")
    assert "month first" in asked.reason
    assert describe("Sold", days, "date").order == "dmy"
    assert describe("nr", ["20260131", "20251224"], "date").type == "date"
    assert describe("Sold", days, "category").type == "category"


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("date-dmy", "column 'Sold', row 13: '01/13/2024' is no date such as 31/1/2026"),
        ("date-dym", "there is no type 'date-dym', did you mean 'date-ymd'"),
        ("dates", "there is no type 'dates', did you mean 'date'"),
    ],
)
def test_what_cannot_be_a_date_is_said_with_the_column(wanted: str, said: str) -> None:
    days = [datetime.date(2024, 1, 1 + i) for i in range(20)]
    with pytest.raises(TableError, match=said):
        fit_table({"Sold": written("%m/%d/%Y", days)}, None, Options(columns={"Sold": wanted}))


def test_texts_are_no_dates_even_if_asked() -> None:
    with pytest.raises(TableError, match="column 'name': no cell of it is a date"):
        fit_table({"name": ["a", "b"]}, None, Options(columns={"name": "date"}))


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., mlp_data.Dataset]:
    def load_rows(days: Sequence[str], test: Sequence[str] = (), **options: object) -> mlp_data.Dataset:
        folder = tmp_path / "sales"
        folder.mkdir(exist_ok=True)
        for name, cells in (("train", days), ("test", test)):
            lines = [f"{day},{i % 7},{'ab'[i % 2]}" for i, day in enumerate(cells)]
            (folder / f"{name}.csv").write_text("\n".join(["Sold,x,kind", *lines]) if lines else "")
            if not lines:
                (folder / f"{name}.csv").unlink()
        return mlp_data.load(folder, **options)

    return load_rows


def test_all_splits_are_read_in_the_order_of_the_training_rows(load: Callable[..., mlp_data.Dataset]) -> None:
    data = load([*written("%m/%d/%Y"), "NA", "soon"], ["04/05/2025", "13/05/2025", ""])
    assert data.splits["test"].x["Sold"] == ["04/05/2025", "", ""]
    assert data.train.x["Sold"][-2:] == ["", ""]
    assert any("test.csv: column 'Sold': 1 cell is no date ('13/05/2025' in line 3)" in one for one in data.problems)
    assert any("train.csv: column 'Sold': 1 cell is no date ('soon' in line 103)" in one for one in data.problems)
    fitted = data.fit_input()
    assert isinstance(fitted, TableInput)
    assert {column.order for column in fitted.columns if column.part} == {"mdy"}
    half = data.take(train=np.arange(12))  # rows that alone would not show it
    assert {column.order for column in half.fit_input().columns if column.part} == {"mdy"}  # type: ignore[union-attr]


def test_an_order_that_cannot_be_known_is_a_problem_until_it_is_asked_for(
    load: Callable[..., mlp_data.Dataset],
) -> None:
    days = [f"{i * 5 % 12 + 1}/{i * 7 % 12 + 1}/2025" for i in range(60)]
    said = "column 'Sold' holds dates, day first, though month first would do as well; --columns Sold=date-mdy reads"
    assert any(said in problem for problem in load(days).problems)
    asked = load(days, columns={"Sold": "date-mdy"})
    assert not any("holds dates" in problem for problem in asked.problems)
    assert {column.order for column in asked.fit_input().columns if column.part} == {"mdy"}  # type: ignore[union-attr]
    report = inspect(asked, Options(columns={"Sold": "date-mdy"}))
    assert next(one for one in report["columns"] if one["name"] == "Sold")["type"] == "date"


def test_a_column_asked_to_be_dates_must_hold_them(load: Callable[..., mlp_data.Dataset]) -> None:
    with pytest.raises(TableError, match="column 'Sold' is 'soon', which is no date, in 60 rows"):
        load(written("%m/%d/%Y")[:40] + ["soon"] * 60, columns={"Sold": "date"})


@given(st.lists(st.one_of(st.none(), st.dates().map(str), st.text("0123456789/-. T:apm", max_size=12)), min_size=1))
def test_any_column_of_near_dates_gets_a_type_or_an_error_of_its_own(cells: list[str | None]) -> None:
    cleaned, _ = clean(list(cells), find_reading(cells))
    try:
        fitted, _ = fit_table({"Sold": cleaned, "x": [i * i for i in range(len(cells))]})
    except TableError:
        return
    assert np.isfinite(fitted.transform({"Sold": cleaned, "x": list(range(len(cells)))})).all()
