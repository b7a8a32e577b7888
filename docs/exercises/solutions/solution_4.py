"""Exercise 4, solved: the cause of each run, and what tells it."""

CAUSES = {"nothing": "", "learning rate": "", "dead units": "", "initialisation": "", "scaling": ""}

ANSWERS = {
    "A": "dead units",  # dead_units: nearly all of the first hidden layer, from the first epoch to the last
    "B": "scaling",  # first_loss is many times chance_loss before a single step
    "C": "nothing",
    "D": "learning rate",  # update_ratios: a step moves a layer by a large part of its weights, and the loss jumps
    "E": "initialisation",  # first_loss is exactly chance_loss, and the gradient does not reach the first layer
}
