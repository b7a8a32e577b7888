"""L-BFGS looks at how the slope changed in its last steps, guesses the valley's shape, and goes for the bottom at once.

It needs the gradient of all samples together, and several of them a step, so it is for small data; there it finds in a
hundred steps what others do not find in ten thousand (Liu and Nocedal, 1989).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from mlp_train.array import Array

Evaluate = Callable[[Array], tuple[float, Array]]  # parameters -> the loss of all samples, its gradient

HISTORY = 10  # pairs of past steps; more help little (Nocedal and Wright, 2006, section 7.2)
FALL, TURN = 1e-4, 0.9  # shares of the first slope: how far the loss must fall, and how much of the slope may be left
TRIALS = 25


class LBFGS:
    """Minimises a function of `size` parameters, one `step` after the other; `arrays` is what a checkpoint keeps.

    It remembers where it stands (`at`), the loss and the gradient there, and of the last steps the pairs (s, y): s is
    what a step added to the parameters, y what that added to the gradient. All in float64, whatever the network has.
    `converged` says that there is nothing lower that these digits could tell from where it stands.

    >>> bowl = lambda p: (float(p @ p) / 2, p)
    >>> parameters, optimizer = np.array([3.0, -4.0]), LBFGS(2)
    >>> [round(optimizer.step(parameters, bowl), 6) for _ in range(3)]
    [8.0, 0.0, 0.0]
    """

    memory = ("at", "gradient", "loss", "s", "y", "counts")

    def __init__(self, size: int, history: int = HISTORY) -> None:
        self.at, self.gradient, self.loss = np.zeros(size), np.zeros(size), np.zeros(1)
        self.s, self.y = np.zeros((history, size)), np.zeros((history, size))
        self.counts = np.zeros(2, np.int64)  # pairs, in the last rows of s and y; and 1 once it stands somewhere
        self.steps = 0
        self.converged = False

    def step(self, parameters: Array, evaluate: Evaluate) -> float:
        """Change `parameters` in place to where the loss is lower, and return the loss there.

        `evaluate(parameters)` returns the loss of all samples, with every penalty, and its gradient; it is given the
        array of the caller, in which values have changed. The same parameters must give the same loss: no dropout, no
        noise, no part of the samples. Where nothing lower is found the parameters stay as they are, and the next step
        forgets the past and goes straight downhill.
        """
        self.steps += 1
        self.converged = False
        if not (self.counts[1] and np.array_equal(self.at, parameters)):
            self._stand(parameters, *evaluate(parameters))
        at, gradient, loss = self.at, self.gradient, float(self.loss[0])
        direction = -self.times_inverse_hessian(gradient)
        slope = float(gradient @ direction)
        length = 1.0 if self.counts[0] else 1 / math.sqrt(max(-slope, 1.0))  # at first a distance of 1 at most
        noise = 2 * float(np.finfo(parameters.dtype).eps) * abs(loss)  # differences below it say nothing
        if not -slope * length > noise:
            self.converged = True
        elif self._search(parameters, direction, slope, length, evaluate):
            self._remember(self.at - at, self.gradient - gradient)
        else:  # the guess of the valley's shape is a bad one, or there was none and this is the bottom
            self.converged = self.counts[0] == 0
            self.counts[0] = 0
        return float(self.loss[0])

    def times_inverse_hessian(self, vector: Array) -> Array:
        """Return the guess of the inverse Hessian times `vector`, by the two loops of Nocedal (1980)."""
        pairs = range(len(self.s) - int(self.counts[0]), len(self.s))
        result, shares = vector.copy(), {}
        for i in reversed(pairs):
            shares[i] = (self.s[i] @ result) / (self.s[i] @ self.y[i])
            result -= shares[i] * self.y[i]
        if pairs:
            result *= (self.s[-1] @ self.y[-1]) / (self.y[-1] @ self.y[-1])
        for i in pairs:
            result += (shares[i] - (self.y[i] @ result) / (self.s[i] @ self.y[i])) * self.s[i]
        return result

    def arrays(self) -> dict[str, Array]:
        """Return the memory by name, for a checkpoint."""
        return {name: getattr(self, name) for name in self.memory}

    def restore(self, arrays: dict[str, Array], steps: int) -> None:
        """Take over the memory and step count of a checkpoint."""
        for name in self.memory:
            np.copyto(getattr(self, name), arrays[name])
        self.steps = steps

    def _search(self, parameters: Array, direction: Array, slope: float, length: float, evaluate: Evaluate) -> bool:
        """Go a length at which the loss has fallen enough and the slope has flattened: the two conditions of Wolfe.

        Too long a step halves the interval from above, too short a one from below. That asks for no more than a slope
        downward, so it works across the kinks of ReLU too (Lewis and Overton, 2013, algorithm 2.6). Without the second
        condition the longest step that let the loss fall is taken; False where there is none.
        """
        at, loss = self.at, float(self.loss[0])
        low, high = 0.0, math.inf
        for _ in range(TRIALS):
            parameters[:] = at + length * direction
            found, gradient = evaluate(parameters)
            if found <= loss + FALL * length * slope and np.isfinite(gradient).all():
                low = length
                self._stand(parameters, found, gradient)
                if float(self.gradient @ direction) >= TURN * slope:
                    break
            else:
                high = length
            length = 2 * low if math.isinf(high) else (low + high) / 2
        parameters[:] = self.at
        return not np.array_equal(self.at, at)

    def _stand(self, parameters: Array, loss: float, gradient: Array) -> None:
        self.at, self.gradient = parameters.astype(np.float64), gradient.astype(np.float64)
        self.loss[0], self.counts[1] = loss, 1

    def _remember(self, s: Array, y: Array) -> None:
        """Keep a pair in place of the oldest, if the valley curves upward along it, as a minimum needs."""
        if s @ y > 1e-10 * math.sqrt((s @ s) * (y @ y)):
            self.s[:-1], self.y[:-1] = self.s[1:], self.y[1:]
            self.s[-1], self.y[-1] = s, y
            self.counts[0] = min(self.counts[0] + 1, len(self.s))
