"""The command line: one file a command, `frame` for what happens around each, `shared` for what they have in common.

Nothing heavy is imported before a command runs, so that `--help` answers at once.
"""

from __future__ import annotations

from typing import Annotated

import typer

from mlp_data.console import PlainCommand
from mlp_train.cli.env import env
from mlp_train.cli.evaluate import evaluate
from mlp_train.cli.explain import explain
from mlp_train.cli.export import export
from mlp_train.cli.fit import FitCommand, fit
from mlp_train.cli.frame import OneSentence
from mlp_train.cli.gradcheck import gradcheck
from mlp_train.cli.import_ import import_
from mlp_train.cli.inspect import inspect
from mlp_train.cli.predict import predict
from mlp_train.cli.report import report
from mlp_train.cli.runs import runs
from mlp_train.cli.tune import tune
from mlp_train.cli.ui import ui

app = typer.Typer(
    cls=OneSentence,
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command(cls=FitCommand)(fit)
for command in (tune, evaluate, predict, inspect, report, export, explain, gradcheck, ui, env):
    app.command(cls=PlainCommand)(command)
app.command("import", cls=PlainCommand)(import_)
app.add_typer(runs, name="runs")


def _show_version(wanted: bool) -> None:
    if wanted:
        from mlp_train import __version__

        typer.echo(f"mlp-train {__version__}")
        raise typer.Exit


@app.callback()
def _all_commands(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Train a small neural network from a zip of images or a table, and ship it as one file.

    Start with `mlp-train fit`, which trains on a sample of handwritten digits.
    """


def main() -> None:
    """Run the command line; the entry point `mlp-train`."""
    app()
