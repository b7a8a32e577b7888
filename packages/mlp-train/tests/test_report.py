"""The page of a run: whole, safe whatever things are called, and never a reason to lose a run."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlp_train.report import png
from mlp_train.report.collect import Values

Run = Callable[..., Any]
EVIL = "<script>alert(1)</script>"
QUICK = ("--epochs", "2", "--seed", "1", "--hidden", "8")


def page(path: str = "run/report.html") -> str:
    return Path(path).read_text(encoding="utf-8")


@pytest.mark.parametrize("sample", ["digits", "titanic", "xor"])
def test_fit_leaves_one_page_that_needs_nothing_from_elsewhere(mlp_train: Run, sample: str) -> None:
    assert mlp_train("fit", sample, *QUICK, "--out", "run").code == 0
    text = page()
    assert "<script" not in text
    assert not re.search(r"(?:src|href)=[\"'](?!data:)", text)
    assert len(text) < 300_000
    for heading in ("Hints", "How it learned", "Settings", "Made with", "Repeat it, use it"):
        assert f">{heading}</h2>" in text


def test_names_of_strangers_are_escaped_everywhere(mlp_train: Run) -> None:
    rows = "\n".join(f"{i % 7},{EVIL if i % 2 else 'b'},{EVIL if i % 3 else 'no'}" for i in range(80))
    Path("bad.csv").write_text(f"{EVIL},kind,answer\n{rows}\n", encoding="utf-8")
    assert mlp_train("fit", "bad.csv", "--target", "answer", *QUICK, "--name", EVIL, "--out", "run").code == 0
    text = page()
    assert "<script" not in text
    assert "&lt;script&gt;" in text


def test_a_page_that_is_passed_on_tells_no_folders(mlp_train: Run) -> None:
    folder = Path("whose").resolve()
    folder.mkdir()
    (folder / "rows.csv").write_text("a,b,answer\n" + "\n".join(f"{i % 5},{i % 3},{i % 2}" for i in range(80)))
    plugin = folder / "own.py"
    plugin.write_text("# nothing of its own\n", encoding="utf-8")
    given = ("--target", "answer", "--columns", "a=category", "--columns", "b=category", "--plugin", str(plugin))
    with zipfile.ZipFile(folder / "rows.zip", "w") as archive:
        archive.write(folder / "rows.csv", "rows.csv")
    assert mlp_train("fit", str(folder / "rows.zip"), *given, *QUICK, "--out", "run").code == 0
    assert mlp_train("report", "run", "--out", "again.html").code == 0
    for text in (page(), page("again.html")):
        assert "rows.zip" in text
        assert str(folder) not in text
    assert "--columns a=category --columns b=category" in text  # as one has to type it


def test_no_report_is_written_where_nobody_wants_one(mlp_train: Run) -> None:
    assert mlp_train("fit", "xor", *QUICK, "--out", "run", "--no-report").code == 0
    assert not Path("run/report.html").exists()


def test_a_report_that_fails_costs_a_sentence_and_not_the_run(mlp_train: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by accident")

    monkeypatch.setattr("mlp_train.report.write", broken)
    answer = mlp_train("fit", "xor", *QUICK, "--out", "run")
    assert answer.code == 0
    assert Path("run/model.mlp").is_file()
    assert "warning: the report could not be written (by accident)" in answer.err


def test_the_report_of_a_run_can_be_made_again_and_elsewhere(mlp_train: Run) -> None:
    mlp_train("fit", "xor", *QUICK, "--out", "run", "--no-report")
    answer = mlp_train("report", "run", "--out", "page.html")
    assert answer.out == "page.html\n"
    assert "Repeat it" in page("page.html")


def test_without_its_data_the_page_has_what_the_run_wrote(mlp_train: Run) -> None:
    Path("data.csv").write_text("a,b\n" + "\n".join(f"{i % 7},{i % 2}" for i in range(80)) + "\n")
    mlp_train("fit", "data.csv", "--target", "b", *QUICK, "--out", "run")
    Path("data.csv").unlink()
    answer = mlp_train("report", "run")
    assert answer.code == 0
    assert "without what needs the data" in answer.err
    assert "The data were not at hand" in page()


def test_hints_are_said_logged_and_shown(mlp_train: Run) -> None:
    answer = mlp_train("fit", "titanic", "--epochs", "4", "--lr", "10", "--out", "run")
    assert "hint: learning rate too high: " in answer.err
    assert "try --lr 0.003" in answer.err
    assert '"event":"Hinted"' in Path("run/metrics.jsonl").read_text()
    assert "Learning rate too high" in page()


def test_a_long_log_is_gone_through_a_few_times_and_not_once_an_epoch(
    mlp_train: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert mlp_train("fit", "xor", "--epochs", "60", "--hidden", "2", "--out", "run").code == 0
    asked: list[str] = []
    of = Values.of
    monkeypatch.setattr(Values, "of", lambda values, kind: asked.append(kind) or of(values, kind))
    done = mlp_train("report", "run")
    assert done.code == 0, done.err
    assert 0 < asked.count("EpochEnd") < 15


def test_a_picture_is_a_png_that_opencv_reads_back() -> None:
    import base64

    import cv2

    pixels = np.random.default_rng(0).integers(0, 256, (20, 30), dtype=np.uint8)
    data = base64.b64decode(png.frame(pixels).partition(",")[2])
    read = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(read, pixels)
