"""A control lets whoever watches a training change it: stop it early, or take larger or smaller steps."""

from __future__ import annotations

import math

from mlp_train.errors import UsageError


class Control:
    """Given to `train` or `fit`; what is asked of it happens between two epochs, and `every_batch` at once.

    >>> import mlp_data, mlp_train
    >>> control = Control()
    >>> data = mlp_data.from_arrays([[0.0], [1.0]] * 4, ["no", "yes"] * 4)
    >>> for event in mlp_train.train(data, control=control):
    ...     if isinstance(event, mlp_train.EpochEnd) and event.loss < 0.6:
    ...         control.stop("it is good enough")
    >>> event.result.model.predict([1.0])
    'yes'
    """

    def __init__(self) -> None:
        self.reason: str | None = None  # why to stop
        self.every_batch = False  # whether each batch of one process is told of, so that one can look between two
        self._lr: float | None = None

    @property
    def lr(self) -> float | None:
        """The learning rate that the schedule changes from the next epoch on; None: the one it began with."""
        return self._lr

    @lr.setter
    def lr(self, value: float | None) -> None:
        if value is not None and not (math.isfinite(value) and value > 0):
            raise UsageError(f"a learning rate is a number above 0, not {value!r}: give another")
        self._lr = value

    def stop(self, reason: str = "the caller has seen enough") -> None:
        """End the training after this epoch, with the best weights so far."""
        self.reason = reason
