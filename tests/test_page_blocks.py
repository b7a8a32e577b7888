"""Pages of the docs are typed as a reader would, and what comes out otherwise is noticed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import page_blocks
import pytest

PAGE = """\
Words.

```sh
echo 12 images
```

```text
34 images
```

<!-- not run: it needs a camera -->
```python
import picamera2
```

- within a list

  ```python
  x = 1
  ```

```text
seen, but not straight after a block that prints it
```
"""


def typed(text: str, folder: Path) -> subprocess.CompletedProcess[str]:
    page = folder / "page.md"
    page.write_text(text, encoding="utf-8")
    command = [sys.executable, page_blocks.__file__, str(page)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_blocks_come_with_what_stands_before_and_after_them(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(PAGE, encoding="utf-8")
    found = page_blocks.blocks(page)
    assert [(block.language, block.line, block.runs) for block in found] == [
        ("sh", 3, True), ("text", 7, False), ("python", 12, False), ("python", 18, True), ("text", 22, False)
    ]  # fmt: skip
    assert found[0].shown == "34 images\n"
    assert found[2].aside == "not run: it needs a camera"
    assert (found[3].text, found[3].shown) == ("x = 1\n", None)


def test_a_page_that_keeps_its_word_ends_well(tmp_path):
    done = typed(PAGE, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "12 images" in done.stdout


def test_python_is_one_session_in_the_folder_of_the_reader(tmp_path):
    blocks = (
        "```python\nx = 2\n```\n\n```sh\necho 3 > left\n```\n\n```python\n>>> x + int(open('left').read())\n5\n```\n"
    )
    assert typed(blocks, tmp_path).returncode == 0
    assert (tmp_path / "left").is_file()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("```sh\nfalse\ntouch left\n```\n", "page.md, line 1: the block ended with exit code 1"),
        ("\n```python\n1 / 0\n```\n\n```sh\ntouch left\n```\n", "page.md, line 2: the block ended with an exception"),
        ("```python\n>>> 1 + 1\n3\n```\n", "page.md, line 1: 1 of its examples answer otherwise"),
        ("```sh\necho no\n```\n\n```text\nyes\n```\n", "page.md, line 1: this is not what the page shows below it"),
    ],
)
def test_a_page_that_does_not_keep_its_word_says_where(text, says, tmp_path):
    done = typed(text, tmp_path)
    assert done.returncode == 1
    assert says in done.stderr
    assert not (tmp_path / "left").exists()


@pytest.mark.parametrize(
    ("shown", "printed", "fits"),
    [
        ("loss 0.5\n", "loss 0.4871\n", True),
        ("a  b\n0  .\n", "a   b\n12  3\n", True),  # a table with other numbers in it
        ("python -m x, 0:12 left\n", "python3 -m x, 1:02:03 left\n", True),
        ("first\n...\nlast\n", "first\nand\nmore\nlast\n", True),
        ("first\n...\nlast\n", "first\nand\nmore\n", False),
        ("float32\n", "float64\n", False),  # a number within a word is part of it
        ("right\n", "", False),
    ],
)
def test_numbers_may_differ_and_words_may_not(shown, printed, fits):
    assert page_blocks.alike(shown, printed) is fits
