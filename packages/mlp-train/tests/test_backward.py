"""The backward pass against numbers worked out by hand, and against finite differences."""

from __future__ import annotations

import numpy as np
import pytest

from mlp_train.backward import Trace, backward, backward_input, backward_linear
from mlp_train.losses import LOSSES, output_gradient
from mlp_train.network import ForwardPass, Gradient, LayerSpec, Network


def test_a_linear_layer_gives_the_gradients_worked_out_by_hand():
    a, d_z = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[10.0], [1.0]])
    d_weight, d_bias = np.empty((2, 1)), np.empty(1)
    backward_linear(a, d_z, d_weight, d_bias)
    assert d_weight.tolist() == [[1 * 10 + 3 * 1], [2 * 10 + 4 * 1]]
    assert d_bias.tolist() == [11.0]


def test_the_message_to_the_layer_before_is_weighted_by_the_weights():
    d_a = backward_input(np.array([[10.0, 1.0]]), np.array([[2.0, 3.0], [4.0, 5.0]]), np.empty((1, 2)))
    assert d_a.tolist() == [[10 * 2 + 1 * 3, 10 * 4 + 1 * 5]]


def test_a_two_layer_network_gives_the_gradients_worked_out_by_hand():
    network = Network([LayerSpec(1, 1, "relu"), LayerSpec(1, 1, "identity")], np.float64)
    network.flat[:] = [2.0, 3.0, 0.5, 0.25]  # both weights, then both biases
    forward, gradient = ForwardPass(network, 1, keep_last_z=True), Gradient(network.layers, np.float64)
    a = network.forward(np.array([[4.0]]), forward)
    assert a.item() == (4 * 2 + 0.5) * 3 + 0.25
    d_z = output_gradient(LOSSES["squared-error"], network, forward, np.array([[25.0]]))
    backward(network, forward, d_z, gradient)
    error = a.item() - 25.0
    assert gradient.flat.tolist() == [error * 3 * 4, error * 8.5, error * 3, error]


def test_the_gradient_is_the_mean_over_the_batch():
    network = Network([LayerSpec(1, 1, "identity")], np.float64)
    forward, gradient = ForwardPass(network, 2, keep_last_z=True), Gradient(network.layers, np.float64)
    network.forward(np.array([[1.0], [1.0]]), forward)
    d_z = output_gradient(LOSSES["squared-error"], network, forward, np.array([[-2.0], [-4.0]]))
    backward(network, forward, d_z, gradient)
    assert gradient.flat.tolist() == [3.0, 3.0]


def test_a_trace_keeps_every_value_in_between():
    network = Network([LayerSpec(2, 3, "tanh"), LayerSpec(3, 2, "softmax")], np.float64)
    network.flat[:] = np.linspace(-1, 1, network.flat.size)
    forward, gradient, trace = ForwardPass(network, 1, keep_last_z=True), Gradient(network.layers, np.float64), Trace()
    a = network.forward(np.array([[1.0, -1.0]]), forward)
    y = np.array([[1.0, 0.0]])
    d_z = output_gradient(LOSSES["cross-entropy"], network, forward, y)
    backward(network, forward, d_z, gradient, trace)
    np.testing.assert_allclose(trace.d_z[1], a - y)
    np.testing.assert_allclose(trace.d_a[0], trace.d_z[1] @ network.weights[1].T)
    np.testing.assert_allclose(trace.d_z[0], trace.d_a[0] * (1 - forward.a[1] ** 2))


def test_a_smaller_last_batch_reuses_the_buffers():
    network = Network([LayerSpec(2, 2, "relu"), LayerSpec(2, 1, "identity")], np.float64)
    network.flat[:] = 1.0
    forward = ForwardPass(network, 4, keep_last_z=True)
    assert network.forward(np.ones((4, 2)), forward).shape == (4, 1)
    assert network.forward(np.ones((3, 2)), forward).tolist() == [[7.0]] * 3


def test_a_buffer_of_the_wrong_length_is_refused():
    with pytest.raises(ValueError, match=r"\(3,\)"):
        Network([LayerSpec(2, 1, "relu")], np.float32, np.zeros(4, np.float32))
    buffer = np.zeros(3, np.float32)
    Network([LayerSpec(2, 1, "relu")], np.float32, buffer).weights[0][:] = 5
    assert buffer.tolist() == [5.0, 5.0, 0.0]
