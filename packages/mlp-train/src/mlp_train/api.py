"""Training in one call, for those who do not need to watch."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import mlp_data
from mlp_data.dataset import Dataset
from mlp_train.config import FitConfig, make_config
from mlp_train.control import Control
from mlp_train.events import Event, Finished
from mlp_train.result import Result
from mlp_train.trackers.reporter import Tracker
from mlp_train.trainer import train

if TYPE_CHECKING:
    from mlp_train.reporters import Reporter


def fit(
    x: Any,
    y: Any = None,
    *,
    config: FitConfig | None = None,
    on_event: Callable[[Event], None] | None = None,
    reporters: Iterable[Reporter] = (),
    control: Control | None = None,
    **options: Any,
) -> Result:
    """Train a network and return the result.

    x: a Dataset, or (n, features) numbers, (n, h, w) images, or a table by columns, with y: (n,) labels or numbers.
    `options` are fields of `FitConfig`; `on_event` is called with every event of `train`, and through `control` it may
    stop the training or change its steps. `reporters` are called with every event as well, and entered and left around
    the training: those of `mlp_train.tracker`, or your own.

    >>> result = fit([[0, 0], [0, 1], [1, 0], [1, 1]], ["0", "1", "1", "0"], seed=1)
    >>> result.model.predict([0, 1])
    '1'
    """
    dataset = x if isinstance(x, Dataset) else mlp_data.from_arrays(x, y)
    with ExitStack() as stack:
        told = [stack.enter_context(reporter) for reporter in reporters]
        for reporter in told:
            if isinstance(reporter, Tracker):
                said = {name: value for name, value in options.items() if name in FitConfig.model_fields}
                settings = make_config(config, **said).model_dump(mode="json")
                reporter.describe({**settings, "source": dataset.name})
        for event in train(dataset, config, control=control, **options):
            for reporter in told:
                reporter(event)
            if on_event is not None:
                on_event(event)
            if isinstance(event, Finished):
                return event.result
    raise AssertionError("train() always ends with Finished")
