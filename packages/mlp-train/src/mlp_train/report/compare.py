"""Two runs on one page: what was set otherwise, curves over one another, figures side by side, answers that changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

import mlp_runtime
from mlp_data.dataset import Dataset, Split
from mlp_train.evaluation import ask
from mlp_train.report import pieces as h
from mlp_train.report import png
from mlp_train.report.answers import raw
from mlp_train.report.charts import Line, percent
from mlp_train.report.pieces import Html, tag
from mlp_train.report.rightness import shortened
from mlp_train.report.setup import shown_settings
from mlp_train.reporters.words import NAMES
from mlp_train.run_table import LESS_IS_BETTER
from mlp_train.runs import RunContents

MOST_CHANGES = 28
LABELS = {"valid_loss": "loss", "lr": "learning rate"}
PARTS = {"train": "trained on", "valid": "held out", "test": "test"}


def compared(pair: Sequence[RunContents], datasets: Sequence[Dataset | None]) -> str:
    """Return the page of two runs as one HTML document; a dataset is None where it is not at hand."""
    names = [one.run.folder.resolve().name for one in pair]
    head = tag(
        "header",
        tag("p", "Two runs compared", class_="kicker"),
        tag("h1", f"{names[0]} and {names[1]}"),
        tag("p", "A is ", tag("strong", names[0]), ", B is ", tag("strong", names[1]), ".", class_="lead"),
    )
    body = [*_settings(pair), *_figures(pair), *_curves(pair), *_changes(pair, datasets)]
    return h.document(f"{names[0]} and {names[1]}", head, tag("main", *body), tag("footer", "Made by mlp-train."))


def _settings(pair: Sequence[RunContents]) -> Iterator[Html]:
    first, second = (shown_settings(one.config) for one in pair)
    rows = [
        (name, first.get(name, "–"), second.get(name, "–"))
        for name in dict.fromkeys((*first, *second))
        if first.get(name) != second.get(name)
    ]
    made: Html = tag("p", "Both runs have the same settings.")
    if rows:
        made = h.table("What was set otherwise", ("setting", "A", "B"), rows, words=(1, 2))
    yield h.section("Settings", made)


def _figures(pair: Sequence[RunContents]) -> Iterator[Html]:
    both = [one.summary()["metrics"] for one in pair]
    shown = []
    for split, label in PARTS.items():
        names = list(dict.fromkeys(name for metrics in both for name in metrics.get(split, {})))
        rows = [_pair(name, *(metrics.get(split, {}).get(name) for metrics in both)) for name in names]
        if rows:
            shown.append(h.table(label[:1].upper() + label[1:], ("figure", "A", "B", "B − A"), rows))
    if shown:
        yield h.section("Figures", tag("div", *shown, class_="grid"), about="The better one is bold.")


def _pair(name: str, first: float | None, second: float | None) -> list[Any]:
    label = NAMES.get(name, name)
    said = ["–" if value is None else h.figure_of(name, value) for value in (first, second)]
    if first is None or second is None:
        return [label, *said, "–"]
    better = None if first == second else int((second < first) == (name in LESS_IS_BETTER))
    cells = [tag("span", text, class_="best" if place == better else None) for place, text in enumerate(said)]
    return [label, *cells, f"{second - first:+.4g}".replace("-", "−")]


def _curves(pair: Sequence[RunContents]) -> Iterator[Html]:
    epochs = [[event for event in one.events if event.get("event") == "EpochEnd"] for one in pair]
    metrics = list(dict.fromkeys(name for some in epochs for one in some for name in one.get("valid") or {}))
    charts = []
    for name, caption in (
        ("loss", "Loss on the rows trained on"),
        ("valid_loss", "Loss, held out"),
        *((one, f"{NAMES.get(one, one)}, held out") for one in metrics),
        ("lr", "Learning rate"),
    ):
        drawn = []
        for kind, letter, some in zip(("train", "valid"), "AB", epochs, strict=True):
            y = [(one.get("valid") or {}).get(name) if name in metrics else one.get(name) for one in some]
            if any(value is not None for value in y):
                drawn.append(Line(letter, [float(one["epoch"]) for one in some], y, kind))
        if drawn:
            how: dict[str, Any] = {"write": percent} if name == "accuracy" else {"zero": name == "lr"}
            charts.append(
                h.curves(caption[:1].upper() + caption[1:], drawn, LABELS.get(name, NAMES.get(name, name)), **how)
            )
    if charts:
        yield h.section("Curves", tag("div", *charts, class_="grid"))


def _changes(pair: Sequence[RunContents], datasets: Sequence[Dataset | None]) -> Iterator[Html]:
    title = "Answers that changed"
    first, second = datasets
    if first is None or second is None or not all(one.run.model.is_file() for one in pair):
        yield h.section(title, tag("p", "The data or a model are not at hand, so the answers cannot be compared."))
        return
    if first.fingerprint != second.fingerprint:
        yield h.section(title, tag("p", "The runs were made on different data, so their answers cannot be compared."))
        return
    rows = _unseen_by_both(first, second)
    if not len(rows):
        yield h.section(title, tag("p", "No row was held out from both runs, so there is none to compare them on."))
        return
    part = replace(first, splits={"valid": rows})
    said = [ask(mlp_runtime.load(one.run.model), part, ["valid"]) for one in pair]
    models = [mlp_runtime.load(one.run.model) for one in pair]
    if not models[0].classes or models[0].classes != models[1].classes or said[0].predicted.ndim != 1:
        off = [np.abs(one.predicted - one.actual).mean() for one in said]
        text = f"On {len(rows):,} rows that both held out, A is off by {off[0]:.4g} on average and B by {off[1]:.4g}."
        yield h.section(title, tag("p", text))
        return
    classes, actual = models[0].classes, said[0].actual
    changed = np.flatnonzero(said[0].predicted != said[1].predicted)
    right = [one.predicted == actual for one in said]
    won, lost = int((right[1] & ~right[0]).sum()), int((right[0] & ~right[1]).sum())
    about = (
        f"Of {len(rows):,} rows that both runs held out, {len(changed):,} are answered otherwise: {won} were wrong "
        f"and are right in B, {lost} were right and are wrong in B."
    )
    shown = changed[:MOST_CHANGES]
    taken: Any = raw(rows, shown.tolist()) if len(shown) else ()
    names = [f"row\u00a0{i + 1}" if rows.ids is None else rows.ids[i] for i in shown]
    table = [
        [
            shortened(name),
            *([_picture(taken[place])] if first.kind == "image" else []),
            *(_said(classes[one.predicted[i]], is_right=bool(one.predicted[i] == actual[i])) for one in said),
            shortened(classes[actual[i]]),
        ]
        for place, (i, name) in enumerate(zip(shown, names, strict=True))
    ]
    head = ["row", *(["image"] if first.kind == "image" else []), "A says", "B says", "it is"]
    made = [h.table("Answers that changed", head, table, words=tuple(range(1, len(head))))] if table else []
    yield h.section(title, *made, about=about)


def _unseen_by_both(first: Dataset, second: Dataset) -> Any:
    """Return the rows that neither run was trained on: with another seed, others were held out."""
    if "valid" not in first.splits or "valid" not in second.splits:
        return ()
    known = set(_keys(second.splits["valid"]))
    mine = first.splits["valid"]
    return mine.take(np.array([i for i, key in enumerate(_keys(mine)) if key in known], np.int64))


def _keys(split: Split) -> list[bytes]:
    """Return for each row what tells it from others: its own content."""
    x = raw(split, range(len(split)))
    if isinstance(x, Mapping):
        return [repr(cells).encode() for cells in zip(*x.values(), strict=True)]
    return [np.asarray(one).tobytes() for one in x]


def _picture(frame: Any) -> Html:
    return Html(f'<img class="small" src="{png.frame(np.asarray(frame))}" alt="" width="44" height="44">')


def _said(name: str, *, is_right: bool) -> Html:
    return tag("span", f"{'✓' if is_right else '✗'} {shortened(name)}", class_="yes" if is_right else "no")
