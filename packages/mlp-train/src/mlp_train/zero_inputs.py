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
LINE = 16  # inputs in a cache line of 64 bytes; products are sooner computed where a row is whole lines


def learned_from(plan: Plan) -> BlockReader:
    """Return a reader of the training samples that gives the inputs which the plan's training can learn from."""
    reader = plan.train
    if not isinstance(reader, ArrayReader) or not _follows_the_gradient(plan) or reader.nbytes(LINE) > MOST_BYTES:
        return reader
    counts = reader.nonzero_inputs()
    fewer = max(1, -(-int(counts.sum()) // LINE)) * LINE
    if fewer > (1 - WORTH_LEAVING) * len(counts) or reader.nbytes(fewer) > MOST_BYTES:
        return reader
    kept = np.argsort(~counts, kind="stable")[:fewer]  # those that count, and as many others as fill the last line
    return reader.only(np.sort(kept))


def _follows_the_gradient(plan: Plan) -> bool:
    """Say whether nothing but its gradient, and decay that treats all alike, decides what becomes of a weight."""
    config = plan.config
    fills_zeros = config.augment != "none" or config.input_noise
    does_more = config.l1 or config.l2 or config.max_norm or config.average != "none" or plan.all_inputs
    is_known = OPTIMIZERS.get(config.optimizer) in OWN_OPTIMIZERS  # what a plug-in does is not known
    return config.engine == "fast" and is_known and not fills_zeros and not does_more
