"""Run what docs/raspberry-pi.md says on an emulated Pi: `python raspberry_blocks.py COMMAND...`.

COMMAND starts its Python in a folder that holds model.mlp. What the page does with
sudo, pip or scp is left out: the emulated Pi has no network, and its packages lie where they should be already.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import readme_blocks

PAGE = Path(__file__).resolve().parents[1] / "docs" / "raspberry-pi.md"
OURS = "~/mlp/bin/python -m "


def commands(text: str) -> list[list[str]]:
    """List what of the page an emulated Pi can run, as arguments for its Python."""
    found = []
    for block in readme_blocks.blocks(text, "sh", "python"):
        if block.language == "python":
            found.append(["-c", block.text])
        else:
            lines = [line for line in block.text.splitlines() if line.startswith(OURS)]
            found += [["-m", *line.removeprefix(OURS).split()] for line in lines]
    return found


def main(command: list[str]) -> None:
    """Run it all in order, and stop at what fails."""
    for arguments in commands(PAGE.read_text(encoding="utf-8")):
        print("\n---", *arguments, flush=True)
        subprocess.run([*command, *arguments], check=True)


if __name__ == "__main__":
    main(sys.argv[1:])
