"""Find the code blocks of the READMEs, print one of them, or run them all in order as a newcomer would."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

READMES = ("README.md", "packages/mlp-runtime/README.md", "packages/mlp-data/README.md", "packages/mlp-train/README.md")
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, its text, and the line of the README on which it opens."""

    language: str
    text: str
    line: int


def blocks(text: str, *languages: str) -> list[Block]:
    """List the fenced blocks of a Markdown text, all of them or those in the given languages."""
    found = [Block(m[1], m[2], text[: m.start()].count("\n") + 1) for m in FENCE.finditer(text)]
    return [block for block in found if not languages or block.language in languages]


def run(copy: Path) -> None:
    """Run every sh and python block of a fresh copy's READMEs, in order, and stop at the first that fails.

    The first two commands must bear to be given twice, so they are. Of the second, which runs nox, only lint runs here,
    among what the first has left behind: the rest is for whoever runs nox, and CI gives it as it stands.
    The packages' own READMEs, written for someone who installed them, find the first README's environment active.
    """
    active = {**os.environ, "PATH": f"{copy / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    for readme in READMES:
        environment = None if readme == READMES[0] else active
        found = blocks((copy / readme).read_text(encoding="utf-8"), "sh", "python")
        if readme == READMES[0]:
            commands = [block for block in found if block.language == "sh"][:2]
            found = [one for block in found for one in [block] * (2 if block in commands else 1)]
        for block in found:
            text = f"{block.text.rstrip()} -s lint\n" if block.text.rstrip().endswith("nox") else block.text
            print(f"\n--- {readme}, line {block.line}\n{text}", flush=True)
            command = ["sh", "-e"] if block.language == "sh" else [str(copy / ".venv" / "bin" / "python"), "-"]
            start = time.perf_counter()
            done = subprocess.run(command, input=text, text=True, cwd=copy, env=environment, check=False)
            if done.returncode:
                sys.exit(f"{readme}, line {block.line}: the block ended with exit code {done.returncode}")
            print(f"({time.perf_counter() - start:.1f} s)", flush=True)


def main(arguments: list[str]) -> None:
    """Carry out `show FILE LANGUAGE NUMBER` or `run COPY`."""
    if arguments[0] == "run":
        run(Path(arguments[1]).resolve())
    else:
        _, readme, language, number = arguments
        print(blocks(Path(readme).read_text(encoding="utf-8"), language)[int(number) - 1].text.strip())


if __name__ == "__main__":
    main(sys.argv[1:])
