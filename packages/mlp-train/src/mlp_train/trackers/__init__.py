"""A tracker keeps the figures of many trainings side by side: TensorBoard, trackio, wandb, or one of your own.

A tracker is a module of its own with `init`, `log` and `finish`, as wandb began it, and is imported only where a person
names it. `tensorboard` alone is built in: it writes event files through tensorboardX.
"""

from __future__ import annotations

import datetime
import importlib
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlp_data.plugin_file import said
from mlp_runtime.errors import nearest
from mlp_train.errors import UsageError
from mlp_train.trackers.module import ModuleSink
from mlp_train.trackers.reporter import Tracker

__all__ = ["KNOWN", "TENSORBOARD", "Choice", "Tracker", "choose", "sink", "tracker"]

TENSORBOARD = "tensorboard"
KNOWN = (TENSORBOARD, "trackio", "wandb")  # any other module is taken as well
FUNCTIONS = ("init", "log", "finish")
_NAMES = f"{', '.join(KNOWN)}, or a module with {', '.join(FUNCTIONS[:-1])} and {FUNCTIONS[-1]}"


@dataclass(frozen=True)
class Choice:
    """A tracker that somebody named, and that is there.

    name: as it was given. module: what keeps the figures. where: the project, of TensorBoard the folder, or None.
    """

    name: str
    module: Any
    where: str | None = None


def choose(named: str) -> Choice:
    """Import the tracker that `named`, as in `trackio` or `trackio:my-project`, stands for.

    UsageError says in one sentence what to install where it is not there, or what it lacks.

    >>> choose("tensorbord")
    Traceback (most recent call last):
    mlp_train.errors.UsageError: tracker 'tensorbord': there is no such module, did you mean 'tensorboard'?
    """
    name, colon, where = named.partition(":")
    if not re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)*", name) or (colon and not where):
        raise UsageError(f"tracker {named!r}: give {_NAMES}, and after a colon the project, or TensorBoard's folder")
    module = _imported(name)
    if name != TENSORBOARD:
        _check(name, module)
    return Choice(name, module, where or None)


def tracker(
    named: Any,
    *,
    project: str | None = None,
    name: str | None = None,
    folder: str | os.PathLike[str] | None = None,
    settings: Mapping[str, Any] | None = None,
    warn: Callable[[str], None] | None = None,
) -> Tracker:
    """Return a reporter for `fit(..., reporters=[...])` that keeps the figures of a training.

    named: `"tensorboard"`, or a module with the functions `init`, `log` and `finish`, or its name, as in `"trackio"`.
    project, name: where the training is found again; by default what the data are called, and what the tracker
    chooses. folder: where it may write files, of TensorBoard those with the events; by default a new folder in
    `runs/tensorboard`. settings: what is told beside the figures; by default all that `fit` is given. warn: is told
    one sentence where the tracker fails in the middle, which the training outlives; by default `warnings.warn`.

    Raises UsageError where the tracker is not installed, and later, before training begins, where it cannot begin.
    """
    if isinstance(named, str):
        chosen = choose(named)
    else:
        chosen = Choice(getattr(named, "__name__", type(named).__name__), named)
        _check(chosen.name, named)
    return Tracker(chosen.name, sink(chosen, project=project, name=name, folder=folder), settings=settings, warn=warn)


def sink(
    chosen: Choice,
    *,
    project: str | None,
    name: str | None,
    folder: str | os.PathLike[str] | None,
    before: Mapping[str, str] | None = None,
) -> Any:
    """Return what takes the figures; `before` is what the tracker called an earlier part of the same training."""
    if chosen.name == TENSORBOARD:
        from mlp_train.trackers.tensorboard import TensorBoardSink

        return TensorBoardSink(chosen.module, chosen.where or folder or _new_folder(name))
    return ModuleSink(chosen.module, project=chosen.where or project, name=name, folder=folder, before=before)


def _imported(name: str) -> Any:
    wanted = "tensorboardX" if name == TENSORBOARD else name
    try:
        return importlib.import_module(wanted)
    except ModuleNotFoundError as error:
        if error.name is not None and error.name != wanted and not wanted.startswith(f"{error.name}."):
            raise UsageError(f"tracker {name!r}: it needs {error.name}, which is not installed: install it") from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit too
        raise UsageError(f"tracker {name!r}: it cannot be imported ({said(error)}); mend or reinstall it") from error
    if name == TENSORBOARD:
        raise UsageError("tracker 'tensorboard' needs the tensorboardX package: pip install 'mlp-train[tensorboard]'")
    if name in KNOWN:
        raise UsageError(f"tracker {name!r} needs the {name} package: pip install {name}")
    hint = nearest(name, KNOWN)  # nobody is told to install what may be a slip of the pen
    raise UsageError(f"tracker {name!r}: there is no such module{hint or '; give ' + _NAMES}")


def _check(name: str, module: Any) -> None:
    """Raise UsageError where the module lacks a function that a tracker has."""
    try:
        lacks = [function for function in FUNCTIONS if not callable(getattr(module, function, None))]
    except Exception as error:  # of a `__getattr__` of its own
        raise UsageError(f"tracker {name!r}: it cannot be used ({said(error)}); mend or reinstall it") from error
    if lacks:
        raise UsageError(f"tracker {name!r}: the module has no {' and no '.join(lacks)}; give {_NAMES}")


def _new_folder(name: str | None) -> Path:
    """Return a folder that is new by its time, because event files in one folder are one training."""
    stamp = datetime.datetime.now(datetime.UTC).strftime("%Y%m%d-%H%M%S")
    return Path("runs", TENSORBOARD, f"{stamp}-{name}" if name else stamp)
