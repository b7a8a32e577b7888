"""Every activation is compared with its formula in plain Python, and tried where floating point ends."""

from __future__ import annotations

import math
from typing import Any, Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mlp_runtime.activations import ACTIVATIONS, get_activation, layer, register_activation
from mlp_runtime.errors import InputError


def logistic(z: float) -> float:
    return 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z))


def elu(z: float, alpha: float = 1.0) -> float:
    return z if z > 0 else alpha * math.expm1(z)


FORMULAS: dict[str, Callable[[float], float]] = {
    "sigmoid": logistic,
    "sigmoid-hybrid": logistic,
    "leaky-relu": lambda z: z if z > 0 else 0.01 * z,
    "relu": lambda z: max(z, 0.0),
    "tanh": math.tanh,
    "elu": elu,
    "selu": lambda z: 1.0507009873554805 * elu(z, 1.6732632423543772),
    "gelu": lambda z: z / 2 * (1 + math.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z**3))),
    "silu": lambda z: z * logistic(z),
    "identity": lambda z: z,
    "exp": math.exp,
}
LIMITS = {  # at -inf and at +inf
    "sigmoid": (0, 1), "sigmoid-hybrid": (0, 1), "leaky-relu": (-np.inf, np.inf), "relu": (0, np.inf), "tanh": (-1, 1),
    "elu": (-1, np.inf), "selu": (-1.7580993408473766, np.inf), "gelu": (0, np.inf), "silu": (0, np.inf),
    "identity": (-np.inf, np.inf), "exp": (0, math.exp(40)),
}  # fmt: skip
BY_ELEMENT = sorted(set(ACTIVATIONS) - {"softmax"})
EXTREMES = [0.0, -0.0, 1e-45, 1e-30, 1.0, 20.0, 87.0, 88.8, 90.0, 709.0, 1e3, 1e18, 1e38, 3.4028235e38, math.inf]


def run(name: str, z: Any, **parameters: float) -> np.ndarray:
    """Apply an activation as the code does, with every floating-point complaint but underflow an error."""
    z = np.array(z)
    out = np.empty_like(z)
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        get_activation(name).forward(z, out, **parameters)
    return out


@pytest.fixture
def registry():
    before = dict(ACTIVATIONS)
    yield
    ACTIVATIONS.clear()
    ACTIVATIONS.update(before)


def test_every_elementwise_activation_has_a_formula_and_limits_here():
    assert set(FORMULAS) == set(LIMITS) == set(BY_ELEMENT)


@pytest.mark.parametrize("name", BY_ELEMENT)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 3e-6), (np.float64, 1e-13)])
def test_the_values_are_those_of_the_formula(name, dtype, tolerance):
    z = np.linspace(-12, 12, 961).astype(dtype).reshape(31, 31)
    out = run(name, z)
    assert out.dtype == dtype
    wanted = [[FORMULAS[name](float(v)) for v in row] for row in z]
    np.testing.assert_allclose(out, wanted, rtol=tolerance, atol=tolerance / 3)


@pytest.mark.parametrize("name", BY_ELEMENT)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nothing_overflows_or_warns_at_the_ends_of_floating_point(name, dtype):
    z = np.array([sign * min(value, np.finfo(dtype).max) for value in EXTREMES for sign in (1, -1)], dtype)
    out = run(name, z)
    assert not np.isnan(out).any()
    low, high = run(name, np.array([-np.inf, np.inf], dtype))
    assert low == pytest.approx(LIMITS[name][0], rel=1e-6, abs=1e-35)
    assert high == pytest.approx(LIMITS[name][1])


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_not_a_number_stays_not_a_number(name):
    out = run(name, np.array([[0.5, np.nan, -0.5]], np.float32))
    assert np.isnan(out[0, 1])
    assert np.isnan(out).all() == (name == "softmax")


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(st.data())
def test_working_in_place_gives_the_same_bits(name, dtype, data):
    shape = arrays.array_shapes(min_dims=2, max_dims=2, max_side=9)
    numbers = st.floats(width=np.dtype(dtype).itemsize * 8, allow_nan=False)
    z = data.draw(arrays.arrays(dtype, shape, elements=numbers))
    kept = z.copy()
    apart = run(name, z)
    assert (z == kept).all()
    get_activation(name).forward(z, z)
    assert z.dtype == dtype
    assert z.tobytes() == apart.tobytes()


@given(arrays.arrays(np.float32, 8, elements=st.floats(width=32, allow_nan=False)))
def test_a_sigmoid_never_leaves_0_to_1_or_overflows(z):
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        out = np.empty_like(z)
        get_activation("sigmoid").forward(z, out)
    assert ((out > 0) & (out <= 1)).all()


@pytest.mark.parametrize("slope", [0.0, 0.3, 1.0, 4.0, -0.5])
def test_a_leaky_relu_takes_any_slope(slope):
    z = np.array([-2.0, -1e-3, 0.0, 3.0, 1e37], np.float32)
    np.testing.assert_allclose(run("leaky-relu", z, negative_slope=slope), np.where(z > 0, z, z * np.float32(slope)))
    assert run("leaky-relu", np.array([np.inf], np.float32), negative_slope=slope) == np.inf


def test_an_elu_ends_at_minus_its_alpha():
    assert run("elu", np.array([-50.0, 2.0], np.float32), alpha=0.3).tolist() == pytest.approx([-0.3, 2.0])


def test_an_elu_is_exact_near_zero():
    assert run("elu", np.array([-1e-7], np.float32))[0] == pytest.approx(-1e-7, rel=1e-6)


@given(arrays.arrays(np.float32, (3, 5), elements=st.floats(-(2.0**99), 2.0**99, width=32)))
def test_a_softmax_row_sums_to_1_and_keeps_the_order(z):
    out = run("softmax", z)
    np.testing.assert_allclose(out.sum(axis=1), 1, rtol=1e-6)
    assert (out >= 0).all()
    assert (np.take_along_axis(out, z.argmax(axis=1)[:, None], axis=1) == out.max(axis=1, keepdims=True)).all()


def test_a_softmax_is_what_the_formula_says():
    shares = [math.exp(v) for v in (0.5, -1.0, 3.0)]
    assert run("softmax", np.array([[0.5, -1.0, 3.0]]))[0] == pytest.approx(
        [s / sum(shares) for s in shares], rel=1e-14
    )
    assert run("softmax", np.array([0.5, -1.0, 3.0]))[2] == pytest.approx(shares[2] / sum(shares))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_softmax_of_infinities_is_defined(dtype):
    inf, huge = np.inf, np.finfo(dtype).max
    z = np.array([[inf, 1, inf], [-inf, -inf, -inf], [-inf, 0, 0], [inf, -inf, 3], [huge, -huge, 0], [-huge, -huge, 1]])
    wanted = [[0.5, 0, 0.5], [1 / 3] * 3, [0, 0.5, 0.5], [1, 0, 0], [1, 0, 0], [0, 0, 1]]
    np.testing.assert_allclose(run("softmax", z.astype(dtype)), wanted, rtol=1e-6)


def test_a_softmax_does_not_mix_rows():
    z = np.array([[0.0, 1.0], [np.inf, 1.0], [np.nan, 0.0], [5.0, 5.0]])
    out = run("softmax", z)
    assert out[0].tobytes() == run("softmax", z[:1])[0].tobytes()
    assert out[1].tolist() == [1, 0]
    assert np.isnan(out[2]).all()
    assert out[3].tolist() == [0.5, 0.5]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_layer_is_a_product_and_a_sum(dtype):
    rng = np.random.default_rng(1)
    a, weight, bias = (rng.normal(size=shape).astype(dtype) for shape in ((4, 3), (3, 2), (2,)))
    out = np.full((4, 2), np.nan, dtype)
    assert layer(a, weight, bias, out) is out
    wanted = [[sum(a[i, k] * weight[k, j] for k in range(3)) + bias[j] for j in range(2)] for i in range(4)]
    np.testing.assert_allclose(out, wanted, rtol=1e-5)


def test_an_own_activation_is_known_by_name_and_can_be_replaced(registry):
    register_activation("square", lambda z, out, power=2.0: np.power(z, power, out=out), power=2)
    assert get_activation("square").parameters == {"power": 2.0}
    assert run("square", np.array([3.0])).tolist() == [9.0]
    register_activation("square", lambda z, out: np.multiply(z, z, out=out))
    assert get_activation("square").parameters == {}


def test_a_built_in_activation_cannot_be_replaced():
    with pytest.raises(InputError, match="'relu' is built in"):
        register_activation("relu", lambda z, out: None)


@pytest.mark.parametrize(("name", "forward"), [("", lambda z, out: None), (3, lambda z, out: None), ("mine", "relu")])
def test_what_is_no_activation_is_refused(name, forward):
    with pytest.raises(InputError, match="activation"):
        register_activation(name, forward)


@pytest.mark.parametrize(
    ("name", "hint"), [("reluu", "did you mean 'relu'"), (None, "known are sigmoid"), ([], "known")]
)
def test_an_unknown_activation_is_refused_with_the_nearest(name, hint):
    with pytest.raises(InputError, match=hint):
        get_activation(name)
