"""docs/cli.md is written by asking the three programs what they take: `python docs/cli_reference.py`.

`--check` writes nothing and ends with exit code 1 where the page is no longer what the programs say.
"""

from __future__ import annotations

import argparse
import inspect
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import typer

from mlp_data.cli import app as data_app
from mlp_runtime.__main__ import _parser as runtime_parser
from mlp_train.cli import app as train_app

PAGE = Path(__file__).parent / "cli.md"
HEAD = """\
# The command line

Every command with every option, as the programs tell them themselves: `python docs/cli_reference.py` writes this page,
and a test compares it with the programs. *Not set* means that nothing is fixed: the help then says what is done, or the
data decide. Every command also takes `--help`. Exit codes, and more words on the settings of a training, are in
[packages/mlp-train](../packages/mlp-train/README.md).
"""
OFF, NONE = "off", ""  # of a switch, and of what is simply not set
OPTION_HEADS = ("option", "default", "what it does")


def cell(text: str) -> str:
    """Write a text so that Markdown shows it as it is, within a table too."""
    return re.sub(r"([|*_<\[\]])", r"\\\1", " ".join(text.split()))


def code(text: str) -> str:
    """Write a text as code within a table."""
    return f"`{text.replace('|', chr(92) + '|')}`" if text else "not set"


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """Yield the lines of a table in Markdown."""
    heads = list(heads)
    yield f"| {' | '.join(heads)} |"
    yield f"|{' --- |' * len(heads)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


def usage(words: str) -> Iterator[str]:
    """Yield the line that shows how a command is typed."""
    yield from ("```text", words, "```", "")


# --- mlp-train and mlp-data, which are made with Typer ---------------------------------------------------------------


def option_row(option: Any, context: Any) -> tuple[str, str, str]:
    """Return an option as it is typed, its default, and what it does."""
    typed, text = option.get_help_record(context)
    default = OFF if getattr(option, "is_flag", False) and not option.secondary_opts else NONE
    facts: list[str] = []
    while said := re.search(r"\s*\[([^\]]*)\]$", text):  # the default stands at the end of the help
        text, facts = text[: said.start()], said[1].split("; ") + facts
    notes = [
        fact for fact in facts if fact == "required" or re.search("[<>]=?", fact)
    ]  # it must be given, or its range
    default = next((fact.removeprefix("default: ") for fact in facts if fact not in notes), default)
    text += f" ({', '.join(notes)})" if notes else ""
    return code(typed), code(default), cell(text)


def typer_command(command: Any, context: Any) -> Iterator[str]:
    """Yield what one command is for, its arguments, and its options under their headings."""
    yield from usage(" ".join([context.command_path, *command.collect_usage_pieces(context)]))
    yield from (inspect.cleandoc(command.help or "").rstrip(), "")
    parameters = [one for one in command.get_params(context) if "--help" not in one.opts]
    arguments = [one for one in parameters if one.param_type_name == "argument"]
    if arguments:
        names = [one.metavar or one.name.upper() for one in arguments]
        rows = [(code(name), cell(one.help or "")) for name, one in zip(names, arguments, strict=True)]
        yield from table(("argument", "what it is"), rows)
    sections: dict[str, list[Any]] = {}
    for option in parameters:
        if option.param_type_name == "option" and not option.hidden:
            sections.setdefault(option.rich_help_panel or "Options", []).append(option)
    for heading, options in sorted(sections.items(), key=lambda section: section[0] == "Options"):  # those last
        if len(sections) > 1:
            yield from (f"**{heading}**" if heading != "Options" else "**Others**", "")
        yield from table(OPTION_HEADS, (option_row(option, context) for option in options))


def typer_program(name: str, app: Any) -> Iterator[str]:
    """Yield all commands of a program."""
    group = typer.main.get_command(app)
    context = group.context_class(group, info_name=name)  # type: ignore[attr-defined]  # Typer hides its own Click
    yield from (f"## {name}", "")
    yield from typer_command(group, context)
    yield from commands(group, context)


def commands(group: Any, context: Any) -> Iterator[str]:
    """Yield the commands of a group, and theirs."""
    for name, command in group.commands.items():
        inner = command.context_class(command, info_name=name, parent=context)
        yield from (f"### {inner.command_path}", "")
        yield from typer_command(command, inner)
        if hasattr(command, "commands"):
            yield from commands(command, inner)


# --- python -m mlp_runtime, which is made with argparse --------------------------------------------------------------


def parser_options(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield the arguments and the options of one parser of argparse."""
    actions = [
        one
        for one in parser._actions
        if not isinstance(one, (argparse._HelpAction, argparse._SubParsersAction))  # Python has no other way
    ]
    arguments = [one for one in actions if not one.option_strings]
    if arguments:
        rows = [(code(str(one.metavar or one.dest)), cell(one.help or "")) for one in arguments]
        yield from table(("argument", "what it is"), rows)
    rows = []
    for one in actions:
        if one.option_strings:
            value = "" if one.nargs == 0 else f" {one.metavar or one.dest.upper()}"
            default = OFF if one.nargs == 0 else NONE if one.default is None else str(one.default)
            rows.append((code(", ".join(one.option_strings) + value), code(default), cell(one.help or "")))
    if rows:
        yield from table(OPTION_HEADS, rows)


def argparse_program(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield all commands of a program."""
    yield from (f"## {parser.prog}", "")
    yield from usage(typed(parser))
    yield from (parser.description or "", "")
    yield from parser_options(parser)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            said = {choice.dest: choice.help or "" for choice in action._choices_actions}
            for name, inner in action.choices.items():
                yield from (f"### {inner.prog}", "")
                yield from usage(typed(inner))
                yield from (said[name].capitalize() + ".", "")
                yield from parser_options(inner)


def typed(parser: argparse.ArgumentParser) -> str:
    """Return how a command is typed, on one line."""
    return " ".join(parser.format_usage().removeprefix("usage: ").split())


def page() -> str:
    """Return the whole page."""
    lines = [HEAD]
    lines += typer_program("mlp-train", train_app)
    lines += typer_program("mlp-data", data_app)
    lines += argparse_program(runtime_parser())
    return "\n".join(lines).rstrip() + "\n"


def main(arguments: list[str]) -> int:
    """Write the page, or compare it."""
    if arguments == ["--check"]:
        if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == page():
            return 0
        print(f"{PAGE}: the programs say something else now; write it again: python docs/cli_reference.py")
        return 1
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
