"""Hostile model files: damaged ones, and ones whose digest is right although what is behind it is a lie.

python attacks/models.py FOLDER     writes them all there
"""

from __future__ import annotations

import copy
import hashlib
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgpack
import numpy as np

from mlp_runtime.inputs import Column, TableInput, VectorInput
from mlp_train.export import to_bytes

ESCAPE = "\x1b[2J\x1b]0;owned\x07\n"  # clears a terminal and renames its window


def honest(weights: str = "float32") -> bytes:
    """Return a small model as fit writes it: 3 features, 4 hidden units, classes a and b."""
    rng = np.random.default_rng(0)
    layers = [
        (rng.normal(size=(3, 4)), np.zeros(4), "leaky-relu", {"negative_slope": 0.1}),
        (rng.normal(size=(4, 2)), np.zeros(2), "softmax", dict[str, float]()),
    ]
    output = {"kind": "classes", "classes": ["a", "b"], "temperature": 1.0}
    return to_bytes(VectorInput(3, names=("x", "y", "z")), layers, output, training={"seed": 1}, weights=weights)


def assemble(header: bytes, block: bytes, major: int = 1, minor: int = 0) -> bytes:
    """Write a file around a packed header, with every length and the digest right."""
    start = b"\x97\xa7MLP\r\n\x1a\n\xcd" + struct.pack(">H", major) + b"\xcd" + struct.pack(">H", minor) + b"\xc4\x20"
    head = b"\xc6" + struct.pack(">I", len(header)) + header
    zeros = -(len(start) + 32 + len(head) + 2 + 5) % 64
    rest = head + bytes([0xC4, zeros]) + bytes(zeros) + b"\xc6" + struct.pack(">I", len(block)) + block
    return start + hashlib.sha256(start + rest).digest() + rest


def with_digest(data: bytes) -> bytes:
    """Make the digest of a changed file right, so that the checks behind it are reached."""
    return data[:17] + hashlib.sha256(data[:17] + data[49:]).digest() + data[49:]


def taken_apart(data: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the header and the tensor block of a model file."""
    parts = msgpack.unpackb(data)
    return msgpack.unpackb(parts[4]), parts[6]


def lying(*path: str | int, value: Any) -> Callable[[], bytes]:
    """Return a maker of the honest model with one value of its header replaced."""

    def make() -> bytes:
        header, block = taken_apart(honest())
        place: Any = copy.deepcopy(header)
        whole = place
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value
        return assemble(msgpack.packb(whole), block)

    return make


def with_header(header: bytes) -> Callable[[], bytes]:
    """Return a maker of a file with this packed header."""
    return lambda: assemble(header, taken_apart(honest())[1])


def with_block(change: Callable[[bytes], bytes]) -> Callable[[], bytes]:
    """Return a maker of the honest model with other tensors."""

    def make() -> bytes:
        header, block = taken_apart(honest())
        return assemble(msgpack.packb(header), change(block))

    return make


def flipped(at: int) -> Callable[[], bytes]:
    """Return a maker of the honest model with one bit turned."""

    def make() -> bytes:
        data = bytearray(honest())
        data[at] ^= 1
        return bytes(data)

    return make


def int8(name: str, value: bytes) -> Callable[[], bytes]:
    """Return a maker of the honest model in int8 with the first bytes of one tensor replaced."""

    def make() -> bytes:
        header, block = taken_apart(honest("int8"))
        (at,) = (entry["offset"] for entry in header["tensors"] if entry["name"] == name)
        return assemble(msgpack.packb(header), block[:at] + value + block[at + len(value) :])

    return make


def slow_names() -> bytes:
    """Return a model whose self-test has 1,200 long names that are all like the one it lacks: 4 s of comparing once."""
    names = ["".join(np.random.default_rng(seed).permutation(list("ab" * 100))) for seed in range(1201)]
    table = TableInput(columns=(Column(names[0], "number"),))
    layers = [(np.ones((1, 1)), np.zeros(1), "identity", dict[str, float]())]
    header, block = taken_apart(to_bytes(table, layers, {"kind": "numbers", "names": ["y"]}))
    header["selftest"]["inputs"]["rows"] = [dict.fromkeys(names[1:], 1)]
    header["selftest"]["outputs"], end = "o", len(block)
    block += bytes(-end % 64) + bytes(4)
    header["tensors"].append({"name": "o", "dtype": "f4", "shape": [1, 1], "offset": len(block) - 4, "length": 4})
    return assemble(msgpack.packb(header), block)


IMAGE = {"kind": "image", "height": 10**9, "width": 10**9, "channels": 1, "ink": "auto", "fit": "ink", "box": 20}
IMAGE |= {"centre": "mass", "mean": 0.0, "scale": 1.0}

# name -> (maker, words of the sentence with which the runtime refuses it)
REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "found no bytes"),
    "a text": (lambda: b"hello, I am a model", "wanted the magic of a .mlp model file"),
    "a zip in front": (lambda: b"PK\x03\x04" + honest(), "wanted the magic of a .mlp model file"),
    "line ends changed": (lambda: honest().replace(b"\r\n", b"\n"), "damaged as by a text-mode transfer"),
    "cut in the header": (lambda: honest()[:60], "the file was cut short"),
    "cut in the weights": (lambda: honest()[:-7], "the file was cut short"),
    "a byte too many": (lambda: honest() + b"x", "bytes added at its end"),
    "a bit turned in the header": (flipped(100), "SHA-256"),
    "a bit turned in the weights": (flipped(-5), "SHA-256"),
    "a newer major": (lambda: assemble(b"\x80", bytes(64), major=9), "format 9.0"),
    "a header of the wrong kind": (with_header(b"\x91\x01"), "header: found a list"),
    "an empty header": (with_header(b"\x80"), "requires"),
    "a header nested deep": (with_header(b"\x81\xa1a" + b"\x91" * 100_000 + b"\xc0"), "a list 9 levels deep"),
    "an array of four billion": (
        with_header(b"\x81\xa1a\xdd\xff\xff\xff\xff"),
        "a list of 4294967295 with",
    ),
    "a map of four billion": (with_header(b"\xdf\xff\xff\xff\xff"), "a map of 4294967295 with"),
    "a text of four gigabytes": (
        with_header(b"\x81\xa1a\xdb\xff\xff\xff\xff"),
        "a text of 4294967295 with",
    ),
    "a key twice": (with_header(b"\x82\xa1a\x01\xa1a\x02"), "the key 'a' a second time"),
    "a number that is none": (with_header(b"\x81\xa1a\xcb" + struct.pack(">d", float("nan"))), "found nan"),
    "bytes in the header": (with_header(b"\x81\xa1a\xc4\x01x"), "found type byte 0xc4"),
    "a shape of 2^124": (lying("tensors", 0, "shape", value=[2**62, 2**62]), "tensors[0]"),
    "a negative shape": (lying("tensors", 0, "shape", value=[-1, 3]), "tensors[0].shape"),
    "an offset of 2^63": (lying("tensors", 0, "offset", value=2**63), "tensors[0].offset"),
    "tensors that overlap": (lying("tensors", 1, "offset", value=0), "tensors[1].offset"),
    "a dtype of objects": (lying("tensors", 0, "dtype", value="O"), "tensors[0].dtype"),
    "a tensor that is not there": (lying("layers", 0, "weight", value="layers.9.weight"), "layers[0].weight"),
    "layers that do not fit": (lying("layers", 1, "weight", value="layers.0.weight"), "layers[1].weight"),
    "no layers": (lying("layers", value=[]), "layers"),
    "a thousand layers": (lying("layers", value=[{"weight": "w", "bias": "b", "activation": "relu"}] * 1000), "layers"),
    "a function by name": (lying("layers", 0, "activation", value="os.system"), "'os.system'"),
    "a name that steers": (lying("layers", 0, "activation", value=ESCAPE), r"'\x1b[2J"),
    "a slope beyond float32": (
        lying("layers", 0, "parameters", value={"negative_slope": 1e308}),
        "layers[0].parameters",
    ),
    "a feature unheard of": (lying("requires", value=["input.vector/1", "weights.int1"]), "'weights.int1'"),
    "twenty thousand features": (lying("requires", value=[f"x{i}" for i in range(20_000)]), "'x0'"),
    "a vector of 10^15": (lying("input", value={"kind": "vector", "features": 10**15}), "features"),
    "an image of 10^18": (lying("input", value=IMAGE), "height"),
    "more classes than outputs": (
        lying("output", "classes", value=["a", "b", "c"]),
        "found 3 names",
    ),
    "two classes of one name": (lying("output", "classes", value=["a", "a"]), "classes"),
    "classes that are numbers": (lying("output", "classes", value=[1, 2]), "classes"),
    "a self-test that fails": (with_block(lambda block: block[:-4] + struct.pack("<f", 0.5)), "self-test"),
    "an extension of type -1": (with_header(b"\x81\xa1a\xd6\xff" + bytes(4)), "found type byte 0xd6"),
    "a key of bytes": (with_header(b"\x81\xc4\x01a\x01"), "offset 55: found type byte 0xc4"),
    "a key that is a number": (with_header(b"\x81\x01\x01"), "a key of type int, wanted text"),
    "maps nested deep": (with_header(b"\x81\xa1a" * 50_000 + b"\xc0"), "a map 9 levels deep"),
    "a byte behind the header": (with_header(b"\x80\xc0"), "found 1 more bytes, wanted the end"),
    "an infinite scale": (with_header(b"\x81\xa5scale\xca\x7f\x80\0\0"), "found inf, wanted a finite number"),
    "a scale of 10^300": (
        lying("output", value={"kind": "numbers", "names": ["a", "b"], "scale": 1e300}),
        "header key output.scale: found 1e+300, wanted a number that is not 0",
    ),
    "a hole between tensors": (lying("tensors", 1, "offset", value=128), "tensors[1].offset: found 128, wanted 64"),
    "a negative offset": (lying("tensors", 0, "offset", value=-64), "tensors[0].offset: found -64, wanted a count"),
    "a shape whose product is 0 in 64 bits": (
        lying("tensors", 0, "shape", value=[2**32, 2**32]),
        "tensors[0].length: found 48, wanted 73786976294838206464",
    ),
    "a shape of five sides": (lying("tensors", 0, "shape", value=[1] * 5), "wanted 1 to 4 positive counts"),
    "a byte hidden between tensors": (
        with_block(lambda block: block[:50] + b"x" + block[51:]),
        "found a byte that is not 0 before 64",
    ),
    "a byte behind the tensors": (with_block(lambda block: block + b"x"), "found 1 bytes behind the last tensor"),
    "a zip behind the model": (lambda: honest() + b"PK\x05\x06" + bytes(18), "has bytes added at its end"),
    "a zip behind the tensors": (
        with_block(lambda block: block + b"PK\x05\x06" + bytes(18)),
        "found 22 bytes behind the last tensor",
    ),
    "layers in a circle": (
        lying("layers", 1, value={"weight": "layers.0.weight", "bias": "layers.0.bias", "activation": "relu"}),
        "layers[1].weight: found 'layers.0.weight' a second time",
    ),
    "a layer whose bias is its weight": (lying("layers", 0, "bias", value="layers.0.weight"), "layers[0].bias"),
    "a temperature of nothing": (lying("output", "temperature", value=0), "output.temperature: found 0"),
    "int8 that nobody announced": (lying("tensors", 0, "dtype", value="i1"), "found no 'weights.int8'"),
    "a version from before the freeze": (lambda: assemble(b"\x80", bytes(64), major=0), "export the model again"),
    "an infinite scale of int8": (
        int8("layers.1.weight.scale", struct.pack("<f", float("inf"))),
        "tensor 'layers.1.weight': found NaN or an infinity",
    ),
    "an int8 that has no opposite": (int8("layers.0.weight", b"\x80"), "found the value -128, wanted -127 to 127"),
    "names that are slow to compare": (slow_names, "there is no column"),
    "weights that are not numbers": (with_block(lambda block: b"\xff" * 48 + block[48:]), "found NaN or an infinity"),
}

# Honest in all that is computed with: the runtime takes them, and whoever shows what they say has to escape it.
TAKEN: dict[str, Callable[[], bytes]] = {
    "classes that steer": lying("output", "classes", value=[f"a{ESCAPE}", "b\u202e"]),
    "a name that steers": lying("meta", value={f"name{ESCAPE}": ESCAPE}),
    "a history of odd types": lying("training", value={"metrics": 5, "options": [1], "configuration": 5, "target": 7}),
}


def main(folder: str) -> None:
    """Write every file into a folder."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    for name, make in {**{name: make for name, (make, _) in REFUSED.items()}, **TAKEN}.items():
        Path(folder, f"{name.replace(' ', '-')}.mlp").write_bytes(make())


if __name__ == "__main__":
    main(sys.argv[1])
