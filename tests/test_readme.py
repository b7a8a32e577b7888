"""The README keeps its word: two commands that need no editing, and blocks that run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import readme_blocks

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands() -> list[str]:
    return [block.text for block in readme_blocks.blocks(README, "sh")]


@pytest.mark.parametrize("index", [0, 1])
def test_each_of_the_two_commands_is_one_line_with_nothing_to_edit(index):
    command = commands()[index]
    assert command.count("\n") == 1
    assert not re.search(r"<\w|\.\.\.|YOUR|path/to|~/|^\$ ", command)


def test_the_first_command_trains_and_the_second_runs_the_tests():
    first, second = commands()[:2]
    assert "mlp-train fit" in first
    assert "nox" not in first
    assert second.rstrip().endswith("nox")


def test_one_sentence_and_one_picture_come_before_the_first_command():
    before = README[: README.index("```sh")]
    paragraphs = [part for part in before.split("\n\n") if part.strip() and not part.startswith("#")]
    assert paragraphs[0].strip().endswith(".")
    assert len(re.findall(r"\.\s", paragraphs[0] + " ")) == 1
    assert before.count("![") == 1


def test_every_block_that_a_reader_may_copy_is_one_that_is_run():
    for page in readme_blocks.READMES:
        languages = {block.language for block in readme_blocks.blocks((ROOT / page).read_text(encoding="utf-8"))}
        assert languages <= {"sh", "python", "text"}, page


def test_a_block_is_found_with_its_language_and_line():
    text = "words\n\n```sh\nls\n```\n\n```text\nseen\n```\n\n```sh\npwd\ndate\n```\n"
    found = readme_blocks.blocks(text, "sh")
    assert [(block.text, block.line) for block in found] == [("ls\n", 3), ("pwd\ndate\n", 11)]
    assert [block.language for block in readme_blocks.blocks(text)] == ["sh", "text", "sh"]


def test_the_first_two_commands_are_given_twice_and_of_nox_its_lint_alone(tmp_path):
    for page in readme_blocks.READMES:
        (tmp_path / page).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / page).write_text("nothing to run\n", encoding="utf-8")
    (tmp_path / "README.md").write_text(
        "```sh\necho one >> said\n```\n```sh\necho >> said nox\n```\n```sh\necho three >> said\n```\n", encoding="utf-8"
    )
    readme_blocks.run(tmp_path)
    said = (tmp_path / "said").read_text(encoding="utf-8").splitlines()
    assert said == ["one", "one", "nox -s lint", "nox -s lint", "three"]


def test_running_stops_at_the_first_block_that_fails(tmp_path):
    for page in readme_blocks.READMES:
        (tmp_path / page).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / page).write_text("nothing to run\n", encoding="utf-8")
    (tmp_path / "README.md").write_text(
        "```sh\ntouch one\n```\n```sh\nfalse\ntouch two\n```\n```sh\ntouch three\n```\n", encoding="utf-8"
    )
    with pytest.raises(SystemExit, match=r"README\.md, line 4: the block ended with exit code 1"):
        readme_blocks.run(tmp_path)
    assert (tmp_path / "one").exists()
    assert not (tmp_path / "two").exists()
    assert not (tmp_path / "three").exists()
