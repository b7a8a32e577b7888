"""Pieces of a page: tables, figures and lists as HTML, in which every name from outside is escaped."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from typing import Any

from mlp_train.report.charts import Line, lines
from mlp_train.reporters.words import SHARES

_KEY = '<svg viewBox="0 0 26 8" aria-hidden="true"><path class="key {}" d="M0 4h26"/></svg>'
NARROW = "\u202f"  # a space that no line breaks at, between a number and its unit


class Html(str):
    """Text that is HTML already; everything else is escaped where it is put into a page."""

    __slots__ = ()


def escape(value: Any) -> Html:
    """Return a value as HTML: as it is where it is HTML, else escaped.

    >>> escape("<script>"), escape(Html("<b>7</b>"))
    ('&lt;script&gt;', '<b>7</b>')
    """
    return value if isinstance(value, Html) else Html(html.escape(str(value)))


def tag(name: str, *inside: Any, **attributes: Any) -> Html:
    """Return an element; `class_` is its class, an attribute that is None is left out.

    >>> tag("td", "a & b", class_="word")
    '<td class="word">a &amp; b</td>'
    """
    said = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Html(f"<{name}{said}>{''.join(map(escape, inside))}</{name}>")


def section(title: str, *inside: Html, about: str = "") -> Html:
    """Return a section with its heading and a sentence about it."""
    identity = title.lower().replace(" ", "-")
    said = [tag("p", about, class_="note")] if about else []
    return tag("section", tag("h2", title, id=identity), *said, *inside, aria_labelledby=identity)


def table(
    caption: str,
    head: Sequence[Any],
    rows: Iterable[Sequence[Any]],
    *,
    words: Sequence[int] = (),
    wide: bool = False,
) -> Html:
    """Return a table: the first cell of each row names it; `words` are the columns of text, the rest are numbers."""
    top = tag(
        "tr", *(tag("th", cell, scope="col", class_="word" if i in words else None) for i, cell in enumerate(head))
    )
    body = [
        tag(
            "tr",
            tag("th", row[0], scope="row"),
            *(tag("td", cell, class_="word" if i in words else None) for i, cell in enumerate(row[1:], start=1)),
        )
        for row in rows
    ]
    made = tag(
        "table", tag("caption", caption), tag("thead", top), tag("tbody", *body), class_="wide" if wide else None
    )
    return tag("div", made, class_="scroll", tabindex=0, role="region", aria_label=caption)


def figure(caption: str, picture: str, legend: Sequence[Line] = ()) -> Html:
    """Return a chart under its caption, with what each line stands for where there are several."""
    keys = [tag("li", Html(_KEY.format(escape(line.kind))), line.name) for line in legend]
    return tag(
        "figure",
        tag("figcaption", caption),
        *([tag("ul", *keys, class_="legend")] if keys else []),
        Html(picture),
    )


def curves(caption: str, drawn: Sequence[Line], y_label: str, mark: float | None = None, **how: Any) -> Html:
    """Return a chart of lines over the epochs; what it shows is also said in words."""
    told = []
    for line in drawn:
        known = [value for value in line.y if value is not None]
        if known:
            write = how.get("write") or number
            told.append(f"{line.name}: from {write(known[0])} to {write(known[-1])}, lowest {write(min(known))}")
    kept = "" if mark is None else f". The dotted line marks epoch {mark:g}, whose weights were kept"
    return figure(
        caption, lines(drawn, label=caption, y_label=y_label, says="; ".join(told) + kept, mark=mark, **how), drawn
    )


def tiles(values: Sequence[tuple[str, Any]]) -> Html:
    """Return a few figures, large."""
    return tag("dl", *(tag("div", tag("dd", value), tag("dt", name)) for name, value in values), class_="tiles")


def meter(share: float, *, long: bool = False, minus: bool = False) -> Html:
    """Return a bar that is filled to a share, beside the number that says the same."""
    inside = tag("i", class_="minus" if minus else None, style=f"--s:{min(max(share, 0), 1):.3f}")
    return tag("span", inside, class_="meter long" if long else "meter", aria_hidden="true")


def listed(sentences: Iterable[Any]) -> Html:
    """Return sentences as a list."""
    return tag("ul", *(tag("li", one) for one in sentences), class_="plain")


def settings(caption: str, values: Mapping[str, Any]) -> Html:
    """Return names and values as a table."""
    return table(caption, ("name", "value"), ((key, value) for key, value in values.items()), words=(1,))


def figure_of(name: str, value: float) -> str:
    """Write the value of a metric.

    >>> figure_of("accuracy", 0.97316), figure_of("rmse", 12.34567)
    ('97.32\\u202f%', '12.35')
    """
    return percent(value) if name in SHARES else number(value)


def percent(share: float) -> str:
    """Write a share with two digits behind the point."""
    return f"{100 * share:.2f}{NARROW}%"


def number(value: Any) -> str:
    """Write a number with four digits.

    >>> number(1234.5), number(0.000123), number(None)
    ('1,234', '0.000123', '–')
    """
    if not isinstance(value, (int, float)) or value != value:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.4g}"


def size(count: int) -> str:
    """Write a number of bytes.

    >>> size(532_000)
    '532\\u202fkB'
    """
    return f"{count / 1000:,.0f}{NARROW}kB" if count < 1e6 else f"{count / 1e6:.1f}{NARROW}MB"


def document(title: str, *inside: Html) -> str:
    """Return a whole page, which needs nothing from elsewhere and may run nothing."""
    style = resources.files("mlp_train.report").joinpath("style.css").read_text(encoding="utf-8")
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}"><meta name="color-scheme" content="light dark">'
        f"<title>{escape(title)}</title><style>{style}</style></head>\n<body>{''.join(inside)}</body></html>\n"
    )
