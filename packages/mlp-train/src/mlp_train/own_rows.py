"""Among several ranks a step computes the gradient of this rank's rows, and then has that of the whole batch.

Whatever is drawn at random is drawn for the whole batch, by every rank alike, so that each row has what it would have
in one process.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mlp_train.array import Array
from mlp_train.fast_step import FastStep
from mlp_train.network import Gradient
from mlp_train.parallel import Ranks
from mlp_train.piece import Piece
from mlp_train.step import PlainStep


class PlainOwnRows(PlainStep):
    """The step of one rank, as a textbook has it."""

    _loss = 0.0  # of this rank's rows of the present batch
    _rows = 0  # of the present piece, this rank's and the others'

    def __init__(self, ranks: Ranks, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.ranks = ranks
        network = self.network
        # The loss travels behind the gradient: one message a step, where two would wait twice.
        self._sums = np.zeros(network.flat.size + 1, network.dtype)
        self.gradient = Gradient(network.layers, network.dtype, self._sums[:-1])

    def add(self, piece: Piece) -> float:
        """Add the gradient of these rows; with the last ones of a batch, return its mean loss, and 0 before."""
        sums = self._sums
        before = self._loss if self._pieces else 0.0
        own = self.ranks.own(len(piece.x))
        if own.start < own.stop:
            self._loss = before + super().add(piece)
        else:
            self._loss = before
            self._pass_over(piece)
        if not piece.ends:
            return 0.0
        sums[-1] = self._loss
        self.ranks.total(sums)
        return float(sums[-1])

    def _pass_over(self, piece: Piece) -> None:
        """Draw what the other ranks draw, where none of the rows is for this one."""
        super()._disturbed(piece)
        super()._draw_masks(len(piece.x))
        if not self._pieces:
            self.gradient.flat.fill(0)
        self._pieces = 0 if piece.ends else self._pieces + 1

    def _disturbed(self, piece: Piece) -> tuple[Array, Array, Array | None]:
        x, y, weight = super()._disturbed(piece)
        self._rows, own = len(x), self.ranks.own(len(x))
        return x[own], y[own], None if weight is None else weight[own]

    def _draw_masks(self, rows: int) -> None:
        super()._draw_masks(self._rows)
        own, masks = self.ranks.own(self._rows), self.forward.masks
        assert own.stop - own.start == rows
        masks[:] = [None if mask is None else mask[own] for mask in masks]


class FastOwnRows(PlainOwnRows, FastStep):
    """The step of one rank, as NumPy computes it soonest."""
