"""Compare the header's decoder with the msgpack package on documents made at random, whole ones and broken ones.

python attacks/decoder.py --cases 1000000     prints how many documents both read alike, and how many ours refused
"""

from __future__ import annotations

import argparse
import struct
import sys
import time
from random import Random
from typing import Any

import msgpack

from mlp_runtime import Invalid
from mlp_runtime.unpack import MAX_DEPTH, unpack

LETTERS = "abcdefghijklmnopqrstuvwxyz éß水😀\0\n'\""
OUTSIDE = (
    b"\xc4\x01a",
    b"\xc5\0\x01a",
    b"\xc7\x01\xffa",
    b"\xd4\xff\0",
    b"\xd6\xff\0\0\0\0",
    b"\xd8\x05" + bytes(16),
    b"\xc1",
)
OUTSIDE += (
    b"\xcb\x7f\xf8" + bytes(6),
    b"\xca\x7f\x80\0\0",
    b"\xcb\xff\xf0" + bytes(6),
    b"\x81\x01\x02",
    b"\x81\xc0\xc0",
)
OUTSIDE += (b"\x82\xa1a\1\xa1a\2", b"\xa1\xff", b"\x91" * (MAX_DEPTH + 1) + b"\xc0", b"\x81\xc4\x01a\1", b"\x81\x90\1")

INTEGERS = [
    (0xCC, ">BB", 0, 2**8), (0xCD, ">BH", 0, 2**16), (0xCE, ">BI", 0, 2**32), (0xCF, ">BQ", 0, 2**64),
    (0xD0, ">Bb", -(2**7), 2**7), (0xD1, ">Bh", -(2**15), 2**15), (0xD2, ">Bi", -(2**31), 2**31),
    (0xD3, ">Bq", -(2**63), 2**63),
]  # fmt: skip


def number(draw: Random) -> bytes:
    """Return an integer or a float in a form that can hold it, not always the shortest."""
    if draw.random() < 0.3:
        real = draw.choice((draw.uniform(-1e3, 1e3), draw.uniform(-1, 1) * 10 ** draw.randint(-300, 300), 0.0, -0.0))
        return (
            struct.pack(">Bd", 0xCB, real)
            if draw.random() < 0.5 or abs(real) > 3e38
            else struct.pack(">Bf", 0xCA, real)
        )
    whole = draw.getrandbits(draw.randint(1, 64)) >> draw.choice((0, 1))
    if draw.random() < 0.4:
        whole = -(whole >> 1)
    if -32 <= whole < 128 and draw.random() < 0.5:
        return struct.pack(">b", whole)
    mark, form = draw.choice([(mark, form) for mark, form, low, high in INTEGERS if low <= whole < high])
    return struct.pack(form, mark, whole)


def counted(draw: Random, count: int, short: int, room: int, marks: tuple[int, ...]) -> bytes:
    """Return the head of a text, a list or a map; `marks` are those of the longer forms, the widest last."""
    if count <= room and draw.random() < 0.7:
        return bytes((short | count,))
    widths = ((">BB", 2**8), (">BH", 2**16), (">BI", 2**32))[3 - len(marks) :]
    mark, form = draw.choice([(mark, form) for mark, (form, top) in zip(marks, widths, strict=True) if count < top])
    return struct.pack(form, mark, count)


def text(draw: Random) -> bytes:
    """Return a text."""
    body = "".join(
        draw.choices(LETTERS, k=draw.choice((8, 31, 32, 256) if draw.random() < 0.05 else (0, 1, 2, 3, 5)))
    ).encode()
    return counted(draw, len(body), 0xA0, 31, (0xD9, 0xDA, 0xDB)) + body


def document(draw: Random, depth: int = 0) -> bytes:
    """Return a document of the subset."""
    kind = draw.random()
    if depth and (kind < 0.5 or depth == MAX_DEPTH):
        return draw.choice(
            (lambda: draw.choice((b"\xc0", b"\xc2", b"\xc3")), lambda: number(draw), lambda: text(draw))
        )()
    count = draw.choice((0, 1, 2, 3, 4, 15, 16) if depth == 0 else (0, 1, 1, 1, 2))
    if kind < 0.75:
        return counted(draw, count, 0x90, 15, (0xDC, 0xDD)) + b"".join(document(draw, depth + 1) for _ in range(count))
    names = {msgpack.unpackb(key): key for key in (text(draw) for _ in range(count))}  # each once
    pairs = b"".join(key + document(draw, depth + 1) for key in names.values())
    return counted(draw, len(names), 0x80, 15, (0xDE, 0xDF)) + pairs


def same(ours: Any, theirs: Any) -> bool:
    """Compare values with their types: to == alone True is 1 and 1 is 1.0."""
    if type(ours) is not type(theirs):
        return False
    if isinstance(ours, dict):
        return list(ours) == list(theirs) and all(same(ours[key], theirs[key]) for key in ours)
    if isinstance(ours, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    return repr(ours) == repr(theirs)  # tells -0.0 from 0.0


def compare(number_of_case: int) -> str:
    """Make one document, decode it twice and return "same", "refused" or what is wrong."""
    draw = Random(number_of_case)
    data = document(draw)
    way = draw.random()
    if way < 0.6:
        return "same" if same(unpack(data), msgpack.unpackb(data)) else f"read otherwise: {data.hex()}"
    if way < 0.7:  # something outside the subset, as one value of a list
        data = bytes((0x92,)) + data + draw.choice(OUTSIDE)
    elif way < 0.8:
        data = data[: draw.randrange(len(data))]
    else:
        at = draw.randrange(len(data))
        data = data[:at] + bytes((draw.randrange(256),)) + data[at + 1 :]
    try:
        found = unpack(data)
    except Invalid:
        return "refused"
    if way < 0.8:
        return f"should be refused: {data.hex()}"
    return "same" if same(found, msgpack.unpackb(data)) else f"read otherwise: {data.hex()}"


def run(first: int, cases: int) -> tuple[dict[str, int], list[str]]:
    """Return how often each verdict came, and the verdicts that must not come."""
    counts, wrong = {"same": 0, "refused": 0}, []
    for at in range(first, first + cases):
        verdict = compare(at)
        if verdict in counts:
            counts[verdict] += 1
        else:
            wrong.append(f"{at}: {verdict}")
    return counts, wrong


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--first", type=int, default=0)
    options = parser.parse_args()
    began = time.monotonic()
    counts, wrong = run(options.first, options.cases)
    print(f"{options.cases} documents, {counts}, {len(wrong)} wrong, {time.monotonic() - began:.0f} s")
    print("\n".join(wrong[:20]))
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
