"""Throw damaged Parquet files at the reader, whole and as Hugging Face stores images: each must be read, or refused.

`nox -s fuzz` runs this. FUZZ_EXAMPLES sets how many cases each test gets (300). pyarrow's own allocator says that no
case took much memory.
"""

from __future__ import annotations

import json

import fuzz_data
import pytest
from fuzz import bounded, damage, damages
from fuzz_data import _count  # noqa: F401  # tells how many cases there were
from hypothesis import given
from hypothesis import strategies as st

arrow = pytest.importorskip("pyarrow", reason="pyarrow, the extra mlp-data[parquet], is not installed")
pq = pytest.importorskip("pyarrow.parquet")

MOST_BYTES = 64 << 20  # for files of a few KiB


def written(columns: dict[str, list], names: object = None, **how: object) -> bytes:
    """Write columns as Parquet; `names` are what Hugging Face says of the numbers in the column `label`."""
    table = arrow.table(columns)
    if names is not None:
        features = {"info": {"features": {"label": {"names": names, "_type": "ClassLabel"}}}}
        table = table.replace_schema_metadata({"huggingface": json.dumps(features)})
    return packed(table, **how)


def packed(table: object, **how: object) -> bytes:
    sink = arrow.BufferOutputStream()
    pq.write_table(table, sink, **how)
    return sink.getvalue().to_pybytes()


def column(cells: list, kind: object) -> object:
    """Make a column of any type; bytes called text stay what they are."""
    if kind == arrow.string():
        return arrow.array(cells, arrow.binary()).view(kind)
    if arrow.types.is_temporal(kind):
        return arrow.array(cells, arrow.int64()).cast(f"int{kind.bit_width}", safe=False).cast(kind, safe=False)
    return arrow.array(cells, kind)


TABLE = {
    "id": list(range(40)),
    "size": [1.5, None, -3.25, float("nan")] * 10,
    "colour": ["red", "blue", None, ""] * 10,
    "is_new": [True, False, None, True] * 10,
    "tags": [[1], [], None, [2, 3]] * 10,
    "label": ["a", "b"] * 20,
}
IMAGES = {"image": [{"bytes": fuzz_data.PNG, "path": f"{i}.png"} for i in range(6)], "label": [0, 1, -1] * 2}
FILES = {
    "plain": written(TABLE, use_dictionary=False, compression="none"),
    "packed": written(TABLE, compression="zstd", row_group_size=15),
    "newer": written(TABLE, version="2.6", data_page_version="2.0", compression="gzip"),
    "images": written(IMAGES, ["cat", "dog"], compression="none"),
}


def footer(content: bytes) -> int:
    """Return where the footer starts, whose length stands before the last four bytes."""
    return len(content) - 8 - int.from_bytes(content[-8:-4], "little")


def reads_or_refuses(content: bytes) -> None:
    fuzz_data.reads_or_refuses({"train.parquet": content})
    assert arrow.default_memory_pool().max_memory() <= MOST_BYTES


@pytest.mark.parametrize("kind", FILES)
def test_a_damaged_parquet_file_is_read_or_refused(kind):
    @bounded
    @given(wounds=damages)
    def try_it(wounds):
        reads_or_refuses(damage(FILES[kind], wounds))

    try_it()


@pytest.mark.parametrize("kind", FILES)
def test_a_parquet_file_whose_values_are_damaged_in_place_is_read_or_refused(kind):
    content = FILES[kind]

    @bounded
    @given(st.lists(st.tuples(st.integers(4, len(content) - 9), st.integers(0, 255)), min_size=1, max_size=6))
    def try_it(changes):
        hurt = bytearray(content)
        for at, value in changes:
            hurt[at] = value
        reads_or_refuses(bytes(hurt))

    try_it()


@pytest.mark.parametrize("kind", FILES)
def test_a_parquet_file_with_a_damaged_footer_is_read_or_refused(kind):
    content = FILES[kind]

    @bounded
    @given(wounds=damages)
    def try_it(wounds):
        hurt = damage(content[:-8], wounds, start=footer(content))
        length = len(hurt) - footer(content)
        reads_or_refuses(hurt + length.to_bytes(4, "little") + b"PAR1")  # the right length, so that it is parsed

    try_it()


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda deeper: st.lists(deeper, max_size=3) | st.dictionaries(st.text(max_size=5), deeper, max_size=3),
    max_leaves=5,
)


@bounded
@given(
    names=ANYTHING | st.lists(st.text(max_size=3), max_size=4),
    labels=st.lists(st.integers(-3, 9), min_size=6, max_size=6),
)
def test_any_class_names_are_used_or_left_alone(names, labels):
    reads_or_refuses(written({**IMAGES, "label": labels}, names))


WHOLE = st.none() | st.integers(-(2**62), 2**62) | st.integers(-3, 300)
KINDS = {
    WHOLE: [arrow.int64(), arrow.timestamp("s"), arrow.timestamp("ns", "UTC"), arrow.duration("s"), arrow.time64("us")],
    st.none() | st.integers(-(2**31), 2**31 - 1): [arrow.int32(), arrow.date32(), arrow.time32("s")],
    st.none() | st.floats(): [arrow.float64()],
    st.none() | st.booleans(): [arrow.bool_()],
    st.none() | st.binary(max_size=4): [arrow.binary(), arrow.large_binary()],
    st.none() | st.sampled_from([b"a", "é".encode(), b"\xff", b"\0", b""]): [arrow.string()],  # not always UTF-8
    st.none() | st.decimals(-999, 999, places=2): [arrow.decimal128(9, 2)],
}
COLUMNS = st.one_of(
    st.builds(column, st.lists(cells, min_size=6, max_size=6), st.sampled_from(kinds)) for cells, kinds in KINDS.items()
)


@bounded
@given(columns=st.lists(st.tuples(st.sampled_from(["image", "label", "a", ""]), COLUMNS), min_size=1, max_size=4))
def test_any_columns_are_read_or_refused_beside_images_too(columns):
    names, arrays = zip(*columns, strict=True)
    images = arrow.array(IMAGES["image"])
    for table in ((arrays, names), ([images, *arrays], ["image", *names])):
        try:
            content = packed(arrow.Table.from_arrays(*table))
        except arrow.ArrowException:  # Parquet has no dates so far away
            continue
        reads_or_refuses(content)
