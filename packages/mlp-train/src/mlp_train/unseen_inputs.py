"""An input that is 0 in every training sample teaches nothing, so the fast step leaves it out: a blank margin, say.

Its row of the first weight has the gradient dL/dW[j] = sum of x_j dL/dz over the samples, which is 0 where x_j always
is. The row keeps the numbers it began with, or shrinks with the others by decoupled decay, and costs nothing. Of the
784 pixels of MNIST 67 are like that.
"""

from __future__ import annotations

import numpy as np

from mlp_train.optimizers import OPTIMIZERS, OWN_OPTIMIZERS
from mlp_train.plan import Plan
from mlp_train.reader import ArrayReader, BlockReader

WORTH_LEAVING = 0.05  # of the inputs; fewer are not worth another copy of the samples
MOST_BYTES = 256 << 20  # of that copy
LINE = 16  # a row is a whole number of cache lines of 64 bytes, in which products are sooner computed


def learned_from(plan: Plan) -> BlockReader:
    """Return a reader of the training samples that gives the inputs which the plan's training can learn from."""
    reader = plan.train
    if not isinstance(reader, ArrayReader) or not _follows_the_gradient(plan):
        return reader
    seen = reader.seen_inputs()
    fewer = max(1, -(-int(seen.sum()) // LINE)) * LINE
    if fewer > (1 - WORTH_LEAVING) * len(seen) or reader.bytes(fewer) > MOST_BYTES:
        return reader
    kept = np.argsort(~seen, kind="stable")[:fewer]  # the seen ones, and as many others as fill the line
    return reader.only(np.sort(kept))


def _follows_the_gradient(plan: Plan) -> bool:
    """Say whether nothing but its gradient, and decay that treats all alike, decides what becomes of a weight."""
    config = plan.config
    fills_zeros = config.augment != "none" or config.input_noise
    looks_at_weights = config.l1 or config.l2 or config.max_norm or config.average != "none"
    is_known = OPTIMIZERS.get(config.optimizer) in OWN_OPTIMIZERS  # what a plug-in does is not known
    return config.engine == "fast" and is_known and not fills_zeros and not looks_at_weights
