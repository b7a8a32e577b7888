"""Raw samples are prepared and answered a batch at a time, so that memory stays bounded however many there are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from mlp_data.dataset import Split
from mlp_data.table_rows import TableRows

ROWS = 512
BYTES = 32 << 20  # of frames at once, because photographs are large


def batches(x: Any) -> Iterator[Any]:
    """Yield the raw samples of a split in batches that `Model.predict` and `Input.prepare` take.

    >>> [len(batch["a"]) for batch in batches({"a": list(range(1000))})]
    [512, 488]
    """
    start, stop = 0, len(Split(x))
    while start < stop:
        if isinstance(x, dict):
            end = min(start + ROWS, stop)
            yield {name: cells[start:end] for name, cells in x.items()}
        elif isinstance(x, TableRows):
            end = min(start + ROWS, stop)
            yield x[start:end]
        else:
            end = min(start + max(1, min(ROWS, BYTES // max(1, x[start].nbytes))), stop)
            part = x[start:end]
            # an array of grey frames 3 or 4 pixels wide looks like one colour frame; a list never does
            yield list(part) if isinstance(part, np.ndarray) and part.ndim == 3 and part.shape[2] in (3, 4) else part
        start = end
