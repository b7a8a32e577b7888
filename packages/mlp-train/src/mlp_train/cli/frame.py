"""Around every command: whatever goes wrong becomes one sentence on stderr and an exit code that tells the cause."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import signal
import sys
from collections.abc import Iterator
from typing import Any, NoReturn

import typer

from mlp_data.console import PARSING_ERROR, PlainGroup, error_line, usage_sentence

USAGE, OUTPUT, INTERRUPTED = 2, 6, 130
PIPE_CLOSED = 141  # 128 + SIGPIPE, what a shell reports of any program whose reader has seen enough


class PipeClosed(Exception):
    """Whoever read our output has gone, as `head` does; there is nobody left to tell."""


class OneSentence(PlainGroup):
    """The group of all commands."""

    def main(self, *args: Any, **extra: Any) -> NoReturn:
        """Run a command line, `args` or that of the process, and leave with its exit code."""
        given = args[0] if args else extra.pop("args", None)
        arguments = sys.argv[1:] if given is None else list(given)
        for ours in ("prog_name", "standalone_mode"):
            extra.pop(ours, None)
        _prepare_streams()
        if arguments[:1] == ["fit"]:  # the one command that mpiexec may start several of
            from mlp_train.parallel import silence_others

            silence_others()
        try:
            if not arguments:
                with contextlib.redirect_stdout(sys.stderr):
                    super().main(["--help"], "mlp-train", standalone_mode=False, **extra)
                sys.exit(USAGE)
            with _terminate_like_ctrl_c():
                code = super().main(arguments, "mlp-train", standalone_mode=False, **extra)
        except PipeClosed:
            _silence(sys.stdout)
            code = PIPE_CLOSED
        except Exception as error:
            code = _report(error, debug="--debug" in arguments)
        code = code if isinstance(code, int) else 0
        if (parallel := sys.modules.get("mlp_train.parallel")) is not None:
            parallel.leave(code)
        sys.exit(code)

    def invoke(self, ctx: Any) -> Any:
        """Run the command; Typer itself would answer these two without a word or with a wrong code."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            from mlp_train.errors import Interrupted

            raise Interrupted("interrupted, nothing is left half written; give the command again") from None
        except BrokenPipeError:
            raise PipeClosed from None


def _report(error: Exception, debug: bool) -> int:
    """Tell the error on stderr and return the exit code."""
    from mlp_runtime.errors import MlpError
    from mlp_train.errors import exit_code

    if debug:
        import traceback

        traceback.print_exception(error)
    if isinstance(error, PARSING_ERROR):
        sentence, code = usage_sentence(error), USAGE
    elif isinstance(error, MlpError):
        sentence, code = str(error), exit_code(error)
    elif isinstance(error, OSError) and error.filename is not None:
        sentence, code = f"{error.filename}: the system says '{error.strerror}'; check the path", USAGE
    elif isinstance(error, OSError) and error.errno == errno.ENOSPC:  # what was said to the person found no room
        sentence, code = "standard error cannot be written: the disk is full; free some space", OUTPUT
    elif isinstance(error, MemoryError):
        why = f"this takes more memory than there is ({error or 'none is left'})"
        sentence = f"{why}; give less data, a smaller --hidden, a smaller --batch-size, or use a larger machine"
        code = USAGE
    elif blamed := _blame(error):
        sentence, code = blamed, USAGE
    else:
        hint = "" if debug else "; the same command with --debug shows where"
        sentence = f"this is a bug of mlp-train, please report it: {type(error).__name__}: {error}{hint}"
        code = exit_code(error)
    try:
        typer.echo(error_line(sentence), err=True)
    except OSError:  # nobody listens on stderr either
        _silence(sys.stderr)
    _silence(sys.stdout)  # what could not be written stays unwritten
    return code


def _blame(error: Exception) -> str | None:
    """Return what a plug-in did wrong, if it was one."""
    plugins = sys.modules.get("mlp_data.plugin_file")  # without it there is none
    return None if plugins is None else plugins.blame(error)


def _prepare_streams() -> None:
    """Lead streams that the caller has closed to nowhere, lest a file of ours gets their numbers and what they say."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):  # in the order of their numbers
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115, PTH123  # until the process ends
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal may lack a letter that a class has


@contextlib.contextmanager
def _terminate_like_ctrl_c() -> Iterator[None]:
    """Let SIGTERM do what Ctrl-C does, so that a batch system's stop keeps the checkpoint and says how to go on."""

    def stop(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGTERM, stop)
    except ValueError:  # not the main thread, as in a test or an application of its own
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _silence(stream: Any) -> None:
    """Send what is still buffered to nowhere, so that Python does not complain when it closes the stream."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
