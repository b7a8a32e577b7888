"""`inspect` shows what is in a model file, in a run folder or in a source of data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlp_train.cli.shared import Debug, Json, Plugin, Quiet, Voice, answer, answer_json, command, load_model, printable

if TYPE_CHECKING:
    from mlp_train.runs import RunContents


def inspect(
    thing: Annotated[str, typer.Argument(metavar="SOURCE|MODEL|RUN", help="Data, a model file, or a run folder.")],
    plugin: Plugin = None,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,  # noqa: ARG001  # the frame looks for it
) -> None:
    """Show what is in a model file, a run folder or a source of data."""
    from mlp_train.plugins import load_plugins

    load_plugins(plugin or ())
    path = Path(thing)
    if _is_run(path):
        from mlp_train.runs import read_run

        contents = read_run(thing)
        report, lines = contents.summary(), _run_lines(contents)
        hint = command("inspect", contents.run.model, plugins=plugin)
        if not contents.finished:
            hint = command("fit", "--resume", thing)
    elif path.is_file() and _is_model(path):
        report = load_model(thing).describe()
        lines = _model_lines(report)
        hint = command("predict", thing, "INPUT...", plugins=plugin)
    else:
        import mlp_data
        from mlp_data import inspection, listing

        report = inspection.inspect(mlp_data.load(thing))
        lines = list(listing.lines(report))
        hint = command("fit", thing, plugins=plugin)
    if as_json:
        answer_json(report)
    else:
        for line in lines:
            answer(printable(line))
    Voice(quiet).say(f"next: {hint}")


def _is_run(path: Path) -> bool:
    from mlp_train.runs import FILES

    return (path.name == "latest" and path.is_file()) or any((path / name).is_file() for name in FILES)


def _is_model(path: Path) -> bool:
    from mlp_runtime.modelfile import MAGIC

    try:
        with path.open("rb") as file:
            return path.suffix == ".mlp" or file.read(len(MAGIC)) == MAGIC
    except OSError:  # the loaders say why it cannot be read
        return False


def _model_lines(report: dict[str, Any]) -> list[str]:
    """Write what `Model.describe` says for a person."""
    from mlp_runtime.schema import NAMES
    from mlp_train.provenance import provenance

    spec, output, training = dict(report["input"]), report["output"], provenance(report["training"])
    kind, columns = spec.pop("kind"), spec.pop("columns", [])
    takes = ", ".join(f"{key} {value}" for key, value in spec.items() if not isinstance(value, (list, dict)))
    lines = [
        f"{report['path']}: {report['meta'].get('name', 'a model')}, format {report['format']}, "
        f"{report['bytes']:,} bytes, {report['weights']:,} weights",
        f"input: {kind}{', ' if takes else ''}{takes}",
        *(f"  {column['name']}: {column['type']}{_more(column)}" for column in columns),
    ]
    for layer in report["layers"]:
        numbers = "".join(f", {key} {value:g}" for key, value in layer["parameters"].items())
        lines.append(f"layer: {layer['inputs']} -> {layer['outputs']} {layer['activation']}{numbers}, {layer['dtype']}")
    warmth = f", temperature {output['temperature']:.3g}" if output.get("temperature", 1.0) != 1 else ""
    lines.append(f"output: {output['kind']} {', '.join(output[NAMES[output['kind']]])}{warmth}")
    for split, figures in training.get("metrics", {}).items():
        lines.append(f"{split}: {', '.join(f'{name} {value:.4f}' for name, value in figures.items())}")
    known = {key: training[key] for key in ("source", "samples", "valid_samples", "epoch") if key in training}
    lines += [f"{key.replace('_', ' ')}: {value}" for key, value in known.items()]
    return lines


def _more(column: dict[str, Any]) -> str:
    """Write what of a cell a column reads, where that is not all of it."""
    part = f", {column['part']} of a date" if column.get("part") else ""
    return f"{part}, {len(column['edges']) - 1} bins" if column.get("edges") else part


def _run_lines(contents: RunContents) -> list[str]:
    """Write what is in a run folder for a person."""
    summary = contents.summary()
    state = "finished" if summary["finished"] else "not finished"
    done, planned = summary["epochs"], summary["epochs_planned"]
    of_all = f"{done} of {planned}" if planned > done else f"{done}"
    lines = [f"{summary['folder']}: {state}, {of_all} {'epoch' if max(done, planned) == 1 else 'epochs'}"]
    for split, figures in summary["metrics"].items():
        lines.append(f"{split}: {', '.join(f'{name} {value:.4f}' for name, value in figures.items())}")
    lines += [f"{name}: {size:,} bytes" for name, size in summary["files"].items()]
    lines += [f"{name} = {value}" for name, value in contents.config.items()]
    return lines
