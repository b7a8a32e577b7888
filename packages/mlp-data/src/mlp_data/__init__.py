"""Turn zip archives, image folders, photographs and tables into a dataset for a small neural network."""

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
