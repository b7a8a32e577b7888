"""A CSV file too large for memory is split into cells once, a group of rows at a time, and they go into the cache."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np

from mlp_data.archive import GZIP_MAGIC, PART
from mlp_data.cache import Writer, cached
from mlp_data.delimited import (
    FIRST,
    LOOKED_AT,
    StrayQuote,
    TextTable,
    are_decimal,
    check_widths,
    find_delimiter,
    named,
    notes,
    read_table,
    split,
    take_names,
)
from mlp_data.errors import TableError
from mlp_data.options import Options
from mlp_data.parquet import is_parquet
from mlp_data.sources import Member, Source
from mlp_data.storage import PACKED, Storage
from mlp_data.table_rows import StoredCells, TableRows, joined

_CELLS = 1 << 18  # in one group of rows
_TEXT = 8 << 20  # characters in one group, if its cells are long
_LINE = 16 << 20  # characters in one line; what has more is no table

Record = tuple[int, list[str]]  # the line on which a row begins, and its cells


def text_size(member: Member) -> int:
    """Return how many bytes of text a file holds, about."""
    return member.size * (PACKED if member._read(2) == GZIP_MAGIC[:2] else 1)


def store_table(member: Member, source: Source, options: Options) -> TextTable:
    """Return what `read_table` does, with the cells in the cache; its columns are read when they are asked for."""
    where, storage = member.where, options.storage
    if is_parquet(member):
        storage.check_table(member.size, where)
        return read_table(member)
    key = f"cells {(source.path or Path()).resolve()} {member.name}"
    encoding, strict = _encoding(member), True
    while True:
        build = partial(_build, member=member, storage=storage, encoding=encoding, strict=strict)
        try:
            entry = cached(storage.cache, key, source.identity(), build, text_size(member))
        except UnicodeDecodeError:
            encoding = "latin-1"
        except StrayQuote:
            strict = False
        else:
            break
    stored = StoredCells(entry, storage.cache)
    storage.check(int(stored.starts[-1]), where)
    facts = entry.facts
    problems = notes(where, facts["encoding"], facts["has_names"], facts["commas"])
    return TextTable(member.name, where, TableRows(stored).columns, entry.rows("lines"), problems, facts["has_names"])


def _build(writer: Writer, member: Member, storage: Storage, encoding: str, strict: bool) -> None:
    """Split the text into cells; UnicodeDecodeError or StrayQuote where it has to be read otherwise."""
    where = member.where
    errors = "replace" if encoding == "utf-16" else "strict"
    head = codecs.getincrementaldecoder(encoding)(errors).decode(member.head(4 * LOOKED_AT))
    delimiter = find_delimiter(head)
    rows = split(where, _lines(member, encoding, errors), delimiter, strict=strict)
    first = list(islice(rows, FIRST))
    names, has_names = take_names(where, first)
    ends_empty = True
    alike = set() if delimiter == "," else {*range(len(names))}  # columns that hold nothing but decimal numerals
    commas: set[int] = set()  # those of them that hold a comma
    count = 0
    for group in _groups(chain(first, rows), max(1, _CELLS // len(names))):
        check_widths(where, group, len(names))
        count += len(group)
        storage.check(count, where)
        columns = list(zip(*(record for _, record in group), strict=True))
        ends_empty = ends_empty and not any(columns[-1])
        alike = {place for place in alike if are_decimal(columns[place])}
        commas = {place for place in alike if place in commas or any("," in cell for cell in columns[place])}
        parts = [joined(cells) for cells in columns]
        writer.add("cells", np.frombuffer(b"".join(parts), np.uint8))
        writer.add("sizes", np.array([[len(part) for part in parts]], np.int64))
        writer.add("rows", np.array([len(group)], np.int64))
        writer.add("lines", np.array([line for line, _ in group], np.int64))
    places = named(names, range(len(names)), ends_empty=ends_empty)
    writer.facts["names"] = places
    writer.facts["commas"] = [name for name, place in places.items() if place in commas]
    writer.facts["has_names"] = has_names
    writer.facts["encoding"] = {"utf-8-sig": "utf-8", "utf-16": "UTF-16", "latin-1": "Latin-1"}[encoding]


def _encoding(member: Member) -> str:
    return "utf-16" if member.head(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"


def _lines(member: Member, encoding: str, errors: str) -> Iterator[str]:
    """Yield each line with its end, and refuse what no table holds."""
    text = io.TextIOWrapper(io.BufferedReader(_Stream(member.stream()), PART), encoding, errors, newline="")
    number = 0
    while line := text.readline(_LINE):
        number += 1
        if "\0" in line:
            raise TableError(
                f"{member.where}: line {number} holds a NUL byte: the file is damaged or no CSV: save the table again"
            )
        if len(line) == _LINE:
            raise TableError(
                f"{member.where}: line {number} has {_LINE:,} characters or more: the file is damaged or no CSV: save "
                f"the table again"
            )
        yield line


class _Stream(io.RawIOBase):
    """Content that comes in parts, as a file that is read from start to end."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts, self._rest = parts, memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            part = next(self._parts, None)
            if part is None:
                return 0
            self._rest = memoryview(part)
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def _groups(records: Iterable[Record], most: int) -> Iterator[list[Record]]:
    """Yield rows in groups of at most `most`, fewer if their cells are long."""
    group: list[Record] = []
    size = 0
    for record in records:
        group.append(record)
        size += sum(map(len, record[1]))
        if len(group) == most or size > _TEXT:
            yield group
            group, size = [], 0
    if group:
        yield group
