"""Tuning tries many settings on the same data, drops early those that do badly, and keeps the best on held-out rows.

What's where: `space` (what may be changed, and within which range), `storage` (where a study lives: a file or
PostgreSQL), `study` (its trials, counted), `trial` (one training), `worker` (one process), `search` (the processes
together), `summary` (what is told at the end, and kept for the report).

Optuna chooses what to try and what to drop (Akiba et al., 2019). It is imported inside functions, because only the
extra `tune` brings it.
"""

from __future__ import annotations

import importlib.util

from mlp_train.errors import UsageError

NEEDED = ("optuna", "sqlalchemy")


def check_installed() -> None:
    """Raise UsageError where the extra is not installed; it says how to get it."""
    for package in NEEDED:
        if importlib.util.find_spec(package) is None:
            raise UsageError(
                f"the search needs the package {package}, which is not installed: pip install 'mlp-train[tune]'"
            )
