"""A temperature makes a trained network as sure of its answers as it deserves to be, and changes none of them.

The numbers before the last activation (logits) are divided by one temperature T: above 1 every answer becomes less
sure, below 1 surer, and the likeliest stays the likeliest (Guo et al., 2017). T is fitted on samples that were held
out, because a network is surer of those that it was trained on. The model file carries it, divided into the last layer.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np

from mlp_runtime.activations import get_activation
from mlp_train.array import Array
from mlp_train.metrics.labels import as_pairs
from mlp_train.metrics.probabilities import calibration_error, log_loss

FEWEST = 50  # samples, below which a temperature would be fitted to chance
COLDEST, HOTTEST = 0.01, 100.0
CLOSE = 1e-9  # of log T
STEPS = 100  # more than halving the range takes to come so close
SIGMOIDS = ("sigmoid", "sigmoid-hybrid")  # one forward, two ways to train


@dataclass(frozen=True)
class Calibration:
    """A fitted temperature, and the log-loss and calibration error (0..1) of its samples before and after."""

    temperature: float
    samples: int
    log_loss_before: float
    log_loss: float
    calibration_error_before: float
    calibration_error: float

    def to_dict(self) -> dict[str, float]:
        """Return the figures as values that JSON knows, with 6 digits."""
        return {name: float(f"{value:.6g}") if name != "samples" else value for name, value in asdict(self).items()}


def fit_temperature(logits: Array, y: Array, weights: Array | None = None) -> float:
    """Return the T for which `logits / T` has the least log-loss on these samples.

    logits: (n, classes) with y class indices (n,), for softmax; (n, 1) with y 0 or 1 (n,), or (n, labels) with y a
    0/1 matrix (n, labels), for sigmoids. weights: (n,) or None.

    One imagined sample more, for which every answer is equally likely, keeps T above 0 where all answers are right, as
    Platt (1999) does it. The log-loss is convex in 1 / T, so it has one minimum, which Newton steps in log T find;
    where a step would leave the bracket, halving the bracket takes its place. Logits that are all alike give 1.

    >>> sure = np.array([[2.0, 0.0]] * 5)  # 88 % sure, but right only in 4 of 5
    >>> T = fit_temperature(sure, np.array([0, 0, 0, 0, 1]))
    >>> round(float(1 / (1 + np.exp(-2 / T))), 3)  # (4 + 1/2) / (5 + 1)
    0.75
    """
    z = logits.astype(np.float64)
    is_softmax = y.ndim == 1 and z.shape[1] > 1
    target = np.eye(z.shape[1])[y] if is_softmax else y.reshape(z.shape).astype(np.float64)
    unknown = 1 / (len(z) + 1)
    target = (1 - unknown) * target + unknown * (1 / z.shape[1] if is_softmax else 0.5)
    weight = np.ones(len(z)) if weights is None else weights / np.mean(weights)
    low, high, u = math.log(COLDEST), math.log(HOTTEST), 0.0  # u = log T
    for _ in range(STEPS):
        slope, bend = _derivatives(z, target, weight, math.exp(-u), is_softmax)
        if abs(slope) <= 1e-12 * len(z):
            break
        low, high = (low, u) if slope > 0 else (u, high)
        newton = u - slope / bend if bend > 0 else math.inf
        last, u = u, newton if low < newton < high else (low + high) / 2
        if abs(u - last) < CLOSE:
            break
    return math.exp(u)


def calibrate(logits: Array, y: Array, activation: str, weights: Array | None = None) -> Calibration | None:
    """Fit a temperature at the end of a training; None where that makes no sense.

    logits: z of the last layer, (n, n_out). y: class indices (n,), or a 0/1 matrix (n, labels). activation: of the last
    layer. None with fewer than 50 samples, where the activation does not turn logits into probabilities of these
    answers (softmax for one of several classes, sigmoid for one of two or for labels), and where nothing is gained.
    """
    fitting = ("softmax",) if y.ndim == 1 and logits.shape[1] > 1 else SIGMOIDS
    counts = weights is None or weights.any()
    if len(y) < FEWEST or activation not in fitting or not counts or not np.isfinite(logits).all():
        return None
    temperature = fit_temperature(logits, y, weights)
    before, after = (_loss_and_error(logits, y, activation, t, weights) for t in (1.0, temperature))
    if after[0] >= before[0]:
        return None
    return Calibration(temperature, len(y), before[0], after[0], before[1], after[1])


def probabilities(logits: Array, activation: str, temperature: float = 1.0) -> Array:
    """Return what the last layer makes of `logits / temperature`, float64, a column for each class or label.

    One sigmoid for two classes becomes two columns, as the runtime's `predict_proba` gives them.

    >>> probabilities(np.array([[0.0]]), "sigmoid")
    array([[0.5, 0.5]])
    """
    a = logits.astype(np.float64) / temperature
    get_activation(activation).forward(a, a)
    return np.concatenate((1 - a, a), axis=1) if a.shape[1] == 1 else a


def _derivatives(z: Array, target: Array, weight: Array, cold: float, is_softmax: bool) -> tuple[float, float]:
    """Return the first and second derivative of the summed log-loss by u = log T, where `cold` is 1 / T.

    With L as a function of c = 1 / T, and p the probabilities at c:
    L'(c) = sum (p - target) z and L''(c) = sum of z's variance under p; by u they are -c L' and c^2 L'' + c L'.
    """
    p = cold * z
    get_activation("softmax" if is_softmax else "sigmoid").forward(p, p)
    first = float(weight @ ((p - target) * z).sum(axis=1))
    if is_softmax:
        variance = (p * np.square(z - (p * z).sum(axis=1, keepdims=True))).sum(axis=1)
    else:
        variance = (p * (1 - p) * np.square(z)).sum(axis=1)
    return -cold * first, cold * cold * float(weight @ variance) + cold * first


def _loss_and_error(
    logits: Array, y: Array, activation: str, temperature: float, weights: Array | None
) -> tuple[float, float]:
    shares = probabilities(logits, activation, temperature)
    if y.ndim == 2:
        shares, y, weights = as_pairs(shares, y, weights)
    return log_loss(shares, y, weights), calibration_error(shares, y, weights)
