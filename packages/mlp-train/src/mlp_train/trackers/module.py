"""A module with `init`, `log` and `finish` keeps figures; which of the usual words each takes, its signature says."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

FOUND_BY = ("project", "name", "id")  # what a run may have, and be found again by
USUAL = ("project", "name", "config")  # what `init` is told where it takes anything


class ModuleSink:
    """Calls the module's functions, with those words alone that they take.

    before: what the module called an earlier part of the same training, which it then goes on with.
    """

    def __init__(
        self,
        module: Any,
        *,
        project: str | None = None,
        name: str | None = None,
        folder: str | os.PathLike[str] | None = None,
        before: Mapping[str, str] | None = None,
    ) -> None:
        self.module, self.before = module, before
        self.project, self.name = project, name
        self.folder = None if folder is None else str(Path(folder).absolute())

    def begin(self, settings: Mapping[str, Any], first_epoch: int) -> Mapping[str, str]:  # noqa: ARG002
        """Call `init`, and return by what the module finds the run again."""
        variable = f"{getattr(self.module, '__name__', '').upper()}_PROJECT"  # as wandb itself reads it
        data = Path(str(settings.get("source") or "mlp-train")).stem  # runs on the same data are compared
        project = self.project or os.environ.get(variable) or data
        wanted: dict[str, Any] = {"project": project, "name": self.name, "config": dict(settings), "dir": self.folder}
        if self.before is not None:
            wanted |= {**self.before, "resume": "allow"}
        given = {name: value for name, value in wanted.items() if value is not None}
        taken = _taken(self.module.init, given)
        if "dir" in taken:
            Path(taken["dir"]).mkdir(parents=True, exist_ok=True)
        run = self.module.init(**taken)
        known = {name: getattr(run, name, None) for name in FOUND_BY}
        known = {name: given.get(name) if value is None else value for name, value in known.items()}
        return {name: value for name, value in known.items() if isinstance(value, str)}

    def log(self, figures: Mapping[str, float], epoch: int) -> None:
        """Call `log`, with the epoch as the step where it takes one."""
        self.module.log({"epoch": epoch, **figures}, **_taken(self.module.log, {"step": epoch}))

    def conclude(self, settings: Mapping[str, Any], figures: Mapping[str, float], epoch: int) -> None:  # noqa: ARG002
        """Call `log` with the figures of the result."""
        self.log(figures, epoch)

    def finish(self, failed: bool) -> None:
        """Call `finish`, with an exit code where it takes one."""
        self.module.finish(**_taken(self.module.finish, {"exit_code": int(failed)}))


def _taken(function: Callable[..., Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of the wanted keywords that the function takes.

    >>> _taken(lambda data, step=None: None, {"step": 3, "commit": True})
    {'step': 3}
    >>> _taken(lambda **anything: None, {"project": "digits", "dir": "runs"})
    {'project': 'digits'}
    """
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # some that are not written in Python have none
        return {}
    named = {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        named |= {*USUAL, "step"}
    return {name: value for name, value in wanted.items() if name in named}
