"""Before a learner sees what a broken gradient does, they say what they expect: four answers, each with a reason."""

from __future__ import annotations

from dataclasses import dataclass

from mlp_train.network import Network
from mlp_train.ui.broken import culprit


@dataclass(frozen=True)
class Choice:
    """One answer, whether it is right, and why or why not, which is shown afterwards."""

    text: str
    right: bool
    why: str


@dataclass(frozen=True)
class Question:
    """What a learner is asked about one mistake in one network."""

    text: str
    choices: tuple[Choice, ...]


def question(name: str, network: Network, batch: int) -> Question:
    """Return the question about a mistake, with the figures of this network and this batch.

    >>> from mlp_train.network import LayerSpec
    >>> asked = question("batch", Network([LayerSpec(2, 2, "softmax")]), batch=4)
    >>> [choice.text for choice in asked.choices if choice.right]
    ['0.75 in every layer, and the direction is right']
    """
    return {"transpose": _transpose, "sign": _sign, "batch": _batch, "hybrid": _hybrid}[name](network, batch)


def _transpose(network: Network, batch: int) -> Question:
    layer = culprit(network)
    assert layer is not None, "a network without such a layer has no such question"
    square = network.layers[layer].n_in == network.layers[layer].n_out
    before = "layer 0" if layer == 1 else f"layers 0 to {layer - 1}"
    how = "the weight is square" if square else "the weight was reshaped until it fitted"
    return Question(
        f"In layer {layer} the line reads d_a[{layer}] = d_z[{layer}] @ weight[{layer}], without the transpose. "
        "Which gradients will the check call wrong?",
        (
            Choice("None: the shapes do not fit, so Python stops", False,
                   f"It does not stop, since {how}. A mistake that fits is the hardest to see, so check gradients."),
            Choice(f"Those of layer {layer} alone", False,
                   f"d_weight[{layer}] = a[{layer}].T @ d_z[{layer}] does not use the broken line: it is right."),
            Choice(f"Those of {before}: everything before the line", True,
                   f"The line makes the message to the layers before. What is nearer to the loss never hears it, "
                   f"so layer {layer} stays right."),
            Choice("All of them, by the same factor", False,
                   "Blame that reaches the wrong neuron is too large here and too small there: no factor mends it."),
        ),
    )  # fmt: skip


def _sign(network: Network, batch: int) -> Question:
    return Question(
        "The output hands over y - a where a - y is right. What relative error will the check find?",
        (
            Choice("2 in the last layer alone: going back, the minus signs cancel", False,
                   "Nothing adds a second minus. Each line is linear in d_z: -d_z in, minus everything out."),
            Choice("2 in every layer, and a step makes the loss rise", True,
                   "|g - (-g)| / |g| = 2. Every later line multiplies what it is given, so the minus goes all the way "
                   "back, and w -= lr * d_w walks uphill."),
            Choice("1 in every layer", False,
                   "1 would be |g - 0| / |g|: a gradient that is missing. A backward one is twice as far off."),
            Choice("0: the sizes are right, and only they are compared", False,
                   "The check subtracts the two slopes with their signs, and so should one who learns from them."),
        ),
    )  # fmt: skip


def _batch(network: Network, batch: int) -> Question:
    error = f"{1 - 1 / batch:.4g}"
    return Question(
        f"{batch} samples go through at once and the division by {batch} is left out. What will the check find?",
        (
            Choice(f"{error} in the last layer alone, where the division stands", False,
                   "The factor is part of d_z, and all that follows is made of d_z: it reaches every layer."),
            Choice(f"More in each layer: {batch}, {batch**2}, ... times too large", False,
                   "The division is left out once, at the output, not once a layer: one factor for all."),
            Choice("Nothing: a gradient is a direction, so its length does not matter", False,
                   "The slope of L is a number. A length that is wrong makes the learning rate mean something else."),
            Choice(f"{error} in every layer, and the direction is right", True,
                   f"Everything is {batch} times too large: |{batch}g - g| / |{batch}g| = {error}. Training goes "
                   f"downhill, as if the learning rate were {batch} times as large, and it depends on the batch size."),
        ),
    )  # fmt: skip


def _hybrid(network: Network, batch: int) -> Question:
    last = len(network.layers) - 1
    return Question(
        "Going back, an unsaturated sigmoid passes its gradient whole, not times a (1 - a), which is at most 1/4. "
        "What will the check find, and is it a bug?",
        (
            Choice("All layers agree: it is the same sigmoid", False,
                   "Forward it is. But the check compares with the slope of the loss, and the way back differs."),
            Choice("No layer agrees, and it is a bug", False,
                   f"Layer {last} gets its d_z from the loss, which no hidden sigmoid touches. And nobody forgot "
                   "anything: the trainer has it under the name sigmoid-hybrid."),
            Choice(f"Layer {last} agrees, the layers before do not, and it is no bug", True,
                   f"Layer {last} comes before the first sigmoid on the way back. Each unsaturated one passes at least "
                   "four times too much, on purpose: a chosen surrogate, so that deep sigmoid networks learn at all."),
            Choice("The earlier layers do not agree, so they cannot learn", False,
                   "Every factor has the sign of the true one, so units are pushed in the right direction: with five "
                   "hidden layers the true gradient stays at chance, and this one learns (docs/backprop.md)."),
        ),
    )  # fmt: skip
