"""What the commands have in common: how they speak, and the options that several of them take."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlp_data import console

if TYPE_CHECKING:
    from mlp_runtime import Model

Json = Annotated[bool, typer.Option("--json", help="Print exactly one JSON object on stdout.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing on stderr but errors.")]
Force = Annotated[bool, typer.Option("--force", help="Replace what is there.")]
Plugin = Annotated[
    list[str] | None, typer.Option("--plugin", metavar="FILE.py", help="Load your own Python file first; repeatable.")
]
MinAccuracy = Annotated[
    str | None,
    typer.Option("--min-accuracy", metavar="0..1", help="End with exit code 5 where the accuracy is below this."),
]


@dataclass(frozen=True)
class Voice:
    """Speaks to the person on stderr, where it never mixes with the answer.

    A quiet voice says nothing; one that does not narrate leaves stderr to the events that a program reads there.
    """

    quiet: bool = False
    narrates: bool = True

    def say(self, sentence: str) -> None:
        """Say one sentence, a line of its own."""
        if self.narrates and not self.quiet:
            typer.echo(printable(sentence), err=True)


def command(*words: str | Path, plugins: Iterable[str] | None = None) -> str:
    """Write a command of ours as it can be typed, with the plug-ins without which its model could not be loaded.

    >>> command("inspect", "my run/model.mlp", plugins=["mine.py"])
    "mlp-train inspect 'my run/model.mlp' --plugin mine.py"
    """
    return console.command("mlp-train", *words, plugins=plugins)


def answer(text: str) -> None:
    """Print a line of the answer on stdout, at once; OutputError where there is no room for it."""
    try:
        typer.echo(text)
    except BrokenPipeError:
        raise
    except OSError as error:
        from mlp_data.atomic import output_error

        raise output_error("standard output", error) from error


def answer_json(value: Any) -> None:
    """Print the one JSON object that a program reads; numbers that JSON does not know become null."""
    import json

    from mlp_train.plain import plain

    answer(json.dumps(plain(value), indent=2, allow_nan=False))


def load_model(path: str) -> Model:
    """Load a model file; one that is not there is an error as one sentence too."""
    import mlp_runtime
    from mlp_runtime.errors import UnknownActivation
    from mlp_train.errors import UsageError

    if not path:
        raise UsageError("the name of the model is empty; give the path of a .mlp file")
    if Path(path, "model.mlp").is_file():  # a run folder stands for its model
        path = str(Path(path, "model.mlp"))
    try:
        return mlp_runtime.load(path)
    except UnknownActivation as error:
        raise UnknownActivation(f"{error}; here: give --plugin FILE.py, the file that registers it") from None
    except OSError as error:
        raise UsageError(
            f"{path}: the model cannot be opened: the system says '{error.strerror}'; give the path of a .mlp file"
        ) from error


def printable(text: str) -> str:
    """Return `text` with everything escaped that could steer a terminal."""
    from mlp_data.listing import printable as escaped

    return escaped(text)


def counted(number: int, noun: str) -> str:
    """Write a number with its noun.

    >>> counted(1, "row"), counted(1200, "row")
    ('1 row', '1,200 rows')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
