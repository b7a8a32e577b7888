"""Every error of the toolkit says in one sentence what is wrong, where, and what to do."""

from __future__ import annotations

from typing import Any, Iterable

import numpy as np


class MlpError(Exception):
    """The root of every error that the three packages raise on purpose."""


class ModelFileError(MlpError):
    """A model file cannot be used."""


class NotAModel(ModelFileError):
    """The bytes are not a model file at all."""


class Damaged(ModelFileError):
    """The bytes were a model file once, but were cut short or changed."""


class TooNew(ModelFileError):
    """The file is intact but needs a newer reader, or a feature that this one does not have."""


class UnknownActivation(TooNew):
    """A layer's activation is not built in, and nobody registered it."""


class Invalid(ModelFileError):
    """The file is intact but breaks a rule of the format."""


class InputError(MlpError, ValueError):
    """What was given to the model is not what the model takes."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint that names the known word closest to `name`, or an empty string.

    >>> nearest("agee", ["age", "fare"])
    ", did you mean 'age'?"
    >>> nearest("zzz", ["age"])
    ''
    """
    import difflib  # only an error pays for this import

    # Both are cut: comparing costs the square of the length, and what a hostile file gives is long and many.
    matches = difflib.get_close_matches(name[:60], [word[:60] for word in list(known)[:500]], n=1)
    return f", did you mean {matches[0]!r}?" if matches else ""


def shown(value: Any) -> str:
    """Return what came, cut short, for an error's one sentence: a hostile file or caller can hold long things.

    >>> shown(None), shown("abc"), shown([1, 2]), shown(np.zeros((2, 3), int))
    ('None', "'abc'", 'a list of 2', 'an int64 array of shape (2, 3)')
    """
    if isinstance(value, (str, bytes, int, float, complex, np.generic, type(None))):
        text = repr(value[:60] if isinstance(value, (str, bytes)) else value)
        return text if len(text) <= 70 else text[:67] + "..."
    what = "map" if isinstance(value, dict) else type(value).__name__
    if isinstance(value, np.ndarray):
        what = f"{value.dtype} array of shape {value.shape}" + " with masked values" * is_masked(value)
    elif isinstance(value, (list, tuple, dict)):
        what += f" of {len(value)}"
    return f"a{'n' * (what[0] in 'aeioAEIO')} {what}"


def is_masked(value: Any) -> bool:
    """Tell whether an array hides values (numpy.ma), which np.asarray would show."""
    return isinstance(value, np.ndarray) and bool(np.any(getattr(value, "mask", False)))


def as_array(raw: Any) -> np.ndarray:
    """Return raw as an array; rows of different lengths and masked values give one of None."""
    try:
        return np.asarray(None if is_masked(raw) else raw)
    except ValueError:
        return np.asarray(None)
