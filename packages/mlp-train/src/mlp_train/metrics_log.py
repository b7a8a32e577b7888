"""A metrics log tells the story of a training run, one JSON line an event, for people and for plots."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mlp_data.atomic import output_error, write_text
from mlp_train.errors import UsageError
from mlp_train.plain import plain


class MetricsLog:
    """Appends events to a `metrics.jsonl`, one flushed line each, so that a kill costs at most the line being written.

    To resume, `keep_epochs` says how many epochs the checkpoint has seen: what was logged of later ones, and a last
    line that a kill tore, are cut away first.
    """

    def __init__(self, path: str | os.PathLike[str], *, keep_epochs: int | None = None) -> None:
        self.path = Path(path)
        try:
            if keep_epochs is not None and self.path.exists():
                kept = [event for event in read_events(self.path) if epoch_of(event) <= keep_epochs]
                write_text(self.path, "".join(_line(event) for event in kept))
            self._file: io.FileIO = self.path.open("ab", buffering=0)
        except OSError as error:
            raise output_error(self.path, error) from error

    def write(self, event: Mapping[str, Any]) -> None:
        """Append one event; numbers that JSON does not know (NaN, infinity) become null."""
        rest = _line(event).encode()
        try:
            while rest:  # a disk that fills takes a part without complaint, and refuses the next
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise output_error(self.path, error) from error

    def close(self) -> None:
        """Close the file; what was written is kept."""
        self._file.close()

    def __enter__(self) -> MetricsLog:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()


def read_events(path: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """Read a `metrics.jsonl`; a last line without its end, torn by a kill, is left out.

    UsageError names any other line that is not such an event as a run writes.
    """
    lines = Path(path).read_bytes().split(b"\n")[:-1]  # behind the last line end is nothing, or a torn line
    events = []
    for number, line in enumerate(lines, start=1):
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            event = None
        if not _is_event(event):
            raise UsageError(f"{path}: line {number} is not an event of a run but {line[:40]!r}; remove the line")
        events.append(event)
    return events


def epoch_of(event: Mapping[str, Any]) -> int:
    """Return which epoch the event belongs to; events that belong to none come before all."""
    return int(event.get("epoch", 0)) if event.get("event") == "EpochEnd" else 0


def _is_event(event: Any) -> bool:
    """Tell whether this is a JSON object in which what is read again has the type that a run gave it."""
    if not isinstance(event, dict):
        return False
    kind, metrics = event.get("event"), event.get("metrics", {})
    if kind == "EpochEnd" and not (type(event.get("epoch")) is int and event["epoch"] > 0):
        return False
    return (
        isinstance(event.get("samples", {}), dict if kind == "Finished" else (dict, int))
        and all(fits(event[name]) for name, fits in _FIELDS.get(str(kind), {}).items() if name in event)
        and isinstance(metrics, dict)
        and all(_are_figures(figures) and None not in figures.values() for figures in metrics.values())
    )


def _is_figure(value: Any) -> bool:
    """Tell whether this is a number, or null, which stands for one that JSON does not know."""
    return value is None or (isinstance(value, (int, float)) and abs(value) <= sys.float_info.max)


def _are_figures(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_figure, value.values()))


def _are_of_layers(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_figure, value))


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


_CALIBRATION = {"temperature", "samples"}.union(
    *((name, f"{name}_before") for name in ("log_loss", "calibration_error"))
)
_FIELDS: dict[str, dict[str, Callable[[Any], bool]]] = {  # by kind of event: what is read again, where it is there
    "Started": {
        **dict.fromkeys(("epochs", "lr", "first_loss", "chance_loss", "label_smoothing"), _is_figure),
        "layers": _are_texts,
    },
    "EpochEnd": {
        **dict.fromkeys(("epoch", "epochs", "loss", "lr", "gradient_norm", "seconds", "eta", "valid_loss"), _is_figure),
        **dict.fromkeys(("gradient_norms", "update_ratios"), _are_of_layers),
        "dead_units": lambda value: _are_of_layers(value) and None not in value,
        "valid": _are_figures,
    },
    "Finished": {
        **dict.fromkeys(("epoch", "epochs", "seconds"), _is_figure),
        "calibration": lambda value: value is None or (_are_figures(value) and value.keys() >= _CALIBRATION),
    },
}


def _line(event: Mapping[str, Any]) -> str:
    return json.dumps(plain(event), allow_nan=False, separators=(",", ":")) + "\n"
