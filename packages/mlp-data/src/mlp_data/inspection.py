"""An inspection tells what is in a dataset, how it would become network input, and what looks wrong with it."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlp_data.dataset import Dataset, Split
from mlp_data.errors import DataError
from mlp_data.options import Options
from mlp_data.table_rows import TableRows


def inspect(dataset: Dataset, options: Options | None = None) -> dict[str, Any]:
    """Return everything worth knowing about `dataset` as values that JSON can hold.

    >>> from mlp_data import load
    >>> found = inspect(load("xor"))
    >>> found["kind"], found["splits"]["train"], found["classes"]
    ('vector', {'samples': 4, 'shape': [2]}, {'0': {'train': 2}, '1': {'train': 2}})
    """
    from mlp_data.check import problems

    found = list(dict.fromkeys((*dataset.problems, *problems(dataset))))
    report: dict[str, Any] = {
        "name": dataset.name,
        "kind": dataset.kind,
        "task": dataset.task,
        "target": dataset.target,
        "splits": {name: _shape(split) for name, split in dataset.splits.items()},
        "classes": _classes(dataset),
        "numbers": _numbers(dataset),
        "columns": [],
        "left_out": dict(dataset.left_out),
        "submission": list(dataset.submission) if dataset.submission else None,
        "input": None,
        "problems": found,
        "fingerprint": None,
    }
    try:
        report["columns"] = _columns(dataset, options)
        report["left_out"] |= {one["name"]: one["reason"] for one in report["columns"] if not one["used"]}
        fitted = dataset.fit_input()
        report["input"] = {"kind": fitted.kind, "size": fitted.size, "reason": dataset.input_reason}
        report["fingerprint"] = dataset.fingerprint
    except DataError as error:
        if str(error) not in found:
            found.append(str(error))
    return report


def _shape(split: Split) -> dict[str, Any]:
    x = split.x
    if isinstance(x, dict | TableRows):
        return {"samples": len(split), "columns": len(x if isinstance(x, dict) else x.columns)}
    if not isinstance(x, list):
        return {"samples": len(split), "shape": list(x.shape[1:])}
    heights, widths = zip(*(frame.shape[:2] for frame in x), strict=True)
    smallest, largest = [min(heights), min(widths)], [max(heights), max(widths)]
    colour = [3] if x[0].ndim == 3 else []
    return {"samples": len(split), "smallest": smallest + colour, "largest": largest + colour}


def _classes(dataset: Dataset) -> dict[str, dict[str, int]]:
    """Return for each class how many samples each split has of it."""
    counts = {
        name: (
            split.y.sum(axis=0) if split.y.ndim == 2 else np.bincount(split.y, minlength=len(dataset.classes))
        ).tolist()
        for name, split in dataset.splits.items()
        if split.y is not None and dataset.classes
    }
    return {label: {name: of[i] for name, of in counts.items()} for i, label in enumerate(dataset.classes)}


def _numbers(dataset: Dataset) -> dict[str, dict[str, float]]:
    """Return for each split how the numbers to predict are spread."""
    return {
        name: {"min": float(split.y.min()), "mean": float(split.y.mean()), "max": float(split.y.max())}
        for name, split in dataset.splits.items()
        if split.y is not None and len(split.y) and dataset.task == "regression"
    }


def _columns(dataset: Dataset, options: Options | None) -> list[dict[str, Any]]:
    x = dataset.train.x
    if not isinstance(x, dict | TableRows):
        return []
    from mlp_data.table import column_types

    asked = Options(columns=options.columns) if options else None
    return [
        {
            "name": name,
            "type": column.type,
            "used": column.is_used,
            "missing": column.missing,
            "reason": column.reason,
            "values": list(column.values),
            "repeated": list(column.repeated),
        }
        for name, column in column_types(x.columns if isinstance(x, TableRows) else x, asked).items()
    ]
