"""Every fast path of the forward pass is compared with the plain one, and with itself under other circumstances."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from mlp_runtime.activations import ACTIVATIONS, Activation, get_activation
from mlp_runtime.errors import InputError
from mlp_runtime.forward import CHUNK, SMALL, Layer, Plan, reference


def network(sizes, activation="relu", output="softmax", seed=0, bias=0.1):
    rng = np.random.default_rng(seed)
    names = [activation] * (len(sizes) - 2) + [output]
    return [
        Layer(
            rng.normal(0, np.sqrt(2 / n_in), (n_out, n_in)).astype(np.float32),
            rng.normal(0, bias, n_out).astype(np.float32),
            get_activation(name),
        )
        for n_in, n_out, name in zip(sizes, sizes[1:], names)
    ]


def inputs(layers, count, seed=1):
    return np.random.default_rng(seed).normal(size=(count, layers[0].weight.shape[1])).astype(np.float32)


@pytest.mark.parametrize("output", ["softmax", "identity", "sigmoid", "relu", "exp"])
@pytest.mark.parametrize("activation", sorted(set(ACTIVATIONS) - {"softmax", "exp"}))  # exp of exp leaves float32
@pytest.mark.parametrize("sizes", [(4, 3), (13, 64, 32, 2), (50, 20, 20, 20, 7), (3, 1, 1)])
def test_every_path_gives_what_the_plain_one_gives(sizes, activation, output):
    layers = network(sizes, activation, output)
    x = inputs(layers, CHUNK + 5)
    plain = reference(layers, x)[-1]
    plan = Plan(layers)
    near = 1e-6 * max(1.0, float(np.abs(plain).max()))
    close = 4e-6 if output == "exp" else 1e-6  # the last digit of z = 19 is 2e-6, which exp makes a share of the answer
    np.testing.assert_allclose([plan(row) for row in x[:20]], plain[:20], rtol=close, atol=near)
    np.testing.assert_allclose(plan(x), plain, rtol=close, atol=near)
    np.testing.assert_allclose(plan(x, strict=True), plain, rtol=close, atol=near)
    np.testing.assert_allclose(plan(x[0], strict=True), plain[0], rtol=close, atol=near)


@pytest.mark.parametrize("output", ["softmax", "identity", "sigmoid", "relu"])
@pytest.mark.parametrize("sizes", [(9, 300, 300), (400, 300), (9, 1500, 1500)])  # last layers of over SMALL weights
def test_a_wide_last_layer_answers_a_row_as_a_batch(sizes, output):
    layers = network(sizes, "relu", output)
    assert layers[-1].weight.size > SMALL
    x = inputs(layers, 40)
    plain, plan = reference(layers, x)[-1], Plan(layers)
    near = 2e-6 * max(1.0, float(np.abs(plain).max()))
    for answers in (np.array([plan(row) for row in x]), plan(x), plan(x, strict=True)):
        np.testing.assert_allclose(answers, plain, rtol=0, atol=near)


def test_a_heavy_bias_does_not_swallow_the_input():
    eye = np.eye(2, dtype=np.float32)
    relu, identity = get_activation("relu"), get_activation("identity")
    layers = [Layer(eye, np.full(2, 1e8, np.float32), relu), Layer(eye, np.full(2, -1e8, np.float32), identity)]
    x = np.array([640.0, -320.0], np.float32)
    assert Plan(layers)(x).tolist() == reference(layers, x[None])[-1][0].tolist()


def test_parameters_reach_the_activation_on_every_path():
    slope = Layer(
        np.eye(2, dtype=np.float32), np.zeros(2, np.float32), get_activation("leaky-relu"), {"negative_slope": 0.5}
    )
    plan, x = Plan([slope, slope]), np.array([-4.0, 4.0], np.float32)
    for answer in (plan(x), plan(x[None])[0], plan(x, strict=True), plan.trace(x)[-1]):
        assert answer.tolist() == [-1.0, 4.0]


def test_an_activation_of_rows_works_inside_a_network():
    layers = network((6, 5, 4), "softmax", "identity")
    x = inputs(layers, 3)
    np.testing.assert_allclose([Plan(layers)(row) for row in x], reference(layers, x)[-1], rtol=1e-5, atol=1e-6)


def test_an_own_activation_gets_rows_on_every_path():
    seen = set()

    def forward(z, out):
        seen.add(z.ndim)
        np.copyto(out, z)

    layers = [Layer(np.ones((2, 2), np.float32), np.zeros(2, np.float32), Activation("mine", forward))] * 2
    plan = Plan(layers)
    plan(np.ones(2)), plan(np.ones((3, 2))), plan(np.ones(2), strict=True), plan.trace(np.ones(2))
    assert seen == {2}


@pytest.mark.parametrize(
    "logits", [[np.inf, 0, 0], [-np.inf] * 3, [np.nan, 1, 2], [3e38, -3e38, 0], [-2e4, -2e4, -2e4]]
)
def test_one_row_of_extreme_logits_gets_the_plain_softmax(logits):
    layers = [Layer(np.zeros((3, 1), np.float32), np.array(logits, np.float32), get_activation("softmax"))]
    np.testing.assert_array_equal(Plan(layers)(np.zeros(1)), reference(layers, np.zeros((1, 1), np.float32))[-1][0])


@pytest.mark.parametrize("activation", ["relu", "gelu", "elu", "tanh"])
@pytest.mark.parametrize("sizes", [(784, 128, 10), (13, 64, 33, 3), (9, 5, 1)])
def test_a_strict_row_has_the_same_bits_in_any_batch(sizes, activation):
    layers = network(sizes, activation, "softmax" if sizes[-1] > 1 else "sigmoid")
    plan, x = Plan(layers), inputs(layers, CHUNK + 40)
    whole = plan(x, strict=True)
    for start, stop in [(0, 1), (0, 2), (1, 8), (CHUNK - 3, CHUNK + 3), (17, 217), (CHUNK, CHUNK + 40)]:
        assert plan(x[start:stop], strict=True).tobytes() == whole[start:stop].tobytes()
    for at in (0, 1, 100, CHUNK, CHUNK + 39):
        assert plan(x[at], strict=True).tobytes() == whole[at].tobytes()


def test_the_same_input_gives_the_same_bits():
    layers = network((784, 128, 10))
    x = inputs(layers, 300)
    one, other = Plan(layers), Plan(layers)
    assert one(x).tobytes() == one(x).tobytes() == other(x.copy()).tobytes()
    assert one(x[3]).tobytes() == one(x[3].copy()).tobytes() == other(np.asfortranarray(x)[3]).tobytes()


def test_answers_are_fresh_and_the_callers_own():
    layers = network((8, 6, 4), output="identity")
    plan, x = Plan(layers), inputs(layers, 5)
    first_row, first_batch = plan(x[0]), plan(x)
    kept_row, kept_batch = first_row.copy(), first_batch.copy()
    plan(x[1]), plan(x[::-1].copy()), plan(x, strict=True)
    assert (first_row == kept_row).all()
    assert (first_batch == kept_batch).all()
    first_row[:], first_batch[:] = 0, 0
    assert (plan(x[0]) == kept_row).all()
    assert (plan(x) == kept_batch).all()


def test_the_input_is_not_changed():
    layers = network((8, 8), output="identity")
    x = inputs(layers, 5)
    kept = x.copy()
    plan = Plan(layers)
    plan(x), plan(x[0]), plan(x, strict=True), plan.trace(x), plan.trace(x[0])
    assert (x == kept).all()


def test_read_only_weights_are_enough():
    layers = network((8, 6, 4))
    for each in layers:
        each.weight.flags.writeable = each.bias.flags.writeable = False
    assert Plan(layers)(np.ones(8)).shape == (4,)


def test_threads_do_not_disturb_each_other():
    layers = network((64, 48, 10))
    plan, x = Plan(layers), inputs(layers, 40)
    wanted, whole = [plan(row).tobytes() for row in x], plan(x).tobytes()
    wrong = []

    def work(offset):
        for step in range(300):
            at = (step + offset) % len(x)
            if plan(x[at]).tobytes() != wanted[at] or (step % 10 == 0 and plan(x).tobytes() != whole):
                wrong.append(at)

    threads = [threading.Thread(target=work, args=(offset,)) for offset in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_no_thread_is_started():
    before = threading.active_count()
    Plan(network((8, 6, 4)))(np.ones((600, 8)))
    assert threading.active_count() == before


def test_a_trace_tells_what_every_layer_said():
    layers = network((5, 4, 3))
    plan, x = Plan(layers), inputs(layers, 2)
    trace = plan.trace(x)
    assert [a.shape for a in trace] == [(2, 5), (2, 4), (2, 3)]
    assert (trace[0] == x).all()
    np.testing.assert_allclose(trace[1], np.maximum(x @ layers[0].weight.T + layers[0].bias, 0), rtol=1e-5)
    assert [a.shape for a in plan.trace(x[0])] == [(5,), (4,), (3,)]


@pytest.mark.parametrize("count", [0, 1, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_a_batch_of_any_length_is_answered(count):
    layers = network((6, 5, 2))
    for strict in (False, True):
        assert Plan(layers)(inputs(layers, count), strict=strict).shape == (count, 2)


@pytest.mark.parametrize(
    "x", [[1, 2, 3], np.ones(3, np.float64), np.ones(3, np.uint8), np.ones((3, 2), np.float32).T[0]]
)
def test_numbers_of_any_kind_are_taken_as_float32(x):
    layers = network((3, 2))
    wanted = Plan(layers)(np.ascontiguousarray(x, np.float32))
    assert Plan(layers)(x).tobytes() == wanted.tobytes()


@pytest.mark.parametrize(
    "x", [None, "a", [1, 2], np.ones(4), np.ones((2, 4)), np.ones((1, 1, 3)), [[1, 2], [3]], 1.0, [], [1j] * 3]
)
def test_a_wrong_shape_is_refused_with_the_wanted_one(x):
    with pytest.raises(InputError, match=r"takes prepared numbers of shape \(3,\) or \(n, 3\)"):
        Plan(network((3, 2)))(x)
