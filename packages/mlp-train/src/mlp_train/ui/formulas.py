"""The formula of one number: what it is made of, with the numbers filled in, and the slope that was measured there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mlp_train.array import Array
from mlp_train.ui.stages import Operand, Stage, operands
from mlp_train.ui.walk import GRADIENTS, Walk

MOST_TERMS = 8  # of a sum that are written out; of a longer one the largest are


def cell(walk: Walk, stage: Stage, row: int, column: int) -> dict[str, Any]:
    """Return how one number of a line's result comes about, and, of a gradient, the slope that was measured.

    parts: the formula with the numbers filled in, texts and numbers in turn. used: for each operand the row and the
    column of it that count, None for all. strongest: of a long sum the place of its largest term.
    """
    given = operands(walk, stage)
    value = float(walk.matrix(stage.name, stage.index)[row, column])
    parts, used, strongest = _RULES[stage.kind](walk, stage, given, row, column)
    name = f"L of sample {row}" if stage.name == "losses" else f"{stage.key}[{row}, {column}]"
    if stage.name == "d_bias":
        name = f"{stage.key}[{column}]"
    found: dict[str, Any] = {"name": name, "value": value, "parts": parts, "used": used, "strongest": strongest}
    if stage.name in GRADIENTS:
        found["nudge"] = vars(walk.nudge(stage.name, stage.index, row, column))
    return found


Parts = list[str | float]
Used = list[tuple[int | None, int | None]]
Rule = Callable[[Walk, Stage, list[Operand], int, int], tuple[Parts, Used, int]]


def _sum(left: Array, right: Array | None) -> tuple[Parts, int]:
    """Write a sum of products (of numbers where right is None) out, the largest terms if there are many."""
    products = left if right is None else left * right
    size = np.abs(products)
    strongest = int(size.argmax())
    chosen = np.arange(len(products))
    if len(products) > MOST_TERMS:
        chosen = np.sort(np.argsort(-size, kind="stable")[:MOST_TERMS])
    parts: Parts = []
    for k in chosen.tolist():
        parts += [" + "] if parts else []
        parts += [float(left[k])] if right is None else [float(left[k]), " · ", float(right[k])]
    if len(chosen) < len(products):
        rest = float(products.sum() - products[chosen].sum())
        parts += [f" + {len(products) - len(chosen):,} smaller terms, together ", rest]
    return parts, strongest


def _linear(walk: Walk, stage: Stage, given: list[Operand], row: int, column: int) -> tuple[Parts, Used, int]:
    a, weight, bias = given
    parts, strongest = _sum(a.values[row], weight.values[:, column])
    return [*parts, " + ", float(bias.values[0, column])], [(row, None), (None, column), (0, column)], strongest


def _product(walk: Walk, stage: Stage, given: list[Operand], row: int, column: int) -> tuple[Parts, Used, int]:
    left, right = given
    parts, strongest = _sum(left.values[row], right.values[:, column])
    return parts, [(row, None), (None, column)], strongest


def _rows(walk: Walk, stage: Stage, given: list[Operand], row: int, column: int) -> tuple[Parts, Used, int]:
    parts, strongest = _sum(given[0].values[:, column], None)
    return parts, [(None, column)], strongest


def _activation(walk: Walk, stage: Stage, given: list[Operand], row: int, column: int) -> tuple[Parts, Used, int]:
    z, name = given[0].values, walk.network.layers[stage.index - 1].activation
    value = float(z[row, column])
    if name == "softmax":
        top = float(z[row].max())
        whole = float(np.exp(z[row] - top).sum())
        parts: Parts = ["e^(", value, " − ", top, ") / sum(e^(z − ", top, ")) = "]
        return [*parts, float(np.exp(value - top)), " / ", whole], [(row, None)], column
    written: dict[str, Parts] = {
        "identity": [value],
        "sigmoid": ["1 / (1 + e^−(", value, "))"],
        "sigmoid-hybrid": ["1 / (1 + e^−(", value, "))"],
        "relu": ["max(", value, ", 0)"],
        "exp": ["e^(", value, ")"],
    }
    return written.get(name, [f"{name}(", value, ")"]), [(row, column)], column


def _loss(walk: Walk, stage: Stage, given: list[Operand], row: int, column: int) -> tuple[Parts, Used, int]:
    a, y = (one.values[row] for one in given)
    if walk.loss.activation == "softmax":
        chosen = int(y.argmax())
        return ["−log(", float(a[chosen]), ")"], [(row, chosen), (row, chosen)], chosen
    if walk.loss.activation == "sigmoid" and len(a) == 1:
        inside: Parts = [float(a[0])] if y[0] else ["1 − ", float(a[0])]
        return ["−log(", *inside, ")"], [(row, 0), (row, 0)], 0
    return [f"the loss of {len(a):,} outputs and their targets"], [(row, None), (row, None)], 0


def _difference(walk: Walk, stage: Stage, given: list[Operand], row: int, column: int) -> tuple[Parts, Used, int]:
    left, right = (float(one.values[row, column]) for one in given)
    parts: Parts = [left, " − ", right]
    if walk.mistake != "batch":
        parts = ["(", *parts, f") / {len(walk.y)}"]
    return parts, [(row, column), (row, column)], column


def _loss_gradient(walk: Walk, stage: Stage, given: list[Operand], row: int, column: int) -> tuple[Parts, Used, int]:
    a, y = (float(one.values[row, column]) for one in given)
    share = "" if walk.mistake == "batch" else f" / {len(walk.y)}"
    minus = "−" if walk.mistake == "sign" else ""
    return [f"{minus}loss'(", a, ", ", y, f"){share}"], [(row, column), (row, column)], column


def _through_rule(walk: Walk, stage: Stage, given: list[Operand], row: int, column: int) -> tuple[Parts, Used, int]:
    d_a, slope = (float(one.values[row, column]) for one in given)
    return [d_a, " · ", slope], [(row, column), (row, column)], column


def _through_softmax(walk: Walk, stage: Stage, given: list[Operand], row: int, column: int) -> tuple[Parts, Used, int]:
    d_a, a = (one.values[row] for one in given)
    parts: Parts = [float(a[column]), " · (", float(d_a[column]), " − ", float((d_a * a).sum()), ")"]
    return parts, [(row, None), (row, None)], column


_RULES: dict[str, Rule] = {
    "linear": _linear,
    "activation": _activation,
    "loss": _loss,
    "difference": _difference,
    "loss gradient": _loss_gradient,
    "to weight": _product,
    "to bias": _rows,
    "to input": _product,
    "through": _through_rule,
    "through softmax": _through_softmax,
}
