"""Run what the pages of docs/ show, as a reader would who types it all: `python page_blocks.py PAGE...`, right here.

Blocks in `sh` and `python` run in order, Python's in one session a page. A block in `text` straight after one that ran
is what it prints: words must be the same, numbers may differ, `...` stands for what is left out. A comment before a
block says why it does not run, `<!-- not run: it needs a camera -->`, or that a test compares it with the source,
`<!-- quoted from MODULE: NAME -->`.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import re
import subprocess
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markdown_it.token import Token
from markdown_pages import ROOT, tokens

RUN = ("sh", "python")
SHOWN = "text"
LEFT_OUT = re.compile(r"<!-- (not run: .+|quoted from .+) -->\s*")
NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:[.,:]\d+)*(?:e[-+]?\d+)?|(?<=\s)\.(?=\s)")  # a lone dot is a 0 in a table
PYTHON = re.compile(r"\bpython3\b")  # an environment has it by both names
ALIKE = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@dataclass(frozen=True)
class Block:
    """One fenced block of a page; `aside` is the comment before it and `shown` the output that follows it, if any."""

    language: str
    text: str
    line: int
    aside: str = ""
    shown: str | None = None

    @property
    def runs(self) -> bool:
        """Whether a reader can type it as it stands."""
        return self.language in RUN and not self.aside


def blocks(page: Path) -> list[Block]:
    """List the fenced blocks of a page."""
    return [_block(around) for around in _windows(tokens(page)) if around[1].type == "fence"]


def _windows(found: Sequence[Token]) -> list[tuple[Token | None, Token, Token | None]]:
    return list(zip([None, *found[:-1]], found, [*found[1:], None], strict=True))


def _block(around: tuple[Token | None, Token, Token | None]) -> Block:
    before, block, after = around
    aside = LEFT_OUT.fullmatch(before.content) if before is not None and before.type == "html_block" else None
    shown = after.content if after is not None and after.type == "fence" and after.info == SHOWN else None
    line = block.map[0] + 1 if block.map else 0
    return Block(block.info, block.content, line, aside[1] if aside else "", shown)


def run(page: Path) -> None:
    """Run the blocks of one page in the current folder, and leave at the first that fails."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    name = page.relative_to(ROOT) if page.is_relative_to(ROOT) else page.name
    for block in blocks(page):
        if not block.runs:
            continue
        where = f"{name}, line {block.line}"
        print(f"\n--- {where}\n{block.text}", flush=True)
        start = time.perf_counter()
        printed, problem = _shell(block) if block.language == "sh" else _python(block, where, namespace)
        print(f"{printed}({time.perf_counter() - start:.1f} s)", flush=True)
        if problem:
            sys.exit(f"{where}: {problem}")
        if block.shown is not None and not alike(block.shown, printed):
            sys.exit(f"{where}: this is not what the page shows below it:\n{block.shown}")


def _shell(block: Block) -> tuple[str, str]:
    done = subprocess.run(
        ["sh", "-e"], input=block.text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return done.stdout, f"the block ended with exit code {done.returncode}" if done.returncode else ""


def _python(block: Block, where: str, namespace: dict[str, Any]) -> tuple[str, str]:
    """Run a block in the session of its page: as it is, or, where it has `>>>`, with what that prints compared."""
    heard, problem = io.StringIO(), ""
    with contextlib.redirect_stdout(heard), contextlib.redirect_stderr(heard):
        if ">>> " in block.text:
            test = doctest.DocTestParser().get_doctest(block.text, namespace, where, where, block.line)
            wrong = doctest.DocTestRunner(optionflags=ALIKE).run(test, clear_globs=False).failed
            namespace.update(test.globs)
            problem = f"{wrong} of its examples answer otherwise" if wrong else ""
        else:
            try:
                exec(compile("\n" * block.line + block.text, str(where), "exec"), namespace)
            except Exception:
                traceback.print_exc()
                problem = "the block ended with an exception"
    return heard.getvalue(), problem


def alike(shown: str, printed: str) -> bool:
    """Say whether a program printed what a page shows, numbers and what the page leaves out aside.

    >>> alike("epoch 1  loss 0.52\\n...\\ndone\\n", "epoch 1  loss 0.498\\nepoch 2  loss 0.31\\ndone\\n")
    True
    >>> alike("right on 97 %\\n", "wrong on 97 %\\n")
    False
    """
    want, got = (PYTHON.sub("python", NUMBER.sub("0", text)) for text in (shown, printed))
    return doctest.OutputChecker().check_output(want, got, ALIKE)


if __name__ == "__main__":
    for path in sys.argv[1:]:
        run(Path(path).resolve())
