"""Training in one call, for those who do not need to watch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mlp_data
from mlp_data.dataset import Dataset
from mlp_train.config import FitConfig
from mlp_train.control import Control
from mlp_train.events import Event, Finished
from mlp_train.result import Result
from mlp_train.trainer import train


def fit(
    x: Any,
    y: Any = None,
    *,
    config: FitConfig | None = None,
    on_event: Callable[[Event], None] | None = None,
    control: Control | None = None,
    **options: Any,
) -> Result:
    """Train a network and return the result.

    x: a Dataset, or (n, features) numbers, (n, h, w) images, or a table by columns, with y: (n,) labels or numbers.
    `options` are fields of `FitConfig`; `on_event` is called with every event of `train`, and through `control` it may
    stop the training or change its steps.

    >>> result = fit([[0, 0], [0, 1], [1, 0], [1, 1]], ["0", "1", "1", "0"], seed=1)
    >>> result.model.predict([0, 1])
    '1'
    """
    dataset = x if isinstance(x, Dataset) else mlp_data.from_arrays(x, y)
    for event in train(dataset, config, control=control, **options):
        if on_event is not None:
            on_event(event)
        if isinstance(event, Finished):
            return event.result
    raise AssertionError("train() always ends with Finished")
