"""A piece is what goes through the network together: one batch, or a part of a large one."""

from __future__ import annotations

from typing import NamedTuple

from mlp_train.array import Array

PIECE = 512  # rows at most; what they need on their way then stays in the processor's cache


class Piece(NamedTuple):
    """Some rows of one batch."""

    x: Array  # (rows, n_in), network input
    y: Array  # (rows, n_out), targets
    weight: Array | None  # (rows,), or None where all samples count the same
    batch: int  # rows in the whole batch
    ends: bool  # whether the batch is complete with these
