"""A walk is one batch's way through a network and back, with every number on the way kept, and each slope measured.

All numbers come from the trainer's own code in float64: `Network.forward`, `backward.py` (or, for a mistake, the line
of `broken.py` that differs from it), `gradcheck.finite_differences` and the optimizer `sgd`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mlp_runtime.activations import ACTIVATIONS, layer
from mlp_train.array import Array
from mlp_train.backward import Trace, backward
from mlp_train.derivatives import DERIVATIVES
from mlp_train.gradcheck import STEP, TOLERANCE, Check, finite_differences, relative_error
from mlp_train.losses import Loss, mean_loss, output_gradient
from mlp_train.network import ForwardPass, Gradient, Network
from mlp_train.optimizers import OPTIMIZERS
from mlp_train.ui.broken import broken_backward, culprit, with_surrogate, without_transpose

CHECKED = 120  # parameters of each weight and each bias that the check nudges, where there are more
GRADIENTS = ("d_weight", "d_bias", "d_a", "d_z")


@dataclass(frozen=True)
class Nudge:
    """A slope by finite differences: four losses around a number, `step` and twice `step` away from it."""

    slope: float
    step: float
    losses: tuple[float, float, float, float]  # at +1, -1, +2 and -2 steps
    error: float  # relative, between the slope and what backpropagation says


class Walk:
    """One batch forward and back: x (batch, n_in), y (batch, n_out), with a mistake of `broken.MISTAKES` or none.

    `matrix(name, index)` gives any number of it, `nudge` measures a slope, `check` all of them, `step` learns.
    """

    def __init__(self, network: Network, loss: Loss, x: Array, y: Array, mistake: str | None = None) -> None:
        self.network, self.loss, self.x, self.y, self.mistake = network, loss, x, y, mistake
        used = with_surrogate(network) if mistake == "hybrid" else network
        self.forward = ForwardPass(used, len(x), keep_last_z=True)
        self.gradient, self.trace = Gradient(used.layers, np.float64), Trace()
        used.forward(x, self.forward)
        if mistake in (None, "hybrid"):
            d_z = output_gradient(loss, used, self.forward, y)
            backward(used, self.forward, d_z, self.gradient, self.trace)
        else:
            broken_backward(mistake, used, loss, self.forward, y, self.gradient, self.trace)
        self.used = used
        self.last = len(network.layers)  # the index of the last a
        self.mean_loss = mean_loss(loss, self.forward, y)

    @property
    def is_surrogate(self) -> bool:
        """Whether some layer goes back, on purpose, otherwise than by the slope of what it does forward."""
        return any(DERIVATIVES[spec.activation].surrogate for spec in self.used.layers)

    def matrix(self, name: str, index: int) -> Array:
        """Return what is called `name[index]`, as docs/backprop.md has it; a bias and its gradient are (1, n_out)."""
        of_layers: dict[str, Callable[[], Array]] = {
            "a": lambda: self.forward.a[index],
            "y": lambda: self.y,
            "weight": lambda: self.network.weights[index],
            "bias": lambda: self.network.biases[index][None],
            "z": lambda: self._z(index),
            "losses": lambda: self.loss.value(self._z(self.last - 1), self.forward.a[-1], self.y)[:, None],
            "d_a": lambda: self._output_d_a() if index == self.last else self.trace.d_a[index - 1],
            "d_z": lambda: self.trace.d_z[index],
            "d_weight": lambda: self.gradient.weights[index],
            "d_bias": lambda: self.gradient.biases[index][None],
            "slope": lambda: self._slope(index),
        }
        return of_layers[name]()

    def wrong_transpose(self, index: int) -> Array | None:
        """Return what stands in the place of `weight[index].T` where the mistake is there, else None."""
        if self.mistake == "transpose" and index == culprit(self.network):
            return without_transpose(self.network.weights[index])
        return None

    def nudge(self, name: str, index: int, row: int, column: int) -> Nudge:
        """Measure how the loss depends on one number, and compare with the gradient `name[index]` there."""
        said = float(self.matrix(name, index)[row, column])
        network = Network(self.network.layers, np.float64, self.network.flat.copy())  # others may read the first
        if name == "d_weight":
            at = network.weights[index][row, column : column + 1]
            return _measure(lambda: self._loss_from(network, 0, self.x), at, said)
        if name == "d_bias":
            at = network.biases[index][column : column + 1]
            return _measure(lambda: self._loss_from(network, 0, self.x), at, said)
        if name == "d_a":
            a = self.forward.a[index].copy()
            z = self._z(self.last - 1)
            return _measure(lambda: self._loss_from(network, index, a, z), a[row, column : column + 1], said)
        z = self._z(index).copy()
        return _measure(
            lambda: self._loss_from(network, index + 1, self._activate(index, z), z), z[row, column : column + 1], said
        )

    def check(self) -> list[dict[str, object]]:
        """Compare the gradient with finite differences, for each weight and bias: the worst relative error of it.

        Of a large one so many numbers are nudged: the strongest, where a mistake would count most, and some evenly.
        """
        found: list[dict[str, object]] = []
        for index in range(self.last):
            for name in ("d_weight", "d_bias"):
                slopes = self.matrix(name, index)
                places = _to_check(slopes)
                error = max(self.nudge(name, index, *divmod(place, slopes.shape[1])).error for place in places)
                surrogate = self.is_surrogate and error > TOLERANCE and self.mistake in (None, "hybrid")
                one = Check(f"{name}[{index}]", error, surrogate)
                found.append({**one.to_dict(), "layer": index, "checked": len(places), "of": slopes.size})
        return found

    def step(self, lr: float) -> Walk:
        """Return the walk after weight -= lr * d_weight and bias -= lr * d_bias, by the trainer's own `sgd`."""
        network = Network(self.network.layers, np.float64, self.network.flat.copy())
        sgd = OPTIMIZERS["sgd"](
            network.flat.size, np.float64, weight_count=network.weight_count, momentum=0.0, weight_decay=0.0
        )
        sgd.update(network.flat, self.gradient.flat.copy(), lr=lr)
        return Walk(network, self.loss, self.x, self.y, self.mistake)

    def _z(self, index: int) -> Array:
        weight, bias = self.network.weights[index], self.network.biases[index]
        return layer(self.forward.given[index], weight, bias, out=np.empty((len(self.x), len(bias))))

    def _slope(self, index: int) -> Array:
        """Return da/dz of a layer, one number for each z; not for softmax, where one z moves a whole row."""
        spec, a = self.used.layers[index], self.forward.a[index + 1]
        out = np.empty_like(a)
        DERIVATIVES[spec.activation].backward(np.ones_like(a), self._z(index), a, out, **spec.parameters)
        return out

    def _output_d_a(self) -> Array:
        """Return dL/da of the last layer, where the loss hands over that; the mistakes at the output are in it."""
        d_a = np.empty_like(self.y)
        self.loss.gradient(self.forward.a[-1], self.y, d_a)
        return d_a * (-1 if self.mistake == "sign" else 1) / (1 if self.mistake == "batch" else len(self.y))

    def _activate(self, index: int, z: Array) -> Array:
        spec, a = self.network.layers[index], np.empty_like(z)
        ACTIVATIONS[spec.activation].forward(z, a, **spec.parameters)
        return a

    def _loss_from(self, network: Network, index: int, a: Array, z: Array | None = None) -> float:
        """Return the loss when a[index] is this; z is the last layer's, where `index` is beyond it."""
        for i in range(index, self.last):
            z = layer(a, network.weights[i], network.biases[i], out=np.empty((len(a), len(network.biases[i]))))
            a = self._activate(i, z)
        return float(self.loss.value(z, a, self.y).mean())


def _measure(loss_now: Callable[[], float], at: Array, said: float) -> Nudge:
    """Nudge the one number at `at`; a kink such as ReLU's may lie within a step, but not within a smaller one."""
    tried = []
    for step in (STEP, STEP / 10, STEP / 100):
        losses: list[float] = []

        def noted(seen: list[float] = losses) -> float:
            seen.append(loss_now())
            return seen[-1]

        slope = finite_differences(noted, at, step)
        error = relative_error(slope, np.array([said]))
        tried.append(Nudge(float(slope[0]), step, (losses[0], losses[1], losses[2], losses[3]), error))
        if error <= TOLERANCE:
            return tried[-1]
    return tried[0]


def _to_check(slopes: Array) -> list[int]:
    """Return which numbers of a gradient to check, by their place in it."""
    flat = np.abs(slopes).ravel()
    if flat.size <= CHECKED:
        return list(range(flat.size))
    strongest = np.argpartition(-flat, CHECKED // 2)[: CHECKED // 2]
    evenly = np.arange(CHECKED // 2) * flat.size // (CHECKED // 2)
    return sorted({*strongest.tolist(), *evenly.tolist()})
