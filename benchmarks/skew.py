"""Ask a workstation and a device the same questions and compare every answer: training and serving must not differ.

`python benchmarks/skew.py` makes an environment with NumPy and the runtime alone and asks it about all 10,000 MNIST
test images, the frames of mnist-png.zip, and the Titanic passengers as raw rows by name; without ../shared/data, about
the shipped samples. `--device COMMAND` asks another Python, `--other-machine` says that it may round otherwise.
Ends with exit code 1 where an answer differs.
"""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import mlp_data
import mlp_runtime

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "benchmarks"), str(ROOT / "tests")]
import device  # noqa: E402
from command import SHARED, mlp_train  # noqa: E402

TOLERANCE = 1e-5  # of a probability, where rows are asked one by one or on another machine


@dataclass(frozen=True)
class Question:
    """Raw inputs for a model, and the labels that `mlp-train predict` gave for them (None: it was not asked)."""

    name: str
    model: Path
    raw: Any  # uint8 (n, h, w), a list of uint8 frames, a list of rows by name, or float32 (n, features)
    labels: list[str] | None


@dataclass(frozen=True)
class Verdict:
    """How the device's answers compare: labels that differ, whether the batch has the same bits, the worst single."""

    name: str
    count: int
    labels_differ: int
    same_bits: bool
    worst: float

    def agrees(self, other_machine: bool) -> bool:
        """Say whether this is no skew; another machine may round otherwise."""
        return self.labels_differ == 0 and self.worst <= TOLERANCE and (self.same_bits or other_machine)


def bare_environment(folder: Path) -> Path:
    """Make an environment that holds this one's NumPy and runtime and nothing else, and return its interpreter."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    numpy_home = Path(np.__file__).parent
    for home in (numpy_home, numpy_home.with_name("numpy.libs"), Path(mlp_runtime.__file__).parent):
        if home.exists():
            (packages / home.name).symlink_to(home)
    return folder / "bin" / "python"


def ask_device(command: list[str], questions: list[Question], folder: Path, seen_as: str) -> list[dict[str, Any]]:
    """Lay the questions out in a folder, let the device answer them all, and read its answers back.

    `seen_as` is the folder's path on the device.
    """
    for number, question in enumerate(questions):
        home = folder / f"{number:02}"
        home.mkdir(parents=True)
        shutil.copyfile(question.model, home / "model.mlp")
        if isinstance(question.raw, np.ndarray):
            np.save(home / "inputs.npy", question.raw)
        elif isinstance(question.raw[0], dict):
            (home / "rows.json").write_text(json.dumps(question.raw), encoding="utf-8")
        else:
            (home / "frames").mkdir()
            for index, frame in enumerate(question.raw):
                np.save(home / "frames" / f"{index:06}.npy", frame)
    shutil.copyfile(device.__file__, folder / "device.py")
    subprocess.run([*command, f"{seen_as}/device.py", seen_as], check=True, stdin=subprocess.DEVNULL)
    return [dict(np.load(path)) for path in sorted(folder.glob("*/answers.npz"))]


def compare(question: Question, theirs: dict[str, NDArray[Any]]) -> Verdict:
    """Hold the device's answers against ours, and its labels against those of `mlp-train predict`."""
    ours = device.answers(mlp_runtime.load(question.model), question.raw)
    labels = ours["labels"] if question.labels is None else np.asarray(question.labels)
    worst = max(float(np.max(np.abs(theirs[way] - ours["batch"]), initial=0)) for way in ("batch", "single"))
    same_bits = theirs["batch"].tobytes() == ours["batch"].tobytes()
    return Verdict(question.name, len(labels), int(np.sum(theirs["labels"] != labels)), same_bits, worst)


def rows(table: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """Turn a table by columns into rows by name."""
    return [dict(zip(table, cells, strict=True)) for cells in zip(*table.values(), strict=True)]


def passengers(model: Path) -> Iterator[Question]:
    """Ask about every passenger by name: those with a known outcome, and those that the archive asks about."""
    dataset = mlp_data.load("titanic")
    for split in ("train", "unlabelled"):
        raw = rows(dataset.splits[split].x)
        yield Question(f"titanic, {split} rows by name", model, raw, None)


def questions_of(home: Path) -> list[Question]:
    """Train a network on each sample, and put all the questions that the data on this machine allow."""
    digits, titanic = home / "digits", home / "titanic"
    mlp_train("fit", "digits", "--out", digits, "--epochs", "3", "--seed", "1", "--json", "--progress", "off")
    mlp_train("fit", "titanic", "--out", titanic, "--seed", "1", "--json", "--progress", "off")
    archives = [str(SHARED / name) for name in ("mnist.zip", "mnist-png.zip")] if SHARED.is_dir() else ["digits"]
    asked = []
    for archive in archives:
        model = digits / "model.mlp"
        labels = mlp_train("predict", model, archive, "--json")
        asked.append(
            Question(f"{Path(archive).name}, test images", model, mlp_data.load(archive).splits["test"].x, labels)
        )
    return [*asked, *passengers(titanic / "model.mlp")]


def main() -> int:
    """Print a line for each set of questions."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", help="how to start the device's Python")
    parser.add_argument("--other-machine", action="store_true", help="its arithmetic may round otherwise")
    parser.add_argument("--folder", type=Path, help="an empty folder that the device sees too")
    parser.add_argument("--seen-as", help="that folder's path on the device")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        command = shlex.split(options.device) if options.device else [str(bare_environment(Path(home) / "bare"))]
        folder = options.folder or Path(home) / "questions"
        asked = questions_of(Path(home))
        answered = ask_device(command, asked, folder, options.seen_as or str(folder))
        verdicts = [compare(question, theirs) for question, theirs in zip(asked, answered, strict=True)]
    for verdict in verdicts:
        bits = "same bits" if verdict.same_bits else "rounds otherwise"
        print(
            f"{verdict.name:34} {verdict.count:6,} asked   {verdict.labels_differ} labels differ   batch: {bits}   "
            f"worst difference: {verdict.worst:.1e}"
        )
    agree = all(verdict.agrees(options.other_machine) for verdict in verdicts)
    print("ok" if agree else "SKEW")
    return int(not agree)


if __name__ == "__main__":
    sys.exit(main())
