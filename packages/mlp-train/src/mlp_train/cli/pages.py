"""Pages are photographs with many characters: `predict --segment` answers each and can draw the answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mlp_data.atomic import write_bytes
from mlp_data.drawing import SUFFIXES, labelled, packed
from mlp_data.errors import DecodeError
from mlp_data.photo import segment
from mlp_data.sources import open_source
from mlp_runtime import Model
from mlp_runtime.inputs import ImageInput
from mlp_train.cli.predict import Answer, ask
from mlp_train.cli.questions import Batch, images_in, readable
from mlp_train.cli.shared import Voice, counted, printable
from mlp_train.errors import UsageError

Pixels = np.ndarray[Any, Any]
ONE = "--annotate draws into one photograph; give one alone, or leave --annotate away"


def read_pages(paths: Sequence[str], model: Model, voice: Voice, annotate: str | None) -> Iterator[Answer]:
    """Answer the characters of all photographs in reading order; with `annotate`, draw those of the only one."""
    takes = model.input
    if not isinstance(takes, ImageInput) or takes.fit == "none":
        what, remedy = f"a {takes.kind}", "give a model of single characters"
        if isinstance(takes, ImageInput):
            what, remedy = "images of one size (fit='none')", "train with --fit ink"
        raise UsageError(f"--segment finds characters of all sizes, but this model takes {what}; {remedy}")
    if annotate is not None and Path(annotate).suffix.lower() not in SUFFIXES:
        raise UsageError(
            f"--annotate {annotate}: a picture's name ends in one of {', '.join(SUFFIXES)}; choose another"
        )
    if annotate is not None and len(paths) > 1:
        raise UsageError(ONE)
    for path in paths:
        for name, frame in _photographs(path, voice, alone=annotate is not None):
            items = segment(frame)
            # What segment gives is light on black; a model that was told that all its ink is dark wants it so.
            frames = [255 - item.frame if takes.ink == "dark" else item.frame for item in items]
            answers = list(ask(model, Batch([name] * len(items), frames))) if items else []
            answers = [replace(one, box=item.box) for one, item in zip(answers, items, strict=True)]
            if not items:
                voice.say(f"{name}: nothing on it stands out as a character")
            yield from answers
            if annotate is not None:
                said = [printable(str(one.value)) for one in answers]
                drawn = labelled(frame, zip([item.box for item in items], said, strict=True))
                write_bytes(annotate, packed(drawn, annotate))
                voice.say(f"drew {counted(len(answers), 'answer')} into {annotate}")


def _photographs(path: str, voice: Voice, alone: bool) -> Iterator[tuple[str, Pixels]]:
    """Yield the images of a file, a folder or an archive; `alone` there may be one only."""
    with open_source(path) as source:
        images = images_in(source)
        if not images:
            raise DecodeError(f"{path}: there is no image in it: give a photograph as PNG, JPEG or the like")
        if alone and len(images) > 1:
            raise UsageError(ONE)
        yield from readable(source, voice, colour=True)
