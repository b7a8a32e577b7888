"""Training on a table that stays on disk is training on the same rows, in little memory, whatever the command."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mlp_data
from mlp_data import stored_table
from mlp_data.storage import Storage
from mlp_data.table_rows import TableRows
from mlp_train import train
from mlp_train.checkpoints import Checkpoint

CAP = 300 << 20

Run = Callable[..., Any]


@pytest.fixture
def tight(monkeypatch: pytest.MonkeyPatch) -> None:
    """No table fits in memory, and its rows come in groups of a few dozen."""
    monkeypatch.setattr(Storage, "fits_table", lambda self, content: False)
    monkeypatch.setattr(stored_table, "_CELLS", 300)


def orders(path: Path, count: int, more: int = 0) -> Path:
    """Write orders that come late or not by distance and carrier, some cells missing, with `more` columns of noise."""
    rng = np.random.default_rng(3)
    with path.open("w") as file:
        file.write(",".join(["km", "carrier", "ordered", *(f"noise{i}" for i in range(more)), "late"]) + "\n")
        for _ in range(count):
            km, slow = rng.uniform(1, 900), rng.random() < 0.5
            cells = ["" if rng.random() < 0.05 else f"{km:.1f}", "post" if slow else "express"]
            cells += [f"2026-{rng.integers(1, 13):02}-{rng.integers(1, 29):02}"]
            cells += [f"{value:.12f}" for value in rng.normal(size=more)]
            file.write(",".join([*cells, "yes" if km + 300 * slow > 600 else "no"]) + "\n")
    return path


def test_one_step_of_all_rows_is_the_one_that_it_is_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = orders(tmp_path / "orders.csv", 400)
    in_memory = mlp_data.load(source)
    monkeypatch.setattr(Storage, "fits_table", lambda self, content: False)
    on_disk = mlp_data.load(source, cache=str(tmp_path / "cache"))
    assert isinstance(on_disk.train.x, TableRows)
    options = {"batch_size": "full", "epochs": 1, "hidden": (8,), "dtype": "float64"}
    results = [list(train(data, **options))[-1].result for data in (on_disk, in_memory)]
    assert np.allclose(*(result.network.flat for result in results), rtol=0, atol=1e-9)
    assert results[0].metrics["valid"] == pytest.approx(results[1].metrics["valid"])


@pytest.mark.usefixtures("tight")
def test_training_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    data = mlp_data.load(orders(tmp_path / "orders.csv", 400), cache=str(tmp_path / "cache"))
    saved: list[Checkpoint] = []
    *_, whole = train(data, epochs=3, hidden=(16,), seed=5, checkpoint=saved.append)
    *_, resumed = train(data, epochs=3, hidden=(16,), seed=5, resume=saved[0])
    assert resumed.result.to_bytes() == whole.result.to_bytes()


@pytest.mark.usefixtures("tight")
def test_every_command_takes_a_table_that_stays_on_disk(
    mlp_train: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders(tmp_path / "orders.csv", 600)
    cache = ("--cache", "cache")
    done = mlp_train("fit", "orders.csv", *cache, "--epochs", "40", "--hidden", "16", "--out", "run")
    assert done.code == 0, done.err
    assert "a table, 3 columns, 2 classes" in done.err
    kept_out = mlp_train("evaluate", "run/model.mlp", "orders.csv", *cache, "--json")
    figures = json.loads(kept_out.out)
    assert figures["samples"] == 60
    assert figures["accuracy"] > 0.85
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    told = mlp_train("inspect", "orders.csv", "--json")
    assert told.code == 0, told.err


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is told in units of its own elsewhere")
def test_a_table_is_trained_on_below_the_memory_that_it_may_take(command: list[str], tmp_path: Path) -> None:
    source = orders(tmp_path / "orders.csv", 40_000, more=32)  # 21 MB, of which the cells alone would take 200 MB
    limited = (
        "import resource, subprocess, sys; cap = int(sys.argv[1]);"
        "resource.setrlimit(resource.RLIMIT_DATA, (cap, cap)); subprocess.run(sys.argv[2:], check=True);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)"
    )
    fit = ["fit", str(source), "--epochs", "1", "--hidden", "16", "--max-memory", "300M", "--cache", "cache"]
    run = [sys.executable, "-c", limited, str(CAP), *command, *fit, "--out", "run", "--json", "--batch-size", "128"]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stderr.splitlines()[-1]) << 10 < CAP
    assert json.loads(done.stdout)["metrics"]["valid"]["accuracy"] > 0.85
    (entry,) = (tmp_path / "cache").iterdir()
    assert (entry / "cells").stat().st_size > 20_000_000
