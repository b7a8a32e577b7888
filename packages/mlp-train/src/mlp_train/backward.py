"""Backpropagation asks, from the last layer to the first: how does the loss change if this number changes?

Symbols, the same in the whole project: rows are samples; `a` is a layer's activation, `z` the weighted sum before it,
`L` the loss of the batch, and `d_x` means dL/dx, the gradient of the loss by x, which always has the shape of x.

One layer computes, going forward,

    z = a_in @ weight + bias          a_in: (batch, n_in)   weight: (n_in, n_out)   bias: (n_out,)   z: (batch, n_out)
    a = activation(z)                 a:    (batch, n_out)

and the chain rule turns each line around (Rumelhart, Hinton and Williams, 1986). docs/backprop.md derives the lines.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from mlp_train.array import Array
from mlp_train.derivatives import DERIVATIVES
from mlp_train.network import ForwardPass, Gradient, Network


def backward_activation(network: Network, forward: ForwardPass, layer: int, d_a: Array, out: Array) -> Array:
    """Return how the loss depends on one layer's weighted sum, given how it depends on its activation."""
    spec = network.layers[layer]
    # forward was:  a = activation(z)
    # so now:       d_z = d_a * da/dz
    DERIVATIVES[spec.activation].backward(d_a, forward.z[layer], forward.a[layer + 1], out, **spec.parameters)
    return out  # (batch, n_out)


def backward_linear(a: Array, d_z: Array, d_weight: Array, d_bias: Array) -> None:
    """Write how the loss depends on one layer's weight and bias."""
    # forward was:  z = a @ weight + bias
    # so now:
    np.matmul(a.T, d_z, out=d_weight)  # (n_in, n_out): a weight meets its own input, summed over the batch
    np.sum(d_z, axis=0, out=d_bias)  # (n_out,): a bias is a weight whose input is always 1


def backward_input(d_z: Array, weight: Array, out: Array) -> Array:
    """Return how the loss depends on what the layer was given: the message to the layer before."""
    # forward was:  z = a @ weight + bias
    # so now:
    return np.matmul(d_z, weight.T, out=out)  # (batch, n_in)


@dataclass(frozen=True)
class Trace:
    """The values in between of one backward pass, by layer, for those who want to see every step."""

    d_a: dict[int, Array] = field(default_factory=dict)
    d_z: dict[int, Array] = field(default_factory=dict)


def backward(
    network: Network, forward: ForwardPass, d_z: Array, gradient: Gradient, trace: Trace | None = None
) -> None:
    """Fill `gradient` with dL/dW and dL/db of every layer.

    `forward` holds the pass that just happened, and `d_z` is dL/dz of the last layer, which the loss gives
    (`losses.output_gradient`), already divided by the batch size because L is the mean over the batch.
    """
    for layer in reversed(range(len(network.layers))):
        if trace is not None:
            trace.d_z[layer] = d_z.copy()
        backward_linear(forward.given[layer], d_z, gradient.weights[layer], gradient.biases[layer])

        if layer == 0:
            return  # nobody asks how the loss depends on the data, and that product would be the largest

        d_a = backward_input(d_z, network.weights[layer], out=forward.d[layer - 1])
        if (mask := forward.masks[layer - 1]) is not None:
            d_a *= mask  # dropout: what was left out has no influence, and what stayed was enlarged
        if trace is not None:
            trace.d_a[layer - 1] = d_a.copy()
        d_z = backward_activation(network, forward, layer - 1, d_a, out=d_a)  # over d_a, which is not needed again
