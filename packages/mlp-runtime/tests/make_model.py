"""Write model files for the tests with struct and NumPy alone, whether they make sense or not."""

from __future__ import annotations

import copy
import hashlib
import struct

import numpy as np


class Raw(bytes):
    """Bytes that `pack` puts into the header as they are, to make what no honest writer makes."""


def pack(value):
    """Return `value` as MessagePack; what has up to 15 items, and texts up to 31 bytes, in the short form."""
    if isinstance(value, Raw):
        return bytes(value)
    if value is None:
        return b"\xc0"
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        if 0 <= value < 128:
            return bytes([value])
        return struct.pack(">BQ", 0xCF, value) if value >= 0 else struct.pack(">Bq", 0xD3, value)
    if isinstance(value, float):
        return struct.pack(">Bd", 0xCB, value)
    if isinstance(value, str):
        data = value.encode()
        return (bytes([0xA0 | len(data)]) if len(data) < 32 else struct.pack(">BI", 0xDB, len(data))) + data
    short, long = (0x90, 0xDD) if isinstance(value, list) else (0x80, 0xDF)
    start = bytes([short | len(value)]) if len(value) < 16 else struct.pack(">BI", long, len(value))
    if isinstance(value, list):
        return start + b"".join(map(pack, value))
    return start + b"".join(pack(key) + pack(item) for key, item in value.items())


def seal(header, block=b"", major=1, minor=0, padding=None):
    """Return a whole file around a header (bytes, or a value to pack) and a tensor block, with the right SHA-256."""
    if not isinstance(header, bytes) or isinstance(header, Raw):
        header = pack(header)
    zeros = bytes(-(49 + 5 + len(header) + 2 + 5) % 64) if padding is None else padding
    start = b"\x97\xa7MLP\r\n\x1a\n" + struct.pack(">BHBH", 0xCD, major, 0xCD, minor) + b"\xc4\x20"
    rest = struct.pack(">BI", 0xC6, len(header)) + header
    rest += b"\xc4" + bytes([len(zeros)]) + zeros + struct.pack(">BI", 0xC6, len(block)) + block
    return start + hashlib.sha256(start + rest).digest() + rest


def lay_out(tensors):
    """Return the table of tensors and the block for {name: array}, or {name: (int8 array, name of its scale)}."""
    table, block = [], b""
    for name, array in tensors.items():
        array, scale = array if isinstance(array, tuple) else (array, None)
        dtype = {"float32": "f4", "float16": "f2", "int8": "i1", "uint8": "u1"}[array.dtype.name]
        block += bytes(-len(block) % 64)
        data = array.astype(array.dtype.newbyteorder("<")).tobytes()
        entry = {"name": name, "dtype": dtype, "shape": list(array.shape), "offset": len(block), "length": len(data)}
        table.append(entry if scale is None else {**entry, "scale": scale})
        block += data
    return table, block


def build(header, tensors, **options):
    """Return a file with these tensors; `header` needs no `tensors` key."""
    table, block = lay_out(tensors)
    return seal({**header, "tensors": table}, block, **options)


XOR_TENSORS = {
    "layers.0.weight": np.array([[1, 1], [1, 1]], np.float32),
    "layers.0.bias": np.array([0, -1], np.float32),
    "layers.1.weight": np.array([[20, -40]], np.float32),
    "layers.1.bias": np.array([-10], np.float32),
    "selftest.inputs": np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32),
    "selftest.outputs": (1 / (1 + np.exp(-np.array([[-10], [10], [10], [-10]])))).astype(np.float32),
}
XOR_HEADER = {
    "requires": ["input.vector/1"],
    "input": {"kind": "vector", "features": 2, "names": ["a", "b"]},
    "layers": [
        {"weight": "layers.0.weight", "bias": "layers.0.bias", "activation": "relu"},
        {"weight": "layers.1.weight", "bias": "layers.1.bias", "activation": "sigmoid"},
    ],
    "output": {"kind": "classes", "classes": ["no", "yes"], "threshold": 0.5, "temperature": 1.0},
    "selftest": {"inputs": {"tensor": "selftest.inputs"}, "outputs": "selftest.outputs", "tolerance": 1e-4},
    "meta": {"name": "xor", "licence": "MIT"},
    "training": {"seed": 7, "metrics": {"accuracy": 1.0}},
}


def xor(change=None, tensors=None, **options):
    """Return the XOR network as a file, after `change(header)` has changed a copy of its header."""
    header = copy.deepcopy(XOR_HEADER)
    if change:
        change(header)
    return build(header, {**XOR_TENSORS, **(tensors or {})}, **options)


def random_layers(sizes, seed=0, activation="relu", last="softmax"):
    """Return the `layers` of a header and their tensors, for a network of these sizes with random weights."""
    generator = np.random.default_rng(seed)
    layers, tensors = [], {}
    for index, n_out in enumerate(sizes[1:]):
        n_in = sizes[index]
        names = {"weight": f"layers.{index}.weight", "bias": f"layers.{index}.bias"}
        tensors[names["weight"]] = (generator.standard_normal((n_out, n_in)) * (2 / n_in) ** 0.5).astype(np.float32)
        tensors[names["bias"]] = (generator.standard_normal(n_out) * 0.1).astype(np.float32)
        layers.append({**names, "activation": last if index == len(sizes) - 2 else activation})
    return layers, tensors


def digits(hidden=16, seed=0, fit="none", ink="light", last_factor=1, **options):
    """Return an image network of 28 x 28 inputs and ten classes with random weights, the last ones that much larger."""
    layers, tensors = random_layers([784, hidden, 10], seed)
    tensors["layers.1.weight"] *= np.float32(last_factor)
    spec = {
        "kind": "image", "height": 28, "width": 28, "channels": 1, "ink": ink, "fit": fit, "box": 20,
        "centre": "mass", "mean": 0.0, "scale": 1 / 255,
    }  # fmt: skip
    output = {"kind": "classes", "classes": [str(digit) for digit in range(10)], "temperature": 1.0}
    header = {"requires": ["input.image/1"], "input": spec, "layers": layers, "output": output}
    return build(header, tensors, **options)


def topics(threshold=None, seed=0, labels=("red", "green", "blue"), change=None):
    """Return a network of two numbers and a sigmoid for each label, with random weights."""
    layers, tensors = random_layers([2, 4, len(labels)], seed, "tanh", "sigmoid")
    output = {"kind": "labels", "labels": list(labels), "threshold": threshold}
    spec = {"kind": "vector", "features": 2}
    header = {"requires": ["input.vector/1", "output.labels/1"], "input": spec, "layers": layers, "output": output}
    if change:
        change(header)
    return build(header, tensors)


def prices(seed=0):
    """Return a table network that gives a number, with random weights."""
    columns = [
        {"name": "rooms", "type": "number", "fill": 3.0, "mean": 4.0, "scale": 0.5, "missing": True},
        {"name": "town", "type": "category", "fill": "Ulm", "values": ["Bonn", "Ulm"]},
        {"name": "garden", "type": "flag", "fill": False},
    ]
    layers, tensors = random_layers([5, 4, 1], seed, "tanh", "identity")
    output = {"kind": "numbers", "names": ["price"], "mean": 200.0, "scale": 50.0}
    header = {"requires": ["input.table/1"], "input": {"kind": "table", "columns": columns}, "layers": layers}
    return build({**header, "output": output}, tensors)
