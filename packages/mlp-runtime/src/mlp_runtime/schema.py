"""A header must make sense: every key of the right type, every tensor in its place, every layer fitting the next.

The tables below say what each map of a header holds, and `check` compares a value with them. Keys that are not known
are ignored, so that a later minor version can add some. The reader calls `check_header`, `check_tensors` and
`check_chain` in this order; each raises `Invalid`, which names the key, the value found and the value wanted.
"""

from __future__ import annotations

import math
from typing import Any, Callable

import numpy as np

from .errors import Invalid, shown

DTYPES = {"f4": "<f4", "f2": "<f2", "i1": "|i1", "u1": "|u1"}  # all that a tensor may be stored as
NEEDS = {"f2": "weights.float16", "i1": "weights.int8"}  # the feature that a file with such a tensor must require
MAX_WIDTH = 2**20  # numbers in the network input or in a layer: a frame of 1024 x 1024
MAX_SELFTEST = 8  # inputs in the self-test ...
MAX_SELFTEST_BYTES = 2**20  # ... and their size, so that it takes next to no time or memory


def _is_number(value: Any) -> bool:
    is_real = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    return is_real and bool(abs(value) < 3.4e38)  # float32's range


def _is_count(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and bool(value >= 0)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 1000


def _is_list(value: Any, of: Callable[[Any], bool]) -> bool:
    return isinstance(value, (list, tuple)) and all(map(of, value))


KINDS: dict[str, Callable[[Any], bool]] = {
    "a map": lambda value: isinstance(value, dict),
    "a list of maps": lambda value: _is_list(value, KINDS["a map"]),
    "text": _is_text,
    "a list of text": lambda value: _is_list(value, _is_text),
    "true or false": lambda value: isinstance(value, bool),
    "a cell": lambda value: isinstance(value, (str, bool)) or _is_number(value),
    "a count": _is_count,
    "a positive count": lambda value: _is_count(value) and value > 0,
    "1 to 4 positive counts": lambda value: _is_list(value, KINDS["a positive count"]) and 1 <= len(value) <= 4,
    "1 or 3": lambda value: _is_count(value) and value in (1, 3),
    "a number": _is_number,
    "a positive number": lambda value: _is_number(value) and value > 0,
    "a number that is not 0": lambda value: _is_number(value) and value != 0,
    "a number from 0 to 1": lambda value: _is_number(value) and 0 <= value <= 1,
    "a list of numbers": lambda value: _is_list(value, _is_number),
    "a map of numbers": lambda value: isinstance(value, dict) and all(map(_is_number, value.values())),
}
# A map of keys, a list of one such map (for any number), a choice of words, or one of KINDS. A ? marks what may be
# absent or nil. `inputs` say what else stands in theirs.
_OUTPUTS = {
    "classes": {"classes": "a list of text", "threshold?": "a number from 0 to 1", "temperature?": "a positive number"},
    "labels": {"labels": "a list of text", "threshold?": "a number from 0 to 1", "temperature?": "a positive number"},
    "numbers": {"names": "a list of text", "mean?": "a number", "scale?": "a number that is not 0"},
}
NAMES = {"classes": "classes", "labels": "labels", "numbers": "names"}  # the key under which an output names its parts
_LAYER = {"weight": "text", "bias": "text", "activation": "text", "parameters?": "a map of numbers"}
_TENSOR = {
    "name": "text", "dtype": tuple(DTYPES), "shape": "1 to 4 positive counts", "length": "a count", "offset": "a count",
}  # fmt: skip
_HEADER = {
    "requires": "a list of text",
    "input": {"kind": ("vector", "image", "table")},
    "layers": [_LAYER],
    "output": {"kind": tuple(_OUTPUTS)},
    "tensors": [_TENSOR],
    "selftest?": {"inputs": "a map", "outputs": "text", "tolerance": "a positive number"},
    "meta?": "a map",
    "training?": "a map",
}


def header_error(said: str) -> Invalid:
    """Return the error that names a key of the header."""
    return Invalid(f"header key {said}")


def check(value: Any, wanted: Any, where: str, error: Callable[[str], Exception] = header_error) -> None:
    """Raise an error unless `value`, which stands at the key `where`, is what one of the tables wants.

    >>> check({"kind": "image", "height": 0}, {"kind": "text", "height": "a positive count"}, "input")
    Traceback (most recent call last):
    mlp_runtime.errors.Invalid: header key input.height: found 0, wanted a positive count
    """
    is_choice = isinstance(wanted, tuple)
    kind = "a map" if isinstance(wanted, dict) else "a list of maps" if isinstance(wanted, list) else wanted
    if not (value in wanted if is_choice else KINDS[kind](value)):
        words = " or ".join(map(repr, wanted)) if is_choice else kind
        raise error(f"{where}: found {'nothing' if value is None else shown(value)}, wanted {words}")
    if isinstance(wanted, list):
        for index, item in enumerate(value):
            check(item, wanted[0], f"{where}[{index}]", error)
    if isinstance(wanted, dict):
        for key, inner in wanted.items():
            name = key.rstrip("?")
            if name == key or value.get(name) is not None:
                check(value.get(name), inner, f"{where}.{name}" if where else name, error)


def check_header(header: dict[str, Any]) -> None:
    """Check that every key which this version knows is there and of the right type."""
    check(header, _HEADER, "")
    if not header["layers"]:
        raise header_error("layers: found an empty list, wanted at least one layer")
    output = header["output"]
    check(output, _OUTPUTS[output["kind"]], "output")
    key, least = NAMES[output["kind"]], 2 if output["kind"] == "classes" else 1
    if key == "labels":
        check_required(header, "output.labels/1", "an output of kind 'labels'")
    if len(output[key]) < least or len(set(output[key])) != len(output[key]):
        raise header_error(f"output.{key}: found {shown(output[key])}, wanted at least {least} different names")
    if header.get("selftest") is not None:
        given = {"rows": "a list of maps"} if header["input"]["kind"] == "table" else {"tensor": "text"}
        check(header["selftest"]["inputs"], given, "selftest.inputs")


def check_required(header: dict[str, Any], feature: str, because: str) -> None:
    """Check that a header requires a feature that its file makes use of."""
    if feature not in header["requires"]:
        raise header_error(f"requires: found no {feature!r}, wanted it because the file has {because}")


def check_tensors(header: dict[str, Any], block: np.ndarray, align: int) -> None:
    """Check the table of tensors: in order, aligned, no overlap, zeros between, and the last one ends the block."""
    end, seen = 0, {}
    for index, entry in enumerate(header["tensors"]):
        where = f"tensors[{index}]"
        name, dtype, shape, length, offset = (entry[key] for key in _TENSOR)
        if name in seen:
            raise header_error(f"{where}.name: found {shown(name)} a second time, wanted it once")
        if dtype in NEEDS:
            check_required(header, NEEDS[dtype], f"a tensor of type {dtype}")
        size, start = math.prod(shape) * int(dtype[1]), -(-end // align) * align
        if length != size:
            raise header_error(f"{where}.length: found {length}, wanted {size} for shape {shape}")
        if offset != start:
            raise header_error(f"{where}.offset: found {offset}, wanted {start}, the next multiple of {align}")
        if offset + length > len(block):
            raise header_error(f"{where}.length: found an end at {offset + length}, wanted at most {len(block)}")
        if block[end:offset].any():
            raise Invalid(f"tensor block: found a byte that is not 0 before {offset}, wanted zeros between tensors")
        end, seen[name] = offset + length, entry
    if end != len(block):
        raise Invalid(f"tensor block: found {len(block) - end} bytes behind the last tensor, wanted none")
    for index, entry in enumerate(header["tensors"]):
        if entry["dtype"] == "i1":
            check(entry, {"scale": "text"}, f"tensors[{index}]")
            scale = seen.get(entry["scale"])
            if scale is None or scale["dtype"] != "f4" or scale["shape"] != entry["shape"][:1]:
                wanted = f"the name of an f4 tensor of shape {entry['shape'][:1]}"
                raise header_error(f"tensors[{index}].scale: found {shown(entry['scale'])}, wanted {wanted}")


def check_chain(header: dict[str, Any], tensors: dict[str, np.ndarray], size: int) -> None:
    """Check that every layer takes what the one before it gives, from the input of `size` numbers to the output."""
    used: set[str] = set()

    def tensor(name: str, where: str) -> np.ndarray:
        """Return a tensor that nothing has used before: a shared one would let a small file ask for much work."""
        if name not in tensors:
            raise header_error(f"{where}: found {shown(name)}, wanted the name of a tensor in the file")
        if name in used:
            raise header_error(f"{where}: found {shown(name)} a second time, wanted a tensor of its own")
        used.add(name)
        return tensors[name]

    given, giver = size, "the input"
    for index, layer in enumerate(header["layers"]):
        where = f"layers[{index}]"
        weight = tensor(layer["weight"], f"{where}.weight")
        if weight.ndim != 2 or weight.dtype != np.float32:
            raise header_error(f"{where}.weight: found {shown(weight)}, wanted float32 (outputs, inputs)")
        outputs, inputs = weight.shape
        _check_form(tensor(layer["bias"], f"{where}.bias"), (outputs,), f"{where}.bias")
        if inputs != given:
            raise header_error(f"{where}.weight: layer {index} expects {inputs} inputs but {giver} gives {given}")
        if max(inputs, outputs) > MAX_WIDTH:
            raise header_error(f"{where}.weight: found {weight.shape}, wanted at most {MAX_WIDTH} in and out")
        given, giver = outputs, f"layer {index}"

    output = header["output"]
    names = output[NAMES[output["kind"]]]
    single = output["kind"] == "classes" and len(names) == 2 and given == 1
    if given != len(names) and not single:
        raise header_error(f"output: found {len(names)} names, but {giver} gives {given} numbers")
    if output.get("threshold") is not None and not single and output["kind"] != "labels":
        raise header_error("output.threshold: wanted nothing: only labels and a number for two classes have one")

    selftest = header.get("selftest")
    if selftest is not None:
        raw = selftest["inputs"].get("rows")
        if header["input"]["kind"] != "table":
            raw = tensor(selftest["inputs"]["tensor"], "selftest.inputs.tensor")
        too_large = isinstance(raw, np.ndarray) and raw.nbytes > MAX_SELFTEST_BYTES
        if not 1 <= len(raw) <= MAX_SELFTEST or too_large:
            wanted = f"1 to {MAX_SELFTEST} inputs in {MAX_SELFTEST_BYTES} bytes"
            raise header_error(f"selftest.inputs: found {shown(raw)}, wanted {wanted}")
        outputs = tensor(selftest["outputs"], "selftest.outputs")
        _check_form(outputs, (len(raw), given), "selftest.outputs")


def _check_form(array: np.ndarray, shape: tuple[int, ...], where: str) -> None:
    if array.shape != shape or array.dtype != np.float32:
        raise header_error(f"{where}: found {shown(array)}, wanted float32 {shape}")
