"""The stages of a walk are its lines of arithmetic, forward and back, each with what goes in and what comes out.

They stand here as docs/backprop.md writes them; `formulas` says how any one cell of a line comes about.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass

from mlp_train.array import Array
from mlp_train.derivatives import DERIVATIVES
from mlp_train.ui.walk import Walk

SAMPLE = "sample"


@dataclass(frozen=True)
class Operand:
    """One matrix on the right of the equals sign: how it is written, its numbers, and what stands before it.

    rows, columns: what its axes count, "sample" or the index of an `a` whose neurons they are.
    """

    text: str
    values: Array
    rows: str | int
    columns: str | int
    before: str = ""


@dataclass(frozen=True)
class Stage:
    """One line. `name[index]` is what it computes in `layer`; `kind` says by which rule."""

    direction: str  # "forward" or "backward"
    layer: int
    name: str
    index: int
    kind: str
    code: str
    words: str

    @property
    def key(self) -> str:
        """What it computes, as it is written."""
        return f"{self.name}[{self.index}]" if self.name != "losses" else "L"


def stages(walk: Walk) -> list[Stage]:
    """Return all lines in the order in which they are computed."""
    last = walk.last
    found = [stage for i in range(last) for stage in _forward(walk, i)]
    code = f"L = mean(loss(a[{last}], y))"
    words = "The loss says in one number how wrong the answers are. All that follows asks: what moves it?"
    found += [Stage("forward", last, "losses", 0, "loss", code, words), *_from_loss(walk, last)]
    for i in reversed(range(last)):
        code = f"d_weight[{i}] = a[{i}].T @ d_z[{i}]"
        words = "A weight is blamed for what it carried: its input times the message to its output, over all samples."
        found.append(Stage("backward", i, "d_weight", i, "to weight", code, words))
        code, words = f"d_bias[{i}] = d_z[{i}].sum(axis=0)", "A bias is a weight whose input is always 1."
        found.append(Stage("backward", i, "d_bias", i, "to bias", code, words))
        if i:
            code = f"d_a[{i}] = d_z[{i}] @ {_weight_back(walk, i)}"
            words = "The message to the layer before: every output passes its blame along the same weights."
            found += [Stage("backward", i, "d_a", i, "to input", code, words), _through(walk, i - 1)]
    return found


def _forward(walk: Walk, i: int) -> list[Stage]:
    words = "Every neuron weighs what it is given and adds its bias."
    sums = Stage("forward", i, "z", i, "linear", f"z[{i}] = a[{i}] @ weight[{i}] + bias[{i}]", words)
    words = "The activation bends the weighted sum; without it, all layers together would be one straight map."
    code = f"a[{i + 1}] = {walk.network.layers[i].activation}(z[{i}])"
    return [sums, Stage("forward", i, "a", i + 1, "activation", code, words)]


def _from_loss(walk: Walk, last: int) -> list[Stage]:
    """Return what the loss hands over: d_z where it goes with its activation, else d_a and what becomes of it."""
    share = "" if walk.mistake == "batch" else " / batch"
    if walk.loss.activation is not None:
        away = f"y - a[{last}]" if walk.mistake == "sign" else f"a[{last}] - y"
        code = f"d_z[{last - 1}] = " + (f"({away}){share}" if share else away)
        words = "Loss and activation were made for each other: the message back is how far each output is off."
        return [Stage("backward", last - 1, "d_z", last - 1, "difference", code, words)]
    minus = "-" if walk.mistake == "sign" else ""
    code, words = f"d_a[{last}] = {minus}loss'(a[{last}], y){share}", "How the loss moves when an output moves."
    return [Stage("backward", last, "d_a", last, "loss gradient", code, words), _through(walk, last - 1)]


def _through(walk: Walk, i: int) -> Stage:
    code = f"d_z[{i}] = d_a[{i + 1}] * activation'(z[{i}])"
    if walk.used.layers[i].activation == "softmax":
        code = f"d_z[{i}] = a[{i + 1}] * (d_a[{i + 1}] - sum(d_a[{i + 1}] * a[{i + 1}]))"
        words = "One z of a softmax moves every a of its row, so the message of the whole row counts."
        return Stage("backward", i, "d_z", i, "through softmax", code, words)
    words = f"Back through the activation: {_derivative(walk, i)}"
    return Stage("backward", i, "d_z", i, "through", code, words)


def _derivative(walk: Walk, i: int) -> str:
    """Return what the derivative says of itself, such as "da/dz = 1 - a^2."."""
    said = inspect.getdoc(DERIVATIVES[walk.used.layers[i].activation].backward) or "times its slope."
    first = said.splitlines()[0]
    return first if first.startswith("da/dz") else f"da/dz is the slope of {walk.used.layers[i].activation}. {first}"


def _weight_back(walk: Walk, i: int) -> str:
    wrong = walk.wrong_transpose(i)
    if wrong is None:
        return f"weight[{i}].T"
    rows, columns = wrong.shape
    return f"weight[{i}]" if rows == columns else f"weight[{i}].reshape({rows}, {columns})"


def operands(walk: Walk, stage: Stage) -> list[Operand]:
    """Return what a line is computed of, from left to right."""
    i, m = stage.index, walk.matrix
    if stage.kind == "linear":
        return [Operand(f"a[{i}]", m("a", i), SAMPLE, i), Operand(f"weight[{i}]", m("weight", i), i, i + 1, "@"),
                Operand(f"bias[{i}]", m("bias", i), "", i + 1, "+")]  # fmt: skip
    if stage.kind == "activation":
        return [Operand(f"z[{i - 1}]", m("z", i - 1), SAMPLE, i, walk.network.layers[i - 1].activation)]
    if stage.kind in ("loss", "difference", "loss gradient"):
        return _at_the_loss(walk, stage.kind)
    if stage.kind == "to weight":
        return [Operand(f"a[{i}].T", m("a", i).T, i, SAMPLE), Operand(f"d_z[{i}]", m("d_z", i), SAMPLE, i + 1, "@")]
    if stage.kind == "to bias":
        return [Operand(f"d_z[{i}]", m("d_z", i), SAMPLE, i + 1, "sum of the rows of")]
    if stage.kind == "to input":
        wrong = walk.wrong_transpose(i)
        back = m("weight", i).T if wrong is None else wrong
        return [Operand(f"d_z[{i}]", m("d_z", i), SAMPLE, i + 1), Operand(_weight_back(walk, i), back, i + 1, i, "@")]
    d_a = Operand(f"d_a[{i + 1}]", m("d_a", i + 1), SAMPLE, i + 1)
    if stage.kind == "through softmax":
        return [d_a, Operand(f"a[{i + 1}]", m("a", i + 1), SAMPLE, i + 1, ",")]
    return [d_a, Operand(f"activation'(z[{i}])", m("slope", i), SAMPLE, i + 1, "*")]


def _at_the_loss(walk: Walk, kind: str) -> list[Operand]:
    pair = [(f"a[{walk.last}]", walk.forward.a[-1]), ("y", walk.y)]
    signs = ("", "−") if kind == "difference" else ("loss", ",")
    if kind == "difference" and walk.mistake == "sign":
        pair.reverse()
    return [Operand(text, a, SAMPLE, walk.last, sign) for (text, a), sign in zip(pair, signs, strict=True)]


def axes(stage: Stage) -> tuple[str | int, str | int]:
    """Return what the rows and the columns of the result count."""
    i = stage.index
    if stage.name == "losses":
        return SAMPLE, ""
    rows: str | int = i if stage.name == "d_weight" else "" if stage.name == "d_bias" else SAMPLE
    return rows, i if stage.name in ("a", "d_a") else i + 1
