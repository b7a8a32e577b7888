"""The pictures and tables of docs/learn show what the project's own functions give.

That the blocks of these pages run, and print what stands below them, is what tests/docs/test_pages.py sees.
"""

from __future__ import annotations

import importlib
import json
import math
import re
import subprocess
import sys
from pathlib import Path
from statistics import mean
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

import page_blocks
import pytest

ROOT = Path(__file__).resolve().parents[1]
IMAGES, LEARN = ROOT / "docs" / "images", ROOT / "docs" / "learn"
KEPT = json.loads((IMAGES / "learning.json").read_text(encoding="utf-8"))
PICTURES = ("numerics", "initialisation", "optimizers", "batches", "gradient-checking")


@pytest.fixture
def script(monkeypatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(IMAGES))
    return importlib.import_module("draw_learning")


@pytest.fixture
def data(monkeypatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(IMAGES))
    return importlib.import_module("learning_data")


def flat(part: Any) -> list[Any]:
    """Return every number of nested dicts and lists, in order."""
    if isinstance(part, dict):
        return [number for key in sorted(part) for number in flat(part[key])]
    return [number for one in part for number in flat(one)] if isinstance(part, list) else [part]


@pytest.mark.parametrize("name", ["numerics", "initialisation", "noise"])
def test_the_numbers_of_a_picture_are_those_that_the_functions_give(data, name):
    for kept, now in zip(flat(KEPT[name]), flat(data.short(data.QUICK[name]())), strict=True):
        assert (kept is None) == (now is None)
        assert kept is None or now == pytest.approx(kept, rel=1e-3, abs=0)  # some are very small


def test_the_errors_of_finite_differences_are_of_the_size_that_the_picture_shows(data):
    kept, now = KEPT["gradient-checking"], data.short(data.gradient_checking())
    assert now["step"] == kept["step"]
    for way in ("forward", "central", "fourth order", "fourth order, float32"):
        for h, one, other in zip(kept["step"], kept[way], now[way], strict=True):
            assert abs(math.log10(one / other)) < 1.5, (way, h)  # where rounding rules, it is noise
    lowest = {way: min(kept[way]) for way in kept if way != "step"}
    assert lowest["fourth order"] < lowest["central"] < lowest["forward"] < lowest["fourth order, float32"]


def test_a_training_of_the_pictures_comes_out_again(data):
    kept, now = KEPT["optimizers"]["sgd"][0], data.training(0, optimizer="sgd")
    assert now["loss"][-1] == pytest.approx(kept["loss"][-1], abs=0.03)  # another processor may round otherwise
    assert now["accuracy"][-1] == pytest.approx(kept["accuracy"][-1], abs=0.02)


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_was_drawn_of_the_numbers_that_are_kept(script, name):
    drawn = (IMAGES / f"learning-{name}.svg").read_text(encoding="utf-8")
    assert f"data {script.digest(KEPT, name)}" in drawn, "draw again: python docs/images/draw_learning.py"
    assert len(drawn) < 80_000


def test_the_script_draws_every_picture(tmp_path):
    pytest.importorskip("matplotlib")
    command = [sys.executable, str(IMAGES / "draw_learning.py"), "--out", str(tmp_path)]
    subprocess.run(command, capture_output=True, text=True, check=True)
    for name in PICTURES:
        words = "".join(ElementTree.parse(tmp_path / f"learning-{name}.svg").getroot().itertext())
        assert "nan" not in re.findall(r"[a-z]+", words)
    assert "lbfgs" in "".join(ElementTree.parse(tmp_path / "learning-optimizers.svg").getroot().itertext())


@pytest.mark.parametrize("page", sorted(LEARN.glob("*.md")), ids=lambda page: page.stem)
def test_no_block_of_these_pages_is_left_out_of_what_runs(page):
    assert [block.line for block in page_blocks.blocks(page) if block.aside] == []


def rows(page: str, heading: str) -> list[list[str]]:
    """Return the cells of the table whose first line begins with `heading`."""
    lines = iter((LEARN / page).read_text(encoding="utf-8").splitlines())
    found = []
    for line in lines:
        if line.startswith(heading):
            next(lines)
            for row in lines:
                if not row.startswith("|"):
                    return found
                found.append([cell.strip().strip("`") for cell in row.strip("|").split("|")])
    return found


def test_the_table_of_optimizers_has_the_numbers_that_are_kept():
    table = {name: cells for name, *cells in rows("optimizers.md", "| optimizer | lr | loss after 5 epochs")}
    assert set(table) == set(KEPT["optimizers"])
    for name, (_, early, late, accuracy) in table.items():
        runs = KEPT["optimizers"][name]
        assert early == f"{mean(run['loss'][4] for run in runs):.3f}"
        last = [run["loss"][-1] for run in runs]
        assert late == f"{mean(last):.3f} ({min(last):.3f} to {max(last):.3f})"
        assert accuracy == f"{mean(run['accuracy'][-1] for run in runs):.3f}"


def test_the_table_of_batches_has_the_numbers_that_are_kept(script):
    table = {size: cells for size, *cells in rows("batches.md", "| batch | best lr")}
    assert set(table) == set(KEPT["batches"])
    for size, (rate, steps, loss, accuracy, seconds) in table.items():
        found, runs = script.best(KEPT["batches"][size])
        assert rate == found
        assert int(steps.replace(",", "")) == 15 * math.ceil(5400 / (5400 if size == "full" else int(size)))
        assert loss == f"{mean(run['loss'][-1] for run in runs):.3f}"
        assert accuracy == f"{mean(run['accuracy'][-1] for run in runs):.3f}"
        assert seconds == f"{mean(run['seconds'] for run in runs):.1f}"


def test_the_figures_of_the_comparison_are_on_the_page_that_they_come_from():
    said = (LEARN / "comparisons.md").read_text(encoding="utf-8")
    measured = (ROOT / "docs" / "accuracy.md").read_text(encoding="utf-8")
    figures = re.findall(r"\b\d{3}\.\d\b|\b0\.\d{4}\b", said)
    assert len(figures) >= 4
    assert [figure for figure in figures if figure not in measured] == []
