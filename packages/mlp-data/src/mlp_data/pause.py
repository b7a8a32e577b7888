"""Python searches for objects that hold only each other; while many are made and none can go, that is in vain."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_search() -> Iterator[None]:
    """Pause the search for cycles, which goes through all objects again and again as their number grows.

    For a stretch that makes a few objects for each of many files and leaves no cycles behind. Whoever has turned the
    search off for good finds it off afterwards.

    >>> with no_search():
    ...     gc.isenabled()
    False
    >>> gc.isenabled()
    True
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
