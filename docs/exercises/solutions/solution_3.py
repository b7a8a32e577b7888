"""Exercise 3, solved: which line is broken, and why."""

REASONS = {"batch": "", "bias": "", "layer": "", "sign": "", "slope": "", "transpose": ""}

ANSWERS = {
    1: ("D", "transpose"),  # d_a = d_z @ weights[layer].T
    2: ("A", "batch"),  # d_z = (a[-1] - y) / len(y)
    3: ("E", "slope"),  # d_z = d_a * (1 - a[layer] ** 2)
    4: ("C", "bias"),  # d_biases.insert(0, d_z.sum(axis=0))
}
