"""Options are what a person may say about a data set that its files cannot say themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

from mlp_data.errors import OptionError
from mlp_data.storage import Storage, default_cache, default_memory, read_size
from mlp_runtime.errors import nearest

Task = Literal["classification", "regression", "multi-label"]
Numbers = Literal["scaled", "piecewise"]
Fit = Literal["none", "stretch", "ink"]
Ink = Literal["auto", "light", "dark"]

_CHOICES: dict[str, tuple[str, ...]] = {
    "task": get_args(Task), "numbers": get_args(Numbers), "fit": get_args(Fit), "ink": get_args(Ink),
}  # fmt: skip


@dataclass(frozen=True)
class Options:
    """What `load` was told; every loader receives one.

    target: the column to predict, or several with commas between that say yes or no (task multi-label).
    task: what kind of answer it is. drop: columns to leave out. weight_column: the one that says how much a row counts.
    columns: column name -> type, where the type found from the cells is not the one wanted.
    numbers: how numbers in tables become network input: scaled (the default), or piecewise, in bins.
    fit, ink: how images become network input (see `mlp_runtime.inputs.ImageInput`).
    transpose: swap rows and columns of images in IDX and CSV files: the letters of EMNIST lie on their side.
    max_memory: bytes, or a text such as 1G, that training on the data may take; half of the machine's if not said.
    cache: the folder for what then stays on disk.
    """

    target: str | None = None
    task: Task | None = None
    drop: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    numbers: Numbers | None = None
    fit: Fit | None = None
    ink: Ink | None = None
    transpose: bool = False
    weight_column: str | None = None
    max_memory: int | None = None
    cache: str | None = None

    @classmethod
    def of(cls, **given: Any) -> Options:
        """Check `given` and make options of it; None means that nothing was said.

        >>> Options.of(target="Survived", drop="Ticket").drop
        ('Ticket',)
        >>> Options.of(fitt="ink")
        Traceback (most recent call last):
        mlp_data.errors.OptionError: there is no option 'fitt', did you mean 'fit'?
        """
        known = [f.name for f in fields(cls)]
        values: dict[str, Any] = {}
        for name, value in given.items():
            if name not in known:
                hint = nearest(name, known) or f": the options are {', '.join(known)}"
                raise OptionError(f"there is no option {name!r}{hint}")
            if value is None:
                continue
            choices = _CHOICES.get(name)
            if choices and value not in choices:
                raise OptionError(
                    f"option {name}={value!r} is not one of {', '.join(choices)}{nearest(str(value), choices)}"
                )
            if name == "target" and not isinstance(value, str):
                value = ",".join(_strings(name, value))
            if name == "weight_column" and not isinstance(value, str):
                raise OptionError(f"option weight_column={value!r} is no name of a column: give a text")
            if name == "drop":
                value = (value,) if isinstance(value, str) else tuple(_strings(name, value))
            if name == "transpose" and not isinstance(value, bool):
                raise OptionError(f"option transpose={value!r} is neither True nor False: say one of them")
            if name == "max_memory":
                value = read_size(value)
            values[name] = value
        return cls(**values)

    @property
    def storage(self) -> Storage:
        """How much memory the data may take, and where they are kept if that is not enough."""
        cache = Path(self.cache).expanduser() if self.cache else default_cache()
        return Storage(self.max_memory or default_memory(), cache)

    def said(self) -> dict[str, Any]:
        """Return what was said about the content, as values that JSON knows; what was left open is absent.

        >>> Options.of(drop="Ticket", fit=None).said()
        {'drop': ['Ticket']}
        """
        values: dict[str, Any] = {"drop": list(self.drop), "columns": dict(self.columns), "numbers": self.numbers}
        values |= {"target": self.target, "task": self.task, "transpose": self.transpose}
        values |= {"weight_column": self.weight_column}
        values |= self.for_images()
        return {name: value for name, value in values.items() if value}

    def for_images(self) -> dict[str, str]:
        """Return what was said about images, in the words of `Dataset.input_options`."""
        said = {"fit": self.fit, "ink": self.ink}
        return {name: value for name, value in said.items() if value is not None}


def read_names(texts: Iterable[str]) -> tuple[str, ...]:
    """Read the names of columns as a person writes them in a command.

    >>> read_names(["Ticket, Cabin", "Name"])
    ('Ticket', 'Cabin', 'Name')
    """
    return tuple(name for text in texts for part in text.split(",") if (name := part.strip()))


def read_types(texts: Iterable[str], option: str = "columns") -> dict[str, str]:
    """Read the types of columns as a person writes them in a command; OptionError where one has none, or two.

    >>> read_types(["Pclass=category,Age=number"])
    {'Pclass': 'category', 'Age': 'number'}
    """
    types: dict[str, str] = {}
    for pair in read_names(texts):
        name, equals, kind = pair.rpartition("=")
        if not equals:
            raise OptionError(f"option {option!r} cannot be {pair!r}: it is NAME=TYPE, such as Pclass=category")
        if name in types:
            raise OptionError(
                f"option {option!r} says two things of {name!r}, {types[name]!r} and {kind!r}: leave one out"
            )
        types[name] = kind
    return types


def _strings(name: str, values: Iterable[Any]) -> Iterable[str]:
    for value in values:
        if not isinstance(value, str):
            raise OptionError(f"option {name} takes column names, but {value!r} is a {type(value).__name__}")
        yield value
