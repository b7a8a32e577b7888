"""In ONNX each column of a table is an input (n, 1): numbers as float32, NaN where missing, texts as strings.

A category's text is what the model file lists among its values: `3` and not `3.0`, without spaces around it; the empty
string says that it is missing. ONNX has no words for texts that are taken apart or for dates.
"""

from __future__ import annotations

import numpy as np

from mlp_runtime.inputs import Column, TableInput
from mlp_train.errors import UsageError
from mlp_train.exporters.onnx_graph import Graph

UNSAYABLE = {"tokens": "the words of a text", "prefix": "the letters that a text begins with"}


def add_rows(graph: Graph, table: TableInput) -> str:
    """Add the inputs of a table and their preparation; return the name of the prepared numbers (n, size).

    A column that is read both as a number and as a category is two inputs, `Pclass` and `Pclass.category`.
    """
    kinds: dict[str, str] = {}  # the type of each input
    pieces, start = [], 0
    for index, column in enumerate(table.columns):
        what = "a part of a date" if column.part else UNSAYABLE.get(column.type)
        if what:
            raise UsageError(
                f"the column {column.name!r} is read as {what}, which ONNX cannot say: train without it "
                f"(--drop {column.name}), or export a numpy-script, which can"
            )
        kind = "string" if column.type == "category" else "float32"
        name = column.name if kinds.get(column.name, kind) == kind else f"{column.name}.{column.type}"
        if name not in kinds:
            kinds[name] = kind
            graph.input(name, kind, [1])
        part = slice(start, start + len(column.output_names))
        label = f"column{index}.{column.name}"
        raw = (_category if kind == "string" else _number)(graph, name, column, label)
        scaled = graph.scaled(raw, table.mean[part], table.factor[part], f"{label}.scaled")
        pieces.append(_within_bins(graph, scaled, column, label))
        start = part.stop
    return graph.add("Concat", pieces, "prepared", axis=1)


def _filled(column: Column) -> np.ndarray:
    """Return the numbers of a missing cell before scaling, as the runtime has them."""
    row: np.ndarray = TableInput((column,)).prepare({column.name: None})[0]
    return row


def _number(graph: Graph, name: str, column: Column, label: str) -> str:
    """Add a number or a flag: filled where it is missing, once for each bin, and whether it was missing."""
    filled = _filled(column)
    gap = graph.add("IsNaN", [name], f"{label}.gap")
    value = graph.add("Where", [gap, graph.constant(f"{label}.fill", filled[:1]), name], f"{label}.filled")
    bins = len(column.edges) - 1
    pieces = [value] * max(1, bins)
    if column.missing:
        pieces.append(graph.add("Cast", [gap], f"{label}.missing", to="float32"))
    return pieces[0] if len(pieces) == 1 else graph.add("Concat", pieces, f"{label}.numbers", axis=1)


def _category(graph: Graph, name: str, column: Column, label: str) -> str:
    """Add a category: a one in the place of its value; of other values nothing."""
    count = len(column.values)
    places = dict(zip(column.values, range(count), strict=True))
    filled = _filled(column)[:count]
    keys = {**places, "": int(filled.argmax())} if filled.any() else places
    place = graph.add(
        "LabelEncoder",
        [name],
        f"{label}.place",
        keys_strings=list(keys),
        values_int64s=list(keys.values()),
        default_int64=-1,
    )
    wide = graph.add("OneHotEncoder", [place], f"{label}.places", cats_int64s=list(range(count)), zeros=1)
    ones = graph.add("Reshape", [wide], f"{label}.one_hot", shape=[-1, count])
    if not column.missing:
        return ones
    gap = graph.add(
        "LabelEncoder", [name], f"{label}.missing", keys_strings=[""], values_floats=[1.0], default_float=0.0
    )
    return graph.add("Concat", [ones, gap], f"{label}.numbers", axis=1)


def _within_bins(graph: Graph, scaled: str, column: Column, label: str) -> str:
    """Keep what stands for a bin within 0 and 1; beyond the first and the last edge it goes on."""
    bins = len(column.edges) - 1
    if bins < 1:
        return scaled
    lowest, highest = np.full((2, len(column.output_names)), [[-np.inf], [np.inf]], np.float32)
    lowest[1:bins], highest[: bins - 1] = 0, 1
    above = graph.add("Max", [scaled, graph.constant(f"{label}.lowest", lowest)], f"{label}.from_0")
    return graph.add("Min", [above, graph.constant(f"{label}.highest", highest)], f"{label}.to_1")
