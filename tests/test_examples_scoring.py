"""A model answers where the rows are: in Dask, for a table that exceeds the memory, and in batches of Ray and Spark."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import page_blocks
import pytest

import mlp_data
import mlp_runtime
import mlp_train

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "examples" / "dask_scoring.py"
MEGABYTE = 1_000_000
CAP, TABLE = 320 * MEGABYTE, 345 * MEGABYTE
# A process that may have so much data of its own; mapped files and code do not count.
LIMITED = """
import resource, runpy, sys
resource.setrlimit(resource.RLIMIT_DATA, ({cap}, {cap}))
try:
    {what}
finally:  # ru_maxrss would begin with what pytest, which started this, had taken
    with open("/proc/self/status") as status:
        print("peak", *(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:")))
"""
SMALL_RESERVES = {"ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "2", "OPENBLAS_NUM_THREADS": "1"}


def limited(what: str, *arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a line of Python with the cap."""
    code = LIMITED.format(cap=CAP, what=what)
    settings = {**os.environ, **SMALL_RESERVES}
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=settings, text=True, capture_output=True, check=False)


@pytest.fixture(scope="module")
def page() -> dict:
    """What the blocks of docs/scoring.md define, as far as they need nothing else."""
    namespace: dict = {}
    for block in page_blocks.blocks(ROOT / "docs" / "scoring.md"):
        if block.runs and "mlp_train" not in block.text:  # a test has a model already
            exec(block.text, namespace)
    return namespace


@pytest.fixture(scope="module")
def wide(tmp_path_factory) -> Iterator[Path]:
    """A folder with a model of 30 columns, a small table of them, and one that is larger than the cap."""
    folder = tmp_path_factory.mktemp("wide")
    generator = np.random.default_rng(0)
    x = generator.normal(size=(4000, 30)).round(4)
    colours = generator.choice(["red", "green", "blue"], len(x))
    names = ",".join([*(f"x{i}" for i in range(30)), "colour"])
    rows = [",".join([*map(str, row), colour]) for row, colour in zip(x.tolist(), colours, strict=True)]
    classes = np.where((x[:, 0] > 0) ^ (colours == "red"), "yes", "no")
    body = "\n".join(rows) + "\n"
    answered = "\n".join(f"{row},{label}" for row, label in zip(rows, classes, strict=True))
    (folder / "train.csv").write_text(f"{names},target\n{answered}\n")
    (folder / "small.csv").write_text(f"{names}\n{body}")
    mlp_train.fit(mlp_data.load(folder / "train.csv"), epochs=3, hidden=(16,), seed=0).save(folder / "model.mlp")
    with (folder / "large.csv").open("w") as file:
        file.write(names + "\n")
        for _ in range(TABLE // len(body) + 1):
            file.write(body)
    yield folder
    (folder / "large.csv").unlink()  # pytest keeps the folders of some runs


@pytest.mark.skipif(find_spec("dask") is None, reason="needs Dask: nox -s scale")
@pytest.mark.skipif(sys.platform != "linux", reason="limits memory as Linux does")
def test_dask_answers_for_a_table_that_exceeds_the_memory(wide):
    size = (wide / "large.csv").stat().st_size
    assert size > CAP
    at_once = limited("import pandas; pandas.read_csv(sys.argv[1])", "large.csv", cwd=wide)
    assert at_once.returncode != 0, "the cap is no cap"
    assert "MemoryError" in at_once.stderr or "out of memory" in at_once.stderr, at_once.stderr[-500:]

    run = "sys.argv[0] = sys.argv.pop(1); runpy.run_path(sys.argv[0], run_name='__main__')"
    done = limited(run, EXAMPLE, "model.mlp", "large.csv", "answers", "2MB", cwd=wide)
    assert done.returncode == 0, done.stderr
    said, peak = done.stdout.splitlines()
    print(f"a table of {size / MEGABYTE:.0f} MB: {said}, peak of {int(peak.split()[1]) / MEGABYTE:.0f} MB")
    assert int(peak.split()[1]) < CAP

    model, small = mlp_runtime.load(wide / "model.mlp"), np.genfromtxt(wide / "small.csv", str, delimiter=",")
    expected = model.predict(dict(zip(small[0], small[1:].T, strict=True)))
    files = sorted((wide / "answers").iterdir())
    found = np.concatenate([np.loadtxt(file, str, skiprows=1) for file in files])
    assert len(found) % len(expected) == 0
    assert (found.reshape(-1, len(expected)) == expected).all()
    assert set(expected) == {"yes", "no"}


def test_the_plain_function_takes_batches_as_ray_makes_them(page, titanic_model):
    cells = mlp_data.load("titanic").train.x
    expected = mlp_runtime.load(titanic_model).predict(cells)
    batch = {name: np.array(column, object) for name, column in cells.items()}
    batch |= {"Age": np.array([float(age or "nan") for age in cells["Age"]]), "more": np.arange(len(expected))}
    found = page["Answers"](str(titanic_model))(batch)
    assert found.keys() == {*batch, "answer"}
    assert (found["answer"] == expected).all()


def test_the_plain_function_takes_frames_as_spark_makes_them(page, titanic_model, tmp_path, monkeypatch):
    pandas = pytest.importorskip("pandas", reason="needs pandas: nox -s scale")
    (tmp_path / "titanic.mlp").write_bytes(titanic_model.read_bytes())
    monkeypatch.chdir(tmp_path)
    cells = mlp_data.load("titanic").train.x
    expected = mlp_runtime.load(titanic_model).predict(cells)
    frame = pandas.DataFrame({name: [cell or None for cell in column] for name, column in cells.items()})
    frame["Age"] = pandas.to_numeric(frame["Age"])
    frames = list(page["with_answers"](iter([frame[:100], frame[100:]])))
    assert [len(one) for one in frames] == [100, len(expected) - 100]
    assert (pandas.concat(frames)["answer"] == expected).all()
    assert (page["answers"](frame, "titanic.mlp") == expected).all()


def test_a_column_that_is_missing_is_named(page, titanic_model):
    with pytest.raises(KeyError, match="Sex"):
        page["answers"]({"Pclass": np.array([1]), "Name": np.array(["Miss"])}, str(titanic_model))
