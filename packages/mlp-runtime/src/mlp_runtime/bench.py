"""How long a model takes on this machine, measured as an app would use it."""

from __future__ import annotations

import time
from functools import partial
from typing import Any, Callable

import numpy as np

from .model import Model, load

SECONDS = 0.3  # for each line of the table
BATCHES = (32, 256)


def bench(path: str) -> dict[str, Any]:
    """Measure a model file: microseconds to load it and to answer, with the 50th and the 99th percentile of each call.

    `forward` takes prepared numbers, `predict` a raw input, which the input's specification makes up.
    """
    model = load(path)
    raw: Any = model.input.synthesise(max(BATCHES))
    x = model.input.scale(model.input.prepare(raw, True))
    calls: dict[str, tuple[int, Callable[[], Any]]] = {
        "load": (0, lambda: load(path)),
        "forward, 1 row": (1, lambda: model.forward(x[0])),
        "predict, 1 input": (1, lambda: model.predict(raw[0])),
    }
    for rows in BATCHES:
        calls[f"forward, {rows} rows"] = rows, partial(model.forward, x[:rows])
    return {name: _timed(call, rows) for name, (rows, call) in calls.items()}


def _timed(call: Callable[[], Any], rows: int) -> dict[str, float]:
    """Return the percentiles of a call's microseconds, and how many rows a second that is."""
    clock = time.perf_counter
    taken: list[float] = []
    call()
    end = clock() + SECONDS
    while not taken or clock() < end:
        start = clock()
        call()
        taken.append(clock() - start)
    half, most = (float(value) * 1e6 for value in np.percentile(taken, (50, 99)))
    figures = {"p50_us": round(half, 1), "p99_us": round(most, 1)}
    return {**figures, "rows_per_second": round(rows / half * 1e6)} if rows else figures


def table(model: Model, figures: dict[str, dict[str, float]]) -> str:
    """Return the figures as lines of text."""
    lines = [f"{model!r}, NumPy {np.__version__}", f"{'':20}{'p50 us':>12}{'p99 us':>12}{'rows/s':>14}"]
    for name, each in figures.items():
        rate = f"{each['rows_per_second']:>14,}" if "rows_per_second" in each else ""
        lines.append(f"{name:20}{each['p50_us']:>12,}{each['p99_us']:>12,}{rate}")
    return "\n".join(lines)
