"""Fixtures for this package's tests."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mlp_train.cli import app

sys.path.insert(0, str(Path(__file__).parent))  # so that the tests can import export_models

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the checkout; tests that need it skip where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("the folder of real data, ../shared/data, is not beside this checkout")
    return SHARED


@dataclass(frozen=True)
class Answer:
    """What a command line gave: its exit code, its stdout and its stderr."""

    code: int
    out: str
    err: str


@pytest.fixture
def mlp_train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Answer]:
    """Run command lines of `mlp-train` in this process, in an empty folder and without settings from outside."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("MLP_TRAIN_")]:
        monkeypatch.delenv(name)

    def run(*arguments: object) -> Answer:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        return Answer(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture(scope="session")
def command() -> list[str]:
    """How a test starts `mlp-train` as a process of its own."""
    return [sys.executable, "-c", "from mlp_train.cli import main; main()"]
