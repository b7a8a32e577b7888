"""What can go wrong while training, and the exit code by which a script tells one cause from another."""

from __future__ import annotations

from mlp_data.errors import DataError, OptionError
from mlp_data.errors import OutputError as OutputError  # of files that are written, here and there
from mlp_runtime.errors import InputError, MlpError, ModelFileError


class TrainError(MlpError):
    """The root of the errors that are of training alone."""


class UsageError(TrainError):
    """An option, a name or a combination of them is not one that the toolkit takes."""


class PluginError(UsageError):
    """A plug-in cannot be loaded, or registers something that cannot work."""


class ForeignModelError(TrainError):
    """A model of another program cannot be taken over: it is damaged, or does what no model file says."""


class CheckpointError(TrainError):
    """A checkpoint cannot be used: it is damaged, or not a checkpoint at all."""


class GoalMissed(TrainError):
    """The work was done, but its result is below what was asked for."""


class DivergedError(TrainError):
    """The loss left the finite numbers, so there is nothing left to train."""


class Interrupted(TrainError):
    """The user stopped the work; what was reached so far is kept."""


def unreadable(error: ValueError | RecursionError) -> str:
    """Say why a text is no TOML or JSON that can be used."""
    return "its values are nested too deeply" if isinstance(error, RecursionError) else str(error)


BUG = 1  # an exception that nobody raised on purpose

EXIT_CODES: dict[type[MlpError], int] = {
    UsageError: 2,
    OptionError: 2,
    InputError: 3,
    DataError: 3,
    ModelFileError: 4,
    CheckpointError: 4,
    ForeignModelError: 4,
    GoalMissed: 5,
    OutputError: 6,
    DivergedError: 7,
    Interrupted: 130,  # 128 + SIGINT, as shells report it
}


def exit_code(error: BaseException) -> int:
    """Return the exit code for an error: that of the nearest of its classes that has one, else 1.

    >>> exit_code(OutputError("runs/a: the folder is not empty; choose another or pass --force"))
    6
    >>> exit_code(ZeroDivisionError())
    1
    """
    if isinstance(error, KeyboardInterrupt):
        return EXIT_CODES[Interrupted]
    return next((EXIT_CODES[kind] for kind in type(error).__mro__ if kind in EXIT_CODES), BUG)
