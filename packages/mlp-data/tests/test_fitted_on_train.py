"""What is fitted to a table is fitted on the training rows alone: whatever the other splits hold changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import mlp_data
from mlp_data.dataset import Dataset, Split

COLUMNS = {
    "Id": lambda i: i + 1,
    "Sold": lambda i: f"{i % 28 + 1}/{i % 12 + 1}/{2015 + i % 9}",
    "Area": lambda i: "" if i % 7 == 0 else i * 37 % 101 / 4,
    "Town": lambda i: ["Ulm", "Jena", "Wien"][i * 5 % 11 % 3],
    "Rooms": lambda i: i % 4 + 1,
    "Garden": lambda i: ["yes", "no"][i % 3 % 2],
    "Flat": lambda i: f"{'ABC'[i % 3]}{i}",
    "Note": lambda i: f"{['sunny', 'dark'][i % 2]} house{i}",
}
ODD = {"Id": "7e9", "Sold": "13/13/2013", "Area": "1e9", "Town": "Atlantis", "Rooms": 9, "Garden": "perhaps"}


def table(rows: range, odd: bool = False, answers: bool = True) -> str:
    lines = [",".join([*COLUMNS, *(["price"] if answers else [])])]
    for i in rows:
        cells = [ODD.get(name, f"Q{i}") if odd else make(i) for name, make in COLUMNS.items()]
        lines.append(",".join(map(str, [*cells, *([1e6 * i + 0.5 if odd else i % 13 + 0.5] if answers else [])])))
    return "\n".join(lines)


def written(folder: Path, odd: bool) -> Path:
    folder.mkdir()
    (folder / "train.csv").write_text(table(range(120)))
    for name, answers in (("valid", True), ("test", True), ("unlabelled", False)):
        (folder / f"{name}.csv").write_text(table(range(120, 180), odd, answers))
    return folder


@pytest.mark.parametrize("numbers", ["scaled", "piecewise"])
def test_other_files_with_other_rows_give_the_same_input(tmp_path: Path, numbers: str) -> None:
    plain, odd = (mlp_data.load(written(tmp_path / str(odd), odd), target="price", numbers=numbers) for odd in (0, 1))
    assert set(odd.splits) >= {"train", "valid", "test"}
    assert odd.fit_input() == plain.fit_input()
    assert odd.unused_columns.keys() == plain.unused_columns.keys() == {"Id", "Note"}
    assert odd.fit_input().output_names == plain.fit_input().output_names
    assert odd.splits["test"].x != plain.splits["test"].x  # they do differ


def spoilt(split: Split) -> Split:
    assert isinstance(split.x, dict)
    return replace(split, x={name: ["999"] * len(split) for name in split.x})


@pytest.mark.parametrize("numbers", ["scaled", "piecewise"])
@pytest.mark.parametrize(
    "divide",
    [
        lambda data: data.hold_out(0.2, np.random.default_rng(3)),
        lambda data: next(data.folds(5, np.random.default_rng(3))),
    ],
    ids=["held out", "fold"],
)
def test_rows_that_are_set_aside_do_not_count(numbers: str, divide: Callable[[Dataset], Dataset]) -> None:
    whole = mlp_data.load("titanic", numbers=numbers)
    data = divide(whole)
    others = {name: split if name == "train" else spoilt(split) for name, split in data.splits.items()}
    assert replace(data, splits=others).fit_input() == data.fit_input()
    assert data.fit_input() != whole.fit_input()  # the rows set aside would have counted


def test_the_answers_of_other_splits_do_not_choose_words() -> None:
    data = next(mlp_data.load("titanic").folds(5, np.random.default_rng(0)))
    test = data.splits["test"]
    assert test.y is not None
    turned = replace(data, splits={**data.splits, "test": replace(test, y=1 - test.y)})
    assert turned.fit_input() == data.fit_input()
    train = data.train
    assert train.y is not None
    shuffled = replace(train, y=np.random.default_rng(1).permutation(train.y))
    assert replace(data, splits={"train": shuffled}).fit_input() != data.fit_input()


def test_a_text_that_repeats_only_beyond_the_training_rows_gets_no_input() -> None:
    data = mlp_data.load("titanic")
    assert isinstance(data.train.x, dict)
    tickets = data.train.x["Ticket"]
    pair = [row for row, said in enumerate(tickets) if said == "113803"]  # two passengers share it
    assert len(pair) == 2
    rest = np.delete(np.arange(len(tickets)), pair[1:])
    assert "Ticket=113803" in data.fit_input().output_names
    assert "Ticket=113803" not in data.take(train=rest).fit_input().output_names
