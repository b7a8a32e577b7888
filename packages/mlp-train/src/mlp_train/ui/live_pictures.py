"""Pictures of a network at one moment of its training: its weights, its mistakes, and what it makes of a plane."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from mlp_runtime import Model
from mlp_train.array import Array
from mlp_train.hint_facts import SATURATING, saturated
from mlp_train.metrics.classes import confusion_matrix
from mlp_train.ui.live_scene import Scene
from mlp_train.ui.training import Snapshot

UNITS = 40  # of the first layer whose weights are shown
COLUMNS = 60  # of a table's numbers
MISTAKES = 24
CELLS = 14  # of a row
MATRIX_CLASSES = 20  # beyond so many a matrix cannot be read
PAIRS = 15
SCATTER = 300
FINE, COARSE = 64, 22  # places along the plane, for the answer and for each neuron
NODES, HIDDEN = 8, 6  # neurons of a layer and hidden layers that are drawn over the plane

Pictures = dict[str, Any]


def take_pictures(scene: Scene, snapshot: Snapshot) -> tuple[Pictures, tuple[float, ...]]:
    """Return what the page shows of a snapshot, and how saturated each hidden layer is, for the hints."""
    model = scene.model(snapshot.flat, snapshot.epoch)
    x = scene.input.scale(scene.x)
    with np.errstate(over="ignore", invalid="ignore"):
        out = model.forward(x)
    pictures: Pictures = {
        "epoch": snapshot.epoch,
        "batches": snapshot.batches,
        "weights": _weights(scene, model),
        **_judged(scene, out),
        "plane": None if scene.plane is None else _plane(scene, model),
    }
    ends = scene.layers[0].activation in SATURATING and len(scene.layers) > 1
    return pictures, saturated(model, x[:300]) if ends else ()


def packed(values: Array) -> Pictures:
    """Return numbers as signed bytes in base64, beside the one that stands for 127."""
    most = float(np.abs(values).max(initial=0.0)) or 1.0
    return {"bytes": _base64(np.round(values / most * 127).astype(np.int8)), "most": most}


def _base64(values: Array) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()


def _weights(scene: Scene, model: Model) -> Pictures:
    """Return the first layer's weights: an image for each unit, or a row of a heat map."""
    weight = model.layers[0].weight
    units = weight[:UNITS]
    said: Pictures = {"units": len(weight), "shown": len(units)}
    if scene.kind == "image":
        return {**said, "images": [packed(unit) for unit in units]}
    names = getattr(scene.input, "output_names", None) or getattr(scene.input, "names", None)
    names = list(names or (f"feature {at}" for at in range(weight.shape[1])))
    strongest = np.sort(np.argsort(-np.abs(weight).mean(axis=0))[:COLUMNS])  # a table may have thousands
    return {**said, "names": [names[at] for at in strongest], "map": packed(units[:, strongest])}


def _judged(scene: Scene, out: Array) -> Pictures:
    """Compare the outputs with what is right: figures, and the worst mistakes."""
    if scene.task == "regression":
        return _numbers(scene, out)
    if scene.task == "multi-label":
        return _labels(scene, out)
    shares = np.concatenate((1 - out, out), axis=1) if out.shape[1] == 1 else out
    predicted = shares.argmax(axis=1)
    if out.shape[1] == 1:
        predicted = (out[:, 0] >= scene.output.get("threshold", 0.5)).astype(np.int64)
    wrong = np.flatnonzero(predicted != scene.y)
    sure = shares[wrong, predicted[wrong]]
    worst = wrong[np.argsort(-sure, kind="stable")[:MISTAKES]]
    mistakes = [
        {
            "truth": scene.classes[scene.y[at]],
            "answer": scene.classes[predicted[at]],
            "share": float(shares[at, predicted[at]]),
            **_shown(scene, int(at)),
        }
        for at in worst
    ]
    counts = confusion_matrix(predicted, scene.y, len(scene.classes), None)
    said: Pictures = {"wrong": len(wrong), "mistakes": mistakes}
    if len(scene.classes) <= MATRIX_CLASSES:
        return {**said, "confusion": {"classes": list(scene.classes), "counts": counts.astype(int)}}
    np.fill_diagonal(counts, 0)
    order = np.argsort(-counts, axis=None)[:PAIRS]
    pairs = [(int(a), int(b)) for a, b in zip(*np.unravel_index(order, counts.shape), strict=True) if counts[a, b]]
    return {**said, "pairs": [[scene.classes[a], scene.classes[b], int(counts[a, b])] for a, b in pairs]}


def _labels(scene: Scene, out: Array) -> Pictures:
    said = out >= scene.output.get("threshold", 0.5)
    errors = (said != scene.y.astype(bool)).sum(axis=1)
    worst = [at for at in np.argsort(-errors, kind="stable")[:MISTAKES] if errors[at]]

    def words(row: Array) -> str:
        return ", ".join(name for name, holds in zip(scene.classes, row, strict=True) if holds) or "none"

    mistakes = [{"truth": words(scene.y[at]), "answer": words(said[at]), **_shown(scene, int(at))} for at in worst]
    return {"wrong": int((errors > 0).sum()), "mistakes": mistakes}


def _numbers(scene: Scene, out: Array) -> Pictures:
    answers = out[:, 0].astype(float) * scene.output.get("scale", 1.0) + scene.output.get("mean", 0.0)
    away = np.abs(answers - scene.y)
    worst = np.argsort(-away, kind="stable")[:MISTAKES]
    mistakes = [{"truth": float(scene.y[at]), "answer": answers[at], **_shown(scene, int(at))} for at in worst]
    some = np.linspace(0, len(answers) - 1, min(SCATTER, len(answers))).astype(int)
    return {"wrong": None, "mistakes": mistakes, "scatter": np.stack((scene.y[some], answers[some]), axis=1)}


def _shown(scene: Scene, at: int) -> Pictures:
    """Return a watched sample as it can be shown: an image, or the cells of a row."""
    if scene.cells is None:
        return {"image": _base64(scene.x[at].astype(np.uint8))}
    return {"cells": {name: cells[at] for name, cells in list(scene.cells.items())[:CELLS]}}


def _plane(scene: Scene, model: Model) -> Pictures:
    """Return the answer at every place of the plane, and what each neuron says there."""
    assert scene.plane is not None
    low, high, places = scene.plane.grid(FINE)
    out = model.forward(scene.rows(places))
    said: Pictures = {"low": low, "high": high, "size": FINE}
    if scene.task == "regression":
        said["field"] = packed(out[:, 0])
    elif len(scene.classes) == 2:
        said["field"] = {"bytes": _base64(np.round((out[:, -1] * 2 - 1) * 127).astype(np.int8)), "most": 1.0}
    else:
        said["winner"] = _base64(out.argmax(axis=1).astype(np.uint8))
        said["sure"] = _base64(np.round(out.max(axis=1) * 255).astype(np.uint8))
    _, _, coarse = scene.plane.grid(COARSE)
    trace = model.trace(scene.rows(coarse))
    hidden = list(zip(model.layers, trace[1:], strict=True))[: HIDDEN + 1]
    said["coarse"] = COARSE
    said["inputs"] = [packed(values) for values in trace[0].T]
    said["layers"] = [
        {
            "size": len(layer.bias),
            "nodes": [packed(values) for values in a.T[:NODES]],
            "weights": np.round(layer.weight[:NODES, :NODES], 3),
            "biases": np.round(layer.bias[:NODES], 3),
        }
        for layer, a in hidden
    ]
    return said
