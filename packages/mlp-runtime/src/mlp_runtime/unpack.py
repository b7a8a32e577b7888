"""A model file's header is MessagePack; this decoder reads the part of it that the format allows, and refuses the rest.

Allowed are nil, booleans, integers, finite floats, text, lists and maps with text keys. Whatever the bytes say, the
work and the memory stay in proportion to their number: a count is believed only if that many bytes are left.
MessagePack's own specification: https://github.com/msgpack/msgpack/blob/master/spec.md
"""

from __future__ import annotations

import math
from struct import Struct
from typing import Any, Union

from .errors import Invalid

MAX_DEPTH = 8  # lists and maps inside each other; the outermost one counts

_NUMBERS = {
    0xCA: Struct(">f"), 0xCB: Struct(">d"),
    0xCC: Struct(">B"), 0xCD: Struct(">H"), 0xCE: Struct(">I"), 0xCF: Struct(">Q"),
    0xD0: Struct(">b"), 0xD1: Struct(">h"), 0xD2: Struct(">i"), 0xD3: Struct(">q"),
}  # fmt: skip
_BYTE, _SHORT, _LONG = Struct(">B"), Struct(">H"), Struct(">I")
_LENGTHS = {
    0xD9: ("text", _BYTE), 0xDA: ("text", _SHORT), 0xDB: ("text", _LONG),
    0xDC: ("list", _SHORT), 0xDD: ("list", _LONG), 0xDE: ("map", _SHORT), 0xDF: ("map", _LONG),
}  # fmt: skip
_CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}


def unpack(buffer: Union[bytes, memoryview], start: int = 0) -> Any:
    """Return the one value that fills `buffer` from `start` to its end; anything else is `Invalid`, with the offset.

    >>> unpack(b"\\x81\\xa4name\\x92\\x01\\xc3")
    {'name': [1, True]}
    >>> unpack(b"\\x91\\xc4")
    Traceback (most recent call last):
    mlp_runtime.errors.Invalid: offset 1: found type byte 0xc4, wanted nil, bool, int, float, text, list or map
    """
    view = memoryview(buffer)
    value, end = _value(view, start, MAX_DEPTH)
    if end != len(view):
        raise Invalid(f"offset {end}: found {len(view) - end} more bytes, wanted the end")
    return value


def _value(view: memoryview, at: int, depth: int) -> tuple[Any, int]:
    """Decode the value at offset `at`; return it and the offset behind it. `depth` levels may still be opened."""
    if at >= len(view):
        raise Invalid(f"offset {at}: found the end, wanted a value")
    byte = view[at]
    if byte < 0x80:
        return byte, at + 1
    if byte >= 0xE0:
        return byte - 256, at + 1
    if byte in _CONSTANTS:
        return _CONSTANTS[byte], at + 1
    if byte in _NUMBERS:
        number, body = _fixed(_NUMBERS[byte], view, at + 1)
        if not math.isfinite(number):
            raise Invalid(f"offset {at}: found {number}, wanted a finite number")
        return number, body

    if byte in _LENGTHS:
        kind, form = _LENGTHS[byte]
        count, body = _fixed(form, view, at + 1)
    elif byte < 0xC0:  # the short forms carry their count in the type byte
        kind, count = ("map", byte & 15) if byte < 0x90 else ("list", byte & 15) if byte < 0xA0 else ("text", byte & 31)
        body = at + 1
    else:
        raise Invalid(f"offset {at}: found type byte 0x{byte:02x}, wanted nil, bool, int, float, text, list or map")
    left = len(view) - body
    if count * (2 if kind == "map" else 1) > left:
        raise Invalid(f"offset {at}: found a {kind} of {count} with {left} bytes left, wanted a smaller count")
    if kind == "text":
        return _text(view, at, body, count), body + count
    if depth == 0:
        raise Invalid(f"offset {at}: found a {kind} {MAX_DEPTH + 1} levels deep, wanted at most {MAX_DEPTH}")
    return _list(view, body, count, depth - 1) if kind == "list" else _map(view, body, count, depth - 1)


def _fixed(form: Struct, view: memoryview, at: int) -> tuple[Any, int]:
    """Return the number of fixed width at offset `at`, and the offset behind it."""
    if form.size > len(view) - at:
        raise Invalid(f"offset {at}: found {len(view) - at} bytes, wanted a number of {form.size}")
    return form.unpack_from(view, at)[0], at + form.size


def _text(view: memoryview, at: int, body: int, count: int) -> str:
    """Decode `count` bytes of UTF-8 at offset `body`; the value itself begins at `at`."""
    try:
        return str(view[body : body + count], "utf-8")
    except UnicodeDecodeError:
        raise Invalid(f"offset {at}: found text that is not UTF-8, wanted UTF-8") from None


def _list(view: memoryview, at: int, count: int, depth: int) -> tuple[list[Any], int]:
    """Decode `count` values from offset `at` on."""
    values = []
    for _ in range(count):
        value, at = _value(view, at, depth)
        values.append(value)
    return values, at


def _map(view: memoryview, at: int, count: int, depth: int) -> tuple[dict[str, Any], int]:
    """Decode `count` pairs from offset `at` on; a key is text and comes once."""
    values: dict[str, Any] = {}
    for _ in range(count):
        key, end = _value(view, at, depth)
        if not isinstance(key, str):
            raise Invalid(f"offset {at}: found a key of type {type(key).__name__}, wanted text")
        if key in values:
            raise Invalid(f"offset {at}: found the key {key[:40]!r} a second time, wanted it once")
        values[key], at = _value(view, end, depth)
    return values, at
