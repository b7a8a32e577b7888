"""The session is the server's side of the one training that all open pages watch."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from mlp_train.config import FitConfig
from mlp_train.errors import UsageError
from mlp_train.hints import hints
from mlp_train.ui.live_scene import Scene
from mlp_train.ui.training import News, Order, Snapshot, Start, main

MOST_EPOCHS = 1000  # whose figures are kept; of longer trainings every second one, then every fourth, and so on
MOST_SNAPSHOTS = 120
SNAPSHOT_BYTES = 64 * 2**20  # of all snapshots together, whatever the size of the network
HINT_SECONDS = 1.0
LEARNED = 0.5  # of the first loss
_SHOWN = (
    "epoch", "seconds", "loss", "valid_loss", "valid", "lr", "gradient_norms", "update_ratios", "dead_units", "best",
)  # fmt: skip


@dataclass(frozen=True)
class Experiment:
    """What was asked for, as the page wrote it, so that every page shows the same settings."""

    data: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    pace: float = 0.0


@dataclass
class Place:
    """How far one page has been told."""

    round: int = -1
    thinned: int = -1
    rows: int = 0
    version: int = -1
    scene_round: int = -1


class Session:
    """Starts the process, gives it orders, and keeps what it tells, within bounds; any thread may use it."""

    def __init__(self, plugins: tuple[str, ...] = ()) -> None:
        self._plugins = plugins
        self._lock = threading.RLock()
        self._process: multiprocessing.process.BaseProcess | None = None
        self._connection: Connection | None = None
        self.version = 0  # grows with whatever changes
        self.round = 0
        self.status = "none"  # loading, pause, play, batch, epoch, finished, failed
        self.experiment = Experiment()
        self.closed = False
        self._clear()

    def _clear(self) -> None:
        self.sentence: str | None = None  # why it failed, or ended early
        self.scene: Scene | None = None
        self.started: dict[str, Any] | None = None
        self.epochs: list[dict[str, Any]] = []
        self._thinned = 0
        self.snapshots: dict[int, Snapshot] = {}
        self.newest: Snapshot | None = None
        self.progress: dict[str, Any] | None = None
        self.finished: dict[str, Any] | None = None
        self.lr: float | None = None
        self.saturated: tuple[float, ...] = ()  # of the newest snapshot that was looked at
        self._hints: tuple[float, list[dict[str, Any]]] = (0.0, [])

    @property
    def process_id(self) -> int | None:
        """The training process, if there is one."""
        return self._process.pid if self._process else None

    def start(
        self, experiment: Experiment, source: str, data: Mapping[str, Any], config: FitConfig, *, play: bool
    ) -> None:
        """Begin another training; the one before is over."""
        with self._lock:
            if self.status == "loading":
                self._end()  # nobody can tell how long that would take
            self.round += 1
            self._clear()
            self.experiment, self.status = experiment, "loading"
            self.version += 1
            order = Start(self.round, source, dict(data), config, play, experiment.pace)
            try:
                self._live_connection().send(order)
            except OSError:  # it died since
                self._end()
                self._live_connection().send(order)

    def order(self, what: str, value: float = 0.0) -> None:
        """Tell a training that runs or waits what to do."""
        with self._lock:
            if self.status in ("none", "failed", "finished") or self._connection is None:
                raise UsageError("no training is going on: press Reset to begin one")
            try:
                self._connection.send(Order(what, value))
            except OSError:  # it died since, which the listener is about to tell
                raise UsageError("the training process has just ended: press Reset to begin anew") from None
            if what == "lr":
                self.lr = value
            if what == "pace":
                self.experiment = Experiment(self.experiment.data, self.experiment.options, value)
            self.version += 1

    def close(self) -> None:
        """End the process with the server."""
        with self._lock:
            self.closed = True
            self._end()

    def snapshot(self, epoch: int | None) -> tuple[int, Scene, Snapshot]:
        """Return the round, its scene and the network after an epoch, or the nearest kept before; None: the newest."""
        with self._lock:
            if self.scene is None or self.newest is None:
                raise UsageError("there is nothing to see yet: wait until the data are loaded")
            if epoch is None:
                return self.round, self.scene, self.newest
            kept = max((one for one in self.snapshots if one <= epoch), default=min(self.snapshots))
            return self.round, self.scene, self.snapshots[kept]

    def since(self, place: Place) -> list[tuple[str, Any]]:
        """Return what a page has not been told yet, as events, and remember that it was."""
        with self._lock:
            told: list[tuple[str, Any]] = []
            if place.version == self.version:
                return told
            if self.scene is not None and self.started is not None and place.scene_round != self.round:
                told.append(("scene", {"round": self.round, **described(self.scene, self.started)}))
                place.scene_round = self.round
            if (place.round, place.thinned) != (self.round, self._thinned):
                place.rows = 0
            if place.rows < len(self.epochs) or place.round != self.round:
                rows = [{name: row[name] for name in _SHOWN} for row in self.epochs[place.rows :]]
                told.append(("epochs", {"reset": place.rows == 0, "rows": rows}))
            place.round, place.thinned, place.rows = self.round, self._thinned, len(self.epochs)
            place.version = self.version
            told.append(("state", self.state()))
            return told

    def state(self) -> dict[str, Any]:
        """Return where the training stands."""
        with self._lock:
            newest, finished = self.newest, self.finished
            return {
                "round": self.round,
                "status": self.status,
                "sentence": self.sentence,
                "data": self.experiment.data,
                "options": dict(self.experiment.options),
                "pace": self.experiment.pace,
                "lr": self.lr,
                "epoch": newest.epoch if newest else 0,
                "batches": newest.batches if newest else 0,
                "progress": self.progress,
                "kept": sorted(self.snapshots),
                "best": finished["epoch"] if finished else None,
                "metrics": finished["metrics"] if finished else None,
                "hints": self._noticed(),
            }

    def _noticed(self) -> list[dict[str, Any]]:
        """Return the hints; they are thought over at most once a second."""
        when, found = self._hints
        if self.scene is None or self.started is None:
            return []
        now = time.monotonic()
        if now - when >= HINT_SECONDS or self.status != "play":
            events = [self.started, *self.epochs]
            if self.finished:
                events.append({"event": "Finished", "metrics": self.finished["metrics"]})
            config = {**self.scene.config, **({} if self.lr is None else {"lr": self.lr})}
            # units at the flat ends of their activation are no mistake where they have told the classes apart
            has_learned = bool(self.epochs) and self.epochs[-1]["loss"] < LEARNED * self.started["first_loss"]
            ends = () if has_learned else self.saturated
            found = [one.to_dict() for one in hints(config, events, self.scene.facts, ends)]
            self._hints = now, found
        return found

    def _live_connection(self) -> Connection:
        """Return the pipe to the process, which is started if it is not there."""
        if self._connection is None or self._process is None or not self._process.is_alive():
            self._end()
            context = multiprocessing.get_context("spawn")  # a fork would copy the server's threads' locks
            ours, theirs = context.Pipe()
            process = context.Process(target=main, args=(theirs, self._plugins), daemon=True, name="mlp-train training")
            process.start()
            theirs.close()  # else the pipe would not end with the process
            self._process, self._connection = process, ours
            threading.Thread(target=self._listen, args=(ours,), daemon=True).start()
        return self._connection

    def _end(self) -> None:
        process, self._process = self._process, None
        self._connection = None  # whoever listens to it closes it, when it ends with the process
        if process is not None:
            process.terminate()
            process.join(2)
            if process.is_alive():
                process.kill()
                process.join(2)

    def _listen(self, connection: Connection) -> None:
        """Keep what the process tells, until its pipe ends."""
        while True:
            try:
                number, name, value = connection.recv()
            except (EOFError, OSError):
                connection.close()
                break
            with self._lock:
                if connection is not self._connection:
                    continue
                if number == self.round:
                    self._heard(name, value)
                    self.version += 1
        with self._lock:
            if connection is self._connection and self.status not in ("finished", "failed"):
                self.status = "failed"
                self.sentence = "the training process has ended, perhaps for lack of memory: press Reset to begin again"
                self.version += 1

    def _heard(self, name: str, value: Any) -> None:
        if name == "scene":
            self.scene = value
        elif name == "started":
            self.started = value
        elif name == "mode":
            self.status = value
        elif name == "news":
            self._keep(value)
        elif name == "stopped":
            self.sentence = value
        elif name == "finished":
            self.finished, self.status = value, "finished"
        elif name == "failed":
            self.sentence, self.status = value, "failed"

    def _keep(self, news: News) -> None:
        self.epochs += news.epochs
        if len(self.epochs) > MOST_EPOCHS:
            self.epochs = self.epochs[:-1:2] + self.epochs[-1:]
            self._thinned += 1
        self.progress = news.progress
        if news.snapshot is None:
            return
        self.newest = news.snapshot
        if news.snapshot.batches == 0:
            self.snapshots[news.snapshot.epoch] = news.snapshot
            most = max(3, min(MOST_SNAPSHOTS, SNAPSHOT_BYTES // max(1, news.snapshot.flat.nbytes)))
            if len(self.snapshots) > most:
                kept = sorted(self.snapshots)
                for epoch in kept[1:-1:2]:  # neither the first nor the newest
                    del self.snapshots[epoch]


def described(scene: Scene, started: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what the page is told of a scene."""
    shape = None
    if scene.kind == "image":
        spec, _ = scene.input.spec()
        shape = {name: spec[name] for name in ("height", "width", "channels")}
    plane = scene.plane
    return {
        "name": scene.name,
        "kind": scene.kind,
        "task": scene.task,
        "classes": list(scene.classes),
        "layers": [{"in": one.n_in, "out": one.n_out, "activation": one.activation} for one in scene.layers],
        "image": shape,
        "split": scene.split,
        "watched": len(scene.x),
        "started": started,
        "config": scene.config,
        "plane": plane and {"axes": plane.axes, "points": plane.points, "y": plane.y, "held_out": plane.is_held_out},
    }
