"""`import` turns a network that another program has trained into a model file, once both have answered alike."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlp_train.cli.shared import Debug, Force, Json, Quiet, Voice, answer, answer_json, command, counted, printable

if TYPE_CHECKING:
    from mlp_train.importers import Imported


def import_(
    path: Annotated[
        str, typer.Argument(metavar="FILE", help="An ONNX file (needs mlp-train[onnx]), or a safetensors file.")
    ],
    out: Annotated[str, typer.Option("--out", "-o", metavar="FILE", help="Where the model file goes.")],
    spec: Annotated[
        str | None,
        typer.Option("--spec", metavar="FILE", help="What the tensors of a safetensors file are: JSON or TOML."),
    ] = None,
    classes: Annotated[
        str | None, typer.Option("--classes", metavar="A,B,...", help="The outputs are classes of these names.")
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option("--labels", metavar="A,B,...", help="The outputs are labels, of which several may hold."),
    ] = None,
    names: Annotated[
        str | None, typer.Option("--names", metavar="A,B,...", help="The outputs are numbers of these names.")
    ] = None,
    features: Annotated[
        str | None, typer.Option("--features", metavar="A,B,...", help="What the inputs are called, in order.")
    ] = None,
    logits: Annotated[
        bool, typer.Option("--logits", help="The outputs are logits: make probabilities of them.")
    ] = False,
    force: Force = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,  # noqa: ARG001  # the frame looks for it
) -> None:
    """Take over a network of layers from scikit-learn, PyTorch or Keras, as ONNX or safetensors.

    What a model file cannot say is refused by name. The model is written only if it answers as its source does on
    random inputs, to 1e-5. docs/import.md tells what is taken, and how it is done from Python.
    """
    from mlp_train.errors import OutputError
    from mlp_train.importers import import_file

    if Path(out).exists() and not force:
        raise OutputError(f"{out}: the file exists; choose another name, or pass --force to replace it")
    for one in (path, spec):
        if one is not None and Path(one).exists() and Path(out).exists() and Path(one).samefile(out):
            raise OutputError(f"{out}: the model would replace the file that it is made of; choose another name")
    split = [None if given is None else given.split(",") for given in (classes, labels, names, features)]
    made = import_file(
        path, spec=spec, classes=split[0], labels=split[1], names=split[2], features=split[3], logits=logits
    )
    made.save(out)
    if as_json:
        answer_json(_report(out, made))
        return
    answer(printable(f"{out}: {len(made.data):,} bytes, {_sizes(made)}"))
    answer(f"differs from {made.against} by at most {made.difference:.1e} on {counted(made.rows, 'random input')}")
    voice = Voice(quiet)
    for said in made.assumed:
        voice.say(f"note: {said}")
    voice.say(f"next: {command('inspect', out)}; then {command('predict', out, 'INPUT...')}")


def _sizes(made: Imported) -> str:
    layers = made.model.layers
    return (
        f"{made.model.input.kind} {'-'.join(map(str, [layers[0].weight.shape[1], *(len(one.bias) for one in layers)]))}"
    )


def _report(out: str, made: Imported) -> dict[str, object]:
    return {
        "file": out,
        "bytes": len(made.data),
        "against": made.against,
        "inputs": made.rows,
        "difference": made.difference,
        "assumed": list(made.assumed),
    }
