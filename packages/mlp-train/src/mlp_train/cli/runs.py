"""`runs` lists the runs of a folder as a table, and `runs compare` sets two of them side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlp_data.console import PlainCommand, PlainGroup
from mlp_train.cli.shared import Debug, Json, Plugin, Quiet, Voice, answer, answer_json, command, counted, printable

if TYPE_CHECKING:
    from mlp_train.run_table import Row

runs = typer.Typer(cls=PlainGroup, rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False)


@runs.callback(invoke_without_command=True)
def listed(
    context: typer.Context,
    root: Annotated[str, typer.Option("--root", metavar="DIR", help="The folder that the runs are in.")] = "runs",
    sort: Annotated[
        str | None, typer.Option("--sort", metavar="COLUMN", help="The best of this figure first; else the newest.")
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,  # noqa: ARG001  # the frame looks for it
) -> None:
    """List runs with their figures, the newest or the best first; `runs compare A B` sets two side by side."""
    if context.invoked_subcommand is not None:
        return
    from mlp_train.run_table import columns, rows, sorted_by

    found = rows(root)
    if sort is not None:
        found = sorted_by(found, sort)
    if as_json:
        answer_json({"runs": [row.to_dict() for row in found]})
    else:
        for line in _lines(found, columns(found, sort)):
            answer(printable(line))
    voice = Voice(quiet)
    for row in found:
        if row.problem:
            voice.say(f"note: {row.problem}")
    good = [row for row in found if not row.problem]
    if len(good) > 1:
        voice.say(f"next: {command('runs', 'compare', good[0].path, good[1].path, '--out', 'compare.html')}")
    elif not found:
        voice.say(f"{root}: there are no runs in this folder yet; mlp-train fit makes one")


@runs.command("compare", cls=PlainCommand)
def compare(
    first: Annotated[str, typer.Argument(metavar="A", help="The folder of a run.")],
    second: Annotated[str, typer.Argument(metavar="B", help="The folder of another.")],
    out: Annotated[str, typer.Option("--out", "-o", metavar="FILE", help="Where the page goes.")] = "compare.html",
    plugin: Plugin = None,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,  # noqa: ARG001  # the frame looks for it
) -> None:
    """Write one page of two runs: what was set otherwise, curves over one another, and answers that changed."""
    from mlp_data.atomic import write_text
    from mlp_train.cli.report import data_of
    from mlp_train.plugins import load_plugins
    from mlp_train.report.compare import compared
    from mlp_train.runs import read_run

    pair = [read_run(first), read_run(second)]
    load_plugins([*(path for one in pair for path in one.plugins), *(plugin or ())])
    voice = Voice(quiet)
    datasets = [data_of(one, voice)[0] for one in pair]
    write_text(out, compared(pair, datasets))
    if as_json:
        answer_json({"page": out})
    else:
        answer(out)
    voice.say("next: open it in a browser; it needs no network")


def _lines(found: list[Row], shown: list[str]) -> list[str]:
    """Write the table with aligned columns."""
    table = [["run", "state", "epochs", *shown]]
    for row in found:
        figures = [_figure(row.figures.get(name)) for name in shown]
        table.append([row.name, row.state, str(row.epochs or "-"), *figures])
    widths = [max(len(printable(line[i])) for line in table) for i in range(len(table[0]))]
    if not found:
        return [counted(0, "run")]
    return [
        "  ".join(
            printable(cell).ljust(width) if i < 2 else printable(cell).rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in table
    ]


def _figure(value: Any) -> str:
    return "-" if value is None else f"{value:.4g}"
