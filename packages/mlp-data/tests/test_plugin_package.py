"""A package that declares an entry point brings a loader as soon as it is installed, and the command finds it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "mlp-data-shout"
version = "1.0"
"""
# A build backend of its own, after PEP 517 and PEP 427, so that building takes no other package and no network.
BACKEND = """
import zipfile

FILES = {
    "METADATA": "Metadata-Version: 2.1\\nName: mlp-data-shout\\nVersion: 1.0\\n",
    "WHEEL": "Wheel-Version: 1.0\\nGenerator: by-hand\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    "entry_points.txt": "[mlp_data.loaders]\\nshout = mlp_data_shout:load_shout\\n",
    "RECORD": "",
}


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    name = "mlp_data_shout-1.0-py3-none-any.whl"
    with zipfile.ZipFile(f"{wheel_directory}/{name}", "w") as wheel:
        wheel.write("mlp_data_shout.py")
        for file, text in FILES.items():
            wheel.writestr(f"mlp_data_shout-1.0.dist-info/{file}", text)
    return name
"""
MODULE = '''
"""Read files that begin with SHOUT: each line is a number and an answer."""

import mlp_data


def load_shout(source, options):
    first = source.members[0]
    if not first.head().startswith(b"SHOUT"):
        return None
    rows = [line.split() for line in first.read().decode().splitlines()[1:]]
    return mlp_data.from_arrays([[float(x)] for x, _ in rows], [y for _, y in rows], name=source.name)
'''


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the package with pip and install it where nothing else is."""
    project, target = tmp_path_factory.mktemp("project"), tmp_path_factory.mktemp("installed")
    (project / "pyproject.toml").write_text(PROJECT)
    (project / "mlp_data_shout.py").write_text(MODULE)
    (project / "backend.py").write_text(BACKEND)
    pytest.importorskip("pip", reason="installing a package takes pip")
    options = ["--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "install", *options, "--target", str(target), str(project)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return target


def inspected(path: Path, extra: Path | None) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(extra or ""), os.environ.get("PYTHONPATH")])),
    }
    code = "from mlp_data.cli import main; main()"
    command = [sys.executable, "-c", code, "inspect", "--json", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_an_installed_package_brings_its_loader(installed: Path, tmp_path: Path) -> None:
    path = tmp_path / "loud.txt"
    path.write_text("SHOUT\n" + "".join(f"{i} {'odd' if i % 2 else 'even'}\n" for i in range(20)))
    without = inspected(path, None)
    assert without.returncode == 3
    assert "no loader knows this data" in without.stderr
    done = inspected(path, installed)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["classes"] == {"even": {"train": 10}, "odd": {"train": 10}}


def test_other_data_are_read_as_before(installed: Path) -> None:
    assert json.loads(inspected(Path("xor"), installed).stdout)["splits"] == {"train": {"samples": 4, "shape": [2]}}
