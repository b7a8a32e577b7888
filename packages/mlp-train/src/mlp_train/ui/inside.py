"""The requests of Look inside: the map, a unit, edits and their effect, robustness, a threshold, the edited file."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from mlp_data.labels import Array
from mlp_runtime import Model
from mlp_runtime.inputs import ImageInput
from mlp_train.errors import UsageError
from mlp_train.ui import disturbances, embedding
from mlp_train.ui.answers import Answer
from mlp_train.ui.edits import edited_file, read
from mlp_train.ui.held_back import Sample, one, show
from mlp_train.ui.lens import Lens, View
from mlp_train.ui.state import Workbench
from mlp_train.ui.tables import input_names
from mlp_train.ui.thinking import names, think

STRONGEST = 8  # samples that excite a unit most
_MOST_NAMED = 12  # classes that are named where an edit changed how well they are told


def routes(workbench: Workbench) -> list[BaseRoute]:
    """Return what Look inside asks for; `edits` in the query is the text that `edits.write` makes."""
    lens = Lens(workbench)

    def keep(request: Request) -> Response:
        """Put the edited network on the workbench; its data stay, its run is another's."""
        name = f"{workbench.opened.name.removesuffix('.mlp')} edited"
        workbench.put(model=_edited(lens, request), name=name, run=None)
        return Answer(workbench.info())

    def saved(request: Request) -> Response:
        _edited(lens, request)
        content = edited_file(lens.model(""), read(request.query_params["edits"]))
        return Response(content, media_type="application/octet-stream")

    asked: dict[str, Callable[[Lens, Request], dict[str, Any]]] = {
        "": about, "/score": score, "/map": plane, "/sample": sample, "/unit": unit, "/curve": curve, "/sure": sure,
    }  # fmt: skip
    found: list[BaseRoute] = [Route(f"/api/inside{end}", _answering(lens, answer)) for end, answer in asked.items()]
    found += [Route("/api/inside/model", saved), Route("/api/inside/keep", keep, methods=["POST"])]
    return found


def about(lens: Lens, _: Request) -> dict[str, Any]:
    """Return what the tab is made of: the sample and why these rows, truths, and what can be done here."""
    rows = lens.sample()
    model = lens.model("")
    actual = rows.truth.actual
    return {
        "split": rows.split,
        "note": rows.note,
        "rows": len(actual),
        "total": rows.total,
        "truths": actual.argmax(axis=1) if actual.ndim == 2 else actual,
        "tsne": embedding.why_no_tsne(),
        "neighbours": embedding.MOST_NEIGHBOURS,
        "disturbances": [
            {"name": kind.name, "unit": kind.unit, "what": kind.what}
            for kind in disturbances.kinds(model, rows).values()
        ],
        "disturbed": min(len(actual), disturbances.MOST_ROWS),
        "inputs": None if isinstance(model.input, ImageInput) else input_names(model),
    }  # fmt: skip


def score(lens: Lens, request: Request) -> dict[str, Any]:
    """Return how good the network is before and after the edits, and whose answers they changed."""
    began = time.perf_counter()
    text = _text(request)
    before, after, model = lens.view(""), lens.view(text), lens.model(text)
    actual = lens.sample().truth.actual
    return {
        "before": before.figures,
        "after": after.figures,
        "edits": [edit.words() for edit in read(text)],
        "changed": np.count_nonzero(_changed(before.predicted, after.predicted)),
        "broken": np.count_nonzero(before.right & ~after.right),
        "mended": np.count_nonzero(after.right & ~before.right),
        "classes": _by_class(model, before, after, actual) if model.output_kind == "classes" else [],
        "zeros": _zeros(model),
        "milliseconds": (time.perf_counter() - began) * 1000,
    }


def plane(lens: Lens, request: Request) -> dict[str, Any]:
    """Return a map of the sample as a layer sees it: x and y of each row, -1 to 1, its answer, and whether right."""
    text, layer = _text(request), _number(request, "layer")
    points, shares = lens.plane(text, layer, request.query_params.get("method", "pca"))
    view = lens.view(text)
    count = len(points)
    middle = (points.max(axis=0) + points.min(axis=0)) / 2
    reach = float(np.abs(points - middle).max()) or 1.0
    placed = np.round((points - middle).astype(float) / reach, 4)
    predicted = view.predicted[:count]
    return {
        "x": placed[:, 0],
        "y": placed[:, 1],
        "shares": shares,
        "answers": predicted.argmax(axis=1) if predicted.ndim == 2 else predicted,
        "right": view.right[:count],
        "changed": _changed(lens.view("").predicted, view.predicted)[:count],
    }


def sample(lens: Lens, request: Request) -> dict[str, Any]:
    """Return one row: what it looks like, what is right, what the network says, and with `think` how it came about."""
    rows, text = lens.sample(), _text(request)
    at = _place(rows, request)
    model = lens.model(text)
    said: dict[str, Any] = {
        "at": at,
        **show(model, rows, at),
        "truth": _word(model, rows.truth.actual[at]),
        "answer": _word(model, lens.view(text).predicted[at]),
        "before": _word(model, lens.view("").predicted[at]),
        "right": lens.view(text).right[at],
    }
    if request.query_params.get("think"):
        said["thought"] = think(model, one(rows, at))
    return said


def unit(lens: Lens, request: Request) -> dict[str, Any]:
    """Return a unit: its sum for one row with the largest parts, its weights, and the rows that excite it most."""
    rows, text, layer, number = lens.sample(), _text(request), _number(request, "layer"), _number(request, "unit")
    at = _place(rows, request)
    model = lens.model(text)
    if not 1 <= layer <= len(model.layers) or not 0 <= number < len(model.layers[layer - 1].bias):
        raise UsageError(f"there is no unit {number} in a layer {layer} of this network: choose another")
    weight, bias = model.layers[layer - 1].weight[number], float(model.layers[layer - 1].bias[number])
    given, said = lens.activations(text, layer - 1), lens.activations(text, layer)[:, number]
    parts = weight * given[at]
    strongest = np.argsort(-said, kind="stable")[:STRONGEST]
    onward = model.layers[layer].weight[:, number] if layer < len(model.layers) else None
    return {
        "layer": layer,
        "unit": number,
        "activation": model.layers[layer - 1].activation.name,
        "bias": bias,
        "parts_sum": float(parts.sum(dtype=np.float64)),
        "z": float(parts.sum(dtype=np.float64)) + bias,
        "a": said[at],
        "weights": weight,
        "parts": parts if layer > 1 or not isinstance(model.input, ImageInput) else None,
        "onward": onward,
        "active": float((said > 0).mean()),
        "mean": float(said.mean()),
        "strongest": [{"at": int(place), "a": float(said[place])} for place in strongest],
        "layer_now": lens.activations(text, layer)[at],
    }


def curve(lens: Lens, request: Request) -> dict[str, Any]:
    """Return the figures at each level of a disturbance, of the network before and after the edits."""
    name, text = request.query_params.get("kind", ""), _text(request)
    kind, before = lens.curve("", name)
    after = lens.curve(text, name)[1] if text else before
    return {"levels": kind.levels, "before": before, "after": after}


def sure(lens: Lens, request: Request) -> dict[str, Any]:
    """Return how sure each answer is, the surest first, and whether it is right."""
    view = lens.view(_text(request))
    if lens.model("").output_kind != "classes":
        raise UsageError("a threshold needs a model that gives one of several classes")
    shares = view.shares.max(axis=1)
    order = np.argsort(-shares, kind="stable")
    return {"sure": np.round(shares[order].astype(float), 6), "right": view.right[order]}


def _answering(lens: Lens, answer: Callable[[Lens, Request], dict[str, Any]]) -> Callable[[Request], Response]:
    def answered(request: Request) -> Response:
        return Answer(answer(lens, request))

    return answered


def _text(request: Request) -> str:
    return request.query_params.get("edits", "")[:10_000]


def _edited(lens: Lens, request: Request) -> Model:
    text = _text(request)
    if not read(text):
        raise UsageError("nothing was changed yet: switch a unit off, or prune, before you save the result")
    return lens.model(text)


def _number(request: Request, name: str) -> int:
    said = request.query_params.get(name, "")
    if not said.isascii() or not said.isdecimal() or len(said) > 9:
        raise UsageError(f"{name}: {said[:20]!r} came, wanted a whole number from 0")
    return int(said)


def _place(rows: Sample, request: Request) -> int:
    at = _number(request, "at")
    if at >= len(rows.x):
        raise UsageError(f"there is no row {at}: the page looks at rows 0 to {len(rows.x) - 1}")
    return at


def _word(model: Model, answer: Any) -> str:
    """Return an answer as a person reads it."""
    if model.output_kind == "classes":
        return model.classes[int(answer)]
    if model.output_kind == "labels":
        return ", ".join(name for name, holds in zip(names(model), answer, strict=True) if holds) or "none of them"
    return ", ".join(f"{value:,.4g}" for value in np.atleast_1d(answer).tolist())


def _changed(before: Array, after: Array) -> Array:
    found = before != after
    return np.asarray(found.any(axis=1) if found.ndim == 2 else found)


def _zeros(model: Model) -> float:
    weights = [layer.weight for layer in model.layers]
    return sum(np.count_nonzero(weight == 0) for weight in weights) / sum(weight.size for weight in weights)


def _by_class(model: Model, before: View, after: View, actual: Array) -> list[dict[str, Any]]:
    """Return the classes whose share of right answers the edits changed, the most harmed first."""
    found = []
    for place, name in enumerate(model.classes):
        of = actual == place
        if of.any():
            was, now = float(before.right[of].mean()), float(after.right[of].mean())
            found.append((name, was, now))
    moved = [(name, was, now) for name, was, now in found if was != now]
    moved.sort(key=lambda told: told[2] - told[1])
    return [{"name": name, "before": was, "after": now} for name, was, now in moved[:_MOST_NAMED]]
