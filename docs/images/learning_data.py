"""What the pictures of docs/learn show: numbers that the project's own functions give, and trainings that ran.

`draw_learning.py` keeps them in learning.json and draws them. What takes a moment is computed again by the tests; the
trainings (`optimizers`, `batches`) take minutes, and a test repeats one of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

import mlp_data
import mlp_train
from mlp_runtime.activations import ACTIVATIONS
from mlp_train.array import Array
from mlp_train.backward import Trace, backward
from mlp_train.derivatives import DERIVATIVES
from mlp_train.gradcheck import finite_differences, relative_error
from mlp_train.initializers import INITIALIZERS, initialize
from mlp_train.losses import LOSSES, mean_loss, output_gradient
from mlp_train.network import ForwardPass, Gradient, LayerSpec, Network
from mlp_train.optimizers import OPTIMIZERS

DEEP, WIDE, ROWS = 12, 128, 512  # the network through which signals are sent
EPOCHS, SEEDS = 15, 5
BATCHES: tuple[int | str, ...] = (8, 32, 128, 512, "full")
RATES = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1)
DRAWS = 20  # mini-batches of each size, of which the mean is taken
SIZES = (1, 4, 16, 64, 256, 1024)


def short(numbers: Any) -> Any:
    """Return numbers with five digits, and None for those that JSON does not know."""
    if isinstance(numbers, dict):
        return {name: short(value) for name, value in numbers.items()}
    if isinstance(numbers, (list, tuple, np.ndarray)):
        return [short(number) for number in numbers]
    return float(f"{numbers:.5g}") if np.isfinite(numbers) else None


def numerics() -> dict[str, Any]:
    """Return the sigmoid, its loss and its slopes in float32, as this project and as the plain formula has them."""
    low = np.linspace(-95, -80, 61, dtype=np.float32)
    high = np.linspace(0, 30, 121, dtype=np.float32)
    middle = np.linspace(-8, 8, 161, dtype=np.float32)
    y = np.zeros((len(high), 1), np.float32)
    with np.errstate(over="ignore", divide="ignore"):
        plain = 1 / (1 + np.exp(-low))
        plain_loss = -np.log(1 - 1 / (1 + np.exp(-high)))
    loss = LOSSES["binary-cross-entropy"].value(high[:, None], None, y)
    return {
        "low": low,
        "sigmoid": forward("sigmoid", low),
        "plain sigmoid": plain,
        "high": high,
        "loss": loss,
        "plain loss": plain_loss,
        "middle": middle,
        "slope": slope("sigmoid", middle),
        "hybrid slope": slope("sigmoid-hybrid", middle),
    }


def forward(name: str, z: Array) -> Array:
    """Return the activation of some numbers."""
    a = np.empty_like(z)
    ACTIVATIONS[name].forward(z, a)
    return a


def slope(name: str, z: Array) -> Array:
    """Return da/dz as the backward pass has it."""
    d_z = np.empty_like(z)
    DERIVATIVES[name].backward(np.ones_like(z), z, forward(name, z), d_z)
    return d_z


def initialisation() -> dict[str, Any]:
    """Return how large activations and gradients are in each layer, for each initializer.

    Both are roots of mean squares: of `a` on the way forward, from inputs of 1, and of `d_z` on the way back, from
    gradients of 1.
    """
    said: dict[str, Any] = {}
    for activation in ("relu", "tanh"):
        layers = [LayerSpec(WIDE, WIDE, activation)] * DEEP
        for name in (*INITIALIZERS, "sd 0.01"):
            generator = np.random.default_rng(0)
            network = Network(layers, np.float64)
            if name == "sd 0.01":
                network.flat[: network.weight_count] = generator.normal(0, 0.01, network.weight_count)
            else:
                initialize(network, generator, name)
            said[f"{activation} {name}"] = sizes(network, generator)
    return said


def sizes(network: Network, generator: np.random.Generator) -> dict[str, list[float]]:
    """Send random rows through the network and random gradients back, and return how large they are by layer."""
    passed, trace = ForwardPass(network, ROWS), Trace()
    network.forward(generator.normal(size=(ROWS, WIDE)), passed)
    d_z = generator.normal(size=(ROWS, WIDE))
    backward(network, passed, d_z, Gradient(network.layers, network.dtype), trace)
    return {
        "forward": [root_mean_square(a) for a in passed.a],
        "backward": [root_mean_square(trace.d_z[layer]) for layer in range(DEEP)],
    }


def root_mean_square(values: Array) -> float:
    """Return the root of the mean square."""
    return float(np.sqrt(np.mean(values**2)))


def gradient_checking() -> dict[str, Any]:
    """Return the worst relative error of finite differences by their step, against the exact gradient."""
    steps = 10.0 ** -np.arange(0.5, 12.01, 0.25)
    return {
        "step": steps,
        "forward": [difference_error(np.float64, one_sided, h) for h in steps],
        "central": [difference_error(np.float64, central, h) for h in steps],
        "fourth order": [difference_error(np.float64, finite_differences, h) for h in steps],
        "fourth order, float32": [difference_error(np.float32, finite_differences, h) for h in steps],
    }


def difference_error(dtype: Any, differences: Callable[..., Array], h: float) -> float:
    """Return how far finite differences with step h are from `backward` in a small smooth network."""
    layers = [LayerSpec(4, 5, "tanh"), LayerSpec(5, 3, "softmax")]
    network, loss = Network(layers, dtype), LOSSES["cross-entropy"]
    generator = np.random.default_rng(0)
    initialize(network, generator)
    x, y = generator.normal(size=(8, 4)).astype(dtype), np.eye(3, dtype=dtype)[generator.integers(0, 3, 8)]
    passed, gradient = ForwardPass(network, 8, keep_last_z=True), Gradient(layers, dtype)
    network.forward(x, passed)
    backward(network, passed, output_gradient(loss, network, passed, y), gradient)

    def loss_now() -> float:
        network.forward(x, passed)
        return mean_loss(loss, passed, y)

    return relative_error(gradient.flat, differences(loss_now, network.flat, float(h)))


def one_sided(f: Callable[[], float], parameters: Array, h: float) -> Array:
    """Return (f(p + h) - f(p)) / h for every parameter."""
    return nudged(f, parameters, h, ((1.0, 1), (-1.0, 0))) / h


def central(f: Callable[[], float], parameters: Array, h: float) -> Array:
    """Return (f(p + h) - f(p - h)) / 2h for every parameter."""
    return nudged(f, parameters, h, ((1.0, 1), (-1.0, -1))) / (2 * h)


def nudged(f: Callable[[], float], parameters: Array, h: float, terms: tuple[tuple[float, int], ...]) -> Array:
    """Return the sum of factor * f(p + steps * h) over the terms, for every parameter p."""
    sums = np.empty_like(parameters)
    for i, value in enumerate(parameters.copy()):
        total = 0.0
        for factor, steps in terms:
            parameters[i] = value + steps * h
            total += factor * f()
        parameters[i], sums[i] = value, total
    return sums


def noise() -> dict[str, Any]:
    """Return how far the gradient of a mini-batch is from that of all digits, as a share of its length, by its size."""
    digits = mlp_data.load("digits")
    x, y = digits.fit_input().transform(digits.train.x), np.eye(10, dtype=np.float32)[digits.train.y]
    layers = [LayerSpec(784, 128, "relu"), LayerSpec(128, 10, "softmax")]
    network, generator = Network(layers), np.random.default_rng(0)
    initialize(network, generator)
    full = gradient_of(network, x, y)
    away = {
        str(size): np.mean([distance(network, x, y, generator.permutation(len(x))[:size], full) for _ in range(DRAWS)])
        for size in SIZES
    }
    return {"rows": len(x), "away": away}


def distance(network: Network, x: Array, y: Array, chosen: Array, full: Array) -> float:
    """Return |g - g of all rows| / |g of all rows| for the gradient g of the chosen rows."""
    return float(np.linalg.norm(gradient_of(network, x[chosen], y[chosen]) - full) / np.linalg.norm(full))


def gradient_of(network: Network, x: Array, y: Array) -> Array:
    """Return dL/d(parameters) of these rows as one vector."""
    passed, gradient = ForwardPass(network, len(x), keep_last_z=True), Gradient(network.layers, network.dtype)
    network.forward(x, passed)
    backward(network, passed, output_gradient(LOSSES["cross-entropy"], network, passed, y), gradient)
    return gradient.flat


def training(seed: int, **options: Any) -> dict[str, Any]:
    """Train on the shipped digits and return loss and accuracy of the held-out rows, epoch by epoch."""
    began = time.process_time()
    options |= {"hidden": (128,), "epochs": EPOCHS, "patience": EPOCHS, "workers": 1, "calibrate": False}
    result = mlp_train.fit(mlp_data.load("digits"), seed=seed, **options)
    return {
        "loss": [epoch["valid_loss"] for epoch in result.history],
        "accuracy": [epoch["valid"]["accuracy"] for epoch in result.history],
        "seconds": time.process_time() - began,
    }


def optimizers() -> dict[str, Any]:
    """Train with every optimizer, each with its own default learning rate, from several seeds."""
    names = (*OPTIMIZERS, "lbfgs")
    return {name: [training(seed, optimizer=name) for seed in range(SEEDS)] for name in names}


def batches() -> dict[str, Any]:
    """Train with batches of several sizes, by Adam with each of a few learning rates; three seeds."""
    found: dict[str, Any] = {}
    for size in BATCHES:
        for rate in RATES:
            runs = [training(seed, optimizer="adam", lr=rate, batch_size=size) for seed in range(3)]
            found.setdefault(str(size), {})[f"{rate:g}"] = runs
            print(f"batch {size}, lr {rate:g}: {np.mean([run['loss'][-1] for run in runs]):.3f}", flush=True)
    return found


QUICK: dict[str, Callable[[], dict[str, Any]]] = {
    "numerics": numerics,
    "initialisation": initialisation,
    "gradient-checking": gradient_checking,
    "noise": noise,
}
SLOW: dict[str, Callable[[], dict[str, Any]]] = {"optimizers": optimizers, "batches": batches}
