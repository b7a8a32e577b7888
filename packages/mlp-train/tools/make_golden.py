"""Golden files are models that every later release must still read: this writes those of the current format version.

    python packages/mlp-train/tools/make_golden.py

A golden file that is there is never written again, because a change would hide what it should show. A new format
version gets new files. Beside each lie raw inputs with the answers that were right when it was made.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import mlp_runtime
from mlp_data.atomic import write_text
from mlp_runtime.activations import ACTIVATIONS
from mlp_runtime.inputs import Column, ImageInput, Input, TableInput, VectorInput
from mlp_train import export
from mlp_train.plain import plain

FOLDER = Path(__file__).resolve().parents[2] / "mlp-runtime" / "tests" / "golden"


def network(
    sizes: Sequence[int], activations: Sequence[tuple[str, dict[str, float]]], seed: int = 42
) -> list[export.Layer]:
    """Return layers with weights that are random but always the same."""
    generator = np.random.default_rng(seed)
    return [
        (generator.normal(size=(n_in, n_out)) / np.sqrt(n_in), generator.normal(size=n_out) / 4, name, numbers)
        for (n_in, n_out), (name, numbers) in zip(itertools.pairwise(sizes), activations, strict=True)
    ]


def vector() -> tuple[bytes, Any]:
    """Return a regression on named numbers, float32, and its inputs."""
    prepare = VectorInput(
        3,
        names=("width", "height", "depth"),
        mean=np.array([1.0, 2.0, -3.0], np.float32),
        scale=np.array([0.5, 2.0, 1.0], np.float32),
    )
    layers = network((3, 5, 4, 1), [("tanh", {}), ("leaky-relu", {"negative_slope": 0.2}), ("identity", {})])
    output = {"kind": "numbers", "names": ["price"], "mean": 100.0, "scale": 25.0}
    return export.to_bytes(prepare, layers, output, meta=about("vector")), [[0, 0, 0], [1.5, 2.5, -3], [-4, 1e3, 7]]


def counts() -> tuple[bytes, Any]:
    """Return a regression of counts, whose answers are positive, and inputs up to where they would overflow."""
    prepare = VectorInput(2)
    layers = network((2, 4, 1), [("silu", {}), ("exp", {})], seed=7)
    output = {"kind": "numbers", "names": ["visitors"], "mean": 0.0, "scale": 12.5}
    return export.to_bytes(prepare, layers, output, meta=about("counts")), [[0, 0], [1.5, -2], [-3, 4], [-900, 900]]


def image() -> tuple[bytes, Any]:
    """Return a classifier of small images, int8, and frames that are light on dark, dark on light, large and empty."""
    prepare = ImageInput(height=8, width=8, ink="auto", fit="ink", box=6)
    layers = network((64, 6, 3), [("relu", {}), ("softmax", {})], seed=15)
    output = {"kind": "classes", "classes": ["dot", "line", "ring"], "temperature": 1.5}
    frame = np.zeros((9, 11), np.uint8)
    frame[2:7, 4:6] = 200
    large = np.zeros((20, 16), np.uint8)
    large[3:17, 5:13] = 255
    large[6:14, 8:10] = 0
    frames = [frame, 255 - frame, large, np.zeros((5, 5), np.uint8)]
    return export.to_bytes(prepare, layers, output, meta=about("image"), weights="int8"), frames


def stretch() -> tuple[bytes, Any]:
    """Return a classifier of colour images, and frames of which no side, both sides, the height or the width grows."""
    prepare = ImageInput(height=7, width=9, channels=3, ink="light", fit="stretch")
    layers = network((prepare.size, 4, 2), [("elu", {}), ("softmax", {})], seed=3)
    output = {"kind": "classes", "classes": ["left", "right"]}
    generator = np.random.default_rng(3)
    sizes = [(8, 11), (4, 5), (3, 14), (12, 2)]
    frames = [generator.integers(0, 256, (*size, 3)).astype(np.uint8) for size in sizes]
    return export.to_bytes(prepare, layers, output, meta=about("stretch")), frames


def table() -> tuple[bytes, Any]:
    """Return a classifier of table rows with every type of column, float16, and rows with gaps and unknown values."""
    prepare = TableInput(
        columns=(
            Column("Age", "number", fill=28.0, mean=30.0, scale=0.0625, missing=True),
            Column("Member", "flag", fill=0),
            Column("Sex", "category", fill="male", values=("female", "male")),
            Column("Name", "tokens", fill="", values=("Mr", "Mrs")),
            Column("Cabin", "prefix", fill="", values=("B", "C")),
        )
    )
    layers = network((prepare.size, 5, 1), [("gelu", {}), ("sigmoid", {})])
    output = {"kind": "classes", "classes": ["no", "yes"], "threshold": 0.5}
    rows = [
        {"Age": 22, "Member": "1", "Sex": "male", "Name": "Braund, Mr. Owen", "Cabin": ""},
        {"Age": "38", "Member": 0, "Sex": "female", "Name": "Cumings, Mrs. John", "Cabin": "C85"},
        {"Age": None, "Member": None, "Sex": "unknown", "Name": None, "Cabin": "Z1"},
    ]
    return export.to_bytes(prepare, layers, output, meta=about("table"), weights="float16"), rows


def dates() -> tuple[bytes, Any]:
    """Return a regression on parts of dates and on a number in bins, and rows with dates of all orders and gaps."""
    prepare = TableInput(
        columns=(
            Column("Sold", "number", part="year", order="dmy", mean=2010.0, scale=0.125, missing=True),
            Column("Sold", "category", part="weekday", order="dmy", values=("1", "6", "7")),
            Column("Opened", "number", part="hour", order="mdy", fill="1/31/99 1:30 pm", edges=(6.0, 12.0, 18.0)),
            Column("Area", "number", fill=70.0, edges=(20.0, 50.0, 75.5, 240.0), missing=True),
        )
    )
    layers = network((prepare.size, 4, 1), [("silu", {}), ("identity", {})], seed=22)
    rows = [
        {"Sold": "31/1/2026", "Opened": "12/24/09 08:15", "Area": 60},
        {"Sold": "2011-07-03", "Opened": "20240229T235959Z", "Area": "500"},
        {"Sold": None, "Opened": "", "Area": None},
        {"Sold": "5.6.78", "Opened": "7/4/1976 12:00 AM", "Area": -1.5},
    ]
    output = {"kind": "numbers", "names": ["price"], "mean": 300.0, "scale": 90.0}
    return export.to_bytes(prepare, layers, output, meta=about("dates")), rows


def labels() -> tuple[bytes, Any]:
    """Return a network of several labels that may hold at once, and inputs for which one, two and all do."""
    layers = network((2, 5, 3), [("tanh", {}), ("sigmoid", {})], seed=11)
    output = {"kind": "labels", "labels": ["red", "green", "blue"], "threshold": 0.4, "temperature": 1.25}
    return export.to_bytes(VectorInput(2), layers, output, meta=about("labels")), [[0, 0], [1.5, -2], [-4, 3], [9, 9]]


def every_activation(kind: str, weights: str) -> tuple[bytes, Any]:
    """Return a network with a layer of every activation for one kind of input and one storage type, and three inputs.

    The answers hold what every layer said, so that one file shows which activation is wrong.
    """
    kinds: dict[str, tuple[Input, list[Any]]] = {
        "vector": (VectorInput(3), [[0, 0, 0], [1.5, -2, 0.25], [-4, 3, 40]]),
        "image": (
            ImageInput(height=2, width=3, ink="light", fit="none"),
            [np.arange(6, dtype=np.uint8).reshape(2, 3) * factor for factor in (0, 9, 51)],
        ),
        "table": (
            TableInput(columns=(Column("size", "number", missing=True), Column("town", "category", values=("Ulm",)))),
            [{"size": 1.5, "town": "Ulm"}, {"size": "-2", "town": ""}, {"size": None, "town": "Bonn"}],
        ),
    }
    prepare, inputs = kinds[kind]
    names = [(name, {key: value * 1.5 for key, value in ACTIVATIONS[name].parameters.items()}) for name in ACTIVATIONS]
    layers = network((prepare.size, *[4] * (len(names) - 1), 2), names, seed=5)
    output = {"kind": "numbers", "names": ["a", "b"]}
    return export.to_bytes(prepare, layers, output, meta=about(f"{kind} {weights}"), weights=weights), inputs


def makers() -> dict[str, Callable[[], tuple[bytes, Any]]]:
    """Return what makes each file, by its name."""
    chosen = {make.__name__: make for make in (vector, counts, image, stretch, table, dates, labels)}
    product = itertools.product(("vector", "image", "table"), export.WEIGHTS)
    return {**chosen, **{f"{kind}-{weights}": partial(every_activation, kind, weights) for kind, weights in product}}


def about(kind: str) -> dict[str, str]:
    """Return the `meta` map."""
    return {"name": f"golden {kind}", "licence": "MIT", "description": "random weights, made to be read for ever"}


def main() -> None:
    """Write the files that are not there yet."""
    FOLDER.mkdir(exist_ok=True)
    for name, make in makers().items():
        path = FOLDER / f"{mlp_runtime.FORMAT}-{name}.mlp"
        if path.exists():
            sys.stderr.write(f"{path.name}: is there already and stays as it is\n")
            continue
        data, inputs = make()
        model = mlp_runtime.load(data)
        expected = {
            "sha256": hashlib.sha256(data).hexdigest(),
            "inputs": plain(inputs),
            "outputs": plain(model.forward(model.input.transform(inputs))),
            "layers": [plain(a) for a in model.trace(model.input.transform(inputs))],
            "predictions": plain(model.predict(inputs)),
        }
        export.write(path, data)
        write_text(path.with_suffix(".json"), json.dumps(expected) + "\n")
        sys.stderr.write(f"{path.name}: {len(data)} bytes\n")


if __name__ == "__main__":
    main()
