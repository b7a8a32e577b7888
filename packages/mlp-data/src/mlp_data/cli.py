"""The command `mlp-data` shows what a source of data holds before anything is trained on it."""

from __future__ import annotations

import io
import json
import os
import sys
from typing import Annotated, NoReturn

import typer

from mlp_data.console import PARSING_ERROR, PlainCommand, PlainGroup, command, error_line, usage_sentence

BUG, USAGE, DATA, OUTPUT, INTERRUPTED = 1, 2, 3, 6, 130  # exit codes

app = typer.Typer(
    cls=PlainGroup,
    rich_markup_mode=None,
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
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Look into zip archives, image folders and tables before training on them."""


@app.command("inspect", cls=PlainCommand)
def inspect_source(
    source: Annotated[str, typer.Argument(help="A zip, folder or file; or digits, titanic or xor.", metavar="SOURCE")],
    target: Annotated[
        str | None, typer.Option(help="The column to predict, or several that say yes or no.", metavar="COLUMN")
    ] = None,
    task: Annotated[str | None, typer.Option(help="classification or regression.", metavar="NAME")] = None,
    weight_column: Annotated[
        str | None, typer.Option(help="The column that says how much a row counts.", metavar="NAME")
    ] = None,
    drop: Annotated[list[str] | None, typer.Option(help="Columns to leave out.", metavar="COLUMNS")] = None,
    columns: Annotated[list[str] | None, typer.Option(help="Types of columns.", metavar="NAME=TYPE")] = None,
    numbers: Annotated[
        str | None, typer.Option(help="Numbers are scaled, or piecewise in bins.", metavar="HOW")
    ] = None,
    fit: Annotated[str | None, typer.Option(help="Fit images by none, stretch or ink.", metavar="HOW")] = None,
    ink: Annotated[str | None, typer.Option(help="The ink is auto, light or dark.", metavar="SHADE")] = None,
    transpose: Annotated[bool, typer.Option("--transpose", help="Swap rows and columns, as EMNIST needs.")] = False,
    max_memory: Annotated[
        str | None, typer.Option(help="Memory that all may take, such as 1G.", metavar="SIZE")
    ] = None,
    cache: Annotated[str | None, typer.Option(help="Where samples lie that do not fit.", metavar="DIR")] = None,
    plugin: Annotated[
        list[str] | None, typer.Option(help="Load your own Python file first; repeatable.", metavar="FILE.py")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print exactly one JSON object on stdout.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,  # noqa: ARG001
) -> None:
    """Show kind, splits, classes and columns of SOURCE, how it would be fitted, and its problems."""
    from mlp_data.inspection import inspect
    from mlp_data.options import Options, read_names, read_types
    from mlp_data.plugin_file import run_plugin_file
    from mlp_data.sources import load

    for path in plugin or ():
        run_plugin_file(path)
    tables = {"target": target, "drop": read_names(drop or ()), "columns": read_types(columns or ())}
    images = {"fit": fit, "ink": ink, "transpose": transpose}
    tables |= {"weight_column": weight_column}
    said = {**tables, "task": task, "numbers": numbers, **images, "max_memory": max_memory, "cache": cache}
    report = inspect(load(source, **said), Options.of(**said))
    if as_json:
        _answer(json.dumps(report, allow_nan=False))
    else:
        from mlp_data.listing import lines, printable

        _answer("\n".join(map(printable, lines(report))))
        if report["input"]:
            typer.echo(f"next: {command('mlp-train', 'fit', source, plugins=plugin)}", err=True)


@app.command("preview", cls=PlainCommand)
def preview_source(
    source: Annotated[str, typer.Argument(help="A zip or folder of images, or a photograph.", metavar="SOURCE")],
    out: Annotated[str, typer.Option("--out", "-o", help="The picture to write.", metavar="FILE.png")],
    count: Annotated[int, typer.Option(help="How many samples or items to show.", metavar="N")] = 8,
    seed: Annotated[int, typer.Option(help="Which samples are picked.", metavar="N", min=0)] = 0,
    fit: Annotated[str | None, typer.Option(help="Fit images by none, stretch or ink.", metavar="HOW")] = None,
    ink: Annotated[str | None, typer.Option(help="The ink is auto, light or dark.", metavar="SHADE")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,  # noqa: ARG001
) -> None:
    """Draw samples of SOURCE, each step of their preparation and what the network is given, into one picture."""
    from mlp_data.sheet import check_target, preview, save

    check_target(out, force)
    save(preview(source, count, seed, fit=fit, ink=ink), out)
    _answer(out)
    typer.echo(f"next: look at {out}, then {command('mlp-train', 'fit', '--help')}", err=True)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command and leave with its exit code; an error is one sentence on stderr."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal may lack a letter that a class has
    try:
        code = app(arguments, prog_name="mlp-data", standalone_mode=False)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as error:
        if "--debug" in arguments:
            raise
        sys.exit(_say(error))
    sys.exit(code if isinstance(code, int) else 0)


def _answer(text: str) -> None:
    """Print the answer; a reader that has seen enough of it and left, as `head` does, is no error."""
    try:
        typer.echo(text)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter complains as it leaves
        if not isinstance(error, BrokenPipeError):
            _complain(f"standard output cannot be written: {error.strerror}: free some space")
            sys.exit(OUTPUT)


def _complain(sentence: str) -> None:
    typer.echo(error_line(sentence), err=True)


def _say(error: Exception) -> int:
    """Print an error as one sentence and return its exit code."""
    if isinstance(error, PARSING_ERROR):
        if error.format_message():  # type: ignore[attr-defined]  # none where the help was all that was wanted
            _complain(usage_sentence(error))
        return USAGE
    from mlp_data.errors import OptionError, OutputError
    from mlp_runtime.errors import MlpError

    if isinstance(error, MlpError):
        _complain(str(error))
        return OUTPUT if isinstance(error, OutputError) else USAGE if isinstance(error, OptionError) else DATA
    if isinstance(error, MemoryError):
        _complain(f"the data take more memory than there is ({error or 'none is left'}): give less at once")
        return DATA
    found = f"{type(error).__name__}: {error}"
    _complain(f"this is a bug of mlp-data, please report it: {found}; the same command with --debug shows where")
    return BUG
