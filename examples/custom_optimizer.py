"""Your own optimizer: say what it remembers and how it changes the parameters, and it trains by name.

mlp-train fit digits --plugin examples/custom_optimizer.py --optimizer lion
"""

import numpy as np

from mlp_train import register_optimizer
from mlp_train.optimizers import Optimizer


class Lion(Optimizer):
    """w -= lr (sign(b1 m + (1 - b1) g) + decay w);  m = b2 m + (1 - b2) g  (Chen et al. 2023, arXiv:2302.06675).

    Every parameter moves by the same lr, only the direction comes from the gradient g and its running mean m.
    """

    default_lr = 0.001
    memory = ("mean",)  # made for you as a vector of zeros, kept in checkpoints
    beta1, beta2 = 0.9, 0.99

    def update(self, parameters, gradient, lr):
        """Change `parameters` in place."""
        self.steps += 1
        direction = np.sign(self.beta1 * self.mean + (1 - self.beta1) * gradient)
        parameters[: self.weight_count] *= 1 - lr * self.weight_decay  # weights shrink, biases do not
        parameters -= lr * direction
        self.mean *= self.beta2
        self.mean += (1 - self.beta2) * gradient


register_optimizer("lion", Lion)
