"""The example for learners prints the numbers that docs/backprop.md works out, and learns what it says it learns."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def run_example() -> str:
    command = [sys.executable, str(ROOT / "examples" / "backprop_by_hand.py")]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?\d+\.\d+", text)]


def worked_out(name: str, page: str) -> list[float]:
    """Return the numbers behind the last `=` of the line that works out `name` in the page's example."""
    line = re.search(rf"^(?:forward|backward)? +{re.escape(name)} +=.*$", page, re.MULTILINE)
    assert line, name
    return numbers(line[0].rsplit("= ", 1)[-1])


def test_the_numbers_of_the_page_are_those_that_backward_computes():
    page = (ROOT / "docs" / "backprop.md").read_text(encoding="utf-8")
    printed = run_example()
    for name in ("a[1]", "a[2]", "L", "d_z[1]", "d_weight[1]", "d_a[1]", "d_z[0]", "d_weight[0]", "d_bias[0]"):
        shown = re.search(rf"(?:^| ){re.escape(name)} = (.*?)(?=  [a-zL]|$)", printed, re.MULTILINE)
        assert shown, (name, printed)
        assert numbers(shown[1]) == worked_out(name, page), name


def test_the_loop_learns_xor():
    answers = run_example().rsplit("answers", 1)[1]
    assert [round(float(number)) for number in re.findall(r"\d+\.\d*", answers)] == [0, 1, 1, 0]
