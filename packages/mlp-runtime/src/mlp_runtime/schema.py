"""A header must make sense: every key of the right type, every tensor in its place, every layer fitting the next.

The reader calls the three functions `check_...` in this order; each raises `Invalid`, which names the key, the value
found and the value wanted. Keys that are not known are ignored, so that a later minor version can add some.
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
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 3.4e38  # float32's


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


_KINDS: dict[str, Callable[[Any], bool]] = {
    "a map": lambda value: isinstance(value, dict),
    "a list": lambda value: isinstance(value, list),
    "text": lambda value: isinstance(value, str) and 0 < len(value) <= 1000,
    "true or false": lambda value: isinstance(value, bool),
    "a count": _is_count,
    "a positive count": lambda value: _is_count(value) and value > 0,
    "a number": _is_number,
    "a positive number": lambda value: _is_number(value) and value > 0,
    "a number that is not 0": lambda value: _is_number(value) and value != 0,
    "a number from 0 to 1": lambda value: _is_number(value) and 0 <= value <= 1,
    "a list of text": lambda value: isinstance(value, list) and all(isinstance(item, str) for item in value),
    "a list of maps": lambda value: isinstance(value, list) and all(isinstance(item, dict) for item in value),
    "a map of numbers": lambda value: isinstance(value, dict) and all(map(_is_number, value.values())),
}
# What stands in each map of the header; a ? marks what may be absent or nil. `inputs` check the rest of their specs.
_HEADER = {"input": "a map", "layers": "a list of maps", "output": "a map", "tensors": "a list of maps"}
_HEADER.update({"selftest?": "a map", "meta?": "a map", "training?": "a map"})
_LAYER = {"weight": "text", "bias": "text", "activation": "text", "parameters?": "a map of numbers"}
_OUTPUTS = {
    "classes": {"classes": "a list of text", "threshold?": "a number from 0 to 1", "temperature?": "a positive number"},
    "numbers": {"names": "a list of text", "mean?": "a number", "scale?": "a number that is not 0"},
}
_SELFTEST = {"inputs": "a map", "outputs": "text", "tolerance": "a positive number"}
_TENSOR = {"name": "text", "dtype": "text", "shape": "a list", "length": "a count", "offset": "a count"}


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
    if value is _MISSING or not _KINDS[kind](value):
        raise Invalid(
            f"header key {where}{key}: found {'nothing' if value is _MISSING else shown(value)}, wanted {kind}"
        )
    return value


def _check(table: dict[str, Any], kinds: dict[str, str], where: str = "") -> None:
    for key, kind in kinds.items():
        take(table, key.rstrip("?"), kind, where, *[None] * key.endswith("?"))


def _check_choice(value: str, choices: Any, where: str) -> None:
    if value not in choices:
        raise Invalid(f"header key {where}: found {shown(value)}, wanted {' or '.join(map(repr, choices))}")


def check_header(header: dict[str, Any]) -> None:
    """Check that every key which this version knows is there and of the right type."""
    _check(header, _HEADER)
    kind = take(header["input"], "kind", "text", "input.")
    _check_choice(kind, ("vector", "image", "table"), "input.kind")
    _check_required(header, f"input.{kind}/1", f"an input of kind {kind!r}")
    if not header["layers"]:
        raise Invalid("header key layers: found an empty list, wanted at least one layer")
    for index, layer in enumerate(header["layers"]):
        _check(layer, _LAYER, f"layers[{index}].")

    output = header["output"]
    _check_choice(take(output, "kind", "text", "output."), _OUTPUTS, "output.kind")
    _check(output, _OUTPUTS[output["kind"]], "output.")
    key, least = ("classes", 2) if output["kind"] == "classes" else ("names", 1)
    if len(output[key]) < least or len(set(output[key])) != len(output[key]):
        raise Invalid(f"header key output.{key}: found {shown(output[key])}, wanted at least {least} different names")

    if header.get("selftest") is not None:
        _check(header["selftest"], _SELFTEST, "selftest.")
        what, form = ("rows", "a list of maps") if kind == "table" else ("tensor", "text")
        given = take(header["selftest"]["inputs"], what, form, "selftest.inputs.")
        if kind == "table" and not 1 <= len(given) <= MAX_SELFTEST:
            raise Invalid(f"header key selftest.inputs.rows: found {len(given)} rows, wanted 1 to {MAX_SELFTEST}")


def _check_required(header: dict[str, Any], feature: str, because: str) -> None:
    if feature not in header["requires"]:
        raise Invalid(f"header key requires: found no {feature!r}, wanted it because the file has {because}")


def check_tensors(header: dict[str, Any], block: np.ndarray, align: int) -> None:
    """Check the table of tensors: in order, aligned, no overlap, zeros between, and the last one ends the block."""
    end, seen = 0, {}
    for index, entry in enumerate(header["tensors"]):
        where = f"tensors[{index}]."
        _check(entry, _TENSOR, where)
        name, dtype, shape, length, offset = (entry[key] for key in _TENSOR)
        if name in seen:
            raise Invalid(f"header key {where}name: found {shown(name)} a second time, wanted it once")
        _check_choice(dtype, DTYPES, where + "dtype")
        if dtype in NEEDS:
            _check_required(header, NEEDS[dtype], f"a tensor of type {dtype}")
        if not 1 <= len(shape) <= MAX_RANK or not all(_is_count(side) and side > 0 for side in shape):
            raise Invalid(f"header key {where}shape: found {shown(shape)}, wanted 1 to {MAX_RANK} positive counts")
        size, start = math.prod(shape) * int(dtype[1]), -(-end // align) * align
        if length != size:
            raise Invalid(f"header key {where}length: found {length}, wanted {size} for shape {shape}")
        if offset != start:
            raise Invalid(f"header key {where}offset: found {offset}, wanted {start}, the next multiple of {align}")
        if offset + length > len(block):
            raise Invalid(f"header key {where}length: found an end at {offset + length}, wanted at most {len(block)}")
        if block[end:offset].any():
            raise Invalid(f"tensor block: found a byte that is not 0 before {offset}, wanted zeros between tensors")
        end, seen[name] = offset + length, entry
    if end != len(block):
        raise Invalid(f"tensor block: found {len(block) - end} bytes behind the last tensor, wanted none")
    for index, entry in enumerate(header["tensors"]):
        if entry["dtype"] == "i1":
            scale = seen.get(take(entry, "scale", "text", f"tensors[{index}]."))
            if scale is None or scale["dtype"] != "f4" or scale["shape"] != entry["shape"][:1]:
                wanted = f"the name of an f4 tensor of shape [{entry['shape'][0]}]"
                raise Invalid(f"header key tensors[{index}].scale: found {shown(entry['scale'])}, wanted {wanted}")


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
        _check_form(bias, (outputs,), where + "bias")
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

    selftest = header.get("selftest")
    if selftest is not None:
        raw = selftest["inputs"].get("rows")
        if header["input"]["kind"] != "table":
            raw = _tensor(tensors, selftest["inputs"]["tensor"], "selftest.inputs.tensor", used)
        if isinstance(raw, np.ndarray) and (len(raw) > MAX_SELFTEST or raw.nbytes > MAX_SELFTEST_BYTES):
            wanted = f"at most {MAX_SELFTEST} inputs in {MAX_SELFTEST_BYTES} bytes"
            raise Invalid(f"header key selftest.inputs.tensor: found {_form(raw)}, wanted {wanted}")
        _check_form(
            _tensor(tensors, selftest["outputs"], "selftest.outputs", used), (len(raw), given), "selftest.outputs"
        )


def _tensor(tensors: dict[str, np.ndarray], name: str, where: str, used: set[str]) -> np.ndarray:
    """Return a tensor that nothing has used before: a shared one would let a small file ask for much work."""
    if name not in tensors:
        raise Invalid(f"header key {where}: found {shown(name)}, wanted the name of a tensor in the file")
    if name in used:
        raise Invalid(f"header key {where}: found {shown(name)} a second time, wanted a tensor of its own")
    used.add(name)
    return tensors[name]


def _check_form(array: np.ndarray, shape: tuple[int, ...], where: str) -> None:
    if array.shape != shape or array.dtype != np.float32:
        raise Invalid(f"header key {where}: found {_form(array)}, wanted float32 {shape}")


def _form(array: np.ndarray) -> str:
    return f"{array.dtype} {array.shape}"
