"""The search for cycles is paused while archives and folders load, and goes on afterwards, whatever happened."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from mlp_data import DataError, load
from mlp_data.pause import no_search

Zip = Callable[..., Path]
PICTURE = cv2.imencode(".png", np.eye(8, dtype=np.uint8))[1].tobytes()


@pytest.fixture
def searching() -> Iterator[None]:
    yield
    gc.enable()


def test_the_search_goes_on_after_loading_and_after_an_error(make_zip: Zip, searching: None) -> None:
    assert gc.isenabled()
    load(make_zip({"0/a.png": PICTURE, "1/a.png": PICTURE}))
    assert gc.isenabled()
    with pytest.raises(DataError):
        load(make_zip({"0/a.png": b"no image"}))
    assert gc.isenabled()


def test_a_search_that_was_turned_off_stays_off(searching: None) -> None:
    gc.disable()
    with no_search():
        assert not gc.isenabled()
    assert not gc.isenabled()


def test_images_that_cannot_be_read_leave_no_cycle_behind(make_zip: Zip, searching: None) -> None:
    members = {f"{i % 2}/{i}.png": PICTURE[: 40 if i > 1 else None] for i in range(300)}
    archive = make_zip(members)
    gc.collect()
    gc.disable()
    before = errors()  # of other tests, if anything holds them still
    data = load(archive)
    assert "298 of 300 images cannot be read" in data.problems[0]
    assert [one for one in errors() if not any(one is other for other in before)] == []


def errors() -> list[DataError]:
    return [one for one in gc.get_objects() if isinstance(one, DataError)]
