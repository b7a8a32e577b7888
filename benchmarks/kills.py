"""Training runs are killed at random moments, again and again; resumed, each must end with the bytes of a whole one.

After every kill the run folder is read, as another command would read it. `python benchmarks/kills.py --kills 200`
prints how many kills fell into which state of a run, and leaves with 1 where anything differs.
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from mlp_train.errors import TrainError
from mlp_train.runs import read_run

COMMAND = [sys.executable, "-c", "from mlp_train.cli import main; main()"]
FIT = ("fit", "digits", "--hidden", "32,32", "--epochs", "120", "--dropout", "0.1", "--average", "ema", "--seed", "3")


def start(arguments: list[str], folder: Path) -> subprocess.Popen[bytes]:
    """Start a command, without its words."""
    return subprocess.Popen(
        [*COMMAND, *arguments, "-q"], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def state_of(run: Path) -> str:
    """Read a run folder as a command would, and say how far the run was; what cannot be read raises an error."""
    if not (run / "config.toml").exists():
        return "before its settings were written"
    contents = read_run(run)
    if (run / "model.mlp").exists():
        return "after its model was written"
    done = max((event["epoch"] for event in contents.events if event["event"] == "EpochEnd"), default=0)
    return "after some epochs" if done else "before its first epoch was written"


def main() -> int:
    """Kill, look, resume, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--workers", type=int, default=1, help="processes of each run")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    generator, kills, runs, wrong = random.Random(options.seed), 0, 0, 0
    states: Counter[str] = Counter()
    fit = [*FIT, "--workers", str(options.workers)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        began = time.perf_counter()
        assert start([*fit, "--out", "whole"], folder).wait() == 0
        duration = time.perf_counter() - began
        whole = (folder / "whole" / "model.mlp").read_bytes()
        while kills < options.kills:
            run = folder / f"run{runs}"
            runs += 1
            arguments = [*fit, "--out", run.name]
            while True:
                process = start(arguments, folder)
                try:
                    process.wait(generator.uniform(0.2, 1.1) * duration)
                    break  # it came to its end
                except subprocess.TimeoutExpired:
                    process.send_signal(signal.SIGKILL)
                    process.wait()
                    kills += 1
                try:
                    states[state_of(run)] += 1
                except TrainError as error:
                    wrong += 1
                    print(f"{run.name} cannot be read: {error}")
                arguments = ["fit", "--resume", run.name] if (run / "config.toml").exists() else arguments
                if not (run / "config.toml").exists() and run.exists():
                    arguments = [*fit, "--out", run.name, "--force"]
            if process.returncode or (run / "model.mlp").read_bytes() != whole:
                wrong += 1
                print(f"{run.name}: code {process.returncode}, or another model than the run that was left alone")
    for state, count in sorted(states.items()):
        print(f"{count:4} kills {state}")
    print(f"{kills} kills in {runs} runs of {duration:.1f} s with {options.workers} processes: {wrong} went wrong")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
