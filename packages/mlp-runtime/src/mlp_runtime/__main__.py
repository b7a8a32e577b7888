"""`python -m mlp_runtime` says what is in a model file, and answers from it.

The answer goes to stdout, errors go to stderr as one sentence. Exit codes: 0 done, 1 a bug, 2 usage, 3 input unusable,
4 model file unusable, 6 output cannot be written, 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any, NoReturn, Optional, Sequence

import numpy as np

from . import __version__
from .errors import InputError, ModelFileError
from .model import Model, load
from .rawfiles import read_raw

USAGE, INPUT, MODEL, OUTPUT, INTERRUPTED = 2, 3, 4, 6, 130


class _Stop(Exception):
    """One sentence for stderr and the exit code that goes with it."""

    def __init__(self, code: int, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one sentence, too."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.prog}: {message}: see {self.prog} --help\n")


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Run the command line and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        text = _info(options) if options.command == "info" else _predict(options)
        _print(text)
    except _Stop as stop:
        _say(str(stop))
        return stop.code
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        if options.debug:
            raise
        _say(f"this is a bug, {type(error).__name__}: {error}: run it again with --debug, and report what it prints")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m mlp_runtime", description="Say what is in a model file, and answer from it.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    info = commands.add_parser("info", help="what is in a model file")
    predict = commands.add_parser("predict", help="the model's answer for each input")
    for command in (info, predict):
        command.add_argument("model", metavar="FILE", help="a model file (.mlp)")
        command.add_argument("--json", action="store_true", help="print one JSON object")
        command.add_argument("--debug", action="store_true", help="show the traceback of a bug")
    predict.add_argument("inputs", metavar="INPUT", nargs="+", help=".npy, JSON, CSV (rows by name) or PGM/PPM")
    return parser


def _load(path: str) -> Model:
    try:
        return load(path)
    except ModelFileError as error:
        raise _Stop(MODEL, str(error)) from None
    except OSError as error:
        raise _Stop(MODEL, f"{path}: the model file can't be read: {error.strerror}") from None


def _info(options: argparse.Namespace) -> str:
    about = _load(options.model).describe()
    if options.json:
        return _json(about)
    spec, output = about["input"], about["output"]
    short = {key: value for key, value in spec.items() if key not in ("kind", "columns")}
    lines = [
        ("file", f"{about['path']}, format {about['format']}, {about['bytes']:,} bytes, {about['weights']:,} weights"),
        ("input", ", ".join([spec["kind"], *(f"{key} {_plain(value)}" for key, value in short.items())])),
        *((f"  {column['name']}", column["type"]) for column in spec.get("columns", ())),
    ]
    for number, layer in enumerate(about["layers"], 1):
        parameters = "".join(f", {key} {value:g}" for key, value in layer["parameters"].items())
        sizes = f"{layer['inputs']} -> {layer['outputs']}"
        lines.append((f"layer {number}", f"{sizes}, {layer['activation']}{parameters}, stored as {layer['dtype']}"))
    lines.append(("output", f"{output['kind']}: {', '.join(output.get('classes') or output['names'])}"))
    lines.append(("self-test", "passed" if about["selftest"] else "none in the file"))
    for part in ("meta", "training"):
        lines += [(f"{part} {key}", _plain(value)) for key, value in about[part].items()]
    width = max(len(name) for name, _ in lines)
    return "\n".join(f"{name:{width}}  {text}".rstrip() for name, text in lines)


def _predict(options: argparse.Namespace) -> str:
    model = _load(options.model)
    answers = [answer for path in options.inputs for answer in _answers(model, path, options.json)]
    if options.json:
        return _json({"model": options.model, "predictions": answers})
    several = len(options.inputs) > 1
    key = "label" if model.classes else "value"
    return "\n".join((f"{answer['input']}\t" if several else "") + _plain(answer[key]) for answer in answers)


def _answers(model: Model, path: str, everything: bool) -> list[dict[str, Any]]:
    """Return one dict for every input in the file at `path`; probabilities come only with `everything`."""
    try:
        raw = read_raw(path, model.input)
        many = model.input.is_batch(raw)
        given = model.predict(raw)
        shares = model.predict_proba(raw) if everything and model.classes else None
    except InputError as error:
        raise _Stop(INPUT, str(error) if str(error).startswith(path) else f"{path}: {error}") from None
    except OSError as error:
        raise _Stop(INPUT, f"{path}: the input can't be read: {error.strerror}") from None
    key = "label" if model.classes else "value"
    answers = []
    for row, one in enumerate(given if many else [given]):
        plain = one.tolist() if isinstance(one, (np.ndarray, np.generic)) else one
        answers.append({"input": path, "row": row, key: plain})
        if shares is not None:
            of_row = (shares[row] if many else shares).tolist()
            answers[-1]["probabilities"] = {name: of_row[index] for index, name in enumerate(model.classes)}
    return answers


def _plain(value: Any) -> str:
    """Return a value as a person writes it; a float32 shows the digits that it has."""
    if isinstance(value, float):
        return f"{value:.7g}"
    if isinstance(value, (list, tuple)) and not any(isinstance(item, (dict, list)) for item in value):
        return " ".join(map(_plain, value))
    return _json(value, indent=None) if isinstance(value, (dict, list)) else str(value)


def _json(value: Any, indent: Optional[int] = 2) -> str:
    import json

    return json.dumps(_finite(value), indent=indent, ensure_ascii=False)


def _finite(value: Any) -> Any:
    """Replace NaN and infinities, which JSON does not have, by null."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return value if not isinstance(value, float) or np.isfinite(value) else None


def _print(text: str) -> None:
    try:
        print(text, flush=True)
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains when it flushes at exit
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise _Stop(OUTPUT, f"the answer can't be written to stdout: {error.strerror}") from None


def _say(sentence: str) -> None:
    print(f"mlp_runtime: {sentence}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
