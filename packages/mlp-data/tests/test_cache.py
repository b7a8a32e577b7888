"""A cache gives back what was put in, or makes it again; it never gives back anything else."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlp_data import cache as module
from mlp_data.cache import Writer, cached
from mlp_data.errors import DataError

ROWS = np.arange(600, dtype=np.uint8).reshape(100, 6)
Made = list[int]


@pytest.fixture
def made() -> Made:
    """Counts how often the entry was made."""
    return []


@pytest.fixture
def entry(tmp_path: Path, made: Made) -> Callable[..., Any]:
    def build(writer: Writer) -> None:
        made.append(1)
        for start in range(0, 100, 30):
            writer.add("rows", ROWS[start : start + 30])
        writer.facts["classes"] = ["a", "b"]

    return lambda state="one", source="s": cached(tmp_path / "cache", source, {"state": state}, build)


def file(tmp_path: Path, name: str) -> Path:
    (found,) = (tmp_path / "cache").glob(f"*/{name}")
    return found


def test_what_was_put_in_comes_out_without_being_made_again(entry: Callable[..., Any], made: Made) -> None:
    for _ in range(2):
        found = entry()
        assert (found.rows("rows")[:] == ROWS).all()
        assert found.facts == {"classes": ["a", "b"]}
    assert len(made) == 1


def test_a_source_that_changed_is_read_again_and_takes_the_place_of_the_old(
    entry: Callable[..., Any], made: Made, tmp_path: Path
) -> None:
    entry("one")
    entry("two")
    assert len(made) == 2
    assert len(list((tmp_path / "cache").iterdir())) == 1


@pytest.mark.parametrize("name", ["rows", "entry.json"])
@pytest.mark.parametrize("damage", ["flip", "cut", "remove", "empty"])
def test_a_damaged_entry_is_made_again(
    entry: Callable[..., Any], made: Made, tmp_path: Path, name: str, damage: str
) -> None:
    entry()
    path = file(tmp_path, name)
    content = bytearray(path.read_bytes())
    if damage == "remove":
        path.unlink()
    else:
        content[len(content) // 2] ^= 1
        path.write_bytes({"flip": bytes(content), "cut": bytes(content[:-1]), "empty": b""}[damage])
    assert (entry().rows("rows")[:] == ROWS).all()
    assert len(made) == 2


def test_a_full_disk_is_one_sentence_and_leaves_nothing(
    entry: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Writer, name: str, rows: Any) -> None:
        (self.folder / name).write_bytes(b"half of it")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(module.Writer, "add", full)
    with pytest.raises(DataError, match=r"cache: the cache cannot be written \(No space left on device\): free some"):
        entry()
    assert list((tmp_path / "cache").iterdir()) == []


def test_what_will_not_fit_on_the_disk_is_refused_before_it_is_made(tmp_path: Path, made: Made) -> None:
    with pytest.raises(
        DataError,
        match=r"cannot be written \(it needs 1,125,899,906,842,624 bytes, training as many, and [\d,]+ are free\)",
    ):
        cached(tmp_path, "s", {}, lambda writer: made.append(1), size=1 << 50)
    assert not made
    assert list(tmp_path.iterdir()) == []


def test_a_cache_where_a_file_is_in_the_way_is_one_sentence(entry: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(DataError, match="the cache cannot be written"):
        entry()


def test_an_interrupted_build_leaves_nothing(tmp_path: Path) -> None:
    def build(writer: Writer) -> None:
        writer.add("rows", ROWS)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cached(tmp_path, "s", {}, build)
    assert list(tmp_path.iterdir()) == []


def test_entries_that_nobody_asked_for_in_a_month_go_when_another_is_made(
    entry: Callable[..., Any], tmp_path: Path
) -> None:
    entry(source="old")
    old = file(tmp_path, "entry.json")
    abandoned = tmp_path / "cache" / ".0123.tmp"
    abandoned.mkdir()
    long_ago = time.time() - 31 * 86_400
    for path in (old, abandoned):
        os.utime(path, (long_ago, long_ago))
    entry(source="new")
    assert not old.exists()
    assert not abandoned.exists()
    assert len(list((tmp_path / "cache").iterdir())) == 1
