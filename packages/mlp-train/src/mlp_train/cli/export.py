"""`export` writes a model in another form, or with smaller weights, and says what the smaller weights cost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlp_train.cli.shared import (
    Debug,
    Force,
    Json,
    Plugin,
    Quiet,
    Voice,
    answer,
    answer_json,
    command,
    counted,
    load_model,
)

if TYPE_CHECKING:
    from mlp_runtime import Model


def export(
    thing: Annotated[str, typer.Argument(metavar="RUN|MODEL", help="The folder of a run, or a model file.")],
    out: Annotated[
        str, typer.Option("--out", "-o", metavar="FILE", help="Where it goes; of C a header goes beside it.")
    ],
    to: Annotated[
        str, typer.Option("--to", metavar="FORM", help="mlp, numpy-script, c, npz or onnx (needs mlp-train[onnx]).")
    ] = "mlp",
    weights: Annotated[
        str | None,
        typer.Option("--weights", metavar="TYPE", help="float32, float16 or int8; as they are if not set."),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--source", metavar="SOURCE", help="Data to measure other weights on; those of training if not set."
        ),
    ] = None,
    force: Force = False,
    plugin: Plugin = None,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,  # noqa: ARG001  # the frame looks for it
) -> None:
    """Write a model as an ONNX file, a NumPy script, C for a microcontroller, plain arrays, or a smaller model file.

    Where weights are stored in another type than before, the answers on rows that the model has not learned from are
    counted with both, and the sizes compared.
    """
    from mlp_train.errors import OutputError
    from mlp_train.export import write
    from mlp_train.exporters import export as written
    from mlp_train.exporters.stored import kept_weights
    from mlp_train.plugins import load_plugins

    load_plugins(plugin or ())
    model = load_model(thing)
    files = written(model, to, Path(out), weights)
    for path in files:
        if path.exists() and not force:
            raise OutputError(f"{path}: the file exists; choose another name, or pass --force to replace it")
    voice = Voice(quiet)
    report: dict[str, Any] = {"files": {str(path): len(content) for path, content in files.items()}}
    before = kept_weights(model)
    if weights not in (None, before):
        sizes = [sum(map(len, some.values())) for some in (written(model, to, Path(out), before), files)]
        report |= {"weights": {"before": before, "after": weights}, "size_ratio": sizes[1] / sizes[0]}
        report["figures"] = _compare(model, str(weights), source, voice)
    for path, content in files.items():
        write(path, content)
    if as_json:
        answer_json(report)
        return
    for path, content in files.items():
        answer(f"{path}: {len(content):,} bytes")
    if "weights" in report:
        answer(f"{before} -> {weights}: {report['size_ratio']:.3f} of the size")
        for name, (old, new) in (report["figures"] or {}).items():
            answer(f"{name} {old:.4f} -> {new:.4f}")
    voice.say(
        "next: "
        + (command("predict", out, "INPUT...", plugins=plugin) if to == "mlp" else "docs/export.md says how to use it")
    )


def _compare(model: Model, weights: str, source: str | None, voice: Voice) -> dict[str, tuple[float, float]] | None:
    """Measure a model before and after its weights are stored otherwise; None where the data are gone."""
    import mlp_runtime
    from mlp_runtime.errors import MlpError
    from mlp_train.evaluation import evaluate, load_data
    from mlp_train.exporters import model_file
    from mlp_train.provenance import provenance
    from mlp_train.settings import gather

    after = mlp_runtime.load(model_file.export(model, weights, "")[""])
    known = source or provenance(model.training).get("source")
    if known is None:
        voice.say("note: the model does not say what it was trained on; --source SOURCE measures what the change costs")
        return None
    try:
        data = load_data(model, known, **gather({}).data)
        old, new = evaluate(model, data), evaluate(after, data)
    except MlpError as error:
        if source is not None:
            raise
        voice.say(f"note: what the change costs was not measured: {error}; --source SOURCE says where data are")
        return None
    voice.say(f"measured on {counted(old.samples, 'sample')}: {old.note}")
    return {name: (value, new.metrics[name]) for name, value in old.metrics.items() if name in new.metrics}
