"""Ask a workstation and a device the same questions and compare every answer: training and serving must not differ.

`python benchmarks/skew.py` makes an environment with NumPy and the runtime alone and asks it about all 10,000 MNIST
test images, the frames of mnist-png.zip, and the Titanic passengers as raw rows by name; without ../shared/data, about
the shipped samples. `--device COMMAND` asks another Python, given again several at the same time, and `--other-machine`
says that they may round otherwise. Ends with exit code 1 where an answer differs.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import mlp_data
import mlp_runtime
from mlp_data.decode import decode

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "benchmarks"), str(ROOT / "tests")]
import device  # noqa: E402
from command import SHARED, mlp_train  # noqa: E402

TOLERANCE = 1e-5  # of a probability, where rows are asked one by one or on another machine


@dataclass(frozen=True)
class Question:
    """Raw inputs for a model, and what `mlp-train predict` answered (none: the runtime here is asked instead)."""

    name: str
    model: Path
    raw: Any  # uint8 (n, h, w), a list of uint8 frames, a list of rows by name, or float32 (n, features)
    answers: list[dict[str, Any]]

    def first(self, count: int | None) -> Question:
        """Ask no more than `count` of these."""
        return replace(self, raw=self.raw[:count], answers=self.answers[:count])


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
    """Hold the device's answers against those of the runtime here and, where it was asked, of `mlp-train predict`."""
    ours = device.answers(mlp_runtime.load(question.model), question.raw)
    largest = max(1.0, float(np.max(np.abs(ours["batch"]), initial=0)))  # a probability's is 1, a number's may be more
    worst = max(float(np.max(np.abs(theirs[way] - ours["batch"]), initial=0)) for way in ("batch", "single")) / largest
    same_bits = theirs["batch"].tobytes() == ours["batch"].tobytes()
    labels = ours["labels"]
    if question.answers:
        labels = np.array([answer["label"] for answer in question.answers])
        said = np.array([answer["confidence"] for answer in question.answers], np.float32)
        same_bits = same_bits and theirs["batch"].max(axis=1).tobytes() == said.tobytes()
    differ = int(np.sum(theirs["labels"] != labels)) if labels.dtype.kind == "U" else 0
    return Verdict(question.name, len(labels), differ, same_bits, worst)


def rows(table: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """Turn a table by columns into rows by name."""
    return [dict(zip(table, cells, strict=True)) for cells in zip(*table.values(), strict=True)]


def answers_of_trainer(model: Path, source: str | Path) -> list[dict[str, Any]]:
    """Let `mlp-train predict` answer a source; each answer has its `input`, a name, its `label` and `confidence`."""
    return mlp_train("predict", model, source, "--json")["predictions"]


def frames_of(archive: Path, answers: list[dict[str, Any]]) -> list[NDArray[np.uint8]]:
    """Decode the images of an archive that were answered, in that order, as an app does before it asks a model."""
    with zipfile.ZipFile(archive) as members:
        names = [answer["input"].split(f"{archive.name}/")[1] for answer in answers]
        return [decode(members.read(name)) for name in names]


def questions_of(home: Path) -> Iterator[Question]:
    """Train a network on each sample, and put all the questions that the data on this machine allow."""
    digits, titanic = home / "digits" / "model.mlp", home / "titanic" / "model.mlp"
    mlp_train("fit", "digits", "--out", digits.parent, "--epochs", "3", "--seed", "1", "--json", "--quiet")
    mlp_train("fit", "titanic", "--out", titanic.parent, "--seed", "1", "--json", "--quiet")
    source = str(SHARED / "mnist.zip") if SHARED.is_dir() else "digits"
    images = mlp_data.load(source).splits["test"].x
    yield Question("MNIST test images", digits, images, answers_of_trainer(digits, source))
    if SHARED.is_dir():
        archive = SHARED / "mnist-png.zip"
        answers = answers_of_trainer(digits, archive)
        yield Question("PNG files, one frame each", digits, frames_of(archive, answers), answers)
    with zipfile.ZipFile(Path(mlp_data.__file__).with_name("samples") / "titanic.zip") as archive:
        archive.extract("train.csv", home)
    passengers = mlp_data.load("titanic").splits
    for split, table in (("train", home / "train.csv"), ("unlabelled", "titanic")):
        raw = rows(passengers[split].x)
        yield Question(f"titanic, {split} rows by name", titanic, raw, answers_of_trainer(titanic, table))
    for path in sorted((ROOT / "packages/mlp-runtime/tests/golden").glob("1.*.mlp")):
        asked = mlp_runtime.load(path).input
        raw = asked.synthesise(20)  # of which frames three pixels wide would look like one of three colours
        yield Question(f"golden file {path.name}", path, raw if asked.is_batch(raw) else list(raw), [])


def main() -> int:
    """Print a line for each device and set of questions."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", action="append", help="how to start a device's Python; may be given again")
    parser.add_argument("--other-machine", action="store_true", help="its arithmetic may round otherwise")
    parser.add_argument("--at-most", type=int, help="ask no more than so many of each (batched otherwise)")
    parser.add_argument("--folder", action="append", type=Path, help="an empty folder that the device sees, for each")
    parser.add_argument("--seen-as", help="that folder's path on the device")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        commands = [shlex.split(device) for device in options.device or []]
        commands = commands or [[str(bare_environment(Path(home) / "bare"))]]
        folders = options.folder or [Path(home) / f"questions {number}" for number in range(len(commands))]
        asked = [question.first(options.at_most) for question in questions_of(Path(home))]

        def ask(place: tuple[list[str], Path]) -> list[Verdict]:
            answered = ask_device(place[0], asked, place[1], options.seen_as or str(place[1]))
            return [compare(question, theirs) for question, theirs in zip(asked, answered, strict=True)]

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            found = list(pool.map(ask, zip(commands, folders, strict=True)))
    for command, verdicts in zip(commands, found, strict=True):
        print(f"\n{shlex.join(command)}" if len(found) > 1 else "")
        for verdict in verdicts:
            bits = "same bits" if verdict.same_bits else "rounds otherwise"
            print(
                f"{verdict.name:34} {verdict.count:6,} asked   {verdict.labels_differ} labels differ   batch: {bits}   "
                f"worst difference: {verdict.worst:.1e}"
            )
    rounds = options.other_machine or options.at_most is not None  # a batch of another size rounds otherwise too
    agree = all(verdict.agrees(rounds) for verdicts in found for verdict in verdicts)
    print("ok" if agree else "SKEW")
    return int(not agree)


if __name__ == "__main__":
    sys.exit(main())
