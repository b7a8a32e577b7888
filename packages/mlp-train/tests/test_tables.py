"""A table with dates, gaps, codes and texts becomes a model file that answers in the target's own unit."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mlp_data
import mlp_runtime
from mlp_data.dataset import Dataset
from mlp_runtime.modelfile import read
from mlp_train import fit

Run = Callable[..., Any]
FIRST = datetime.date(2019, 1, 1)


def houses(rows: range, form: str = "%m/%d/%Y") -> str:
    """Return houses whose price rises with the area and, by steps, with the year; sales in July cost more."""
    lines = ["Id,Sold,Area,Town,Flat,price"]
    for i in rows:
        sold = FIRST + datetime.timedelta(days=i * 149 % 1461)
        area = 40 + i * 37 % 97
        price = 250_000 + 3_000 * area + 20_000 * (sold.year - 2019) + 60_000 * (sold.month == 7)
        town = ["Ulm", "Jena"][i % 2]
        lines.append(f"{i + 1},{sold.strftime(form)},{'' if i % 50 == 1 else area},{town},{'ABC'[i % 3]}{i},{price}")
    return "\n".join(lines)


def prices(text: str) -> list[float]:
    return [float(line.rsplit(",", 1)[1]) for line in text.splitlines()[1:]]


@pytest.mark.parametrize("numbers", ["scaled", "piecewise"])
def test_prices_by_date_are_learned_and_come_back_in_their_unit(mlp_train: Run, numbers: str) -> None:
    Path("train.csv").write_text(houses(range(400)))
    Path("new.csv").write_text(houses(range(400, 440)))
    trained = mlp_train("fit", "train.csv", "--numbers", numbers, "--epochs", "150", "--out", "m", "--seed", "1")
    assert trained.code == 0, trained.err
    assert "left out: 'Id', an id: its name says so" in trained.err
    model = mlp_runtime.load("m/model.mlp")
    assert model.training["options"] == {"numbers": numbers}
    header = read("m/model.mlp").header
    assert header["requires"] == ["input.table/2"]
    assert header["output"]["mean"] == pytest.approx(np.mean(prices(houses(range(400)))), rel=0.02)
    assert 1e4 < header["output"]["scale"] < 1e6
    answers = json.loads(mlp_train("predict", "m", "new.csv", "--json").out)["predictions"]
    found = np.array([answer["value"] for answer in answers], float)
    wanted = np.array(prices(houses(range(400, 440))))
    gaps = np.arange(400, 440) % 50 == 1
    error = np.abs(found - wanted)[~gaps]
    assert error.mean() < 0.12 * np.abs(wanted - wanted.mean()).mean()
    row = {"Sold": "7/4/2020", "Area": "80", "Town": "Ulm", "Flat": "B7"}
    assert model.predict(row) == pytest.approx(570_000, rel=0.05)
    assert model.predict({**row, "Sold": "2020-07-04T10:00"}) == model.predict(row)
    assert np.isfinite(model.predict({**row, "Sold": None, "Area": None, "Town": "Atlantis", "Flat": ""}))


def test_a_cell_that_is_no_date_is_an_error_but_na_is_missing(mlp_train: Run) -> None:
    Path("train.csv").write_text(houses(range(100)))
    mlp_train("fit", "train.csv", "--epochs", "2", "--hidden", "4", "--out", "m")
    lines = houses(range(3)).splitlines()
    Path("na.csv").write_text("\n".join([lines[0], lines[1].replace("01/01/2019", "N/A")]))
    Path("bad.csv").write_text("\n".join([*lines[:2], lines[2].replace("/", "th of ")]))
    assert mlp_train("predict", "m", "na.csv").code == 0
    refused = mlp_train("predict", "m", "bad.csv")
    assert refused.code == 3
    assert "column 'Sold', row 1" in refused.err
    assert "the model wants a date such as 1/31/2026, or None if it is missing" in refused.err
    assert "Sold: number, year of a date" in mlp_train("inspect", "m/model.mlp").out


def spoilt(dataset: Dataset) -> Dataset:
    """Return the dataset with other rows and other answers in every split but the training and the validation rows."""
    splits = dict(dataset.splits)
    for name in splits.keys() - {"train", "valid"}:
        x, y = splits[name].x, splits[name].y
        assert isinstance(x, dict)
        odd = {column: ["7/7/1977" if column == "Sold" else "9e9"] * len(splits[name]) for column in x}
        splits[name] = replace(splits[name], x=odd, y=None if y is None else y * -1e6)
    return replace(dataset, splits=splits)


@pytest.mark.parametrize("numbers", ["scaled", "piecewise"])
def test_no_byte_of_the_model_depends_on_the_test_or_the_unlabelled_rows(tmp_path: Path, numbers: str) -> None:
    whole = houses(range(120))
    (tmp_path / "train.csv").write_text(whole)
    (tmp_path / "test.csv").write_text(houses(range(120, 160)))
    (tmp_path / "unlabelled.csv").write_text("\n".join(line.rsplit(",", 1)[0] for line in whole.splitlines()[:30]))
    data = mlp_data.load(tmp_path, target="price", numbers=numbers)
    assert set(data.splits) == {"train", "test", "unlabelled"}
    one, other = (fit(each, epochs=3, hidden=(8,), seed=4).to_bytes() for each in (data, spoilt(data)))
    assert one == other
    fewer = data.take(train=np.arange(100))
    assert fit(fewer, epochs=3, hidden=(8,), seed=4).to_bytes() != one


def test_the_scale_of_the_target_comes_from_the_training_rows_alone() -> None:
    area = np.arange(100.0) / 4
    y = np.where(area < 20, area, 1e6)
    data = mlp_data.from_arrays({"area": area.tolist()}, y, test=({"area": [1.0]}, [1e9])).take(train=np.arange(80))
    held = data.hold_out(0.1, np.random.default_rng(0))
    output = fit(held, epochs=1, hidden=(2,)).output
    trained = held.train.y
    assert trained is not None
    assert (output["mean"], output["scale"]) == (pytest.approx(trained.mean()), pytest.approx(trained.std()))
