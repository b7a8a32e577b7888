"""Rows in a file are indexed as an array in memory is, and stay where they are until then."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mlp_data.dataset import Dataset, Split
from mlp_data.errors import DataError
from mlp_data.rows import FileRows

FRAMES = np.random.default_rng(0).integers(0, 256, (50, 4, 3), np.uint8)


@pytest.fixture
def rows(tmp_path: Path) -> FileRows:
    path = tmp_path / "rows"
    path.write_bytes(b"header" + FRAMES.tobytes())
    return FileRows(path.open("rb"), FRAMES.shape, np.uint8, offset=6, cache=tmp_path)


def test_indexing_gives_what_the_array_would_give(rows: FileRows) -> None:
    assert (len(rows), rows.shape, rows.ndim, rows.row_bytes) == (50, (50, 4, 3), 3, 12)
    assert (rows[7] == FRAMES[7]).all()
    assert (rows[10:20:3] == FRAMES[10:20:3]).all()
    assert (rows[np.array([3, 1])] == FRAMES[[3, 1]]).all()
    assert (np.asarray(rows) == FRAMES).all()
    assert (np.stack(list(rows)) == FRAMES).all()


def test_taking_from_what_was_taken_is_taking_once(rows: FileRows) -> None:
    odd = rows.take(np.arange(1, 50, 2))
    some = odd.take(np.array([24, 0, 3]))
    assert (odd.shape, some.shape) == ((25, 4, 3), (3, 4, 3))
    assert (some[:] == FRAMES[[49, 1, 7]]).all()
    out = np.empty((2, 4, 3), np.uint8)
    some.read(np.array([2, 0]), out)
    assert (out == FRAMES[[7, 49]]).all()


def test_blocks_are_all_rows_in_order_and_no_larger_than_asked_for(rows: FileRows) -> None:
    blocks = list(rows.blocks(size=100))
    assert [len(block) for block in blocks] == [8] * 6 + [2]
    assert (np.concatenate(blocks) == FRAMES).all()


def test_what_was_read_does_not_change_the_file(rows: FileRows) -> None:
    rows[3][:] = 0
    assert (rows[3] == FRAMES[3]).all()


def test_a_file_that_is_cut_short_while_it_is_read_is_named(rows: FileRows, tmp_path: Path) -> None:
    (tmp_path / "rows").write_bytes(b"header")
    with pytest.raises(DataError, match="rows: was changed or cut short while it was read"):
        rows[3]


def test_a_dataset_on_disk_is_split_and_fingerprinted_as_the_same_one_in_memory(
    rows: FileRows, digits_of: Callable[..., np.ndarray]
) -> None:
    y = np.arange(50) % 5
    held = [
        Dataset("d", "image", "classification", {"train": Split(x, y)}, tuple("abcde")).hold_out(
            0.2, np.random.default_rng(1)
        )
        for x in (FRAMES, rows)
    ]
    assert held[0].fingerprint == held[1].fingerprint
    assert isinstance(held[1].train.x, FileRows)
    for split in ("train", "valid"):
        in_memory, on_disk = (data.splits[split] for data in held)
        assert (np.asarray(on_disk.x) == in_memory.x).all()
        assert (on_disk.y == in_memory.y).all()
    fold = next(iter(held[1].folds(4, np.random.default_rng(0))))
    assert isinstance(fold.splits["test"].x, FileRows)
