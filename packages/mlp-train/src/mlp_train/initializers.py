"""An initializer draws the first weights: large enough that signals arrive, small enough that they do not explode."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mlp_train.array import Array
from mlp_train.derivatives import DERIVATIVES
from mlp_train.network import Network

Initializer = Callable[[np.random.Generator, int, int], Array]


def he_normal(generator: np.random.Generator, n_in: int, n_out: int) -> Array:
    """Normal with variance 2 / n_in, for activations that drop half of their input (He et al., 2015)."""
    return generator.normal(0.0, np.sqrt(2 / n_in), (n_in, n_out))


def he_uniform(generator: np.random.Generator, n_in: int, n_out: int) -> Array:
    """Uniform with variance 2 / n_in (He et al., 2015)."""
    limit = np.sqrt(6 / n_in)
    return generator.uniform(-limit, limit, (n_in, n_out))


def glorot_normal(generator: np.random.Generator, n_in: int, n_out: int) -> Array:
    """Normal with variance 2 / (n_in + n_out), a compromise of both directions (Glorot and Bengio, 2010)."""
    return generator.normal(0.0, np.sqrt(2 / (n_in + n_out)), (n_in, n_out))


def glorot_uniform(generator: np.random.Generator, n_in: int, n_out: int) -> Array:
    """Uniform with variance 2 / (n_in + n_out) (Glorot and Bengio, 2010, equation 16)."""
    limit = np.sqrt(6 / (n_in + n_out))
    return generator.uniform(-limit, limit, (n_in, n_out))


def lecun_normal(generator: np.random.Generator, n_in: int, n_out: int) -> Array:
    """Normal with variance 1 / n_in, as SELU's self-normalisation asks for (Klambauer et al., 2017)."""
    return generator.normal(0.0, np.sqrt(1 / n_in), (n_in, n_out))


INITIALIZERS: dict[str, Initializer] = {
    "he-normal": he_normal,
    "he-uniform": he_uniform,
    "glorot-normal": glorot_normal,
    "glorot-uniform": glorot_uniform,
    "lecun-normal": lecun_normal,
}


def initialize(network: Network, generator: np.random.Generator, name: str = "auto") -> None:
    """Fill the network's weights in place; biases become 0. `auto` takes what suits each layer's activation."""
    network.flat[:] = 0
    for spec, weight in zip(network.layers, network.weights, strict=True):
        chosen = DERIVATIVES[spec.activation].initializer if name == "auto" else name
        weight[:] = INITIALIZERS[chosen](generator, spec.n_in, spec.n_out)
