"""What the last numbers of a network mean is seldom written in it: here what was found meets what the user says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mlp_train.array import Array
from mlp_train.errors import ForeignModelError, UsageError
from mlp_train.importers.net import Net

LOG_SOFTMAX = "log-softmax"  # stands in a network until it is known whether probabilities may be made of it


@dataclass(frozen=True)
class Wishes:
    """What the user says of a network. Of classes, labels and names one may be given: it decides what comes out.

    features: names of the input's numbers or columns. logits: the last numbers are to become probabilities, by a
    softmax, or a sigmoid for labels and a single number.
    """

    classes: tuple[str, ...] | None = None
    labels: tuple[str, ...] | None = None
    names: tuple[str, ...] | None = None
    features: tuple[str, ...] | None = None
    logits: bool = False

    def __post_init__(self) -> None:
        given = [key for key in ("classes", "labels", "names") if getattr(self, key) is not None]
        if len(given) > 1:
            raise UsageError(f"{' and '.join(given)} were given, but a model answers with one of them: give one")
        for key in (*given, *(["features"] if self.features else [])):
            texts = getattr(self, key)
            if not texts or len(set(texts)) != len(texts) or not all(texts):
                raise UsageError(f"{key} takes different names that are not empty, not {list(texts)[:20]}")


def wishes(
    classes: Sequence[Any] | None = None,
    labels: Sequence[Any] | None = None,
    names: Sequence[Any] | None = None,
    features: Sequence[Any] | None = None,
    logits: bool = False,
) -> Wishes:
    """Return what a caller says; names may be anything that has a text."""
    said = [None if values is None else tuple(map(str, values)) for values in (classes, labels, names, features)]
    return Wishes(said[0], said[1], said[2], said[3], logits)


@dataclass(frozen=True)
class Found:
    """What the source itself says of its answers; kind is classes, labels, numbers or empty."""

    kind: str = ""
    names: tuple[str, ...] | None = None
    threshold: float | None = None


@dataclass(frozen=True)
class Answer:
    """The `output` of the model file, what made probabilities of the source's numbers, and what was assumed."""

    output: Mapping[str, Any]
    made_by: str = ""  # softmax, sigmoid or nothing
    assumed: tuple[str, ...] = field(default=())

    def of(self, values: Array) -> Array:
        """Return what the model should give where the source gives `values` (n, k), in float64."""
        values = np.asarray(values, np.float64)
        if self.made_by == "softmax":
            shares = np.exp(values - values.max(axis=1, keepdims=True))
            values = shares / shares.sum(axis=1, keepdims=True)
        elif self.made_by == "sigmoid":
            values = 1 / (1 + np.exp(-np.clip(values, -700, 700)))
        if self.output["kind"] == "classes" and values.shape[1] == 1:
            values = np.concatenate((1 - values, values), axis=1)
        return values


def answered(net: Net, found: Found, wish: Wishes, where: str) -> tuple[Net, Answer]:
    """Return the network with its last activation settled, and what its numbers mean."""
    net = net.finished(where)
    last = net.layers[-1][2]
    if any(layer[2] == LOG_SOFTMAX for layer in net.layers[:-1]):
        raise ForeignModelError("a LogSoftmax stands before the end, and the model file has none")
    said = next((key for key in ("classes", "labels", "names") if getattr(wish, key) is not None), "")
    kind = {"names": "numbers"}.get(said, said) or found.kind
    made_by = ""
    if wish.logits:
        if last not in ("identity", LOG_SOFTMAX):
            raise UsageError(f"logits were promised, but the network ends with the activation {last}: leave that out")
        made_by = "sigmoid" if kind == "labels" or net.width == 1 else "softmax"
        if last == LOG_SOFTMAX and made_by == "sigmoid":
            raise UsageError("a LogSoftmax over one number, or for labels, makes no probabilities: the model is no use")
        *first, (weight, bias, _, parameters) = net.layers
        net, last = Net(net.blocks, (*first, (weight, bias, made_by, parameters))), made_by
        kind = kind if kind in ("classes", "labels") else "classes"
    if last == LOG_SOFTMAX:
        raise ForeignModelError(
            f"{where} is a LogSoftmax, which the model file has not: --logits (logits=True) makes it a softmax, "
            "whose probabilities it is the logarithm of"
        )
    assumed: list[str] = []
    if not kind:
        kind = "classes" if last == "softmax" or (last == "sigmoid" and net.width == 1) else "numbers"
        assumed.append(f"the network ends with {last}, so its numbers are taken for {_MEANING[kind]}")
    names = getattr(wish, {"numbers": "names"}.get(kind, kind)) or found.names
    names = _fitting(names, net.width, kind, bool(wish.classes or wish.labels or wish.names), assumed)
    _check(kind, last, net.width, where)
    output: dict[str, Any] = {"kind": kind, {"numbers": "names"}.get(kind, kind): list(names)}
    single = kind == "classes" and net.width == 1
    if found.threshold is not None and (kind == "labels" or single):
        output["threshold"] = found.threshold
    return net, Answer(output, made_by, tuple(assumed))


def renamed(found: Found, answer: Answer) -> dict[str, str]:
    """Return what the source's own classes are called in the model file, where the user named them otherwise.

    The same names in another order are no new names, but a mistake that the comparison is to find.

    >>> renamed(Found("classes", ("0", "1")), Answer({"kind": "classes", "classes": ["cat", "dog"]}))
    {'0': 'cat', '1': 'dog'}
    """
    if answer.output["kind"] != "classes":
        return {}
    new = answer.output["classes"]
    own = found.names or tuple(map(str, range(len(new))))
    return {} if len(own) != len(new) or set(own) == set(new) else dict(zip(own, new, strict=True))


_MEANING = {"classes": "the probabilities of classes", "labels": "those of labels", "numbers": "plain numbers"}


def _fitting(
    names: tuple[str, ...] | None, width: int, kind: str, by_user: bool, assumed: list[str]
) -> tuple[str, ...]:
    """Return the names of the outputs, made up where nobody has said them."""
    count = 2 if kind == "classes" and width == 1 else width
    if names is None:
        made = tuple(str(index) for index in range(count))
        if kind == "numbers":
            made = ("y",) if width == 1 else tuple(f"y{index}" for index in range(width))
        assumed.append(
            f"the {kind} have no names in it, so they are called {made[0]}{' to ' if count > 1 else ''}"
            f"{made[-1] if count > 1 else ''}: --{'names' if kind == 'numbers' else kind} names them"
        )
        return made
    if len(names) != count:
        error = UsageError if by_user else ForeignModelError
        raise error(f"{len(names)} {kind} are named, but the network gives {width} numbers: name {count}")
    if len(set(names)) != count:
        raise ForeignModelError(f"two of its {kind} have the same name: give other ones")
    return names


def _check(kind: str, last: str, width: int, where: str) -> None:
    """Refuse numbers that are no probabilities where probabilities are asked for."""
    good = {"classes": ("softmax", "sigmoid"), "labels": ("sigmoid",)}.get(kind)
    if good and last not in good:
        raise ForeignModelError(
            f"{where} gives scores and no probabilities of {kind} (it ends with {last}): where they are logits, "
            "--logits (logits=True) makes probabilities of them"
        )
    if kind == "classes" and last == "softmax" and width == 1:
        raise ForeignModelError(f"{where} is a softmax over one number, which is always 1")
