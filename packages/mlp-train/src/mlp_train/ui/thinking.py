"""What a network thinks of one input: its answer, what every layer said, and the links that led to the answer."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlp_data.labels import Array
from mlp_runtime import Model

MOST_CELLS = 1024  # of a layer are drawn, as netview.js has it
MOST_LINKS = 28  # into a layer: more would be a tangle
FOLLOWED = 10  # neurons of a layer whose own causes are shown
_LARGE = 2_000_000  # weights of a layer beyond which looking for its strongest links takes longer than a person waits


def think(model: Model, raw: Any) -> dict[str, Any]:
    """Return the answer to one raw input and how it came about, for the page.

    kind: that of the output. answer: its words. items: every class, label or number with its value. best: the index of
    the output that the links lead to. layers: for each, the input first, the activations of the neurons that are drawn.
    links: into each layer [from, to, contribution].
    """
    x = model.input.scale(model.input.prepare(raw))[0]
    trace = model.trace(x)
    items, answer, best = _items(model, raw)
    output = min(best, len(trace[-1]) - 1)  # one output can stand for two classes
    return {
        "kind": model.output_kind,
        "answer": answer,
        "items": items,
        "best": output,
        "layers": [a[_drawn(len(a))] for a in trace],
        "links": _links(model, trace, output),
    }


def outputs(model: Model, raw: Any) -> Array:
    """Return what the answer consists of for many raw inputs: (n, classes or labels) probabilities, or (n, numbers)."""
    if model.classes:
        return model.predict_proba(raw)
    numbers = np.asarray(model.predict(raw), dtype=float)
    return numbers.reshape(len(numbers), -1)


def names(model: Model) -> list[str]:
    """Return what the outputs are called: the classes, the labels or the numbers."""
    return list(model.classes or model.describe()["output"]["names"])


def _items(model: Model, raw: Any) -> tuple[list[dict[str, Any]], str, int]:
    called = names(model)
    if not model.classes:
        values = np.atleast_1d(np.asarray(model.predict(raw), dtype=float))
        items = [{"label": name, "value": value} for name, value in zip(called, values.tolist(), strict=True)]
        return items, ", ".join(f"{value:,.4g}" for value in values), 0
    shares = model.predict_proba(raw)
    items = [{"label": name, "value": share} for name, share in zip(called, shares.tolist(), strict=True)]
    said = model.predict(raw)
    if model.output_kind == "labels":
        for item in items:
            item["holds"] = item["label"] in said
        return items, ", ".join(said) or "none of them", int(shares.argmax())
    return items, said, called.index(said)


def _drawn(count: int) -> Array:
    """Return which neurons of a layer are drawn: all, or so many at even distances."""
    most = min(count, MOST_CELLS)
    return np.arange(most) * count // most


def _links(model: Model, trace: list[Array], best: int) -> list[list[list[float]]]:
    """Follow the answer back: from the output to what contributed most (weight x activation), layer by layer."""
    followed = np.array([best])
    found: list[list[list[float]]] = []
    for layer, a in zip(reversed(model.layers), reversed(trace[:-1]), strict=True):
        if layer.weight.size > _LARGE:
            found.append([])
            followed = np.arange(0)
            continue
        contributions = layer.weight[followed] * a
        strongest = np.argsort(-np.abs(contributions), axis=None)[:MOST_LINKS]
        into, out_of = np.unravel_index(strongest, contributions.shape)
        amounts = contributions[into, out_of]
        found.append(
            [
                [int(start), int(followed[end]), float(amount)]
                for start, end, amount in zip(out_of, into, amounts, strict=True)
                if amount
            ]
        )
        order = dict.fromkeys(int(start) for start, amount in zip(out_of, amounts, strict=True) if amount)
        followed = np.array(list(order)[:FOLLOWED], dtype=int)
    return found[::-1]
