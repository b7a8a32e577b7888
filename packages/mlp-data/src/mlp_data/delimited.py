"""A CSV file is a table written as text: one row a line, fields between delimiters, usually a first line of names."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from mlp_data.cells import is_missing, numbers
from mlp_data.errors import TableError
from mlp_data.parquet import columns_of_text, is_parquet
from mlp_data.sources import Member

DELIMITERS = "\t;|,"  # the comma last: it occurs inside numbers and texts more often than the others do
_TABLE_SUFFIXES = (".csv", ".tsv", ".tab")
MOST_COLUMNS = 100_000  # a picture of 316 x 316 pixels in one row; a small network learns from far fewer
_LOOKED_AT = 1 << 16  # characters that show the delimiter and the header
_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+")
_DECIMAL_COMMA = re.compile(r"[-+]?\d+(,\d+)?")
_CONTROL = re.compile(rb"[\0-\x08\x0b\x0e-\x1a\x1c-\x1f]")


@dataclass(frozen=True)
class TextTable:
    """The cells of one CSV file. where: how errors name it. lines: the line on which each row begins."""

    name: str
    where: str
    columns: dict[str, list[str]]
    lines: list[int]
    problems: tuple[str, ...] = ()
    has_names: bool = True

    def __len__(self) -> int:
        return len(self.lines)


def is_table(member: Member) -> bool:
    """Tell whether a file is called as tables are, or else starts with text that splits into columns evenly."""
    if is_parquet(member) or member.name.lower().removesuffix(".gz").endswith(_TABLE_SUFFIXES):
        return True
    head = member.head(4096)
    if not head.strip() or _CONTROL.search(head) or head.lstrip()[:1] in b"{[<":  # JSON and XML have columns too
        return False
    start = _decode(head)[0]
    lines = start.splitlines()[: None if member.size < len(head) else -1]
    delimiter, share = _delimiter("\n".join(lines))
    return len(lines) > 2 and share == 1 and len(_records("", lines[0], delimiter)[0][1]) > 1


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
    delimiter, _ = _delimiter(content_text[:_LOOKED_AT])
    records = _records(where, content_text, delimiter)
    if not records:
        raise TableError(f"{where}: there are only empty lines and fields in it: get it again")
    problems = [] if encoding == "utf-8" else [f"{where}: the text is not UTF-8, so it was read as {encoding}"]
    names = _header(where, [record for _, record in records[:200]])
    has_names = names is not None
    if names is None:
        names = [f"column {i + 1}" for i in range(len(records[0][1]))]
        problems.append(f"{where}: the first line holds values, not names, so the columns are called 'column 1' and on")
    else:
        first_line, _ = records.pop(0)
        if not records:
            raise TableError(f"{where}: line {first_line} names {len(names)} columns, but no rows follow: add some")
    _check_widths(where, records, len(names))
    cells = zip(*(record for _, record in records), strict=True)
    columns = {name: list(column) for name, column in zip(names, cells, strict=True)}
    if not names[-1].strip() and not any(columns[names[-1]]):
        del columns[names[-1]]  # every line ended in a delimiter
    columns = {name or _free_name(i, columns): column for i, (name, column) in enumerate(columns.items())}
    if delimiter != ",":
        problems += _read_decimal_commas(where, columns)
    return TextTable(member.name, where, columns, [line for line, _ in records], tuple(problems), has_names)


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


def _records(where: str, content: str, delimiter: str) -> list[tuple[int, list[str]]]:
    """Return the rows that hold anything, each with the line on which it begins."""
    try:
        return list(_read(where, content, delimiter, strict=True))
    except csv.Error as error:
        if "expected after" in str(error):  # a stray quote inside a quoted field, which most tools let pass
            return list(_read(where, content, delimiter, strict=False))
        reader = csv.reader(_lines(where, content, delimiter), delimiter=delimiter, skipinitialspace=True, strict=True)
        line = 1
        try:
            for _ in reader:
                line = reader.line_num + 1
        except csv.Error:
            pass
        if "field larger" in str(error):
            found = f"holds a field of more than {csv.field_size_limit():,} characters"
        else:
            found = f"cannot be split into fields ({error})"
        raise TableError(f"{where}: line {line} {found}: is a quote opened there and never closed?") from None


def _read(where: str, content: str, delimiter: str, strict: bool) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(_lines(where, content, delimiter), delimiter=delimiter, skipinitialspace=True, strict=strict)
    line = 1
    for record in reader:
        if any(map(str.strip, record)):
            yield line, record
        line = reader.line_num + 1


def _lines(where: str, content: str, delimiter: str) -> Iterator[str]:
    """Yield each line with its end; io.StringIO would take four bytes a character for it."""
    for number, match in enumerate(_LINE.finditer(content), start=1):
        line = match[0]
        if line.count(delimiter) >= MOST_COLUMNS:  # refused before a list of them is made
            raise TableError(
                f"{where}: line {number} has about {line.count(delimiter) + 1:,} fields, but {MOST_COLUMNS:,} are "
                f"allowed: give fewer columns, or images as image files or .npz"
            )
        yield line


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


def _check_widths(where: str, records: list[tuple[int, list[str]]], width: int) -> None:
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


def _free_name(position: int, taken: dict[str, list[str]]) -> str:
    name = f"column {position + 1}"
    while name in taken:
        name += "'"
    return name


def _read_decimal_commas(where: str, columns: dict[str, list[str]]) -> Iterator[str]:
    """Write 7,25 as 7.25 in columns of such numbers, which files with other delimiters than the comma may hold."""
    for name, cells in columns.items():
        filled = [cell for cell in cells if not is_missing(cell)]
        if any("," in cell for cell in filled) and all(_DECIMAL_COMMA.fullmatch(cell.strip()) for cell in filled):
            columns[name] = [cell.replace(",", ".") for cell in cells]
            yield f"{where}: column {name!r} holds decimal commas, which were read as points"
