"""A reporter shows the events of a training run, as a bar, as lines, as JSON, or not at all."""

from __future__ import annotations

import os
import sys
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self, TextIO

if TYPE_CHECKING:
    from mlp_train.events import Event

MODES = ("auto", "bar", "lines", "json", "off")


class Reporter(Protocol):
    """Called with every event, and left when there will be no more."""

    def __call__(self, event: Event) -> None:
        """Show one event."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End, after the last event or an error."""


def make_reporter(mode: str, stream: TextIO | None = None) -> Reporter:
    """Return the reporter of that name, which writes to `stream` (stderr); `auto` is a bar where a person watches.

    Raises UsageError for an unknown name.

    >>> make_reporter("lines").__class__.__name__
    'LinesReporter'
    """
    stream = sys.stderr if stream is None else stream
    if mode == "auto":
        mode = "bar" if stream.isatty() and os.environ.get("TERM") != "dumb" else "lines"
    # each imported when it is chosen, because only one draws with rich
    if mode == "bar":
        from mlp_train.reporters.bar import BarReporter

        return BarReporter(stream)
    if mode == "lines":
        from mlp_train.reporters.lines import LinesReporter

        return LinesReporter(stream)
    if mode == "json":
        from mlp_train.reporters.json_lines import JsonReporter

        return JsonReporter(stream)
    if mode == "off":
        from mlp_train.reporters.off import OffReporter

        return OffReporter()
    from mlp_runtime.errors import nearest
    from mlp_train.errors import UsageError

    raise UsageError(f"unknown progress {mode!r}{nearest(mode, MODES)}; it is one of {', '.join(MODES)}")
