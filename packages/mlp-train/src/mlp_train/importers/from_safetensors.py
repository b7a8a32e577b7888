"""Safetensors hold arrays and no network: a small spec beside them, JSON or TOML, says what each is for."""

from __future__ import annotations

import hashlib
import importlib
import json
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pydantic
from pydantic import Field

from mlp_runtime.activations import get_activation
from mlp_runtime.errors import InputError, nearest, shown
from mlp_train.array import Array
from mlp_train.errors import ForeignModelError, UsageError, unreadable
from mlp_train.importers.answers import Found, Wishes
from mlp_train.importers.checking import Feed, Imported, Reference, taken_over
from mlp_train.importers.net import Net, raw_numbers
from mlp_train.importers.sources import Source
from mlp_train.settings import parse_toml

MAX_SPEC = 2**20  # bytes
MOST_NAME = 60  # letters of an activation
Numbers = str | list[float]  # the name of a tensor, or the numbers themselves


class _Part(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class LayerSpec(_Part):
    """One layer. layout: how the weight is stored, (outputs, inputs) as in PyTorch or (inputs, outputs) as in Keras."""

    weight: str
    bias: str | None = None
    layout: Literal["out-in", "in-out"] = "out-in"
    activation: str = "identity"
    parameters: dict[str, float] = {}


class InputSpec(_Part):
    """How an input is scaled, (x - mean) * scale, and what its numbers are called."""

    mean: Numbers | None = None
    scale: Numbers | None = None
    names: list[str] | None = None


class OutputSpec(_Part):
    """What the outputs are called: one of the three."""

    classes: list[str] | None = None
    labels: list[str] | None = None
    names: list[str] | None = None
    logits: bool = False


class Spec(_Part):
    """What the tensors of a file are."""

    layers: list[LayerSpec] = Field(min_length=1, max_length=1000)
    input: InputSpec = InputSpec()
    output: OutputSpec = OutputSpec()


def import_safetensors(path: str | Path, content: bytes, spec_path: str | Path, wish: Wishes) -> Imported:
    """Return the model of a safetensors file and its spec."""
    spec = read_spec(spec_path)
    tensors = _tensors(content)

    def tensor(name: str, axes: int) -> Array:
        if name not in tensors:
            raise ForeignModelError(f"there is no tensor {shown(name)}{nearest(name, tensors)}, which the spec names")
        return _checked(tensors[name], name, axes)

    def constants(given: Numbers | None) -> Array | None:
        return None if given is None else tensor(given, 1) if isinstance(given, str) else np.array(given)

    plain: list[tuple[Array, Array, str, dict[str, float]]] = []
    for layer in spec.layers:
        weight = tensor(layer.weight, 2).astype(np.float64)
        weight = weight.T if layer.layout == "out-in" else weight
        bias = np.zeros(weight.shape[1]) if layer.bias is None else tensor(layer.bias, 1).astype(np.float64)
        plain.append((weight, bias, layer.activation, _parameters(layer)))
    width = len(plain[0][0])
    source = Source("x", "number", (width,), tuple(spec.input.names) if spec.input.names else None)
    net = Net((raw_numbers("x", width),))
    mean, scale = constants(spec.input.mean), constants(spec.input.scale)
    if mean is not None or scale is not None:
        net = net.centred(0.0 if mean is None else mean, 1.0 if scale is None else scale, "the spec's input")
    for index, (weight, bias, activation, parameters) in enumerate(plain):
        where = f"layer {index} ({shown(spec.layers[index].weight)})"
        net = net.dense(weight, bias, where).activate(activation, parameters, where)
    said = {key: getattr(wish, key) or _tuple(getattr(spec.output, key)) for key in ("classes", "labels", "names")}
    merged = Wishes(**said, features=wish.features, logits=wish.logits or spec.output.logits)
    origin = {"form": "safetensors", "file": Path(path).name, "sha256": hashlib.sha256(content).hexdigest()}
    reference = Reference("the spec in float64", lambda feed: _forward(plain, mean, scale, feed))
    return taken_over(net, [source], Found(), merged, reference, origin, "its last layer", Path(path).stem)


def read_spec(path: str | Path) -> Spec:
    """Return the spec of a JSON or TOML file; UsageError says in one sentence what is wrong with it."""
    try:
        with Path(path).open("rb") as file:
            text = file.read(MAX_SPEC + 1).decode()
    except OSError as error:
        raise UsageError(f"{path}: the spec cannot be read: the system says '{error.strerror}'") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: the spec is neither JSON nor TOML, but no text at all") from error
    if len(text) > MAX_SPEC:
        raise UsageError(f"{path}: the spec is larger than {MAX_SPEC:,} bytes")
    try:
        is_json = text.lstrip().startswith("{")
        said = json.loads(text, object_pairs_hook=_once) if is_json else parse_toml(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: the spec is neither JSON nor TOML: {unreadable(error)}") from error
    try:
        return Spec(**said)
    except pydantic.ValidationError as error:
        # Of numbers or the name of a tensor: whoever gave numbers wants to know what is wrong with those.
        found = error.errors(include_url=False)
        first = next((one for one in found if one["loc"][-1:] != ("str",)), found[0])
        at = ".".join(str(part) for part in first["loc"] if part not in ("str", "list[float]")) or "it"
        raise UsageError(f"{path}: {at} cannot be used: {first['msg'][:1].lower()}{first['msg'][1:]}") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a map of JSON; ValueError where a key comes twice, of which either may be meant."""
    made: dict[str, Any] = {}
    for key, value in pairs:
        if key in made:
            raise ValueError(f"the key {shown(key)} comes twice")
        made[key] = value
    return made


def _tensors(content: bytes) -> dict[str, Array]:
    try:
        package: Any = importlib.import_module("safetensors.numpy")
    except ImportError as error:
        raise UsageError(
            "reading safetensors needs the package of that name: pip install 'mlp-train[safetensors]'"
        ) from error
    try:
        made: dict[str, Array] = package.load(content)
    except Exception as error:  # SafetensorError, and KeyError for types that NumPy has not
        why = " ".join(str(error).split())[:120]
        raise ForeignModelError(f"the safetensors file is damaged, or has a type that NumPy has not: {why}") from error
    return made


def _checked(values: Array, name: str, axes: int) -> Array:
    if values.ndim != axes or not values.size or values.dtype.kind != "f":
        raise ForeignModelError(
            f"the tensor {shown(name)} is {shown(values)}, but the spec needs floats of {axes} axes there"
        )
    return values


def _parameters(layer: LayerSpec) -> dict[str, float]:
    if len(layer.activation) > MOST_NAME:
        raise UsageError(f"the spec's layer {shown(layer.weight)}: there is no activation {shown(layer.activation)}")
    try:
        known = get_activation(layer.activation).parameters
    except InputError as error:
        raise UsageError(f"the spec's layer {shown(layer.weight)}: {error}") from error
    for key in layer.parameters:
        if key not in known:
            raise UsageError(f"the activation {layer.activation} has no parameter {shown(key)}{nearest(key, known)}")
    return {**known, **layer.parameters}


def _tuple(names: list[str] | None) -> tuple[str, ...] | None:
    return None if names is None else tuple(names)


def _forward(
    layers: list[tuple[Array, Array, str, dict[str, float]]], mean: Array | None, scale: Array | None, feed: Feed
) -> Array:
    """Compute what the spec says, as it says it, in float64."""
    a = (feed["x"] - (0.0 if mean is None else mean)) * (1.0 if scale is None else scale)
    for weight, bias, activation, parameters in layers:
        z = a @ weight + bias
        a = np.empty_like(z)
        get_activation(activation).forward(z, a, **parameters)
    return a
