"""Settings come from four places, each stronger than the one before: defaults, a TOML file, the environment, flags.

Whatever the place, a setting has the same name: `epochs` in the file, MLP_TRAIN_EPOCHS, `--epochs`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any, get_args

from mlp_data.errors import OptionError
from mlp_data.options import Options, read_names, read_types
from mlp_data.sources import SAMPLES
from mlp_runtime.errors import nearest
from mlp_train.config import FitConfig, make_config
from mlp_train.errors import UsageError, unreadable
from mlp_train.export import WEIGHTS
from mlp_train.presets import left_to_preset
from mlp_train.reporters import MODES
from mlp_train.without_effect import said_in

PREFIX = "MLP_TRAIN_"
# A number, whose dot is none between the parts of a key.
NUMBER = re.compile(r"(?<![\w.'\"-])[+-]?\d+\.\d+(?:[eE][+-]?\d+)?(?![\w.'\"-])")
MOST_DOTS = 50_000_000  # the sum of their squares over all lines: about a second
MOST_BYTES = 1 << 20  # of a settings file; a device in its place never ends
DATA = tuple(option.name for option in fields(Options))
RUN = {"source": "digits", "name": None, "out": None, "plugin": (), "weights": "float32", "min_accuracy": None}
YES, NO = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
SHOWN = {"progress": "auto", "report": True}  # how a run looks, which does not change what it gives
KNOWN = (*RUN, *SHOWN, *DATA, *FitConfig.model_fields)
NOT_SAVED = ("out", "progress")  # a repeated run needs a folder of its own, and looks as whoever repeats it likes


@dataclass(frozen=True)
class Settings:
    """The settings of one run. `values` holds what was said somewhere, the rest are defaults.

    said: what the trainer is told by a person. A file counts where it says something else than the default, because the
    saved `config.toml` of a run says everything.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    said: frozenset[str] = frozenset()

    def __getitem__(self, name: str) -> Any:
        """Return a setting of the run itself, such as `source`, `name` or `weights`."""
        return self.values.get(name, {**RUN, **SHOWN}[name])

    @cached_property
    def config(self) -> FitConfig:
        """What the trainer is told."""
        return make_config(**{name: value for name, value in self.values.items() if name in FitConfig.model_fields})

    @property
    def data(self) -> dict[str, Any]:
        """What `mlp_data.load` is told."""
        return {name: self.values[name] for name in DATA if name in self.values}

    def effective(self) -> dict[str, Any]:
        """Return every setting, chosen or default, for the run's `config.toml`; paths are made absolute."""
        run = {name: self[name] for name in RUN if name not in NOT_SAVED}
        run["source"] = absolute_source(run["source"])
        run["plugin"] = [str(Path(path).resolve()) for path in run["plugin"]]
        data = dict(self.data)
        if "cache" in data:
            data["cache"] = str(Path(data["cache"]).resolve())
        config = self.config
        said = config.model_dump(mode="json", exclude=left_to_preset(config))  # it will decide the same again
        return {**run, **said, **data}


def gather(
    flags: Mapping[str, Any], file: str | Path | None = None, environment: Mapping[str, str] | None = None
) -> Settings:
    """Lay the places over one another and check each, so that an error names the place.

    flags: name -> text, list of texts or None (not given). UsageError names an unknown key and the nearest known one.

    >>> settings = gather({"epochs": "3", "hidden": None}, environment={"MLP_TRAIN_EPOCHS": "5", "MLP_TRAIN_LR": "0.1"})
    >>> settings.config.epochs, settings.config.lr
    (3, 0.1)
    """
    variables = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in (environment or {}).items()
        if name.startswith(PREFIX)
    }
    values = {} if file is None else _checked(read_toml(file), f"{file}: ", "")
    said = said_in(Settings(values).config)
    for given, place, prefix in ((variables, "the environment: ", PREFIX), (flags, "", "--")):
        now = _checked({name: value for name, value in given.items() if value not in (None, [])}, place, prefix)
        said |= now.keys() & FitConfig.model_fields.keys()
        values |= now
    return Settings(values, frozenset(said))


def read_toml(path: str | Path) -> dict[str, Any]:
    """Read a settings file; UsageError says why it cannot be read."""
    try:
        with Path(path).open("rb") as file:
            text = file.read(MOST_BYTES + 1)
        if len(text) > MOST_BYTES:
            raise UsageError(f"{path}: settings take no more than {MOST_BYTES:,} bytes, this is larger; check the path")
        return parse_toml(text.decode())
    except OSError as error:
        raise UsageError(
            f"{path}: the settings cannot be read: the system says '{error.strerror}'; check the path"
        ) from error
    except (ValueError, RecursionError) as error:  # not TOML, or not even text
        raise UsageError(f"{path}: this is not TOML: {unreadable(error)}; correct it there") from error


def parse_toml(text: str) -> dict[str, Any]:
    """Return the values of a TOML text; ValueError or RecursionError where there are none.

    Keys of very many parts are refused first: `tomllib` takes a time that grows with the square of each.

    >>> parse_toml("layers = [{weight = 'fc1.weight'}]")
    {'layers': [{'weight': 'fc1.weight'}]}
    """
    if sum(NUMBER.sub("", line).count(".") ** 2 for line in text.split("\n")) > MOST_DOTS:
        raise ValueError("its keys have too many parts")
    return tomllib.loads(text)


def absolute_source(source: str) -> str:
    """Return a source so that it is found from any folder; samples go by name."""
    return source if source in SAMPLES or not Path(source).exists() else str(Path(source).resolve())


def _checked(given: Mapping[str, Any], place: str, prefix: str) -> dict[str, Any]:
    """Return what one place says, as values; a key or a value that cannot be is a UsageError that names the place."""
    for name in given:
        if name not in KNOWN:
            shown = _as_written(name, prefix)
            if name == "log":  # naming a module runs its code, which is for the person at the keyboard to decide
                raise UsageError(f"{place}{shown} cannot be set here: give --log NAME on the command line")
            hint = nearest(shown, [_as_written(known, prefix) for known in KNOWN])
            raise UsageError(f"{place}unknown setting {shown!r}{hint or '; mlp-train fit --help lists them'}")
    try:
        values = {name: _read(name, value) for name, value in given.items()}
        make_config(**{name: value for name, value in values.items() if name in FitConfig.model_fields})
        Options.of(**{name: value for name, value in values.items() if name in DATA})
    except (UsageError, OptionError) as error:
        raise UsageError(f"{place}{error}") from None
    return values


def _as_written(name: str, prefix: str) -> str:
    return prefix + (name.upper() if prefix == PREFIX else name.replace("_", "-") if prefix else name)


def _read(name: str, value: Any) -> Any:
    """Turn what a file, a variable or a flag says into the value of the setting `name`."""
    if name in FitConfig.model_fields:
        return _read_training(name, value)
    if name == "plugin":
        return tuple(_texts(name, value))
    if name == "drop":
        return read_names(_texts(name, value))
    if name == "columns":
        return dict(value) if isinstance(value, Mapping) else read_types(_texts(name, value))
    if name in ("transpose", "report"):
        return _read_yes(name, value)
    if name == "min_accuracy":
        return _read_share(name, value)
    if not isinstance(value, str) or not value.strip():
        raise UsageError(f"option {name!r} cannot be {value!r}: it is a text that is not empty")
    for choice, choices in (("weights", WEIGHTS), ("progress", MODES)):
        if name == choice and value not in choices:
            raise UsageError(f"unknown {name} {value!r}{nearest(value, choices)}: it is one of {', '.join(choices)}")
    return value


def _read_training(name: str, value: Any) -> Any:
    if isinstance(value, list):
        return tuple(value)
    if not isinstance(value, str):
        return value
    if name == "hidden" and value != "auto":
        return () if value in ("none", "") else read_names([value])
    if name == "activation" and "," in value:
        return read_names([value])
    if name == "class_weight" and all("=" in pair for pair in read_names([value])):
        return read_types([value], name)
    optional = type(None) in get_args(FitConfig.model_fields[name].annotation)
    return None if optional and value == "none" else value


def _read_yes(name: str, value: Any) -> bool:
    word = str(value).strip().lower()
    if word not in YES + NO:
        raise UsageError(f"option {name!r} cannot be {value!r}: it is true or false")
    return word in YES


def _read_share(name: str, value: Any) -> float:
    try:
        share = float(value)
    except (TypeError, ValueError):
        share = -1.0
    if not 0 <= share <= 1:
        raise UsageError(f"option {name!r} cannot be {value!r}: it is a share from 0 to 1, such as 0.95")
    return share


def _texts(name: str, value: Any) -> Iterable[str]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, (list, tuple)) or not all(isinstance(text, str) for text in texts):
        raise UsageError(f"option {name!r} cannot be {value!r}: it is a text or a list of texts")
    return texts
