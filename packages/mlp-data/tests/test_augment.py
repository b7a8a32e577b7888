"""Distorting images: what moves where, what must not change, and what cannot be distorted."""

from __future__ import annotations

import subprocess
import sys
import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import mlp_data
from mlp_data.augment import PRESETS, Distortion, Drawn, warp
from mlp_data.errors import DataError

STRONG = Distortion.of("strong")
SHAPES = [
    (130, 28, 28),
    (70, 8, 8),
    (5, 64, 48, 3),
    (3, 150, 200),
    (2, 131, 130, 3),
    (4, 1, 1),
    (6, 1, 9),
    (6, 9, 1, 3),
]
ONE_THREAD_AND_A_FORK = """
import os
import numpy as np
from mlp_data.augment import Distortion
from mlp_data.decode import opencv

opencv()
threads = len(os.listdir("/proc/self/task"))
for shape in ((400, 28, 28), (3, 300, 400, 3)):
    frames = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    out, strong = np.empty_like(frames), Distortion.of("strong")
    drawn = strong.draw(np.random.default_rng(2), *shape[:3])
    strong.apply(frames, drawn, out)
    reading, writing = os.pipe()
    if not os.fork():
        again = np.empty_like(frames)
        strong.apply(frames, drawn, again)
        os.write(writing, b"y" if (again == out).all() else b"n")
        os._exit(0)
    print(os.read(reading, 1).decode(), len(os.listdir("/proc/self/task")) - threads)
    os.wait()
"""


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def distorted(frames: np.ndarray, drawn: Drawn) -> np.ndarray:
    out = np.full(frames.shape, 77, np.uint8)
    Distortion.apply(frames, drawn, out)
    return out


def drawn_for(frames: np.ndarray, distortion: Distortion = STRONG, seed: int = 1) -> Drawn:
    return distortion.draw(np.random.default_rng(seed), *frames.shape[:3])


def looked_up(distortion: Distortion, count: int, side: int) -> np.ndarray:
    """The column that each pixel looks at, read from a picture whose grey level is the column's number."""
    ramp = np.broadcast_to(np.arange(side, dtype=np.uint8) * (240 // side), (count, side, side))
    return distorted(ramp, drawn_for(ramp, distortion)) / (240 // side)


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    return np.asarray(mlp_data.load("digits").splits["train"].x[:500])


@pytest.mark.parametrize("shape", SHAPES)
def test_no_distortion_changes_nothing(shape: tuple[int, ...]) -> None:
    frames = noise(*shape)
    np.testing.assert_array_equal(distorted(frames, drawn_for(frames, Distortion.of("none"))), frames)


def test_a_shift_moves_by_that_many_pixels_and_brings_in_background() -> None:
    frames = noise(3, 12, 10)
    shifted = distorted(frames, warp(12, 10, shift=([2, 0, -3], [1, 0, 0])))
    np.testing.assert_array_equal(shifted[0], np.pad(frames[0], ((2, 0), (1, 0)))[:12, :10])
    np.testing.assert_array_equal(shifted[1], frames[1])
    np.testing.assert_array_equal(shifted[2], np.pad(frames[2], ((0, 3), (0, 0)))[3:])


def test_a_shift_out_of_the_frame_leaves_background() -> None:
    frames = noise(2, 12, 10)
    assert not distorted(frames, warp(12, 10, shift=([0, 1e4], [-1e4, 1e4]))).any()


@pytest.mark.parametrize("shape", [(9, 9), (10, 10), (9, 9, 3)])
def test_a_quarter_turn_is_counter_clockwise(shape: tuple[int, ...]) -> None:
    frames = noise(1, *shape)
    turned = distorted(frames, warp(*shape[:2], rotation=[90.0]))
    np.testing.assert_allclose(turned[0].astype(int), np.rot90(frames[0]), atol=1)


def test_scale_and_shear_do_what_they_say() -> None:
    frame = np.zeros((1, 21, 21), np.uint8)
    frame[:, 5:16, 10] = 255  # an upright line, 11 pixels long, through the middle
    taller = distorted(frame, warp(21, 21, scale=([1.5], [1.0])))
    assert (taller[0] > 127).sum() in (15, 16, 17)
    leaning = distorted(frame, warp(21, 21, shear=[0.4]))[0]
    assert leaning[6].argmax() == 12  # up is to the right
    assert leaning[14].argmax() == 8


def test_height_and_width_are_scaled_apart_up_to_the_limit() -> None:
    square = np.zeros((300, 40, 40), np.uint8)
    square[:, 10:30, 10:30] = 255
    scaled = distorted(square, drawn_for(square, Distortion(scale=0.4)))
    tall, wide = scaled[:, :, 20].sum(1) / 255 / 20, scaled[:, 20].sum(1) / 255 / 20
    for share in (tall, wide):
        assert 0.58 < share.min() < 0.65
        assert 1.35 < share.max() < 1.42
    assert abs(np.corrcoef(tall, wide)[0, 1]) < 0.2


@pytest.mark.parametrize("name", ["light", "strong"])
def test_the_mass_of_ink_stays_about_the_same(digits: np.ndarray, name: str) -> None:
    share = distorted(digits, drawn_for(digits, Distortion.of(name))).sum((1, 2)) / digits.sum((1, 2))
    assert 0.96 < share.mean() < 1.04
    assert share.min() > 0.5
    assert share.max() < 1.9


def test_turning_and_shifting_keep_the_ink_of_each_image(digits: np.ndarray) -> None:
    drawn = drawn_for(digits, Distortion(rotation=15, shift=2))
    share = distorted(digits, drawn).sum((1, 2)) / digits.sum((1, 2))
    assert abs(share - 1).max() < 0.06


def test_every_part_of_strong_changes_images(digits: np.ndarray) -> None:
    for part in ("rotation", "scale", "shear", "shift", "elastic"):
        alone = Distortion(**{part: getattr(STRONG, part)})
        changed = (distorted(digits, drawn_for(digits, alone)) != digits).any((1, 2))
        assert changed.mean() > 0.98, part


def test_the_elastic_displacement_is_as_large_as_it_says() -> None:
    side, count = 40, 400
    moved = (looked_up(Distortion(elastic=1.5), count, side) - np.arange(side))[:, 8:-8, 8:-8]
    assert abs(np.sqrt((moved**2).mean()) - 1.5) < 0.06
    assert abs(moved).max() < 3.7 * 1.5
    assert abs(moved.mean()) < 0.1


def test_the_elastic_displacement_is_smooth_and_a_finer_grid_bends_more_sharply() -> None:
    def differences(grid: int, apart: int) -> np.ndarray:
        moved = (looked_up(Distortion(elastic=1.5, grid=grid), 200, 40) - np.arange(40))[:, 8:-8, 8:-8]
        return moved[:, apart:] - moved[:, :-apart]

    assert abs(differences(6, 1)).max() < 1
    assert differences(6, 20).std() > 5 * differences(6, 1).std()
    assert differences(12, 1).std() > 2 * differences(6, 1).std()


@pytest.mark.parametrize("shape", [(50, 28, 28), (5, 64, 48, 3), (4, 1, 1), (3, 150, 200)])
def test_a_white_image_does_not_bleed_into_its_black_neighbours(shape: tuple[int, ...]) -> None:
    far = Distortion(rotation=90, scale=0.5, shear=0.5, shift=max(shape[1:3]), elastic=4)
    for white in (0, len(shape) // 2, shape[0] - 1):
        frames = np.zeros(shape, np.uint8)
        frames[white] = 255
        for drawn in (drawn_for(frames, far), drawn_for(frames)):
            assert not np.delete(distorted(frames, drawn), white, axis=0).any()


@pytest.mark.parametrize("shape", SHAPES)
def test_any_split_of_the_rows_gives_the_same_bytes_as_all_at_once(shape: tuple[int, ...]) -> None:
    frames = noise(*shape)
    drawn = drawn_for(frames)
    whole, count = distorted(frames, drawn), shape[0]
    for cut in {0, 1, count // 3, count // 2, count - 1, count}:
        parts = np.zeros_like(frames)
        Distortion.apply(frames, drawn, parts, slice(cut))
        assert not parts[cut:].any()
        Distortion.apply(frames, drawn, parts, slice(cut, None))
        np.testing.assert_array_equal(parts, whole)
    alone = np.zeros_like(frames)
    for row in range(count):
        Distortion.apply(frames, drawn, alone, slice(row, row + 1))
    np.testing.assert_array_equal(alone, whole)


@pytest.mark.parametrize("shape", [(130, 28, 28), (5, 64, 48, 3)])
def test_rows_that_were_not_asked_for_stay_as_they_are(shape: tuple[int, ...]) -> None:
    frames = noise(*shape)
    out = np.full_like(frames, 77)
    Distortion.apply(frames, drawn_for(frames), out, slice(2, 4))
    assert (np.delete(out, slice(2, 4), axis=0) == 77).all()
    assert (out[2:4] != 77).any()


def test_equal_generators_give_equal_bytes_and_others_do_not(digits: np.ndarray) -> None:
    np.random.seed(5)
    before = np.random.get_state()[1].copy()
    first, again, other = (distorted(digits, drawn_for(digits, seed=seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any((1, 2)).all()
    np.testing.assert_array_equal(np.random.get_state()[1], before)


def test_no_two_images_of_a_batch_are_distorted_alike(digits: np.ndarray) -> None:
    same = distorted(np.repeat(digits[:1], 64, axis=0), drawn_for(digits[:64]))
    assert len(np.unique(same.reshape(64, -1), axis=0)) == 64


def test_frames_may_be_any_view_and_may_be_the_output(digits: np.ndarray) -> None:
    wanted = distorted(digits[::3], drawn_for(digits[::3]))
    in_place = digits[::3].copy()
    Distortion.apply(in_place, drawn_for(in_place), in_place)
    np.testing.assert_array_equal(in_place, wanted)
    reading = digits[::3].copy()
    reading.setflags(write=False)
    np.testing.assert_array_equal(distorted(np.asfortranarray(reading), drawn_for(reading)), wanted)


def test_each_channel_is_distorted_as_a_grey_image_is() -> None:
    frames = noise(4, 20, 30, 3)
    drawn = drawn_for(frames)
    colour = distorted(frames, drawn)
    for channel in range(3):
        np.testing.assert_allclose(distorted(frames[..., channel], drawn).astype(int), colour[..., channel], atol=1)


def test_no_frames_give_no_frames() -> None:
    none = np.empty((0, 28, 28), np.uint8)
    assert distorted(none, drawn_for(none)).shape == (0, 28, 28)


def test_buffers_are_kept_from_call_to_call(digits: np.ndarray) -> None:
    drawn = drawn_for(digits)
    out = distorted(digits, drawn)
    tracemalloc.start()
    try:
        Distortion.apply(digits, drawn, out)
        assert tracemalloc.get_traced_memory()[1] < 60_000  # NumPy's own for a sum, not the 250,000 of the maps
    finally:
        tracemalloc.stop()


def test_threads_do_not_share_buffers() -> None:
    batches = [noise(40, 28, 28), noise(60, 28, 28), noise(9, 50, 40)]
    wanted = [distorted(frames, drawn_for(frames)) for frames in batches]
    wrong = set()

    def work(which: int) -> None:
        for _ in range(60):
            if (distorted(batches[which], drawn_for(batches[which])) != wanted[which]).any():
                wrong.add(which)

    threads = [threading.Thread(target=work, args=(which,)) for which in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are counted in Linux's /proc")
def test_no_thread_is_started_and_a_forked_process_goes_on() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ONE_THREAD_AND_A_FORK], check=True, capture_output=True, text=True, timeout=60
    )
    same, more, same_again, more_again = done.stdout.split()
    assert (same, same_again) == ("y", "y")
    assert int(more) <= 0  # of those that NumPy had when it came, some may have ended
    assert int(more_again) <= 0


def test_presets_grow_in_strength_and_with_the_size_of_the_image() -> None:
    none, light, strong = (Distortion.of(name) for name in PRESETS)
    assert none == Distortion()
    for part in ("rotation", "scale", "shear", "shift", "elastic"):
        assert 0 < getattr(light, part) < getattr(strong, part)
    assert Distortion.of("strong", side=56).elastic == 2 * strong.elastic
    assert Distortion.of("strong", side=56).rotation == strong.rotation


def test_an_unknown_preset_suggests_the_nearest() -> None:
    with pytest.raises(DataError, match=r"no preset 'stron', did you mean 'strong'\?: choose none, light, strong"):
        Distortion.of("stron")


@pytest.mark.parametrize(
    "bad",
    [{"rotation": 181}, {"scale": 1.0}, {"elastic": float("nan")}, {"shift": -1}, {"grid": 3}, {"grid": 5.5}],
)
def test_a_limit_that_makes_no_sense_is_refused_by_name(bad: dict[str, float]) -> None:
    with pytest.raises(DataError, match=f"distortion: {next(iter(bad))} is .*: give a"):
        Distortion(**bad)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("frames", "found"),
    [
        (np.zeros((4, 28, 28), np.float32), "frames is float32: give a NumPy array of uint8"),
        ([[[0]]], "frames is list: give a NumPy array of uint8"),
        (np.zeros((4, 28, 27), np.uint8), r"shape \(4, 28, 27\), but numbers were drawn for \(4, 28, 28\)"),
        (np.zeros((3, 28, 28), np.uint8), r"shape \(3, 28, 28\), but"),
        (np.zeros((28, 28), np.uint8), r"shape \(28, 28\), but"),
        (np.zeros((4, 28, 28, 4), np.uint8), r"shape \(4, 28, 28, 4\), but"),
    ],
)
def test_frames_that_do_not_fit_are_refused(frames: np.ndarray, found: str) -> None:
    drawn = STRONG.draw(np.random.default_rng(1), 4, 28, 28)
    with pytest.raises(DataError, match=found):
        Distortion.apply(frames, drawn, np.zeros((4, 28, 28), np.uint8))


def test_outputs_that_cannot_be_written_are_refused() -> None:
    frames = noise(4, 28, 28)
    read_only = frames.copy()
    read_only.setflags(write=False)
    for out, found in (
        (np.zeros((4, 28, 28)), "out is float64"),
        (np.zeros((4, 784), np.uint8), r"shape \(4, 784\): give .* of \(4, 28, 28\)"),
        (np.zeros((8, 28, 28), np.uint8)[::2], "not contiguous"),
        (read_only, "read-only"),
    ):
        with pytest.raises(DataError, match=found):
            Distortion.apply(frames, drawn_for(frames), out)


def test_frames_too_long_for_opencv_and_empty_ones_are_refused() -> None:
    for shape in ((1, 1, 32_001), (1, 0, 5)):
        frames = np.zeros(shape, np.uint8)
        with pytest.raises(DataError, match=rf"frames of {shape[1]} x {shape[2]} pixels: give sides of 1 to 32,000"):
            Distortion.apply(frames, drawn_for(frames), frames.copy())
    longest = noise(1, 2, 32_000)
    np.testing.assert_array_equal(distorted(longest, drawn_for(longest, Distortion())), longest)


def test_rows_with_gaps_are_refused() -> None:
    frames = noise(4, 28, 28)
    with pytest.raises(DataError, match="a slice whose step is 1"):
        Distortion.apply(frames, drawn_for(frames), frames.copy(), slice(0, 4, 2))
