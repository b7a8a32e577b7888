"""An activation is written as its name, or with its number after a colon: `leaky-relu:0.2`."""

from __future__ import annotations

import math

from mlp_runtime.activations import ACTIVATIONS
from mlp_runtime.errors import nearest
from mlp_train.derivatives import DERIVATIVES
from mlp_train.errors import UsageError


def parse_activation(text: str) -> tuple[str, dict[str, float]]:
    """Return the name and the parameters of an activation as a person writes it.

    Raises UsageError for an unknown name, and for a number that the activation cannot have.

    >>> parse_activation("leaky-relu:0.2")
    ('leaky-relu', {'negative_slope': 0.2})
    >>> parse_activation("tanh")
    ('tanh', {})
    """
    name, _, number = text.partition(":")
    if name not in ACTIVATIONS:
        raise UsageError(
            f"unknown activation {name!r}{nearest(name, ACTIVATIONS)}: it is one of {', '.join(ACTIVATIONS)}"
        )
    activation = ACTIVATIONS[name]
    if name not in DERIVATIVES:
        raise UsageError(f"activation {name!r} has a forward but no backward, so it cannot be trained; register both")
    parameters = dict(activation.parameters)
    if number:
        if len(parameters) != 1:
            raise UsageError(f"activation {name!r} takes no number, but {text!r} gives one")
        (key,) = parameters
        try:
            parameters[key] = float(number)
        except ValueError:
            raise UsageError(f"activation {text!r}: {number!r} is not a number") from None
    for key, value in parameters.items():
        if not (math.isfinite(value) and value > 0):
            raise UsageError(f"activation {text!r}: {key} must be a finite number above 0, but is {value:g}")
    return name, parameters
