"""Storage settles whether data fit in memory, and where those that do not fit are kept on disk."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mlp_data.errors import OptionError

BASE = 192 << 20  # bytes that Python, NumPy, OpenCV and a small network take, whatever the data
ROW = 64  # bytes a row for its answer, its place and the sorting of both
BLOCKS = 96 << 20  # bytes for the parts of the data that are in memory at any time: see `mlp_data.rows.BLOCK`
CELLS = 10  # bytes at least in memory for one of a table's text: each cell is a text of its own
PACKED = 6  # bytes of a table's text that gzip makes one of, or more where cells repeat
COPIES = 4  # raw, without the held-out rows, prepared, and one being made or without inputs that are always 0
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


@dataclass(frozen=True)
class Storage:
    """How much memory a command may take altogether, and the folder for what has to stay on disk."""

    max_memory: int
    cache: Path

    def fits(self, content: int) -> bool:
        """Tell whether training on `content` bytes of samples can have all of them in memory."""
        return BASE + COPIES * content <= self.max_memory

    def check(self, rows: int, where: str) -> None:
        """Raise OptionError where not even reading block by block stays within the memory allowed."""
        least = BASE + BLOCKS + ROW * rows
        if least > self.max_memory:
            raise OptionError(
                f"{where}: max_memory {shown(self.max_memory)} is too small for {rows:,} rows, even when they stay on "
                f"disk: allow at least {shown(least)}"
            )

    def fits_table(self, content: int) -> bool:
        """Tell whether `content` bytes of a table's text can become cells in memory."""
        return BASE + CELLS * content <= self.max_memory

    def check_table(self, content: int, where: str) -> None:
        """Raise OptionError where `content` bytes of a table that is no text do not fit in the memory allowed."""
        if not self.fits_table(content):
            raise OptionError(
                f"{where}: max_memory {shown(self.max_memory)} is too small for {content:,} bytes of Parquet, which is "
                f"read in memory: allow at least {shown(BASE + CELLS * content)}, or save the table as CSV"
            )


def read_size(value: int | str) -> int:
    """Read a number of bytes as people write it.

    >>> read_size("1G"), read_size("1.5 GB"), read_size(10**9)
    (1073741824, 1610612736, 1000000000)
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?\s*", str(value), re.IGNORECASE)
    size = 0 if match is None else int(float(match[1]) * _UNITS[match[2].upper()])
    if size <= 0:
        raise OptionError(f"max_memory={value!r} is no amount of memory: give one such as 512M or 2G")
    if size < BASE + BLOCKS:
        raise OptionError(f"max_memory={value!r} is too small for any data: allow at least {shown(BASE + BLOCKS)}")
    return size


def shown(size: int) -> str:
    """Write a number of bytes so that `read_size` reads no less.

    >>> shown(1 << 30), shown(300_000_000)
    ('1024M', '287M')
    """
    return f"{-(-size >> 20)}M"


def default_cache() -> Path:
    """Return the folder for caches: `mlp-data` where the system keeps them (XDG base directory specification)."""
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local", "mlp-data", "cache")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "mlp-data"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "mlp-data")


@cache
def default_memory() -> int:
    """Return half of the memory that this machine, or the container that this is, has: other programs want some too."""
    sizes = [1 << 34]  # where the system does not tell
    if hasattr(os, "sysconf"):
        sizes = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    limit = Path("/sys/fs/cgroup/memory.max")
    if limit.exists() and (text := limit.read_text().strip()).isdecimal():
        sizes.append(int(text))
    return min(sizes) // 2
