"""An activation bends the straight output of a layer, so that layers in a row can learn more than one line.

Rows are samples. `z` is a layer's pre-activation, `a` its activation, both of shape (batch, n_out).
Every forward writes its result to `out` and keeps the dtype (float32 or float64). `out` may be `z` itself. None
overflows or warns, whatever `z` holds: infinities have their limit, and NaN stays NaN.

What stands where:

| name | formula | source |
| --- | --- | --- |
| sigmoid | 1 / (1 + exp(-z)) | Rumelhart, Hinton & Williams 1986 |
| sigmoid-hybrid | the same; training gives it another gradient | docs/backprop.md |
| relu | max(z, 0) | Nair & Hinton 2010 |
| leaky-relu | z > 0: z, else negative_slope z | Maas, Hannun & Ng 2013 |
| tanh | tanh(z) | LeCun et al. 1998 |
| elu | z > 0: z, else alpha (exp(z) - 1) | Clevert, Unterthiner & Hochreiter 2016 |
| selu | 1.0507 elu(z, 1.6733) | Klambauer et al. 2017 |
| gelu | z/2 (1 + tanh(sqrt(2/pi) (z + 0.044715 z^3))) | Hendrycks & Gimpel 2016, the tanh form |
| silu | z sigmoid(z) | Elfwing, Uchibe & Doya 2018 |
| identity | z | |
| exp | exp(min(z, 40)) | the mean of counts: Nelder & Wedderburn 1972 |
| softmax | exp(z_j) / sum_k exp(z_k), row by row | Bridle 1990 |
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Callable, Mapping, NamedTuple

import numpy as np

from .errors import InputError, nearest, shown


class Activation(NamedTuple):
    """A named forward function `forward(z, out, **parameters)` with the default values of its parameters."""

    name: str
    forward: Callable[..., None]
    parameters: Mapping[str, float] = MappingProxyType({})


def layer(a: np.ndarray, weight: np.ndarray, bias: np.ndarray, out: np.ndarray) -> np.ndarray:
    """Compute `out = a @ weight + bias`: the one definition of a layer, for training and inference.

    Shapes: a (batch, n_in), weight (n_in, n_out), bias (n_out,), out (batch, n_out).

    >>> layer(np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]]), np.array([0.5]), np.empty((1, 1)))
    array([[11.5]])
    """
    np.matmul(a, weight, out=out)
    np.add(out, bias, out=out)
    return out


def sigmoid(z: np.ndarray, out: np.ndarray) -> None:
    """Write 1 / (1 + exp(-z)), with z clipped to +-87 (float32) or +-708 (float64).

    exp(89) overflows float32 and exp(710) float64. Up to the clip exp(-z), its sum with 1 and the quotient are all
    normal numbers, so nothing overflows or loses digits. Below it the answer stops at 1.6e-38 (3.3e-308)
    instead of 0, which also keeps its logarithm finite; above it the answer is 1 long before the clip.
    """
    limit = _sigmoid_limit(out)
    np.maximum(z, -limit, out=out)
    np.minimum(out, limit, out=out)
    np.negative(out, out=out)
    np.exp(out, out=out)
    np.add(out, 1.0, out=out)
    np.reciprocal(out, out=out)


def relu(z: np.ndarray, out: np.ndarray) -> None:
    """Write max(z, 0)."""
    np.maximum(z, 0.0, out=out)


def leaky_relu(z: np.ndarray, out: np.ndarray, negative_slope: float = 0.01) -> None:
    """Write z where it is positive and negative_slope * z elsewhere."""
    if negative_slope == 0.0:  # 0 * -inf would be NaN
        relu(z, out)
        return
    # The line z and the line slope * z cross at 0; for slopes up to 1 the wanted one is the upper one, else the lower.
    choose = np.maximum if negative_slope <= 1.0 else np.minimum
    with np.errstate(over="ignore"):  # a slope above 1 may take a huge z to infinity, which is its limit
        choose(z, np.multiply(z, negative_slope), out=out)


def tanh(z: np.ndarray, out: np.ndarray) -> None:
    """Write tanh(z)."""
    np.tanh(z, out=out)


def elu(z: np.ndarray, out: np.ndarray, alpha: float = 1.0) -> None:
    """Write z where it is positive and alpha * (exp(z) - 1) elsewhere."""
    negative = np.expm1(np.minimum(z, 0.0))  # exact near 0, where exp(z) - 1 would lose digits
    np.multiply(negative, alpha, out=negative)
    np.maximum(z, 0.0, out=out)
    np.add(out, negative, out=out)


SELU_SCALE = 1.0507009873554805
SELU_ALPHA = 1.6732632423543772


def selu(z: np.ndarray, out: np.ndarray) -> None:
    """Write elu(z, alpha) * scale with the two constants that keep mean 0 and variance 1 from layer to layer."""
    elu(z, out, SELU_ALPHA)
    with np.errstate(over="ignore"):  # the largest finite z go to infinity, which is their limit
        np.multiply(out, SELU_SCALE, out=out)


GELU_CUBIC = 0.044715
GELU_SCALE = 0.7978845608028654  # sqrt(2 / pi)


def gelu(z: np.ndarray, out: np.ndarray) -> None:
    """Write z/2 * (1 + tanh(sqrt(2/pi) * (z + 0.044715 z^3))).

    Inside the tanh z is clipped to +-10, where the tanh has been +-1 for long: the cube cannot overflow.
    """
    inner = np.clip(z, -10.0, 10.0)
    np.multiply(inner, inner * inner * GELU_CUBIC + 1.0, out=inner)  # z (1 + 0.044715 z^2)
    np.multiply(inner, GELU_SCALE, out=inner)
    np.tanh(inner, out=inner)
    np.add(inner, 1.0, out=inner)
    np.multiply(inner, 0.5, out=inner)
    np.maximum(z, -10.0, out=out)  # -inf * 0 would be NaN
    np.multiply(out, inner, out=out)


def silu(z: np.ndarray, out: np.ndarray) -> None:
    """Write z * sigmoid(z), also known as swish."""
    gate = np.empty_like(out)
    sigmoid(z, gate)
    np.maximum(z, -_sigmoid_limit(out), out=out)  # -inf * sigmoid(-inf) has the limit 0
    np.multiply(out, gate, out=out)


def identity(z: np.ndarray, out: np.ndarray) -> None:
    """Write z."""
    if out is not z:
        np.copyto(out, z)


def exp(z: np.ndarray, out: np.ndarray) -> None:
    """Write exp(z), with z clipped to at most 40.

    That is 2.4e17, more than any count. Its square is finite in float32 too, and so is its product with a scale.
    """
    np.minimum(z, 40.0, out=out)
    np.exp(out, out=out)


def softmax(z: np.ndarray, out: np.ndarray) -> None:
    """Write exp(z_j) / sum_k exp(z_k) for every row: positive shares that sum to 1.

    The row's maximum is subtracted first, which changes nothing but keeps exp from overflowing. A row that holds +inf
    shares 1 between its infinities; a row of nothing but -inf is shared evenly; a row that holds NaN is NaN.

    >>> z = np.array([[0.0, np.log(3.0)]])
    >>> softmax(z, out=z)
    >>> z.round(6)
    array([[0.25, 0.75]])
    """
    top = z.max(axis=-1, keepdims=True)
    infinite = np.isinf(top[..., 0])
    winners = z[infinite] == top[infinite]  # counted before `out`, which may be z, is written
    with np.errstate(over="ignore", invalid="ignore"):  # -max - max is -inf, inf - inf is replaced below
        np.subtract(z, top, out=out)
    np.exp(out, out=out)
    if winners.size:
        out[infinite] = winners
    np.divide(out, out.sum(axis=-1, keepdims=True), out=out)


def _sigmoid_limit(out: np.ndarray) -> float:
    return 87.0 if out.dtype == np.float32 else 708.0


ACTIVATIONS: dict[str, Activation] = {
    "sigmoid": Activation("sigmoid", sigmoid),
    "sigmoid-hybrid": Activation("sigmoid-hybrid", sigmoid),
    "leaky-relu": Activation("leaky-relu", leaky_relu, {"negative_slope": 0.01}),
    "relu": Activation("relu", relu),
    "tanh": Activation("tanh", tanh),
    "elu": Activation("elu", elu, {"alpha": 1.0}),
    "selu": Activation("selu", selu),
    "gelu": Activation("gelu", gelu),
    "silu": Activation("silu", silu),
    "identity": Activation("identity", identity),
    "exp": Activation("exp", exp),
    "softmax": Activation("softmax", softmax),
}
_BUILT_IN = frozenset(ACTIVATIONS)


def register_activation(name: str, forward: Callable[..., None], **parameters: float) -> Activation:
    """Make your own activation known by name; `forward(z, out, **parameters)` writes to `out`, which may be z.

    The keyword arguments are the parameters' defaults. A name given again replaces the old; a built-in name is refused.
    """
    if name in _BUILT_IN:
        raise InputError(f"the activation {name!r} is built in and cannot be replaced: register yours by another name")
    if not isinstance(name, str) or not name or not callable(forward):
        raise InputError(f"the activation {name!r} needs a function forward(z, out) and a name, not {shown(forward)}")
    ACTIVATIONS[name] = Activation(name, forward, {key: float(value) for key, value in parameters.items()})
    return ACTIVATIONS[name]


def get_activation(name: str) -> Activation:
    """Return the activation of that name; an unknown one raises InputError.

    >>> get_activation("leaky-relu").parameters
    {'negative_slope': 0.01}
    """
    found = ACTIVATIONS.get(name) if isinstance(name, str) else None
    if found is None:
        known = f": known are {', '.join(ACTIVATIONS)}, and what register_activation adds"
        raise InputError(f"there is no activation {name!r}{nearest(str(name), ACTIVATIONS) or known}")
    return found
