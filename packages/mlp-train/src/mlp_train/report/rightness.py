"""Where a model is right and wrong: classes, confusions, how sure it is, its mistakes, and what it goes by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from mlp_train.report import pieces as h
from mlp_train.report.answers import Mistake
from mlp_train.report.charts import columns, points, reliability
from mlp_train.report.collect import Looked, Values
from mlp_train.report.pieces import Html, escape, tag
from mlp_train.reporters.words import calibrated

MOST_IN_MATRIX, MOST_CLASSES, MOST_CONFUSIONS, MOST_DOTS, MOST_COLUMNS = 26, 40, 15, 600, 25
MOST_LETTERS = 40  # of a cell or a name


def classes(values: Values) -> Iterator[Html]:
    """Yield what is taken for what, and the figures of each class."""
    looked = values.looked
    if looked is None or not looked.evaluation.classes:
        return
    shown = []
    confusion = looked.evaluation.confusion
    if confusion and len(confusion) <= MOST_IN_MATRIX:
        shown.append(_matrix(looked))
    elif confusion:
        shown.append(_confusions(looked))
    found = looked.evaluation.classes
    kind = "class" if confusion else "label"
    caption = (
        f"Every {kind}" if len(found) <= MOST_CLASSES else f"The {MOST_CLASSES} of {len(found)} with the lowest F1"
    )
    if len(found) > MOST_CLASSES:
        found = tuple(sorted((one for one in found if one.support), key=lambda one: one.f1)[:MOST_CLASSES])
    rows = [
        [shortened(one.name), *map(_share, (one.precision, one.recall)), tag("span", _share(one.f1), h.meter(one.f1)),
         f"{one.support:,.6g}"]
        for one in found
    ]  # fmt: skip
    shown.append(h.table(caption, (kind, "precision", "recall", "F1", "support"), rows))
    title = "What it takes for what" if confusion else "Every label"
    yield h.section(title, tag("div", *shown, class_="grid"), about=_on(looked))


def _matrix(looked: Looked) -> Html:
    names = [shortened(one.name, 14) for one in looked.evaluation.classes]
    confusion = np.array(looked.evaluation.confusion)
    share = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1e-30)
    rows = []
    for i, name in enumerate(names):
        cells = []
        for j, count in enumerate(confusion[i]):
            strong = float(share[i, j]) if i == j else min(1.0, float(share[i, j]) * 2.5 + 0.15)
            kind = "none" if not count else ("right" if i == j else "wrong") + (" strong" if strong > 0.55 else "")
            said = f"{count:,.6g}" if count else "·"
            says = f"{looked.evaluation.classes[i].name} taken for {looked.evaluation.classes[j].name}: {count:g}"
            cells.append(tag("td", said, class_=kind, style=f"--s:{strong:.2f}", title=says))
        rows.append(tag("tr", tag("th", name, scope="row"), *cells))
    top = tag("tr", tag("th", "is ↓ / said →", scope="col"), *(tag("th", name, scope="col") for name in names))
    caption = tag("caption", "Confusions: a row for what it is, a column for what the model says")
    made = tag("table", caption, tag("thead", top), tag("tbody", *rows), class_="confusion")
    return tag("div", made, class_="scroll", tabindex=0, role="region", aria_label="Confusions")


def _confusions(looked: Looked) -> Html:
    found, confusion = looked.evaluation.classes, np.array(looked.evaluation.confusion)
    wrong = confusion - np.diag(np.diag(confusion))
    places = np.argsort(-wrong, axis=None, kind="stable")[:MOST_CONFUSIONS]
    rows = [
        [
            shortened(found[i].name),
            shortened(found[j].name),
            f"{wrong[i, j]:,.6g}",
            _share(wrong[i, j] / found[i].support),
        ]
        for i, j in (divmod(int(place), len(found)) for place in places)
        if wrong[i, j]
    ]
    return h.table("The most frequent confusions", ("it is", "taken for", "times", "of its samples"), rows, words=(1,))


def calibration(values: Values) -> Iterator[Html]:
    """Yield whether the model is right as often as it is sure."""
    looked = values.looked
    if looked is None or not looked.bins:
        return
    bins = looked.bins
    rows = [
        [f"{one.low * 100:.0f}–{one.high * 100:.0f}{h.NARROW}%",
         f"{one.samples:,}", h.percent(one.confidence), h.percent(one.accuracy)]
        for one in bins
    ]  # fmt: skip
    widest = max(bins, key=lambda one: abs(one.confidence - one.accuracy) * one.samples)
    says = f"Where it is {h.percent(widest.confidence)} sure it is right in {h.percent(widest.accuracy)}"
    chart = reliability(
        [one.confidence for one in bins], [one.accuracy for one in bins], [one.samples for one in bins],
        label="Reliability diagram", says=says,
    )  # fmt: skip
    found = values.finished.get("calibration")
    about = "On the dashed line, answers that are 90 % sure are right nine times in ten. " + _on(looked)
    beside = h.table("The same in numbers", ("how sure", "answers", "mean", "right"), rows)
    inside = [tag("div", h.figure("Sure and right", chart), beside, class_="grid")]
    if isinstance(found, dict):
        said = calibrated(found).replace(" %", f"{h.NARROW}%").replace(" -> ", " → ")
        inside.append(tag("p", f"{said[:1].upper()}{said[1:]}. No answer changed by it."))
    yield h.section("How sure it is", *inside, about=about)


def numbers(values: Values) -> Iterator[Html]:
    """Yield what was answered over what is true, and how far off the answers are."""
    looked = values.looked
    if looked is None or looked.evaluation.classes or looked.answers.predicted.ndim != 1:
        return
    true, said = looked.answers.actual, looked.answers.predicted
    off = said - true
    shown = np.linspace(0, len(true) - 1, min(len(true), MOST_DOTS)).astype(int)
    close = float((np.abs(off) <= looked.evaluation.metrics["rmse"]).mean())
    cloud = points(
        true[shown].tolist(), said[shown].tolist(), label="Predicted against true", x_label="true", y_label="predicted",
        says=f"R2 {looked.evaluation.metrics['r2']:.3f} on {len(true)} rows",
    )  # fmt: skip
    edge = float(np.abs(off).max()) or 1.0
    counts, edges = np.histogram(off, min(31, max(7, len(off) // 8 | 1)), (-edge, edge))
    bars = columns(
        edges.tolist(), counts.tolist(), label="Residuals", x_label="predicted − true", y_label="rows",
        says=f"Mean {off.mean():.4g}, standard deviation {off.std():.4g}",
    )  # fmt: skip
    about = f"{_on(looked)} {h.percent(close)} of them are within one RMSE of the truth."
    drawn = tag("div", h.figure("Predicted against true", cloud), h.figure("Residuals", bars), class_="grid")
    yield h.section("How far off it is", drawn, about=about)


def errors(values: Values) -> Iterator[Html]:
    """Yield the mistakes that the model was surest of; of numbers the worst."""
    looked = values.looked
    if looked is None or not looked.evaluation.samples:
        return
    is_number = not looked.evaluation.classes
    if not looked.mistakes:
        yield h.section("Mistakes", tag("p", f"There are none. {_on(looked)}"))
        return
    shown = len(looked.mistakes)
    if is_number:
        about = f"The {shown} rows that it is farthest off. {_on(looked)}"
    else:
        first = "" if shown == looked.wrong else f"; here are the {shown} that it was surest of"
        about = f"{looked.wrong:,} of {looked.evaluation.samples:,} answers are wrong{first}. {_on(looked)}"
    if looked.pictures:
        made = tag(
            "ul",
            *(_card(one, uri) for one, uri in zip(looked.mistakes, looked.pictures, strict=True)),
            class_="gallery",
        )
    else:
        made = _rows(looked, is_number=is_number)
    yield h.section("Mistakes", made, about=about)


def _card(one: Mistake, uri: str) -> Html:
    return tag(
        "li",
        Html(f'<img src="{uri}" alt="{escape(f"{one.name}: a {one.actual} taken for {one.predicted}")}">'),
        _no(one.predicted),
        f" {h.percent(one.sure)}, is ",
        tag("span", shortened(one.actual), class_="yes"),
        tag("span", shortened(one.name), class_="file"),
    )


def _rows(looked: Looked, *, is_number: bool) -> Html:
    names = list(looked.cells[0]) if looked.cells else []
    head = ["row", "said", "is", "off by" if is_number else "sure", *map(shortened, names)]
    rows = [
        [shortened(one.name), one.predicted if is_number else _no(one.predicted), one.actual,
         h.number(one.sure) if is_number else h.percent(one.sure), *(_written(cells[name]) for name in names)]
        for one, cells in zip(looked.mistakes, looked.cells or [{}] * len(looked.mistakes), strict=True)
    ]  # fmt: skip
    words = [i for i, name in enumerate(names, start=4) if not all(_is_number(cells[name]) for cells in looked.cells)]
    return h.table("The worst" if is_number else "The surest mistakes", head, rows, words=words, wide=True)


def what_matters(values: Values) -> Iterator[Html]:
    """Yield the first layer as images, or how much each column matters."""
    if values.weights is not None and values.model is not None:
        about = (
            "Each tile is one unit of the first layer, drawn over the image that it looks at: blue where ink makes it "
            "answer, orange where ink silences it. These are the units that the next layer listens to most."
        )
        image = Html(f'<img class="weights" src="{values.weights}" alt="Weights of first-layer units as images">')
        yield h.section("What the first layer looks at", image, about=about)
    looked = values.looked
    if looked is None or not looked.influence:
        return
    top = max((one.harm for one in looked.influence), default=0.0) or 1.0
    shown = looked.influence[:MOST_COLUMNS]
    what = "RMSE" if not looked.evaluation.classes else "log-loss"
    rows = [
        [shortened(one.name), tag("span", f"{one.harm:+.4f}".replace("-", "−"), h.meter(one.harm / top, long=True))]
        for one in shown
    ]
    rest = len(looked.influence) - len(shown)
    about = (
        f"How much the {what} grows when the cells of a column are shuffled among the rows (permutation importance, "
        f"mean of three shuffles). {_on(looked)} Columns that tell the same share what they matter."
        + (f" {rest} more columns matter less." if rest else "")
    )
    yield h.section("What the columns matter", h.table("Influence", ("column", f"{what} added"), rows), about=about)


def shortened(text: Any, most: int = MOST_LETTERS) -> str:
    """Return a text with at most so many letters."""
    text = str(text)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _on(looked: Looked) -> str:
    return f"Measured on the {looked.evaluation.samples:,} {looked.note}."


def _no(said: str) -> Html:
    return tag("span", f"✗ {shortened(said)}", class_="no")


def _share(value: float) -> str:
    return "–" if value != value else h.percent(value)


def _written(cell: Any) -> str:
    if cell is None or cell == "":
        return "–"
    return f"{cell:.6g}" if isinstance(cell, float) else shortened(cell)


def _is_number(cell: Any) -> bool:
    try:
        float(cell or 0)
    except (TypeError, ValueError):
        return False
    return True
