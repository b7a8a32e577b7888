"""A plug-in is your own Python file that gives the toolkit activations, optimizers, losses or loaders by name.

A plug-in is code and runs with your rights: it is loaded only where you name it (`--plugin FILE.py`) or have installed
it (a package with an entry point in the group `mlp_train.plugins`), never because a model file asks for it.
Loaders register with `mlp_data.loader`; the rest with the functions below. Names of the toolkit's own are refused.
"""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import os
import sys
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType

import numpy as np

from mlp_runtime import activations
from mlp_runtime.errors import InputError, MlpError, nearest
from mlp_train.derivatives import DERIVATIVES, Derivative
from mlp_train.errors import PluginError
from mlp_train.initializers import INITIALIZERS
from mlp_train.losses import LOSSES, Loss
from mlp_train.optimizers import OPTIMIZERS, Optimizer

GROUP = "mlp_train.plugins"
PREFIX = "mlp_train_plugin_"  # of the names that plug-in files go by as modules
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
            f"the activation {name!r} fails on 2 x 3 numbers ({_said(error)}); mend its {asked} function"
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
    """Make a `mlp_train.losses.Loss` usable as `--loss NAME`."""
    if not isinstance(loss, Loss):
        raise PluginError(f"the loss {name!r} must be a losses.Loss, not {loss!r}")
    _refuse_built_in("loss", name, BUILT_IN_LOSSES)
    LOSSES[name] = loss


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
    file = Path(path)
    if not file.is_file():
        raise PluginError(f"{path}: there is no such plug-in file; give the path of a .py file")
    name = PREFIX + file.stem
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise PluginError(f"{path}: a plug-in is a Python file, but its name does not end in .py; rename it")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up there
    try:
        spec.loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit too: a plug-in has no say in how the program ends
        del sys.modules[name]
        raise PluginError(f"{_place(file, error)}: {_said(error)}; mend the plug-in") from error
    return module


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
                f"the installed plug-in {entry.name!r} ({entry.value}) cannot be loaded: {_said(error)}; "
                "update or uninstall its package"
            ) from error


def blame(error: BaseException) -> str | None:
    """Say what went wrong if it went wrong in the code of a plug-in file, at whatever time it was called."""
    files = {module.__file__ for name, module in list(sys.modules.items()) if name.startswith(PREFIX)}
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename in files:
            return f"{Path(frame.filename).name}, line {frame.lineno}: {_said(error)}; mend the plug-in"
    return None


def _place(file: Path, error: BaseException) -> str:
    """Return the file and the line of it that the error came from."""
    if isinstance(error, SyntaxError):
        return f"{file}, line {error.lineno}" if error.lineno else str(file)
    path = str(file.absolute())  # as Python knows the file
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
    return f"{file}, line {lines[-1]}" if lines else f"{file}"


def _said(error: BaseException) -> str:
    if isinstance(error, MlpError):
        return str(error)
    message = error.msg if isinstance(error, SyntaxError) else str(error)
    first = message.splitlines()[0] if message else "no message"
    return f"{type(error).__name__}: {first}"
