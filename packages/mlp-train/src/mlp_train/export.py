"""Exporting turns a trained network into one file that the runtime reads; this is the format's only writer.

docs/format.md is the specification and `mlp_runtime.modelfile` owns its constants. What is written is first read back
by the runtime, so a file that the runtime would refuse is never made.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgpack
import numpy as np

import mlp_runtime
from mlp_data.atomic import write_bytes
from mlp_runtime.activations import get_activation, layer
from mlp_runtime.errors import ModelFileError, nearest
from mlp_runtime.inputs import Input
from mlp_runtime.modelfile import (
    ALIGN,
    BIN8,
    BIN32,
    DIGEST_AT,
    DIGEST_MARK,
    HEADER_AT,
    MAGIC,
    MAJOR,
    MAX_HEADER,
    MINOR,
    UINT16,
    digest,
    padding,
)
from mlp_runtime.schema import MAX_SELFTEST_BYTES
from mlp_train.array import Array
from mlp_train.errors import OutputError, UsageError
from mlp_train.plain import plain

Layer = tuple[Array, Array, str, Mapping[str, float]]  # weight (n_in, n_out), bias (n_out,), activation, its parameters

WEIGHTS = ("float32", "float16", "int8")
FILE_DTYPES = {"float32": "f4", "float16": "f2", "int8": "i1", "uint8": "u1"}
SELFTEST_INPUTS = 3
TOLERANCE = 1e-4


def to_bytes(
    input: Input,  # noqa: A002  # the header's own word
    layers: Sequence[Layer],
    output: Mapping[str, Any],
    *,
    meta: Mapping[str, Any] | None = None,
    training: Mapping[str, Any] | None = None,
    weights: str = "float32",
    folded: bool = False,
) -> bytes:
    """Return a model file: the same arguments give the same bytes, because nothing else goes in, no clock either.

    `output` is the header's map of that name; its temperature is divided into the last layer, unless that is `folded`
    already, as in layers that come from a model file. `weights` says how weights are stored: float16 halves them, int8
    quarters them (symmetric, one scale for each output); biases stay float32. OutputError says in one sentence what the
    format does not allow, such as a weight that is not finite.

    >>> from mlp_runtime.inputs import VectorInput
    >>> double = [(np.array([[2.0]]), np.array([0.0]), "identity", {})]
    >>> data = to_bytes(VectorInput(1), double, {"kind": "numbers", "names": ["double"]})
    >>> mlp_runtime.load(data).predict([4.0])
    8.0
    """
    if weights not in WEIGHTS:
        raise UsageError(f"weights cannot be stored as {weights!r}{nearest(weights, WEIGHTS)}: {', '.join(WEIGHTS)}")
    _check_shapes(input.size, layers)
    cooled = layers if folded else _fold(layers, output)
    stored = [_store(f"layers.{i}", *one, kind=weights) for i, one in enumerate(cooled)]
    spec, tensors = input.spec()
    tensors = {**{name: tensor for one in stored for name, tensor in one.tensors.items()}, **tensors}
    selftest = _selftest(input, stored, tensors)
    entries, block = _pack(tensors)
    requires = [f"input.{input.kind}/{input.version}"]
    requires += ["output.labels/1"] if output["kind"] == "labels" else []
    requires += [] if weights == "float32" else [f"weights.{weights}"]
    header = {
        "requires": requires,
        "input": plain(spec),
        "layers": [one.entry for one in stored],
        "output": plain(output),
        "tensors": entries,
        **selftest,
        "meta": plain(meta or {}),
        "training": plain(training or {}),
    }
    data = _assemble(header, block)
    try:
        mlp_runtime.load(data)  # checks everything and runs the self-test
    except ModelFileError as error:
        raise OutputError(f"the model cannot be written, because no runtime would load it: {error}") from error
    return data


def write(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a model file atomically; OutputError says why where it cannot be written."""
    write_bytes(path, data)


@dataclass(frozen=True, eq=False)
class StoredLayer:
    """One layer as the file holds it: its entry in the header, its tensors, and what the reader makes of them."""

    entry: dict[str, Any]
    tensors: dict[str, Array]
    weight: Array  # (n_in, n_out) float32, after widening
    bias: Array

    def forward(self, a: Array) -> Array:
        """Compute the layer's activation for a batch (rows, n_in), in the plain form."""
        z = layer(a, self.weight, self.bias, out=np.empty((len(a), len(self.bias)), np.float32))
        get_activation(self.entry["activation"]).forward(z, z, **self.entry.get("parameters", {}))
        return z


def _check_shapes(given: int, layers: Sequence[Layer]) -> None:
    """Refuse layers that do not fit, before the self-test tries to multiply them."""
    for i, (weight, bias, activation, _) in enumerate(layers):
        if weight.shape != (given, *bias.shape):
            raise OutputError(
                f"the model cannot be written: layer {i} ({activation}) has a weight {weight.shape} and a bias "
                f"{bias.shape}, but is given {given} numbers; a weight is (inputs, outputs), a bias (outputs,)"
            )
        given = len(bias)


def _fold(layers: Sequence[Layer], output: Mapping[str, Any]) -> list[Layer]:
    """Divide the last weight and bias by the temperature, so that no reader needs to; the header only notes it."""
    *first, (weight, bias, activation, parameters) = layers
    temperature = float(output.get("temperature") or 1.0)
    return [*first, (weight / temperature, bias / temperature, activation, parameters)]


def _store(
    name: str, weight: Array, bias: Array, activation: str, parameters: Mapping[str, float], *, kind: str
) -> StoredLayer:
    """Turn a layer of the training, whose weight is (n_in, n_out), into what the file holds: (n_out, n_in)."""
    effective = {**get_activation(activation).parameters, **parameters}  # a default could change, a file must not
    entry = {"weight": f"{name}.weight", "bias": f"{name}.bias", "activation": activation}
    turned = np.ascontiguousarray(weight.T, np.float32)
    bias = np.ascontiguousarray(bias, np.float32)
    tensors = {f"{name}.weight": turned, f"{name}.bias": bias}
    if kind == "float16":
        with np.errstate(over="ignore"):  # refused below, as an infinity
            tensors[f"{name}.weight"] = turned.astype(np.float16)
    elif kind == "int8":
        tensors[f"{name}.weight"], tensors[f"{name}.weight.scale"] = quantise(turned)
    for key, tensor in tensors.items():
        if not np.isfinite(tensor).all():
            why = "float16 ends at 65504, so store float32" if np.isfinite(turned).all() else "train it anew"
            raise OutputError(f"the model cannot be written: {key} holds numbers that are not finite; {why}")
    wide = tensors[f"{name}.weight"].astype(np.float32)
    if kind == "int8":
        wide *= tensors[f"{name}.weight.scale"][:, None]
    return StoredLayer(
        {**entry, "parameters": plain(effective)} if effective else entry, tensors, np.ascontiguousarray(wide.T), bias
    )


def quantise(weight: Array) -> tuple[Array, Array]:
    """Return int8 values in -127..127 and a float32 scale for each row, so that values * scale is near the weight.

    >>> values, scale = quantise(np.array([[0.5, -1.27], [0.0, 0.0]], np.float32))
    >>> values.tolist(), scale.round(4).tolist()
    ([[50, -127], [0, 0]], [0.009999999776482582, 1.0])
    """
    scale = np.abs(weight).max(axis=1) / np.float32(127)
    scale[scale < np.finfo(np.float32).tiny] = 1  # a row of zeros, or of numbers too small to tell from zero
    return np.clip(np.rint(weight / scale[:, None]), -127, 127).astype(np.int8), scale


def _selftest(prepare: Input, layers: Sequence[StoredLayer], tensors: dict[str, Array]) -> dict[str, Any]:
    """Add the outputs for a few inputs that come from the spec alone to `tensors`; return the header's entry."""
    raw = prepare.synthesise(SELFTEST_INPUTS)
    if isinstance(raw, np.ndarray):
        raw = raw[: MAX_SELFTEST_BYTES // raw[0].nbytes]
        if not len(raw):  # inputs of a megabyte each: a file may do without a self-test
            return {}
        tensors["selftest.inputs"] = raw
        inputs: dict[str, Any] = {"tensor": "selftest.inputs"}
    else:
        inputs = {"rows": plain(raw)}
    a = prepare.scale(prepare.prepare(raw, many=True))  # not transform: frames 3 or 4 wide would be one in colour
    with np.errstate(over="ignore", invalid="ignore"):  # an output that is not finite is refused by the reader
        for one in layers:
            a = one.forward(a)
    tensors["selftest.outputs"] = a
    return {"selftest": {"inputs": inputs, "outputs": "selftest.outputs", "tolerance": TOLERANCE}}


def _pack(tensors: Mapping[str, Array]) -> tuple[list[dict[str, Any]], bytes]:
    """Return the table of tensors and the block, in which each begins at a multiple of 64."""
    entries, block = [], bytearray()
    for name, tensor in tensors.items():
        block.extend(bytes(-len(block) % ALIGN))
        dtype = FILE_DTYPES[tensor.dtype.name]
        payload = np.ascontiguousarray(tensor, tensor.dtype.newbyteorder("<")).tobytes()
        entry = {
            "name": name,
            "dtype": dtype,
            "shape": list(tensor.shape),
            "offset": len(block),
            "length": len(payload),
        }
        entries.append(entry | {"scale": f"{name}.scale"} if dtype == "i1" else entry)
        block.extend(payload)
    return entries, bytes(block)


def _assemble(header: Mapping[str, Any], block: bytes) -> bytes:
    """Return the whole file: every length stands in the one form that the format fixes, not the shortest one."""
    packed = msgpack.packb(header)
    if len(packed) > MAX_HEADER:
        sizes = {key: len(msgpack.packb(value)) for key, value in header.items()}
        longest = max(sizes, key=lambda key: sizes[key])
        raise OutputError(
            f"the model cannot be written: its header would take {len(packed)} bytes, {longest!r} "
            f"alone {sizes[longest]}, and the format allows {MAX_HEADER}; use fewer or shorter names there"
        )
    version = b"".join(bytes([UINT16]) + number.to_bytes(2, "big") for number in (MAJOR, MINOR))
    zeros = padding(len(packed))
    data = bytearray(MAGIC + version + DIGEST_MARK + bytes(32))
    data += bytes([BIN32]) + len(packed).to_bytes(4, "big") + packed
    data += bytes([BIN8, zeros]) + bytes(zeros)
    data += bytes([BIN32]) + len(block).to_bytes(4, "big") + block
    data[DIGEST_AT + len(DIGEST_MARK) : HEADER_AT] = digest(bytes(data))
    return bytes(data)
