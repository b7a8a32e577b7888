"""Progress for a person at a terminal: a bar that fills, with the loss, the validation accuracy and the time left."""

from __future__ import annotations

from dataclasses import replace
from typing import Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn
from rich.progress import Progress as Bars

from mlp_train.events import EpochEnd, Event, Progress, Started
from mlp_train.reporters.words import clock, short_figures

SHORTEST, LONGEST = 10, 30  # cells of the bar


class BarReporter:
    """Draws on `stream`, which is not stdout: that belongs to the answer."""

    def __init__(self, stream: TextIO) -> None:
        self.bar = BarColumn(bar_width=LONGEST)
        self.progress = Bars(
            TextColumn("epoch {task.fields[epoch]}/{task.total}"),
            self.bar,
            TextColumn("{task.fields[figures]}"),
            TextColumn("{task.fields[left]}"),
            console=Console(file=stream),
            redirect_stdout=False,  # rich would move the answer to this stream
        )
        self.task: TaskID | None = None
        self.last: EpochEnd | None = None

    def __call__(self, event: Event) -> None:
        """Show the bar when training starts, and move it whenever something is done."""
        if isinstance(event, Started):
            done = event.first_epoch - 1
            self.task = self.progress.add_task(
                "", total=event.epochs, completed=done, epoch=done + 1, figures="", left=""
            )
            self.progress.start()
        elif isinstance(event, EpochEnd):
            self.last = event
            self._show(event.epoch, event, event.eta)
        elif isinstance(event, Progress):
            began = EpochEnd(event.epoch, event.epochs, event.loss, 0.0, 0.0, event.seconds, event.eta)
            said = replace(self.last, epoch=event.epoch, loss=event.loss) if self.last else began
            self._show(event.epoch - 1 + event.share, said, event.eta)

    def _show(self, done: float, event: EpochEnd, eta: float) -> None:
        """Give the words what they need and the bar what is left."""
        if self.task is None:
            return
        left = f"{clock(eta)} left"
        spaces = 3  # between the four columns
        room = self.progress.console.width - len(f"epoch {event.epoch}/{event.epochs}") - len(left) - spaces
        figures = short_figures(event, room - SHORTEST)
        self.bar.bar_width = max(SHORTEST, min(LONGEST, room - len(figures)))
        self.progress.update(self.task, completed=done, epoch=event.epoch, figures=figures, left=left)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.progress.stop()  # also after an error, because a hidden cursor would stay hidden
