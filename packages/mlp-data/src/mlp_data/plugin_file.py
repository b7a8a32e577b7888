"""A plug-in file is your own Python file, run before the work begins so that what it registers can be used by name.

It is code and runs with your rights, so only files that a person names are run.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import traceback
from pathlib import Path
from types import ModuleType

from mlp_data.errors import OptionError
from mlp_runtime.errors import MlpError

PREFIX = "mlp_plugin_"  # of the module's name
MOST_SAID = 500  # characters of what an error says


def run_plugin_file(path: str | os.PathLike[str]) -> ModuleType:
    """Run a plug-in file; whatever goes wrong in it becomes one OptionError that names the file and the line."""
    file = Path(path)
    if not file.is_file():
        raise OptionError(f"{path}: there is no such plug-in file; give the path of a .py file")
    name = PREFIX + file.stem
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise OptionError(f"{path}: a plug-in is a Python file, but its name does not end in .py; rename it")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up there
    try:
        spec.loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit too: a plug-in has no say in how the program ends
        del sys.modules[name]
        raise OptionError(f"{_place(file, error)}: {said(error)}; mend the plug-in") from error
    return module


def blame(error: BaseException) -> str | None:
    """Say what went wrong if it went wrong in the code of a plug-in file, at whatever time it was called."""
    files = {module.__file__ for name, module in list(sys.modules.items()) if name.startswith(PREFIX)}
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename in files:
            return f"{Path(frame.filename).name}, line {frame.lineno}: {said(error)}; mend the plug-in"
    return None


def said(error: BaseException) -> str:
    """Return what an error of a plug-in says, in one line."""
    if isinstance(error, MlpError):
        return str(error)
    try:
        message = error.msg if isinstance(error, SyntaxError) else str(error)
        first = message.splitlines()[0][:MOST_SAID] if message.strip() else "no message"
    except Exception:  # of its own `__str__`, which may be anybody's
        first = "no message"
    return f"{type(error).__name__}: {first}"


def _place(file: Path, error: BaseException) -> str:
    """Return the file and the line of it that the error came from."""
    if isinstance(error, SyntaxError):
        return f"{file}, line {error.lineno}" if error.lineno else str(file)
    path = str(file.absolute())  # as Python knows the file
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
    return f"{file}, line {lines[-1]}" if lines else f"{file}"
