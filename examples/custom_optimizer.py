"""Your own optimizer: say what it remembers and how it changes the parameters, and it trains by name.

mlp-train fit digits --plugin examples/custom_optimizer.py --optimizer adagrad
"""

import numpy as np

from mlp_train import register_optimizer
from mlp_train.optimizers import Optimizer


class AdaGrad(Optimizer):
    """s += g^2;  w -= lr g / (sqrt(s) + eps)  (Duchi, Hazan & Singer 2011).

    The steps of a parameter get smaller the more it has moved, so rare features keep large ones.
    """

    default_lr = 0.03
    memory = ("total",)  # made for you as a vector of zeros, kept in checkpoints
    epsilon = 1e-8

    def update(self, parameters, gradient, lr):
        """Change `parameters` in place."""
        self.steps += 1
        self.total += gradient * gradient
        self.decay(parameters, lr)  # weights shrink by --weight-decay, biases do not
        parameters -= lr * gradient / (np.sqrt(self.total) + self.epsilon)


register_optimizer("adagrad", AdaGrad)
