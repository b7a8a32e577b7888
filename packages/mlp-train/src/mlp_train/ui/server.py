"""The server is one small application: the page's own files, what is open, and the requests of each tab."""

from __future__ import annotations

import contextlib
import errno
import importlib
import pkgutil
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

import mlp_runtime
import mlp_train.ui
from mlp_train.errors import UsageError
from mlp_train.ui.answers import HANDLERS, Answer
from mlp_train.ui.guard import Guard, new_token
from mlp_train.ui.state import Opened, Workbench

STATIC = Path(__file__).parent / "static"
MODEL_LIMIT = 256 * 2**20  # bytes of a model file that is dropped on the page
FIRST_PORT = 8765
_TYPES = {".js": "text/javascript", ".css": "text/css"}  # whatever this system believes of their endings


class OwnFiles(StaticFiles):
    """The page's files, each with the type that a browser insists on."""

    def file_response(self, full_path: Any, *args: Any, **more: Any) -> Response:
        """Answer with one file."""
        response = super().file_response(full_path, *args, **more)
        known = _TYPES.get(Path(full_path).suffix)
        if known:
            response.headers["content-type"] = f"{known}; charset=utf-8"
        return response


def app(workbench: Workbench, token: str) -> Guard:
    """Return the application for what is on the workbench; requests below /api/ must carry the token."""
    routes: list[BaseRoute] = [
        Route("/", _index),
        Route("/api/info", _info(workbench)),
        Route("/api/model", _open_model(workbench), methods=["POST"]),
    ]
    limits = {"/api/model": MODEL_LIMIT}
    for module in _tabs():
        routes += module.routes(workbench)
        limits |= getattr(module, "LIMITS", {})
    routes.append(Mount("/", OwnFiles(directory=STATIC)))

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        try:
            yield
        finally:
            workbench.close()

    return Guard(Starlette(routes=routes, exception_handlers=HANDLERS, lifespan=lifespan), token, limits)


def serve(opened: Opened, port: int | None, say: Callable[[str], None], show: Callable[[str], object]) -> None:
    """Serve the page until it is stopped. `say` gets its address for the person, `show` opens it in a browser.

    port: None takes the first that is free. UsageError where a given one is not.
    """
    import uvicorn

    listening = listen(port)
    token, workbench = new_token(), Workbench(opened)
    config = uvicorn.Config(
        app(workbench, token), log_level="warning", access_log=False, server_header=False,
        timeout_graceful_shutdown=10, lifespan="on", ws="none",  # seconds; the last answers may wait for a processor
    )  # fmt: skip
    address = f"http://127.0.0.1:{listening.getsockname()[1]}/#token={token}"

    class Server(uvicorn.Server):
        """Tells the address once it answers, and not before."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            say(address)
            show(address)

    server = Server(config)
    workbench.is_stopping = lambda: server.should_exit
    with contextlib.suppress(KeyboardInterrupt):  # this is how a person stops it
        server.run(sockets=[listening])


def listen(port: int | None) -> socket.socket:
    """Return a socket that listens on 127.0.0.1 alone, so that no other machine can reach it."""
    if port is not None:
        try:
            return _bound(port)
        except OSError as error:
            why = (
                "another program uses it" if error.errno == errno.EADDRINUSE else f"the system says '{error.strerror}'"
            )
            raise UsageError(f"port {port} cannot be had: {why}; give another --port, or none") from error
    for candidate in (*range(FIRST_PORT, FIRST_PORT + 20), 0):
        with contextlib.suppress(OSError):
            return _bound(candidate)
    raise UsageError("no port of this machine is free; stop a program that holds one")


def _bound(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        listening.listen(128)
    except OSError:
        listening.close()
        raise
    return listening


def _tabs() -> Iterator[ModuleType]:
    """Yield each module of this package that answers requests of a tab: it has a function `routes`."""
    for found in pkgutil.iter_modules(mlp_train.ui.__path__):
        module = importlib.import_module(f"{mlp_train.ui.__name__}.{found.name}")
        if hasattr(module, "routes"):
            yield module


async def _index(_: Request) -> Response:
    return FileResponse(STATIC / "index.html", media_type="text/html")


def _info(workbench: Workbench) -> Callable[[Request], Response]:
    def info(_: Request) -> Response:
        scripts = sorted(path.stem for path in (STATIC / "js" / "tabs").glob("*.js"))
        styles = sorted(path.stem for path in (STATIC / "css").glob("*.css"))
        return Answer({**workbench.info(), "tabs": scripts, "styles": styles})

    return info


def _open_model(workbench: Workbench) -> Any:
    async def open_model(request: Request) -> Response:
        content = await request.body()
        name = request.query_params.get("name", "")[:200] or "model.mlp"
        model = await run_in_threadpool(mlp_runtime.load, content)
        workbench.put(name=name, model=model, run=None, source=None)
        return Answer(workbench.info())

    return open_model
