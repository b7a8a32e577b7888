"""Exercise 1: write the forward pass.

Rows are samples: `a_in` is (batch, n_in), `weight` (n_in, n_out), `bias` (n_out,), `z` and `a` are (batch, n_out).
docs/backprop.md has the symbols, docs/learn/numerics.md what large numbers do. Replace each last line by your own, with
NumPy alone, then:

    python docs/exercises/check.py 1
"""

import numpy as np  # noqa: F401  # you will need it


def layer(a_in, weight, bias):
    """Return z: for every sample and output, the sum of the inputs times their weights, and the bias."""
    raise NotImplementedError


def relu(z):
    """Return a: z where it is positive, 0 elsewhere."""
    raise NotImplementedError


def softmax(z):
    """Return a: of every row positive shares that add up to 1, each e^z of the whole; also for z of 1000."""
    raise NotImplementedError


def forward(x, weights, biases):
    """Return the list [x, a of the first layer, ..., a of the last]: relu in every layer, softmax in the last."""
    raise NotImplementedError
