"""`mlp-train runs`: a table of runs, also of broken ones, and two of them on one page."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Run = Callable[..., Any]
QUICK = ("--epochs", "2", "--hidden", "8", "--no-report")


def two(mlp_train: Run) -> None:
    for seed in ("1", "2"):
        assert mlp_train("fit", "titanic", *QUICK, "--seed", seed, "--out", f"runs/{seed}").code == 0


def test_runs_are_sorted_by_the_figure_that_was_asked_for(mlp_train: Run) -> None:
    two(mlp_train)
    for figure, best in (("accuracy", max), ("log_loss", min)):
        found = json.loads(mlp_train("runs", "--sort", figure, "--json").out)["runs"]
        values = [run["figures"][figure] for run in found]
        assert values[0] == best(values)


def test_a_broken_run_is_named_and_hides_no_other(mlp_train: Run) -> None:
    two(mlp_train)
    Path("runs/1/metrics.jsonl").write_text("no JSON\n")
    Path("runs/notes").mkdir()
    answer = mlp_train("runs")
    assert answer.code == 0
    assert "broken" in answer.out
    assert "finished" in answer.out
    assert "notes" not in answer.out
    assert "note: 1: " in answer.err


def test_an_unknown_figure_is_refused_with_the_nearest(mlp_train: Run) -> None:
    two(mlp_train)
    answer = mlp_train("runs", "--sort", "acuracy")
    assert answer.code == 2
    assert "did you mean 'accuracy'?" in answer.err


def test_two_runs_are_compared_on_one_page(mlp_train: Run) -> None:
    two(mlp_train)
    assert mlp_train("runs", "compare", "runs/1", "runs/2", "--out", "both.html").out == "both.html\n"
    text = Path("both.html").read_text(encoding="utf-8")
    assert "What was set otherwise" in text
    assert "rows that both runs held out" in text
    assert "<script" not in text


def test_no_folder_of_runs_is_one_sentence(mlp_train: Run) -> None:
    assert "there is no such folder of runs" in mlp_train("runs").err
