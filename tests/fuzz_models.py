"""Load mutants of model files for a minute, and let atheris look where they do not go. `nox -s fuzz` runs this.

FUZZ_SECONDS sets how long (60), and FUZZ_FIRST the number of the first mutant (0): another number gives others.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ATTACKS = Path(__file__).resolve().parents[1] / "attacks"
SECONDS = float(os.environ.get("FUZZ_SECONDS", "60"))
FIRST = os.environ.get("FUZZ_FIRST", "0")


def run(tmp_path: Path, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ATTACKS / script), *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=10 * SECONDS + 300, cwd=tmp_path, check=False
    )


def test_mutants_with_a_right_digest_load_or_are_refused_at_a_small_price(tmp_path):
    done = run(tmp_path, "fuzz_models.py", "--seconds", str(SECONDS), "--first", FIRST, "--crashes", str(tmp_path))
    assert done.returncode == 0, done.stderr + done.stdout
    figures = json.loads(done.stdout)
    print(figures)
    assert figures["cases"] > 1000
    assert (
        figures["loaded"] > figures["cases"] / 100
    )  # else the mutants are too wild to reach what is behind the checks
    assert figures["different refusals"] > 150


def test_the_decoder_agrees_with_the_msgpack_package(tmp_path):
    done = run(tmp_path, "decoder.py", "--cases", "50000", "--first", FIRST)
    assert done.returncode == 0, done.stdout


def test_atheris_finds_nothing(tmp_path):
    if importlib.util.find_spec("atheris") is None:
        pytest.skip("atheris is not installed: pip install atheris, which has wheels for Linux")
    (tmp_path / "new").mkdir()
    seed = f"-seed={int(FIRST) % 2**31 + 1}"  # 0 would be another each time
    limits = (f"-max_total_time={max(1, int(SECONDS / 2))}", "-rss_limit_mb=1024", "-timeout=30")  # by the wall clock
    done = run(tmp_path, "atheris_target.py", seed, *limits, "new", str(ATTACKS / "corpus"))
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Done " in done.stderr
