"""Compare how soon a model answers here, in onnxruntime, LiteRT, PyTorch and scikit-learn, and in plain NumPy.

`python benchmarks/runtime_speed.py [--rounds 7] [--seconds 0.2] [--quick]`: every competitor lives in a process of its
own, see `runtime_peers.py`, and in each round every one answers for a moment while all others wait. A peer counts at
that number of threads at which its median is the best. What is not installed is left out; `--quick` takes two short
rounds of the small networks, which tell whether it works and not how fast. The last table is raw input to answer:
what preparing an image or a table row adds.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

import mlp_runtime
from mlp_runtime.inputs import ImageInput
from mlp_train.export import to_bytes

sys.path.insert(0, str(Path(__file__).parent))
from runtime_peers import inputs, measure, weights
from training_speed import Competitor, load

PEERS = {  # shown name: package, its name in runtime_peers.py, threads
    "onnxruntime": ("onnxruntime", "onnxruntime", (1, 2)),
    "LiteRT": ("ai_edge_litert", "litert", (1, 2)),
    "PyTorch": ("torch", "pytorch", (1, 2)),
    "scikit-learn": ("sklearn", "sklearn", (1,)),
    "plain NumPy": ("numpy", "numpy", (1,)),
}
NETS = ((13, 64, 32, 2), (784, 128, 10), (784, 256, 128, 10), (784, 800, 800, 10))
ONE_ROW = {NETS[0]: (0.5, 2.4), NETS[1]: (0.62, 1.0), NETS[2]: (0.8, 1.0)}  # our time over onnxruntime's and LiteRT's
ONE_THREAD = (0.8, 0.85)  # of the widest network, one thread against one thread
ROWS = {32: (1.25, 1.4), 256: (1.1, 1.1), 10_000: (1.0, 1.0)}  # of the three wide ones, geometric mean
HEAD = ("network", "rows", "who", "threads", "p50 us", "p99 us", "ours / theirs")
WIDTHS = (14, 6, 12, 7, 11, 11, 13)


def line(cells: Sequence[Any]) -> str:
    """Join the cells of a line as Markdown does."""
    return "| " + " | ".join(str(cell).ljust(width) for cell, width in zip(cells, WIDTHS, strict=True)) + " |"


def start() -> dict[tuple[str, int], Competitor]:
    """Start every competitor that is installed, ours with one BLAS thread and with as many as it takes."""
    script = Path(__file__).with_name("runtime_peers.py")
    everybody = {("ours", threads): Competitor("ours", threads, (), script=script) for threads in (1, 2)}
    for shown, (package, name, counts) in PEERS.items():
        if find_spec(package) is None:
            print(f"{shown} is not installed and is left out")
        else:
            everybody |= {(shown, threads): Competitor(name, threads, (), script=script) for threads in counts}
    return everybody


def compare(everybody: dict[Any, Competitor], net: tuple[int, ...], rows: int, rounds: int, seconds: float) -> Any:
    """Return the percentiles of every round, by competitor and threads."""
    found: dict[Any, list[tuple[float, float]]] = {}
    for number in range(rounds + 1):  # the first round is for caches
        for key, competitor in everybody.items():
            if key[0] == "scikit-learn" and rows == max(ROWS) and number > 2:
                continue
            answer = competitor.train(sizes=net, rows=rows, seconds=seconds)
            if answer["wrong"] > 1e-4:
                sys.exit(f"{key} answers wrongly, by {answer['wrong']:.2g}")
            if number:
                found.setdefault(key, []).append((answer["p50"], answer["p99"]))
    return found


def table(everybody: dict[Any, Competitor], rounds: int, seconds: float, nets: Any, all_rows: Sequence[int]) -> int:
    """Print all times; return how many goals are missed."""
    print(line(HEAD), line(["-" * width for width in WIDTHS]), sep="\n", flush=True)
    goals: list[tuple[str, float, float]] = []
    of_batches: dict[Any, list[float]] = {}
    for net in nets:
        for rows in all_rows:
            found = compare(everybody, net, rows, rounds, seconds)
            half = {key: statistics.median(each[0] for each in rounds_) for key, rounds_ in found.items()}
            most = {key: statistics.median(each[1] for each in rounds_) for key, rounds_ in found.items()}
            best = {
                name: min((key for key in half if key[0] == name), key=lambda key: half[key])
                for name in dict.fromkeys(key[0] for key in half)
            }
            own = half[best["ours"]]
            for name, key in best.items():
                cells = ["-".join(map(str, net)), rows, name, key[1], f"{half[key]:,.1f}", f"{most[key]:,.1f}"]
                print(line([*cells, "" if name == "ours" else f"{own / half[key]:.2f}"]), flush=True)
            for at, name in enumerate(("onnxruntime", "LiteRT")):
                if name not in best:
                    continue
                if rows == 1 and net in ONE_ROW:
                    goals.append((f"{net}, one row, over {name}", own / half[best[name]], ONE_ROW[net][at]))
                elif rows == 1:
                    ratio = half["ours", 1] / half[name, 1]
                    goals.append((f"{net}, one row, one thread, over {name}", ratio, ONE_THREAD[at]))
                elif net != NETS[0]:
                    of_batches.setdefault((rows, at, name), []).append(own / half[best[name]])
    for (rows, at, name), ratios in of_batches.items():
        mean = math.prod(ratios) ** (1 / len(ratios))
        goals.append((f"wide networks, {rows:,} rows, geometric mean over {name}", mean, ROWS[rows][at]))
    print()
    for what, ratio, goal in goals:
        print(f"{what}: {ratio:.2f} (goal {goal:.2f}) {'ok' if ratio <= goal else 'MISSED'}")
    return sum(ratio > goal for _, ratio, goal in goals)


def preparation(seconds: float) -> int:
    """Print what it takes to get from raw input to probabilities, beside the network alone; return goals missed."""
    rng, missed = np.random.default_rng(0), 0
    network = [(w.T, b, "relu" if at == 0 else "softmax", {}) for at, (w, b) in enumerate(weights([784, 128, 10]))]
    output = {"kind": "classes", "classes": [str(n) for n in range(10)]}
    digit = np.zeros((28, 28), np.uint8)
    digit[5:23, 11:17] = rng.integers(100, 255, (18, 6))
    camera = np.full((480, 640), 200, np.uint8)
    camera[100:380, 290:350] = 40
    print("\nraw input to probabilities, us (p50)")
    for fit, frame, goal in (("none", digit, 15), ("ink", digit, 60), ("ink", camera, 2500)):
        model = mlp_runtime.load(to_bytes(ImageInput(fit=fit, ink="auto"), network, output))
        whole, _ = measure(lambda _, model=model, frame=frame: model.predict_proba(frame), frame, seconds)
        alone, _ = measure(model.forward, inputs([784], 1)[0], seconds)
        added = whole - (0 if frame is camera else alone)
        what = f"{frame.shape[0]} x {frame.shape[1]} frame, fit {fit}"
        print(f"{what:28}: {whole:8.1f}, of which preparation {whole - alone:.1f} (goal {goal}) "
              f"{'ok' if added <= goal else 'MISSED'}")  # fmt: skip
        missed += added > goal
    if find_spec("cv2") is not None:
        theirs, _ = measure(with_opencv, camera, seconds)
        ours, _ = measure(lambda frame: model.input.scale(model.input.prepare(frame)), camera, seconds)
        print(f"its preparation: {ours:.1f} here, {theirs:.1f} by the same steps in OpenCV (goal: no slower) "
              f"{'ok' if ours <= theirs else 'MISSED'}")  # fmt: skip
        missed += ours > theirs
    return missed + table_row(seconds)


def with_opencv(frame: np.ndarray) -> np.ndarray:
    """Prepare a frame as `fit: ink` does, by the calls that OpenCV has for its steps."""
    import cv2

    border = np.concatenate([frame[0], frame[-1], frame[1:-1, 0], frame[1:-1, -1]])
    level = int(np.partition(border, len(border) // 2)[len(border) // 2])
    ink = cv2.subtract(level, frame) if level > 127 else cv2.subtract(frame, level)
    _, peak, _, _ = cv2.minMaxLoc(ink)
    _, mask = cv2.threshold(ink, int(peak) >> 3, 255, cv2.THRESH_BINARY)
    x, y, w, h = cv2.boundingRect(mask)
    small = (max(1, round(20 * w / max(w, h))), max(1, round(20 * h / max(w, h))))
    boxed = cv2.resize(ink[y : y + h, x : x + w], small, interpolation=cv2.INTER_AREA)
    mass = cv2.moments(boxed)
    out = np.zeros((28, 28), np.uint8)
    left = min(max(round(14 - mass["m10"] / mass["m00"]), 0), 28 - small[0])
    top = min(max(round(14 - mass["m01"] / mass["m00"]), 0), 28 - small[1])
    out[top : top + small[1], left : left + small[0]] = boxed
    return out.reshape(1, -1).astype(np.float32) * np.float32(1 / 255)


def table_row(seconds: float) -> int:
    """Do the same for a row of ten columns."""
    from mlp_runtime.inputs import TableInput
    from mlp_runtime.inputs.columns import Column

    numbers = [Column(f"n{at}", "number", fill=0.0, mean=1.0, scale=0.5) for at in range(7)]
    texts = [Column(f"c{at}", "category", values=["red", "green", "blue"]) for at in range(3)]
    prepared = TableInput([*numbers, *texts])
    network = [(w.T, b, "relu" if at < 2 else "softmax", {})
               for at, (w, b) in enumerate(weights([prepared.size, 64, 32, 2]))]  # fmt: skip
    model = mlp_runtime.load(to_bytes(prepared, network, {"kind": "classes", "classes": ["no", "yes"]}))
    row = {f"n{at}": at / 3 for at in range(7)} | {f"c{at}": "green" for at in range(3)}
    whole, _ = measure(lambda _: model.predict_proba(row), np.zeros(1), seconds)
    alone, _ = measure(model.forward, np.zeros(prepared.size, np.float32), seconds)
    met = whole - alone <= 25
    print(f"{'a row of ten columns':28}: {whole:8.1f}, of which preparation {whole - alone:.1f} (goal 25) "
          f"{'ok' if met else 'MISSED'}")  # fmt: skip
    return not met


def main() -> int:
    """Read what was said and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.2)
    parser.add_argument("--quick", action="store_true")
    said = parser.parse_args()
    nets, rows = NETS, (1, *ROWS)
    if said.quick:
        said.rounds, said.seconds, nets, rows = 2, 0.02, NETS[:2], (1, 32)
    print(f"NumPy {np.__version__}, {said.rounds} rounds of {said.seconds} s each, {load()}\n", flush=True)
    everybody = start()
    try:
        missed = table(everybody, said.rounds, said.seconds, nets, rows)
    finally:
        for competitor in everybody.values():
            competitor.end()
    missed += preparation(said.seconds)
    print(f"\n{missed} goals missed; {load()}")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
