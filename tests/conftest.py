"""Fixtures for the cross-package tests: real data, models trained for a moment, and an environment like a device's."""

from __future__ import annotations

from pathlib import Path

import pytest
from skew import bare_environment

import mlp_data
import mlp_train

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the checkout; tests that need it skip where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("the folder of real data, ../shared/data, is not beside this checkout")
    return SHARED


@pytest.fixture(scope="session")
def digits_model(tmp_path_factory) -> Path:
    """A model file that has seen the shipped digits for two epochs: good enough to tell digits apart."""
    path = tmp_path_factory.mktemp("digits") / "model.mlp"
    mlp_train.fit(mlp_data.load("digits"), epochs=2, seed=1).save(path)
    return path


@pytest.fixture(scope="session")
def titanic_model(tmp_path_factory) -> Path:
    """A model file that has seen the shipped passengers for a few epochs."""
    path = tmp_path_factory.mktemp("titanic") / "model.mlp"
    mlp_train.fit(mlp_data.load("titanic"), epochs=10, seed=1).save(path)
    return path


@pytest.fixture(scope="session")
def device_python(tmp_path_factory) -> Path:
    """The interpreter of an environment that holds NumPy and mlp_runtime and nothing else."""
    return bare_environment(tmp_path_factory.mktemp("device"))
