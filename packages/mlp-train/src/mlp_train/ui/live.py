"""The requests of Train live: which data there are, what to do with the training, and what happens, as a stream."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import tempfile
import threading
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

import mlp_runtime
from mlp_data.sources import SAMPLES
from mlp_runtime.activations import ACTIVATIONS
from mlp_runtime.errors import nearest
from mlp_train.config import FitConfig
from mlp_train.errors import OutputError, UsageError
from mlp_train.evaluation import loading_options
from mlp_train.optimizers import OPTIMIZERS
from mlp_train.schedules import SCHEDULES
from mlp_train.settings import gather
from mlp_train.ui.answers import Answer, event
from mlp_train.ui.live_pictures import Pictures, take_pictures
from mlp_train.ui.live_session import Experiment, Place, Session
from mlp_train.ui.state import Workbench
from mlp_train.ui.toys import TOYS
from mlp_train.without_effect import USED_BY

UPLOAD_LIMIT = 512 * 2**20  # bytes of a person's own data
LIMITS = {"/api/live/upload": UPLOAD_LIMIT, "/api/live/start": 2**20}
EXCEPT = ("workers", "engine", "time_limit")  # one process beside the server, watched from the first step on
OPTIONS = tuple(name for name in FitConfig.model_fields if name not in EXCEPT)
DATA_OPTIONS = ("target", "task", "drop", "columns", "numbers", "fit", "ink", "transpose")  # and no folder of anybody
TELL_SECONDS = 0.15  # a page is told no more often
ALIVE_SECONDS = 10.0  # a stream says at least so often that it is there


class Live:
    """What the requests share: the session, the uploaded file, and the last pictures."""

    def __init__(self, workbench: Workbench) -> None:
        self.workbench = workbench
        self.session = Session(workbench.opened.plugins)
        self._folder: Path | None = None
        self.upload: Path | None = None
        self._taking = threading.Lock()
        self._taken: tuple[tuple[int, int, int], Pictures] | None = None
        workbench.at_close(self.close)

    def close(self) -> None:
        """End the process, and leave no file behind."""
        self.session.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def choices(self) -> dict[str, Any]:
        """Return what can be chosen on the page."""
        opened = self.workbench.opened
        return {
            "samples": list(SAMPLES),
            "toys": list(TOYS),
            "open": Path(opened.source).name if opened.source and opened.source not in SAMPLES else None,
            "file": None if self.upload is None else self.upload.name,
            "limit": UPLOAD_LIMIT,
            "activations": [name for name in ACTIVATIONS if name not in ("identity", "softmax", "exp")],
            "optimizers": {name: {"lr": one.default_lr} for name, one in OPTIMIZERS.items()} | {"lbfgs": {"lr": None}},
            "schedules": list(SCHEDULES),
            "used_by": USED_BY,
            "options": [*OPTIONS, *DATA_OPTIONS],
            "state": self.session.state(),
        }

    def source(self, data: str) -> str:
        """Return the source that the page means by `data`."""
        if data in SAMPLES or data in TOYS:
            return data
        if data == "open" and self.workbench.opened.source:
            return self.workbench.opened.source
        if data.startswith("file:"):
            if self.upload is not None and self.upload.name == data.removeprefix("file:"):
                return str(self.upload)
            raise UsageError(f"{data.removeprefix('file:')} is not here: drop the file on the page")
        raise UsageError(
            f"there are no data called {data!r}{nearest(data, [*SAMPLES, *TOYS])}: choose some of the list"
        )

    def start(self, asked: Mapping[str, Any]) -> None:
        """Begin what the page asks for, if its settings can be."""
        data, options = asked.get("data"), asked.get("options", {})
        pace, play = asked.get("pace", 0), asked.get("play", False)
        known = isinstance(data, str) and isinstance(options, dict) and _is_number(pace)
        if not known or not isinstance(data, str):
            raise UsageError("a training is started with data, options and a pace: reload the page")
        for name in options:
            if name not in (*OPTIONS, *DATA_OPTIONS):
                raise UsageError(f"the page has no setting {name!r}{nearest(name, OPTIONS)}: leave it out")
        settings = gather({name: _text(value) for name, value in options.items()})
        source, loading = self.source(data), dict(settings.data)
        model = self.workbench.opened.model
        if data == "open" and model is not None:  # as those of its training were read
            known_options = {name: one for name, one in loading_options(model).items() if one is not None}
            loading = {**known_options, **loading}
        config = settings.config.model_copy(update={"workers": 1})
        experiment = Experiment(data, options, min(max(float(pace), 0.0), 1000.0))
        self.session.start(experiment, source, loading, config, play=play is True)

    def pictures(self, epoch: int | None) -> Pictures | None:
        """Return the pictures of an epoch, None before there are any; pages that look at the same share them."""
        with self._taking:
            if self.session.newest is None:
                return None
            number, scene, snapshot = self.session.snapshot(epoch)
            key = number, snapshot.epoch, snapshot.batches
            if self._taken is None or self._taken[0] != key:
                pictures, ends = take_pictures(scene, snapshot)
                if epoch is None:
                    self.session.saturated = ends
                self._taken = key, {"round": number, **pictures}
            return self._taken[1]

    def use(self, epoch: int | None) -> dict[str, Any]:
        """Put the network of an epoch on the workbench; the best one where training has ended and none is said."""
        session, finished = self.session, self.session.finished
        _, scene, snapshot = session.snapshot(epoch)
        if finished is not None and epoch in (None, finished["epoch"]):
            model, epoch = mlp_runtime.load(finished["model"]), finished["epoch"]
        else:
            model, epoch = scene.model(snapshot.flat, snapshot.epoch), snapshot.epoch
        source = self.source(session.experiment.data)
        name = f"{Path(scene.name).name}, epoch {epoch}"
        self.workbench.put(name=name, model=model, run=None, source=None if source in TOYS else source)
        return self.workbench.info()

    def room_for(self, name: str, length: int) -> Path:
        """Return where an uploaded file goes; the ones before it go away, unless one is open on the workbench."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="mlp-train-"))
        if shutil.disk_usage(self._folder).free < length + 64 * 2**20:
            raise OutputError(f"{name}: the disk for temporary files is too full for {length:,} bytes: make room")
        for old in self._folder.iterdir():
            if not _holds(old, self.workbench.opened.source):
                shutil.rmtree(old, ignore_errors=True)
        return Path(tempfile.mkdtemp(dir=self._folder)) / name


def routes(workbench: Workbench) -> list[BaseRoute]:
    """Return what Train live asks for."""
    live = Live(workbench)
    session = live.session

    def choices(_: Request) -> Response:
        return Answer(live.choices())

    async def start(request: Request) -> Response:
        await run_in_threadpool(live.start, await _json(request))
        return Answer({"round": session.round})

    async def order(request: Request) -> Response:
        asked = await _json(request)
        what, value = asked.get("what"), asked.get("value", 0)
        if what not in ("play", "pause", "batch", "epoch", "lr", "pace") or not _is_number(value):
            raise UsageError(f"there is no such order: {what!r}, {value!r}: reload the page")
        if what == "lr" and value <= 0:
            raise UsageError(f"a learning rate is a number above 0, not {value!r}: give another")
        await run_in_threadpool(session.order, what, min(max(float(value), 0.0), 1e6))
        return Answer({})

    def pictures(request: Request) -> Response:
        return Answer(live.pictures(_epoch(request)))

    def use(request: Request) -> Response:
        return Answer(live.use(_epoch(request)))

    async def upload(request: Request) -> Response:
        name = _file_name(request.query_params.get("name", ""))
        length = int(request.headers.get("content-length", "0"))  # the guard has looked at it
        path = await run_in_threadpool(live.room_for, name, length)
        try:
            with path.open("wb") as file:
                async for part in request.stream():
                    await run_in_threadpool(file.write, part)
        except OSError as error:
            shutil.rmtree(path.parent, ignore_errors=True)
            raise OutputError(f"{name}: it cannot be kept: the system says '{error.strerror}'; make room") from error
        except BaseException:  # the person went away, or it was too long
            shutil.rmtree(path.parent, ignore_errors=True)
            raise
        live.upload = path
        return Answer({"data": f"file:{name}", "name": name})

    async def events(_: Request) -> Response:
        return StreamingResponse(_told(live), media_type="text/event-stream")

    return [
        Route("/api/live", choices),
        Route("/api/live/start", start, methods=["POST"]),
        Route("/api/live/order", order, methods=["POST"]),
        Route("/api/live/pictures", pictures),
        Route("/api/live/use", use, methods=["POST"]),
        Route("/api/live/upload", upload, methods=["POST"]),
        Route("/api/live/events", events),
    ]


async def _told(live: Live) -> AsyncIterator[bytes]:
    """Tell one page what happens, for as long as it listens."""
    session, place, silent = live.session, Place(), 0.0
    while not (session.closed or live.workbench.is_stopping()):
        news = await run_in_threadpool(session.since, place) if place.version != session.version else []
        for name, value in news:
            yield event(name, value)
        silent = 0.0 if news else silent + TELL_SECONDS
        if silent >= ALIVE_SECONDS:
            yield b": still here\n\n"
            silent = 0.0
        await asyncio.sleep(TELL_SECONDS)


async def _json(request: Request) -> dict[str, Any]:
    try:
        asked = json.loads(await request.body())
    except (ValueError, RecursionError):
        asked = None
    if not isinstance(asked, dict):
        raise UsageError("the request is not a JSON object: reload the page")
    return asked


def _epoch(request: Request) -> int | None:
    said = request.query_params.get("epoch", "")
    return int(said) if re.fullmatch(r"[0-9]{1,10}", said) else None


def _is_number(value: Any) -> bool:
    """Tell whether this is a number that a person may mean: not NaN, and none with hundreds of digits."""
    return type(value) in (int, float) and -1e9 <= value <= 1e9


def _text(value: Any) -> str | list[str]:
    """Return what the page says as a person would write it on the command line."""
    if isinstance(value, list):
        return [str(one) for one in value]
    return str(value).lower() if isinstance(value, bool) else str(value)


def _file_name(said: str) -> str:
    """Return a name that names a file and nothing else, whatever the page says.

    >>> _file_name("../../etc/my data.csv"), _file_name("..")
    ('my data.csv', 'data')
    """
    return re.sub(r"[^\w .()+-]", "_", re.split(r"[/\\]", said)[-1]).strip(". ")[-120:] or "data"


def _holds(folder: Path, source: str | None) -> bool:
    return source is not None and Path(source).parent == folder
