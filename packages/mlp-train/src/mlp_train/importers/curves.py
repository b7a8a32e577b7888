"""An activation is recognised by its values, however many nodes of a graph it was taken apart into.

A curve is what some nodes make of each number by itself. It is computed on a grid in float64 as the graph is walked;
what it is, is asked when a layer needs to know: a known activation, a scaling, or something that has no name here.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from mlp_runtime.activations import SELU_ALPHA, SELU_SCALE, get_activation
from mlp_train.array import Array
from mlp_train.errors import ForeignModelError
from mlp_train.importers.net import Net, short

GRID = np.concatenate((np.linspace(-8, 8, 161), [-60.0, -45.0, -30.0, -14.0, 14.0, 30.0, 45.0, 60.0]))
CLOSE = 2e-6  # of a value's size: the constants of a graph are float32
MAX_SCALINGS = 6
MAX_STEPS = 100  # nodes that one activation, or several without a layer between them, may be taken apart into

PLAIN = ("relu", "tanh", "sigmoid", "silu", "gelu", "selu", "exp")
_ERF = np.array([math.erf(value / math.sqrt(2)) for value in GRID])
WITHOUT_NAME = {  # what is met often and is none of the model file's activations
    "a GELU with erf (the file has the tanh form, approximate='tanh')": GRID / 2 * (1 + _ERF),
    "a softplus": np.logaddexp(0, GRID),
    "a softsign": GRID / (1 + np.abs(GRID)),
    "a ReLU cut off at 6": np.clip(GRID, 0, 6),
    "a hard sigmoid": np.clip(GRID / 6 + 0.5, 0, 1),
    "a hard sigmoid of slope 0.2": np.clip(GRID * 0.2 + 0.5, 0, 1),
    "a hard swish": GRID * np.clip(GRID / 6 + 0.5, 0, 1),
    "a mish": GRID * np.tanh(np.logaddexp(0, GRID)),
    "an exp without a limit (the file's ends at exp(40))": np.exp(GRID),
}

Step = Callable[[Array], Array]


class Curve:
    """What nodes make of every number of `base`: its values on GRID, and the step from the value before, if it is one.

    scalings: those that happened on the way, (scale, shift), which may be what an activation was given.
    """

    def __init__(
        self,
        base: Net,
        values: Array,
        where: str,
        before: Curve | None = None,
        step: Step | None = None,
        scalings: tuple[tuple[float, float], ...] = (),
    ) -> None:
        self.base, self.values, self.where, self.before, self.step = base, values, where, before, step
        own = None if values.dtype == bool else _straight(values)
        found = (*scalings, own) if own is not None and own not in scalings and own != (1.0, 0.0) else scalings
        self.scalings = found[-MAX_SCALINGS:]
        self.compared: tuple[Curve, float] | None = None  # with what, where the values say whether it reaches that
        self._net: Net | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one sample."""
        return self.base.shape

    def through(self, step: Step, where: str) -> Curve:
        """Return what a step makes of each value."""
        with np.errstate(all="ignore"):
            values = np.asarray(step(self.values))
        return Curve(self.base, values, where, self, step, self.scalings)

    @property
    def net(self) -> Net:
        """The network with this curve as scalings and activations; ForeignModelError names one that it cannot be."""
        if self._net is None:
            self._net = self._settled()
        return self._net

    def _settled(self) -> Net:
        steps: list[Curve] = []
        curve: Curve = self
        while (made := _as_layers(curve)) is None:
            if curve.before is None or curve.step is None or len(steps) == MAX_STEPS:
                raise self._nameless()
            steps.append(curve)
            curve = curve.before
        for later in reversed(steps):
            assert later.step is not None
            again = start(made, later.where).through(later.step, later.where)
            again_made = _as_layers(again)
            if again_made is None:
                raise again._nameless()
            made = again_made
        return made

    def _nameless(self) -> ForeignModelError:
        for scale, shift in ((1.0, 0.0), *self.scalings):
            for name, values in WITHOUT_NAME.items():
                if (scale, shift) == (1.0, 0.0) and _same(self.values, values):
                    return ForeignModelError(f"up to {self.where} {name} is computed, which no model file can say")
        return ForeignModelError(f"{self.where} ends an activation that no model file has: it is none of its own")


def start(net: Net, where: str) -> Curve:
    """Return the curve that changes nothing yet."""
    return Curve(net, GRID, where)


def together(curves: list[Curve], combine: Callable[..., Array], where: str) -> Curve:
    """Return what a step makes of several curves of the same numbers."""
    bases = {id(curve.base) for curve in curves}
    if len(bases) > 1:
        raise ForeignModelError(
            f"{where} combines what was computed in several ways (a branch or a skip connection): only a sequence of "
            "layers can be taken"
        )
    with np.errstate(all="ignore"):
        values = np.asarray(combine(*(curve.values for curve in curves)))
    scalings = tuple(dict.fromkeys(one for curve in curves for one in curve.scalings))
    return Curve(curves[0].base, values, where, scalings=scalings)


def _as_layers(curve: Curve) -> Net | None:
    """Return the network with this curve behind it, None where it is nothing that has a name."""
    values = np.asarray(curve.values, np.float64)
    if curve.values.dtype == bool or not np.isfinite(values).all():
        return None
    line = _straight(values)
    if line is not None:
        return curve.base if line == (1.0, 0.0) else curve.base.scaled(*line, curve.where)
    for scale, shift in ((1.0, 0.0), *curve.scalings):
        found = _activation(scale * GRID + shift, values)
        if found is not None:
            inner = curve.base if (scale, shift) == (1.0, 0.0) else curve.base.scaled(scale, shift, curve.where)
            return inner.activate(*found, curve.where)
    return None


def _activation(z: Array, values: Array) -> tuple[str, dict[str, float]] | None:
    """Return the activation that gives these values at z, with its parameters."""
    for name in PLAIN:
        if _same(values, _computed(name, z, {})):
            return name, {}
    low = int(np.argmin(z))
    if z[low] < -1:
        slope, alpha = short(values[low] / z[low]), short(values[low] / np.expm1(z[low]))
        for name, parameters in (("leaky-relu", {"negative_slope": slope}), ("elu", {"alpha": alpha})):
            if _same(values, _computed(name, z, parameters)):
                return name, parameters
    return None


def _computed(name: str, z: Array, parameters: dict[str, float]) -> Array:
    out = np.empty_like(z)
    with np.errstate(all="ignore"):
        get_activation(name).forward(z, out, **parameters)
    return out


def _straight(values: Array) -> tuple[float, float] | None:
    """Return scale and shift where the values are a straight line of GRID."""
    values = np.asarray(values, np.float64)
    if not np.isfinite(values).all():
        return None
    at = int(np.argmin(np.abs(GRID)))
    shift = float(values[at])
    scale = float((values[-1] - values[0]) / (GRID[-1] - GRID[0]))
    if abs(scale - 1) < 1e-12 and abs(shift) < 1e-300:
        scale, shift = 1.0, 0.0
    return (scale, shift) if _same(values, scale * GRID + shift) else None


def _same(found: Array, wanted: Array) -> bool:
    return bool((np.abs(found - wanted) <= CLOSE * np.maximum(np.abs(wanted), 1e-3)).all())


SELU = (SELU_ALPHA, SELU_SCALE)
