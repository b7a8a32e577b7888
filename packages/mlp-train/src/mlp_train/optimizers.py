"""An optimizer changes the parameters a little, against the gradient, so that the loss falls.

This is the only place of the project where arrays change after they were made: `update` works in place on the flat
parameter vector. Each optimizer keeps its own memory in flat vectors of the same length. What happens to a parameter
depends on that parameter's own numbers alone, so a vector may be cut anywhere and each piece have its own optimizer.

L-BFGS is another kind, which looks at the whole gradient several times a step: see `lbfgs`.
"""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np

from mlp_train.array import Array


class Optimizer:
    """What every optimizer has: an update in place, its default learning rate, and memory that a checkpoint keeps.

    A subclass lists the vectors it remembers in `memory` and writes `update`. `size` is the number of parameters, of
    which the first `weight_count` are weights and the rest biases. `beta1` and `beta2` are how much of the running mean
    of the gradients, and of their squares, one step keeps; None takes what the optimizer's paper takes.
    """

    default_lr = 0.01
    memory: tuple[str, ...] = ()
    beta1, beta2 = 0.9, 0.999
    decay_left = decay_left_before = 1.0  # of a weight without a gradient: after the last step, and before it

    def __init__(
        self,
        size: int,
        dtype: Any,
        *,
        weight_count: int,
        momentum: float,
        weight_decay: float,
        beta1: float | None = None,
        beta2: float | None = None,
    ) -> None:
        self.weight_count, self.momentum, self.weight_decay = weight_count, momentum, weight_decay
        self.beta1 = type(self).beta1 if beta1 is None else beta1
        self.beta2 = type(self).beta2 if beta2 is None else beta2
        self.steps = 0
        for name in self.memory:
            setattr(self, name, np.zeros(size, dtype))
        self._scratch = np.empty(size, dtype)

    def update(self, parameters: Array, gradient: Array, lr: float) -> None:
        """Change `parameters` in place; `gradient` may be used as scratch space, so it holds nothing afterwards."""
        raise NotImplementedError(f"{type(self).__name__} must say how it updates the parameters")

    def settle(self) -> None:
        """Bring the memory into the form that a checkpoint keeps; the next update goes on from there."""

    def decay(self, parameters: Array, lr: float) -> None:
        """Shrink the weights, not the biases, by lr * weight_decay, apart from the gradient: decoupled decay."""
        if self.weight_decay:
            shrink = 1 - lr * self.weight_decay
            self.decay_left_before = self.decay_left
            self.decay_left *= shrink
            parameters[: self.weight_count] *= shrink

    def arrays(self) -> dict[str, Array]:
        """Return the memory by name, for a checkpoint."""
        return {name: getattr(self, name) for name in self.memory}


def unit_of(lr: float) -> float:
    """Return what a `Folding` optimizer measures its gradient in: lr, or 1 where that would lose it."""
    return lr or 1.0


class Folding(Optimizer):
    """An optimizer whose step is lr times a sum of gradients: it takes them multiplied by lr already.

    Whoever computes the gradient multiplies dL/dz by a number anyway, and can multiply that number by lr.
    """

    def update(self, parameters: Array, gradient: Array, lr: float) -> None:
        """Change `parameters` in place."""
        gradient *= unit_of(lr)
        self.update_folded(parameters, gradient, lr)

    def update_folded(self, parameters: Array, gradient: Array, lr: float) -> None:
        """Change `parameters` in place; `gradient` is multiplied by `unit_of(lr)` already."""
        raise NotImplementedError(f"{type(self).__name__} must say how it updates the parameters")


class SGD(Folding):
    """w -= lr g: a step straight downhill (Robbins and Monro, 1951)."""

    default_lr = 0.1

    def update_folded(self, parameters: Array, gradient: Array, lr: float) -> None:
        """Change `parameters` in place."""
        self.steps += 1
        if lr:
            parameters -= gradient


class Momentum(Folding):
    """v = m v + g;  w -= lr v: a ball that rolls on where the slope keeps its direction (Polyak, 1964).

    Written so, that is 4 passes over the parameters. Three do, if the memory is v' = lr v:

        v' = m (lr / lr before) v' + lr g;  w -= v'

    An epoch ends with v, so that no learning rate has to be remembered with it.
    """

    default_lr = 0.03
    memory = ("velocity",)
    velocity: Array
    _unit = 1.0  # the velocity is this many times v

    def update_folded(self, parameters: Array, gradient: Array, lr: float) -> None:
        """Change `parameters` in place."""
        self.steps += 1
        unit = unit_of(lr)
        self.velocity *= self.momentum * (unit / self._unit)
        self._unit = unit
        self.velocity += gradient
        if lr:
            parameters -= self.velocity

    def settle(self) -> None:
        """Bring the velocity back to v."""
        self.velocity /= self._unit
        self._unit = 1.0


class Nesterov(Momentum):
    """v = m v + g;  w -= lr (g + m v): momentum that looks one step ahead (Nesterov, 1983; Sutskever et al., 2013).

    `velocity` holds lr m v, which both lines use: m v = m (m v + g);  w -= lr (g + m v).
    """

    def update_folded(self, parameters: Array, gradient: Array, lr: float) -> None:
        """Change `parameters` in place."""
        self.steps += 1
        unit = unit_of(lr)
        if unit != self._unit:
            self.velocity *= unit / self._unit
            self._unit = unit
        self.velocity += gradient
        self.velocity *= self.momentum
        gradient += self.velocity
        if lr:
            parameters -= gradient


class RMSProp(Optimizer):
    """v = b2 v + (1 - b2) g^2;  w -= lr g / (sqrt(v) + eps): steps of equal size (Tieleman and Hinton, 2012).

    `square` holds v / (1 - b2), as in Adam, so that v' = b2 v' + g^2 and the factor goes into lr and eps.
    """

    default_lr = 0.001
    memory = ("square",)
    square: Array
    beta2, epsilon = 0.99, 1e-8

    def update(self, parameters: Array, gradient: Array, lr: float) -> None:
        """Change `parameters` in place."""
        self.steps += 1
        scratch = self._scratch
        self.square *= self.beta2
        np.multiply(gradient, gradient, out=scratch)
        self.square += scratch

        scale = sqrt(1 - self.beta2)
        np.sqrt(self.square, out=scratch)
        scratch += self.epsilon / scale
        np.divide(gradient, scratch, out=gradient)
        gradient *= lr / scale
        parameters -= gradient


class Adam(Optimizer):
    """Every parameter gets its own step size from the mean and the spread of its gradients (Kingma and Ba, 2015).

    m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;  w -= lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)

    Written so, that is 14 passes over the parameters. Ten do, if the memory is m' = m / (1 - b1) and v' = v / (1 - b2):

        m' = b1 m' + g;  v' = b2 v' + g^2

    and what the moments lack goes into two numbers. With c = sqrt((1 - b2) / (1 - b2^t)) the denominator is
    c sqrt(v') + eps = c (sqrt(v') + eps / c), and the numerator lr (1 - b1) / (1 - b1^t) m', so

        w -= lr' m' / (sqrt(v') + eps')    with    lr' = lr (1 - b1) / (1 - b1^t) / c    and    eps' = eps / c
    """

    default_lr = 0.001
    memory = ("mean", "square")
    mean: Array
    square: Array
    epsilon = 1e-8

    def update(self, parameters: Array, gradient: Array, lr: float) -> None:
        """Change `parameters` in place."""
        self._remember(gradient, out=gradient)
        c = self._spread()
        np.sqrt(self.square, out=gradient)
        gradient += self.epsilon / c
        np.divide(self.mean, gradient, out=gradient)
        gradient *= lr * (1 - self.beta1) / (1 - self.beta1**self.steps) / c
        parameters -= gradient

    def _remember(self, gradient: Array, out: Array) -> None:
        """Add one gradient to both moments; its square stays in `out`, which may be the gradient itself."""
        self.steps += 1
        self.mean *= self.beta1
        self.mean += gradient
        self.square *= self.beta2
        np.multiply(gradient, gradient, out=out)
        self.square += out

    def _spread(self) -> float:
        """Return c, by which sqrt(v') is larger than the root of the corrected second moment."""
        return sqrt((1 - self.beta2) / (1 - self.beta2**self.steps))


class AdamW(Adam):
    """Adam whose weights (not its biases) also shrink by lr * decay a step (Loshchilov and Hutter, 2019)."""

    default_lr = 0.003

    def update(self, parameters: Array, gradient: Array, lr: float) -> None:
        """Change `parameters` in place."""
        self.decay(parameters, lr)
        super().update(parameters, gradient, lr)


class NAdam(Adam):
    """Adam that looks one step ahead, as Nesterov's momentum does (Dozat, 2016, algorithm 2, with b1 the same always).

    In Adam's step (b1 m / (1 - b1^(t+1)) + (1 - b1) g / (1 - b1^t)) takes the place of m / (1 - b1^t). With Adam's m'
    that is (1 - b1) / (1 - b1^t) (k m' + g), where k = b1 (1 - b1^t) / (1 - b1^(t+1)).
    """

    def update(self, parameters: Array, gradient: Array, lr: float) -> None:
        """Change `parameters` in place."""
        scratch = self._scratch
        self._remember(gradient, out=scratch)
        now = 1 - self.beta1**self.steps
        np.multiply(self.mean, self.beta1 * now / (1 - self.beta1 ** (self.steps + 1)), out=scratch)
        gradient += scratch

        c = self._spread()
        np.sqrt(self.square, out=scratch)
        scratch += self.epsilon / c
        np.divide(gradient, scratch, out=gradient)
        gradient *= lr * (1 - self.beta1) / now / c
        parameters -= gradient


class Lion(Optimizer):
    """w -= lr (sign(b1 m + (1 - b1) g) + decay w);  m = b2 m + (1 - b2) g  (Chen et al., 2023, arXiv:2302.06675).

    Every parameter moves by the same lr, only the direction comes from the gradient. `mean` holds m / (1 - b2), so that
    m' = b2 m' + g; a sign does not change if all is divided by 1 - b1: sign(k m' + g) with k = b1 (1 - b2) / (1 - b1).
    """

    default_lr = 0.0003
    memory = ("mean",)
    mean: Array
    beta2 = 0.99

    def update(self, parameters: Array, gradient: Array, lr: float) -> None:
        """Change `parameters` in place."""
        self.steps += 1
        self.decay(parameters, lr)
        scratch = self._scratch
        np.multiply(self.mean, self.beta1 * (1 - self.beta2) / (1 - self.beta1), out=scratch)
        scratch += gradient
        self.mean *= self.beta2
        self.mean += gradient
        np.sign(scratch, out=gradient)  # into another array, which NumPy does ten times as fast as in place
        gradient *= lr
        parameters -= gradient


OPTIMIZERS: dict[str, type[Optimizer]] = {
    "sgd": SGD,
    "momentum": Momentum,
    "nesterov": Nesterov,
    "rmsprop": RMSProp,
    "adam": Adam,
    "adamw": AdamW,
    "nadam": NAdam,
    "lion": Lion,
}
OWN_OPTIMIZERS = tuple(OPTIMIZERS.values())  # without those that plug-ins add
