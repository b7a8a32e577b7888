"""Training for the page runs in a process of its own, which takes orders through a pipe and tells what happens.

The real trainer does the work, with one worker. It yields between two batches or epochs, and where nobody wants the
next one it is simply not asked for it: that is a pause. The process ends when the other end of its pipe does, whatever
killed the server.
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

import mlp_data
from mlp_data.dataset import Dataset
from mlp_runtime.errors import MlpError
from mlp_train.array import Array
from mlp_train.config import FitConfig
from mlp_train.control import Control
from mlp_train.events import EpochEnd, Event, Finished, Progress, Started, Stopped
from mlp_train.plugins import load_plugins
from mlp_train.trainer import Trainer, settle
from mlp_train.ui.live_scene import make_scene
from mlp_train.ui.toys import TOYS, make_toy

TELL_SECONDS = 0.1  # news are told no more often
PIPE_BYTES = 8e6  # of snapshots a second, so that telling costs the training next to nothing


@dataclass(frozen=True)
class Start:
    """Train this, from the beginning. round: a number that comes back with all that is told of this training."""

    round: int
    source: str
    data: Mapping[str, Any]  # what `mlp_data.load` is told
    config: FitConfig
    play: bool = False
    pace: float = 0.0  # epochs a second at most; 0: as fast as it can
    lr: float | None = None  # in place of the configuration's, as it was changed meanwhile


@dataclass(frozen=True)
class Order:
    """What a training that runs or waits is told: play, pause, batch, epoch, or a new `lr` or `pace`."""

    what: str
    value: float = 0.0


@dataclass(frozen=True, eq=False)
class Snapshot:
    """The parameters at one moment: after `epoch` epochs, and so many `batches` of the next."""

    epoch: int
    batches: int
    flat: Array


@dataclass(eq=False)
class News:
    """What happened since it was last told."""

    epochs: list[dict[str, Any]] = field(default_factory=list)
    progress: dict[str, Any] | None = None
    snapshot: Snapshot | None = None


class Restart(Exception):
    """Another training is wanted."""

    def __init__(self, start: Start) -> None:
        super().__init__()
        self.start = start


def main(connection: Connection, plugins: tuple[str, ...]) -> None:
    """Be the training process until the pipe ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal is for the server, which then ends the pipe
    orders: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def listen() -> None:
        try:
            while True:
                orders.put(connection.recv())
        except (EOFError, OSError):
            os._exit(0)  # whatever is being loaded or computed

    threading.Thread(target=listen, daemon=True).start()
    try:
        load_plugins(plugins)
        Performer(connection, orders).run()
    except (BrokenPipeError, ConnectionResetError):
        os._exit(0)


class Performer:
    """Performs one training after the other, as it is ordered."""

    def __init__(self, connection: Connection, orders: queue.SimpleQueue[Any]) -> None:
        self._connection, self._orders = connection, orders
        self._loaded: tuple[tuple[str, str], Dataset] | None = None
        self._round = 0
        self._mode = "pause"  # or play, batch (until the next one ends), epoch
        self._pace = 0.0
        self._control = Control()
        self._news, self._told, self._epoch_ended = News(), 0.0, 0.0
        self._kept = 0.0  # when the end of an epoch was told of
        self._here: Callable[[], Snapshot] = lambda: Snapshot(0, 0, np.zeros(0, np.float32))  # of this very moment

    def run(self) -> None:
        """Do what is ordered, for ever."""
        start = self._next_start()
        while True:
            try:
                self._perform(start)
            except Restart as again:
                start = again.start
                continue
            except MlpError as error:
                self._tell("failed", str(error))
            except (BrokenPipeError, ConnectionResetError):
                raise
            except MemoryError:
                self._tell(
                    "failed", "there is not enough memory for this training: take fewer units or a smaller batch"
                )
            except Exception as error:
                traceback.print_exception(error, file=sys.stderr)
                self._tell("failed", f"this is a bug of mlp-train, please report it: {type(error).__name__}: {error}")
            start = self._next_start()

    def _next_start(self) -> Start:
        while True:
            order = self._orders.get()
            if isinstance(order, Start):
                return order

    def _perform(self, start: Start) -> None:
        self._round, self._pace = start.round, start.pace
        self._mode, self._news, self._control = "play" if start.play else "pause", News(), Control()
        self._control.lr = start.lr
        self._tell("loading", None)
        plan = settle(self._dataset(start), start.config, None, ())
        trainer = Trainer(plan, control=self._control)
        self._tell("scene", make_scene(plan))
        events = trainer.run()
        try:
            for event in events:
                self._heard(event, trainer)
        finally:
            events.close()  # type: ignore[attr-defined]  # it is a generator

    def _dataset(self, start: Start) -> Dataset:
        """Load the data, unless they are the last ones again."""
        key = start.source, repr(sorted(start.data.items()))
        if self._loaded is None or self._loaded[0] != key:
            self._loaded = None  # two at once might not fit in memory
            dataset = make_toy(start.source) if start.source in TOYS else mlp_data.load(start.source, **start.data)
            self._loaded = key, dataset
        return self._loaded[1]

    def _heard(self, event: Event, trainer: Trainer) -> None:
        """Tell of one event, and wait as long as nobody wants the next."""
        if isinstance(event, Started):
            self._tell("started", event.to_dict())
            self._here = lambda: Snapshot(0, 0, trainer.network.flat.copy())
            self._flush()
            self._tell("mode", self._mode)  # last, so that whoever hears of it finds a network to look at
        elif isinstance(event, Progress):
            batches = round(event.share * trainer.plan.batches)
            self._news.progress = {**event.to_dict(), "batches": batches}
            self._stop_after("batch")
            learner = trainer.learner
            assert learner is not None
            self._here = lambda: Snapshot(event.epoch - 1, batches, learner.parameters())
            if self._is_due(trainer, self._told):
                self._flush()
        elif isinstance(event, EpochEnd):
            self._news.epochs.append(event.to_dict())
            self._news.progress = None
            self._stop_after("batch", "epoch")
            self._here = lambda: Snapshot(event.epoch, 0, trainer.judged().flat.copy())
            if self._is_due(trainer, self._kept) or event.epoch == event.epochs:
                self._flush()
                self._kept = self._told
            self._keep_pace()
        elif isinstance(event, Stopped):
            self._flush()
            self._tell("stopped", event.reason)
        elif isinstance(event, Finished):
            result = event.result
            model = result.to_bytes(meta={"name": trainer.plan.dataset.name})
            self._tell("finished", {"epoch": result.epoch, "metrics": result.metrics, "model": model})
            return
        self._obey_all()

    def _stop_after(self, *modes: str) -> None:
        if self._mode in modes:
            self._set_mode("pause")

    def _set_mode(self, mode: str) -> None:
        self._mode, self._control.every_batch = mode, mode == "batch"

    def _is_due(self, trainer: Trainer, last: float) -> bool:
        wait = max(TELL_SECONDS, trainer.network.flat.nbytes / PIPE_BYTES)
        return self._mode == "pause" or time.perf_counter() - last >= wait

    def _keep_pace(self) -> None:
        """Wait until the next epoch may begin, and obey meanwhile."""
        self._epoch_ended = max(self._epoch_ended, time.perf_counter() - 1)
        while self._pace and self._mode == "play":
            left = self._epoch_ended + 1 / self._pace - time.perf_counter()
            if left <= 0:
                break
            try:
                self._obey(self._orders.get(timeout=left))
            except queue.Empty:
                break
        self._epoch_ended = time.perf_counter()

    def _obey_all(self) -> None:
        """Obey what was ordered meanwhile; in a pause, wait for the next order."""
        while self._mode == "pause" or not self._orders.empty():
            if self._mode == "pause" and self._orders.empty():
                self._tell("mode", "pause")
            self._obey(self._orders.get())

    def _obey(self, order: Start | Order) -> None:
        if isinstance(order, Start):
            raise Restart(order)
        if order.what == "lr":
            self._control.lr = order.value
        elif order.what == "pace":
            self._pace = order.value
        else:
            self._set_mode(order.what)
            if order.what == "pause":
                self._flush()  # where exactly it stands
            self._tell("mode", order.what)

    def _flush(self) -> None:
        self._news.snapshot = self._here()
        self._tell("news", self._news)
        self._news, self._told = News(), time.perf_counter()

    def _tell(self, name: str, value: Any) -> None:
        self._connection.send((self._round, name, value))
