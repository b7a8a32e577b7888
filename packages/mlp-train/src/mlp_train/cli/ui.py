"""`ui` opens a page in the browser, on this machine alone, where one can draw, watch and look inside."""

from __future__ import annotations

import importlib.util
import os
import sys
from typing import Annotated

import typer

from mlp_train.cli.shared import Debug, Plugin, Quiet, Voice, answer


def ui(
    thing: Annotated[
        str | None, typer.Argument(metavar="MODEL|RUN|SOURCE", help="A model file, a run folder, or data.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option("--port", metavar="N", min=1, max=65535, help="Listen here; else on one that is free."),
    ] = None,
    open_browser: Annotated[
        bool, typer.Option("--open/--no-open", help="Open the page in the browser, or only print its address.")
    ] = True,
    plugin: Plugin = None,
    quiet: Quiet = False,
    debug: Debug = False,  # noqa: ARG001  # the frame looks for it
) -> None:
    """Open a page where one can draw, watch a network learn and look inside it."""
    from mlp_train.errors import UsageError
    from mlp_train.plugins import load_plugins

    for package in ("starlette", "uvicorn"):
        if importlib.util.find_spec(package) is None:
            raise UsageError(
                f"the page needs the package {package}, which is not installed: pip install 'mlp-train[ui]'"
            )
    from mlp_train.ui.server import serve
    from mlp_train.ui.state import open_thing

    load_plugins(plugin or ())
    opened = open_thing(thing, tuple(plugin or ()))
    voice = Voice(quiet)

    def say(address: str) -> None:
        answer(address)
        voice.say("this address is for you alone: it holds the key to the page; Ctrl-C stops the server")

    serve(opened, port, say, show if open_browser else lambda _: None)


def show(address: str) -> None:
    """Open the address in a graphical browser, if there is one; one in a terminal would take this one over.

    The address stands in a file that only its owner can read, since all users can see the arguments of a program.
    """
    import atexit
    import contextlib
    import tempfile
    import webbrowser
    from pathlib import Path

    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return
    with tempfile.NamedTemporaryFile("w", suffix=".html", prefix="mlp-train-", delete=False) as file:
        file.write(f'<!doctype html><title>mlp-train</title><meta http-equiv="refresh" content="0;url={address}">\n')
    atexit.register(Path(file.name).unlink, missing_ok=True)
    with contextlib.suppress(webbrowser.Error):
        webbrowser.open(Path(file.name).as_uri())
