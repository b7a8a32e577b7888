"""What a run was made from: its data, its settings, the machine, and the command that repeats it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mlp_train.config import make_config
from mlp_train.fit_command import fit_command
from mlp_train.report import pieces as h
from mlp_train.report.collect import Values
from mlp_train.report.pieces import Html, tag
from mlp_train.report.rightness import shortened
from mlp_train.settings import KNOWN, RUN

PATHS = ("source", "cache", "plugin")  # settings that would tell whose folders these are
MOST_CLASSES = 40
NOT_SAID = ("name", "min_accuracy")


def about_data(values: Values) -> Iterator[Html]:
    """Yield what the data are, what is odd about them, and how many samples each class has."""
    inside = [h.listed(values.said)] if values.said else []
    if values.dataset is None:
        why = "The data were not at hand when this page was made, so what needs them is left out."
        inside.append(tag("p", why))
    if values.counts:
        parts = list(next(iter(values.counts.values())))
        most = max((count for of in values.counts.values() for count in of.values()), default=1) or 1
        shown = list(values.counts.items())[:MOST_CLASSES]
        rows = [
            [shortened(label), *(f"{of[part]:,}" for part in parts), h.meter(of[parts[0]] / most, long=True)]
            for label, of in shown
        ]
        rest = len(values.counts) - len(shown)
        caption = "Samples of each class" + (f", the first {MOST_CLASSES} of {len(values.counts)}" if rest else "")
        names = {"train": "trained on", "valid": "held out", "test": "test", "unlabelled": "without answers"}
        inside.append(h.table(caption, ("class", *(names[part] for part in parts), ""), rows, words=(len(parts) + 1,)))
    fingerprint = (values.model.training if values.model else {}).get("fingerprint")
    if fingerprint:
        inside.append(
            tag("p", "Fingerprint of the training samples (SHA-256): ", tag("code", fingerprint), class_="note")
        )
    yield h.section("The data", *inside)


def about_setup(values: Values) -> Iterator[Html]:
    """Yield the settings, those that somebody chose first, and what the run was made with."""
    config, started = shown_settings(values.contents.config), values.started
    chosen = {name: value for name, value in config.items() if name in changed(values.contents.config)}
    settled = {
        "layers": "; ".join(map(str, started.get("layers") or ())),
        "loss": started.get("loss"),
        "optimizer": started.get("optimizer"),
        "learning rate": started.get("lr"),
        "batch size": started.get("batch_size"),
        "steps an epoch": started.get("batches"),
        "processes": started.get("workers"),
        "input": started.get("input"),
    }
    tables = [
        h.settings("What was settled", {name: value for name, value in settled.items() if value not in (None, "")})
    ]
    if chosen:
        tables.append(h.settings("Set to something else than the default", chosen))
    everything = tag("details", tag("summary", "Every setting"), h.settings("Every setting", config))
    yield h.section("Settings", tag("div", *tables, class_="grid"), everything)
    made = values.contents.environment
    if made:
        said = made.get("packages")
        packages: dict[str, Any] = said if isinstance(said, dict) else {}
        flat = {name: value for name, value in made.items() if name not in ("packages", "blas") and value is not None}
        blas = made.get("blas")
        if isinstance(blas, list) and blas and isinstance(blas[0], dict):
            flat["blas"] = " ".join(str(value) for value in blas[0].values() if value is not None)
        yield h.section("Made with", h.settings("Versions and hardware", {**flat, **packages}))


def repeat(values: Values) -> Iterator[Html]:
    """Yield the commands that do the same again."""
    again = "mlp-train fit --config config.toml"
    about = (
        "In the run folder, this trains again with every setting as it was; the same data and seed give the same model."
    )
    inside = [tag("pre", again)]
    if values.contents.config:
        inside += [
            tag("p", "With the same data, and the settings that are not as by default:"),
            tag("pre", command(values)),
        ]
    inside += [
        tag("p", "To ask the model, from the run folder, with NumPy alone:"),
        tag("pre", "python -m mlp_runtime predict model.mlp INPUT"),
    ]
    yield h.section("Repeat it, use it", *inside, about=about)


def command(values: Values) -> str:
    """Write the `fit` that has the settings of this run; paths go by their own names, without a folder."""
    config = {name: value for name, value in values.contents.config.items() if name not in NOT_SAID}
    for name in PATHS:
        if config.get(name):
            names = [Path(one).name for one in _texts(config[name])]
            config[name] = names if isinstance(config[name], list) else names[0]
    return fit_command(config)


def changed(config: Mapping[str, Any]) -> list[str]:
    """Return the settings that are not as they are by default, those of the seed and the number of processes too."""
    defaults = {**RUN, **make_config().model_dump(mode="json")}
    return [
        name
        for name, value in config.items()
        if name in KNOWN and value not in ([], ()) and (name == "seed" or value != defaults.get(name))
    ]


def shown_settings(config: Mapping[str, Any]) -> dict[str, str]:
    """Return settings as text; of paths only the names, because a page is passed on."""
    return {
        name: ", ".join(Path(one).name for one in _texts(value)) if name in PATHS else _flat(value)
        for name, value in config.items()
    }


def _texts(value: Any) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]


def _flat(value: Any) -> str:
    if isinstance(value, Mapping):
        return ",".join(f"{name}={one}" for name, one in value.items())
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
