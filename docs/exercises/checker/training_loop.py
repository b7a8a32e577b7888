"""Checks exercise 5: a training loop that reaches a stated accuracy on digits that it never saw."""

from __future__ import annotations

from types import ModuleType

import numpy as np

import mlp_data
from checker.asking import Wrong, ask
from mlp_train.array import Array
from mlp_train.initializers import initialize
from mlp_train.losses import LOSSES, mean_loss
from mlp_train.network import ForwardPass, LayerSpec, Network

WANTED = 0.93
LAYERS = [LayerSpec(784, 64, "relu"), LayerSpec(64, 10, "softmax")]


class Watched(Network):
    """A network that counts the passes through it, so that the checker can say what the loop did."""

    def forward(self, x: Array, buffers: ForwardPass) -> Array:
        """Compute every layer's activation, as `Network` does."""
        self.passes = getattr(self, "passes", 0) + 1
        self.fewest = min(getattr(self, "fewest", len(x)), len(x))
        return super().forward(x, buffers)


def check(module: ModuleType) -> str:
    """Train with the student's loop and count the digits that come out right."""
    digits = mlp_data.load("digits")
    prepared = digits.fit_input()
    x, y = prepared.transform(digits.train.x), np.eye(10, dtype=np.float32)[digits.train.y]
    network = Watched(LAYERS)
    initialize(network, np.random.default_rng(5))
    before = network.flat.copy()
    first = loss_of(network, x, y)
    network.passes, network.fewest = 0, len(x)
    ask(module, "train", network, x, y, np.random.default_rng(5))
    passes, fewest = network.passes, network.fewest

    if not np.shares_memory(network.flat, network.weights[0]):
        raise Wrong("network.flat is another array than before; change the numbers of the one that is there, in place")
    if np.array_equal(network.flat, before):
        raise Wrong("train changes no weight; network.flat, or every weight and bias in it, must be changed in place")
    if not np.isfinite(network.flat).all():
        raise Wrong("after train a weight is no longer a number; were the steps too long?")
    test = digits.splits["test"]
    assert test.y is not None
    answers = network.forward(prepared.transform(test.x), ForwardPass(network, len(test), keep_last_z=True))
    accuracy = float((answers.argmax(axis=1) == test.y).mean())
    if accuracy >= WANTED:
        return f"{accuracy:.1%} of 1,000 digits that your loop never saw come out right."
    after = loss_of(network, x, y)
    reached = f"{accuracy:.1%} of the unseen digits come out right, and {WANTED:.0%} are wanted"
    if after > first:
        raise Wrong(f"{reached}; the training loss rose from {first:.3g} to {after:.3g}: which way do you go?")
    if passes == 0:
        raise Wrong(f"{reached}; no row went through network.forward")
    if fewest == len(x):
        raise Wrong(f"{reached}; every one of your {passes} steps looked at all {len(x):,} rows: cut them into batches")
    if after > 2.0:
        raise Wrong(
            f"{reached}; the training loss went from {first:.3g} to {after:.3g} and no lower: do the rows of y still "
            "belong to the rows of x, and are the steps long enough?"
        )
    raise Wrong(f"{reached}; the training loss is {after:.3g} after {passes} passes, so there is more to learn")


def loss_of(network: Network, x: Array, y: Array) -> float:
    """Return the mean loss of some rows."""
    passed = ForwardPass(network, len(x), keep_last_z=True)
    network.forward(x, passed)
    return mean_loss(LOSSES["cross-entropy"], passed, y)
