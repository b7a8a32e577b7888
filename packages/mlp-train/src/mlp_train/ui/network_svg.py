"""A drawing of a network in SVG that stands by itself: no script, no style and no font from elsewhere."""

from __future__ import annotations

from html import escape

import numpy as np

from mlp_data.labels import Array
from mlp_runtime import Model
from mlp_runtime.inputs import ImageInput, TableInput

MOST = 10  # neurons of a layer that are drawn; of a larger one some, and how many it has
LINKS = 60  # between two layers: the strongest of those between the drawn neurons
_HEIGHT, _GAP, _MARGIN, _TOP = 380, 200, 120, 70
_POSITIVE, _NEGATIVE, _TEXT, _MUTED = "#1b66c9", "#c9481f", "#171a23", "#565d70"


def network_svg(model: Model, name: str) -> str:
    """Return the network as an SVG document with a title, a description and its strongest weights as links."""
    sizes = [model.layers[0].weight.shape[1], *(len(layer.bias) for layer in model.layers)]
    width = 2 * _MARGIN + _GAP * (len(sizes) - 1)
    called = [_inputs(model), *([] for _ in sizes[2:]), _outputs(model)]
    title = f"{name or 'The network'}: {'-'.join(map(str, sizes))}"
    about = "; then ".join(f"{one.weight.shape[1]} to {len(one.bias)} by {one.activation.name}" for one in model.layers)
    drawn = [_drawn(size) for size in sizes]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {_HEIGHT + _TOP + 40}" role="img" '
        f'aria-labelledby="title about" font-family="system-ui, sans-serif" font-size="13">',
        f'<title id="title">{_text(title)}</title>',
        f'<desc id="about">{_text(about)}. Blue weights are positive, orange ones negative.</desc>',
        f'<rect width="{width}" height="{_HEIGHT + _TOP + 40}" fill="#ffffff"/>',
        f'<text x="{width / 2:g}" y="26" text-anchor="middle" font-size="17" font-weight="700" fill="{_TEXT}">'
        f"{_text(_short(title, width // 10))}</text>",
    ]
    for at, layer in enumerate(model.layers):
        parts += _links(layer.weight, at, drawn[at], drawn[at + 1])
    for at, (size, neurons) in enumerate(zip(sizes, drawn, strict=True)):
        word = "input" if at == 0 else model.layers[at - 1].activation.name
        parts += _layer(at, size, neurons, word, called[at], last=at == len(sizes) - 1)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _inputs(model: Model) -> list[str]:
    if isinstance(model.input, TableInput):
        return list(model.input.output_names)
    if isinstance(model.input, ImageInput):
        return []
    return list(model.input.names or [])


def _outputs(model: Model) -> list[str]:
    if len(model.classes) > len(model.layers[-1].bias):  # one output gives the probability of the second of two classes
        return [f"P({model.classes[-1]})"]
    return list(model.classes or model.describe()["output"]["names"])


def _drawn(size: int) -> list[int]:
    """Return which neurons are drawn: all, or so many from the first to the last."""
    return [round(place) for place in np.linspace(0, size - 1, min(size, MOST)).tolist()]


def _place(at: int, index: int, count: int) -> tuple[float, float]:
    step = min(36.0, _HEIGHT / max(1, count))
    return _MARGIN + at * _GAP, _TOP + _HEIGHT / 2 + (index - (count - 1) / 2) * step


def _links(weight: Array, at: int, left: list[int], right: list[int]) -> list[str]:
    chosen = weight[np.ix_(right, left)].astype(float)  # (n_out, n_in)
    strongest = np.argsort(-np.abs(chosen), axis=None, kind="stable")[:LINKS]
    most = float(np.abs(chosen).max()) or 1.0
    lines = []
    for end, start in zip(*np.unravel_index(strongest, chosen.shape), strict=True):
        share = abs(chosen[end, start]) / most
        (x1, y1), (x2, y2) = _place(at, int(start), len(left)), _place(at + 1, int(end), len(right))
        colour = _NEGATIVE if chosen[end, start] < 0 else _POSITIVE
        lines.append(
            f'<path d="M{x1 + 11:g} {y1:.1f}L{x2 - 11:g} {y2:.1f}" stroke="{colour}" '
            f'stroke-width="{0.4 + 2.2 * share:.2f}" stroke-opacity="{0.15 + 0.6 * share:.2f}" fill="none"/>'
        )
    return lines


def _layer(at: int, size: int, neurons: list[int], word: str, names: list[str], last: bool) -> list[str]:
    x = _MARGIN + at * _GAP
    lines = [
        f'<text x="{x}" y="54" text-anchor="middle" font-weight="650" fill="{_TEXT}">{size:,}</text>',
        f'<text x="{x}" y="{_TOP + _HEIGHT + 28}" text-anchor="middle" fill="{_MUTED}">{_text(word)}</text>',
    ]
    for index, neuron in enumerate(neurons):
        _, y = _place(at, index, len(neurons))
        lines.append(f'<circle cx="{x}" cy="{y:.1f}" r="10" fill="#ffffff" stroke="{_MUTED}" stroke-width="1.5"/>')
        if (at == 0 or last) and neuron < len(names):
            side = f'x="{x + 18}"' if last else f'x="{x - 18}" text-anchor="end"'
            lines.append(f'<text {side} y="{y + 4.5:.1f}" fill="{_TEXT}">{_text(_short(names[neuron], 14))}</text>')
    if size > len(neurons):
        where = f'x="{x}" y="{_TOP + _HEIGHT + 10}" text-anchor="middle" font-size="11" fill="{_MUTED}"'
        lines.append(f"<text {where}>{len(neurons)} of them drawn</text>")
    return lines


def _short(name: str, most: int) -> str:
    return name if len(name) <= most else f"{name[: max(1, most - 1)]}…"


def _text(said: str) -> str:
    """Return text as XML takes it: without control characters, which no XML may hold."""
    return escape("".join(letter if letter.isprintable() else " " for letter in said))
