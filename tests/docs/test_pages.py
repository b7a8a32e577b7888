"""Whoever types what the docs show gets what they show."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import page_blocks
import pytest
from markdown_pages import ROOT

TUTORIAL = sorted(ROOT.glob("docs/tutorial/*.md"))
APART = ("raspberry-pi.md",)  # runs as on a device: tests/test_raspberry_page.py
PAGES = [
    page
    for page in sorted(ROOT.glob("docs/**/*.md"))
    if page not in TUTORIAL and page.name not in APART and any(block.runs for block in page_blocks.blocks(page))
]
LINKED = ("attacks", "benchmarks", "docs", "examples", "packages", "tests")


@pytest.fixture
def clone(tmp_path) -> Path:
    """A folder like a fresh clone of the project, in which the pages may leave what they make."""
    for name in LINKED:
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    return tmp_path


def type_all(pages: list[Path], folder: Path) -> None:
    active = {**os.environ, "PATH": f"{sys.prefix}/bin{os.pathsep}{os.environ['PATH']}", "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-W", "error", page_blocks.__file__, *map(str, pages)]
    done = subprocess.run(
        command, cwd=folder, env=active, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_blocks_of_a_page_run_and_print_what_it_shows(page, clone):
    type_all([page], clone)


def test_the_tutorial_runs_from_its_first_page_to_its_last_in_one_folder(clone):
    assert len(TUTORIAL) == 4
    type_all(TUTORIAL, clone)
    shown, made = (cv2.imread(str(path)) for path in (ROOT / "docs/images/preview.png", clone / "preview.png"))
    assert np.abs(shown.astype(int) - made).mean() < 2  # grey levels
