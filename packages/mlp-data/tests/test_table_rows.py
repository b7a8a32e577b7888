"""A table too large for memory is read a part at a time, and everything that comes of it is as if it were in memory."""

from __future__ import annotations

import csv
import gzip
import io
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlp_data import load, stored_table, table_rows
from mlp_data.check import problems
from mlp_data.dataset import Dataset
from mlp_data.errors import DataError, OptionError, TableError
from mlp_data.inspection import inspect
from mlp_data.storage import Storage
from mlp_data.table_rows import TableRows

ROWS = 900


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a cache; no table fits in memory, and its rows come in groups of a few dozen."""
    monkeypatch.setattr(Storage, "fits_table", lambda self, content: False)
    monkeypatch.setattr(stored_table, "_CELLS", 400)
    return tmp_path / "cache"


def in_memory(source: Any, **options: Any) -> Dataset:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Storage, "fits_table", lambda self, content: True)
        return load(source, **options)


def sales(rows: int = ROWS, seed: int = 0) -> list[list[str]]:
    """A table of every kind of column: numbers, codes, categories, flags, dates, words, prefixes, ids and gaps."""
    rng = np.random.default_rng(seed)
    found = [["id", "size", "rooms", "town", "new", "sold", "note", "code", "age", "odd", "price"]]
    for row in range(rows):
        town = str(rng.choice(["Ulm", "Bonn", "Köln", "Trier"], p=[0.5, 0.3, 0.19, 0.01]))
        size = round(float(rng.lognormal(4, 0.5)), 2)
        words = " ".join(map(str, rng.choice(["quiet", "bright", "old", "garden", "lift"], 2, replace=False)))
        cells = [
            f"a{row:05}",
            "" if rng.random() < 0.05 else f"{size:.2f}",
            str(rng.integers(1, 6)),
            "" if rng.random() < 0.1 else town,
            str(rng.choice(["yes", "no"])),
            f"{rng.integers(1, 29):02}.{rng.integers(1, 13):02}.{rng.integers(2001, 2026)}",
            f"{words}, no {row}",
            f"{rng.choice(list('ABC'))}{rng.integers(10, 99)}",
            "unknown" if rng.random() < 0.03 else f"{rng.integers(0, 90)}.0",
            "x7" if row in (30, 700) else f"{rng.normal():.3f}",
            "" if rng.random() < 0.01 else f"{size * 10 + 50 * (town == 'Bonn') + rng.normal():.1f}",
        ]
        found.append(cells)
    return found


def write(path: Path, table: list[list[str]], delimiter: str = ",", encoding: str = "utf-8", end: str = "\n") -> Path:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=end).writerows(table)
    path.write_bytes(text.getvalue().encode(encoding))
    return path


def assert_same(one: Dataset, other: Dataset) -> None:
    """Compare what was found, what it was fitted to, and the rows that come of it."""
    assert isinstance(one.train.x, TableRows)
    assert isinstance(other.train.x, dict)
    for name in ("task", "classes", "target", "left_out", "problems", "submission", "input_options"):
        assert getattr(one, name) == getattr(other, name), name
    assert one.fingerprint == other.fingerprint
    assert list(one.splits) == list(other.splits)
    fitted = one.fit_input()
    assert fitted.spec() == other.fit_input().spec()
    assert one.unused_columns == other.unused_columns
    for name, split in one.splits.items():
        assert len(split) == len(other.splits[name])
        assert split.ids == other.splits[name].ids
        for mine, theirs in ((split.y, other.splits[name].y), (split.weight, other.splits[name].weight)):
            assert (mine is None) == (theirs is None)
            assert mine is None or np.array_equal(mine, theirs)
        assert isinstance(split.x, TableRows)
        rows = [fitted.prepare(split.x[start : start + 50], many=True) for start in range(0, len(split), 50)]
        assert np.array_equal(np.concatenate(rows), fitted.prepare(other.splits[name].x, many=True))


@pytest.mark.parametrize("options", [{}, {"numbers": "piecewise"}, {"target": "town"}, {"columns": {"rooms": "flag"}}])
def test_every_kind_of_column_is_as_in_memory(tmp_path: Path, cache: Path, options: dict[str, Any]) -> None:
    source = write(tmp_path / "sales.csv", sales())
    if "columns" in options:
        with pytest.raises(TableError) as there:
            in_memory(source, **options)
        with pytest.raises(TableError) as here:
            load(source, cache=str(cache), **options)
        assert str(here.value) == str(there.value)
        return
    assert_same(load(source, cache=str(cache), **options), in_memory(source, **options))


def test_rows_held_out_are_not_looked_at_and_the_others_are_as_in_memory(tmp_path: Path, cache: Path) -> None:
    source = write(tmp_path / "sales.csv", sales())
    parts = [
        data.hold_out(0.2, np.random.default_rng(1)) for data in (load(source, cache=str(cache)), in_memory(source))
    ]
    assert list(parts[0].splits) == ["train", "valid"]
    assert_same(*parts)
    for one, other in zip(*(data.folds(3, np.random.default_rng(1)) for data in parts), strict=True):
        assert_same(one, other)


def test_titanic_is_as_in_memory(shared_data: Path, cache: Path) -> None:
    source = shared_data / "titanic.zip"
    one, other = load(source, cache=str(cache)), in_memory(source)
    assert_same(one, other)
    assert {"Ticket=1601", "Cabin=C23 C25 C27"} <= set(one.fit_input().output_names)
    assert problems(one) == problems(other)
    assert inspect(one) == inspect(other)


def test_what_looks_wrong_is_found_without_having_all_rows_in_memory(tmp_path: Path, cache: Path) -> None:
    table = sales(200)
    folder = tmp_path / "both"
    folder.mkdir()
    twins = [*table[1:], *table[11:14], [*table[14][:-1], "1.5"]]
    write(folder / "train.csv", [table[0], *twins])
    write(folder / "test.csv", [table[0], *table[5:25]])
    one, other = load(folder, cache=str(cache), target="price"), in_memory(folder, target="price")
    found = problems(one)
    assert found == problems(other)
    assert "train: 3 of " in " ".join(found)
    assert "test: 20 of 20 samples are in the training split too" in " ".join(found)
    assert_same(one, other)


@pytest.mark.parametrize("kind", ["gz", "zip", "latin-1", "utf-16", "semicolons", "quotes", "ends", "bare", "blank"])
def test_a_file_is_read_as_it_is_in_memory_however_it_is_written(tmp_path: Path, cache: Path, kind: str) -> None:
    table = sales(300)
    source = tmp_path / "sales.csv"
    if kind in ("gz", "zip"):
        plain = write(tmp_path / "plain.csv", table).read_bytes()
        source = tmp_path / f"sales.csv.{kind}"
        if kind == "gz":
            source.write_bytes(gzip.compress(plain))
        else:
            with zipfile.ZipFile(source, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr("sales.csv", plain)
    elif kind in ("latin-1", "utf-16"):
        write(source, table, encoding=kind, end="\r\n")
    elif kind == "semicolons":
        table = [row if row is table[0] else [cell.replace(".", ",") for cell in row[:5]] + row[5:] for row in table]
        write(source, [[*row, ""] for row in table], delimiter=";", end="\r")
    elif kind == "quotes":
        lines = write(source, table).read_text().splitlines()
        lines[200] = lines[200].replace("Ulm", '"U"lm"')
        source.write_text("\n".join(lines))
    elif kind == "ends":
        table[7][6] = "two\nlines, said\r\n"
        write(source, table)
    elif kind == "bare":
        write(source, table[1:])
    else:
        source.write_text(write(source, table).read_text().replace("\n", "\n\n,,\n"))
        source.write_text(source.read_text().replace(",,\n", "\n"))
    assert_same(load(source, cache=str(cache)), in_memory(source))


def test_a_column_without_a_name_stays_if_any_cell_of_it_is_filled(tmp_path: Path, cache: Path) -> None:
    table = sales(200)
    table = [[*table[0], ""], *([*row, "first" if row is table[1] else ""] for row in table[1:])]
    source = write(tmp_path / "sales.csv", table)
    one = load(source, cache=str(cache), target="price")
    assert isinstance(one.train.x, TableRows)
    assert "column 12" in one.train.x.columns
    assert_same(one, in_memory(source, target="price"))


def test_weights_several_targets_and_a_submission_are_as_in_memory(tmp_path: Path, cache: Path) -> None:
    rng = np.random.default_rng(2)
    rows = [[str(i), f"{rng.normal():.4f}", *map(str, rng.integers(0, 2, 2)), f"{rng.random():.2f}"] for i in range(90)]
    source = write(tmp_path / "t.csv", [["id", "a", "red", "blue", "sure"], *rows])
    how: dict[str, Any] = {"target": "red,blue", "weight_column": "sure"}
    assert_same(load(source, cache=str(cache), **how), in_memory(source, **how))
    folder = tmp_path / "competition"
    folder.mkdir()
    write(folder / "train.csv", [["id", "a", "b", "won"], *(row[:4] for row in rows[:60])])
    write(folder / "test.csv", [["id", "a", "b"], *(row[:3] for row in rows[60:])])
    write(folder / "sample_submission.csv", [["id", "won"], *([row[0], "0"] for row in rows[60:])])
    one = load(folder, cache=str(cache))
    assert one.submission == ("id", "won")
    assert one.splits["unlabelled"].ids == [str(i) for i in range(60, 90)]
    assert_same(one, in_memory(folder))


def test_columns_of_very_many_values_are_judged_by_rows_spread_evenly(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write(tmp_path / "sales.csv", sales())
    other = in_memory(source)
    monkeypatch.setattr(table_rows, "DISTINCT", 100)
    one = load(source, cache=str(cache))
    numbers = [[column for column in data.fit_input().spec()[0]["columns"] if column["name"] in ("size", "odd", "age")]
               for data in (one, other)]  # fmt: skip
    assert numbers[0] == numbers[1]  # numbers are exact however many there are
    assert np.array_equal(np.asarray(one.train.y), np.asarray(other.train.y))
    assert one.fingerprint == other.fingerprint
    reasons = {column["name"]: column["reason"] for column in inspect(one)["columns"]}
    assert reasons["note"].endswith(f"(judged by 100 of the {len(one.train):,} rows)")
    assert "judged" not in reasons["town"]
    with pytest.raises(TableError, match="the target 'note' holds more than 100 different texts, too many for classes"):
        load(source, cache=str(cache), target="note")


def test_rows_come_in_any_order_that_is_asked_for(tmp_path: Path, cache: Path) -> None:
    source = write(tmp_path / "sales.csv", sales())
    one, other = load(source, cache=str(cache)).train, in_memory(source).train
    assert isinstance(one.x, TableRows)
    assert isinstance(other.x, dict)
    order = np.random.default_rng(0).permutation(len(one))
    assert {name: list(cells) for name, cells in one.take(order).x.columns.items()} == other.take(order).x
    assert one.x.take(order)[3:9]["town"] == other.take(order[3:9]).x["town"]
    assert one.x.shape == (len(other), len(other.x))


def test_the_cells_are_read_once_and_again_when_the_file_has_changed(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write(tmp_path / "sales.csv", sales(300))
    first = load(source, cache=str(cache))
    with monkeypatch.context() as patch:
        patch.setattr(stored_table, "split", None)  # would fail if it were called
        assert load(source, cache=str(cache)).fingerprint == first.fingerprint
    (entry,) = cache.iterdir()
    with (entry / "cells").open("r+b") as file:
        file.write(b"damaged")
    assert load(source, cache=str(cache)).fingerprint == first.fingerprint
    write(source, sales(300, seed=1))
    os.utime(source, (1, 1))
    assert load(source, cache=str(cache)).fingerprint == in_memory(source).fingerprint != first.fingerprint


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a,b\n1,2\n" * 50 + "3\n", "line 101 has 1 fields but the first line has 2"),
        ("a,b\n1,2\n" * 50 + "3,\0\n", "line 101 holds a NUL byte"),
        ("a,b\n1,2\n" * 50 + '3,"4\n', "line 101 cannot be split into fields"),
        ("a,b\n", "line 1 names 2 columns, but no rows follow"),
        ("a,b\n1,2\n3,4x\n5,6\n1,2\n", "line 3: the target 'b' is '4x', but regression needs finite numbers"),
    ],
)
def test_a_file_that_is_no_sound_table_is_refused_with_its_line(
    tmp_path: Path, cache: Path, content: str, said: str
) -> None:
    source = tmp_path / "t.csv"
    source.write_text(content)
    with pytest.raises(TableError, match=said):
        load(source, cache=str(cache), task="regression" if "x" in content else None)
    assert not [entry for entry in cache.glob("*") if entry.suffix == ".tmp"]


def test_a_line_without_an_end_and_too_many_rows_are_refused(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write(tmp_path / "sales.csv", sales(300))
    with monkeypatch.context() as patch:
        patch.setattr(stored_table, "_LINE", 80)
        with pytest.raises(TableError, match="line 1 has 80 characters or more"):
            load(write(tmp_path / "long.csv", [["a" * 90, "b"], ["1", "2"]]), cache=str(cache))
    monkeypatch.setattr("mlp_data.storage.ROW", 1 << 20)
    with pytest.raises(OptionError, match=r"288M is too small for \d+ rows, even when they stay on disk"):
        load(source, cache=str(cache), max_memory="288M")


def test_a_cache_that_is_cut_short_while_it_is_read_is_told(tmp_path: Path, cache: Path) -> None:
    data = load(write(tmp_path / "sales.csv", sales(300)), cache=str(cache))
    (entry,) = cache.iterdir()
    os.truncate(entry / "cells", 100)
    with pytest.raises(DataError, match="was changed or cut short while it was read"):
        data.fit_input()
