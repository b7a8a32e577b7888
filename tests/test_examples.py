"""No example lies about: each is run by a test, or is what a block of the README reads."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import readme_blocks

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = sorted(path for path in (ROOT / "examples").iterdir() if path.suffix != ".pyc" and path.is_file())
TESTS = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "tests").glob("test_examples_*.py")))
PAGE = (ROOT / "README.md").read_text(encoding="utf-8")
README = "".join(block.text for block in readme_blocks.blocks(PAGE, "sh", "python"))
COMMANDS = "".join(block.text for block in readme_blocks.blocks(PAGE))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_every_example_is_run_by_a_test_or_by_the_readme(example):
    named = re.compile(rf"(?<![\w.]){re.escape(example.name)}\b|\"{re.escape(example.stem)}\"")
    assert named.search(TESTS if example.suffix == ".py" else TESTS + README), (
        f"no tests/test_examples_*.py runs examples/{example.name}"
    )


@pytest.mark.parametrize("example", [path for path in EXAMPLES if path.suffix == ".py"], ids=lambda path: path.name)
def test_every_example_begins_with_what_it_is_and_how_it_is_run(example):
    said = ast.get_docstring(ast.parse(example.read_text(encoding="utf-8"))) or ""
    assert said.splitlines()[0].rstrip().endswith((".", ":", "?")), said
    assert example.stem in said + COMMANDS, "its first lines, or the README, say which command runs it"
