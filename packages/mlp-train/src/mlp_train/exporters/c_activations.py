"""What each activation is in C: the same formula as in the runtime, for one number `v`, or for a whole row."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mlp_runtime.activations import GELU_CUBIC, GELU_SCALE, SELU_ALPHA, SELU_SCALE

SIGMOID = """\
static float sigmoid(float v)
{
    v = v < -87.0f ? -87.0f : v > 87.0f ? 87.0f : v; /* expf(89) would overflow */
    return 1.0f / (1.0f + expf(-v));
}
"""
GELU = f"""\
static float gelu(float v)
{{
    const float inner = v < -10.0f ? -10.0f : v > 10.0f ? 10.0f : v; /* its cube cannot overflow */
    const float outer = v < -10.0f ? -10.0f : v;
    return outer * 0.5f * (1.0f + tanhf({GELU_SCALE!r}f * inner * (1.0f + {GELU_CUBIC!r}f * inner * inner)));
}}
"""
SOFTMAX = """\
static void softmax(float *a, int count)
{
    float top = a[0], sum = 0.0f;
    int i;
    for (i = 1; i < count; i++) {
        top = a[i] > top ? a[i] : top;
    }
    for (i = 0; i < count; i++) {
        a[i] = expf(a[i] - top); /* at most 1 */
        sum += a[i];
    }
    for (i = 0; i < count; i++) {
        a[i] /= sum;
    }
}
"""
HELPERS = {"sigmoid": SIGMOID, "sigmoid-hybrid": SIGMOID, "silu": SIGMOID, "gelu": GELU, "softmax": SOFTMAX}
# NaN is not below 0, so it stays NaN.
EXPRESSIONS = {
    "sigmoid": "sigmoid(v)",
    "sigmoid-hybrid": "sigmoid(v)",
    "leaky-relu": "v < 0.0f ? {negative_slope} * v : v",
    "relu": "v < 0.0f ? 0.0f : v",
    "tanh": "tanhf(v)",
    "elu": "v < 0.0f ? {alpha} * expm1f(v) : v",
    "selu": f"{SELU_SCALE!r}f * (v < 0.0f ? {SELU_ALPHA!r}f * expm1f(v) : v)",
    "gelu": "gelu(v)",
    "silu": "v * sigmoid(v)",
    "identity": "v",
    "exp": "expf(v > 40.0f ? 40.0f : v)",
    "softmax": "",  # of a whole row
}


def number(value: float) -> str:
    """Write a float32 as C does, so that it is read back to the bit.

    >>> number(1.0), number(0.1), number(-1e-30)
    ('1.0f', '0.1f', '-1e-30f')
    """
    return f"{np.float32(value)!s}f"  # NumPy writes as few digits as say it, with a point or an exponent


def apply(activation: str, parameters: Mapping[str, float], buffer: str, count: int) -> str:
    """Return the lines that turn a layer's weighted sums, which stand in `buffer`, into its activation."""
    if activation == "identity":
        return ""
    if activation == "softmax":
        return f"    softmax({buffer}, {count});\n"
    value = EXPRESSIONS[activation].format(**{key: number(one) for key, one in parameters.items()})
    return (
        f"    for (i = 0; i < {count}; i++) {{\n"
        f"        const float v = {buffer}[i];\n"
        f"        {buffer}[i] = {value};\n"
        "    }\n"
    )
