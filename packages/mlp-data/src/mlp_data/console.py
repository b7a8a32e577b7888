"""Both command lines speak alike: help is plain text, an error is one sentence, and a hint can be typed as it stands.

Drawing boxes around the help would double the time it takes, and this module imports nothing heavy for the same reason.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

PROGRAMS = ("mlp-train", "mlp-data")

# What Typer raises for a command line that it cannot parse; of that family it exports BadParameter alone.
PARSING_ERROR: type[Exception] = typer.BadParameter.__mro__[2]


class PlainCommand(TyperCommand):
    """A command whose options stand under the heading that each names."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the words behind the command's name, its arguments as a person writes them."""
        arguments = [one for one in self.get_params(ctx) if one.param_type_name == "argument"]
        named = [(_argument(one), one.required) for one in arguments]
        return ["[OPTIONS]", *(name if required else f"[{name}]" for name, required in named)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options of `--help`, heading by heading."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                usual = "Options"
                if parameter.param_type_name == "argument":
                    usual, record = "Arguments", (_argument(parameter), getattr(parameter, "help", None) or "")
                heading = getattr(parameter, "rich_help_panel", None) or usual
                sections.setdefault(heading, []).append(record)
        for heading, records in sections.items():
            with formatter.section(heading):
                formatter.write_dl(records)


class PlainGroup(TyperGroup):
    """Commands with the whole first sentence of each in the help."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list of commands of `--help`."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([(name, one.get_short_help_str(limit=1000)) for name, one in commands if one])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command that `args` begins with."""
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            from mlp_data.errors import OptionError
            from mlp_runtime.errors import nearest

            known = ", ".join(self.commands)
            raise OptionError(f"unknown command {args[0]!r}{nearest(args[0], self.commands)}; the commands are {known}")
        return super().resolve_command(ctx, args)


def _argument(parameter: Any) -> str:
    name: str = parameter.metavar or parameter.name.upper()
    return f"{name.removesuffix('...')}..." if parameter.nargs == -1 else name


def usage_sentence(error: Any) -> str:
    """Return Typer's complaint, a PARSING_ERROR, as one sentence that says where help is."""
    context = getattr(error, "ctx", None)
    where = f"; see '{context.command_path} --help'" if context else ""
    wrong = getattr(error, "option_name", None)
    if wrong and type(error).__name__ == "NoSuchOption":
        from mlp_runtime.errors import nearest

        known = [name for option in context.command.params for name in option.opts] if context else []
        return f"unknown option {wrong!r}{nearest(wrong, [*known, '--help'])}{where}"
    said: str = error.format_message().rstrip(".")
    return said[:1].lower() + said[1:] + where


def error_line(sentence: str) -> str:
    r"""Write an error as the one line that stderr shows.

    >>> error_line("no such\nfile: \x1b[2J")
    'error: no such file: \\x1b[2J'
    """
    from mlp_data.listing import printable

    return "error: " + printable(" ".join(sentence.split()))


def command(program: str, *words: str | Path, plugins: Iterable[str] | None = None) -> str:
    """Write a command of the toolkit as it can be typed here, with the plug-ins that it needs.

    >>> command("mlp-train", "predict", "my run/model.mlp", "INPUT...", plugins=["mine.py"])
    "mlp-train predict 'my run/model.mlp' INPUT... --plugin mine.py"
    """
    said = [*map(str, words), *(word for path in plugins or () for word in ("--plugin", path))]
    return shlex.join([called(program), *said])


def called(program: str) -> str:
    """Return how `program` is called from here: its bare name where the shell finds it, else as this one was called.

    A person who typed `.venv/bin/mlp-data` has no `mlp-train` on the path, but `.venv/bin/mlp-train`.
    """
    typed = Path(sys.argv[0])
    if typed.stem not in PROGRAMS:  # started from Python
        return program
    ours = typed.with_name(program + typed.suffix)
    if _is_found(program, ours):
        return program
    return str(ours) if ours.parent != Path() else os.path.join(os.curdir, ours)  # noqa: PTH118  # Path drops the dot


def python() -> str:
    """Return how the Python that runs this is called from here."""
    ours = Path(sys.executable or "python")
    if _is_found(ours.name, ours):
        return ours.name
    return str(ours.relative_to(Path.cwd())) if ours.is_relative_to(Path.cwd()) else str(ours)


def _is_found(name: str, path: Path) -> bool:
    """Say whether the shell finds this file by its name; links are not followed, for environments share a Python."""
    found = shutil.which(name)
    return found is not None and Path(found).absolute() == path.absolute()
