"""Every error of this package says which data cannot be used, or what cannot be written, and what to do about it."""

from __future__ import annotations

from mlp_runtime.errors import MlpError


class DataError(MlpError):
    """The data cannot be used as they are."""


class ArchiveError(DataError):
    """An archive cannot be opened, or is not safe to open."""


class DecodeError(DataError):
    """An image file cannot be turned into pixels."""


class TableError(DataError):
    """A table cannot be read, or a column of it is not what was asked for."""


class OptionError(DataError):
    """An option, a loader or a sample was asked for by a name that is not known."""


class OutputError(MlpError):
    """A result cannot be written where it should go, which is no fault of the data."""
