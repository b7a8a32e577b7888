"""Your own loss: its value and its gradient, and it trains by name.

mlp-train gradcheck --plugin examples/custom_loss.py
mlp-train fit xor --plugin examples/custom_loss.py --loss log-cosh:2
"""

import numpy as np

from mlp_train import register_loss
from mlp_train.losses import Loss


def log_cosh(z, a, y, sharpness):  # noqa: ARG001  # every value takes the same arguments
    """L = sum(log(cosh(s e)) / s) with e = a - y: like e^2 near 0, like |e| far away, and smooth between.

    log(cosh(x)) = |x| + log(1 + e^-2|x|) - log(2), which cannot overflow. One number for each row.
    """
    x = np.abs(sharpness * (a - y))
    return (x + np.log1p(np.exp(-2 * x)) - np.log(2)).sum(axis=1) / sharpness


def log_cosh_gradient(a, y, out, sharpness):
    """dL/da = tanh(s e), for each row and not divided by their number."""
    np.subtract(a, y, out=out)
    np.multiply(out, sharpness, out=out)
    np.tanh(out, out=out)


register_loss("log-cosh", Loss(log_cosh, log_cosh_gradient, parameters={"sharpness": 1.0}))
