"""Checks exercise 3: which line of a backward pass is broken, and why."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from checker.asking import Wrong, ask
from mlp_train.array import Array
from mlp_train.gradcheck import TOLERANCE, finite_differences, relative_error
from mlp_train.losses import LOSSES, mean_loss
from mlp_train.network import ForwardPass, Gradient, LayerSpec, Network

ROWS, SIZE = 5, 4  # every layer is square, so that every shape fits
KEY = {1: ("D", "transpose"), 2: ("A", "batch"), 3: ("E", "slope"), 4: ("C", "bias")}


def check(module: ModuleType) -> str:
    """Compare the answers with the key; what a wrong one contradicts comes from the functions themselves."""
    answers, reasons = getattr(module, "ANSWERS", None), getattr(module, "REASONS", None)
    if not isinstance(answers, dict) or not isinstance(reasons, dict):
        raise Wrong("ANSWERS and REASONS must be there, as in the starting file")
    for number, (line, reason) in KEY.items():
        given = answers.get(number)
        if not (isinstance(given, (tuple, list)) and len(given) == 2):
            raise Wrong(f'ANSWERS[{number}] is {given!r}, and a pair is wanted, such as ("A", "sign")')
        if "?" in given:
            raise Wrong(f"ANSWERS[{number}] is still open; run exercise_3.py to see which gradients are wrong")
        if given[0] not in tuple("ABCDE"):
            raise Wrong(f"ANSWERS[{number}] names the line {given[0]!r}, and the lines are A, B, C, D and E")
        if given[1] not in list(reasons):
            raise Wrong(f"ANSWERS[{number}] gives the reason {given[1]!r}, and it is one of {', '.join(reasons)}")
        if given[0] != line:
            errors = errors_of(lambda *args, n=number: ask(module, f"broken_{n}", *args))
            raise Wrong(f"broken_{number}: line {given[0]} is as it should be; {in_words(errors)}")
        if given[1] != reason:
            raise Wrong(f"broken_{number}: line {line} it is, but not because {reasons[given[1]]!r}")
    return "all four broken lines are found, and why."


def errors_of(broken: Callable[..., Any]) -> dict[str, float]:
    """Return the relative error of every gradient of a backward pass against finite differences."""
    generator = np.random.default_rng(3)
    layers = [LayerSpec(SIZE, SIZE, "tanh"), LayerSpec(SIZE, SIZE, "tanh"), LayerSpec(SIZE, SIZE, "softmax")]
    network, loss = Network(layers, np.float64), LOSSES["cross-entropy"]
    network.flat[:] = generator.normal(0, 0.7, network.flat.size)
    x, y = generator.normal(size=(ROWS, SIZE)), np.eye(SIZE)[generator.integers(0, SIZE, ROWS)]
    passed, numeric = ForwardPass(network, ROWS, keep_last_z=True), Gradient(layers, np.float64)

    def loss_now() -> float:
        network.forward(x, passed)
        return mean_loss(loss, passed, y)

    numeric.flat[:] = finite_differences(loss_now, network.flat)
    network.forward(x, passed)
    a = [one.copy() for one in passed.a]
    d_weights, d_biases = broken(a, y, [weight.copy() for weight in network.weights])
    pairs: dict[str, tuple[Array, Array]] = {}
    for i in range(len(layers)):
        pairs[f"d_weights[{i}]"] = d_weights[i], numeric.weights[i]
        pairs[f"d_biases[{i}]"] = d_biases[i], numeric.biases[i]
    return {name: relative_error(*pair) for name, pair in pairs.items()}


def in_words(errors: dict[str, float]) -> str:
    """Say which gradients finite differences find wrong, and which right."""
    wrong = [name for name, error in errors.items() if error > TOLERANCE]
    right = [name for name in errors if name not in wrong]
    if not wrong:
        return "all its gradients are right, so it is no longer as it was; take a fresh copy of the exercise"
    return f"finite differences find {', '.join(wrong)} wrong and {', '.join(right) or 'none'} right"


def show(functions: dict[int, Callable[..., Any]]) -> None:
    """Print the relative error of every gradient of every function."""
    for number, function in functions.items():
        print(f"broken_{number}")
        for name, error in errors_of(function).items():
            print(f"    {name}  {error:8.1e}  {'wrong' if error > TOLERANCE else 'right'}")
