"""What `--log` asks for: trackers that are told the figures of a run, and that go on with it when it is resumed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stdout, suppress
from pathlib import Path
from typing import Any

from mlp_data.atomic import write_text
from mlp_train.cli.shared import Voice
from mlp_train.errors import UsageError
from mlp_train.events import Event
from mlp_train.runs import Run
from mlp_train.trackers import TENSORBOARD, Choice, Tracker, choose, sink
from mlp_train.trackers.reporter import TrackerError

Told = Callable[[Event], None]
Known = dict[str, dict[str, str]]  # tracker -> by what it finds the run again


def chosen(named: Iterable[str]) -> tuple[Choice, ...]:
    """Import the trackers that were named, before anything else is done; UsageError where one is not there."""
    # What a module prints when it is imported is no part of the answer, nor of the events on stderr.
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        found = [choose(one) for one in named]
    for place, one in enumerate(found):
        if any(one.name == other.name for other in found[:place]):
            raise UsageError(f"--log {one.name} is given twice; leave one out")
    return tuple(found)


@contextmanager
def watched(
    choices: Iterable[Choice], run: Run, settings: Mapping[str, Any], voice: Voice, *, new: bool, made: bool
) -> Iterator[Told]:
    """Give what tells every tracker an event; at the end, whatever it is, they finish.

    settings: of the run, as it saves them. new: whether the run begins now. made: whether its folder was made for it.
    Where a tracker cannot begin, nothing is left of a new run.
    """
    known = {} if new else read_known(run)
    name = settings["name"] or run.folder.resolve().name
    choices = list(choices)
    left = [one for one in known if one not in {choice.name for choice in choices}]
    if left:
        flags = " ".join(f"--log {one}" for one in left)
        voice.say(f"note: {' and '.join(left)} followed this run before; {flags} goes on there")

    def remembers(tracker: str) -> Callable[[Mapping[str, str]], None]:
        def remember(found: Mapping[str, str]) -> None:
            inside = found.get("folder") == str(usual.absolute())  # which moves with the run
            known[tracker] = {} if inside else dict(found)
            write_text(run.trackers, json.dumps(known, indent=2) + "\n")

        return remember

    def warn(sentence: str) -> None:
        voice.say(f"warning: {sentence}; {run.metrics} has all figures")

    usual, trackers = run.folder / "tensorboard", []
    for choice in choices:
        before = known.get(choice.name)
        folder = (before or {}).get("folder", usual) if choice.name == TENSORBOARD else run.folder
        taken = sink(choice, project=None, name=name, folder=folder, before=before)
        shown, quiet = _shown(settings), voice.quiet or not voice.narrates
        trackers.append(
            Tracker(choice.name, taken, settings=shown, warn=warn, began=remembers(choice.name), quiet=quiet)
        )

    def tell(event: Event) -> None:
        for tracker in trackers:
            tracker(event)

    try:
        with ExitStack() as stack:
            for tracker in trackers:
                stack.enter_context(tracker)
            yield tell
    except TrackerError:
        if new:
            run.clear()
        if new and made:
            with suppress(OSError):
                run.folder.rmdir()
        raise


def again(choices: Iterable[Choice]) -> list[str]:
    """Return the words that ask for these trackers again."""
    return [word for one in choices for word in ("--log", f"{one.name}:{one.where}" if one.where else one.name)]


def read_known(run: Run) -> Known:
    """Return what a run folder says of its trackers; UsageError where that is something else."""
    if not run.trackers.is_file():
        return {}
    try:
        known = json.loads(run.trackers.read_bytes())
    except (ValueError, RecursionError):
        known = None
    if not isinstance(known, dict) or not all(
        isinstance(one, dict) and all(isinstance(value, str) for value in one.values()) for one in known.values()
    ):
        raise UsageError(f"{run.trackers}: this does not tell where the run was followed; remove the file")
    return known


def _shown(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings as others may see them: nobody's folders are told."""
    told = {name: value for name, value in settings.items() if name != "cache"}
    told["source"] = Path(str(told["source"])).name
    told["plugin"] = [Path(path).name for path in told["plugin"]]
    return told
