"""Parquet is a table stored by columns; pyarrow reads it, which comes with `pip install "mlp-data[parquet]"`."""

from __future__ import annotations

import io
import json
from typing import Any

from mlp_data.errors import DataError, TableError
from mlp_data.limits import LIMITS
from mlp_data.sources import Member

MAGIC = b"PAR1"
_MOST_ROWS = 100_000_000  # a run of equal values takes a few bytes, however many rows it stands for


def is_parquet(member: Member) -> bool:
    """Tell whether a file starts as Parquet does."""
    return member.magic.startswith(MAGIC)


def pyarrow(where: str) -> Any:
    """Import pyarrow, which only Parquet needs; where it is not installed, say how to get it."""
    try:
        import pyarrow.compute
        import pyarrow.parquet
    except ImportError as error:
        raise DataError(
            f'{where}: Parquet needs pyarrow, which cannot be loaded ({error}): pip install "mlp-data[parquet]"'
        ) from error
    return pyarrow


def open_parquet(member: Member) -> Any:
    """Return the `ParquetFile` of a member, whose footer was checked for what no sound table claims."""
    arrow = pyarrow(member.where)
    try:
        file = arrow.parquet.ParquetFile(io.BytesIO(member.read()))
        footer = file.metadata
        groups = [footer.row_group(i) for i in range(footer.num_row_groups)]
        rows, size = sum(group.num_rows for group in groups), sum(group.total_byte_size for group in groups)
    except (arrow.ArrowException, OSError, ValueError) as error:
        raise _damaged(member, error) from None
    if not 0 <= rows <= min(_MOST_ROWS, 8 * max(member.size, 1 << 20)) or not 0 <= size <= LIMITS.member_bytes:
        raise TableError(
            f"{member.where}: the Parquet file claims {rows:,} rows and {size:,} bytes in {member.size:,} bytes, more "
            f"than is allowed: split it"
        )
    names = file.schema_arrow.names
    twice = next((name for at, name in enumerate(names) if name in names[:at]), None)
    if twice is not None:
        raise TableError(f"{member.where}: two columns are called {twice!r}: rename one")
    return file


def read(member: Member, file: Any, columns: list[str] | None = None) -> Any:
    """Return the pyarrow table in a file, or the columns of it that are named."""
    try:
        return file.read(columns=columns, use_threads=False)
    except (pyarrow(member.where).ArrowException, OSError, ValueError) as error:
        raise _damaged(member, error) from None


def columns_of_text(member: Member) -> tuple[dict[str, list[str]], list[str]]:
    """Return the cells of a Parquet table as a CSV file would hold them, and the columns that it could not hold."""
    table, arrow = read(member, open_parquet(member)), pyarrow(member.where)
    columns: dict[str, list[str]] = {}
    left_out: list[str] = []
    for number, (name, column) in enumerate(zip(table.column_names, table.columns, strict=True), 1):
        name = name or f"column {number}"  # as where a CSV file has no names
        cells = texts(arrow, column)
        if cells is None or name in columns:
            left_out.append(name)
        else:
            columns[name] = cells
    return columns, left_out


def texts(arrow: Any, column: Any) -> list[str] | None:
    """Return the cells of a column as texts, "" where one is missing; None for lists, structures and bytes.

    They never become Python's own dates, which are fewer than those of Parquet.
    """
    try:
        return [cell or "" for cell in column.cast(arrow.string()).to_pylist()]
    except (arrow.ArrowException, UnicodeDecodeError):
        return None


def class_names(file: Any, column: str) -> list[str]:
    """Return the names that Hugging Face's `ClassLabel` gives to the numbers in a column, or none."""
    try:
        stored = json.loads((file.schema_arrow.metadata or {})[b"huggingface"])
        names = stored["info"]["features"][column]["names"]
        return names if isinstance(names, list) and all(isinstance(name, str) for name in names) else []
    except (LookupError, TypeError, ValueError, RecursionError):
        return []


def _damaged(member: Member, error: Exception) -> TableError:
    said = " ".join(str(error).split())[:200]
    return TableError(f"{member.where}: the Parquet file is damaged or of a rare kind ({said}): save it again")
