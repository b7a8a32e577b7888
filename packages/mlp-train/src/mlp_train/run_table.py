"""A table of runs has a row for every run of a folder, also for one that is broken."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mlp_runtime.errors import nearest
from mlp_train.errors import UsageError
from mlp_train.runs import FILES, RunContents, read_run

JUDGED = ("test", "valid", "train")  # whose figures count first
FIRST = ("accuracy", "micro_f1", "log_loss", "r2", "rmse", "mae", "loss")  # columns
LESS_IS_BETTER = ("loss", "log_loss", "brier", "calibration_error", "rmse", "mae", "seconds")
MOST_COLUMNS = 4


@dataclass(frozen=True)
class Row:
    """One run. figures: of the split that counts, `split`. problem: why it cannot be read, or empty."""

    name: str
    path: str
    state: str
    epochs: int = 0
    split: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)
    changed: float = 0.0  # when it was last touched, seconds since 1970
    problem: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return it as values that JSON knows."""
        return asdict(self)


def rows(root: str | os.PathLike[str] = "runs") -> list[Row]:
    """Return a row for every run in the folder `root`, the newest first; a folder that is no run is left out.

    UsageError where there is no such folder.
    """
    if not Path(root).is_dir():
        raise UsageError(f"{root}: there is no such folder of runs; give --root DIR, or make a run with mlp-train fit")
    folders = [
        path
        for path in sorted(Path(root).iterdir())
        if path.is_dir() and not path.is_symlink() and any((path / name).exists() for name in FILES)
    ]
    return sorted(map(_row, folders), key=lambda row: (-row.changed, row.name))


def sorted_by(found: Sequence[Row], name: str) -> list[Row]:
    """Return the rows, the best of a figure first and those without it last; UsageError for one that no run has."""
    known = list(dict.fromkeys(key for row in found for key in row.figures))
    if name in ("name", "epochs"):
        return sorted(found, key=lambda row: getattr(row, name))
    if found and name not in known:
        has = ", ".join(("name", "epochs", *known))
        raise UsageError(f"unknown figure {name!r}{nearest(name, known)}; the runs have {has}")
    sign = 1 if name in LESS_IS_BETTER else -1
    return sorted(found, key=lambda row: (name not in row.figures, sign * row.figures.get(name, 0.0)))


def columns(found: Sequence[Row], sort: str | None = None) -> list[str]:
    """Return the figures that are shown: the one that is sorted by, and those that say most."""
    known = {key for row in found for key in row.figures}
    wanted = [sort] if sort in known and sort is not None else []
    return list(dict.fromkeys([*wanted, *(name for name in FIRST if name in known)]))[:MOST_COLUMNS]


def _row(folder: Path) -> Row:
    try:
        changed = max(path.stat().st_mtime for path in folder.iterdir())
        contents = read_run(folder)
        summary = contents.summary()
        split, figures = judged(contents)
        state = "finished" if contents.finished else "not finished"
        return Row(folder.name, str(folder), state, int(summary["epochs"]), split, figures, changed)
    except (UsageError, OSError, ValueError, TypeError, AttributeError, KeyError) as error:  # files that anybody wrote
        return Row(folder.name, str(folder), "broken", problem=f"{folder.name}: {' '.join(str(error).split())}")


def judged(contents: RunContents) -> tuple[str, dict[str, float]]:
    """Return the figures by which a finished run is judged, and whose they are: test, held out, else training."""
    ended = [event for event in contents.events if event.get("event") == "Finished"] if contents.finished else []
    metrics = ended[-1].get("metrics", {}) if ended else {}
    split = next((name for name in JUDGED if name in metrics), "")
    return split, {str(name): float(value) for name, value in metrics.get(split, {}).items()}
