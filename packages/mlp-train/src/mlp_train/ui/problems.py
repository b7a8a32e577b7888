"""What one can step through: two tiny networks that are always there, and the open model with its own data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from mlp_data.dataset import Dataset, Split
from mlp_runtime import InputError, Model
from mlp_runtime.inputs import ImageInput, TableInput
from mlp_train.array import Array
from mlp_train.derivatives import DERIVATIVES
from mlp_train.errors import UsageError
from mlp_train.initializers import initialize
from mlp_train.losses import LOSSES, parse_loss
from mlp_train.network import LayerSpec, Network
from mlp_train.provenance import provenance
from mlp_train.raw_batches import batches
from mlp_train.ui.state import Workbench

SMALL = {
    "xor": ("XOR, 2-3-2", (2, 3, 2)),
    "deep": ("XOR, 2-3-3-2", (2, 3, 3, 2)),
    "digits": ("digits, 64-16-10", (64, 16, 10)),
}
ACTIVATIONS = ("tanh", "sigmoid", "relu")  # to choose from in the small networks
DRAWN = -1  # in place of a sample's number: what the person drew
MOST_WEIGHTS = 2**21  # of one layer: the page shows them all
MADE_UP = 20  # samples, where a model comes without its data
_SPLITS = ("test", "valid", "train")
_SIDE = 8

Rows = Callable[[Sequence[int]], tuple[Array, Array, list[str]]]


@dataclass(frozen=True, eq=False)
class Problem:
    """A network in float64, the name of its loss, and samples to send through it.

    rows(numbers): x, y and the right answers in words. picture: height, width and channels where x is an image.
    place: turns a drawing, uint8 (height, width[, 3]), into x (1, n_in); None where none can be taken.
    note: what a person should know of the samples.
    """

    network: Network
    loss: str
    count: int
    rows: Rows
    inputs: Sequence[str]
    outputs: Sequence[str]
    picture: tuple[int, int, int] | None = None
    place: Callable[[Array], Array] | None = None
    note: str = ""


def small(name: str, activation: str) -> Problem:
    """Return one of the small networks, freshly started and always with the same numbers.

    >>> small("xor", "tanh").network.weights[0].shape
    (2, 3)
    """
    if name not in SMALL or activation not in ACTIVATIONS:
        raise UsageError(f"there is no small network {name[:40]!r} with the activation {activation[:40]!r}")
    sizes = SMALL[name][1]
    names = [activation] * (len(sizes) - 2) + ["softmax"]
    network = Network([LayerSpec(a, b, f) for a, b, f in zip(sizes[:-1], sizes[1:], names, strict=True)], np.float64)
    generator = np.random.default_rng(4)
    initialize(network, generator)
    if name == "digits":
        return Problem(
            network, "cross-entropy", len(_digits()), _digit_rows, (), tuple("0123456789"), (_SIDE, _SIDE, 1),
            lambda frame: _small_image(frame[None]), "handwritten digits of the sample, 8 x 8 pixels",
        )  # fmt: skip
    network.flat[: network.weight_count] = np.round(network.flat[: network.weight_count], 1)  # easy to read aloud
    biases = network.flat[network.weight_count :]
    biases[:] = generator.choice([-0.25, -0.15, 0.15, 0.25], len(biases))  # so that no z is 0, where ReLU has its kink
    return Problem(network, "cross-entropy", 4, _xor_rows, ("x1", "x2"), ("0", "1"), note="the four rows of XOR")


def _xor_rows(numbers: Sequence[int]) -> tuple[Array, Array, list[str]]:
    x = np.array([[1.0, 1.0], [1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])[list(numbers)]  # the one without zeros first
    answers = (x[:, 0] != x[:, 1]).astype(int)
    return x, np.eye(2)[answers], [str(answer) for answer in answers]


@cache
def _digits() -> Split:
    import mlp_data

    return mlp_data.load("digits").splits["test"]


def _digit_rows(numbers: Sequence[int]) -> tuple[Array, Array, list[str]]:
    taken = _digits().take(np.array(numbers))
    assert taken.y is not None
    return _small_image(np.asarray(taken.x)), np.eye(10)[taken.y], [str(digit) for digit in taken.y]


def _small_image(frames: Array) -> Array:
    """Return frames as rows of 8 x 8 pixels, from 0 to 1."""
    wanted = ImageInput(_SIDE, _SIDE, scale=1 / 255, fit="ink", box=_SIDE)
    return wanted.scale(wanted.prepare(frames)).astype(np.float64)


def of_model(workbench: Workbench) -> Problem:
    """Return the open model with samples that it has not learned from, if its data are known."""
    model = workbench.model
    network, loss = network_of(model), loss_of(model)
    names = tuple(model.classes or model.describe()["output"]["names"])
    outputs = names if len(names) == len(network.biases[-1]) else (f"probability of {names[-1]}",)
    inputs = model.input.output_names if isinstance(model.input, TableInput) else ()
    picture = place = None
    if isinstance(model.input, ImageInput):
        picture, place = (model.input.height, model.input.width, model.input.channels), _placer(model)
    if workbench.opened.source is None:
        count, rows, note = MADE_UP, _made_up_rows(model), "made-up inputs, whose right answer is the model's own"
    else:
        dataset = workbench.dataset()
        known = {name: split for name, split in dataset.splits.items() if len(split) and split.y is not None}
        name = next((name for name in _SPLITS if name in known), None)
        if name is None:
            raise UsageError(f"{dataset.name}: no row has an answer to compare with: give data with the target column")
        count, rows = len(known[name]), _data_rows(model, dataset, known[name])
        note = f"the {name} samples of {workbench.info()['source']}"
    return Problem(network, loss, count, rows, inputs, outputs, picture, place, note)


def network_of(model: Model) -> Network:
    """Return a model's layers as the trainer has them, in float64; UsageError where one cannot be trained or shown."""
    layers = []
    for i, one in enumerate(model.layers):
        if one.activation.name not in DERIVATIVES:
            raise UsageError(
                f"layer {i} has the activation {one.activation.name!r}, whose derivative is not known here"
            )
        if one.weight.size > MOST_WEIGHTS:
            raise UsageError(
                f"layer {i} has {one.weight.size:,} weights, and at most {MOST_WEIGHTS:,} can be shown: choose a small "
                "network"
            )
        layers.append(LayerSpec(one.weight.shape[1], one.weight.shape[0], one.activation.name, one.parameters))
    network = Network(layers, np.float64)
    for i, one in enumerate(model.layers):
        network.weights[i][:], network.biases[i][:] = one.weight.T, one.bias
    return network


def loss_of(model: Model) -> str:
    """Return the loss that the model was trained with, if it says so, else the one that goes with its last layer."""
    last = model.layers[-1].activation.name
    said = provenance(model.training).get("configuration", {}).get("loss")
    if isinstance(said, str) and said != "auto":
        try:
            if parse_loss(said).activation in (None, last):
                return said
        except UsageError:
            pass  # of a plug-in that is not here, or no loss at all
    return next((name for name, loss in LOSSES.items() if loss.activation == last), "squared-error")


def _data_rows(model: Model, dataset: Dataset, split: Split) -> Rows:
    def rows(numbers: Sequence[int]) -> tuple[Array, Array, list[str]]:
        taken = split.take(np.array(numbers))
        raw = next(iter(batches(taken.x)))
        x = model.input.scale(model.input.prepare(raw, True)).astype(np.float64)
        assert taken.y is not None
        return x, *_targets(model, dataset.classes, taken.y)

    return rows


def _targets(model: Model, classes: Sequence[str], answers: Array) -> tuple[Array, list[str]]:
    """Return the rows of targets and the answers in words; classes are matched by name."""
    if not model.classes:
        output = model.describe()["output"]
        numbers = answers.reshape(len(answers), -1).astype(np.float64)
        scaled = (numbers - (output.get("mean") or 0.0)) / (output.get("scale") or 1.0)
        return scaled, [", ".join(f"{number:,.4g}" for number in row) for row in numbers]
    for name in classes:
        if name not in model.classes:
            raise InputError(f"the data have the class {name!r}, which the model does not know: give its own data")
    places = [model.classes.index(name) for name in classes]
    if model.output_kind == "labels":
        y = np.zeros((len(answers), len(model.classes)))
        y[:, places] = answers
        hold = [[name for name, holds in zip(model.classes, row, strict=True) if holds] for row in y]
        return y, [", ".join(names) or "none" for names in hold]
    chosen = np.array(places)[answers]
    return one_hot(chosen, len(model.layers[-1].bias)), [model.classes[place] for place in chosen]


def one_hot(chosen: Array, outputs: int) -> Array:
    """Return targets for classes: a 1 at the class, or the class itself, 0 or 1, where one output stands for two."""
    if outputs == 1:
        return chosen[:, None].astype(np.float64)
    y: Array = np.eye(outputs)[chosen]
    return y


def _made_up_rows(model: Model) -> Rows:
    def rows(numbers: Sequence[int]) -> tuple[Array, Array, list[str]]:
        raw: Any = model.input.synthesise(MADE_UP)
        x = model.input.scale(model.input.prepare(raw, True))[list(numbers)]
        return x.astype(np.float64), *own_answer(model, x)

    return rows


def own_answer(model: Model, x: Array) -> tuple[Array, list[str]]:
    """Return what the model itself says of prepared x, as targets and in words: nothing else is known."""
    said = model.forward(x.astype(np.float32))
    if not model.classes:
        return said.astype(np.float64), ["its own answer"] * len(x)
    if model.output_kind == "labels":
        return (said >= 0.5).astype(np.float64), ["its own answer"] * len(x)
    chosen = (said[:, 0] >= 0.5).astype(int) if said.shape[1] == 1 else said.argmax(axis=1)
    return one_hot(chosen, said.shape[1]), [model.classes[place] for place in chosen]


def _placer(model: Model) -> Callable[[Array], Array]:
    wanted = model.input
    assert isinstance(wanted, ImageInput)

    def place(frame: Array) -> Array:
        """Take what Draw prepared: it is the network's own frame already."""
        if frame.size != wanted.size:
            raise InputError(f"the drawing has {frame.size} levels, but the model takes {wanted.size}: draw anew")
        return wanted.scale(frame.reshape(1, -1)).astype(np.float64)

    return place
