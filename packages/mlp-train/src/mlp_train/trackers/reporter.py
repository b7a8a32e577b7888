"""Between a training and a tracker stands this reporter: whatever the tracker does, the training goes on."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, Self

from mlp_data.plugin_file import said
from mlp_train.errors import UsageError
from mlp_train.events import EpochEnd, Event, Finished, Started
from mlp_train.plain import plain
from mlp_train.trackers.figures import epoch_figures, final_figures


class TrackerError(UsageError):
    """A tracker cannot begin, so nothing was trained yet."""


class Sink(Protocol):
    """What takes the figures; each method may raise whatever it likes."""

    def begin(self, settings: Mapping[str, Any], first_epoch: int) -> Mapping[str, str]:
        """Begin, before the epoch `first_epoch`; return by what the training is found again."""

    def log(self, figures: Mapping[str, float], epoch: int) -> None:
        """Keep the figures of an epoch."""

    def conclude(self, settings: Mapping[str, Any], figures: Mapping[str, float], epoch: int) -> None:
        """Keep the figures of the result; `epoch` was the last one."""

    def finish(self, failed: bool) -> None:
        """Write out what is still kept; there will be no more."""


class Tracker:
    """A reporter that hands the figures to a sink, and says one sentence where that fails.

    settings: what is told of the training beside the figures; None: what `fit` says. began: called with that by which
    the sink finds the training again. quiet: True leads what the tracker prints nowhere, False leads it from stdout to
    stderr, because stdout is for the answer, and None leaves it alone.
    """

    def __init__(
        self,
        name: str,
        sink: Sink,
        *,
        settings: Mapping[str, Any] | None = None,
        warn: Callable[[str], None] | None = None,
        began: Callable[[Mapping[str, str]], None] | None = None,
        quiet: bool | None = None,
    ) -> None:
        self.name, self.sink, self.settings = name, sink, settings
        self.warn, self.began, self.quiet = warn or _warn, began, quiet
        self._said: Mapping[str, Any] = {}
        self._told: Mapping[str, Any] = {}
        self._epoch = 0
        self._open = self._broken = False

    def describe(self, settings: Mapping[str, Any]) -> None:
        """Say what is trained, for a tracker that was given no settings."""
        self._said = settings

    def __call__(self, event: Event) -> None:
        """Hand over what the event says; UsageError where the tracker cannot even begin."""
        if isinstance(event, Started):
            self._begin(event)
        elif isinstance(event, EpochEnd):
            self._epoch = event.epoch
            self._guarded(lambda: self.sink.log(epoch_figures(event), event.epoch))
        elif isinstance(event, Finished):
            figures = final_figures(event.result)
            self._guarded(lambda: self.sink.conclude(self._told, figures, self._epoch))

    def _begin(self, event: Started) -> None:
        self._told = told(self._said if self.settings is None else self.settings, event)
        self._epoch = event.first_epoch - 1
        try:
            with self._speaking():
                found = self.sink.begin(self._told, event.first_epoch)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # SystemExit too: a tracker has no say in how the program ends
            raise TrackerError(
                f"tracker {self.name!r} cannot begin ({said(error)}); mend that, or leave it out"
            ) from error
        self._open, self._broken = True, False
        if self.began is not None:
            self.began(found)

    def _guarded(self, call: Callable[[], None]) -> None:
        """Call the tracker, unless it has failed before."""
        if not self._open or self._broken:
            return
        try:
            with self._speaking():
                call()
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            self._broken = True
            self.warn(f"{self.name} keeps no more figures ({said(error)}); the training goes on without it")

    @contextlib.contextmanager
    def _speaking(self) -> Iterator[None]:
        """Lead what the tracker prints to where it belongs."""
        with contextlib.ExitStack() as stack:
            if self.quiet:
                nowhere = stack.enter_context(Path(os.devnull).open("w", encoding="utf-8"))
                stack.enter_context(contextlib.redirect_stdout(nowhere))
                stack.enter_context(contextlib.redirect_stderr(nowhere))
            elif self.quiet is False:
                stack.enter_context(contextlib.redirect_stdout(sys.stderr))
            yield

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *raised: object) -> None:
        """Let the tracker finish, also after an error and after Ctrl-C."""
        if self._broken:  # of whose failure one sentence was enough
            with contextlib.suppress(Exception, SystemExit), self._speaking():
                self.sink.finish(True)
        self._guarded(lambda: self.sink.finish(kind is not None))
        self._open = self._broken = False


def told(settings: Mapping[str, Any], event: Started) -> dict[str, Any]:
    """Return the settings with what was chosen where they say auto, as values that JSON knows.

    >>> started = Started(80, 9, ("2 -> 8 relu", "8 -> 2 softmax"), 42, "huber", "adamw", 0.01, 32, 3, 60, 1, "")
    >>> told({"lr": None, "seed": 1}, started)["lr"], told({}, started)["layers"]
    (0.01, '2 -> 8 relu, 8 -> 2 softmax')
    """
    chosen = {name: getattr(event, name) for name in ("loss", "optimizer", "lr", "batch_size", "epochs", "workers")}
    sizes = {name: getattr(event, name) for name in ("samples", "valid_samples", "parameters")}
    found: dict[str, Any] = plain({**settings, **chosen, "layers": ", ".join(event.layers), **sizes})
    return {name: value for name, value in found.items() if value is not None}


def _warn(sentence: str) -> None:
    warnings.warn(sentence, RuntimeWarning, stacklevel=5)
