"""A step shows the network one batch and changes its parameters once: forward, loss, backward, update.

`PlainStep` is the reference: each line calls the function that explains it. `fast_step.FastStep` computes the same
sooner, and a test holds the two together. A large batch comes in pieces, whose gradients add up, so that memory does
not grow with the batch.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from mlp_train.array import Array
from mlp_train.averaging import Average
from mlp_train.backward import backward
from mlp_train.config import FitConfig
from mlp_train.diagnose import Watched
from mlp_train.disturb import mixup, with_noise
from mlp_train.dropout import draw_mask
from mlp_train.losses import Loss, output_gradient, smooth_labels
from mlp_train.network import ForwardPass, Gradient, Network
from mlp_train.optimizers import Optimizer
from mlp_train.piece import PIECE, Piece
from mlp_train.regularizers import add_penalty_gradient, clip_norm, clip_value, limit_norms, norm


class PlainStep:
    """The training step as a learner would write it."""

    lr = 0.0  # of the present batch
    unit = 1.0  # the gradient is this many times dL/dW

    def __init__(
        self,
        network: Network,
        loss: Loss,
        optimizer: Optimizer | None,  # None where only `add` is used
        config: FitConfig,
        generator: np.random.Generator,
        *,
        smoothing: float = 0.0,
        average: Average | None = None,
        rows: int = PIECE,
    ) -> None:
        self.network, self.loss, self.optimizer, self.config = network, loss, optimizer, config
        self.generator, self.smoothing, self.average, self.rows = generator, smoothing, average, rows
        self.gradient = Gradient(network.layers, network.dtype)
        self.forward = ForwardPass(network, rows, keep_last_z=True)
        self._pieces = 0  # of the present batch that were added

    def begin(self, lr: float) -> None:
        """Get ready for a batch, after which the parameters will be updated with this learning rate."""
        self.lr = lr

    @cached_property
    def _part(self) -> Gradient:
        """Room for the gradient of a piece that is not the first of its batch."""
        return Gradient(self.network.layers, self.network.dtype)

    def add(self, piece: Piece) -> float:
        """Add the gradient of these rows to that of the batch; return what they add to its mean loss."""
        x, y, weight = self._disturbed(piece)
        if self.smoothing:
            y = smooth_labels(y, self.smoothing)
        self._draw_masks(len(x))
        self.network.forward(x, self.forward)
        z = self.forward.z[-1]
        assert z is not None
        loss = self.loss.value(z, self.forward.a[-1], y)
        d_z = output_gradient(self.loss, self.network, self.forward, y)
        d_z *= len(x) / piece.batch  # the mean is over the whole batch
        if weight is not None:
            loss = loss * weight
            d_z *= weight[:, None]
        gradient = self._part if self._pieces else self.gradient
        backward(self.network, self.forward, d_z, gradient)
        if self._pieces:
            self.gradient.flat += self._part.flat
        self._pieces = 0 if piece.ends else self._pieces + 1
        return float(loss.sum()) / piece.batch

    def update(self, watch: bool = False) -> Watched | None:
        """Change the parameters by the gradient of the batch; return what happened if someone watches."""
        config, network, gradient = self.config, self.network, self.gradient
        add_penalty_gradient(network, gradient, config.l1, config.l2)
        before = (gradient.flat / self.unit, network.flat.copy()) if watch else None
        if config.clip_value:
            clip_value(gradient, config.clip_value)
        if config.clip_norm:
            clip_norm(gradient, config.clip_norm, self.gradient_norm())
        self._change()
        if config.max_norm:
            limit_norms(network, config.max_norm)
        if self.average is not None:
            self.average.update(network.flat)
        return None if before is None else Watched(before[0], network.flat - before[1])

    def _change(self) -> None:
        assert self.optimizer is not None
        self.optimizer.update(self.network.flat, self.gradient.flat, self.lr)

    def gradient_norm(self) -> float:
        """Return the length of the whole gradient."""
        return norm(self.gradient.flat)

    def _disturbed(self, piece: Piece) -> tuple[Array, Array, Array | None]:
        """Return inputs, targets and weights of these rows as this step shall see them."""
        x, y, weight = piece.x, piece.y, piece.weight
        if self.config.input_noise:
            x = with_noise(x, self.config.input_noise, self.generator)
        if self.config.mixup:
            x, y, weight = mixup(x, y, weight, self.config.mixup, self.generator)
        return x, y, weight

    def _draw_masks(self, rows: int) -> None:
        """Draw which units of the hidden layers are left out of this piece."""
        if rate := self.config.dropout:
            for i, spec in enumerate(self.network.layers[:-1]):
                self.forward.masks[i] = draw_mask(self.generator, rows, spec.n_out, rate, self.network.dtype)
