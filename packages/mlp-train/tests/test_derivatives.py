"""Derivatives stay finite where floating point ends, in both precisions."""

from __future__ import annotations

import numpy as np
import pytest

from mlp_runtime.activations import ACTIVATIONS
from mlp_train.derivatives import DERIVATIVES

EXTREMES = [-1e30, -1e4, -104.0, -88.0, -17.0, -1e-38, 0.0, 1e-38, 17.0, 40.0, 88.0, 104.0, 1e4]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", DERIVATIVES)
def test_every_gradient_is_finite_and_keeps_its_type_at_the_extremes(name, dtype):
    activation, derivative = ACTIVATIONS[name], DERIVATIVES[name]
    z = np.array([EXTREMES, EXTREMES[::-1]], dtype)
    a, d_z = np.empty_like(z), np.empty_like(z)
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        activation.forward(z, a, **activation.parameters)
        derivative.backward(np.ones_like(z), z if derivative.needs_z else None, a, d_z, **activation.parameters)
    assert d_z.dtype == dtype
    assert np.isfinite(d_z).all()


@pytest.mark.parametrize("name", DERIVATIVES)
def test_the_gradient_may_be_written_over_the_one_that_came(name):
    activation, derivative = ACTIVATIONS[name], DERIVATIVES[name]
    rng = np.random.default_rng(0)
    z, d_a = rng.normal(size=(2, 5, 4))
    a, apart = np.empty_like(z), np.empty_like(z)
    activation.forward(z, a, **activation.parameters)
    derivative.backward(d_a, z, a, apart, **activation.parameters)
    derivative.backward(d_a, z, a, d_a, **activation.parameters)
    assert d_a.tobytes() == apart.tobytes()
