"""`predict` asks a model for its answer to each input; every answer comes from the runtime, as on a device."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlp_data.console import python
from mlp_train.cli.flags import Transpose
from mlp_train.cli.shared import (
    Debug,
    Force,
    Json,
    Plugin,
    Quiet,
    Voice,
    answer,
    answer_json,
    counted,
    load_model,
    printable,
)

if TYPE_CHECKING:
    from mlp_runtime import Model
    from mlp_train.cli.questions import Batch


@dataclass(frozen=True)
class Answer:
    """What the model says of one input; a model that gives numbers is not more or less sure of them."""

    name: str
    value: str | float | list[float]
    confidence: float | None = None  # the label's own probability
    probabilities: Mapping[str, float] = field(default_factory=dict)
    headings: tuple[str, str] | None = None
    labels: tuple[str, ...] | None = None  # those that hold, where several may: the value is all of them
    box: tuple[int, int, int, int] | None = None  # x, y, w, h of an item in its photograph

    def line(self) -> str:
        """Return the answer as one line: name, box if it has one, label and confidence with tabs between."""
        value = f"{self.value:.6g}" if isinstance(self.value, float) else str(self.value)
        sure = [] if self.confidence is None else [f"{self.confidence:.3f}"]
        place = [] if self.box is None else [",".join(map(str, self.box))]
        return "\t".join([printable(self.name), *place, printable(value), *sure])

    def to_dict(self) -> dict[str, Any]:
        """Return the answer for `--json`, as `python -m mlp_runtime predict --json` gives it too."""
        named: dict[str, Any] = {"input": self.name} if self.box is None else {"input": self.name, "box": self.box}
        if self.labels is not None:
            return {**named, "labels": list(self.labels), "probabilities": self.probabilities}
        if self.confidence is None:
            return {**named, "value": self.value}
        return {
            **named,
            "label": self.value,
            "confidence": self.confidence,
            "probabilities": self.probabilities,
        }


def predict(
    model_path: Annotated[str, typer.Argument(metavar="MODEL", help="A model file, or the folder of a run.")],
    inputs: Annotated[
        list[str], typer.Argument(metavar="INPUT...", help="Images, folders, zips, .npy arrays, CSV tables.")
    ],
    out: Annotated[
        str | None, typer.Option("--out", "-o", metavar="FILE.csv", help="Write the answers to a CSV file instead.")
    ] = None,
    segment: Annotated[
        bool, typer.Option("--segment", help="Take photographs apart and answer each character on them.")
    ] = False,
    annotate: Annotated[
        str | None, typer.Option("--annotate", metavar="FILE.png", help="Draw the answers into the photograph too.")
    ] = None,
    transpose: Transpose = None,
    force: Force = False,
    plugin: Plugin = None,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,  # noqa: ARG001  # the frame looks for it
) -> None:
    """Answer each input: its name, the label and the confidence, one line each.

    With --segment each input is a photograph or holds some, and every character on it is answered in reading order,
    with its box: x, y, width and height in pixels.

    Of an archive that has rows without answers, such as titanic.zip, those rows are answered; with --out they are
    written as the archive's own sample submission shows.
    """
    from mlp_train.cli.questions import questions
    from mlp_train.errors import UsageError
    from mlp_train.plugins import load_plugins

    if "" in inputs:
        raise UsageError("the name of an input is empty; give a file, a folder or an archive")
    if annotate is not None and not segment:
        raise UsageError("--annotate draws what --segment finds; give both")
    if segment and transpose:
        raise UsageError(
            "--transpose is for images in IDX and CSV files, but --segment reads photographs; leave it out"
        )
    for path in (out, annotate):
        if path is not None:
            _check_it_can_be_written(Path(path), force)
    _refuse_overwriting([path for path in (out, annotate) if path is not None], [model_path, *inputs])
    voice = Voice(quiet)
    load_plugins(plugin or ())
    model = load_model(model_path)
    if segment:
        from mlp_train.cli.pages import read_pages

        answers = read_pages(inputs, model, voice, annotate)
    else:
        asked = (batch for path in inputs for batch in questions(path, model, voice, transpose))
        answers = (one for batch in asked for one in ask(model, batch))
    if out is not None:
        count = _write_csv(out, list(answers), model)
        if as_json:
            answer_json({"model": model_path, "out": out, "predictions": count})
        else:
            answer(out)
        voice.say(f"wrote {counted(count, 'answer')}")
    elif as_json:
        answer_json({"model": model_path, "predictions": [one.to_dict() for one in answers]})
    else:
        for one in answers:
            answer(one.line())
        voice.say(
            f"next: {shlex.quote(python())} -m mlp_runtime info {shlex.quote(str(model.path))}, or copy it to a device"
        )


def ask(model: Model, batch: Batch) -> Iterator[Answer]:
    """Let the runtime answer a batch."""
    import numpy as np

    from mlp_runtime import InputError

    try:
        given = model.predict(batch.raw)
        shares = model.predict_proba(batch.raw) if model.classes else None
    except InputError as error:
        where = batch.names[0] if len(batch.names) == 1 else f"{batch.names[0]} to {batch.names[-1]}"
        raise InputError(f"{where}: {error}") from None
    is_labels = model.output_kind == "labels"
    values = given if is_labels else np.asarray(given).tolist()
    for row, (name, value) in enumerate(zip(batch.names, values, strict=True)):
        of_row = {} if shares is None else dict(zip(model.classes, shares[row].tolist(), strict=True))
        if is_labels:
            yield Answer(name, ", ".join(value), None, of_row, batch.headings, labels=value)
        else:
            yield Answer(name, value, of_row.get(value), of_row, batch.headings)


def _refuse_overwriting(written: list[str], read: list[str]) -> None:
    """Refuse to write what is read, or two things into one file."""
    from mlp_train.errors import UsageError

    taken = {Path(path).resolve() for path in read}
    for path in written:
        if Path(path).resolve() in taken:
            raise UsageError(f"{path}: this would overwrite the model, an input or another answer; choose another name")
        taken.add(Path(path).resolve())


def _check_it_can_be_written(out: Path, force: bool) -> None:
    """Refuse what would fail only after all answers are there."""
    from mlp_train.errors import OutputError

    if out.is_dir():
        raise OutputError(f"{out}: this is a folder; give the name of a file")
    if out.exists() and not force:
        raise OutputError(f"{out}: the file exists; choose another name, or pass --force to replace it")
    if not out.parent.is_dir():
        raise OutputError(f"{out}: the file cannot be written, its folder does not exist; make it, or choose another")


def _write_csv(out: str, answers: list[Answer], model: Model) -> int:
    """Write all answers or none; return how many."""
    import csv
    import io

    from mlp_data.atomic import write_text

    headings = {one.headings for one in answers}
    common = headings.pop() if len(headings) == 1 else None
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    place = ("x", "y", "width", "height") if any(one.box for one in answers) else ()
    if common is not None:
        rows.writerow(common)
        rows.writerows((one.name, one.value) for one in answers)
    elif model.output_kind == "labels":
        rows.writerow(("input", *place, *model.classes))
        for one in answers:
            rows.writerow((one.name, *(one.box or ()), *(int(name in (one.labels or ())) for name in model.classes)))
    elif model.classes:
        rows.writerow(("input", *place, "label", "confidence"))
        rows.writerows((one.name, *(one.box or ()), one.value, f"{one.confidence:.6f}") for one in answers)
    else:
        rows.writerow(("input", *place, "value"))
        rows.writerows((one.name, *(one.box or ()), one.value) for one in answers)
    write_text(out, text.getvalue())
    return len(answers)
