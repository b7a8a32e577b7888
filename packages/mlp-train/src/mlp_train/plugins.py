"""A plug-in is your own Python file that gives the toolkit activations, optimizers, losses or loaders by name.

A plug-in is code and runs with your rights: it is loaded only where you name it (`--plugin FILE.py`) or have installed
it (a package with an entry point in the group `mlp_train.plugins`), never because a model file asks for it.
Loaders register with `mlp_data.loader`; the rest with the functions below. Names of the toolkit's own are refused.
"""

from __future__ import annotations

import functools
import importlib.metadata
import os
from collections.abc import Callable, Iterable
from types import ModuleType

import numpy as np

from mlp_data.errors import OptionError
from mlp_data.plugin_file import run_plugin_file, said
from mlp_runtime import activations
from mlp_runtime.errors import InputError, nearest
from mlp_train.derivatives import DERIVATIVES, Derivative
from mlp_train.errors import PluginError
from mlp_train.initializers import INITIALIZERS
from mlp_train.losses import LOSSES, Loss
from mlp_train.optimizers import OPTIMIZERS, Optimizer

GROUP = "mlp_train.plugins"
BUILT_IN_OPTIMIZERS = frozenset(OPTIMIZERS)
BUILT_IN_LOSSES = frozenset(LOSSES)


def register_activation(
    name: str,
    forward: Callable[..., None],
    backward: Callable[..., None],
    *,
    needs_z: bool = True,
    surrogate: bool = False,
    initializer: str = "glorot-uniform",
    **parameters: float,
) -> None:
    """Make an activation trainable by name; `mlp-train gradcheck` then checks it like the built-in ones.

    `forward(z, out, **parameters)` writes a to `out`, which may be z itself. `backward(d_a, z, a, out, **parameters)`
    writes d_z = d_a * da/dz to `out`, which may be d_a itself. All are (batch, n), float32 or float64. With
    `needs_z=False` backward may get None for z, which saves memory where da/dz can be written with a alone.
    `surrogate=True` says that backward differs from the true derivative on purpose. `parameters` are the defaults of
    the activation's own numbers. PluginError says what cannot work.
    """
    if not callable(backward):
        raise PluginError(
            f"the activation {name!r} needs a function backward(d_a, z, a, out), not {type(backward).__name__}"
        )
    if initializer not in INITIALIZERS:
        hint = nearest(initializer, INITIALIZERS)
        raise PluginError(
            f"the activation {name!r} asks for the initializer {initializer!r}{hint}; take {', '.join(INITIALIZERS)}"
        )
    if callable(forward):
        _try(name, forward, backward, needs_z, parameters)
    try:
        activations.register_activation(name, forward, **parameters)
    except InputError as error:
        raise PluginError(str(error)) from error
    DERIVATIVES[name] = Derivative(backward, needs_z=needs_z, surrogate=surrogate, initializer=initializer)


def _try(
    name: str, forward: Callable[..., None], backward: Callable[..., None], needs_z: bool, parameters: dict[str, float]
) -> None:
    """Call both functions once, lest what they do wrong shows in the middle of a training."""
    z = np.linspace(-1, 1, 6, dtype=np.float32).reshape(2, 3)
    a = np.empty_like(z)
    asked = "forward"
    try:
        with np.errstate(all="ignore"):
            forward(z.copy(), a, **parameters)
            asked = "backward"
            backward(np.ones_like(z), z if needs_z else None, a, np.empty_like(z), **parameters)
    except Exception as error:
        raise PluginError(
            f"the activation {name!r} fails on 2 x 3 numbers ({said(error)}); mend its {asked} function"
        ) from error


def register_optimizer(name: str, optimizer: type[Optimizer]) -> None:
    """Make a subclass of `mlp_train.optimizers.Optimizer` usable as `--optimizer NAME`."""
    if not (isinstance(optimizer, type) and issubclass(optimizer, Optimizer)):
        raise PluginError(
            f"the optimizer {name!r} must be a subclass of mlp_train.optimizers.Optimizer, not {optimizer!r}"
        )
    _refuse_built_in("optimizer", name, BUILT_IN_OPTIMIZERS)
    OPTIMIZERS[name] = optimizer


def register_loss(name: str, loss: Loss) -> None:
    """Make a `mlp_train.losses.Loss` usable as `--loss NAME`; `mlp-train gradcheck` then checks it like the others."""
    if not isinstance(loss, Loss):
        raise PluginError(f"the loss {name!r} must be a losses.Loss, not {loss!r}")
    _refuse_built_in("loss", name, BUILT_IN_LOSSES)
    if loss.activation not in (None, *DERIVATIVES):
        hint = nearest(str(loss.activation), DERIVATIVES)
        raise PluginError(
            f"the loss {name!r} goes with the activation {loss.activation!r}{hint}; take {', '.join(DERIVATIVES)}"
        )
    _try_loss(name, loss)
    LOSSES[name] = loss


def _try_loss(name: str, loss: Loss) -> None:
    """Call both functions once, lest what they do wrong shows in the middle of a training."""
    y, a = np.ones((2, 3), np.float32), np.full((2, 3), 0.5, np.float32)
    asked = "value"
    try:
        with np.errstate(all="ignore"):
            shape = np.shape(loss.value(a.copy(), a, y, **loss.parameters))
            if shape != (2,):
                raise ValueError(f"it gives the shape {shape}, not one number for each of 2 rows")
            asked = "gradient"
            loss.gradient(a, y, np.empty_like(a), **loss.parameters)
    except Exception as error:
        raise PluginError(
            f"the loss {name!r} fails on 2 x 3 numbers ({said(error)}); mend its {asked} function"
        ) from error


def _refuse_built_in(what: str, name: str, built_in: frozenset[str]) -> None:
    if name in built_in or not name:
        raise PluginError(f"the {what} {name!r} is built in and cannot be replaced: register yours by another name")


def load_plugins(paths: Iterable[str | os.PathLike[str]] = ()) -> None:
    """Load the installed plug-ins, then the files in `paths`, so that what they register can be used by name."""
    load_installed()
    for path in paths:
        load_plugin(path)


def load_plugin(path: str | os.PathLike[str]) -> ModuleType:
    """Run a plug-in file; whatever goes wrong in it becomes one PluginError that names the file and the line."""
    try:
        return run_plugin_file(path)
    except OptionError as error:
        raise PluginError(str(error)) from error.__cause__


@functools.cache  # once a process, however often it is asked for
def load_installed() -> None:
    """Load every entry point of the group `mlp_train.plugins`: a module, or a function that is then called."""
    for entry in importlib.metadata.entry_points(group=GROUP):
        try:
            loaded = entry.load()
            if not isinstance(loaded, ModuleType):
                loaded()
        except Exception as error:
            raise PluginError(
                f"the installed plug-in {entry.name!r} ({entry.value}) cannot be loaded: {said(error)}; "
                "update or uninstall its package"
            ) from error
