"""An input turns what you have, an image, a table row or a list of numbers, into the numbers that a network reads.

It does so in two steps, so that training can keep the first one's small result: `prepare` (raw input to rows, uint8
for images) and `scale` (rows to float32, `(rows - mean) * scale`). `transform` does both. A model file carries the
input's spec, so the device does what training did.

What's where: `vector`, `image` (with `pixels`, `resize`, `ink`) and `table` (with `columns`, `cells`, `dates`) hold a
kind each.
"""

from __future__ import annotations

from typing import Any, Mapping, Union

import numpy as np

from ..errors import InputError
from ..schema import check, header_error
from .cells import FLAGS, leading_letters, words
from .columns import Column
from .image import ImageInput
from .table import TableInput
from .vector import VectorInput

Input = Union[VectorInput, ImageInput, TableInput]

__all__ = [
    "FLAGS", "Column", "ImageInput", "Input", "TableInput", "VectorInput", "input_from_spec", "leading_letters",
    "words",
]  # fmt: skip

KINDS: Mapping[str, Any] = {kind.kind: kind for kind in (VectorInput, ImageInput, TableInput)}


def input_from_spec(spec: dict[str, Any], tensors: Mapping[str, np.ndarray]) -> Input:
    """Return the input that a model file describes; a spec that breaks a rule raises Invalid.

    >>> input_from_spec({"kind": "vector", "features": 4}, {}).size
    4
    """
    check(spec, {"kind": tuple(KINDS)}, "input")
    try:
        made: Input = KINDS[spec["kind"]].from_spec(spec, tensors)
    except InputError as error:
        raise header_error(f"input.{error}") from None
    return made
