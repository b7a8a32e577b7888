"""A space is the settings that a search may change, each with its range and the place of the default in it.

What somebody said stays as it is. A search begins with the defaults, so its best is never worse than they are.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from mlp_train.config import FitConfig, make_config
from mlp_train.errors import UsageError
from mlp_train.export import to_bytes
from mlp_train.optimizers import OPTIMIZERS
from mlp_train.plan import Plan
from mlp_train.without_effect import RULES, USED_BY, Case

ROOM = 2000  # bytes of a model file for its name and the figures that only training gives
ROOM_OF_A_LAYER = 300  # bytes that tell of a layer, and that align its numbers
LEAST_WIDTH = 2
OPTIMIZERS_TRIED = ("adamw", "nadam", "lion", "nesterov")
ACTIVATIONS_TRIED = ("relu", "leaky-relu", "gelu", "silu", "selu", "tanh")
SHAPE = ("layers", "width", "narrowing")
OPTION_OF = {**dict.fromkeys(SHAPE, "hidden"), "lr_factor": "lr"}  # a dimension without another name is the option's


@dataclass(frozen=True)
class Dimension:
    """One thing that is searched: either one of `choices`, or a number from `low` to `high`."""

    name: str
    default: Any
    choices: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 0.0
    step: float | None = None  # None: any number in between
    log: bool = False
    whole: bool = False

    @property
    def option(self) -> str:
        """The setting of `fit` that it belongs to."""
        return OPTION_OF.get(self.name, self.name)

    def suggest(self, trial: Any) -> Any:
        """Let Optuna's trial choose a value."""
        if self.choices:
            return trial.suggest_categorical(self.name, self.choices)
        if self.whole:
            return trial.suggest_int(self.name, int(self.low), int(self.high), log=self.log)
        return trial.suggest_float(self.name, self.low, self.high, step=self.step, log=self.log)


@dataclass(frozen=True, eq=False)
class Space:
    """What is searched around `base`, the settings that stay."""

    base: FitConfig
    dimensions: tuple[Dimension, ...]
    optimizer: str  # by default
    hidden: tuple[int, ...]  # of the plain defaults, which may be larger than a limit allows

    @property
    def defaults(self) -> dict[str, Any]:
        """The first trial."""
        return {one.name: one.default for one in self.dimensions if self._is_used(one, self.optimizer)}

    def suggest(self, trial: Any) -> dict[str, Any]:
        """Let Optuna's trial choose a value of every dimension that does something beside the others."""
        chosen: dict[str, Any] = {}
        for one in self.dimensions:  # the optimizer comes before what depends on it
            if self._is_used(one, chosen.get("optimizer", self.optimizer)):
                chosen[one.name] = one.suggest(trial)
        return chosen

    def options(self, chosen: Mapping[str, Any]) -> dict[str, Any]:
        """Return what was chosen as settings of `fit`; what is as by default goes without saying."""
        found: dict[str, Any] = {}
        known = {one.name: one for one in self.dimensions}
        shape = {**self._shape(), **{name: chosen[name] for name in SHAPE if name in chosen}}
        hidden = hidden_layers(**shape) if shape.keys() == set(SHAPE) else self.hidden
        if hidden != self.hidden:
            found["hidden"] = hidden
        if chosen.get("lr_factor", 1.0) != 1.0:
            optimizer = chosen.get("optimizer", self.optimizer)
            found["lr"] = _few_digits(OPTIMIZERS[optimizer].default_lr * chosen["lr_factor"])
        for name, value in chosen.items():
            if name not in OPTION_OF and value != known[name].default:
                found[name] = _few_digits(value) if isinstance(value, float) else value
        return found

    def config(self, chosen: Mapping[str, Any]) -> FitConfig:
        """Return the configuration of a trial, which one process computes."""
        return make_config(self.base, **{**self.options(chosen), "workers": 1})

    def _shape(self) -> dict[str, Any]:
        return _shape_of(self.hidden) if any(one.option == "hidden" for one in self.dimensions) else {}

    def _is_used(self, one: Dimension, optimizer: str) -> bool:
        return one.name not in USED_BY or optimizer in USED_BY[one.name]


def hidden_layers(layers: int, width: int, narrowing: float) -> tuple[int, ...]:
    """Return the sizes of hidden layers, each narrower than the one before by the same factor.

    >>> hidden_layers(2, 256, 0.5)
    (256, 128)
    """
    return tuple(max(LEAST_WIDTH, round(width * narrowing**i)) for i in range(layers))


def make_space(plan: Plan, base: FitConfig, said: Collection[str], max_bytes: int | None = None) -> Space:
    """Return what is searched for data like those of `plan`, the plan of the default settings.

    said: the options that somebody gave, which stay. max_bytes: of the model file. UsageError where not even the
    smallest network would stay below it.
    """
    config, hidden = plan.config, tuple(layer.n_out for layer in plan.layers[:-1])
    case = Case(config, plan.dataset, plan.loss_name, plan.valid is not None)
    optimizers = {config.optimizer} | (set() if "optimizer" in said else set(OPTIMIZERS_TRIED))
    dimensions = [
        one
        for one in _dimensions(plan, said)
        if one.option not in said
        and not (one.name == "layers" and not isinstance(config.activation, str))  # one for each is given
        and (one.name not in USED_BY or optimizers & set(USED_BY[one.name]))
        and (one.name in USED_BY or not _has_no_effect(one.option, case))
    ]
    space = Space(base, tuple(dimensions), config.optimizer, hidden)
    return space if max_bytes is None else _bounded(space, plan, max_bytes)


def file_size(plan: Plan, hidden: tuple[int, ...] | None = None, beside: int | None = None) -> int:
    """Return how many bytes the model file of a plan will have at most.

    hidden: other layers than the plan's; beside: what `beside_numbers` says, where it is known already.
    """
    hidden = tuple(layer.n_out for layer in plan.layers[:-1]) if hidden is None else hidden
    sizes = (plan.input.size, *hidden, plan.layers[-1].n_out)
    numbers = sum(4 * (a * b + b) for a, b in pairwise(sizes))
    return numbers + ROOM_OF_A_LAYER * len(hidden) + (beside_numbers(plan) if beside is None else beside)


def beside_numbers(plan: Plan) -> int:
    """Return how many bytes a model file has beside the numbers of its layers, with room for the figures."""
    last = plan.layers[-1]
    layer = np.zeros((plan.input.size, last.n_out)), np.zeros(last.n_out), last.activation, last.parameters
    return len(to_bytes(plan.input, [layer], plan.output, training=plan.provenance())) - 4 * layer[0].size + ROOM


def _dimensions(plan: Plan, said: Collection[str]) -> tuple[Dimension, ...]:
    """Return all that could be searched for such data."""
    config, image = plan.config, plan.dataset.kind == "image"
    hidden = tuple(layer.n_out for layer in plan.layers[:-1])
    shape = _shape_of(hidden)
    width = shape["width"]
    tried = [name for name in OPTIMIZERS_TRIED if _can_use(name, said)]
    batches = [size for size in (16, 32, 64, 128, 256) if 4 * size <= len(plan.train)]
    batch = plan.batch_size if config.batch_size != "full" else None
    found = [
        Dimension("layers", shape["layers"], low=1, high=max(3, shape["layers"]), whole=True),
        Dimension("width", width, low=min(8, width), high=max(512 if image else 256, width), log=True, whole=True),
        Dimension("narrowing", shape["narrowing"], _with(shape["narrowing"], (1.0, 0.5))),
        Dimension("activation", config.activation, _with(config.activation, ACTIVATIONS_TRIED)),
        Dimension("optimizer", config.optimizer, _with(config.optimizer, tried)),
        Dimension("dropout", config.dropout, low=0.0, high=max(0.5, config.dropout), step=0.05),
        Dimension("weight_decay", config.weight_decay, low=0.001, high=max(2.0, config.weight_decay), log=True),
        Dimension("label_smoothing", config.label_smoothing, low=0.0, high=0.2, step=0.01),
        Dimension("average", config.average, _with(config.average, ("none", "ema"))),
    ]
    if config.lr is None:
        found.append(Dimension("lr_factor", 1.0, low=0.1, high=10.0, log=True))
    if batch in batches:
        found.append(Dimension("batch_size", batch, tuple(batches)))
    if image:
        found.append(Dimension("augment", config.augment, ("none", "light", "strong")))
    else:
        found.append(Dimension("input_noise", config.input_noise, low=0.0, high=0.3, step=0.05))
    return tuple(found)


def _bounded(space: Space, plan: Plan, max_bytes: int) -> Space:
    """Narrow the widths to what a model file of `max_bytes` can hold, and the default where it would not fit."""
    beside = beside_numbers(plan)

    def fits(hidden: tuple[int, ...]) -> bool:
        return file_size(plan, hidden, beside) <= max_bytes

    names = [one.name for one in space.dimensions]
    shape = _shape_of(space.hidden)
    least = (LEAST_WIDTH,) * (1 if "layers" in names else shape["layers"])
    smallest = least if "width" in names else space.hidden
    if not fits(smallest):
        what = "the smallest network" if "width" in names else "the network"
        raise UsageError(
            f"--max-model-kb {max_bytes / 1000:g} cannot be kept: {what}, with {_written(smallest)}, takes "
            f"{file_size(plan, smallest, beside) / 1000:.1f} kB in a file; allow more"
        )
    if "width" not in names:
        return space
    (width,) = (one for one in space.dimensions if one.name == "width")
    widest = LEAST_WIDTH
    while widest < width.high and fits(hidden_layers(len(least), widest + 1, 0.5)):
        widest += 1
    while not fits(hidden_layers(**shape)):
        narrower = max(LEAST_WIDTH, shape["width"] // 2)
        shape["layers"] -= narrower == shape["width"]
        shape["width"] = narrower
    narrow = replace(width, low=min(width.low, widest, shape["width"]), high=max(widest, shape["width"]))
    changed = tuple(
        replace(narrow if one is width else one, default=shape.get(one.name, one.default)) for one in space.dimensions
    )
    return replace(space, dimensions=changed)


def _shape_of(hidden: tuple[int, ...]) -> dict[str, Any]:
    """Return hidden layers as their number, the first one's width, and how the others narrow."""
    narrowing = hidden[1] / hidden[0] if len(hidden) > 1 else 0.5
    return {"layers": len(hidden), "width": hidden[0] if hidden else LEAST_WIDTH, "narrowing": narrowing}


def _with(default: Any, choices: Collection[Any]) -> tuple[Any, ...]:
    return tuple(choices) if default in choices else (default, *choices)


def _can_use(optimizer: str, said: Collection[str]) -> bool:
    return all(optimizer in users for name, users in USED_BY.items() if name in said)


def _has_no_effect(option: str, case: Case) -> bool:
    return any(rule.option == option and rule.holds(case) for rule in RULES)


def _few_digits(value: float) -> float:
    return float(f"{value:.3g}")


def _written(hidden: tuple[int, ...]) -> str:
    return f"{','.join(map(str, hidden))} hidden units" if hidden else "no hidden layer"
