"""What a search tried before this run: how it went, which settings mattered, and what a smaller model costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlp_train.report import pieces as h
from mlp_train.report.charts import Line, percent, scatter
from mlp_train.report.pieces import Html, tag
from mlp_train.reporters.words import NAMES, SHARES
from mlp_train.tuning.summary import front

SAID = {
    "complete": "trained to the end",
    "pruned": "dropped early, because they did worse than most",
    "diverged": "diverged",
    "failed": "failed",
    "refused": "refused before training, because their file would be too large",
    "given back": "interrupted and done again",
}
MOST_ROWS = 200  # of the table of trials
LABELS = {
    "layers": "hidden layers",
    "width": "width of the first layer",
    "narrowing": "narrowing from layer to layer",
    "lr_factor": "learning rate",
}


def search(summary: Mapping[str, Any]) -> Iterator[Html]:
    """Yield what a search came to, where there was one; summary: as `tuning.summary` writes it."""
    try:
        yield from _sections(summary)
    except (KeyError, TypeError, ValueError, AttributeError):  # a file that anybody may have changed
        yield h.section("The search", tag("p", "The file study.json in the run folder is damaged."))


def _sections(summary: Mapping[str, Any]) -> list[Html]:
    if not summary:
        return []
    by = str(summary["by"])
    trials = sorted(summary["trials"], key=lambda trial: trial["number"])
    complete = [trial for trial in trials if trial["state"] == "complete"]
    if not complete:
        return []
    counts = [f"{number:,} {SAID.get(state, state)}" for state, number in summary["counts"].items()]
    seconds = sum(trial["seconds"] or 0 for trial in trials)
    about = (
        f"{len(trials):,} settings were tried in {seconds:,.0f} seconds of training: {'; '.join(counts)}. The held-out "
        "rows chose the best, so on new rows expect a little less than they say; the test rows had no part in it."
    )
    charts = [_history(summary, by, complete), _front(summary, by, complete)]
    return [
        h.section(
            "The search", tag("div", *charts, class_="grid"), *_importance(summary), _table(by, trials), about=about
        )
    ]


def _history(summary: Mapping[str, Any], by: str, complete: Sequence[Mapping[str, Any]]) -> Html:
    """Draw what each trial reached, and the best so far."""
    less, name = bool(summary["less_is_better"]), NAMES.get(by, by)
    best: list[float] = []
    for trial in complete:
        best.append(trial["value"] if not best else (min if less else max)(best[-1], trial["value"]))
    x = [float(trial["number"]) for trial in complete]
    winner = summary["best"]
    rest = [trial for trial in complete if trial["number"] != winner]
    chosen = [trial for trial in complete if trial["number"] == winner]
    groups = [_dots("trial", rest, "train"), _dots("the best", chosen, "valid")]
    line = Line("best so far", x, best, "valid")
    says = f"Best so far: from {h.figure_of(by, best[0])}, of the defaults or the first, to {h.figure_of(by, best[-1])}"
    titles = [[_title(by, one) for one in rest], [_title(by, one) for one in chosen]]
    write: dict[str, Any] = {"write": percent} if by in SHARES else {}
    picture = scatter(
        groups, line, titles, label="History", x_label="trial", y_label=f"held-out {name}", says=says, **write
    )
    return h.figure("History: what each trial reached", picture, [line])


def _front(summary: Mapping[str, Any], by: str, complete: Sequence[Mapping[str, Any]]) -> Html:
    """Draw the size of each trial's model against its figure, and the front: nothing is both smaller and better."""
    less, name = bool(summary["less_is_better"]), NAMES.get(by, by)
    ahead = front(complete, less_is_better=less)
    rest = [trial for trial in complete if trial not in ahead]
    groups = [
        Line("trial", [one["size"] / 1000 for one in rest], [one["value"] for one in rest], "train"),
        Line("front", [one["size"] / 1000 for one in ahead], [one["value"] for one in ahead], "valid"),
    ]
    line = Line("nothing is both smaller and better", groups[1].x, groups[1].y, "valid")
    titles = [[_title(by, one) for one in rest], [_title(by, one) for one in ahead]]
    says = "; ".join(f"{h.size(one['size'])}: {h.figure_of(by, one['value'])}" for one in ahead)
    write: dict[str, Any] = {"write": percent} if by in SHARES else {}
    picture = scatter(
        groups,
        line,
        titles,
        label="Size",
        x_label="model file in kB",
        y_label=f"held-out {name}",
        says=says,
        x_log=True,
        **write,
    )
    head = ("trial", "model file", f"held-out {name}", "hidden layers")
    rows = [(one["number"], h.size(one["size"]), h.figure_of(by, one["value"]), _layers(one)) for one in ahead]
    return tag(
        "div",
        h.figure(f"Size against {name}: the Pareto front", picture, [line]),
        h.table("On the front", head, rows, words=(3,)),
    )


def _importance(summary: Mapping[str, Any]) -> Iterator[Html]:
    found = summary["importance"]
    if not found:
        yield tag("p", "Too few trials came to their end to say which settings mattered.", class_="note")
        return
    rows = [
        (LABELS.get(name, name.replace("_", " ")), h.percent(share), h.meter(share, long=True))
        for name, share in found.items()
    ]
    caption = "Which settings mattered, as shares of how the good trials differ from all (PED-ANOVA)"
    yield h.table(caption, ("setting", "share", ""), rows, words=(2,))


def _table(by: str, trials: Sequence[Mapping[str, Any]]) -> Html:
    """Return all trials as a table that can be opened."""
    names = list(dict.fromkeys(name for trial in trials for name in trial["settings"]))
    head = ["trial", "state", f"held-out {NAMES.get(by, by)}", "seconds", "model file", "hidden layers"]
    names = [name for name in names if name not in ("layers", "width", "narrowing")]
    rows = [
        [
            trial["number"],
            trial["state"],
            "–" if trial["value"] is None else h.figure_of(by, trial["value"]),
            h.number(trial["seconds"]),
            "–" if trial["size"] is None else h.size(trial["size"]),
            _layers(trial),
            *(_value(trial["settings"].get(name)) for name in names),
        ]
        for trial in trials[-MOST_ROWS:]
    ]
    caption = "Every trial" if len(trials) <= MOST_ROWS else f"The last {MOST_ROWS} of {len(trials):,} trials"
    made = h.table(caption, [*head, *(name.replace("_", " ") for name in names)], rows, words=(1, 5), wide=True)
    return tag("details", tag("summary", caption), made)


def _dots(name: str, trials: Sequence[Mapping[str, Any]], kind: str) -> Line:
    return Line(name, [float(one["number"]) for one in trials], [one["value"] for one in trials], kind)


def _title(by: str, trial: Mapping[str, Any]) -> str:
    return f"trial {trial['number']}: {h.figure_of(by, trial['value'])}, {h.size(trial['size'])}, {_layers(trial)}"


def _layers(trial: Mapping[str, Any]) -> str:
    return ",".join(map(str, trial["layers"] or ())) or "none"


def _value(value: Any) -> str:
    return "–" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)
