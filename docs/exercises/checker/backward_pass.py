"""Checks exercise 2, the backward pass, against the trainer's own and against finite differences."""

from __future__ import annotations

from types import ModuleType

import numpy as np

from checker.asking import Wrong, ask, compare, is_close, numbers, parts
from mlp_train.array import Array
from mlp_train.backward import backward
from mlp_train.gradcheck import finite_differences
from mlp_train.losses import LOSSES, mean_loss, output_gradient
from mlp_train.network import ForwardPass, Gradient, LayerSpec, Network

ROWS, SIZES = 5, (3, 4, 4, 2)
LOSS = LOSSES["cross-entropy"]


def check(module: ModuleType) -> str:
    """Check the five functions one by one; returns what to say when all are right."""
    generator = np.random.default_rng(2)
    check_output_gradient(module, generator)
    check_linear(module, generator)
    check_input(module, generator)
    check_tanh(module, generator)
    check_backward(module, generator)
    return "every gradient agrees with mlp_train.backward and with finite differences."


def check_output_gradient(module: ModuleType, generator: np.random.Generator) -> None:
    """Compare d_z of the last layer, of softmax and the mean cross-entropy."""
    e = np.exp(generator.normal(size=(ROWS, 3)))
    a, y = e / e.sum(axis=1, keepdims=True), np.eye(3)[generator.integers(0, 3, ROWS)]
    right = (a - y) / ROWS
    mistakes = {
        f"is {ROWS} times too large, and the batch has {ROWS} rows: L is a mean": a - y,
        "has the wrong sign: where a is too large, L must rise with z": -right,
        "has the wrong sign, and the batch size is missing: L is a mean": y - a,
        "is dL/da: the way through the softmax is missing": -y / a / ROWS,
        "is divided by the number of outputs, and L is a mean over the rows": (a - y) / 3,
        "is divided by the number of all its values, and L is a mean over the rows": (a - y) / y.size,
    }
    back = ask(module, "output_gradient", a, y)
    compare("output_gradient", back, right, mistakes, f"a is {a[0, 0]:.4g} and y is {y[0, 0]:g} at [0, 0]")


def check_linear(module: ModuleType, generator: np.random.Generator) -> None:
    """Compare d_weight and d_bias of one layer."""
    a_in, d_z = generator.normal(size=(ROWS, 4)), generator.normal(size=(ROWS, 3))
    d_weight, d_bias = a_in.T @ d_z, d_z.sum(axis=0)
    found = parts("backward_linear", ask(module, "backward_linear", a_in, d_z), 2)
    smaller = f"is {ROWS} times too small, and the batch has {ROWS} rows: d_z carries the division already"
    mistakes = {smaller: d_weight / ROWS, "has the wrong sign": -d_weight}
    hint = "this weight meets its own input in every row"
    compare("backward_linear: d_weight", found[0], d_weight, mistakes, hint)
    mistakes = {smaller: d_bias / ROWS, "has the wrong sign": -d_bias, "is that of the first row alone": d_z[0]}
    compare("backward_linear: d_bias", found[1], d_bias, mistakes, "a bias takes part in every row")


def check_input(module: ModuleType, generator: np.random.Generator) -> None:
    """Compare what goes to the layer before, with a weight that is square and one that is not."""
    for size in (4, 3):
        d_z, weight = generator.normal(size=(ROWS, 3)), generator.normal(size=(size, 3))
        right = d_z @ weight.T
        wrong = {} if size != 3 else {
            "sends the blame to the wrong neurons: every shape fits, but the weight lies the wrong way": d_z @ weight
        }  # fmt: skip
        back = ask(module, "backward_input", d_z, weight)
        hint = "weight[i, j] leads from input i to output j, and the blame comes back on the same way"
        compare("backward_input", back, right, wrong, hint)


def check_tanh(module: ModuleType, generator: np.random.Generator) -> None:
    """Compare the way back through tanh."""
    d_a, a = generator.normal(size=(ROWS, 4)), np.tanh(generator.normal(size=(ROWS, 4)))
    mistakes = {
        "is d_a: the slope of tanh is forgotten": d_a,
        "takes a for the slope": d_a * a,
        "has a slope that is not that of tanh: look at its power": d_a * (1 - a),
        "takes tanh of a, but a is tanh(z) already": d_a * (1 - np.tanh(a) ** 2),
        "has the slope of the sigmoid": d_a * a * (1 - a),
        "is the slope alone, without what came from above": 1 - a**2,
    }
    hint = f"the slope where a is {a[0, 0]:.4g} is needed at [0, 0]"
    compare("backward_tanh", ask(module, "backward_tanh", d_a, a), d_a * (1 - a**2), mistakes, hint)


def check_backward(module: ModuleType, generator: np.random.Generator) -> None:
    """Compare the gradients of a whole network."""
    case = Case(generator)
    right, numeric = case.gradients()
    d_weights, d_biases = parts("backward", ask(module, "backward", case.a, case.y, case.weights), 2)
    d_weights, d_biases = parts("backward: d_weights", d_weights, 3), parts("backward: d_biases", d_biases, 3)
    shapes = [np.shape(one) for one in d_weights]
    wanted = [weight.shape for weight in case.weights]
    if shapes != wanted and shapes[::-1] == wanted:
        raise Wrong("backward: d_weights begins with the last layer, and the order of weights is wanted")
    for kind, found, sides in (("weights", d_weights, right.weights), ("biases", d_biases, right.biases)):
        for i in reversed(range(3)):  # from where the mistake begins
            name = f"backward: d_{kind}[{i}]"
            array = numbers(name, found[i], sides[i])
            if not is_close(array, sides[i]):
                raise Wrong(f"{name} {case.reason(array, i, kind)}{nudge(array, getattr(numeric, kind)[i])}")


def nudge(found: Array, numeric: Array) -> str:
    """Say where a gradient differs most from finite differences."""
    place = np.unravel_index(np.abs(found - numeric).argmax(), found.shape)
    at = [int(index) for index in place]
    return f"a nudge of that number at {at} changes L by {numeric[place]:.4g} a unit, and yours says {found[place]:.4g}"


class Case:
    """A small network with tanh units and a softmax at the end, what goes through it, and the wrong ways back."""

    def __init__(self, generator: np.random.Generator) -> None:
        kinds = ("tanh", "tanh", "softmax")
        self.network = Network([LayerSpec(*pair) for pair in zip(SIZES, SIZES[1:], kinds, strict=False)], np.float64)
        self.network.flat[:] = generator.normal(0, 0.7, self.network.flat.size)
        self.weights = [weight.copy() for weight in self.network.weights]
        self.y = np.eye(SIZES[-1])[generator.integers(0, SIZES[-1], ROWS)]
        self.x = generator.normal(size=(ROWS, SIZES[0]))
        self.passed = ForwardPass(self.network, ROWS, keep_last_z=True)
        self.network.forward(self.x, self.passed)
        self.a = [a.copy() for a in self.passed.a]

    def gradients(self) -> tuple[Gradient, Gradient]:
        """Return the gradient by the trainer's backward pass, and by finite differences."""
        right, numeric = (Gradient(self.network.layers, np.float64) for _ in range(2))
        backward(self.network, self.passed, output_gradient(LOSS, self.network, self.passed, self.y), right)

        def loss_now() -> float:
            self.network.forward(self.x, self.passed)
            return mean_loss(LOSS, self.passed, self.y)

        numeric.flat[:] = finite_differences(loss_now, self.network.flat)
        self.network.forward(self.x, self.passed)
        return right, numeric

    def reason(self, found: Array, layer: int, kind: str) -> str:
        """Return which mistake gives these numbers, with a colon after it."""
        for mistake, sentence in (
            ("tanh", "lacks the slope of tanh between two layers: "),
            ("transpose", "got its blame through a weight that lies the wrong way: "),
            ("batch", f"is {ROWS} times too large, and the batch has {ROWS} rows: "),
            ("sign", "has the wrong sign: "),
            ("same", "has d_z of the last layer in it, which was not carried back to this one: "),
            ("above", "takes the slope from the activation of the layer above: "),
        ):
            wrong = self.wrong(mistake, layer)
            if wrong is not None and is_close(found, wrong[kind]):
                return sentence
        return "is wrong: "

    def wrong(self, mistake: str, wanted: int) -> dict[str, Array] | None:
        """Return one layer's gradients as a mistake gives them; None where shapes do not fit."""
        d_z = (self.a[-1] - self.y) / (1 if mistake == "batch" else ROWS) * (-1 if mistake == "sign" else 1)
        try:
            for layer in reversed(range(3)):
                if layer == wanted:
                    return {"weights": self.a[layer].T @ d_z, "biases": d_z.sum(axis=0)}
                if mistake == "same":
                    continue
                weight = self.weights[layer]
                square = weight.shape[0] == weight.shape[1]
                d_a = d_z @ (weight if mistake == "transpose" and square else weight.T)
                slope = 1 - self.a[layer + 1 if mistake == "above" else layer] ** 2
                d_z = d_a if mistake == "tanh" else d_a * slope
        except ValueError:
            return None
        return None
