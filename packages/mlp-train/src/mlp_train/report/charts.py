"""Charts are drawn as SVG: lines, points and bars, with labelled axes, and words for those who cannot see them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape

WIDTH, HEIGHT = 420, 236
LEFT, RIGHT, TOP, BOTTOM = 60, 12, 12, 38  # room around the plot for the axes' words
MOST_POINTS = 240  # of a line: more cannot be told apart
CLOSE = 0.02  # of the range, kept free above and below


@dataclass(frozen=True)
class Line:
    """One line of a chart. kind: its colour and its dashes, a class of the style sheet. y: None is a gap."""

    name: str
    x: Sequence[float]
    y: Sequence[float | None]
    kind: str = "train"


@dataclass(frozen=True)
class Axis:
    """How numbers become places along an axis of a chart."""

    low: float
    high: float
    start: float
    end: float
    label: str = ""
    log: bool = False
    ticks: tuple[float, ...] = ()
    write: Callable[[float], str] = field(default=lambda value: short(value))

    def place(self, value: float) -> float:
        """Return where a number lies."""
        low, high, value = (math.log10(one) if self.log else one for one in (self.low, self.high, value))
        return self.start + (value - low) / (high - low) * (self.end - self.start)


def short(value: float) -> str:
    """Write the number of a tick.

    >>> [short(one) for one in (0.0, 0.25, 1500.0, 2e6, 0.0001, -3.0)]
    ['0', '0.25', '1,500', '2e6', '1e-4', '−3']
    """
    size = abs(value)
    if value == 0 or 0.001 <= size < 1e5:
        text = f"{value:,.6g}" if size < 1e5 and float(f"{value:.6g}") == value else f"{value:.4g}"
    else:
        digits, _, power = f"{value:.2e}".partition("e")
        text = f"{float(digits):g}e{int(power)}"
    return text.replace("-", "−") if "e" not in text else text.replace("-", "−", 1) if value < 0 else text


def nice(low: float, high: float, most: int = 5) -> tuple[float, ...]:
    """Return round numbers between two others, for ticks.

    >>> nice(0, 1)
    (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    """
    step: float = 10 ** math.floor(math.log10((high - low) / most))
    step = next(step * one for one in (1, 2, 5, 10) if (high - low) / (step * one) <= most)
    first = math.ceil(low / step - 1e-9)
    return tuple(float(f"{i * step:.12g}") for i in range(first, math.floor(high / step + 1e-9) + 1))


def axis(values: Sequence[float], start: float, end: float, label: str, **how: object) -> Axis:
    """Return an axis that holds all the values; `log` for powers of ten, `zero` to begin at 0."""
    log, zero, write = bool(how.get("log")), bool(how.get("zero")), how.get("write")
    values = [value for value in values if math.isfinite(value) and (value > 0 or not log)]
    low, high = (min(values), max(values)) if values else (1.0, 2.0)
    if log:
        first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
        last += first == last
        every = max(1, -(-(last - first) // 5))
        low, high, ticks = 10.0**first, 10.0**last, tuple(10.0**power for power in range(first, last + 1, every))
    else:
        low = min(0.0, low) if zero else low
        spread = high - low or abs(high) or 1.0
        low, high = low - (0 if zero and low == 0 else CLOSE * spread), high + 2 * CLOSE * spread
        ticks = nice(low, high)
    more = {"write": write} if callable(write) else {}
    return Axis(low, high, start, end, label, log, ticks, **more)


def lines(
    drawn: Sequence[Line], *, label: str, y_label: str, says: str, mark: float | None = None, **how: object
) -> str:
    """Draw lines over the epochs; `mark` is the epoch whose weights were kept. how: as `axis` takes it, for y."""
    drawn = [_thinned(line) for line in drawn]
    last = max((line.x[-1] for line in drawn if line.x), default=1)
    first = min((line.x[0] for line in drawn if line.x), default=1)
    along = [tick for tick in nice(first - 0.5, last + 0.5) if first <= tick <= last and tick == int(tick)]
    x = Axis(first, max(last, first + 1), LEFT, WIDTH - RIGHT, "epoch", ticks=tuple(along))
    y = axis([v for line in drawn for v in line.y if v is not None], HEIGHT - BOTTOM, TOP, y_label, **how)
    body = [_frame(x, y)]
    if mark is not None and first <= mark <= last:
        at = f"{x.place(mark):.1f}"
        body.append(f'<line class="mark" x1="{at}" x2="{at}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
    body += [_path(line, x, y) for line in drawn]
    return _svg(label, says, "".join(body))


def points(x: Sequence[float], y: Sequence[float], *, label: str, x_label: str, y_label: str, says: str) -> str:
    """Draw what was answered over what is true: the nearer to the line, the better."""
    both = [*x, *y]
    across, up = axis(both, LEFT, WIDTH - RIGHT, x_label), axis(both, HEIGHT - BOTTOM, TOP, y_label)
    low, high = across.low, across.high
    line = (
        f'<line class="ideal" x1="{across.place(low):.1f}" y1="{up.place(low):.1f}" x2="{across.place(high):.1f}" '
        f'y2="{up.place(high):.1f}"/>'
    )
    dots = "".join(
        f'<circle cx="{across.place(a):.1f}" cy="{up.place(b):.1f}" r="2.6"/>' for a, b in zip(x, y, strict=True)
    )
    return _svg(label, says, f'{_frame(across, up)}{line}<g class="dots">{dots}</g>')


def scatter(
    groups: Sequence[Line],
    steps: Line,
    titles: Sequence[Sequence[str]],
    *,
    label: str,
    x_label: str,
    y_label: str,
    says: str,
    x_log: bool = False,
    **how: object,
) -> str:
    """Draw points in groups, and a line of steps; titles: what each point says under the mouse. how: as for `lines`."""
    every = [*groups, steps]
    x = axis([a for one in every for a in one.x], LEFT, WIDTH - RIGHT, x_label, log=x_log)
    y = axis([b for one in every for b in one.y if b is not None], HEIGHT - BOTTOM, TOP, y_label, **how)
    corners = [(a, b) for a, b in zip(steps.x, steps.y, strict=True) if b is not None]
    path = "".join(
        f"{'H' if i else 'M'}{x.place(a):.1f}{f'V{y.place(b):.1f}' if i else f' {y.place(b):.1f}'}"
        for i, (a, b) in enumerate(corners)
    )
    dots = "".join(
        f'<circle class="point {group.kind}" cx="{x.place(a):.1f}" cy="{y.place(b):.1f}" r="3.2">'
        f"<title>{escape(title)}</title></circle>"
        for group, said in zip(groups, titles, strict=True)
        for a, b, title in zip(group.x, group.y, said, strict=True)
        if b is not None
    )
    drawn = f'<path class="line {steps.kind}" d="{path}"/>' if path else ""
    return _svg(label, says, f"{_frame(x, y)}{drawn}{dots}")


def columns(
    edges: Sequence[float], heights: Sequence[float], *, label: str, x_label: str, y_label: str, says: str
) -> str:
    """Draw a histogram: `heights` over the ranges between `edges`."""
    x = Axis(edges[0], edges[-1], LEFT, WIDTH - RIGHT, x_label, ticks=nice(edges[0], edges[-1]))
    y = axis(heights, HEIGHT - BOTTOM, TOP, y_label, zero=True)
    bars = "".join(
        f'<rect class="bar" x="{x.place(a) + 0.5:.1f}" width="{max(0.5, x.place(b) - x.place(a) - 1):.1f}" '
        f'y="{y.place(h):.1f}" height="{y.place(0) - y.place(h):.1f}"/>'
        for a, b, h in zip(edges, edges[1:], heights, strict=False)
    )
    return _svg(label, says, _frame(x, y) + bars)


def reliability(
    confidence: Sequence[float], accuracy: Sequence[float], samples: Sequence[int], *, label: str, says: str
) -> str:
    """Draw how often answers are right over how sure the model is; the area of a dot tells how many they are."""
    low = math.floor(10 * min((*confidence, *accuracy, 0.5))) / 10
    x = Axis(low, 1, LEFT, WIDTH - RIGHT, "how sure the model is", ticks=nice(low, 1), write=percent)
    y = Axis(low, 1, HEIGHT - BOTTOM, TOP, "how often it is right", ticks=nice(low, 1), write=percent)
    path = "L".join(f"{x.place(a):.1f} {y.place(b):.1f}" for a, b in zip(confidence, accuracy, strict=True))
    line = (
        f'<line class="ideal" x1="{LEFT}" y1="{HEIGHT - BOTTOM}" x2="{WIDTH - RIGHT}" y2="{TOP}"/>'
        f'<path class="line train" d="M{path}"/>'
    )
    most = max(samples)
    dots = "".join(
        f'<circle cx="{x.place(a):.1f}" cy="{y.place(b):.1f}" r="{3 + 6 * math.sqrt(n / most):.1f}">'
        f"<title>{n} answers, {percent(a)} sure, {percent(b)} right</title></circle>"
        for a, b, n in zip(confidence, accuracy, samples, strict=True)
    )
    return _svg(label, says, f'{_frame(x, y)}{line}<g class="dots">{dots}</g>')


def percent(share: float) -> str:
    """Write a share on an axis.

    >>> percent(0.9)
    '90 %'
    """
    return f"{100 * share:.3g} %"


def _thinned(line: Line) -> Line:
    if len(line.x) <= MOST_POINTS:
        return line
    kept = sorted({round(i * (len(line.x) - 1) / (MOST_POINTS - 1)) for i in range(MOST_POINTS)})
    return Line(line.name, [line.x[i] for i in kept], [line.y[i] for i in kept], line.kind)


def _path(line: Line, x: Axis, y: Axis) -> str:
    """Draw a line; what is not there, or not finite, is a gap."""
    parts, pen = [], "M"
    for a, b in zip(line.x, line.y, strict=True):
        if b is None or not math.isfinite(b) or (y.log and b <= 0):
            pen = "M"
            continue
        parts.append(f"{pen}{x.place(a):.1f} {y.place(max(b, y.low)):.1f}")
        pen = "L"
    if len(parts) == 1:
        place = parts[0][1:].split()
        return f'<circle class="point {line.kind}" cx="{place[0]}" cy="{place[1]}" r="3"/>'
    return f'<path class="line {line.kind}" d="{"".join(parts)}"/>' if parts else ""


def _frame(x: Axis, y: Axis) -> str:
    floor = HEIGHT - BOTTOM
    parts = [f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{floor}" y2="{floor}"/>']
    for tick in y.ticks:
        at = y.place(tick)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(f'<text class="tick" x="{LEFT - 6}" y="{at + 3.5:.1f}" text-anchor="end">{y.write(tick)}</text>')
    parts += [
        f'<text class="tick" x="{x.place(tick):.1f}" y="{floor + 15}" text-anchor="middle">{x.write(tick)}</text>'
        for tick in x.ticks
    ]
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text class="name" x="{middle}" y="{HEIGHT - 5}" text-anchor="middle">{escape(x.label)}</text>')
    parts.append(
        f'<text class="name" text-anchor="middle" transform="translate(11 {(TOP + floor) / 2}) rotate(-90)">'
        f"{escape(y.label)}</text>"
    )
    return "".join(parts)


def _svg(label: str, says: str, body: str) -> str:
    words = escape(f"{label}. {says}")
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{words}">{body}</svg>'
