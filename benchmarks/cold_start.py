"""Compare what it takes to get one answer from nothing: disk, milliseconds and memory of a whole process, and a load.

`python benchmarks/cold_start.py [--runs 15] [--with NAME ...]`: every competitor is installed from its wheels into an
environment of its own, and a new interpreter imports it, loads a 784-128-10 network (400 kB) and answers one row. All
take turns; `import numpy` alone is the floor. PyTorch and scikit-learn are large, so they come only by `--with`.
This environment needs mlp-train, onnx and flatbuffers, which write the files.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

import numpy as np

import mlp_runtime
from mlp_runtime.inputs import VectorInput
from mlp_train.export import to_bytes

sys.path.insert(0, str(Path(__file__).parent))
from runtime_peers import as_file, onnx_bytes, tflite, weights

SIZES = [784, 128, 10]
ROOT = Path(__file__).resolve().parents[1]
FILES = {"model.mlp": as_file, "model.onnx": onnx_bytes, "model.tflite": lambda network: tflite(network, 1)}
ROW = "import numpy as np; x = np.zeros((1, 784), np.float32); "
# name: what pip installs, and the program
COMPETITORS = {
    "NumPy alone": (["numpy"], "import numpy"),
    "mlp-runtime": (
        ["numpy", str(ROOT / "packages" / "mlp-runtime")],
        ROW + "import mlp_runtime; mlp_runtime.load('model.mlp').forward(x[0])",
    ),
    "onnxruntime": (
        ["onnxruntime"],
        ROW + "import onnxruntime as o; o.InferenceSession('model.onnx', providers=['CPUExecutionProvider'])"
        ".run(None, {'x': x})",
    ),
    "LiteRT": (
        ["ai-edge-litert"],
        ROW + "from ai_edge_litert.interpreter import Interpreter; i = Interpreter('model.tflite', num_threads=1); "
        "i.allocate_tensors(); i.set_tensor(i.get_input_details()[0]['index'], x); i.invoke(); "
        "i.get_tensor(i.get_output_details()[0]['index'])",
    ),
    "scikit-learn": (
        ["scikit-learn"],
        ROW + "import pickle; pickle.load(open('model.pickle', 'rb')).predict_proba(x)",
    ),
    "PyTorch": (["torch==2.13.0", "numpy"], ROW + "import torch; torch.jit.load('model.pt')(torch.from_numpy(x))"),
}
LARGE = {  # whose file only it can write: the program that does
    "scikit-learn": "import pickle, numpy as np; from sklearn.neural_network import MLPClassifier as M; "
    "m = M((128,), max_iter=1, batch_size=2); y = np.arange(10); "
    "m.partial_fit(np.zeros((10, 784), np.float32), y, classes=y); pickle.dump(m, open('model.pickle', 'wb'))",
    "PyTorch": "import torch; from torch import nn; "
    "m = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10), nn.Softmax(1)); "
    "torch.jit.freeze(torch.jit.trace(m.eval(), torch.zeros(1, 784))).save('model.pt')",
}
MEMORY = "; print(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')).split()[1])"


def install(home: Path, wanted: list[str]) -> tuple[Path, float]:
    """Make an environment with these packages; return its interpreter and the megabytes of what was installed."""
    venv.create(home, with_pip=True)
    python = home / "bin" / "python"
    packages = next(home.glob("lib/python*/site-packages"))
    before = weigh(packages)
    subprocess.run([python, "-m", "pip", "install", "--quiet", *wanted], check=True)
    return python, weigh(packages) - before


def weigh(folder: Path) -> float:
    """Return the megabytes of the files in a folder."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def start(python: Path, program: str, folder: Path) -> tuple[float, float, float]:
    """Run a program in a new interpreter; return milliseconds passed, those of the processor, and peak MiB."""
    before, began = os.times(), time.perf_counter()
    command = [python, "-W", "ignore", "-c", program + MEMORY]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    passed, after = time.perf_counter() - began, os.times()
    worked = after.children_user + after.children_system - before.children_user - before.children_system
    return passed * 1e3, worked * 1e3, int(done.stdout.split()[-1]) / 1024


def loading(folder: Path, seconds: float = 1.0) -> None:
    """Print how long it takes to open files of 400 kB and of 100 MB, in milliseconds at best."""
    wide = weights([784, 5000, 4100, 10])
    layers = [(weight.T, bias, "relu" if at < 2 else "softmax", {}) for at, (weight, bias) in enumerate(wide)]
    output = {"kind": "classes", "classes": [str(n) for n in range(10)]}
    (folder / "large.mlp").write_bytes(to_bytes(VectorInput(784), layers, output))
    ways = {
        "400 kB, with its digest (goal 1.5)": ("model.mlp", {}),
        "100 MB, memory-mapped, with its digest": ("large.mlp", {"mmap": True}),
        "100 MB, memory-mapped, verify=False (goal 2)": ("large.mlp", {"mmap": True, "verify": False}),
    }
    print(f"\nloading, ms of the processor ({(folder / 'large.mlp').stat().st_size / 1e6:.0f} MB is the large one)")
    for what, (name, options) in ways.items():
        took, end = [], time.perf_counter() + seconds
        while time.perf_counter() < end or len(took) < 3:
            began = time.process_time()
            mlp_runtime.load(folder / name, **options)
            took.append((time.process_time() - began) * 1e3)
        print(f"{what:46}: best {min(took):.2f}, median {statistics.median(took):.2f}")


def strictness(folder: Path) -> None:
    """Print what `strict=True` costs on batches, in times of the default (goal 6)."""
    model = mlp_runtime.load(folder / "model.mlp")
    print("\nstrict=True over the default (goal 6)")
    for rows in (32, 256, 1000):
        x = np.random.default_rng(rows).random((rows, SIZES[0]), np.float32)
        took = {}
        for strict in (False, True):
            times = []
            for _ in range(60):
                began = time.perf_counter()
                model.forward(x, strict=strict)
                times.append(time.perf_counter() - began)
            took[strict] = min(times)
        print(f"{rows:5} rows: {took[True] / took[False]:.2f}")


def main() -> int:
    """Print the table; return 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--with", dest="large", nargs="*", default=[], choices=LARGE)
    said = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, made in FILES.items():
            (folder / file).write_bytes(made(weights(SIZES)))
        chosen = [who for who in COMPETITORS if who not in LARGE or who in said.large]
        pythons, sizes = {}, {}
        for who in chosen:
            pythons[who], sizes[who] = install(folder / who.replace(" ", "-"), COMPETITORS[who][0])
            if who in LARGE:
                subprocess.run([pythons[who], "-W", "ignore", "-c", LARGE[who]], cwd=folder, check=True)
        figures: dict[str, list[tuple[float, float, float]]] = {who: [] for who in chosen}
        for turn in range(said.runs + 1):  # the first fills the caches of the disk
            for who in chosen:
                figure = start(pythons[who], COMPETITORS[who][1], folder)
                if turn:
                    figures[who].append(figure)
        half = {who: [statistics.median(column) for column in zip(*figures[who], strict=True)] for who in chosen}
        print("| who | installed MB | ms | ms of the processor | peak MiB |\n| --- | --- | --- | --- | --- |")
        for who in chosen:
            print(f"| {who} | {sizes[who]:.0f} | {half[who][0]:.0f} | {half[who][1]:.0f} | {half[who][2]:.1f} |")
        ours, floor = half["mlp-runtime"], half["NumPy alone"]
        goals = [
            ("ms above NumPy alone", ours[0] - floor[0], 8.0),
            ("time over onnxruntime's", ours[0] / half["onnxruntime"][0], 0.75),
            ("time over LiteRT's", ours[0] / half["LiteRT"][0], 1.0),
            ("MiB above NumPy alone", ours[2] - floor[2], 7.0),
        ]
        print()
        for what, figure, goal in goals:
            print(f"{what}: {figure:.2f} (goal {goal:g}) {'ok' if figure <= goal else 'MISSED'}")
        loading(folder)
        strictness(folder)
    return int(any(figure > goal for _, figure, goal in goals))


if __name__ == "__main__":
    sys.exit(main())
