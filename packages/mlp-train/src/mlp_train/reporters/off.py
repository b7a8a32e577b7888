"""No progress at all, for those who want the answer and nothing else."""

from __future__ import annotations

from typing import Self

from mlp_train.events import Event


class OffReporter:
    """Shows nothing."""

    def __call__(self, event: Event) -> None:
        """Show nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        pass
