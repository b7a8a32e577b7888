"""A run folder keeps all that one training run leaves: the model, how it was made, and on what machine.

runs/20250131-175904-digits/   model.mlp  last.ckpt  config.toml  metrics.jsonl  environment.json  report.html
runs/latest                    a link to the newest (a text file with its name where links are not allowed)
"""

from __future__ import annotations

import datetime
import json
import os
import re
import secrets
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w

from mlp_data.atomic import output_error, write_text
from mlp_train.environment import environment
from mlp_train.errors import OutputError, UsageError, unreadable
from mlp_train.metrics_log import epoch_of, read_events

FILES = ("model.mlp", "last.ckpt", "config.toml", "metrics.jsonl", "environment.json")
REPORT = "report.html"  # made from the others, so a folder of it alone is no run
TRACKERS = "trackers.json"  # where else the run is found, if it is
SUMMARY = "study.json"  # of the search that chose the settings, if one did
EVENT_FILES = "tensorboard/events.out.tfevents.*"


@dataclass(frozen=True)
class Run:
    """The paths of one run folder."""

    folder: Path

    @property
    def model(self) -> Path:
        """The trained model."""
        return self.folder / "model.mlp"

    @property
    def checkpoint(self) -> Path:
        """What `--resume` goes on from."""
        return self.folder / "last.ckpt"

    @property
    def config(self) -> Path:
        """The full effective configuration."""
        return self.folder / "config.toml"

    @property
    def metrics(self) -> Path:
        """One JSON line an event."""
        return self.folder / "metrics.jsonl"

    @property
    def environment(self) -> Path:
        """Versions and hardware."""
        return self.folder / "environment.json"

    @property
    def trackers(self) -> Path:
        """By what the trackers of `--log` find the run again."""
        return self.folder / TRACKERS

    def clear(self) -> None:
        """Remove the files of a run, and no others."""
        named = (*FILES, REPORT, TRACKERS, SUMMARY)
        for path in (*map(self.folder.joinpath, named), *self.folder.glob(EVENT_FILES)):
            path.unlink(missing_ok=True)
        with suppress(OSError):  # it holds more, or is not there
            (self.folder / EVENT_FILES).parent.rmdir()

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep the folder to this process; the system lets go of it however the process ends."""
        try:
            import fcntl
        except ImportError:  # Windows: two runs in one folder are then only refused when they start one after another
            yield
            return
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise OutputError(
                    f"{self.folder}: another process is training in this folder; wait for its end, or choose another"
                ) from error
            except OSError:  # some network file systems know no locks
                pass
            yield
        finally:
            os.close(descriptor)

    def write_config(self, config: Mapping[str, Any]) -> None:
        """Write the configuration as TOML; keys that are None are left out, because TOML has no such value."""
        write_text(self.config, tomli_w.dumps(_without_none(config)))

    def write_environment(self) -> None:
        """Write what the run is made with; call it once everything that will be used is imported."""
        write_text(self.environment, json.dumps(environment(), indent=2) + "\n")


def create_run(
    name: str,
    *,
    out: str | os.PathLike[str] | None = None,
    force: bool = False,
    root: str | os.PathLike[str] = "runs",
    now: datetime.datetime | None = None,
) -> Run:
    """Make the folder of a new run: `out` if given, else `root/<UTC time>-<name>` with `root/latest` leading to it.

    A folder `out` that already holds something is refused with OutputError. With `force`, the files of an earlier run
    in it are removed, so that old and new never mix; all other files stay.
    """
    if out is not None:
        return Run(_claim(Path(out), force))
    stamp = (now or datetime.datetime.now(datetime.UTC)).strftime("%Y%m%d-%H%M%S")
    word = re.sub(r"[^A-Za-z0-9._-]+", "-", name)[:40].strip("-.") or "run"
    base, number = Path(root, f"{stamp}-{word}"), 1
    folder = base
    while True:
        try:
            folder.mkdir(parents=True)
            break
        except FileExistsError:  # another run of this second; only the one that makes the folder owns it
            number += 1
            folder = base.with_name(f"{base.name}-{number}")
        except OSError as error:
            raise output_error(folder, error) from error
    _point_latest(Path(root), folder.name)
    return Run(folder)


def _claim(folder: Path, force: bool) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held = sorted(entry.name for entry in folder.iterdir())
        if held and not force:
            raise OutputError(
                f"{folder}: the folder is not empty, it holds {held[0]}; choose another, pass --resume to go on "
                "with a run in it, or --force to replace one"
            )
        with Run(folder).lock():  # a run that is still going on keeps its files
            Run(folder).clear()
    except FileExistsError as error:
        raise OutputError(f"{folder}: this is a file, not a folder; choose another place for the run") from error
    except OSError as error:
        raise output_error(folder, error) from error
    return folder


def _point_latest(root: Path, name: str) -> None:
    """Make `root/latest` lead to the run; relative, so that the folder of runs can move."""
    latest = root / "latest"
    temporary = root / f".{secrets.token_hex(6)}.tmp"
    try:
        temporary.symlink_to(name, target_is_directory=True)
    except (OSError, NotImplementedError):  # Windows without the privilege, a file system without links
        write_text(latest, name + "\n")
        return
    try:
        temporary.replace(latest)
    except OSError as error:
        temporary.unlink()
        raise OutputError(f"{latest}: a folder of that name is in the way; move it or give --out DIR") from error


def open_run(path: str | os.PathLike[str]) -> Run:
    """Return the run in a folder that is already there; `runs/latest` may be a link or a text file.

    UsageError says what is missing where this is no run.
    """
    folder = Path(path)
    try:
        if folder.is_file() and folder.name == "latest":
            folder = folder.with_name(folder.read_text(encoding="utf-8").strip())
        found = folder.is_dir()
    except ValueError:  # what `latest` holds is no name
        found = False
    if not found:
        raise UsageError(f"{path}: there is no such run folder; give the folder that fit named")
    if not any((folder / name).exists() for name in FILES):
        raise UsageError(
            f"{path}: this is not a run folder, it holds none of {', '.join(FILES)}; give one that fit made"
        )
    return Run(folder)


@dataclass(frozen=True)
class RunContents:
    """What a run folder holds."""

    run: Run
    config: dict[str, Any]
    environment: dict[str, Any]
    events: list[dict[str, Any]]
    files: dict[str, int]  # name -> bytes, of the files of a run that are there

    @property
    def finished(self) -> bool:
        """Whether training came to its end after it last started."""
        kinds = [event.get("event") for event in self.events if event.get("event") in ("Started", "Finished")]
        return kinds[-1:] == ["Finished"]

    @property
    def plugins(self) -> list[str]:
        """The user's own Python files that the run needs; UsageError where its configuration says something else."""
        found = self.config.get("plugin", [])
        if not isinstance(found, list) or not all(isinstance(path, str) for path in found):
            raise UsageError(f"{self.run.config}: plugin is {found!r}, not a list of Python files; mend it")
        return found

    def summary(self) -> dict[str, Any]:
        """Return what is inside as values that JSON knows."""
        epochs = [event for event in self.events if event.get("event") == "EpochEnd"]
        last = self.events[-1] if self.events else {}
        return {
            "folder": self.run.folder.resolve().name,  # the run's own, where the path was runs/latest
            "finished": self.finished,
            "epochs": epoch_of(epochs[-1]) if epochs else 0,
            "epochs_planned": max((n for event in self.events if isinstance(n := event.get("epochs"), int)), default=0),
            "metrics": last.get("metrics", {}) if self.finished else {},
            "files": self.files,
        }


def read_run(path: str | os.PathLike[str]) -> RunContents:
    """Read a run folder; parts that are not there come back empty, a damaged one is a UsageError that names it."""
    run = open_run(path)
    for file in (run.folder / name for name in FILES):
        if file.exists() and not file.is_file() and not file.is_dir():
            raise UsageError(f"{file}: this is a pipe or a device, not a file; remove it")
    files = {name: (run.folder / name).stat().st_size for name in (*FILES, REPORT) if (run.folder / name).is_file()}
    try:
        config = tomllib.loads(run.config.read_text(encoding="utf-8")) if "config.toml" in files else {}
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{run.config}: this is not TOML: {unreadable(error)}; mend it or give --config") from error
    try:
        made_with = json.loads(run.environment.read_bytes()) if "environment.json" in files else {}
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{run.environment}: this is not JSON: {unreadable(error)}; remove the file") from error
    if not isinstance(made_with, dict):
        raise UsageError(f"{run.environment}: this is not a JSON object; remove the file")
    events = read_events(run.metrics) if "metrics.jsonl" in files else []
    return RunContents(run, config, made_with, events, files)


def newest_run(root: str | os.PathLike[str] = "runs") -> Path:
    """Return the run in the folder `root` that was touched last and is not finished; where all are, the last of them.

    UsageError says what to give where there is none.
    """
    began = [path.parent for path in Path(root).glob("*/config.toml") if not path.parent.is_symlink()]
    began.sort(key=lambda folder: max(path.stat().st_mtime_ns for path in folder.iterdir()), reverse=True)
    if not began:
        raise UsageError(f"{root}: there is no run in this folder to go on with; give the run's own: --resume DIR")
    return next((folder for folder in began if not _is_finished(folder)), began[0])


def _is_finished(folder: Path) -> bool:
    try:
        return read_run(folder).finished
    except UsageError:  # damaged: said where one asks for just this run
        return True


def _without_none(config: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: _without_none(value) if isinstance(value, Mapping) else value
        for key, value in config.items()
        if value is not None
    }
