"""Plain values are what JSON and MessagePack both know: text, finite numbers, true, false, none, lists and maps."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def plain(value: Any) -> Any:
    """Return the value with NumPy's numbers as Python's, tuples as lists, and NaN and infinity as None.

    >>> plain({"loss": float("nan"), "layers": (128, 10)})
    {'loss': None, 'layers': [128, 10]}
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):  # a NumPy scalar or array
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
