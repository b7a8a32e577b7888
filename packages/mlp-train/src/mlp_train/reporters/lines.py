"""Progress for log files and pipes: one plain line an epoch, or about fifty in all of a run of very many epochs."""

from __future__ import annotations

from typing import Self, TextIO

from mlp_train.events import EpochEnd, Event, Finished, Stopped
from mlp_train.reporters.words import clock, epoch_figures

MANY, ENOUGH = 100, 50  # from more than so many epochs on, about so many lines


class LinesReporter:
    """Writes each line to `stream` whole and at once, so that whoever follows the log sees it."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.waiting: EpochEnd | None = None  # an epoch that is told only if it turns out to be the last

    def __call__(self, event: Event) -> None:
        """Write the line of an epoch that is due, and that of the last; other events say nothing here."""
        if isinstance(event, EpochEnd):
            every = event.epochs // ENOUGH if event.epochs > MANY else 1
            if event.epoch % every == 0 or event.epoch == event.epochs:
                self._tell(event)
            else:
                self.waiting = event
        elif isinstance(event, Stopped | Finished) and self.waiting is not None:
            self._tell(self.waiting)

    def _tell(self, event: EpochEnd) -> None:
        self.waiting = None
        width = len(str(event.epochs))
        best = "  best" if event.best and event.valid_loss is not None else ""
        line = f"epoch {event.epoch:{width}}/{event.epochs}  {epoch_figures(event)}  {clock(event.eta)} left{best}"
        self.stream.write(line + "\n")
        self.stream.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        pass
