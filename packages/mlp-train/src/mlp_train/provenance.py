"""A model file tells how it was made, in a map that anyone may fill: what `fit` would not write counts as not said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def provenance(training: Mapping[str, Any]) -> dict[str, Any]:
    """Return of a model's `training` map what a program may go by.

    >>> provenance({"target": "Survived", "samples": "many", "configuration": {"seed": -1}})
    {'target': 'Survived'}
    """
    return {key: training[key] for key, fits in _FITS.items() if key in training and fits(training[key])}


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _number(value: Any) -> bool:
    return type(value) in (int, float)


def _texts(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(map(_text, value))


def _map_of(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, Mapping) and all(map(_text, value)) and all(map(fits, value.values()))


def _map_with(**parts: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: (
        isinstance(value, Mapping) and all(value.get(name) is None or fits(value[name]) for name, fits in parts.items())
    )


_CALIBRATION = {
    "temperature", "samples", "log_loss_before", "log_loss", "calibration_error_before", "calibration_error",
}  # fmt: skip
_FITS: dict[str, Callable[[Any], bool]] = {
    "source": _text,
    "samples": _count,
    "valid_samples": _count,
    "epoch": _count,
    "target": _text,
    "fingerprint": _text,
    "options": _map_with(
        drop=_texts, columns=_map_of(_text), transpose=lambda value: isinstance(value, bool), weight_column=_text
    ),
    "configuration": _map_with(valid_fraction=lambda value: _number(value) and 0 <= value < 1, seed=_count),
    "metrics": _map_of(_map_of(_number)),
    "calibration": lambda value: _map_of(_number)(value) and value.keys() >= _CALIBRATION,
}
