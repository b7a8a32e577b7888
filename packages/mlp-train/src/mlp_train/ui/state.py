"""The workbench holds what the page looks at: one model, the run it comes from and the data it learned from."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlp_runtime import Model
from mlp_train.errors import UsageError

if TYPE_CHECKING:
    from mlp_data.dataset import Dataset


@dataclass(frozen=True)
class Opened:
    """What is open at one moment. The next thing that is opened gets the next generation.

    name: what a person calls it. run: the folder of the run that made the model. source: the data, a path or the name
    of a sample. plugins: the user's own Python files that the commands shown need too.
    """

    name: str = ""
    model: Model | None = None
    run: Path | None = None
    source: str | None = None
    plugins: tuple[str, ...] = ()
    generation: int = 0


class Workbench:
    """The one place where the tabs find what is open; any thread may ask it or put something else on it."""

    def __init__(self, opened: Opened | None = None) -> None:
        """Open something at once, or nothing."""
        self._opened = opened or Opened()
        self._lock = threading.RLock()
        self._loading = threading.Lock()
        self._dataset: tuple[str, Dataset] | None = None
        self._closers: list[Callable[[], None]] = []
        self.is_stopping: Callable[[], bool] = lambda: False  # the server waits for streams, so they ask and end

    @property
    def opened(self) -> Opened:
        """What is open now, as a value that does not change: take it once a request."""
        return self._opened

    @property
    def model(self) -> Model:
        """The open model; UsageError where there is none."""
        if self._opened.model is None:
            raise UsageError("no model is open: train one, or start `mlp-train ui MODEL`")
        return self._opened.model

    def put(self, **changes: Any) -> Opened:
        """Open something else: `changes` are fields of `Opened`; returns what is open then."""
        with self._lock:
            self._opened = replace(self._opened, **changes, generation=self._opened.generation + 1)
            return self._opened

    def dataset(self) -> Dataset:
        """Load the data that belongs to what is open, once; it may take seconds. UsageError where none is known.

        A model's data are loaded with the options that its training used.
        """
        import mlp_data
        from mlp_train.evaluation import load_data

        opened = self._opened
        if opened.source is None:
            raise UsageError("the data of this model are not known: start `mlp-train ui RUN` with the run's folder")
        with self._loading:
            if self._dataset is None or self._dataset[0] != opened.source:
                known = opened.model is not None
                loaded = load_data(self.model, opened.source) if known else mlp_data.load(opened.source)
                self._dataset = opened.source, loaded
            return self._dataset[1]

    def at_close(self, closer: Callable[[], None]) -> None:
        """Have something called when the server stops, such as what ends a process."""
        self._closers.append(closer)

    def close(self) -> None:
        """Call what `at_close` was given, the last one first."""
        while self._closers:
            self._closers.pop()()

    def info(self) -> dict[str, Any]:
        """Return what the page is told of what is open, as values that JSON knows."""
        from mlp_train.provenance import provenance

        opened = self._opened
        said: dict[str, Any] = {
            "name": opened.name,
            "generation": opened.generation,
            "run": opened.run.name if opened.run else None,
            "source": Path(opened.source).name if opened.source else None,
            "model": None,
        }
        if opened.model is not None:
            known = opened.model.describe()
            known["path"] = Path(known["path"]).name if known["path"] else None
            known["training"] = provenance(known["training"])
            said["model"] = {**known, "kind": opened.model.input.kind, "classes": list(opened.model.classes)}
        return said


def open_thing(thing: str | None, plugins: tuple[str, ...] = ()) -> Opened:
    """Open a model file, a run folder or a source of data; None opens nothing.

    A source is not read before a tab asks for it, but what is not there at all is a UsageError.
    """
    from mlp_data.sources import SAMPLES
    from mlp_runtime.modelfile import MAGIC
    from mlp_train.cli.shared import load_model
    from mlp_train.runs import FILES, read_run

    if thing is None:
        return Opened(plugins=plugins)
    path = Path(thing)
    if (path.name == "latest" and path.is_file()) or any((path / name).is_file() for name in FILES):
        contents = read_run(thing)
        source = _present(contents.config.get("source"))
        model = load_model(str(contents.run.model)) if contents.run.model.is_file() else None
        return Opened(contents.run.folder.resolve().name, model, contents.run.folder, source, plugins)
    if thing in SAMPLES:
        return Opened(thing, source=thing, plugins=plugins)
    if not path.exists():
        raise UsageError(f"{thing}: there is nothing of this name; give a model file, a run folder or data")
    if path.is_file():
        with path.open("rb") as file:
            is_model = path.suffix == ".mlp" or file.read(len(MAGIC)) == MAGIC
        if is_model:
            model = load_model(thing)
            run = path.parent if (path.parent / "config.toml").is_file() else None
            source = _present(read_run(run).config.get("source")) if run else None
            return Opened(path.name, model, run, source, plugins)
    return Opened(path.name, source=thing, plugins=plugins)


def _present(source: Any) -> str | None:
    """Return a run's source if it is still where it was."""
    from mlp_data.sources import SAMPLES

    return source if isinstance(source, str) and (source in SAMPLES or Path(source).exists()) else None
