"""`python -m mlp_runtime` says what is in a model file, answers from it, and measures how fast it does.

The answer goes to stdout, an error to stderr as one sentence. Exit codes: 0 done, 1 a bug, 2 usage, 3 input unusable,
4 model file unusable, 6 output cannot be written, 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import Any, Iterator, NoReturn, Optional, Sequence

import numpy as np

from . import __version__
from .errors import InputError, ModelFileError, UnknownActivation
from .model import Model, load
from .rawfiles import read_raw

_KEYS = {"classes": "label", "labels": "labels", "numbers": "value"}
BUG, USAGE, INPUT, MODEL, OUTPUT, INTERRUPTED = 1, 2, 3, 4, 6, 130


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one sentence, too."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.prog}: {_plain(message)}: see {self.prog} --help\n")


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Run the command line and return its exit code."""
    options = _parser().parse_args(arguments)
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal may lack a letter that a class has
    try:
        return _print({"info": _info, "predict": _predict, "bench": _bench}[options.command](options))
    except UnknownActivation as error:
        hint = "this command loads no plug-ins, so ask from Python, or use mlp-train --plugin"
        return _complain(MODEL, f"{error}; {hint}")
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
    print(f"mlp_runtime: {_plain(sentence)}", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m mlp_runtime", description="Say what is in a model file, answer from it, and measure it."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    info = commands.add_parser("info", help="what is in a model file")
    predict = commands.add_parser("predict", help="the model's answer to each input")
    bench = commands.add_parser("bench", help="how fast the model answers on this machine")
    for command in (info, predict, bench):
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
    return _json(about) if options.json else "\n".join(_outline(about))


def _bench(options: argparse.Namespace) -> str:
    from .bench import bench, table

    model = _load(options.model)
    figures = bench(options.model)
    return _json({"model": options.model, **figures}) if options.json else table(model, figures)


def _outline(about: dict[str, Any], indent: str = "") -> Iterator[str]:
    """Yield a line for each value, what belongs to it a little further in."""
    for name, value in about.items():
        maps = [value] if isinstance(value, dict) else value if isinstance(value, list) else []
        if not maps or not isinstance(maps[0], dict):
            yield f"{indent}{_plain(name)}: {_plain(value)}"
            continue
        for number, inner in enumerate(maps, 1):
            yield f"{indent}{_plain(name)}" + (f" {number}" if isinstance(value, list) else "")
            yield from _outline(inner, indent + "  ")


def _predict(options: argparse.Namespace) -> str:
    model = _load(options.model)
    answers = [answer for path in options.inputs for answer in _answers(model, path, options.json)]
    if options.json:
        return _json({"model": options.model, "predictions": answers})
    several = len(options.inputs) > 1
    names = [f"{_plain(answer['input'])}\t" if several else "" for answer in answers]
    return "\n".join(name + _plain(answer[_KEYS[model.output_kind]]) for name, answer in zip(names, answers))


def _answers(model: Model, path: str, everything: bool) -> list[dict[str, Any]]:
    """Return one dict for every input in the file at `path`; probabilities come only with `everything`."""
    try:
        raw = read_raw(path, model.input)
        found = np.array(model.predict(raw), object)
        shares = np.atleast_2d(model.predict_proba(raw)).tolist() if everything and model.classes else None
        values = found.tolist() if model.input.is_batch(raw) else [found.tolist()]
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    key = _KEYS[model.output_kind]
    named = [path] if len(values) == 1 else [f"{path}[{row}]" for row in range(len(values))]
    answers: list[dict[str, Any]] = [{"input": name, key: value} for name, value in zip(named, values)]
    for answer, of_row in zip(answers, shares or ()):
        of_class = dict(zip(model.classes, of_row))
        if key == "label":
            answer["confidence"] = of_class[answer[key]]
        answer["probabilities"] = of_class
    return answers


def _plain(value: Any) -> str:
    """Return a value as a person writes it; a float32 shows the digits that it has, and nothing steers the terminal."""
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_plain, value))
    text = f"{value:.7g}" if isinstance(value, float) else str(value)
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def _json(value: Any) -> str:
    return json.dumps(value, indent=2)


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
