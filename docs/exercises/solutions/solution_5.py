"""Exercise 5, solved: a training loop."""

from mlp_train.backward import backward
from mlp_train.losses import LOSSES, output_gradient
from mlp_train.network import ForwardPass, Gradient

loss = LOSSES["cross-entropy"]
EPOCHS, BATCH, LR = 10, 32, 0.1


def train(network, x, y, generator):
    """Show the network every row once an epoch, in batches, and go a step against the gradient after each."""
    passed, gradient = ForwardPass(network, BATCH, keep_last_z=True), Gradient(network.layers, network.dtype)
    for _ in range(EPOCHS):
        order = generator.permutation(len(x))
        for start in range(0, len(x), BATCH):
            rows = order[start : start + BATCH]
            network.forward(x[rows], passed)
            backward(network, passed, output_gradient(loss, network, passed, y[rows]), gradient)
            network.flat -= LR * gradient.flat
