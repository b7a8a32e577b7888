"""Exercise 2: write the backward pass.

`d_q` is dL/dq and has the shape of q. L is the mean over the batch of the cross-entropy -sum(y log a). The network has
tanh units and a softmax at the end. docs/backprop.md derives every line. Replace each last line by your own, then:

    python docs/exercises/check.py 2
"""

import numpy as np  # noqa: F401  # you will need it


def output_gradient(a, y):
    """Return d_z of the last layer, from its softmax a and the one-hot targets y, both (batch, n_out)."""
    raise NotImplementedError


def backward_linear(a_in, d_z):
    """Return d_weight (n_in, n_out) and d_bias (n_out,) of a layer that computed z = a_in @ weight + bias."""
    raise NotImplementedError


def backward_input(d_z, weight):
    """Return d_a_in (batch, n_in): how L depends on what the layer was given."""
    raise NotImplementedError


def backward_tanh(d_a, a):
    """Return d_z (batch, n) of a layer whose activation is a = tanh(z)."""
    raise NotImplementedError


def backward(a, y, weights):
    """Return two lists in the order of the layers: d_weights and d_biases.

    a: what exercise 1's `forward` returns, with tanh in place of relu: [x, a of the first layer, ..., a of the last].
    """
    raise NotImplementedError
