"""Compare how fast networks learn here, in PyTorch, scikit-learn and JAX, and beside the bare matrix products.

`python benchmarks/training_speed.py [--rounds 7] [--seconds 0.5] [--quick] [--profile] [SOURCE]`: SOURCE is MNIST, by
default ../shared/data/mnist.zip beside the checkout; `--quick` takes the shipped digits and two short rounds instead,
which tell whether it works and not how fast. Every competitor lives in a process of its own, see `training_peers.py`,
and in each round every one trains for a moment while all others wait. A peer counts at that of its settings whose
median is the best. It needs torch, scikit-learn and jax; what is not installed is left out. After that it tells what
our steps spend their time on; with `--profile` only that.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
import training_profile
from command import SHARED

TRAINING = Path(__file__).with_name("training_peers.py")
REQUIRED = 0.85  # of a goal
REST = 0.05  # seconds between two competitors, so that the threads of the last one have gone to sleep
NETS = {(784, 128, 10): 1.0, (784, 256, 128, 10): 0.75}  # and which part of the goals holds for each
PEERS = {  # shown name: package, its name in training_peers.py, threads, settings
    "PyTorch": ("torch", "pytorch", (1, 2), ("default", "foreach", "fused")),
    "scikit-learn": ("sklearn", "sklearn", (1, 2), ("",)),
    "JAX": ("jax", "jax", (1, 2), ("",)),
    "GEMM alone": ("numpy", "gemm", (1,), ("dot", "matmul")),
}


@dataclass(frozen=True)
class Work:
    """What all competitors train at one time: `goals[processes of ours]` are ratios in the order of PEERS."""

    batch: int  # 0: all samples at once
    optimizer: str
    goals: dict[int, tuple[float, float, float, float]]


WORKS = (
    Work(32, "momentum", {1: (2.6, 2.4, 0.8, 0.75), 2: (3.6, 3.3, 1.05, 1.0)}),
    Work(32, "adam", {2: (3.0, 4.0, 1.0, 0.75)}),
    Work(128, "adam", {2: (2.2, 2.8, 1.1, 1.1)}),
    Work(256, "momentum", {2: (1.85, 2.2, 1.1, 1.2)}),
    Work(256, "adam", {2: (1.85, 2.2, 1.1, 1.2)}),
    Work(0, "adam", {2: (1.0, 1.5, 1.0, 1.2)}),
)


class Competitor:
    """A process that trains when it is asked to."""

    def __init__(self, name: str, threads: int, settings: Sequence[str], *more: str, script: Path = TRAINING) -> None:
        self.settings, self.threads = settings, threads
        command = [sys.executable, str(script), name, str(threads), *more]
        # Whatever counts threads by itself is told how many; the others are, in their own words.
        told = {**os.environ, "OPENBLAS_NUM_THREADS": str(threads)} if script != TRAINING else None
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=told)

    def train(self, **told: Any) -> dict[str, float]:
        """Let it train for a moment; return what it says: its speed, and the loss before and after."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(told) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            sys.exit(f"{' '.join(map(str, self._process.args))} ended instead of training {told}")
        time.sleep(REST)
        return json.loads(answer)

    def end(self) -> None:
        """Let it go."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def start(source: str) -> dict[str, list[Competitor]]:
    """Start every competitor that is installed."""
    everybody = {"ours": [Competitor("ours", 1, ("1", "2"), source)]}
    for shown, (package, name, threads, settings) in PEERS.items():
        if find_spec(package) is None:
            print(f"{shown} is not installed and is left out")
        else:
            everybody[shown] = [Competitor(name, count, settings, source) for count in threads]
    return everybody


def measure(
    everybody: dict[str, list[Competitor]], told: dict[str, Any], work: Work, rounds: int
) -> dict[Any, list[float]]:
    """Return samples per second of each round by name, threads and setting; who does not learn ends the run."""
    speeds: dict[Any, list[float]] = {}
    losses: dict[Any, list[float]] = {}
    for number in range(rounds + 1):  # the first round is for compilers and caches
        for shown, competitors in everybody.items():
            for competitor in competitors:
                for setting in competitor.settings:
                    if shown == "ours" and int(setting) not in work.goals:
                        continue
                    key = shown, competitor.threads, setting
                    answer = competitor.train(**told, setting=setting)
                    losses.setdefault(key, [answer["first"]]).append(answer["loss"])
                    if number:
                        speeds.setdefault(key, []).append(answer["speed"])
    for key, values in losses.items():
        if values[-1] >= values[0]:  # the products alone have no loss: it is not a number
            sys.exit(f"{key} does not learn: its loss went from {values[0]:.3f} to {values[-1]:.3f} at {told}")
    return speeds


def best(speeds: dict[Any, list[float]], shown: str) -> tuple[str, list[float]]:
    """Return the setting of a peer whose median is the best, in words, and its rounds."""
    _, threads, setting = max(
        (key for key in speeds if key[0] == shown), key=lambda key: statistics.median(speeds[key])
    )
    words = ", ".join(filter(None, (setting, f"{threads} thread" + "s" * (threads > 1))))
    return f"{shown} ({words})", speeds[shown, threads, setting]


def rows(speeds: dict[Any, list[float]], net: tuple[int, ...], work: Work) -> list[tuple[str, bool]]:
    """Return the lines of the table for one piece of work, and whether each has what is required."""
    lines = []
    for processes, goals in work.goals.items():
        own = speeds["ours", 1, str(processes)]
        for shown, goal in zip(PEERS, goals, strict=True):
            if not any(key[0] == shown for key in speeds):
                continue
            name, theirs = best(speeds, shown)
            ratios = sorted(a / b for a, b in zip(own, theirs, strict=True))
            ratio, goal = statistics.median(ratios), goal * NETS[net]
            met = ratio >= goal * REQUIRED
            cells = (
                "-".join(map(str, net)),
                str(work.batch or "full"),
                work.optimizer,
                str(processes),
                f"{statistics.median(own):,.0f}",
                name,
                f"{statistics.median(theirs):,.0f}",
                f"{ratio:.2f}",
                f"{ratios[0]:.2f} to {ratios[-1]:.2f}",
                f"{goal:.2f}",
                f"{goal * REQUIRED:.2f}",
                "goal" if ratio >= goal else "ok" if met else "MISSED",
            )
            lines.append((table_line(cells), met))
    return lines


HEAD = (
    "network",
    "batch",
    "optimizer",
    "cores",
    "ours/s",
    "against",
    "theirs/s",
    "ratio",
    "spread",
    "goal",
    "85 %",
    "",
)
WIDTHS = (14, 5, 9, 5, 9, 29, 9, 5, 12, 4, 4, 6)


def table_line(cells: Sequence[str]) -> str:
    """Join the cells of a line as Markdown does."""
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, WIDTHS, strict=True)) + " |"


def compare(source: str, rounds: int, seconds: float) -> int:
    """Print the table, a piece of work at a time; return 1 where something required is missed."""
    packages = ("numpy", "torch", "scikit-learn", "jax")
    known = {"scikit-learn": "sklearn"}
    print(*(f"{name} {version(name)}" for name in packages if find_spec(known.get(name, name))), sep=", ")
    print(f"{source}, {rounds} rounds of {seconds} s each; samples per second are medians; {load()}\n", flush=True)
    everybody, missed = start(source), 0
    print(table_line(HEAD), table_line(["-" * width for width in WIDTHS]), sep="\n", flush=True)
    try:
        for net in NETS:
            for work in WORKS:
                told = {"sizes": net, "batch": work.batch, "optimizer": work.optimizer, "seconds": seconds}
                for line, met in rows(measure(everybody, told, work, rounds), net, work):
                    print(line, flush=True)
                    missed += not met
    finally:
        for competitor in (competitor for competitors in everybody.values() for competitor in competitors):
            competitor.end()
    print(f"\n{missed} below what is required; {load()}")
    return int(missed > 0)


def load() -> str:
    """Tell how busy the machine is, which everything here depends on."""
    return f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"


def main() -> int:
    """Read what was said and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", nargs="?", default=str(SHARED / "mnist.zip"))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--profile", action="store_true")
    said = parser.parse_args()
    if said.quick:
        said.source, said.rounds, said.seconds = "digits", 2, 0.1
        training_profile.SECONDS = 0.05
    missed = 0 if said.profile else compare(said.source, said.rounds, said.seconds)
    print(f"\nWhat a step spends its time on; {load()}\n")
    training_profile.tell(said.source, list(NETS), [(work.batch, work.optimizer) for work in WORKS])
    return missed


if __name__ == "__main__":
    sys.exit(main())
