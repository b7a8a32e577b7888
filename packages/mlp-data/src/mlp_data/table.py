"""Fitting a table looks at the training rows alone and decides which columns become which numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import NormalDist
from typing import Any

import numpy as np

from mlp_data.cells import listed, numbers, text
from mlp_data.column_types import SMALL, ColumnType, describe, without_parts
from mlp_data.dates import parts
from mlp_data.errors import TableError
from mlp_data.frequency import fewest
from mlp_data.labels import Array
from mlp_data.options import Options
from mlp_data.table_rows import DISTINCT, TableColumns, spread_rows
from mlp_runtime.errors import nearest
from mlp_runtime.inputs import Column, TableInput, words

_LIKELY = 2.0  # a word counts if its correlation with the answer is so many times what chance gives
MOST_OF_A_PART = 12  # different months or years that each get an input of their own
BINS = 8  # of a number in bins


def fit_table(
    table: Mapping[str, Sequence[Any]], y: Array | None = None, options: Options | None = None
) -> tuple[TableInput, dict[str, str]]:
    """Return the input that suits these rows, and why each column that it does not use is left out.

    table: column name -> cells. y: the answers, which choose among the words of texts. options: `drop`, `columns`.

    >>> table = {"Age": ["22", "", "38", "26"], "Sex": ["male", "female", "female", "male"], "Ship": ["Titanic"] * 4}
    >>> fitted, left_out = fit_table(table)
    >>> fitted.output_names
    ('Age', 'Age is missing', 'Sex=female', 'Sex=male')
    >>> left_out
    {'Ship': "every row has the same value, 'Titanic'"}
    """
    options = options or Options()
    columns: list[Column] = []
    left_out: dict[str, str] = {}
    on_disk = isinstance(table, TableColumns)
    for cells, found in typed_columns(table, options):
        name = found.name
        chosen = found
        if found.type == "tokens" and y is not None:
            chosen = _words_that_tell(found, *_spread(cells, y)) if on_disk else _words_that_tell(found, cells, y)
        if chosen.is_used:
            columns.extend(_encode(chosen, cells, options))
        else:
            left_out[name] = chosen.reason
    if not columns:
        reasons = "; ".join(f"{name!r}: {reason}" for name, reason in list(left_out.items())[:8])
        raise TableError(
            f"the table has no column to learn from ({reasons or 'it has none'}): add one, or ask for a type"
        )
    return TableInput(tuple(columns)), left_out


def column_types(table: Mapping[str, Sequence[Any]], options: Options | None = None) -> dict[str, ColumnType]:
    """Return the type of every column, as `fit_table` finds it and as the options ask for it.

    >>> column_types({"Age": ["22", "38"]})["Age"].reason
    '2 different whole numbers from 22 to 38'
    """
    return {found.name: found for _, found in typed_columns(table, options or Options())}


def typed_columns(table: Mapping[str, Sequence[Any]], options: Options) -> Iterator[tuple[Sequence[Any], ColumnType]]:
    """Yield the cells of every column, and the type found; of a table on disk, one column is in memory at a time.

    The cells may then be those of rows spread evenly (see `mlp_data.table_rows.TableColumns`), and the reason says so.
    """
    for name in (*options.columns, *options.drop):
        if name not in table:
            raise TableError(
                f"there is no column {name!r}{nearest(name, table) or ': the columns are ' + listed(table)}"
            )
    rows = len(table.rows) if isinstance(table, TableColumns) else 0
    for name in table:
        if name in options.drop:
            yield (), ColumnType(name, "dropped", "dropped as asked for")
            continue
        cells = table[name]
        found = describe(name, cells, options.columns.get(name))
        if len(cells) < rows:
            found = replace(found, reason=f"{found.reason} (judged by {len(cells):,} of the {rows:,} rows)")
        yield cells, found


def _encode(column: ColumnType, cells: Sequence[Any], options: Options) -> Iterator[Column]:
    missing = column.missing >= fewest(len(cells))  # what a handful of gaps mean cannot be learned
    if column.type == "date":
        for encoded in _encode_date(column, cells, options):
            yield replace(encoded, missing=missing)
            missing = False  # the first part says it for all
        return
    if column.type != "number":
        yield Column(column.name, column.type, values=column.values, missing=missing)
        if column.repeated:
            yield Column(column.name, "category", values=column.repeated)
        return
    yield replace(_number(column.name, numbers(cells).finite, options), missing=missing)
    if column.values:
        yield Column(column.name, "category", values=column.values)


def _encode_date(column: ColumnType, cells: Sequence[Any], options: Options) -> Iterator[Column]:
    """Yield the parts that differ: weekdays as categories, the others as numbers, and as categories too if few."""
    for part, values in parts(cells, column.order).items():
        if part not in column.values:
            continue
        finite = values[~np.isnan(values)]
        if part != "weekday":
            yield _number(column.name, finite, options, part, column.order)
        found, counts = np.unique(finite, return_counts=True)
        known = tuple(map(text, found[counts >= fewest(len(cells))].tolist()))
        if known and (part == "weekday" or (2 < len(found) <= MOST_OF_A_PART and len(finite) >= SMALL)):
            yield Column(column.name, "category", values=known, part=part, order=column.order)


def _number(name: str, finite: Array, options: Options, part: str | None = None, order: str = "") -> Column:
    """Return a number that is scaled robustly, or in bins that hold equally many of the values."""
    middle = float(np.median(finite))
    if options.numbers == "piecewise":
        scaling: dict[str, Any] = {"edges": edges(finite)}
    else:
        scaling = {"mean": middle, "scale": 1 / spread(finite)}
    if part is None:
        return Column(name, "number", fill=middle, **scaling)
    return Column(name, "number", part=part, order=order, **scaling)


def edges(values: Array) -> tuple[float, ...]:
    """Return the limits of bins that hold equally many of the values each, so far as equal values allow.

    >>> edges(np.arange(17.0))
    (0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0, 16.0)
    >>> edges(np.array([0.0] * 9 + [5.0]))
    (0.0, 5.0)
    """
    found = np.unique(np.quantile(values, np.linspace(0, 1, BINS + 1)))
    apart = np.diff(found, prepend=-np.inf) > np.ptp(found) * 1e-6  # nearer ones are one to float32
    return tuple(found[apart].tolist())


def spread(values: Array) -> float:
    """Return a standard deviation that neither a few far values nor a long tail can spoil.

    It is the larger of two, each equal to the standard deviation where values are normally distributed: by the middle
    half, and by nearly all (the 1st to 99th percentile; of few values, all but the outermost). Where both are 0, the
    plain one.

    >>> rng = np.random.default_rng(0)
    >>> round(spread(np.append(rng.normal(0, 5, 1000), 1e9)))
    5
    """
    spreads = []
    for share in (0.25, min(0.25, max(0.01, 2 / len(values)))):
        low, high = np.quantile(values, [share, 1 - share])
        spreads.append(float(high - low) / (2 * NormalDist().inv_cdf(1 - share)))
    least = float(np.ptp(values)) * 1e-30 + 1e-30  # what is smaller would leave float32 when it is divided by
    return next((one for one in (max(spreads), float(values.std())) if one > least), 1.0)


def _spread(cells: Sequence[Any], y: Array) -> tuple[Sequence[Any], Array]:
    """Return cells and answers of no more than DISTINCT rows: the words of all rows would not fit in memory."""
    count = min(len(cells), DISTINCT)
    some = [cells[row] for row in spread_rows(len(cells), count).tolist()]  # the cells may be fewer than the rows
    return some, y[spread_rows(len(y), count)]


def _words_that_tell(column: ColumnType, cells: Sequence[Any], y: Array) -> ColumnType:
    """Keep the words that go with the answer more than by chance; the others would only be noise to learn by heart."""
    is_class = y.ndim == 1 and y.dtype.kind in "iub"
    answers = y[:, np.newaxis] == np.unique(y) if is_class else y.reshape(len(y), -1)
    answers = answers - answers.mean(axis=0)
    answers /= np.maximum(answers.std(axis=0), 1e-30)
    found = [set(words(text(cell))) for cell in cells]
    kept = []
    for word in column.values:
        has = np.array([word in row for row in found], np.float64)
        correlation = (has - has.mean()) @ answers / (len(has) * max(float(has.std()), 1e-30))
        if np.abs(correlation).max() * np.sqrt(len(has)) > _LIKELY:
            kept.append(word)
    if kept:
        return replace(
            column, values=tuple(kept), reason=f"{column.reason}; {len(kept)} of the words go with the answer"
        )
    reason = f"{column.reason}, but none of the words goes with the answer"
    return without_parts(replace(column, reason=reason))
