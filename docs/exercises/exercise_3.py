"""Exercise 3: find the broken line.

Each function below is a backward pass as in exercise 2, and in each one line, from A to E, is wrong. Every shape fits,
and no error is raised: only the numbers are wrong. Say which line it is and why. `python docs/exercises/exercise_3.py`
shows which gradients disagree with finite differences. Fill in ANSWERS, leave the rest as it is, then:

    python docs/exercises/check.py 3
"""

from checker.broken_lines import show

REASONS = {
    "batch": "L is the mean over the batch, but this is the gradient of the sum",
    "bias": "a bias takes part in every row, so its gradient adds up over the rows",
    "layer": "a weight meets the input of its own layer, and not that of another",
    "sign": "the difference is taken the wrong way round",
    "slope": "that is not the slope of tanh, said with a",
    "transpose": "a weight carries blame from its output back to its input; here it goes to the wrong neurons",
}

ANSWERS = {  # the letter of the line, and one of REASONS
    1: ("?", "?"),
    2: ("?", "?"),
    3: ("?", "?"),
    4: ("?", "?"),
}


def broken_1(a, y, weights):
    """Return d_weights and d_biases; one line is wrong."""
    d_weights, d_biases = [], []
    d_z = (a[-1] - y) / len(y)  # A
    for layer in reversed(range(len(weights))):
        d_weights.insert(0, a[layer].T @ d_z)  # B
        d_biases.insert(0, d_z.sum(axis=0))  # C
        d_a = d_z @ weights[layer]  # D
        d_z = d_a * (1 - a[layer] ** 2)  # E
    return d_weights, d_biases


def broken_2(a, y, weights):
    """Return d_weights and d_biases; one line is wrong."""
    d_weights, d_biases = [], []
    d_z = a[-1] - y  # A
    for layer in reversed(range(len(weights))):
        d_weights.insert(0, a[layer].T @ d_z)  # B
        d_biases.insert(0, d_z.sum(axis=0))  # C
        d_a = d_z @ weights[layer].T  # D
        d_z = d_a * (1 - a[layer] ** 2)  # E
    return d_weights, d_biases


def broken_3(a, y, weights):
    """Return d_weights and d_biases; one line is wrong."""
    d_weights, d_biases = [], []
    d_z = (a[-1] - y) / len(y)  # A
    for layer in reversed(range(len(weights))):
        d_weights.insert(0, a[layer].T @ d_z)  # B
        d_biases.insert(0, d_z.sum(axis=0))  # C
        d_a = d_z @ weights[layer].T  # D
        d_z = d_a * (1 - a[layer])  # E
    return d_weights, d_biases


def broken_4(a, y, weights):
    """Return d_weights and d_biases; one line is wrong."""
    d_weights, d_biases = [], []
    d_z = (a[-1] - y) / len(y)  # A
    for layer in reversed(range(len(weights))):
        d_weights.insert(0, a[layer].T @ d_z)  # B
        d_biases.insert(0, d_z.mean(axis=0))  # C
        d_a = d_z @ weights[layer].T  # D
        d_z = d_a * (1 - a[layer] ** 2)  # E
    return d_weights, d_biases


if __name__ == "__main__":
    show({1: broken_1, 2: broken_2, 3: broken_3, 4: broken_4})
