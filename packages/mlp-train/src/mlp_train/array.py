"""What the mathematics works on: a NumPy array whose shape and meaning the docstrings give."""

from __future__ import annotations

from typing import Any, TypeAlias

from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
