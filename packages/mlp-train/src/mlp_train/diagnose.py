"""Diagnosis tells how each layer is doing: how strong its gradient is, how far it moves, and which units are dead."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlp_train.array import Array
from mlp_train.network import FlatArrays, ForwardPass, LayerSpec, Network
from mlp_train.regularizers import norm


@dataclass(frozen=True)
class Watched:
    """What happened in one step: vectors that lie parallel to the parameters."""

    gradient: Array  # before it was clipped
    change: Array  # what the step added to the parameters


def layer_norms(flat: Array, layers: Sequence[LayerSpec]) -> tuple[float, ...]:
    """Return the length of what belongs to each layer, its weight and bias together."""
    parts = FlatArrays(layers, flat.dtype, flat)
    pairs = zip(parts.weights, parts.biases, strict=True)
    return tuple(math.hypot(norm(weight.reshape(-1)), norm(bias)) for weight, bias in pairs)


def update_ratios(change: Array, network: Network) -> tuple[float, ...]:
    """Return |change of W| / |W| of each layer in one step; about 0.001 is healthy (Karpathy, CS231n notes)."""
    moved = FlatArrays(network.layers, change.dtype, change)
    pairs = zip(moved.weights, network.weights, strict=True)
    return tuple(norm(change.reshape(-1)) / max(norm(weight.reshape(-1)), 1e-30) for change, weight in pairs)


class DeadUnits:
    """Counts the hidden units whose activation is 0 for every sample that was shown, so that nothing can train them.

    Only activations that can be exactly 0 over a whole range, as a ReLU can, have such units.
    """

    def __init__(self, layers: Sequence[LayerSpec]) -> None:
        self._alive = [np.zeros(spec.n_out, bool) for spec in layers[:-1]]

    def look(self, forward: ForwardPass) -> None:
        """Look at the activations of a pass that just happened."""
        for alive, a in zip(self._alive, forward.a[1:-1], strict=True):
            np.logical_or(alive, a.any(axis=0), out=alive)

    def shares(self) -> tuple[float, ...]:
        """Return the share of dead units of each hidden layer."""
        return tuple(float(1 - alive.mean()) for alive in self._alive)
