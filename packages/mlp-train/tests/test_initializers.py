"""First weights have the spread that their paper asks for."""

from __future__ import annotations

import numpy as np
import pytest

from mlp_train.initializers import INITIALIZERS, initialize
from mlp_train.network import LayerSpec, Network

VARIANCE = {
    "he-normal": 2 / 400,
    "he-uniform": 2 / 400,
    "glorot-normal": 2 / 700,
    "glorot-uniform": 2 / 700,
    "lecun-normal": 1 / 400,
}


@pytest.mark.parametrize("name", INITIALIZERS)
def test_the_variance_is_the_papers(name):
    weight = INITIALIZERS[name](np.random.default_rng(0), 400, 300)
    assert weight.shape == (400, 300)
    assert weight.var() == pytest.approx(VARIANCE[name], rel=0.02)
    assert abs(weight.mean()) < 0.001


def test_auto_suits_each_layers_activation_and_biases_start_at_zero():
    network = Network([LayerSpec(400, 300, "relu"), LayerSpec(300, 400, "tanh"), LayerSpec(400, 200, "selu")])
    initialize(network, np.random.default_rng(0))
    assert network.weights[0].var() == pytest.approx(2 / 400, rel=0.03)
    assert network.weights[1].var() == pytest.approx(2 / 700, rel=0.03)
    assert network.weights[2].var() == pytest.approx(1 / 400, rel=0.03)
    assert all((bias == 0).all() for bias in network.biases)


def test_the_same_seed_gives_the_same_bits():
    networks = [Network([LayerSpec(20, 10, "relu")]) for _ in range(2)]
    for network in networks:
        initialize(network, np.random.default_rng(7))
    assert networks[0].flat.tobytes() == networks[1].flat.tobytes()
