"""Your own activation: one forward, one derivative, and it trains by name.

    mlp-train gradcheck --plugin examples/custom_activation.py
    mlp-train fit digits --plugin examples/custom_activation.py --activation softplus

The model file stores the name. To run it elsewhere, register the forward there too:

    mlp_runtime.register_activation("softplus", softplus, sharpness=1.0)
"""

import numpy as np

from mlp_train import register_activation


def softplus(z, out, sharpness):
    """a = log(1 + e^(s z)) / s: a ReLU with a round corner, rounder where the sharpness s is small."""
    np.multiply(z, sharpness, out=out)
    np.logaddexp(out, 0, out=out)  # log(e^x + e^0), which cannot overflow
    np.divide(out, sharpness, out=out)


def softplus_backward(d_a, z, a, out, sharpness):  # noqa: ARG001  # every backward takes the same arguments
    """da/dz = 1 / (1 + e^(-s z)) = 1 - e^(-s a), so z need not be kept."""
    slope = -np.expm1(-sharpness * a)
    np.multiply(d_a, slope, out=out)


register_activation("softplus", softplus, softplus_backward, needs_z=False, initializer="he-normal", sharpness=1.0)
