"""Asking a student's function: whatever goes wrong in it becomes one sentence with the line on which it happened."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from mlp_train.array import Array

CLOSE = 1e-6  # relative to the largest number of the right answer


class Wrong(Exception):
    """What is not right yet, in one sentence."""


def load(path: Path) -> ModuleType:
    """Run a student's file and return it as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise Wrong(f"{path.name}: that is no Python file; its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    with unheard(), np.errstate(all="ignore"):
        try:
            spec.loader.exec_module(module)
        except SyntaxError as error:
            raise Wrong(f"{path.name}, line {error.lineno}: Python cannot read this: {error.msg}") from None
        except BaseException as error:  # SystemExit too
            raise Wrong(said(error, path)) from None
    return module


def ask(module: ModuleType, name: str, *given: Any) -> Any:
    """Call a function of the student's with copies of what is given, and return what it gives back."""
    function, file = getattr(module, name, None), Path(str(module.__file__))
    if not callable(function):
        raise Wrong(f"{file.name}: there is no function {name}; keep the names of the starting file")
    lent = [copied(value) for value in given]
    with unheard(), np.errstate(all="ignore"):
        try:
            back = function(*lent)
        except NotImplementedError:
            raise Wrong(f"{file.name}: {name} is not written yet; replace its last line by your own") from None
        except BaseException as error:  # SystemExit too
            raise Wrong(said(error, file)) from None
    for before, after in zip(given, lent, strict=True):
        if isinstance(before, (np.ndarray, list)) and not same(before, after):
            raise Wrong(f"{name} changes an array that it was given; leave those as they are and return new ones")
    return back


@contextlib.contextmanager
def unheard() -> Iterator[None]:
    """Let what is printed go nowhere, however much it is."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):  # noqa: PTH123
        yield


def copied(value: Any) -> Any:
    """Return a copy of an array or of a list of arrays; all else as it is."""
    if isinstance(value, list):
        return [copied(one) for one in value]
    return value.copy() if isinstance(value, np.ndarray) else value


def same(before: Any, after: Any) -> bool:
    """Tell whether arrays, or lists of them, are as they were."""
    if isinstance(before, list):
        return len(before) == len(after) and all(map(same, before, after))
    return bool(np.array_equal(before, after, equal_nan=True))


def said(error: BaseException, file: Path) -> str:
    """Say what went wrong in the student's file, and on which line."""
    frames = [one for one in traceback.extract_tb(error.__traceback__) if Path(one.filename) == file]
    where = f"{file.name}, line {frames[-1].lineno}" if frames else file.name
    if frames and frames[-1].name != "<module>":
        where += f", in {frames[-1].name}"
    text = str(error).splitlines()[0] if str(error) else "no message"
    if isinstance(error, ValueError) and ("matmul" in text or "not aligned" in text or "broadcast" in text):
        return f"{where}: the shapes do not fit ({text}); write the shape of every factor beside it"
    if isinstance(error, RecursionError):
        return f"{where}: a function calls itself without end"
    if isinstance(error, MemoryError):
        return f"{where}: it asks for more memory than there is; does something grow in a loop?"
    if isinstance(error, SystemExit):
        return f"{where}: it ends the program; leave that to the checker"
    return f"{where}: {type(error).__name__}: {text}"


def numbers(name: str, back: Any, like: Array) -> Array:
    """Return what a function gave back as an array, after a look at its kind, its shape and its values."""
    if back is None:
        raise Wrong(f"{name} gives back nothing; does it end with return?")
    try:
        array = np.asarray(back, dtype=np.float64)
    except (TypeError, ValueError):
        raise Wrong(f"{name} gives back {type(back).__name__}, and an array of numbers is wanted") from None
    if array.shape != like.shape:
        hint = " (it lies the other way round)" if array.shape == like.shape[::-1] else ""
        raise Wrong(f"{name} has the shape {array.shape}{hint}, and {like.shape} is wanted")
    if not np.isfinite(array).all():
        place = tuple(np.argwhere(~np.isfinite(array))[0].tolist())
        raise Wrong(f"{name} is {array[place]} at {list(place)}; which step can overflow, or divide by 0?")
    return array


def parts(name: str, back: Any, count: int) -> Sequence[Any]:
    """Return what a function gave back as so many values."""
    if back is None:
        raise Wrong(f"{name} gives back nothing; does it end with return?")
    if not isinstance(back, (tuple, list)) or len(back) != count:
        found = f"{len(back)} values" if isinstance(back, (tuple, list)) else f"one {type(back).__name__}"
        raise Wrong(f"{name} gives back {found}, and {count} are wanted")
    return back


def is_close(one: Array, other: Array) -> bool:
    """Tell whether two arrays are equal, but for rounding."""
    return one.shape == other.shape and bool(np.abs(one - other).max() <= CLOSE * max(1e-3, np.abs(other).max()))


def compare(name: str, back: Any, right: Array, mistakes: dict[str, Array], hint: str) -> None:
    """Compare an answer with the right one; say which of the known mistakes it is, or else where it differs first.

    mistakes: a sentence about the answer -> what that mistake gives. hint: what to look at.
    """
    array = numbers(name, back, right)
    if is_close(array, right):
        return
    for sentence, wrong in mistakes.items():
        if not is_close(wrong, right) and is_close(array, wrong):
            raise Wrong(f"{name} {sentence}")
    place = tuple(np.argwhere(np.abs(array - right) > CLOSE * max(1e-3, np.abs(right).max()))[0].tolist())
    raise Wrong(f"{name} is {array[place]:.4g} at {list(place)}, and should be {right[place]:.4g}; {hint}")
