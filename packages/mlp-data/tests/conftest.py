"""Fixtures for this package's tests."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the checkout; tests that need it skip where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("the folder of real data, ../shared/data, is not beside this checkout")
    return SHARED


@pytest.fixture
def make_zip(tmp_path: Path) -> Callable[..., Path]:
    """Write a zip archive of the members given, name -> content, and return its path."""

    def make(members: Mapping[str, bytes], name: str = "data.zip", method: int = zipfile.ZIP_DEFLATED) -> Path:
        path = tmp_path / name
        with zipfile.ZipFile(path, "w", method) as archive:
            for member, content in members.items():
                archive.writestr(member, content)
        return path

    return make


@pytest.fixture(scope="session")
def idx() -> Callable[..., bytes]:
    """Write an array as an IDX file."""

    def write(values: Any, code: int = 0x08) -> bytes:
        array = np.asarray(values)
        lengths = b"".join(struct.pack(">I", length) for length in array.shape)
        kinds = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
        return bytes([0, 0, code, array.ndim]) + lengths + array.astype(kinds[code]).tobytes()

    return write


@pytest.fixture(scope="session")
def digits_of() -> Callable[..., np.ndarray]:
    """Draw frames with strokes on an even background: uint8 (count, 12, 12), no two alike."""

    def draw(count: int) -> np.ndarray:
        frames = np.zeros((count, 12, 12), np.uint8)
        for i in range(count):
            frames[i, 3:9, 5] = 200 + i % 50
            frames[i, 4 + i % 4, 4:8] = 255
        return frames

    return draw
