"""The requests of the form: which columns a model reads, its answer to a row, and what each column did to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from mlp_data.labels import Array
from mlp_runtime import InputError, Model
from mlp_runtime.inputs import Column, TableInput, VectorInput
from mlp_train.errors import UsageError
from mlp_train.ui.answers import Answer
from mlp_train.ui.state import Workbench
from mlp_train.ui.thinking import outputs, think

LIMITS = {"/api/table": 2**20}
POINTS = 25  # of the curve that shows how the answer goes with one number
FEW_FIELDS = 60  # beyond so many no curves are drawn: nobody would look at them all
ROWS = 100  # of the data are there to try
CHOICES = 50  # values that a person can choose among; a column with more of them is written
_HELD_BACK = ("test", "valid", "train", "unlabelled")

Row = Mapping[str, Any]
Field = dict[str, Any]


def routes(workbench: Workbench) -> list[BaseRoute]:
    """Return what the form asks for."""

    def columns(_: Request) -> Response:
        return Answer({"fields": fields(workbench.model), "inputs": input_names(workbench.model)})

    def data(_: Request) -> Response:
        """Answer with what only the data know: the range of each column, and some of their rows."""
        return Answer(known_from_data(workbench))

    async def asked(request: Request) -> Response:
        row, ranges = _question(await _json(request))
        return Answer(await run_in_threadpool(answer_row, workbench.model, row, ranges))

    return [
        Route("/api/table", columns),
        Route("/api/table/data", data),
        Route("/api/table", asked, methods=["POST"]),
    ]


def fields(model: Model) -> list[Field]:
    """Return the fields of the form, one for each column that the model reads: name, kind, and what may go in.

    kind: "number" (with low and high, a usual range), "choice" (with values), "date" or "text" (with the words that the
    model knows). usual: what stands there at first, which is what the model takes for an unknown cell.
    """
    if isinstance(model.input, VectorInput):
        return _vector_fields(model.input)
    if not isinstance(model.input, TableInput):
        raise InputError(f"this model takes no rows but {model.input.kind} input: draw instead")
    by_name: dict[str, list[Column]] = {}
    for column in model.input.columns:
        by_name.setdefault(column.name, []).append(column)
    return [_field(name, columns) for name, columns in by_name.items()]


def input_names(model: Model) -> list[str]:
    """Return what the numbers that reach the network are called."""
    if isinstance(model.input, TableInput):
        return list(model.input.output_names)
    return [field["name"] for field in fields(model)]


def answer_row(model: Model, row: Row, ranges: Mapping[str, Sequence[float]] | None = None) -> dict[str, Any]:
    """Return the answer to one row, what each of its cells did to it, and how it would go with each number.

    ranges: from where to where a number is tried, for columns where the usual range is not to be used.
    influence: by how much the value of the answer (a class's probability, or the number) would change were this cell
    unknown: value(row) - value(row without it). All are asked in one batch.
    """
    form = [_within(field, (ranges or {}).get(field["name"])) for field in fields(model)]
    called = {field["name"] for field in form}
    row = {name: cell for name, cell in row.items() if name in called}  # many copies are made of it
    thought = think(model, _raw(model, [row])[0] if isinstance(model.input, VectorInput) else dict(row))
    best = max(range(len(thought["items"])), key=lambda at: thought["items"][at]["value"])
    if model.output_kind == "classes":
        best = [item["label"] for item in thought["items"]].index(thought["answer"])
    asked: list[Row] = [row]
    asked += [{**row, field["name"]: field["unknown"]} for field in form]
    tried = [_places(field) if len(form) <= FEW_FIELDS else [] for field in form]
    asked += [{**row, field["name"]: place} for field, places in zip(form, tried, strict=True) for place in places]
    values = outputs(model, _raw(model, asked))[:, best].astype(float)
    curves, at = {}, 1 + len(form)
    for field, places in zip(form, tried, strict=True):
        if places:
            curves[field["name"]] = values[at : at + len(places)].tolist()
        at += len(places)
    changes = {field["name"]: values[0] - value for field, value in zip(form, values[1:], strict=False)}
    return {
        **thought,
        "value": values[0],
        "of": thought["items"][best]["label"],
        "influence": changes,
        "curves": curves,
    }


def known_from_data(workbench: Workbench) -> dict[str, Any]:
    """Return ranges {column: [low, high, whole]} and rows [{cells, truth}] of the data, none where it is not known."""
    model = workbench.model
    try:
        dataset = workbench.dataset()
    except UsageError:
        return {"ranges": {}, "rows": [], "split": None}
    name = next(name for name in _HELD_BACK if len(dataset.splits.get(name, ())))
    split = dataset.splits[name]
    chosen = np.random.default_rng(0).permutation(len(split))[:ROWS]
    shown = split.take(chosen)
    form = fields(model)
    table = _columns(shown.x, form)
    learned = _columns(dataset.splits["train"].x, form)
    ranges = {field["name"]: _range(learned[field["name"]]) for field in form if field["kind"] == "number"}
    truths = [None] * len(shown) if shown.y is None else [_truth(y, dataset.classes) for y in shown.y]
    cells = [{key: column[at] for key, column in table.items()} for at in range(len(shown))]
    rows = [{"cells": row, "truth": truth} for row, truth in zip(cells, truths, strict=True)]
    return {"ranges": {key: found for key, found in ranges.items() if found}, "rows": rows, "split": name}


def _field(name: str, columns: Sequence[Column]) -> Field:
    """Describe one column; several encodings may read it, of which the one that says most of what may go in counts."""
    filled = next((column.fill for column in columns if column.fill is not None), None)
    said: Field = {"name": name, "unknown": None, "missing": any(column.missing for column in columns)}
    for column in columns:
        if column.part:
            return {**said, "kind": "date", "usual": filled if isinstance(filled, str) else "2020-01-01"}
    spoken = [column for column in columns if column.type in ("tokens", "prefix")]
    for column in columns:
        if column.type == "category" and not spoken and len(column.values) <= CHOICES:
            return {**said, "kind": "choice", "values": list(column.values), "usual": _known(filled, column.values)}
    for column in columns:
        if column.type == "flag":
            return {**said, "kind": "choice", "values": ["yes", "no"], "usual": "yes" if filled else "no"}
        if column.type == "number":
            low, high = _usual_range(column)
            usual = filled if isinstance(filled, (int, float)) else column.edges[0] if column.edges else column.mean
            return {**said, "kind": "number", "low": low, "high": high, "usual": usual}
    words = list(dict.fromkeys(value for column in spoken or columns for value in column.values))
    return {**said, "kind": "text", "words": words, "usual": ""}


def _vector_fields(wanted: VectorInput) -> list[Field]:
    called = wanted.names or [f"x{at + 1}" for at in range(wanted.features)]
    means = np.broadcast_to(np.asarray(wanted.mean, dtype=float), wanted.features)
    reaches = 2.5 / np.abs(np.broadcast_to(np.asarray(wanted.factor, dtype=float), wanted.features))
    return [
        {"name": name, "kind": "number", "low": mean - reach, "high": mean + reach, "usual": mean, "unknown": mean,
         "missing": False}
        for name, mean, reach in zip(called, means.tolist(), reaches.tolist(), strict=True)
    ]  # fmt: skip


def _usual_range(column: Column) -> tuple[float, float]:
    """Return where most numbers of a column are, as far as the model itself knows: 2.5 of its scales about its mean."""
    if column.edges:
        return float(column.edges[0]), float(column.edges[-1])
    reach = 2.5 / abs(column.scale)
    low = column.mean - reach
    return (0.0 if column.mean >= 0 > low else low), column.mean + reach


def _known(filled: Any, values: Sequence[str]) -> str:
    said = f"{filled:g}" if isinstance(filled, (int, float)) and not isinstance(filled, bool) else str(filled)
    return said if said in values else values[0]


def _places(field: Field) -> list[Any]:
    """Return what is tried in a field to see how the answer goes with it."""
    if field["kind"] == "number":
        return list(np.linspace(field["low"], field["high"], POINTS))
    return list(field["values"]) if field["kind"] == "choice" and len(field["values"]) <= POINTS else []


def _raw(model: Model, rows: Sequence[Row]) -> Any:
    """Return many rows as the model takes them."""
    if isinstance(model.input, VectorInput):
        called = [field["name"] for field in _vector_fields(model.input)]
        try:
            return np.array([[float(row[name]) for name in called] for row in rows])
        except (KeyError, OverflowError, TypeError, ValueError):
            raise InputError(
                f"a row came that is not complete: wanted a number for each of {', '.join(called[:20])}"
            ) from None
    return [dict(row) for row in rows]


def _columns(x: Any, form: Sequence[Field]) -> dict[str, list[Any]]:
    """Return the columns of the form from the data's samples, a table or vectors."""
    if isinstance(x, Mapping):
        return {field["name"]: list(x[field["name"]]) for field in form}
    rows: Array = np.asarray(x[np.arange(min(len(x), 10_000))])
    return {field["name"]: rows[:, at].tolist() for at, field in enumerate(form)}


def _range(cells: Sequence[Any]) -> list[Any] | None:
    """Return the least and the largest number of a column, and whether all are whole; None where none is a number."""
    numbers = []
    for cell in cells:
        try:
            numbers.append(float(cell))
        except (TypeError, ValueError):
            continue  # a gap, or a word that the loader lets pass
    found = np.array([number for number in numbers if np.isfinite(number)])
    if not len(found):
        return None
    return [found.min(), found.max(), bool((found == np.rint(found)).all())]


def _truth(y: Any, classes: Sequence[str]) -> str:
    if isinstance(y, np.ndarray):
        return ", ".join(name for name, holds in zip(classes, y, strict=True) if holds) or "none of them"
    return classes[int(y)] if classes else f"{float(y):,.4g}"


async def _json(request: Request) -> Any:
    try:
        return await request.json()
    except (ValueError, RecursionError):
        raise InputError("what came is not JSON: reload the page") from None


def _within(field: Field, limits: Sequence[float] | None) -> Field:
    return field if limits is None or field["kind"] != "number" else {**field, "low": limits[0], "high": limits[1]}


def _question(said: Any) -> tuple[Row, dict[str, list[float]]]:
    """Return the row and the ranges of a request; a cell is a text, a number, yes or no, or nothing."""
    row, ranges = (said.get("row"), said.get("ranges", {})) if isinstance(said, dict) else (None, None)
    if not isinstance(row, dict) or not all(isinstance(cell, (str, int, float, type(None))) for cell in row.values()):
        raise InputError('what came is no row: wanted {"row": {column: cell}} with texts, numbers and null')
    if not isinstance(ranges, dict) or not all(_is_range(limits) for limits in ranges.values()):
        raise InputError("ranges: wanted {column: [low, high]} with two finite numbers each")
    return row, {name: [float(end) for end in limits] for name, limits in ranges.items()}


def _is_range(limits: Any) -> bool:
    numbers = isinstance(limits, list) and len(limits) == 2 and all(type(end) in (int, float) for end in limits)
    return numbers and all(abs(end) < 1e30 for end in limits)
