"""A model takes a raw input, prepares it as in training, runs it through its layers and says what the output means.

Shapes: `raw` is one input or a batch of them; `x` is prepared input, float32 (n_in,) or (batch, n_in).
"""

from __future__ import annotations

import copy
import os
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Iterable, Iterator, Union

import numpy as np

from .activations import ACTIVATIONS
from .errors import InputError, Invalid, ModelFileError, UnknownActivation, nearest, shown
from .forward import Layer, Plan
from .inputs.common import Frozen
from .modelfile import ModelFile, located, read
from .schema import NAMES, header_error

if TYPE_CHECKING:
    from .inputs import Input
    from .modelfile import Source


def load(source: Source, *, verify: bool = True, selftest: bool = True, mmap: bool = False) -> Model:
    """Load a model from a path, bytes or a binary file, and check it whole; nothing in it is ever run as code.

    `verify=False` skips the SHA-256, `selftest=False` the few inputs with known answers that the file carries.
    `mmap=True` leaves float32 weights in the file: nothing is copied, and processes share them; whoever changes the
    file then changes the model. Together with verify=False a file opens at once, whatever its size, and nothing that
    would read the weights is checked: that is for files that nobody else can write.
    Raises a `ModelFileError` (NotAModel, Damaged, TooNew or Invalid) that says what was found and what was wanted.

    >>> load(b"PK\\x03\\x04 and so on")
    Traceback (most recent call last):
    mlp_runtime.errors.NotAModel: model: found a zip archive at the start, wanted the magic of a .mlp model file
    """
    file = read(source, verify, mmap)
    try:
        model = Model(file, os.fspath(source) if isinstance(source, (str, os.PathLike)) else None)
        if selftest and (verify or not mmap) and file.header.get("selftest") is not None:
            _check_selftest(model, file)
    except ModelFileError as error:
        raise located(error, source) from None
    return model


class Model(Frozen):
    """A loaded model. It never changes, so threads may share it; every array it returns is fresh and the caller's.

    `input` prepares raw inputs, `output_kind` is "classes" (one is the answer), "labels" (any number of them is) or
    "numbers", `classes` are the classes or labels (empty for numbers), `layers` hold the weights (n_out, n_in) and
    biases (n_out,), read-only, `meta` and `training` say where the model comes from, `path` is the file it was loaded
    from, if any.
    """

    def __init__(self, file: ModelFile, path: Union[str, None] = None) -> None:
        """Make a model of a checked file; `load` is the usual way to get one."""
        header = file.header
        given = {key: value for key, value in header["output"].items() if value is not None}
        self._output: dict[str, Any] = {"threshold": 0.5, "mean": 0.0, "scale": 1.0, **given}
        self._names: tuple[str, ...] = tuple(given[NAMES[given["kind"]]])
        self._file = file
        with np.errstate(over="ignore", invalid="ignore"):  # absurd weights are no reason to print a warning
            self._plan = Plan([_layer(file, index, spec) for index, spec in enumerate(header["layers"])])
        self.layers = self._plan.layers
        self.input: Input = file.input
        self.output_kind: str = given["kind"]
        self.classes = () if self.output_kind == "numbers" else self._names
        self.path = path
        self._freeze()

    def predict(self, raw: Any, *, strict: bool = False) -> Any:
        """Return the label (str) or number (float) of one input, or an array with that of every input of a batch.

        A model that gives several numbers returns an array (n,) for one input; one of labels returns a tuple of those
        that hold, and a list of such tuples for a batch. With `strict=True` the bits of an answer don't depend on what
        else is in the batch.
        """
        many, output = self._run(raw, strict, logits=self.output_kind == "classes")
        if not self.classes:
            numbers = output * self._output["scale"] + self._output["mean"]
            if len(self._names) == 1:
                numbers = numbers[..., 0]
            return numbers if many or numbers.ndim else float(numbers)
        threshold = np.float32(self._output["threshold"])  # older NumPy would compare one answer in float64
        if self.output_kind == "labels":
            rows = np.atleast_2d(output >= threshold)
            hold = [tuple(name for name, holds in zip(self.classes, row) if holds) for row in rows]
            return hold if many else hold[0]
        single = output.shape[-1] == 1
        best = (output[..., 0] >= threshold).astype(int) if single else output.argmax(axis=-1)
        return np.array(self.classes)[best] if many else self.classes[int(best)]

    def predict_proba(self, raw: Any, *, strict: bool = False) -> np.ndarray:
        """Return the probability of every class or label, float32 (n_classes,) for one input or (batch, n_classes)."""
        if not self.classes:
            raise InputError("predict_proba takes a model with classes, but this one gives numbers: use predict")
        _, output = self._run(raw, strict)
        is_single = output.shape[-1] == 1 and self.output_kind == "classes"
        return np.concatenate((1 - output, output), axis=-1) if is_single else output

    def predict_iter(self, raws: Iterable[Any], *, batch: int = 256) -> Iterator[Any]:
        """Yield the answer to each of many inputs, which may come from a generator; `batch` of them are in memory."""
        rows = iter(raws)
        while some := list(islice(rows, batch)):
            yield from self.predict(some)

    def top(self, raw: Any, n: int = 3) -> list[Any]:
        """Return the `n` likeliest classes as (label, probability), likeliest first; a batch gives a list of such."""
        probabilities = self.predict_proba(raw)
        rows = [
            [(self.classes[index], float(row[index])) for index in np.argsort(-row, kind="stable")[: max(n, 0)]]
            for row in np.atleast_2d(probabilities)
        ]
        return rows if probabilities.ndim == 2 else rows[0]

    def forward(self, x: Any, *, strict: bool = False) -> np.ndarray:
        """Return the last activation for prepared float32 `x`, (n_in,) or (batch, n_in): no preparation, no labels."""
        return self._plan(x, strict)

    def trace(self, x: Any) -> list[np.ndarray]:
        """Return [x, a1, ..., output] for prepared `x`: what every layer said."""
        return [np.array(a) for a in self._plan.trace(x)]

    def _run(self, raw: Any, strict: bool, logits: bool = False) -> tuple[bool, np.ndarray]:
        """Prepare and run; return whether `raw` was a batch, and the output: (batch, n_out), or (n_out,) for one."""
        many = self.input.is_batch(raw)
        x = self.input.scale(self.input.prepare(raw, many))
        return many, self._plan(x if many else x[0], strict, logits)

    @property
    def meta(self) -> dict[str, Any]:
        """What the file says of itself, such as name, version and licence (a fresh copy)."""
        return copy.deepcopy(self._file.header.get("meta") or {})

    @property
    def training(self) -> dict[str, Any]:
        """What the file says of its training, such as metrics and data fingerprint (a fresh copy)."""
        return copy.deepcopy(self._file.header.get("training") or {})

    def describe(self) -> dict[str, Any]:
        """Return all that is known of the model but its weights, as a fresh dict that json can write."""
        header = self._file.header
        stored = {entry["name"]: entry["dtype"] for entry in header["tensors"]}
        layers = [
            {
                "inputs": layer.weight.shape[1],
                "outputs": layer.weight.shape[0],
                "activation": layer.activation.name,
                "parameters": dict(layer.parameters),
                "dtype": stored[spec["weight"]],
            }
            for layer, spec in zip(self.layers, header["layers"])
        ]
        return {
            "path": self.path,
            "format": "{}.{}".format(*self._file.version),
            "bytes": len(self._file.content),
            "weights": sum(layer.weight.size + layer.bias.size for layer in self.layers),
            "input": copy.deepcopy(header["input"]),
            "layers": layers,
            "output": copy.deepcopy(header["output"]),
            "selftest": header.get("selftest") is not None,
            "meta": self.meta,
            "training": self.training,
        }

    def __deepcopy__(self, memo: Any = None) -> Model:
        return self  # what never changes need not be copied

    __copy__ = __deepcopy__

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (self._file.content.tobytes(), self.path)

    def __repr__(self) -> str:
        sizes = [self.layers[0].weight.shape[1], *(len(layer.bias) for layer in self.layers)]
        name = self.meta.get("name", self.path or "")
        return f"<mlp_runtime.Model {name}: {self.input.kind} {'-'.join(map(str, sizes))}>"


def _restore(content: bytes, path: Union[str, None]) -> Model:
    """Make a pickled model again from its own bytes, which were checked when it was loaded the first time."""
    return Model(read(content, verify=False), path)


def _layer(file: ModelFile, index: int, spec: dict[str, Any]) -> Layer:
    """Return a layer with its activation, which must be one that this program knows."""
    name, where = spec["activation"], f"header key layers[{index}]"
    if name not in ACTIVATIONS:
        hint = f"{nearest(name, ACTIVATIONS)}: register_activation makes your own known before the file is loaded"
        raise UnknownActivation(f"{where}.activation: found {shown(name)}, which this program does not know{hint}")
    activation, parameters = ACTIVATIONS[name], dict(spec.get("parameters") or {})
    for key in parameters:
        if key not in activation.parameters:
            hint = nearest(key[:60], activation.parameters)
            raise Invalid(f"{where}.parameters: found {shown(key)}, which {name} does not have{hint}")
    weight, bias = file.tensors[spec["weight"]], file.tensors[spec["bias"]]
    return Layer(weight, bias, activation, MappingProxyType(parameters))


def _check_selftest(model: Model, file: ModelFile) -> None:
    """Run the inputs with known answers: does this machine compute what the trainer's did?"""
    spec = file.header["selftest"]
    wanted = file.tensors[spec["outputs"]]
    raw = spec["inputs"]["rows"] if model.input.kind == "table" else file.tensors[spec["inputs"]["tensor"]]
    with np.errstate(over="ignore", invalid="ignore"):  # absurd numbers, also those of the scaling
        try:
            x = model.input.scale(model.input.prepare(raw, True))
        except InputError as error:
            raise header_error(f"selftest.inputs: {error}") from None
        if len(x) != len(wanted):
            raise header_error(f"selftest.inputs: found {len(x)} inputs, wanted one for each of {len(wanted)} outputs")
        found = model.forward(x)
        off = np.abs(found - wanted) / np.maximum(1, np.abs(wanted))
    if not off.max() <= spec["tolerance"]:  # NaN fails too
        row, column = np.unravel_index(int(np.argmax(off)), off.shape)
        raise Invalid(
            f"self-test: input {row} gave {found[row, column]:.6g} for output {column}, wanted"
            f" {wanted[row, column]:.6g} within {spec['tolerance']:g}: this machine computes otherwise than the one"
            " that wrote the file (selftest=False loads it all the same)"
        )
