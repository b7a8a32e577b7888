"""A mutator that knows the model format: it changes a file where it hurts and makes the digest right again.

Bytes changed at random are nearly all stopped by the digest or by the decoder. These mutants get past both: they change
values, keys, lists, tensors, numbers, lengths and markers one by one, and everything around the change is put right.
"""

from __future__ import annotations

import copy
import struct
import sys
from pathlib import Path
from random import Random
from typing import Any

import msgpack
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))
import models

ROOT = Path(__file__).resolve().parents[1]
GOLDEN = ROOT / "packages" / "mlp-runtime" / "tests" / "golden"
CORPUS = ROOT / "attacks" / "corpus"
NUMBERS: list[Any] = [0, 1, -1, 2, 3, 4, 8, 63, 64, 65, 127, 128, 255, 256, 4096, 2**16, 2**20, 2**20 + 1, 2**31 - 1]
NUMBERS += [2**31, 2**32, 2**62, 2**63 - 1, 2**63, 2**64 - 1, -(2**31), -(2**63), 0.0, -0.0, 0.5, 1e-45, 1e-38, 3.3e38]
NUMBERS += [3.5e38, 1e308, -1e308, 5e-324, 0.1, float("nan"), float("inf"), float("-inf")]
WORDS = """vector image table classes labels numbers number flag category tokens prefix relu softmax sigmoid exp elu
none stretch ink light dark auto mass box f4 f2 i1 u1 year weekday hour ymd dmy input.table/1 input.table/2 weights.int8
output.labels/1 requires kind tensor rows scale mean edges fill missing part order parameters threshold temperature
os.system __class__ ../../etc/passwd 1 1.0"""
TEXTS = [*WORDS.split(), "", " ", "\0", "é" * 30, "x" * 1000, "x" * 1001, "\x1b[2J"]
OTHERS: list[Any] = [None, True, False, [], {}, [[]], [{}], {"": None}, [1, 2], ["a", "a"], {"a": {"a": {"a": []}}}]
MARKERS = bytes((0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, *range(0xC0, 0xE1), 0xFF))
RAW = [b"\xc4\x01a", b"\xd6\xff\0\0\0\0", b"\xd4\0\0", b"\xca\x7f\xc0\0\0", b"\xcb\x7f\xf0" + bytes(6), b"\xcd\0\1"]
RAW += [
    b"\x91" * 9 + b"\xc0",
    b"\xa2\xff\xfe",
    b"\xd3" + b"\xff" * 8,
    *(mark + b"\xff" * 4 for mark in (b"\xdb", b"\xdd", b"\xdf")),
]
FLOATS = [float("nan"), float("inf"), -float("inf"), 3.4e38, -3.4e38, 1e-45, -0.0, 0.0, 1.0]
DTYPES = {"f4": "<f4", "f2": "<f2", "i1": "|i1", "u1": "|u1"}


def seeds() -> list[bytes]:
    """Return what is mutated: the golden files and what once broke the reader, most often, and the attacks."""
    files = [path.read_bytes() for path in sorted([*GOLDEN.glob("[1-9]*.mlp"), *CORPUS.glob("*.mlp")])] * 8
    made = [make() for make, _ in models.REFUSED.values()] + [make() for make in models.TAKEN.values()]
    return [data for data in files + made if len(data) < 10_000 and parts(data) is not None]


def parts(data: bytes) -> tuple[dict[str, Any], bytes] | None:
    """Return the header and the block, or None where they cannot be told apart."""
    try:
        header, block = models.taken_apart(data)
    except (ValueError, TypeError, IndexError, msgpack.UnpackException):
        return None
    return (header, block) if isinstance(header, dict) and isinstance(block, bytes) else None


def mutant(number: int, files: list[bytes]) -> bytes:
    """Return the mutant of this number; the same number and files give the same bytes."""
    draw = Random(number)
    header, block = parts(draw.choice(files)) or ({}, b"")
    kind = draw.random()
    if kind < 0.25 and isinstance(header.get("tensors"), list):
        header, block = _other_tensors(draw, header, block)
    if kind > 0.15:
        for _ in range(draw.choice((1, 1, 1, 2, 2, 4))):
            header = _change(draw, header)
    packed = _pack(header)
    if 0.80 < kind < 0.90:
        packed = _change_bytes(draw, packed)
    if 0.90 < kind < 0.95:
        block = _wound(draw, block)
    data = models.assemble(packed, block)
    return _change_layout(draw, data) if kind > 0.95 else data


def _pack(value: Any) -> bytes:
    try:
        return bytes(msgpack.packb(value))
    except (ValueError, OverflowError):  # nested too deep for the writer, or a number beyond 64 bits
        return b"\x80"


def _places(value: Any) -> list[tuple[Any, Any]]:
    """List every (container, key) below a value, the outer ones first."""
    found: list[tuple[Any, Any]] = []
    todo = [value]
    for container in todo:
        for key in list(container) if isinstance(container, dict) else range(len(container)):
            found.append((container, key))
            if isinstance(container[key], (dict, list)):
                todo.append(container[key])
    return found


def _value(draw: Random, old: Any) -> Any:
    """Return something else for a value: near it, of its type, or of any."""
    near = draw.random()
    if isinstance(old, (int, float)) and not isinstance(old, bool) and near < 0.5:
        return draw.choice((old + 1, old - 1, -old, old * 2, old // 2, float(old), bool(old), str(old), old * 2**32))
    if isinstance(old, str) and near < 0.6:
        return draw.choice((*TEXTS, old + "x", old[:-1], old.upper(), old * 50, old + " "))
    if isinstance(old, list) and old and near < 0.7:
        at = draw.randrange(len(old))
        return draw.choice((old[:at], old[at:], [*old, copy.deepcopy(old[at])], old[::-1], old * 3, [old], old[at]))
    pool = draw.choice((NUMBERS, TEXTS, OTHERS))
    return copy.deepcopy(draw.choice(pool))


def _change(draw: Random, header: dict[str, Any]) -> dict[str, Any]:
    """Change one place of the header."""
    places = _places(header)
    if not places:
        return {draw.choice(TEXTS): copy.deepcopy(draw.choice(OTHERS))}
    container, key = draw.choice(places)
    act = draw.randrange(8)
    if act == 0:
        del container[key]
    elif act == 1 and isinstance(container, dict):
        container[draw.choice((*TEXTS, b"key", 1, None, key))] = container.pop(key)  # a key of another name or type
    elif act == 2:
        other, name = draw.choice(places)  # still there, whatever was taken out before
        container[key] = copy.deepcopy(other[name])
    elif act == 3 and isinstance(container, dict):
        container[draw.choice(TEXTS)] = _value(draw, None)
    elif act == 4 and isinstance(container, list):
        container.insert(draw.randrange(len(container) + 1), copy.deepcopy(draw.choice(container)))
    else:
        container[key] = _value(draw, container[key])
    return header


def _other_tensors(draw: Random, header: dict[str, Any], block: bytes) -> tuple[dict[str, Any], bytes]:
    """Change the tensors and write a table that fits them, so that only what is behind the table is wrong."""
    entries = []
    for entry in header["tensors"]:
        try:
            part = block[entry["offset"] : entry["offset"] + entry["length"]]
            array = np.frombuffer(part, DTYPES[entry["dtype"]]).reshape(entry["shape"]).copy()
        except (TypeError, KeyError, ValueError, IndexError, OverflowError):
            return header, block
        entries.append((dict(entry), array))
    for _ in range(draw.choice((1, 1, 2))):
        if not entries:
            break
        at = draw.randrange(len(entries))
        entry, array = entries[at]
        act = draw.randrange(9)
        if act < 3 and array.size:
            with np.errstate(over="ignore"):  # 3.4e38 is an infinity to float16
                array.flat[draw.randrange(array.size)] = draw.choice(FLOATS if array.dtype.kind == "f" else (0, 1, 100))
            array = np.full_like(array, array.flat[0]) if act == 0 else array
        elif act == 3:
            array = array.T
        elif act == 4:
            array = np.repeat(array, draw.choice((0, 2, 3, 9)), axis=draw.randrange(array.ndim))
        elif act == 5:
            array = array.reshape(draw.choice(((-1,), (1, -1), (-1, 1), (1, 1, -1), (1, 1, 1, -1), (1, 1, 1, 1, -1))))
        elif act == 6:
            with np.errstate(all="ignore"):
                array = np.nan_to_num(array).astype(DTYPES[draw.choice(list(DTYPES))])
        elif act == 7:
            entries.append(({**entry, "name": draw.choice((entry["name"], "extra"))}, array))
        else:
            entries.pop(at)
            continue
        entries[at] = (entry, array)
    content, table = b"", []
    for entry, array in entries:
        content += bytes(-len(content) % 64)
        shape, dtype = list(array.shape), array.dtype.str[1:]
        table.append({**entry, "dtype": dtype, "shape": shape, "offset": len(content), "length": array.nbytes})
        content += array.tobytes()
    return {**header, "tensors": table}, content


def _change_bytes(draw: Random, packed: bytes) -> bytes:
    """Change the MessagePack itself: a marker, a count, a value that no honest writer makes, an end too early."""
    at = draw.randrange(len(packed))
    act = draw.randrange(5)
    if act == 0:
        return packed[:at] + bytes((draw.choice(MARKERS),)) + packed[at + 1 :]
    if act == 1:
        return packed[:at] + draw.choice(RAW) + packed[at + draw.randrange(4) :]
    if act == 2:
        first = packed[0]
        twice = packed[1 : draw.randrange(2, min(60, len(packed)) + 1)] if len(packed) > 1 else b""
        return bytes(((first + 1) & 0x8F | 0x80,)) + twice + packed[1:]
    if act == 3:
        return packed[:at] + packed[at : at + 20] * draw.choice((2, 3, 200)) + packed[at + 20 :]
    return packed[:at]


def _wound(draw: Random, block: bytes) -> bytes:
    """Change the block under a table that stays."""
    at = draw.randrange(len(block) + 1)
    number = struct.pack("<f", draw.choice(FLOATS))
    come = draw.choice((number, b"\x80", b"", bytes(64)))
    return draw.choice((block[:at] + come + block[at + 4 :], block[:at] + come + block[at:], block[:at], block + come))


def _change_layout(draw: Random, data: bytes) -> bytes:
    """Change what stands around the header, and make the digest right."""
    length = int.from_bytes(data[50:54], "big")
    block_length_at = 54 + length + 2 + data[55 + length] + 1
    spots = (9, 10, 11, 12, 14, 15, 16, 49, 50, 51, 52, 53, 54 + length, 55 + length, 56 + length, block_length_at)
    at = draw.choice((*spots, block_length_at + 3))
    act = draw.randrange(3)
    if act == 0:
        data = data[:at] + bytes((draw.randrange(256),)) + data[at + 1 :]
    elif act == 1:
        data = data[: draw.randrange(len(data))]
    else:
        data += bytes(draw.choice((1, 64, 4096)))
    return models.with_digest(data)
