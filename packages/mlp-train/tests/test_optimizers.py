"""Each optimizer takes the step of its own formula, wherever the vector is cut, and finds the bottom of a bowl."""

from __future__ import annotations

import numpy as np
import pytest

from mlp_train.optimizers import OPTIMIZERS, Folding, unit_of


def make(name, size=2, weight_count=2, momentum=0.9, weight_decay=0.0, dtype=np.float64, **betas):
    return OPTIMIZERS[name](
        size, dtype, weight_count=weight_count, momentum=momentum, weight_decay=weight_decay, **betas
    )


# What each paper says, in the plainest form: `s` is its memory, t = 1, 2, ... counts steps, `d` is the decay.


def sgd(w, g, lr, s, t, b1, b2, m, d):
    return w - lr * g


def momentum(w, g, lr, s, t, b1, b2, m, d):
    s["v"] = m * s.get("v", 0) + g
    return w - lr * s["v"]


def nesterov(w, g, lr, s, t, b1, b2, m, d):
    s["v"] = m * s.get("v", 0) + g
    return w - lr * (g + m * s["v"])


def rmsprop(w, g, lr, s, t, b1, b2, m, d):
    s["v"] = b2 * s.get("v", 0) + (1 - b2) * g**2
    return w - lr * g / (np.sqrt(s["v"]) + 1e-8)


def adam(w, g, lr, s, t, b1, b2, m, d):
    s["m"] = b1 * s.get("m", 0) + (1 - b1) * g
    s["v"] = b2 * s.get("v", 0) + (1 - b2) * g**2
    return w - lr * (s["m"] / (1 - b1**t)) / (np.sqrt(s["v"] / (1 - b2**t)) + 1e-8)


def adamw(w, g, lr, s, t, b1, b2, m, d):
    return adam(w, g, lr, s, t, b1, b2, m, d) - lr * d * w


def nadam(w, g, lr, s, t, b1, b2, m, d):
    s["m"] = b1 * s.get("m", 0) + (1 - b1) * g
    s["v"] = b2 * s.get("v", 0) + (1 - b2) * g**2
    ahead = b1 * s["m"] / (1 - b1 ** (t + 1)) + (1 - b1) * g / (1 - b1**t)
    return w - lr * ahead / (np.sqrt(s["v"] / (1 - b2**t)) + 1e-8)


def lion(w, g, lr, s, t, b1, b2, m, d):
    update = np.sign(b1 * s.get("m", 0) + (1 - b1) * g)
    s["m"] = b2 * s.get("m", 0) + (1 - b2) * g
    return w - lr * (update + d * w)


@pytest.mark.parametrize("name", [name for name, kind in OPTIMIZERS.items() if issubclass(kind, Folding)])
def test_a_gradient_that_holds_the_learning_rate_already_gives_the_same_steps(name):
    one, two, w, w2 = make(name, SIZE), make(name, SIZE), np.ones(SIZE), np.ones(SIZE)
    for g, lr in fifty_steps():
        one.update(w, g.copy(), lr)
        two.update_folded(w2, g * unit_of(lr), lr)
        assert w.tolist() == w2.tolist()


TEXTBOOK = {
    "sgd": sgd,
    "momentum": momentum,
    "nesterov": nesterov,
    "rmsprop": rmsprop,
    "adam": adam,
    "adamw": adamw,
    "nadam": nadam,
    "lion": lion,
}
BETAS = {"rmsprop": (0.9, 0.99), "lion": (0.9, 0.99)}  # the others': 0.9 and 0.999
SIZE, WEIGHTS = 60, 40


def fifty_steps():
    rng = np.random.default_rng(5)
    scale = 10.0 ** rng.uniform(-6, 3, SIZE)  # gradients of very different size, and one that is always zero
    scale[0] = 0
    rates = 0.01 * (1 + np.sin(np.arange(50)))
    rates[20] = 0  # a schedule may stand still
    return zip(rng.normal(size=(50, SIZE)) * scale, rates, strict=True)


def test_every_optimizer_has_a_textbook_formula_here():
    ours = {name for name, kind in OPTIMIZERS.items() if kind.__module__ == "mlp_train.optimizers"}  # no plug-in's
    assert set(TEXTBOOK) == ours


@pytest.mark.parametrize("own", [False, True], ids=["the papers' betas", "own betas"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_follows_its_textbook_formula_for_50_steps(name, own):
    b1, b2 = (0.8, 0.95) if own else BETAS.get(name, (0.9, 0.999))
    options = {"beta1": b1, "beta2": b2} if own else {}
    optimizer = make(name, SIZE, WEIGHTS, momentum=0.7, weight_decay=0.3, **options)
    w = np.random.default_rng(1).normal(size=SIZE)
    plain, memory = w.copy(), {}
    decay = np.where(np.arange(SIZE) < WEIGHTS, 0.3, 0.0)  # weights decay, biases do not
    for t, (g, lr) in enumerate(fifty_steps(), start=1):
        plain = TEXTBOOK[name](plain, g, lr, memory, t, b1, b2, 0.7, decay)
        optimizer.update(w, g.copy(), lr)
        np.testing.assert_allclose(w, plain, rtol=1e-12, atol=1e-12)
    assert optimizer.steps == 50


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_vector_may_be_cut_anywhere_and_gives_the_same_bits(name, dtype):
    whole, w = make(name, SIZE, WEIGHTS, weight_decay=0.3, dtype=dtype), np.linspace(-1, 1, SIZE).astype(dtype)
    cuts, pieces = [slice(0, 17), slice(17, 51), slice(51, SIZE)], w.copy()
    apart = [make(name, c.stop - c.start, max(0, WEIGHTS - c.start), weight_decay=0.3, dtype=dtype) for c in cuts]
    for g, lr in fifty_steps():
        g = g.astype(dtype)
        for cut, one in zip(cuts, apart, strict=True):
            one.update(pieces[cut], g[cut].copy(), lr)
        whole.update(w, g, lr)
    assert w.tobytes() == pieces.tobytes()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_float32_stays_float32_and_close_to_float64(name):
    exact, rough = make(name, SIZE), make(name, SIZE, dtype=np.float32)
    w, w32 = np.ones(SIZE), np.ones(SIZE, np.float32)
    for g, lr in fifty_steps():
        rough.update(w32, g.astype(np.float32), lr)
        exact.update(w, g.astype(np.float32).astype(np.float64), lr)
    assert all(array.dtype == np.float32 for array in rough.arrays().values())
    np.testing.assert_allclose(w32, w, rtol=1e-4, atol=1e-5)


def test_adam_takes_a_first_step_of_the_learning_rate_whatever_the_gradient():
    for gradient in (1e-3, 1e3):
        w = np.array([1.0])
        make("adam", 1).update(w, np.array([gradient]), 0.1)
        assert w.item() == pytest.approx(0.9, abs=1e-5)


@pytest.mark.parametrize("name", ["adamw", "lion"])
def test_decoupled_decay_shrinks_weights_but_not_biases(name):
    optimizer, w = make(name, weight_count=1, weight_decay=0.5), np.array([1.0, 1.0])
    optimizer.update(w, np.zeros(2), 0.1)
    assert w.tolist() == [0.95, 1.0]


@pytest.mark.parametrize("name", ["rmsprop", "adam", "adamw", "nadam", "lion"])
def test_a_gradient_of_zero_moves_nothing_and_divides_by_nothing(name):
    optimizer, w = make(name), np.array([1.0, 2.0])
    for _ in range(3):
        optimizer.update(w, np.zeros(2), 0.1)
    assert w.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_gradient_that_is_not_a_number_is_not_hidden(name):
    optimizer, w = make(name), np.ones(2)
    optimizer.update(w, np.array([np.nan, 1.0]), 0.1)
    assert np.isnan(w).tolist() == [True, False]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_finds_the_bottom_of_a_bowl(name):
    optimizer, w = make(name), np.array([3.0, -2.0])
    for _ in range(800):
        optimizer.update(w, w * [1.0, 4.0], 0.02)
    assert np.abs(w).max() < 0.05


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_restored_optimizer_goes_on_as_if_never_stopped(name):
    rng = np.random.default_rng(0)
    gradients = rng.normal(size=(6, 2))
    one, w = make(name), np.ones(2)
    for g in gradients[:3]:
        one.update(w, g.copy(), 0.1)
    one.settle()
    two, w2 = make(name), w.copy()
    for memory, kept in zip(two.arrays().values(), one.arrays().values(), strict=True):  # as a learner takes it over
        memory[:] = kept
    two.steps = one.steps
    for g in gradients[3:]:
        one.update(w, g.copy(), 0.1)
        two.update(w2, g.copy(), 0.1)
    assert w.tolist() == w2.tolist()
