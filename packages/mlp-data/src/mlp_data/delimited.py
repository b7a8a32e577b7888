"""A CSV file is a table written as text: one row a line, fields between delimiters, usually a first line of names."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from mlp_data.cells import is_missing, numbers, with_points
from mlp_data.errors import TableError
from mlp_data.labels import Array
from mlp_data.parquet import columns_of_text, is_parquet
from mlp_data.rows import FileRows
from mlp_data.sources import Member
from mlp_data.table_rows import TableColumns

DELIMITERS = "\t;|,"  # the comma last: it occurs inside numbers and texts more often than the others do
_TABLE_SUFFIXES = (".csv", ".tsv", ".tab")
MOST_COLUMNS = 100_000  # a picture of 316 x 316 pixels in one row; a small network learns from far fewer
LOOKED_AT = 1 << 16  # characters that show the delimiter
FIRST = 200  # rows that show the header
_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+")
_DECIMAL_COMMA = re.compile(r"[-+]?\d+(,\d+)?")
_Value = TypeVar("_Value")
_CONTROL = re.compile(rb"[\0-\x08\x0b\x0e-\x1a\x1c-\x1f]")


@dataclass(frozen=True)
class TextTable:
    """The cells of one CSV file. where: how errors name it. lines: the line on which each row begins.

    columns: where they are too large for memory, those of `mlp_data.table_rows.TableRows`, read when asked for.
    """

    name: str
    where: str
    columns: Mapping[str, Sequence[Any]]
    lines: Sequence[int] | FileRows
    problems: tuple[str, ...] = ()
    has_names: bool = True

    def __len__(self) -> int:
        return len(self.lines)

    def take(self, rows: Array) -> TextTable:
        """Return the table of only the rows at `rows`, of which there are as many or fewer."""
        if isinstance(self.columns, TableColumns):
            assert isinstance(self.lines, FileRows)
            return replace(self, columns=self.columns.rows.take(rows).columns, lines=self.lines.take(rows))
        places = rows.tolist()
        columns = {name: [cells[row] for row in places] for name, cells in self.columns.items()}
        return replace(self, columns=columns, lines=[int(self.lines[row]) for row in places])


class StrayQuote(Exception):
    """A quote stands inside a quoted field, which most tools let pass, and so does reading with strict=False."""


def is_table(member: Member) -> bool:
    """Tell whether a file is called as tables are, or else starts with text that splits into columns evenly."""
    if is_parquet(member) or member.name.lower().removesuffix(".gz").endswith(_TABLE_SUFFIXES):
        return True
    head = member.head(4096)
    if not head.strip() or _CONTROL.search(head) or head.lstrip()[:1] in b"{[<":  # JSON and XML have columns too
        return False
    start = _decode(head)[0]
    lines = start.splitlines()[: None if member.size < len(head) else -1]
    _, share = _delimiter("\n".join(lines))
    return len(lines) > 2 and share == 1


def read_table(member: Member) -> TextTable:
    """Read a CSV or Parquet file; one that is no sound table raises TableError, with the line where it goes wrong."""
    where = member.where
    if is_parquet(member):
        return _read_parquet(member)
    content = member.read()
    if not content.strip():
        raise TableError(f"{where}: the file is empty ({len(content)} bytes): get it again")
    content_text, encoding = _decode(content)
    if "\0" in content_text:
        line = content_text.count("\n", 0, content_text.index("\0")) + 1
        raise TableError(f"{where}: line {line} holds a NUL byte: the file is damaged or no CSV: save the table again")
    delimiter = find_delimiter(content_text)
    lines = (match[0] for match in _LINE.finditer(content_text))  # io.StringIO would take four bytes a character
    try:
        records = list(split(where, lines, delimiter))
    except StrayQuote:
        lines = (match[0] for match in _LINE.finditer(content_text))
        records = list(split(where, lines, delimiter, strict=False))
    names, has_names = take_names(where, records)
    check_widths(where, records, len(names))
    cells = list(map(list, zip(*(record for _, record in records), strict=True)))
    columns = named(names, cells, ends_empty=not any(cells[-1]))
    commas = (
        []
        if delimiter == ","
        else [name for name, of in columns.items() if any("," in c for c in of) and are_decimal(of)]
    )
    for name in commas:
        columns[name] = with_points(columns[name])
    problems = notes(where, encoding, has_names, commas)
    return TextTable(member.name, where, columns, [line for line, _ in records], problems, has_names)


def notes(where: str, encoding: str, has_names: bool, commas: Iterable[str]) -> tuple[str, ...]:
    """Say what is unusual about the text of a table. commas: the columns that hold decimal commas."""
    said = [] if encoding == "utf-8" else [f"{where}: the text is not UTF-8, so it was read as {encoding}"]
    if not has_names:
        said.append(f"{where}: the first line holds values, not names, so the columns are called 'column 1' and on")
    said += [f"{where}: column {name!r} holds decimal commas, which were read as points" for name in commas]
    return tuple(said)


def _read_parquet(member: Member) -> TextTable:
    columns, left_out = columns_of_text(member)
    rows = len(next(iter(columns.values()), []))
    if not rows:
        raise TableError(f"{member.where}: the table has no rows of numbers or texts: save it with some")
    problems = [f"{member.where}: column {name!r} holds neither numbers nor texts and is not used" for name in left_out]
    return TextTable(member.name, member.where, columns, list(range(1, rows + 1)), tuple(problems))


def _decode(content: bytes) -> tuple[str, str]:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace"), "UTF-16"
    try:
        return content.decode("utf-8-sig"), "utf-8"
    except UnicodeDecodeError:
        return content.decode("latin-1"), "Latin-1"


def find_delimiter(content: str) -> str:
    """Return the delimiter of a text, of which the first LOOKED_AT characters are looked at."""
    return _delimiter(content[:LOOKED_AT])[0]


def _delimiter(start: str) -> tuple[str, float]:
    """Return the delimiter of a text, and the share of its first lines that it splits into equally many fields."""
    best = (",", 0.0)
    for delimiter in DELIMITERS:
        reader = csv.reader(io.StringIO(start, newline=""), delimiter=delimiter, skipinitialspace=True)
        try:
            widths = [len(record) for record, _ in zip(reader, range(50), strict=False) if record]
        except csv.Error:
            continue
        usual, count = Counter(widths).most_common(1)[0] if widths else (1, 0)
        if usual < 2:
            continue
        if widths[0] == usual and count == len(widths):
            return delimiter, 1.0
        if count / len(widths) > best[1]:
            best = delimiter, count / len(widths) * 0.99
    return best


def split(where: str, lines: Iterable[str], delimiter: str, *, strict: bool = True) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that hold anything, each with the line on which it begins; StrayQuote if strict."""
    reader = csv.reader(_narrow(where, lines, delimiter), delimiter=delimiter, skipinitialspace=True, strict=strict)
    line = 1
    try:
        for record in reader:
            if any(map(str.strip, record)):
                yield line, record
            line = reader.line_num + 1
    except csv.Error as error:
        if strict and "expected after" in str(error):
            raise StrayQuote from None
        if "field larger" in str(error):
            found = f"holds a field of more than {csv.field_size_limit():,} characters"
        else:
            found = f"cannot be split into fields ({error})"
        raise TableError(f"{where}: line {line} {found}: is a quote opened there and never closed?") from None


def _narrow(where: str, lines: Iterable[str], delimiter: str) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        if line.count(delimiter) >= MOST_COLUMNS:  # refused before a list of them is made
            raise TableError(
                f"{where}: line {number} has about {line.count(delimiter) + 1:,} fields, but {MOST_COLUMNS:,} are "
                f"allowed: give fewer columns, or images as image files or .npz"
            )
        yield line


def take_names(where: str, records: list[tuple[int, list[str]]]) -> tuple[list[str], bool]:
    """Return the names of the columns, and whether the first row gave them; it is then taken out of `records`."""
    if not records:
        raise TableError(f"{where}: there are only empty lines and fields in it: get it again")
    names = _header(where, [record for _, record in records[:FIRST]])
    if names is None:
        return [f"column {i + 1}" for i in range(len(records[0][1]))], False
    first_line, _ = records.pop(0)
    if not records:
        raise TableError(f"{where}: line {first_line} names {len(names)} columns, but no rows follow: add some")
    return names, True


def named(names: Sequence[str], values: Sequence[_Value], *, ends_empty: bool) -> dict[str, _Value]:
    """Return the value of each column by its name. ends_empty: whether the last column has no cell that is filled.

    >>> named(["a", "", ""], [1, 2, 3], ends_empty=False)
    {'a': 1, 'column 2': 3}
    """
    found = dict(zip(names, values, strict=True))
    if not names[-1].strip() and ends_empty:
        del found[names[-1]]  # every line ended in a delimiter
    return {name or _free_name(i, found): value for i, (name, value) in enumerate(found.items())}


def _header(where: str, records: list[list[str]]) -> list[str] | None:
    """Return the names in the first row, or None if it holds values as the others do."""
    first, following = [name.strip() for name in records[0]], records[1:]
    is_number = [bool(len(numbers([name]).finite)) for name in first]
    counted = first == [str(i) for i in range(len(first))]  # a frame that was saved without names of its own
    if any(is_number) and not counted and not _heads_numbers(is_number, following):
        return None
    others = [row for record in following if (row := [cell.strip() for cell in record]) != first]
    again = (any(name == row[i] for row in others if i < len(row)) for i, name in enumerate(first))
    if not counted and all(again):  # each is a value of its own column
        return None
    seen: dict[str, int] = {}
    for field, name in enumerate(first, start=1):
        if name and seen.setdefault(name, field) != field:
            raise TableError(
                f"{where}: the first line names the column {name!r} twice, "
                f"as field {seen[name]} and as field {field}: rename one"
            )
    return first


def _heads_numbers(is_number: list[bool], following: list[list[str]]) -> bool:
    """Tell whether a text in the first row stands above numbers, as only names do."""
    for i, number in enumerate(is_number):
        below = [record[i] for record in following if i < len(record) and not is_missing(record[i])]
        if not number and below and len(numbers(below).finite) * 10 >= len(below) * 9:
            return True
    return False


def check_widths(where: str, records: list[tuple[int, list[str]]], width: int) -> None:
    """Refuse ragged rows; surplus fields that are empty are cut off, because spreadsheets write them."""
    for line, record in records:
        if len(record) == width:
            continue
        if len(record) < width or any(record[width:]):
            raise TableError(
                f"{where}: line {line} has {len(record)} fields but the first line has {width}: "
                f"correct the line, or quote fields that hold the delimiter"
            )
        del record[width:]


def _free_name(position: int, taken: Mapping[str, Any]) -> str:
    name = f"column {position + 1}"
    while name in taken:
        name += "'"
    return name


def are_decimal(cells: Iterable[str]) -> bool:
    """Tell whether all cells are numbers such as 7,25 and 7; where the delimiter is no comma, such files exist."""
    return all(_DECIMAL_COMMA.fullmatch(cell.strip()) for cell in cells if not is_missing(cell))
