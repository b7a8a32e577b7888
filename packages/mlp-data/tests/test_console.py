"""What is printed as a command can be typed as it stands, wherever the programs lie."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from mlp_data.console import called, command, python


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the two programs and a Python, in a project folder that is the working one."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / ".venv" / "bin"
    folder.mkdir(parents=True)
    for name in ("mlp-train", "mlp-data", "python"):
        (folder / name).touch(mode=0o755)
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    return folder


def test_a_program_that_the_shell_does_not_find_is_called_as_it_was(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", os.defpath)
    monkeypatch.setattr(sys, "argv", [".venv/bin/mlp-data", "inspect"])
    assert called("mlp-train") == str(Path(".venv/bin/mlp-train"))
    assert python() == str(Path(".venv/bin/python"))
    monkeypatch.setattr(sys, "argv", [str(installed / "mlp-train")])
    assert called("mlp-train") == str(installed / "mlp-train")
    monkeypatch.chdir(installed)
    monkeypatch.setattr(sys, "argv", ["./mlp-train"])
    assert called("mlp-train") == os.path.join(".", "mlp-train")  # noqa: PTH118  # the dot counts


def test_a_program_that_the_shell_finds_goes_by_its_name(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(installed))
    monkeypatch.setattr(sys, "argv", [str(installed / "mlp-train")])
    assert called("mlp-train") == "mlp-train"
    assert python() == "python"


def test_another_program_of_that_name_is_not_meant(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = installed.parent / "other"
    other.mkdir()
    (other / "mlp-train").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(other))
    monkeypatch.setattr(sys, "argv", [".venv/bin/mlp-train"])
    assert called("mlp-train") == str(Path(".venv/bin/mlp-train"))


def test_from_python_it_goes_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["-c"])
    assert called("mlp-train") == "mlp-train"


def test_paths_with_spaces_are_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.defpath)
    monkeypatch.setattr(sys, "argv", ["/my tools/mlp-train"])
    assert command("mlp-train", "fit", "a b.zip", plugins=["c d.py"]) == (
        "'/my tools/mlp-train' fit 'a b.zip' --plugin 'c d.py'"
    )
