"""The requests of Take away: the model file, the command that trains it again, a script for a Pi, and a drawing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from mlp_runtime import Model
from mlp_runtime.inputs import ImageInput, VectorInput
from mlp_train.config import FitConfig
from mlp_train.errors import UsageError
from mlp_train.fit_command import fit_command
from mlp_train.plain import plain
from mlp_train.provenance import provenance
from mlp_train.runs import read_run
from mlp_train.settings import DATA
from mlp_train.ui.answers import Answer
from mlp_train.ui.network_svg import network_svg
from mlp_train.ui.state import Opened, Workbench
from mlp_train.ui.tables import fields, known_from_data

WIDTH = 100  # of the script's lines


def routes(workbench: Workbench) -> list[BaseRoute]:
    """Return what Take away asks for."""

    def all_of_it(_: Request) -> Response:
        opened, model = workbench.opened, workbench.model
        name = file_name(opened.name)
        command, note = command_of(opened)
        return Answer({
            "file": name,
            "bytes": model.describe()["bytes"],
            "command": command,
            "note": note,
            "script": pi_script(model, name, example_row(workbench)),
            "script_file": f"ask_{Path(name).stem}.py",
            "svg": network_svg(model, opened.name),
        })  # fmt: skip

    def model_file(_: Request) -> Response:
        content = workbench.model.__reduce__()[1][0]  # what is pickled of a model is its file, to the byte
        return Response(content, media_type="application/octet-stream")

    return [Route("/api/take", all_of_it), Route("/api/take/model", model_file)]


def file_name(opened: str) -> str:
    """Return a name that every system takes for the model file.

    >>> file_name("20260131-digits"), file_name("my model.mlp"), file_name("")
    ('20260131-digits.mlp', 'my-model.mlp', 'model.mlp')
    """
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", opened.removesuffix(".mlp")).strip("-.")
    return f"{stem[:80] or 'model'}.mlp"


def command_of(opened: Opened) -> tuple[str, str]:
    """Return the `fit` that trains the open model again, and what to know of it.

    A run says all of its settings; a model file alone says those of the training, and of its data only the name.
    """
    assert opened.model is not None, "the routes ask for the model first"
    if opened.run is not None and (config := read_run(opened.run).config):
        return fit_command(config), "All settings of this run that are not as by default, and its seed."
    said = provenance(opened.model.training)
    if "configuration" not in said:
        raise UsageError("this model file does not say how it was trained, so there is no command to repeat it")
    settings = {name: value for name, value in said["configuration"].items() if name in FitConfig.model_fields}
    options = {name: value for name, value in said.get("options", {}).items() if name in DATA}
    target = {"target": said["target"]} if "target" in said else {}
    note = "The file tells its settings and the name of its data, not where they lie: put their path in."
    return fit_command({"source": said.get("source", "DATA"), **settings, **target, **options}), note


def example_row(workbench: Workbench) -> dict[str, Any] | None:
    """Return one row to ask the model, of its data where they are known, else what its columns usually hold."""
    if isinstance(workbench.model.input, ImageInput):
        return None
    rows = known_from_data(workbench)["rows"] if workbench.opened.source is not None else []
    if rows:
        return {name: _number_if(cell) for name, cell in rows[0]["cells"].items()}
    return {field["name"]: _number_if(field["usual"]) for field in fields(workbench.model)}


def _number_if(cell: Any) -> Any:
    """Return a numeral as the number that it is, so that the script reads as one would write it."""
    value = plain(cell)
    if value == "":
        return None  # a cell that says nothing
    if isinstance(value, str) and re.fullmatch(r"-?(0|[1-9]\d{0,14})(\.\d+)?", value):
        return float(value) if "." in value else int(value)
    return float(f"{value:.6g}") if isinstance(value, float) else value


def pi_script(model: Model, file: str, row: Mapping[str, Any] | None) -> str:
    """Return a program of about 12 lines that asks this model on any machine with NumPy and mlp_runtime."""
    if isinstance(model.input, ImageInput):
        lines = _image_script(model.input, file)
    else:
        lines = _row_script(model, file, row or {})
    answer = {
        "classes": ["for label, probability in model.top({0}, 3):", '    print(f"{{label}}: {{probability:.0%}}")'],
        "labels": ['print(", ".join(model.predict({0})) or "none of them")'],
        "numbers": ["print(model.predict({0}))"],
    }[model.output_kind]
    return "\n".join([*lines, *(line.format("raw") for line in answer)]) + "\n"


def _image_script(wanted: ImageInput, file: str) -> list[str]:
    size = f"{wanted.height} x {wanted.width}"
    if wanted.fit == "none":  # a camera gives no frame of just this size
        return [
            f'"""Ask {file} what an image of {size} pixels shows (.npy, PGM or PPM)."""',
            "import sys",
            "import mlp_runtime",
            "from mlp_runtime.rawfiles import read_raw",
            f"model = mlp_runtime.load({file!r})",
            "raw = read_raw(sys.argv[1], model.input)",
        ]
    return [
        f'"""Ask {file} what an image file (.npy, PGM, PPM) shows, or without one the camera."""',
        "import sys",
        "import mlp_runtime",
        "from mlp_runtime.rawfiles import read_raw",
        f"model = mlp_runtime.load({file!r})",
        "if len(sys.argv) == 1:",
        "    from picamera2 import Picamera2",
        "    camera = Picamera2()",
        '    camera.start(camera.create_preview_configuration({"size": (320, 240), "format": "BGR888"}))',
        "raw = read_raw(sys.argv[1], model.input) if len(sys.argv) > 1 else camera.capture_array()",
    ]


def _row_script(model: Model, file: str, row: Mapping[str, Any]) -> list[str]:
    if isinstance(model.input, VectorInput):
        cells = [repr(value) for value in row.values()]
        opening, closing = "raw = [", "]"
    else:
        cells = [f"{name!r}: {value!r}" for name, value in row.items()]
        opening, closing = "raw = {", "}"
    inside, line = [], "   "
    for cell in cells:
        if len(line) + len(cell) + 2 > WIDTH and line.strip():
            inside.append(line)
            line = "   "
        line += f" {cell},"
    said = provenance(model.training).get("target") or "its answer"
    about = re.sub(r'[\\"\s]+', " ", f"Ask {file} for {said}: change the row to your own.")
    return [
        f'"""{about}"""',
        "import mlp_runtime",
        f"model = mlp_runtime.load({file!r})",
        opening,
        *inside,
        line,
        closing,
    ]
