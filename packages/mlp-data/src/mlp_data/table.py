"""Fitting a table looks at the training rows alone and decides which columns become which numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import NormalDist
from typing import Any

import numpy as np

from mlp_data.cells import listed, numbers, text
from mlp_data.column_types import ColumnType, describe, fewest
from mlp_data.errors import TableError
from mlp_data.labels import Array
from mlp_data.options import Options
from mlp_runtime.errors import nearest
from mlp_runtime.inputs import Column, TableInput, words

_LIKELY = 2.0  # a word counts if its correlation with the answer is so many times what chance gives


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
    columns: list[Column] = []
    left_out: dict[str, str] = {}
    for name, found in column_types(table, options).items():
        chosen = _words_that_tell(found, table[name], y) if found.type == "tokens" and y is not None else found
        if chosen.is_used:
            columns.extend(_encode(chosen, table[name]))
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
    options = options or Options()
    for name in (*options.columns, *options.drop):
        if name not in table:
            raise TableError(
                f"there is no column {name!r}{nearest(name, table) or ': the columns are ' + listed(table)}"
            )
    return {
        name: ColumnType(name, "dropped", "dropped as asked for")
        if name in options.drop
        else describe(name, cells, options.columns.get(name))
        for name, cells in table.items()
    }


def _encode(column: ColumnType, cells: Sequence[Any]) -> Iterator[Column]:
    missing = column.missing >= fewest(len(cells))  # what a handful of gaps mean cannot be learned
    if column.type != "number":
        yield Column(column.name, column.type, values=column.values, missing=missing)
        return
    finite = numbers(cells).finite
    middle = float(np.median(finite))
    yield Column(column.name, "number", fill=middle, mean=middle, scale=1 / spread(finite), missing=missing)
    if column.values:
        yield Column(column.name, "category", values=column.values)


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


def _words_that_tell(column: ColumnType, cells: Sequence[Any], y: Array) -> ColumnType:
    """Keep the words that go with the answer more than by chance; the others would only be noise to learn by heart."""
    answers = y[:, np.newaxis] == np.unique(y) if y.dtype.kind in "iub" else y[:, np.newaxis]
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
        return replace(column, values=tuple(kept), reason=f"{column.reason}; {len(kept)} of them go with the answer")
    return replace(column, type="text", values=(), reason=f"{column.reason}, but none of them goes with the answer")
