"""An optimizer changes the parameters a little, against the gradient, so that the loss falls.

This is the only place of the project where arrays change after they were made: `update` works in place on the flat
parameter vector. Each optimizer keeps its own memory in flat vectors of the same length.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mlp_train.array import Array


class Optimizer:
    """What every optimizer has: an update in place, its default learning rate, and memory that a checkpoint keeps.

    A subclass lists the vectors it remembers in `memory` and writes `update`. `size` is the number of parameters, of
    which the first `weight_count` are weights and the rest biases.
    """

    default_lr = 0.01
    memory: tuple[str, ...] = ()

    def __init__(self, size: int, dtype: Any, *, weight_count: int, momentum: float, weight_decay: float) -> None:
        self.weight_count, self.momentum, self.weight_decay = weight_count, momentum, weight_decay
        self.steps = 0
        for name in self.memory:
            setattr(self, name, np.zeros(size, dtype))
        self._scratch = np.empty(size, dtype)

    def update(self, parameters: Array, gradient: Array, lr: float) -> None:
        """Change `parameters` in place; `gradient` may be used as scratch space afterwards."""
        raise NotImplementedError(f"{type(self).__name__} must say how it updates the parameters")

    def arrays(self) -> dict[str, Array]:
        """Return the memory by name, for a checkpoint."""
        return {name: getattr(self, name) for name in self.memory}

    def restore(self, arrays: dict[str, Array], steps: int) -> None:
        """Take over the memory and step count of a checkpoint."""
        for name in self.memory:
            np.copyto(getattr(self, name), arrays[name])
        self.steps = steps


class SGD(Optimizer):
    """w -= lr g: a step straight downhill (Robbins and Monro, 1951)."""

    default_lr = 0.1

    def update(self, parameters: Array, gradient: Array, lr: float) -> None:
        """Change `parameters` in place."""
        self.steps += 1
        np.multiply(gradient, lr, out=gradient)
        parameters -= gradient


class Momentum(Optimizer):
    """v = m v + g;  w -= lr v: a ball that rolls on where the slope keeps its direction (Polyak, 1964)."""

    default_lr = 0.03
    memory = ("velocity",)
    velocity: Array

    def update(self, parameters: Array, gradient: Array, lr: float) -> None:
        """Change `parameters` in place."""
        self.steps += 1
        self.velocity *= self.momentum
        self.velocity += gradient
        np.multiply(self.velocity, lr, out=self._scratch)
        parameters -= self._scratch


class Nesterov(Momentum):
    """v = m v + g;  w -= lr (g + m v): momentum that looks one step ahead (Nesterov, 1983; Sutskever et al., 2013)."""

    def update(self, parameters: Array, gradient: Array, lr: float) -> None:
        """Change `parameters` in place."""
        self.steps += 1
        self.velocity *= self.momentum
        self.velocity += gradient
        np.multiply(self.velocity, self.momentum, out=self._scratch)
        self._scratch += gradient
        self._scratch *= lr
        parameters -= self._scratch


class Adam(Optimizer):
    """Every parameter gets its own step size from the mean and the spread of its gradients (Kingma and Ba, 2015).

    m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;  w -= lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)
    """

    default_lr = 0.001
    memory = ("mean", "square")
    mean: Array
    square: Array
    beta1, beta2, epsilon = 0.9, 0.999, 1e-8

    def update(self, parameters: Array, gradient: Array, lr: float) -> None:
        """Change `parameters` in place."""
        self.steps += 1
        scratch = self._scratch
        self.mean *= self.beta1
        np.multiply(gradient, 1 - self.beta1, out=scratch)
        self.mean += scratch
        self.square *= self.beta2
        np.multiply(gradient, gradient, out=scratch)
        scratch *= 1 - self.beta2
        self.square += scratch

        np.divide(self.square, 1 - self.beta2**self.steps, out=scratch)
        np.sqrt(scratch, out=scratch)
        scratch += self.epsilon
        np.divide(self.mean, scratch, out=scratch)
        scratch *= lr / (1 - self.beta1**self.steps)
        parameters -= scratch


class AdamW(Adam):
    """Adam whose weights (not its biases) also shrink by lr * decay a step (Loshchilov and Hutter, 2019)."""

    default_lr = 0.003

    def update(self, parameters: Array, gradient: Array, lr: float) -> None:
        """Change `parameters` in place."""
        parameters[: self.weight_count] *= 1 - lr * self.weight_decay
        super().update(parameters, gradient, lr)


OPTIMIZERS: dict[str, type[Optimizer]] = {
    "sgd": SGD,
    "momentum": Momentum,
    "nesterov": Nesterov,
    "adam": Adam,
    "adamw": AdamW,
}
