"""Exercise 5: write the training loop.

The network, its forward and its backward pass are those of mlp-train; the loop is yours. Mini-batches, in another order
in every epoch, and after each a step against the gradient. At least 93 % of 1,000 digits that your loop never saw must
come out right, within the checker's time. Replace the last line by your own, then:

    python docs/exercises/check.py 5
"""

from mlp_train.backward import backward  # noqa: F401  # backward(network, passed, d_z, gradient)
from mlp_train.losses import LOSSES, output_gradient  # noqa: F401  # d_z = output_gradient(loss, network, passed, y)
from mlp_train.network import ForwardPass, Gradient  # noqa: F401

loss = LOSSES["cross-entropy"]


def train(network, x, y, generator):
    """Change the weights and biases of `network` in place until it knows the digits; return nothing.

    network: 784-64-10 with fresh weights; `network.weights` and `network.biases` are lists of arrays, and
    `network.flat` is all of them as one vector. x: (6000, 784) and y: (6000, 10), one-hot. generator: draws the orders.

    `network.forward(rows, passed)` sends some rows through. `passed = ForwardPass(network, most, keep_last_z=True)`,
    where `most` is the largest number of rows, is made once and used again. `backward` fills
    `gradient = Gradient(network.layers, network.dtype)`, which has weights, biases and flat as the network has.
    """
    raise NotImplementedError
