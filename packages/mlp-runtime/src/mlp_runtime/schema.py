"""A header must make sense: every key of the right type, every tensor in its place, every layer fitting the next.

The reader calls the three functions in this order; each raises `Invalid`, which names the key, the value found and
the value wanted. Keys that are not known are ignored, so that a later minor version can add some.
"""

from __future__ import annotations

import math
from typing import Any, Callable

import numpy as np

from .errors import Invalid

DTYPES = {"f4": "<f4", "f2": "<f2", "i1": "|i1", "u1": "|u1"}  # all that a tensor may be stored as
NEEDS = {"f2": "weights.float16", "i1": "weights.int8"}  # the feature that a file with such a tensor must require
MAX_RANK = 4
MAX_WIDTH = 2**20  # numbers in the network input or in a layer: a frame of 1024 x 1024
MAX_SELFTEST = 8  # inputs in the self-test ...
MAX_SELFTEST_BYTES = 2**20  # ... and their size, so that it takes next to no time or memory
_MISSING = object()


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e300


_KINDS: dict[str, Callable[[Any], bool]] = {
    "a map": lambda value: isinstance(value, dict),
    "a list": lambda value: isinstance(value, list),
    "text": lambda value: isinstance(value, str) and 0 < len(value) <= 1000,
    "true or false": lambda value: isinstance(value, bool),
    "a count": lambda value: _is_number(value) and isinstance(value, int) and value >= 0,
    "a positive count": lambda value: _is_number(value) and isinstance(value, int) and value > 0,
    "a number": _is_number,
    "a positive number": lambda value: _is_number(value) and value > 0,
    "a list of text": lambda value: isinstance(value, list) and all(isinstance(item, str) for item in value),
    "a map of numbers": lambda value: isinstance(value, dict) and all(map(_is_number, value.values())),
}
_INPUTS = ("vector", "image", "table")  # each class of `inputs` checks the rest of its own spec


def shown(value: Any) -> str:
    """Return a value for an error message, cut short, because a hostile file can hold long ones."""
    if isinstance(value, (dict, list)):
        return f"a {'map' if isinstance(value, dict) else 'list'} of {len(value)}"
    text = repr(value[:60] if isinstance(value, str) else value)
    return text if len(text) <= 70 else text[:67] + "..."


def take(table: dict[str, Any], key: str, kind: str, where: str, default: Any = _MISSING) -> Any:
    """Return `table[key]` if it is of that kind; without it the default, which nil stands for as well."""
    value = table.get(key, _MISSING)
    if default is not _MISSING and (value is _MISSING or value is None):
        return default
    if value is _MISSING:
        raise Invalid(f"header key {where}{key}: found nothing, wanted {kind}")
    if not _KINDS[kind](value):
        raise Invalid(f"header key {where}{key}: found {shown(value)}, wanted {kind}")
    return value


def _maps(table: dict[str, Any], key: str, where: str = "") -> list[tuple[str, dict[str, Any]]]:
    """Return the maps in the list `table[key]`, each with its own name for messages."""
    items = take(table, key, "a list", where)
    for index, item in enumerate(items):
        if not isinstance(item, dict):
            raise Invalid(f"header key {where}{key}[{index}]: found {shown(item)}, wanted a map")
    return [(f"{where}{key}[{index}].", item) for index, item in enumerate(items)]


def _one_of(value: str, choices: Any, where: str) -> None:
    if value not in choices:
        raise Invalid(f"header key {where}: found {shown(value)}, wanted {' or '.join(map(repr, choices))}")


def check_header(header: dict[str, Any]) -> None:
    """Check that every key which this version knows is there and of the right type."""
    spec = take(header, "input", "a map", "")
    kind = take(spec, "kind", "text", "input.")
    _one_of(kind, _INPUTS, "input.kind")
    _needs(header, f"input.{kind}/1", f"an input of kind {kind!r}")

    layers = _maps(header, "layers")
    if not layers:
        raise Invalid("header key layers: found an empty list, wanted at least one layer")
    for where, layer in layers:
        for key in ("weight", "bias", "activation"):
            take(layer, key, "text", where)
        take(layer, "parameters", "a map of numbers", where, {})

    _check_output(take(header, "output", "a map", ""))
    if header.get("selftest") is not None:
        _check_selftest(take(header, "selftest", "a map", ""), kind)
    take(header, "meta", "a map", "", {})
    take(header, "training", "a map", "", {})


def _needs(header: dict[str, Any], feature: str, because: str) -> None:
    if feature not in header["requires"]:
        raise Invalid(f"header key requires: found no {feature!r}, wanted it because the file has {because}")


def _check_output(output: dict[str, Any]) -> None:
    kind = take(output, "kind", "text", "output.")
    _one_of(kind, ("classes", "numbers"), "output.kind")
    key = "classes" if kind == "classes" else "names"
    names = take(output, key, "a list of text", "output.")
    least = 2 if kind == "classes" else 1
    if len(names) < least or len(set(names)) != len(names):
        raise Invalid(f"header key output.{key}: found {shown(names)}, wanted at least {least} different names")
    if kind == "classes":
        threshold = take(output, "threshold", "a number", "output.", 0.5)
        if not 0 <= threshold <= 1:
            raise Invalid(f"header key output.threshold: found {threshold}, wanted a number from 0 to 1")
        take(output, "temperature", "a positive number", "output.", 1.0)
    else:
        take(output, "mean", "a number", "output.", 0.0)
        if take(output, "scale", "a number", "output.", 1.0) == 0:
            raise Invalid("header key output.scale: found 0, wanted another number")


def _check_selftest(selftest: dict[str, Any], kind: str) -> None:
    inputs = take(selftest, "inputs", "a map", "selftest.")
    if kind == "table":
        rows = _maps(inputs, "rows", "selftest.inputs.")
        if not 1 <= len(rows) <= MAX_SELFTEST:
            raise Invalid(f"header key selftest.inputs.rows: found {len(rows)} rows, wanted 1 to {MAX_SELFTEST}")
    else:
        take(inputs, "tensor", "text", "selftest.inputs.")
    take(selftest, "outputs", "text", "selftest.")
    take(selftest, "tolerance", "a positive number", "selftest.")


def check_tensors(header: dict[str, Any], block: np.ndarray, align: int) -> None:
    """Check the table of tensors: in order, aligned, no overlap, zeros between, and the last one ends the block."""
    end, seen = 0, {}
    for where, entry in _maps(header, "tensors"):
        name = take(entry, "name", "text", where)
        if name in seen:
            raise Invalid(f"header key {where}name: found {shown(name)} a second time, wanted it once")
        dtype = take(entry, "dtype", "text", where)
        _one_of(dtype, DTYPES, where + "dtype")
        if dtype in NEEDS:
            _needs(header, NEEDS[dtype], f"a tensor of type {dtype}")
        shape = take(entry, "shape", "a list", where)
        if not 1 <= len(shape) <= MAX_RANK or not all(map(_KINDS["a positive count"], shape)):
            raise Invalid(f"header key {where}shape: found {shown(shape)}, wanted 1 to {MAX_RANK} positive counts")
        length = take(entry, "length", "a count", where)
        wanted = math.prod(shape) * int(dtype[1])
        if length != wanted:
            raise Invalid(f"header key {where}length: found {length}, wanted {shown(wanted)} for shape {shape}")
        offset = take(entry, "offset", "a count", where)
        start = -(-end // align) * align
        if offset != start:
            raise Invalid(
                f"header key {where}offset: found {offset}, wanted {start}, where the next multiple of {align} is"
            )
        if offset + length > len(block):
            raise Invalid(f"header key {where}length: found an end at {offset + length}, wanted at most {len(block)}")
        if block[end:offset].any():
            raise Invalid(f"tensor block: found a byte that is not 0 before {offset}, wanted zeros between tensors")
        end, seen[name] = offset + length, entry
    if end != len(block):
        raise Invalid(f"tensor block: found {len(block) - end} bytes behind the last tensor, wanted none")
    for where, entry in _maps(header, "tensors"):
        if entry["dtype"] == "i1":
            scale = seen.get(take(entry, "scale", "text", where))
            if scale is None or scale["dtype"] != "f4" or scale["shape"] != entry["shape"][:1]:
                raise Invalid(
                    f"header key {where}scale: wanted the name of an f4 tensor of shape [{entry['shape'][0]}]"
                )


def check_chain(header: dict[str, Any], tensors: dict[str, np.ndarray], size: int) -> None:
    """Check that every layer takes what the one before it gives, from the input of `size` numbers to the output."""
    used: set[str] = set()
    given, giver = size, "the input"
    for index, layer in enumerate(header["layers"]):
        where = f"layers[{index}]."
        weight = _tensor(tensors, layer["weight"], where + "weight", used)
        bias = _tensor(tensors, layer["bias"], where + "bias", used)
        if weight.ndim != 2 or weight.dtype != np.float32:
            raise Invalid(f"header key {where}weight: found {_form(weight)}, wanted float32 (outputs, inputs)")
        outputs, inputs = weight.shape
        if bias.shape != (outputs,) or bias.dtype != np.float32:
            raise Invalid(f"header key {where}bias: found {_form(bias)}, wanted float32 ({outputs},) like the weight")
        if inputs != given:
            raise Invalid(f"header key {where}weight: layer {index} expects {inputs} inputs but {giver} gives {given}")
        if max(inputs, outputs) > MAX_WIDTH:
            raise Invalid(f"header key {where}weight: found {weight.shape}, wanted at most {MAX_WIDTH} in and out")
        given, giver = outputs, f"layer {index}"

    output = header["output"]
    names = output["classes" if output["kind"] == "classes" else "names"]
    single = output["kind"] == "classes" and len(names) == 2 and given == 1
    if given != len(names) and not single:
        raise Invalid(f"header key output: found {len(names)} names, but {giver} gives {given} numbers")
    if output.get("threshold") is not None and not single:
        raise Invalid("header key output.threshold: wanted nothing, because only one number for two classes has one")
    if header.get("selftest") is not None:
        _check_selftest_tensors(header["selftest"], tensors, used, given)


def _check_selftest_tensors(
    selftest: dict[str, Any], tensors: dict[str, np.ndarray], used: set[str], given: int
) -> None:
    inputs = selftest["inputs"]
    if "tensor" in inputs:
        frames = _tensor(tensors, inputs["tensor"], "selftest.inputs.tensor", used)
        if len(frames) > MAX_SELFTEST or frames.nbytes > MAX_SELFTEST_BYTES:
            raise Invalid(
                f"header key selftest.inputs.tensor: found {_form(frames)},"
                f" wanted at most {MAX_SELFTEST} inputs in {MAX_SELFTEST_BYTES} bytes"
            )
    count = len(frames) if "tensor" in inputs else len(inputs["rows"])
    outputs = _tensor(tensors, selftest["outputs"], "selftest.outputs", used)
    if outputs.shape != (count, given) or outputs.dtype != np.float32:
        raise Invalid(f"header key selftest.outputs: found {_form(outputs)}, wanted float32 ({count}, {given})")


def _tensor(tensors: dict[str, np.ndarray], name: str, where: str, used: set[str]) -> np.ndarray:
    """Return a tensor that nothing has used before: a shared one would let a small file ask for much work."""
    if name not in tensors:
        raise Invalid(f"header key {where}: found {shown(name)}, wanted the name of a tensor in the file")
    if name in used:
        raise Invalid(f"header key {where}: found {shown(name)} a second time, wanted a tensor of its own")
    used.add(name)
    return tensors[name]


def _form(array: np.ndarray) -> str:
    return f"{array.dtype} {array.shape}"
