"""Exercise 1, solved: the forward pass."""

import numpy as np


def layer(a_in, weight, bias):
    """Return z."""
    return a_in @ weight + bias


def relu(z):
    """Return z where it is positive, 0 elsewhere."""
    return np.maximum(z, 0)


def softmax(z):
    """Return shares; the row's largest z is taken off first, which changes no share and lets no power overflow."""
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def forward(x, weights, biases):
    """Return x and every layer's activation."""
    a = [x]
    for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
        a.append(relu(layer(a[-1], weight, bias)))
    a.append(softmax(layer(a[-1], weights[-1], biases[-1])))
    return a
