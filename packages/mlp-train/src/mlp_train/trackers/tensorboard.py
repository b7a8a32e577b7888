"""Event files are what TensorBoard draws curves from; they are written here through tensorboardX.

Its `SummaryWriter` writes in a thread of its own, which a full disk ends, and then lets its caller wait for ever. So
the records are made and written here, where a failure is noticed.
"""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FLUSH_SECONDS = 1.0  # whoever watches sees an epoch after about so long
VALUES = (str, bool, int, float)  # what TensorBoard knows as a hyperparameter


class TensorBoardSink:
    """Writes `events.out.tfevents...` files into `folder`; several files of one folder are one run."""

    def __init__(self, module: Any, folder: str | os.PathLike[str]) -> None:
        self.module, self.folder = module, Path(folder)
        self.summary: Any = importlib.import_module(f"{module.__name__}.summary")
        self.protocol: Any = importlib.import_module(f"{module.__name__}.proto.event_pb2")
        self.writer: Any = None
        self.flushed = 0.0

    def begin(self, settings: Mapping[str, Any], first_epoch: int) -> Mapping[str, str]:
        """Open a file; what an earlier file of the folder says of `first_epoch` and later counts no more."""
        self.folder.mkdir(parents=True, exist_ok=True)
        earlier = len(list(self.folder.glob("events.out.tfevents.*")))
        suffix = f".{os.getpid()}.{earlier}"  # the name has whole seconds, in which a run may stop and go on
        files = importlib.import_module(f"{self.module.__name__}.event_file_writer")
        self.writer = files.EventsWriter(str(self.folder / "events"), suffix)
        if earlier:
            log = self.protocol.SessionLog(status=self.protocol.SessionLog.START)
            self._write(first_epoch, file_version="brain.Event:2")  # as TensorBoard wants it to drop what came later
            self._write(first_epoch, session_log=log)
        self._write(first_epoch - 1, summary=self.summary.text("settings", _table(settings)))
        self.writer.flush()
        return {"folder": str(self.folder.absolute())}

    def log(self, figures: Mapping[str, float], epoch: int) -> None:
        """Write the figures of an epoch as one record."""
        values = [value for name, number in figures.items() for value in self.summary.scalar(name, number).value]
        self._write(epoch, summary=type(self.summary.scalar("any", 0.0))(value=values))
        if time.monotonic() - self.flushed >= FLUSH_SECONDS:
            self.writer.flush()
            self.flushed = time.monotonic()

    def conclude(self, settings: Mapping[str, Any], figures: Mapping[str, float], epoch: int) -> None:
        """Write the figures of the result, and with the settings as a row of the tab HPARAMS."""
        known = {name: value if isinstance(value, VALUES) else str(value) for name, value in settings.items()}
        for part in self.summary.hparams(known, dict(figures)):
            self._write(None, summary=part)
        self.log(figures, epoch)

    def finish(self, failed: bool) -> None:  # noqa: ARG002
        """Close the file."""
        self.writer.close()

    def _write(self, step: int | None, **content: Any) -> None:
        event = self.protocol.Event(wall_time=time.time(), **content)
        if step is not None:
            event.step = step
        self.writer.write_event(event)


def _table(settings: Mapping[str, Any]) -> str:
    """Write the settings as a table in Markdown, which TensorBoard shows as one.

    >>> print(_table({"lr": 0.1, "drop": ["a|b"]}))
    | setting | value |
    | --- | --- |
    | lr | `0.1` |
    | drop | `['a/b']` |
    """
    rows = [f"| {name} | `{str(value).replace('|', '/').replace('`', chr(39))}` |" for name, value in settings.items()]
    return "\n".join(["| setting | value |", "| --- | --- |", *rows])
