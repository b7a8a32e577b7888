"""Turn zip archives, image folders, photographs and tables into a dataset for a small neural network."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlp_data.dataset import Dataset, Split, Table, from_arrays
    from mlp_data.errors import ArchiveError, DataError, DecodeError, OptionError, TableError
    from mlp_data.options import Options
    from mlp_data.sources import Member, Source, load, loader

__version__ = "0.1.0"

__all__ = [
    "ArchiveError",
    "DataError",
    "Dataset",
    "DecodeError",
    "Member",
    "OptionError",
    "Options",
    "Source",
    "Split",
    "Table",
    "TableError",
    "from_arrays",
    "load",
    "loader",
]

_HOMES = {
    "dataset": ("Dataset", "Split", "Table", "from_arrays"),
    "errors": ("ArchiveError", "DataError", "DecodeError", "OptionError", "TableError"),
    "options": ("Options",),
    "sources": ("Member", "Source", "load", "loader"),
}


def __getattr__(name: str) -> Any:
    # A name is imported when it is first used, so that `mlp-data --help` does not wait for NumPy.
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"mlp_data.{module}"), name)
    raise AttributeError(f"module 'mlp_data' has no attribute {name!r}")
