"""The header's decoder takes exactly the part of MessagePack that the format allows."""

from __future__ import annotations

import math
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from make_model import Raw, pack

from mlp_runtime import Invalid
from mlp_runtime.unpack import unpack

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)


def depth(value):
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


@given(VALUES.filter(lambda value: depth(value) <= 8))
def test_what_is_packed_comes_back(value):
    assert unpack(pack(value)) == value


@given(VALUES.filter(lambda value: depth(value) <= 8))
def test_it_reads_what_the_msgpack_package_writes(value):
    msgpack = pytest.importorskip("msgpack")
    assert unpack(msgpack.packb(value)) == value


@given(st.binary(max_size=40))
def test_it_reads_any_bytes_as_msgpack_does_or_refuses_them(data):
    msgpack = pytest.importorskip("msgpack")
    try:
        value = unpack(data)
    except Invalid:
        return
    assert msgpack.unpackb(data, strict_map_key=False) == value


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"\x00", 0),
        (b"\x7f", 127),
        (b"\xe0", -32),
        (b"\xff", -1),
        (b"\xcc\xff", 255),
        (b"\xcd\x01\x00", 256),
        (b"\xce\x00\x01\x00\x00", 65536),
        (b"\xcf" + b"\xff" * 8, 2**64 - 1),
        (b"\xd0\x80", -128),
        (b"\xd1\x80\x00", -32768),
        (b"\xd2\x80\x00\x00\x00", -(2**31)),
        (b"\xd3\x80" + bytes(7), -(2**63)),
        (b"\xca\x3f\x80\x00\x00", 1.0),
        (b"\xcb\x3f\xf0" + bytes(6), 1.0),
        (b"\xa0", ""),
        (b"\xd9\x01a", "a"),
        (b"\xda\x00\x02\xc3\xa9", "é"),
        (b"\xdb\x00\x00\x00\x01a", "a"),
        (b"\x92\x01\x02", [1, 2]),
        (b"\xdc\x00\x01\xc0", [None]),
        (b"\xdd\x00\x00\x00\x01\xc2", [False]),
        (b"\x81\xa1a\xc3", {"a": True}),
        (b"\xde\x00\x01\xa1a\x01", {"a": 1}),
        (b"\xdf\x00\x00\x00\x00", {}),
    ],
)
def test_every_form_of_a_value_is_read(data, value):
    assert unpack(data) == value
    assert type(unpack(data)) is type(value)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "offset 0: found the end, wanted a value"),
        (b"\x92\x92\x01\x02", "offset 4: found the end, wanted a value"),
        (b"\x01\x02", "offset 1: found 1 more bytes, wanted the end"),
        (b"\xc1", "offset 0: found type byte 0xc1, wanted nil, bool, int, float, text, list or map"),
        (b"\x91\xc4\x00", "offset 1: found type byte 0xc4"),
        (b"\xc5\x00\x00", "type byte 0xc5"),
        (b"\xc6" + bytes(4), "type byte 0xc6"),
        (b"\xc7\x00\x01", "type byte 0xc7"),
        (b"\xc8\x00\x00\x01", "type byte 0xc8"),
        (b"\xc9" + bytes(5), "type byte 0xc9"),
        (b"\xd4\xff\x00", "type byte 0xd4"),  # ext -1 is a timestamp
        (b"\xd6\xff" + bytes(4), "type byte 0xd6"),
        (b"\xd8\x00" + bytes(16), "type byte 0xd8"),
        (b"\xca\x7f\xc0\x00\x00", "offset 0: found nan, wanted a finite number"),
        (b"\xcb\x7f\xf0" + bytes(6), "found inf, wanted a finite number"),
        (b"\xca\xff\x80\x00\x00", "found -inf, wanted a finite number"),
        (b"\xcd\x01", "offset 1: found 1 bytes, wanted a number of 2"),
        (b"\xa3ab", "found a text of 3 with 2 bytes left, wanted a smaller count"),
        (b"\xa1\xff", "found text that is not UTF-8"),
        (b"\xa3\xed\xa0\x80", "found text that is not UTF-8"),  # a lone surrogate
        (b"\x81\x01\x02", "offset 1: found a key of type int, wanted text"),
        (b"\x81\xc0\x02", "found a key of type NoneType, wanted text"),
        (b"\x81\xc4\x01a\x02", "offset 1: found type byte 0xc4"),
        (b"\x82\xa1a\x01\xa1a\x02", "offset 4: found the key 'a' a second time, wanted it once"),
        (b"\x91" * 9 + b"\xc0", "offset 8: found a list 9 levels deep, wanted at most 8"),
        (b"\x81\xa1a" * 9 + b"\xc0", "offset 24: found a map 9 levels deep, wanted at most 8"),
        (b"\xdd\xff\xff\xff\xff\xc0", "found a list of 4294967295 with 1 bytes left, wanted a smaller count"),
        (b"\xdf\x00\x00\x00\x02\xa0\xc0\xa1", "found a map of 2 with 3 bytes left, wanted a smaller count"),
        (b"\xdb\xff\xff\xff\xff", "found a text of 4294967295 with 0 bytes left"),
    ],
)
def test_what_the_format_forbids_is_refused_with_its_offset(data, message):
    with pytest.raises(Invalid) as caught:
        unpack(data)
    assert message in str(caught.value)


def test_eight_levels_are_allowed():
    assert depth(unpack(b"\x91" * 8 + b"\xc0")) == 8


def test_a_depth_bomb_costs_no_recursion():
    with pytest.raises(Invalid, match="levels deep"):
        unpack(b"\x91" * 200_000)


def test_offsets_count_from_the_start_of_the_buffer():
    with pytest.raises(Invalid, match=r"offset 7: found type byte 0xc1"):
        unpack(b"xxxxx\x92\x01\xc1", 5)


@given(st.binary(max_size=200))
def test_no_bytes_do_anything_but_decode_or_raise_invalid(data):
    try:
        value = unpack(data)
    except Invalid:
        return
    assert not isinstance(value, float) or math.isfinite(value)


@pytest.mark.parametrize(
    "bomb",
    [
        b"\xdd" + (131_072).to_bytes(4, "big") + b"\x90" * 131_072,
        b"\xdd" + (131_072).to_bytes(4, "big") + b"\x80" * 131_072,
        b"\xdd" + (16_384).to_bytes(4, "big") + (b"\x81\xa0" * 7 + b"\xc0") * 16_384,
        b"\xdd" + (80_000).to_bytes(4, "big") + b"\xa2\xc3\xa9" * 80_000,
        b"\xdd" + (29_000).to_bytes(4, "big") + b"\xcf" + (b"\xff" * 8 + b"\xcf") * 28_999 + b"\xff" * 8,
    ],
    ids=["lists", "maps", "nested maps", "texts", "numbers"],
)
def test_the_largest_header_stays_within_its_memory(bomb):
    assert len(bomb) <= 262_144
    tracemalloc.start()
    try:
        unpack(bomb)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 32 * 2**20


def test_the_tests_own_writer_can_write_nonsense():
    with pytest.raises(Invalid, match="type byte 0xc1"):
        unpack(pack({"a": Raw(b"\xc1")}))
