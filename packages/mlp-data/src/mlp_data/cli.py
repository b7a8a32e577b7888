"""The command `mlp-data` shows what a source of data holds before anything is trained on it."""

from __future__ import annotations

import json
import os
import shlex
import sys
from typing import Annotated, Any, NoReturn

import typer

USAGE, DATA = 2, 3  # exit codes; 1 is a bug of ours

app = typer.Typer(
    help="Look into zip archives, image folders and tables before training on them.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        from mlp_data import __version__

        typer.echo(f"mlp-data {__version__}")
        raise typer.Exit


@app.callback()
def _group(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """Look into zip archives, image folders and tables before training on them."""


@app.command("inspect")
def inspect_source(
    source: Annotated[str, typer.Argument(help="A zip, folder or file; or digits, titanic or xor.", metavar="SOURCE")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    target: Annotated[str | None, typer.Option(help="The column to predict.", metavar="COLUMN")] = None,
    task: Annotated[str | None, typer.Option(help="classification or regression.")] = None,
    drop: Annotated[list[str] | None, typer.Option(help="Columns to leave out.", metavar="COLUMNS")] = None,
    columns: Annotated[list[str] | None, typer.Option(help="Types of columns.", metavar="NAME=TYPE")] = None,
    fit: Annotated[str | None, typer.Option(help="Fit images by none, stretch or ink.")] = None,
    ink: Annotated[str | None, typer.Option(help="The ink is auto, light or dark.")] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,  # noqa: ARG001
) -> None:
    """Show kind, splits, classes and columns of SOURCE, how it would be fitted, and its problems."""
    from mlp_data.inspection import inspect
    from mlp_data.options import Options, read_names, read_types
    from mlp_data.sources import load

    tables = {"target": target, "drop": read_names(drop or ()), "columns": read_types(columns or ())}
    said = {**tables, "task": task, "fit": fit, "ink": ink}
    report = inspect(load(source, **said), Options.of(**said))
    if as_json:
        _answer(json.dumps(report, ensure_ascii=False, allow_nan=False))
    else:
        from mlp_data.listing import lines

        _answer("\n".join(lines(report)))
        if report["input"]:
            typer.echo(f"next: mlp-train fit {shlex.quote(source)}", err=True)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command and leave with its exit code; an error is one sentence on stderr."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        code = app(arguments, standalone_mode=False)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if "--debug" in arguments:
            raise
        sys.exit(_say(error))
    sys.exit(code if isinstance(code, int) else 0)


def _answer(text: str) -> None:
    """Print the answer; a reader that has seen enough of it and left, as `head` does, is no error."""
    try:
        typer.echo(text)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter complains as it leaves


def _say(error: Exception) -> int:
    """Print an error as one sentence and return its exit code; what nobody raised on purpose goes on as it is."""
    message: Any = getattr(error, "format_message", None)  # Typer's own errors have it, whichever Click it carries
    if message is not None:
        said = message()
        if said:
            typer.echo(f"mlp-data: {' '.join(said.split())}", err=True)
        return USAGE
    from mlp_data.errors import OptionError
    from mlp_runtime.errors import MlpError

    if not isinstance(error, MlpError):
        raise error
    typer.echo(f"mlp-data: {error}", err=True)
    return USAGE if isinstance(error, OptionError) else DATA
