"""The gradient check finds right gradients right and wrong ones wrong."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mlp_runtime.activations import ACTIVATIONS
from mlp_train import backward as backward_module
from mlp_train.derivatives import DERIVATIVES, Derivative
from mlp_train.gradcheck import TOLERANCE, run_gradcheck
from mlp_train.losses import LOSSES, Loss

CHECKS = {check.subject: check for check in run_gradcheck()}


def test_every_activation_has_a_derivative():
    assert set(ACTIVATIONS) == set(DERIVATIVES)


@pytest.mark.parametrize("name", DERIVATIVES)
def test_each_activation_agrees_with_central_differences(name):
    for subject in (f"activation {name}", f"output activation {name}"):
        check = CHECKS[subject]
        assert check.surrogate or check.error <= TOLERANCE


@pytest.mark.parametrize("name", LOSSES)
def test_each_loss_agrees_with_central_differences(name):
    assert CHECKS[f"loss {name}"].error <= TOLERANCE


@pytest.mark.parametrize("name", [name for name, loss in LOSSES.items() if loss.activation is None])
def test_a_loss_without_a_partner_is_checked_with_every_output_activation(name):
    subject = "output activation {}" if name == "squared-error" else f"loss {name} of {{}}"
    for last, derivative in DERIVATIVES.items():
        if last != "identity" and not derivative.surrogate:
            assert CHECKS[subject.format(last)].error <= TOLERANCE


def test_the_surrogate_is_reported_as_one_and_does_differ():
    check = CHECKS["activation sigmoid-hybrid"]
    assert check.verdict == "surrogate, mismatch expected"
    assert check.error > 0.1


def test_the_surrogate_passes_whole_what_an_unsaturated_unit_sends_back():
    z = np.array([[-3.0, -1.9, 0.0, 1.9, 3.0]])
    a = 1 / (1 + np.exp(-z))
    d_z = np.full_like(z, 5.0)
    DERIVATIVES["sigmoid-hybrid"].backward(d_z, z, a, d_z)
    np.testing.assert_allclose(d_z / 5, [[a[0, 0] * (1 - a[0, 0]), 1, 1, 1, a[0, 4] * (1 - a[0, 4])]])


def check_of(subject):
    return next(check for check in run_gradcheck() if check.subject == subject)


def test_a_wrong_derivative_is_caught(monkeypatch):
    def wrong(d_a, z, a, out):
        np.multiply(d_a, 1 - a, out=out)  # forgot the square

    monkeypatch.setitem(DERIVATIVES, "tanh", dataclasses.replace(DERIVATIVES["tanh"], backward=wrong))
    assert check_of("activation tanh").verdict == "WRONG"


def test_a_derivative_that_gives_nan_is_caught(monkeypatch):
    def broken(d_a, z, a, out):
        out[:] = np.nan

    monkeypatch.setitem(DERIVATIVES, "relu", Derivative(broken))
    assert check_of("activation relu").error == float("inf")


def test_a_wrong_loss_gradient_is_caught(monkeypatch):
    def doubled(a, y, out):
        np.multiply(a - y, 2, out=out)

    monkeypatch.setitem(LOSSES, "squared-error", Loss(LOSSES["squared-error"].value, doubled))
    assert not check_of("loss squared-error").ok


def test_a_gradient_that_is_wrong_on_one_side_alone_is_caught(monkeypatch):
    def exchanged(a, y, out, q):
        LOSSES["quantile"].gradient(a, y, out, 1 - q)

    monkeypatch.setitem(LOSSES, "odd", dataclasses.replace(LOSSES["quantile"], gradient=exchanged))
    assert not check_of("loss odd").ok

    def never_held(a, y, out, delta):
        np.subtract(a, y, out=out)

    monkeypatch.setitem(LOSSES, "odd", dataclasses.replace(LOSSES["huber"], gradient=never_held))
    assert not check_of("loss odd of tanh").ok


@pytest.mark.parametrize("mistake", ["missing transpose", "missing bias", "wrong sign"])
def test_a_mistake_in_the_backward_pass_is_caught(monkeypatch, mistake):
    def wrong(a, d_z, d_weight, d_bias):
        if mistake == "missing transpose":
            d_weight[:] = np.resize(d_z.T @ a, d_weight.shape)
        else:
            np.matmul(a.T, -d_z if mistake == "wrong sign" else d_z, out=d_weight)
        d_bias[:] = 0 if mistake == "missing bias" else d_z.sum(axis=0)

    monkeypatch.setattr(backward_module, "backward_linear", wrong)
    assert not check_of("loss cross-entropy").ok
