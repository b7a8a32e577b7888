"""Backpropagation step by step: the numbers of docs/backprop.md, then a network that learns XOR in a short loop.

python examples/backprop_by_hand.py
"""

import numpy as np

from mlp_train.backward import Trace, backward
from mlp_train.initializers import initialize
from mlp_train.losses import LOSSES, mean_loss, output_gradient
from mlp_train.network import ForwardPass, Gradient, LayerSpec, Network
from mlp_train.optimizers import OPTIMIZERS

loss = LOSSES["binary-cross-entropy"]
layers = [LayerSpec(2, 2, "tanh"), LayerSpec(2, 1, "sigmoid")]


def step_through() -> None:
    """Send one sample forward and its error back, and print every number on the way."""
    network = Network(layers, np.float64)
    network.weights[0][:] = [[0.1, 0.3], [-0.2, 0.4]]
    network.biases[0][:] = [0, 0.1]
    network.weights[1][:] = [[0.5], [-0.6]]
    network.biases[1][:] = [0.2]
    x, y = np.array([[1.0, 2.0]]), np.array([[1.0]])

    forward, gradient, trace = ForwardPass(network, rows=1, keep_last_z=True), Gradient(layers, np.float64), Trace()
    network.forward(x, forward)
    print("a[1] =", forward.a[1].round(4), " a[2] =", forward.a[2].round(4))
    print("L =", round(mean_loss(loss, forward, y), 4))
    backward(network, forward, output_gradient(loss, network, forward, y), gradient, trace)
    print("d_z[1] =", trace.d_z[1].round(4), " d_weight[1] =", gradient.weights[1].round(4).tolist())
    print("d_a[1] =", trace.d_a[0].round(4), " d_z[0] =", trace.d_z[0].round(4))
    print("d_weight[0] =", gradient.weights[0].round(4).tolist(), " d_bias[0] =", gradient.biases[0].round(4))


def learn_xor() -> None:
    """Repeat forward, loss, backward, step until the network knows XOR."""
    wider = [LayerSpec(2, 8, "tanh"), LayerSpec(8, 1, "sigmoid")]
    network, gradient = Network(wider, np.float64), Gradient(wider, np.float64)
    initialize(network, np.random.default_rng(0))
    optimizer = OPTIMIZERS["sgd"](
        network.flat.size, np.float64, weight_count=network.weight_count, momentum=0.0, weight_decay=0.0
    )
    x, y = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([[0.0], [1], [1], [0]])
    forward = ForwardPass(network, rows=4, keep_last_z=True)
    for step in range(2001):
        network.forward(x, forward)
        d_z = output_gradient(loss, network, forward, y)
        backward(network, forward, d_z, gradient)
        optimizer.update(network.flat, gradient.flat, lr=0.5)
        if step % 500 == 0:
            print(f"step {step:4}  loss {mean_loss(loss, forward, y):.4f}")
    print("answers", network.forward(x, forward).round(2).ravel())


if __name__ == "__main__":
    step_through()
    learn_xor()
