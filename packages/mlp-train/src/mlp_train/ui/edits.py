"""An edit changes a trained network on purpose, so that one sees what a unit or its weights were good for.

Edits are values in a row: the edited network is the opened one with all of them applied in turn, and to undo is to
leave the last one out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np

import mlp_runtime
from mlp_runtime import Model
from mlp_train.array import Array
from mlp_train.errors import UsageError
from mlp_train.export import to_bytes

MOST_EDITS = 100
MOST_FACTOR = 100.0
_PARTS, _EDITS = "_", "*"  # in an address they stand as they are
_NOT_ANY_MORE = ("metrics", "calibration")  # what a training map says of the network as it was before


@dataclass(frozen=True, eq=False)
class Parameters:
    """Weights (n_out, n_in) and biases (n_out,) of every layer, in copies that an edit may change in place."""

    weights: list[Array]
    biases: list[Array]

    @classmethod
    def of(cls, model: Model) -> Parameters:
        """Copy those of a model."""
        return cls([layer.weight.copy() for layer in model.layers], [layer.bias.copy() for layer in model.layers])

    def unit(self, layer: int, unit: int) -> tuple[Array, Array]:
        """Return a unit's own weights (n_in,), a view, and its layer's biases; layers count from 1, units from 0."""
        if not 1 <= layer <= len(self.weights):
            raise UsageError(f"there is no layer {layer}: this network has the layers 1 to {len(self.weights)}")
        weight = self.weights[layer - 1]
        if not 0 <= unit < len(weight):
            raise UsageError(f"layer {layer} has no unit {unit}: its units are 0 to {len(weight) - 1}")
        return weight[unit], self.biases[layer - 1]


@dataclass(frozen=True)
class SwitchOff:
    """What comes into a hidden unit and what goes out of it becomes 0, so that no later layer hears of it."""

    layer: int
    unit: int
    code: ClassVar[str] = "off"

    def apply(self, to: Parameters) -> None:
        """Change the parameters in place."""
        weight, biases = to.unit(self.layer, self.unit)
        if self.layer == len(to.weights):
            raise UsageError(f"unit {self.unit} of layer {self.layer} is an output: only hidden units are switched off")
        weight[:] = biases[self.unit] = 0
        to.weights[self.layer][:, self.unit] = 0  # a sigmoid says 0.5 to nothing: the next layer must not hear it

    def words(self) -> str:
        """Say what it does."""
        return f"switch off unit {self.unit} of layer {self.layer}"


@dataclass(frozen=True)
class Scale:
    """The weights that come into a unit are multiplied by a factor; its bias stays."""

    layer: int
    unit: int
    factor: float
    code: ClassVar[str] = "scale"

    def apply(self, to: Parameters) -> None:
        """Change the parameters in place."""
        if not abs(self.factor) <= MOST_FACTOR:
            raise UsageError(f"a factor of {self.factor:g} came, wanted one from {-MOST_FACTOR:g} to {MOST_FACTOR:g}")
        weight, _ = to.unit(self.layer, self.unit)
        weight *= np.float32(self.factor)

    def words(self) -> str:
        """Say what it does."""
        return f"multiply the weights of unit {self.unit} of layer {self.layer} by {self.factor:g}"


@dataclass(frozen=True)
class Noise:
    """Normal noise is added to all weights, as large as `share` of the standard deviation of its layer's weights.

    Weights that are 0 stay 0, so that what was switched off or pruned stays so.
    """

    share: float
    seed: int = 0
    code: ClassVar[str] = "noise"

    def apply(self, to: Parameters) -> None:
        """Change the parameters in place."""
        if not 0 <= self.share <= MOST_FACTOR:
            raise UsageError(f"noise of {self.share:g} came, wanted 0 to {MOST_FACTOR:g} deviations of the weights")
        if self.seed < 0:
            raise UsageError(f"a seed of {self.seed} came, wanted a whole number from 0")
        generator = np.random.default_rng(self.seed)
        for weight in to.weights:
            noise = generator.standard_normal(weight.shape, np.float32) * np.float32(self.share * float(weight.std()))
            weight += noise * (weight != 0)

    def words(self) -> str:
        """Say what it does."""
        return f"add noise of {self.share:.4g} of the weights' standard deviation (seed {self.seed})"


@dataclass(frozen=True)
class Prune:
    """The smallest `share` of all weights together becomes 0 (by size, Han et al., 2015); biases stay."""

    share: float
    code: ClassVar[str] = "prune"

    def apply(self, to: Parameters) -> None:
        """Change the parameters in place."""
        if not 0 <= self.share <= 1:
            raise UsageError(f"a share of {self.share:g} came, wanted one from 0 to 1")
        sizes = np.concatenate([np.abs(weight).ravel() for weight in to.weights])
        count = round(self.share * len(sizes))
        if count:
            kept = np.ones(len(sizes), bool)
            kept[np.argpartition(sizes, count - 1)[:count]] = False
            ends = np.cumsum([weight.size for weight in to.weights])[:-1]
            for weight, part in zip(to.weights, np.split(kept, ends), strict=True):
                weight *= part.reshape(weight.shape)

    def words(self) -> str:
        """Say what it does."""
        return f"set the smallest {self.share * 100:.4g} % of the weights to 0"


Edit = SwitchOff | Scale | Noise | Prune
_KINDS: tuple[type[Edit], ...] = (SwitchOff, Scale, Noise, Prune)
_READ: dict[str, Callable[[str], Any]] = {"int": int, "float": float}  # by the annotation of a field


def write(edits: Sequence[Edit]) -> str:
    """Return edits as a short text, which fits into an address.

    >>> write([SwitchOff(1, 12), Prune(0.3)])
    'off_1_12*prune_0.3'
    """
    return _EDITS.join(
        _PARTS.join([one.code, *(str(getattr(one, field.name)) for field in fields(one))]) for one in edits
    )


def read(text: str) -> tuple[Edit, ...]:
    """Return the edits of a text; UsageError where it is none of `write`.

    >>> read("off_1_12*prune_0.3")
    (SwitchOff(layer=1, unit=12), Prune(share=0.3))
    """
    said = text.split(_EDITS) if text else []
    if len(said) > MOST_EDITS:
        raise UsageError(f"{len(said)} edits came, but at most {MOST_EDITS} are taken: save the network and go on")
    return tuple(map(_edit, said))


def _edit(text: str) -> Edit:
    code, *given = text[:100].split(_PARTS)
    for kind in _KINDS:
        if kind.code == code and len(given) == len(fields(kind)):
            try:
                values = [_READ[str(field.type)](value) for field, value in zip(fields(kind), given, strict=True)]
            except ValueError:
                break
            if all(math.isfinite(value) and value >= -MOST_FACTOR for value in values):
                return kind(*values)
    raise UsageError(f"{text[:60]!r} is no edit: wanted for example off_1_12, scale_1_12_0.5, noise_0.1_7 or prune_0.3")


def edited_file(model: Model, edits: Sequence[Edit]) -> bytes:
    """Return the model file of the edited network; its `meta` says which edits were made.

    UsageError where an edit does not fit the network, OutputError where its numbers leave float32. The temperature that
    was fitted to the network before is part of its weights and no longer claimed, nor are its measured figures.
    """
    changed = Parameters.of(model)
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is refused by the exporter
        for one in edits:
            one.apply(changed)
    layers = [
        (weight.T, bias, layer.activation.name, layer.parameters)
        for weight, bias, layer in zip(changed.weights, changed.biases, model.layers, strict=True)
    ]
    output = {key: value for key, value in model.describe()["output"].items() if key != "temperature"}
    training = {key: value for key, value in model.training.items() if key not in _NOT_ANY_MORE}
    before = model.meta.get("edits")
    said = [*(before if isinstance(before, list) else []), *(one.words() for one in edits)]
    return to_bytes(model.input, layers, output, meta={**model.meta, "edits": said}, training=training)


def edited(model: Model, edits: Sequence[Edit]) -> Model:
    """Return the edited network as what the exporter writes and the runtime reads: the one that is saved."""
    return mlp_runtime.load(edited_file(model, edits), selftest=False) if edits else model  # the exporter has run it
