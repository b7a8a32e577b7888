"""Progress for a person at a terminal: a bar that fills, with the loss, the validation accuracy and the time left."""

from __future__ import annotations

from typing import Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from mlp_train.events import EpochEnd, Event, Started
from mlp_train.reporters.words import clock, epoch_figures


class BarReporter:
    """Draws on `stream`, which is not stdout: that belongs to the answer."""

    def __init__(self, stream: TextIO) -> None:
        self.progress = Progress(
            TextColumn("epoch {task.completed}/{task.total}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[figures]}"),
            TextColumn("{task.fields[left]}"),
            console=Console(file=stream),
            redirect_stdout=False,  # rich would move the answer to this stream
        )
        self.task: TaskID | None = None

    def __call__(self, event: Event) -> None:
        """Show the bar when training starts, and move it with every epoch."""
        if isinstance(event, Started):
            self.task = self.progress.add_task(
                "", total=event.epochs, completed=event.first_epoch - 1, figures="", left=""
            )
            self.progress.start()
        elif isinstance(event, EpochEnd) and self.task is not None:
            self.progress.update(
                self.task, completed=event.epoch, figures=epoch_figures(event), left=f"{clock(event.eta)} left"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.progress.stop()  # also after an error, because a hidden cursor would stay hidden
