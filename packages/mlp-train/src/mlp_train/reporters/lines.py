"""Progress for log files and pipes: one plain line an epoch."""

from __future__ import annotations

from typing import Self, TextIO

from mlp_train.events import EpochEnd, Event
from mlp_train.reporters.words import clock, epoch_figures


class LinesReporter:
    """Writes each line to `stream` whole and at once, so that whoever follows the log sees it."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def __call__(self, event: Event) -> None:
        """Write the line of an epoch; other events say nothing here."""
        if isinstance(event, EpochEnd):
            width = len(str(event.epochs))
            best = "  best" if event.best and event.valid_loss is not None else ""
            line = f"epoch {event.epoch:{width}}/{event.epochs}  {epoch_figures(event)}  {clock(event.eta)} left{best}"
            self.stream.write(line + "\n")
            self.stream.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        pass
