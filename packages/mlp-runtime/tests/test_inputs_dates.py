"""A date gives its parts, whatever order it is written in, and what is no date is refused."""

from __future__ import annotations

import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlp_runtime.errors import InputError, Invalid
from mlp_runtime.inputs import Column, TableInput, input_from_spec
from mlp_runtime.inputs.dates import PARTS, date_part

SALES = TableInput(
    (
        *(Column("Sold", "number", part=part, order="dmy", missing=part == "year") for part in PARTS),
        Column("Sold", "category", part="weekday", order="dmy", values=("6", "7")),
    )
)


def parts(cell, order="ymd"):
    return [date_part(cell, part, order) for part in PARTS]


@pytest.mark.parametrize(
    ("cell", "order"),
    [
        ("2026-01-31", "ymd"), ("2026-1-31", "dmy"), ("2026/01/31", "mdy"), ("2026.01.31", "ymd"), ("26-01-31", "ymd"),
        ("20260131", "ymd"), (20260131, "ymd"), (20260131.0, "mdy"), ("31/1/2026", "dmy"), ("31.01.26", "dmy"),
        ("1/31/2026", "mdy"), ("01-31-26", "mdy"), (" 2026-01-31 ", "ymd"), (datetime.date(2026, 1, 31), "dmy"),
        (np.datetime64("2026-01-31"), "mdy"),
    ],
)  # fmt: skip
def test_a_date_is_read_in_its_order(cell, order):
    assert parts(cell, order) == [2026, 1, 31, 6, 0]


@pytest.mark.parametrize(
    ("time", "hour"),
    [
        ("T14:05", 14), (" 14:05:06.789", 14), ("T140506", 14), ("T14:05:06Z", 14), (" 14:05 UTC", 14),
        (" 2:05 PM", 14), ("T14:05:06+02:00", 14), ("T140506-0530", 14), (" 12:00 am", 0), (" 12:00 pm", 12),
        ("  9:30", 9), ("", 0),
    ],
)  # fmt: skip
def test_a_time_of_day_gives_its_hour_as_it_stands(time, hour):
    assert parts(f"2026-01-31{time}") == [2026, 1, 31, 6, hour]


def test_two_digits_of_a_year_are_the_nearest_century():
    assert [date_part(f"1/2/{year}", "year", "dmy") for year in ("00", "68", "69", "99")] == [2000, 2068, 1969, 1999]


@given(st.datetimes(min_value=datetime.datetime(1000, 1, 1)))
def test_what_python_writes_is_read_back(moment):
    wanted = [moment.year, moment.month, moment.day, moment.isoweekday(), moment.hour]
    for cell in (moment, moment.isoformat(), str(moment), np.datetime64(moment)):
        assert parts(cell) == wanted
    assert parts(moment.strftime("%d/%m/") + str(moment.year), "dmy")[:4] == wanted[:4]
    assert parts(moment.strftime("%m-%d-") + str(moment.year), "mdy")[:4] == wanted[:4]


NO_DATES = [
    "yesterday", "31/31/2026", "2026-13-01", "30/2/2026", "29.2.2025", "1/2", "1/2/3/4", "1-2/2026", "31 1 2026",
    "2026-01-31T25:00", "1/2/2026 at noon", "1/2/20266", "12345678", "2026013", 5, 3.5, True, [1], b"1/2/2026", 1e300,
    "²0260131", "1/2/2026 " + "1" * 100_000,
]  # fmt: skip


@pytest.mark.parametrize("cell", NO_DATES, ids=lambda cell: repr(cell)[:20])
def test_what_is_no_date_is_refused_with_its_place_and_an_example(cell):
    with pytest.raises(
        InputError, match=r"column 'Sold'.* came, but the model wants a date such as 31/1/2026"
    ) as caught:
        SALES.transform({"Sold": cell})
    assert len(str(caught.value)) < 200
    with pytest.raises(InputError, match="row 1"):
        SALES.transform([{"Sold": None}, {"Sold": cell}])


def test_every_part_has_a_name_and_a_missing_date_gives_the_mean_and_says_so():
    assert SALES.output_names == (
        "Sold.year", "Sold is missing", "Sold.month", "Sold.day", "Sold.weekday", "Sold.hour", "Sold.weekday=6",
        "Sold.weekday=7",
    )  # fmt: skip
    assert SALES.transform({"Sold": "1/2/2026 9:30"}).tolist() == [[2026, 0, 2, 1, 7, 9, 0, 1]]
    for nothing in (None, "", "  ", float("nan"), np.datetime64("NaT", "s")):
        assert SALES.transform({"Sold": nothing}).tolist() == [[0, 1, 0, 0, 0, 0, 0, 0]]
    filled = TableInput([Column("Sold", "number", part="month", fill="2026-05-01", mean=6, scale=0.5)])
    assert filled.transform({"Sold": None}).tolist() == [[-0.5]]


@given(st.lists(st.sampled_from(["1/2/2026", "2026-12-31T23:59", None, "", "20260131", np.datetime64("2020-02-29")])))
def test_one_date_and_many_give_the_same_bits(dates):
    rows = [{"Sold": date} for date in ("1.1.99", *dates)]
    alone = np.concatenate([SALES.transform(row) for row in rows])
    assert SALES.transform(rows).tobytes() == alone.tobytes()
    assert SALES.transform({"Sold": [row["Sold"] for row in rows]}).tobytes() == alone.tobytes()


def test_a_spec_with_dates_comes_back_and_tries_itself():
    spec, _ = SALES.spec()
    assert input_from_spec(spec, {}) == SALES
    assert spec["columns"][1] == {"name": "Sold", "type": "number", "part": "month", "order": "dmy"}
    assert (SALES.version, TableInput([Column("Sold", "category", values=["1"])]).version) == (2, 1)
    assert len(np.unique(SALES.transform(SALES.synthesise(8)), axis=0)) == 8


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ({"type": "number", "part": "moon"}, r"part: found 'moon', wanted 'year' or .* or 'hour'"),
        ({"type": "number", "part": "year", "order": "ydm"}, "order: found 'ydm', wanted 'ymd' or 'dmy' or 'mdy'"),
        ({"type": "flag", "part": "year"}, "part: found 'year', wanted none, because flag reads no dates"),
        ({"type": "tokens", "values": ["a"], "part": "day"}, "wanted none, because tokens reads no dates"),
        ({"type": "number", "part": "year", "fill": 7}, "fill: 7 came, but the model wants a date such as 2026-01-31"),
    ],
)  # fmt: skip
def test_an_impossible_part_is_refused(column, message):
    with pytest.raises(Invalid, match=message):
        input_from_spec({"kind": "table", "columns": [{"name": "Sold", **column}]}, {})
