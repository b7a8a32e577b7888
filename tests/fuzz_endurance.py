"""A service loads and asks for weeks: memory stays flat and threads get the same bits. `nox -s fuzz` runs this."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import mlp_runtime

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "attacks"))

import models
import mutate

COUNT = int(os.environ.get("FUZZ_TIMES", "100000"))
MIB = 2**20
STATM = Path("/proc/self/statm")


def growth(act: Callable[[int], None]) -> float:
    """Do it a tenth as often to warm up and then COUNT times; return by how many MiB the process grew meanwhile."""
    if not STATM.is_file():
        pytest.skip("the size of the process is read from /proc, which is not here")

    def size() -> float:
        gc.collect()
        return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / MIB

    for number in range(COUNT // 10):
        act(number)
    before = size()
    for number in range(COUNT):
        act(number)
    grown = size() - before
    print(f"grew by {grown:.2f} MiB")
    return grown


def test_bad_files_loaded_again_and_again_leave_nothing_in_memory():
    seeds = mutate.seeds()
    bad = [make() for make, _ in models.REFUSED.values()]
    bad += [mutate.mutant(number, seeds) for number in range(300)]
    bad = [data for data in bad if refused(data) and len(data) < 20_000]
    assert len(bad) > 250
    assert growth(lambda number: refused(bad[number % len(bad)]) or pytest.fail("was taken")) < 2


def refused(data: bytes | bytearray) -> bool:
    try:
        mlp_runtime.load(data)
    except mlp_runtime.ModelFileError:
        return True
    return False


def test_every_single_bit_flip_of_every_golden_file_is_refused():
    flips = 0
    for path in sorted(mutate.GOLDEN.glob("[1-9]*.mlp")):
        content = bytearray(path.read_bytes())
        for at in range(len(content)):
            for bit in range(8):
                content[at] ^= 1 << bit
                assert refused(content), f"{path.name}: taken with bit {bit} of byte {at} turned"
                content[at] ^= 1 << bit
                flips += 1
    print(f"{flips} flips")
    assert flips > 400_000


def test_predictions_again_and_again_leave_nothing_in_memory():
    model = mlp_runtime.load(models.honest())
    rows = np.random.default_rng(0).normal(size=(64, 3)).astype(np.float32)
    assert growth(lambda number: model.predict_proba(rows[number % 64]) is None) < 2


def test_eight_threads_get_the_same_bits_as_one():
    model = mlp_runtime.load(models.honest())
    rows = np.random.default_rng(1).normal(size=(100, 3)).astype(np.float32)
    wanted = [model.predict_proba(row).tobytes() for row in rows]

    def ask(first: int) -> int:
        return sum(
            model.predict_proba(rows[(first + number) % 100]).tobytes() == wanted[(first + number) % 100]
            for number in range(COUNT // 10)
        )

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(ask, range(8))) == 8 * (COUNT // 10)
