"""The page of a run: its result first, then how it came about, where it is wrong, and how to repeat it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlp_train import __version__
from mlp_train.report import pieces as h
from mlp_train.report.charts import Line, percent
from mlp_train.report.collect import Values
from mlp_train.report.pieces import Html, tag
from mlp_train.report.rightness import calibration, classes, errors, numbers, what_matters
from mlp_train.report.search import search
from mlp_train.report.setup import about_data, about_setup, repeat
from mlp_train.reporters.words import NAMES, clock
from mlp_train.tuning.summary import read_summary

LAYERS = ("train", "valid", "c", "d", "e")  # the look of one layer's line after the other
PARTS = {"train": "trained on", "valid": "held out", "test": "test"}


def page(values: Values) -> str:
    """Return the report as one HTML document."""
    parts = [
        *hints(values),
        *curves(values),
        *classes(values),
        *numbers(values),
        *calibration(values),
        *errors(values),
        *what_matters(values),
        *about_data(values),
        *search(read_summary(values.contents.run.folder)),
        *about_setup(values),
        *repeat(values),
    ]
    made = tag("footer", f"Made by mlp-train {__version__} from what the run itself wrote; nothing was sent anywhere.")
    return h.document(f"{values.name}: training report", head(values), tag("main", *parts), made)


def head(values: Values) -> Html:
    """Return the name of the run, what it is in one sentence, and the figures that count."""
    return tag(
        "header",
        tag("p", "Training report", class_="kicker"),
        tag("h1", values.name),
        tag("p", _lead(values), class_="lead"),
        h.tiles(list(_tiles(values))),
        *_splits(values),
    )


def _lead(values: Values) -> str:
    model, started = values.model, values.started
    sizes = [str(model.layers[0].weight.shape[1]), *(str(len(layer.bias)) for layer in model.layers)] if model else []
    network = f"A network of {' → '.join(sizes)} units" if model else "A network"
    source = (model.training if model else {}).get("source")
    count = started.get("samples")
    kinds = {"image": "images", "table": "rows", "vector": "rows"}
    what = kinds.get(model.input.kind if model else "", "samples")
    trained = f", trained on {count:,} {what}" if isinstance(count, int) else ""
    unfinished = "" if values.contents.finished else ". This run has not come to its end"
    return f"{network}{trained}{f' of {source}' if source else ''}{unfinished}."


def _tiles(values: Values) -> Iterator[tuple[str, Any]]:
    metrics = values.finished.get("metrics", {})
    split = next((name for name in ("test", "valid", "train") if name in metrics), None)
    figures = metrics.get(split, {})
    for name in ("accuracy", "micro_f1", "r2", "rmse", "mae", "log_loss", "calibration_error"):
        if name in figures and split:
            yield f"{NAMES.get(name, name)}, {PARTS[split]}", h.figure_of(name, figures[name])
    epoch, done = values.finished.get("epoch"), len(values.epochs)
    yield f"epochs{f', the best was {epoch}' if epoch and epoch != done else ''}", f"{done:,}"
    seconds = values.finished.get("seconds")
    if isinstance(seconds, (int, float)):
        yield "time", f"{seconds:.1f}{h.NARROW}s" if seconds < 60 else clock(seconds)
    if values.model:
        yield "parameters", f"{values.model.describe()['weights']:,}"
    if "model.mlp" in values.contents.files:
        yield "model file", h.size(values.contents.files["model.mlp"])


def _splits(values: Values) -> Iterator[Html]:
    metrics: Mapping[str, Mapping[str, float]] = values.finished.get("metrics", {})
    if not metrics:
        return
    names = list(dict.fromkeys(name for figures in metrics.values() for name in figures))
    samples = values.finished.get("samples", {})
    head = ["", "samples", *(NAMES.get(name, name) for name in names)]
    rows = [
        [PARTS.get(split, split), _count(samples.get(split)), *(_cell(name, figures.get(name)) for name in names)]
        for split, figures in metrics.items()
    ]
    yield h.table("All figures", head, rows, wide=True)


def hints(values: Values) -> Iterator[Html]:
    """Yield what the rules noticed, or say that they noticed nothing."""
    if not values.epochs:
        return
    if not values.hints:
        yield h.section("Hints", tag("p", "None of the common mistakes was noticed in this run."))
        return
    shown = [
        tag(
            "div",
            tag("p", tag("strong", f"{one.title[:1].upper()}{one.title[1:]}."), f" {one.why}."),
            *([tag("p", "Try ", tag("code", one.flags))] if one.apply else []),
            class_="hint",
        )
        for one in values.hints
    ]
    yield h.section("Hints", *shown)


def curves(values: Values) -> Iterator[Html]:
    """Yield how loss, figures, learning rate, gradients and steps went from epoch to epoch."""
    epochs = values.epochs
    if not epochs:
        return
    x = [float(one["epoch"]) for one in epochs]
    kept = values.finished.get("epoch")
    mark = float(kept) if isinstance(kept, int) and kept else None

    def of(name: str) -> list[float | None]:
        return [_number(one.get(name)) for one in epochs]

    loss = [Line("trained on", x, of("loss")), Line("held out", x, of("valid_loss"), "valid")]
    loss = [line for line in loss if any(value is not None for value in line.y)]
    charts = [h.curves("Loss", loss, "loss", mark, zero=True)]
    for name in dict.fromkeys(name for one in epochs for name in one.get("valid") or {}):
        held = [_number((one.get("valid") or {}).get(name)) for one in epochs]
        how = {"write": percent} if name == "accuracy" else {}
        label = NAMES.get(name, name)
        line = Line("held out", x, held, "valid")
        charts.append(h.curves(f"{label[:1].upper()}{label[1:]}, held out", [line], label, mark, **how))
    charts.append(h.curves("Learning rate", [Line("learning rate", x, of("lr"))], "learning rate", mark, zero=True))
    for name, caption, label in (
        ("gradient_norms", "Length of the gradient, by layer", "norm"),
        ("update_ratios", "Step as a share of the weights, by layer", "share; 0.001 is usual"),
    ):
        layers = max((len(one.get(name) or ()) for one in epochs), default=0)
        drawn = [
            Line(f"layer {i + 1}", x, [_at(one.get(name), i) for one in epochs], LAYERS[i % len(LAYERS)])
            for i in range(min(layers, 8))
        ]
        if any(value for line in drawn for value in line.y):
            charts.append(h.curves(caption, drawn, label, mark, log=True))
    about = "One point an epoch" + (f"; the dotted line is epoch {kept}, whose weights were kept." if mark else ".")
    yield h.section("How it learned", tag("div", *charts, class_="grid"), _in_numbers(values), about=about)


def _in_numbers(values: Values) -> Html:
    """Return the curves as a table, at most 25 epochs of them."""
    epochs = values.epochs
    every = -(-len(epochs) // 24)
    shown = [one for i, one in enumerate(epochs) if i % every == 0 or i == len(epochs) - 1]
    metrics = list(dict.fromkeys(name for one in shown for name in one.get("valid") or {}))
    head = [
        "epoch",
        "loss",
        "held-out loss",
        *(f"held-out {NAMES.get(name, name)}" for name in metrics),
        "learning rate",
    ]
    rows = [
        [
            one["epoch"],
            h.number(one.get("loss")),
            h.number(one.get("valid_loss")),
            *(_cell(name, (one.get("valid") or {}).get(name)) for name in metrics),
            h.number(one.get("lr")),
        ]
        for one in shown
    ]
    return tag(
        "details", tag("summary", "The curves as numbers"), h.table("The curves as numbers", head, rows, wide=True)
    )


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None


def _at(values: Any, index: int) -> float | None:
    return _number(values[index]) if isinstance(values, list) and index < len(values) else None


def _count(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else "–"


def _cell(name: str, value: Any) -> str:
    return h.figure_of(name, value) if isinstance(value, (int, float)) else "–"
