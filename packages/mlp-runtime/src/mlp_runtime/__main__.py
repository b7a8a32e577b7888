"""`python -m mlp_runtime` says what is in a model file, and answers from it.

The answer goes to stdout, an error to stderr as one sentence. Exit codes: 0 done, 1 a bug, 2 usage, 3 input unusable,
4 model file unusable, 6 output cannot be written, 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from typing import Any, NoReturn, Optional, Sequence

import numpy as np

from . import __version__
from .errors import InputError, ModelFileError
from .model import Model, load
from .rawfiles import read_raw

BUG, USAGE, INPUT, MODEL, OUTPUT, INTERRUPTED = 1, 2, 3, 4, 6, 130


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one sentence, too."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.prog}: {message}: see {self.prog} --help\n")


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Run the command line and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        return _print(_info(options) if options.command == "info" else _predict(options))
    except ModelFileError as error:
        return _complain(MODEL, str(error))
    except InputError as error:
        return _complain(INPUT, str(error))
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        if options.debug:
            raise
        what = f"this is a bug, {type(error).__name__}: {error}"
        return _complain(BUG, f"{what}: run it again with --debug, and report what it prints")


def _complain(code: int, sentence: str) -> int:
    print(f"mlp_runtime: {sentence}", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m mlp_runtime", description="Say what is in a model file, and answer from it.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    info = commands.add_parser("info", help="what is in a model file")
    predict = commands.add_parser("predict", help="the model's answer to each input")
    for command in (info, predict):
        command.add_argument("model", metavar="FILE", help="a model file (.mlp)")
        command.add_argument("--json", action="store_true", help="print one JSON object")
        command.add_argument("--debug", action="store_true", help="show the traceback of a bug")
    predict.add_argument("inputs", metavar="INPUT", nargs="+", help=".npy, JSON, CSV (rows by name) or PGM/PPM")
    return parser


def _load(path: str) -> Model:
    try:
        return load(path)
    except OSError as error:
        raise ModelFileError(f"{path}: the model file can't be read: {error.strerror}") from None


def _info(options: argparse.Namespace) -> str:
    about = _load(options.model).describe()
    if options.json:
        return _json(about, indent=2)
    spec, output = about["input"], about["output"]
    keys = [f"{key} {_plain(value)}" for key, value in spec.items() if key not in ("kind", "columns")]
    lines = [
        ("file", f"{about['path']}, format {about['format']}, {about['bytes']:,} bytes, {about['weights']:,} weights"),
        ("input", ", ".join([spec["kind"], *keys])),
        *((f"  {column['name']}", column["type"]) for column in spec.get("columns", ())),
    ]
    for number, layer in enumerate(about["layers"], 1):
        parameters = "".join(f", {key} {value:g}" for key, value in layer["parameters"].items())
        what = f"{layer['inputs']} -> {layer['outputs']}, {layer['activation']}{parameters}"
        lines.append((f"layer {number}", f"{what}, stored as {layer['dtype']}"))
    lines.append(("output", f"{output['kind']}: {', '.join(output.get('classes') or output['names'])}"))
    lines.append(("self-test", "passed" if about["selftest"] else "none in the file"))
    lines += [(f"{part} {key}", _plain(about[part][key])) for part in ("meta", "training") for key in about[part]]
    width = max(len(name) for name, _ in lines)
    return "\n".join(f"{name:{width}}  {text}" for name, text in lines)


def _predict(options: argparse.Namespace) -> str:
    model = _load(options.model)
    answers = [answer for path in options.inputs for answer in _answers(model, path, options.json)]
    if options.json:
        return _json({"model": options.model, "predictions": answers}, indent=2)
    several = len(options.inputs) > 1
    names = [f"{answer['input']}\t" if several else "" for answer in answers]
    return "\n".join(name + _plain(answer.get("label", answer.get("value"))) for name, answer in zip(names, answers))


def _answers(model: Model, path: str, everything: bool) -> list[dict[str, Any]]:
    """Return one dict for every input in the file at `path`; probabilities come only with `everything`."""
    try:
        raw = read_raw(path, model.input)
        found = np.array(model.predict(raw))
        shares = np.atleast_2d(model.predict_proba(raw)).tolist() if everything and model.classes else None
        values = found.tolist() if model.input.is_batch(raw) else [found.tolist()]
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    key = "label" if model.classes else "value"
    answers = [{"input": path, "row": row, key: value} for row, value in enumerate(values)]
    for row, of_row in enumerate(shares or ()):
        answers[row]["probabilities"] = {name: of_row[at] for at, name in enumerate(model.classes)}
    return answers


def _plain(value: Any) -> str:
    """Return a value as a person writes it; a float32 shows the digits that it has."""
    if isinstance(value, list) and not any(isinstance(item, (dict, list)) for item in value):
        return " ".join(map(_plain, value))
    if isinstance(value, (dict, list)):
        return _json(value)
    return f"{value:.7g}" if isinstance(value, float) else str(value)


def _json(value: Any, indent: Optional[int] = None) -> str:
    return json.dumps(_finite(value), indent=indent, ensure_ascii=False)


def _finite(value: Any) -> Any:
    """Replace NaN and infinities, which JSON does not have, by null."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _print(text: str) -> int:
    try:
        print(text, flush=True)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains when it flushes at exit
        if not isinstance(error, BrokenPipeError):  # a reader such as head that has seen enough is no error
            return _complain(OUTPUT, f"the answer can't be written to stdout: {error.strerror}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
