"""Check an exercise: says in one sentence what is not right yet and where, or that all is right.

    python docs/exercises/check.py 1                # checks docs/exercises/exercise_1.py
    python docs/exercises/check.py 1 my_answer.py   # checks another file

Your file runs in a program of its own with a time limit, so an endless loop ends too. What it prints is not shown here.
Exit codes: 0 right, 1 not right yet, 2 the command was used wrongly.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).resolve().parent
COUNT = 5


def main() -> int:
    """Check what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("number", type=int, choices=range(1, COUNT + 1), help="which exercise")
    parser.add_argument("file", type=Path, nargs="?", help="your file, if not the starting file")
    parser.add_argument("--seconds", type=a_time, default=60.0, help="how long your file may take (60)")
    said = parser.parse_args()
    path = said.file or HERE / f"exercise_{said.number}.py"
    if not path.is_file():
        print(f"{path}: there is no such file; give the file that you have edited", file=sys.stderr)
        return 2
    if find_spec("mlp_train") is None:
        print("the exercises need mlp-train: pip install mlp-train", file=sys.stderr)
        return 2
    right, sentence = verdict(said.number, path.resolve(), said.seconds)
    shown = "".join(one if one.isprintable() else "?" for one in sentence)  # errors of your own can hold anything
    print(f"exercise {said.number}: {'right' if right else 'not yet'}. {shown}")
    return 0 if right else 1


def a_time(text: str) -> float:
    """Read how long a file may take."""
    with suppress(ValueError):
        if 0 < (seconds := float(text)) <= 86400:
            return seconds
    raise argparse.ArgumentTypeError(f"{text!r} is no time: give a number of seconds above 0, at most 86400")


def verdict(number: int, path: Path, seconds: float) -> tuple[bool, str]:
    """Check a file in a process of its own and return whether it is right, and the sentence."""
    with tempfile.TemporaryDirectory() as folder:
        told, where = Path(folder, "verdict.json"), Path(folder, "where.txt")
        command = [sys.executable, "-m", "checker", str(number), str(path), str(told), str(where), str(seconds)]
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        process = subprocess.Popen(
            command,
            cwd=HERE,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # so that programs which the file has started end with it
        )
        late = f"still running after {seconds:g} s; does every loop end?"
        try:
            code = process.wait(timeout=seconds + 30)  # it ends itself in time, unless the file has seen to it
        except subprocess.TimeoutExpired:
            return False, f"{path.name}: {late}"
        finally:
            end(process)
        if stack := where.read_text(encoding="utf-8", errors="replace") if where.exists() else "":
            return False, f"{path.name}{place(stack, path)}: {late}"
        try:
            said = json.loads(told.read_text(encoding="utf-8"))
            return bool(said["right"]), str(said["sentence"])
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return False, f"{path.name}: it ended the whole program (exit code {code}) before all was checked"


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it has started."""
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError):  # it has ended, and nothing of it is left
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def place(stack: str, path: Path) -> str:
    """Return on which line of the file it was when the time was over, from what `faulthandler` left."""
    found = re.search(rf'"{re.escape(str(path))}", line (\d+) in (\S+)', stack)
    return f", line {found[1]}, in {found[2]}" if found else ""


if __name__ == "__main__":
    sys.exit(main())
