"""Checks exercise 1, the forward pass, against the runtime's own functions."""

from __future__ import annotations

from itertools import pairwise
from types import ModuleType

import numpy as np

from checker.asking import Wrong, ask, compare, numbers, parts
from mlp_runtime import activations
from mlp_train.array import Array

ROWS, SIZES = 5, (4, 3, 6, 2)


def check(module: ModuleType) -> str:
    """Check the four functions one by one; returns what to say when all are right."""
    generator = np.random.default_rng(1)
    check_layer(module, generator)
    check_relu(module, generator)
    check_softmax(module, generator)
    check_forward(module, generator)
    return "layer, relu, softmax and forward give what mlp_runtime gives."


def check_layer(module: ModuleType, generator: np.random.Generator) -> None:
    """Compare weighted sums."""
    a_in, weight, bias = generator.normal(size=(ROWS, 4)), generator.normal(size=(4, 3)), generator.normal(size=3)
    right = activations.layer(a_in, weight, bias, np.empty((ROWS, 3)))
    mistakes = {
        "leaves the bias out": a_in @ weight,
        "subtracts the bias": a_in @ weight - bias,
        "has an activation in it already; z is what comes before": np.maximum(right, 0),
    }
    back = ask(module, "layer", a_in, weight, bias)
    compare("layer", back, right, mistakes, "work this one sum out by hand")


def check_relu(module: ModuleType, generator: np.random.Generator) -> None:
    """Compare rectified numbers."""
    z = generator.normal(size=(ROWS, 3))
    right = np.empty_like(z)
    activations.relu(z, right)
    mistakes = {
        "changes nothing": z,
        "keeps the size of negative numbers": np.abs(z),
        "keeps what should go and drops what should stay": np.minimum(z, 0),
        "says where z is positive, and not how much": (z > 0).astype(float),
    }
    compare("relu", ask(module, "relu", z), right, mistakes, f"z is {z[0, 0]:.4g} at [0, 0]")


def check_softmax(module: ModuleType, generator: np.random.Generator) -> None:
    """Compare shares, of ordinary and of very large sums."""
    z = generator.normal(size=(ROWS, 3))
    right = softmax(z)
    e = np.exp(z)
    mistakes = {
        "does not add up to 1: the powers are there, their sum is not": e,
        "gives the powers divided by the largest of the row": e / e.max(axis=1, keepdims=True),
        "takes the largest and leaves the others nothing": np.eye(3)[z.argmax(axis=1)],
    }
    back = numbers("softmax", ask(module, "softmax", z), right)
    if np.allclose(back.sum(axis=0), 1):
        raise Wrong("softmax adds up to 1 over the samples, and it should over the outputs of each sample")
    if np.isclose(back.sum(), 1):
        raise Wrong("softmax adds up to 1 over the whole batch, and it should over the outputs of each sample")
    compare("softmax", back, right, mistakes, "the numbers of a row are positive and add up to 1")
    large = np.array([[1000.0, 999.0], [-1000.0, -1001.0]])
    back = ask(module, "softmax", large)
    if np.shape(back) != large.shape or not np.isfinite(back).all():
        raise Wrong("softmax is nan where z is 1000 or -1000: no power is that large; what may be taken off z?")
    compare("softmax of z near 1000 and -1000", back, softmax(large), {}, "only differences within a row count")


def check_forward(module: ModuleType, generator: np.random.Generator) -> None:
    """Compare every layer's activation."""
    weights = [generator.normal(size=pair) for pair in pairwise(SIZES)]
    biases = [generator.normal(size=size) for size in SIZES[1:]]
    x = generator.normal(size=(ROWS, SIZES[0]))
    right = forward(x, weights, biases)
    back = ask(module, "forward", x, weights, biases)
    if isinstance(back, np.ndarray):
        raise Wrong("forward gives back one array, and a list is wanted: x, and the activation of every layer")
    if isinstance(back, (list, tuple)) and len(back) == len(right) - 1:
        raise Wrong(f"forward gives back {len(back)} arrays of {len(right)}: x comes first, then every layer's a")
    found = parts("forward", back, len(right))
    for i, (one, wanted) in enumerate(zip(found, right, strict=True)):
        name = f"forward: a[{i}]"
        if i == 0:
            compare(name, one, wanted, {}, "a[0] is x as it came")
            continue
        z = right[i - 1] @ weights[i - 1] + biases[i - 1]
        last = i == len(right) - 1
        rectified = np.maximum(z, 0)
        mistakes = {"is z: the activation is missing": z}
        if last:
            mistakes["has a relu where the last layer should have its softmax"] = rectified
            mistakes["has a relu before the softmax"] = softmax(rectified)
        else:
            mistakes["has a softmax, which belongs to the last layer"] = softmax(z)
        compare(name, numbers(name, one, wanted), wanted, mistakes, f"it comes from a[{i - 1}], weights[{i - 1}]")


def forward(x: Array, weights: list[Array], biases: list[Array]) -> list[Array]:
    """Return x and the activation of every layer: relu, and softmax at the end."""
    a = [x]
    for i, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        z = activations.layer(a[-1], weight, bias, np.empty((len(x), len(bias))))
        a.append(softmax(z) if i == len(weights) - 1 else np.maximum(z, 0))
    return a


def softmax(z: Array) -> Array:
    """Return the runtime's softmax."""
    a = np.empty_like(z)
    activations.softmax(z, a)
    return a
