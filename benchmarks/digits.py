"""Train on the shipped digits with default settings, as the README does: test accuracy, and seconds to the file."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from command import fit_and_evaluate, summary

ACCURACY, SECONDS = 0.96, 20.0

if __name__ == "__main__":
    runs = [fit_and_evaluate("digits", seed) for seed in (1, 2, 3)]
    sys.exit(summary("digits", runs, ACCURACY, SECONDS))
