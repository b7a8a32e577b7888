"""Runs inside the process that `check.py` starts: loads the student's file, checks it and leaves the verdict."""

from __future__ import annotations

import faulthandler
import json
import sys
from importlib import import_module
from pathlib import Path

from checker.asking import Wrong, load

MODULES = {1: "forward_pass", 2: "backward_pass", 3: "broken_lines", 4: "diagnosis", 5: "training_loop"}
MOST_MEMORY = 8 << 30  # bytes of addresses; of which a file that fills memory gets a MemoryError and no more


def main(number: int, path: Path, told: Path, where: Path, seconds: float) -> None:
    """Write {"right": ..., "sentence": ...} to the file `told`, and where the time is spent to the file `where`."""
    check = import_module(f"checker.{MODULES[number]}").check
    limit_memory()
    with where.open("w") as file:
        faulthandler.dump_traceback_later(seconds, file=file, exit=True)
        try:
            right, sentence = True, check(load(path))
        except Wrong as error:
            right, sentence = False, str(error)
        faulthandler.cancel_dump_traceback_later()
    told.write_text(json.dumps({"right": right, "sentence": sentence}), encoding="utf-8")


def limit_memory() -> None:
    """Hold what the process may take, where the system knows how."""
    try:
        import resource
    except ImportError:  # Windows
        return
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))


if __name__ == "__main__":
    main(int(sys.argv[1]), *map(Path, sys.argv[2:5]), float(sys.argv[5]))
