"""Small models of every kind for the tests of the exporters, made in memory."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

import mlp_runtime
from mlp_runtime.activations import ACTIVATIONS
from mlp_runtime.inputs import Column, ImageInput, Input, TableInput, VectorInput
from mlp_train.export import Layer, to_bytes

BUILT_IN = tuple(ACTIVATIONS)
LETTERS: dict[str, Any] = {"kind": "classes", "classes": ["a", 'say "b"?', "ç\\"]}
TWO: dict[str, Any] = {"kind": "classes", "classes": ["no", "yes"], "threshold": 0.4}
LABELS: dict[str, Any] = {"kind": "labels", "labels": ["x", "y", "z"], "threshold": 0.45}
NUMBERS: dict[str, Any] = {"kind": "numbers", "names": ["length", "width"], "mean": 20.0, "scale": 3.0}
NUMBER: dict[str, Any] = {"kind": "numbers", "names": ["price"]}

SAYABLE = (  # what every form can say
    Column("Age", "number", fill=29.0, mean=30.0, scale=0.1, missing=True),
    Column("Fare (low)", "number", edges=(0.0, 10.0, 30.0, 100.0)),
    Column("Sex", "category", fill="male", values=("female", "male")),
    Column("Port", "category", values=("S", "C", "Q"), missing=True),
    Column("Alone", "flag", fill=True),
)
TEXTS = (
    Column("Name", "tokens", values=("Mr", "Mrs"), missing=True),
    Column("Cabin", "prefix", values=("B", "C"), missing=True),
    Column("when", "number", part="hour", mean=12.0, scale=0.1),
    Column("when", "category", part="weekday", values=("1", "2", "3", "4", "5", "6", "7")),
)


def layers(n_in: int, *sizes: int, hidden: str = "relu", last: str = "softmax", seed: int = 0) -> list[Layer]:
    """Make layers with random weights, small enough that no activation is saturated."""
    generator = np.random.default_rng(seed)
    made: list[Layer] = []
    for given, size in itertools.pairwise((n_in, *sizes)):
        weight = generator.normal(size=(given, size)).astype(np.float32) / np.float32(2 * np.sqrt(given))
        made.append((weight, generator.normal(size=size).astype(np.float32), hidden, {}))
    made[-1] = (*made[-1][:2], last, {})
    return made


def model(prepare: Input, output: dict[str, Any], last: str, weights: str = "float32") -> mlp_runtime.Model:
    """Make a model with two hidden layers."""
    count = 1 if last == "sigmoid" and output is TWO else len(next(v for v in output.values() if isinstance(v, list)))
    return mlp_runtime.load(to_bytes(prepare, layers(prepare.size, 7, 5, count, last=last), output, weights=weights))


def vector(features: int = 4) -> VectorInput:
    """Make an input of numbers with a scaling."""
    return VectorInput(features, mean=np.linspace(-1, 1, features), scale=np.linspace(0.5, 2, features))


MODELS: dict[str, tuple[Input, dict[str, Any], str]] = {
    "numbers of a vector": (vector(), NUMBERS, "identity"),
    "one number of a plain vector": (VectorInput(3), NUMBER, "exp"),
    "classes of an image": (ImageInput(10, 12, fit="ink", box=8), LETTERS, "softmax"),
    "classes of a stretched image": (ImageInput(10, 12, fit="stretch", ink="dark", mean=20.0), LETTERS, "softmax"),
    "classes of a colour image": (ImageInput(6, 5, channels=3), LETTERS, "softmax"),
    "two classes of a table": (TableInput(SAYABLE), TWO, "sigmoid"),
    "labels of a table": (TableInput(SAYABLE), LABELS, "sigmoid"),
    "a table of texts and dates": (TableInput((*SAYABLE, *TEXTS)), LETTERS, "softmax"),
}


def of_kind(kind: str, weights: str = "float32") -> mlp_runtime.Model:
    """Make one of MODELS."""
    return model(*MODELS[kind], weights=weights)


def with_activation(name: str) -> mlp_runtime.Model:
    """Make a model with this activation in it and at its end; an exponential of exponentials would be huge."""
    hidden = "tanh" if name == "exp" else name
    output: dict[str, Any] = {"kind": "numbers", "names": ["p", "q", "r"]}
    prepare = vector(20)
    return mlp_runtime.load(to_bytes(prepare, layers(20, 40, 30, 3, hidden=hidden, last=name), output))


def raw(given: mlp_runtime.Model, count: int = 60) -> Any:
    """Make raw inputs of every sort from a model's spec, gaps in tables among them."""
    made = given.input.synthesise(count)
    if given.input.kind == "image":
        noise = np.random.default_rng(1).integers(0, 256, np.shape(made), np.uint8)
        return np.concatenate([made, noise])
    return made
