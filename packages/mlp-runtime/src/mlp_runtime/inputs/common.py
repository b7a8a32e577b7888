"""What all kinds of input share: naming what came, freezing their values and scaling their rows."""

from __future__ import annotations

from typing import Any, Optional

import numpy as np


def came(raw: Any) -> str:
    """Say what came, for the message of an error.

    >>> came(None), came([1, 2]), came(np.zeros((2, 3)))
    ('None', 'a list of 2', 'a float64 array of shape (2, 3)')
    """
    if raw is None:
        return "None"
    if isinstance(raw, (np.ndarray, np.generic)):
        return f"a {raw.dtype} array of shape {raw.shape}"
    length = f" of {len(raw)}" if isinstance(raw, (list, tuple, dict, str, bytes)) else ""
    return f"a {type(raw).__name__}{length}"


def freeze(value: Any, **attributes: Any) -> None:
    """Set the attributes of a frozen value that is being made."""
    for name, attribute in attributes.items():
        object.__setattr__(value, name, attribute)


def scaled(rows: np.ndarray, mean: Any, factor: Any, out: Optional[np.ndarray] = None) -> np.ndarray:
    """Return `(rows - mean) * factor`, computed in float32 in that form, in a fresh array or in `out`."""
    if out is None:
        out = np.empty(rows.shape, np.float32)
    if isinstance(mean, float) and mean == 0.0:  # x - 0 is x, so the subtraction can be spared
        np.multiply(rows, factor, out=out, dtype=np.float32)
    else:
        np.subtract(rows, mean, out=out, dtype=np.float32)
        np.multiply(out, factor, out=out)
    return out


def is_number(value: Any) -> bool:
    """Tell whether a value is a finite number that float32 can hold; a bool is none."""
    is_real = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    return is_real and bool(abs(value) < 3.4e38)
