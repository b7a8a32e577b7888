"""The page about the Raspberry Pi can be copied and pasted: its blocks run, and the system's NumPy stays in sight."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import raspberry_blocks
import readme_blocks

ROOT = Path(__file__).resolve().parents[1]
TEXT = raspberry_blocks.PAGE.read_text(encoding="utf-8")
SHELL = [line for block in readme_blocks.blocks(TEXT, "sh") for line in block.text.splitlines()]


@pytest.fixture
def model_here(digits_model, tmp_path):
    shutil.copyfile(digits_model, tmp_path / "model.mlp")
    return tmp_path


@pytest.mark.parametrize(
    "arguments", raspberry_blocks.commands(TEXT), ids=lambda arguments: arguments[-1].strip()[-30:]
)
def test_what_the_page_asks_of_python_works_on_a_device(arguments, device_python, model_here):
    done = subprocess.run([device_python, *arguments], cwd=model_here, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_the_drawn_seven_is_read_as_one(device_python, model_here):
    drawn = next(words[1] for words in raspberry_blocks.commands(TEXT) if "slanted" in words[1])
    done = subprocess.run([device_python, "-c", drawn], cwd=model_here, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("[('7'"), done.stdout


def test_every_command_is_one_of_a_known_kind():
    known = (
        r"sudo apt install -y( python3-\w+)+",
        r"python3 -m venv --system-site-packages ~/mlp",
        r"~/mlp/bin/pip install mlp-runtime",
        r"scp workstation:runs/digits/model\.mlp model\.mlp",
        r"~/mlp/bin/python -m mlp_runtime (info|bench) model\.mlp",
        r"OPENBLAS_NUM_THREADS=1 ~/mlp/bin/python pi_camera\.py model\.mlp",
        r"sudo systemctl enable --now camera",
    )
    for line in SHELL:
        assert any(re.fullmatch(one, line) for one in known), line
    assert "--break-system-packages" not in TEXT


def test_the_environment_of_the_page_keeps_the_numpy_that_is_there(tmp_path):
    """A system with NumPy is imitated by an environment; pip must find NumPy there and install the runtime alone."""
    (command,) = (line for line in SHELL if " -m venv " in line)
    home = tmp_path / "mlp"
    options = command.split(" -m venv ")[1].replace("~/mlp", str(home)).split()
    subprocess.run([sys.executable, "-m", "venv", *options], check=True)
    # An environment of an environment sees the packages of the Python below both: those of ours stand in for apt's.
    (packages,) = home.glob("lib/python*/site-packages")
    (packages / "system.pth").write_text(f"{Path(np.__file__).parents[1]}\n", encoding="utf-8")
    pip = [str(home / "bin" / "python"), "-m", "pip", "install", "--dry-run", "--no-index", "-q", "--report", "-"]
    done = subprocess.run([*pip, "numpy>=1.24"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert '"install": []' in done.stdout
