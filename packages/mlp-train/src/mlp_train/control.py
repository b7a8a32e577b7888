"""A control lets whoever watches a training change it: stop it early, or take larger or smaller steps."""

from __future__ import annotations


class Control:
    """Given to `train`; what is asked of it happens at the end of the epoch.

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
        self.lr: float | None = None  # the learning rate that the schedule shall change from now on; None: as it was

    def stop(self, reason: str = "the caller has seen enough") -> None:
        """End the training after this epoch, with the best weights so far."""
        self.reason = reason
