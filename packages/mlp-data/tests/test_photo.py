"""A digit on a photographed page is found, whatever the light, and becomes the digit that was drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import mlp_data
from mlp_data.errors import DataError
from mlp_data.photo import LONGEST, clean, stages
from mlp_runtime.inputs import ImageInput

cv2 = pytest.importorskip("cv2")

INK = ImageInput(fit="ink")
STAGES = ["grey", "background", "flattened", "polarity", "lines", "threshold", "components", "roi"]


@pytest.fixture(scope="module")
def digits(shared_data: Path) -> np.ndarray:
    x = mlp_data.load(shared_data / "mnist.zip").splits["test"].x
    assert isinstance(x, np.ndarray)
    return x[:60]


def page(
    digit: np.ndarray, rng: np.random.Generator, dark: bool, specks: int = 0, noise: float | None = None
) -> np.ndarray:
    """Draw a digit on paper or on a board that is lit unevenly, seen by a noisy and slightly blurred camera."""
    height, width = rng.integers(150, 600, 2)
    side = int(rng.uniform(0.25, 0.75) * min(height, width))
    top, left = rng.integers(0, height - side + 1), rng.integers(0, width - side + 1)
    ink = np.zeros((height, width))
    drawn = cv2.resize(digit, (side, side), interpolation=cv2.INTER_CUBIC).astype(float) / 255
    ink[top : top + side, left : left + side] = np.clip(drawn, 0, 1)
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    a = rng.uniform(-0.2, 0.2, 4)
    light = 1 + a[0] * x + a[1] * y + a[2] * x * y / 2 + a[3] * x * x / 2
    contrast = rng.uniform(0.35, 0.9)
    paper = light * (rng.uniform(140, 225) if dark else rng.uniform(15, 60))
    image = paper * (1 - contrast * ink) if dark else paper + (220 - paper) * contrast * ink
    image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 1.5))
    image += rng.normal(0, rng.uniform(0, 6) if noise is None else noise, image.shape)
    for _ in range(specks):
        place = int(rng.integers(0, width)), int(rng.integers(0, height))
        cv2.circle(image, place, int(rng.integers(0, max(2, side // 60))), 60.0 if dark else 190.0, -1)
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def vector(frame: np.ndarray) -> np.ndarray:
    return INK.prepare(frame).reshape(28, 28).astype(float)


def likeness(a: np.ndarray, b: np.ndarray) -> float:
    """Return the cosine of two images, at the best of nine shifts: the centre of mass may be rounded the other way."""
    shifts = [np.roll(a, (dy, dx), (0, 1)) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    return max(float((s * b).sum() / (np.linalg.norm(s) * np.linalg.norm(b) + 1e-9)) for s in shifts)


@pytest.mark.parametrize("dark", [True, False], ids=["dark-on-light", "light-on-dark"])
def test_a_digit_on_uneven_paper_becomes_the_digit_that_was_drawn(digits: np.ndarray, dark: bool) -> None:
    rng = np.random.default_rng(1)
    found = [likeness(vector(clean(page(digit, rng, dark, specks=6))), vector(digit)) for digit in digits]
    assert np.mean(found) > 0.93
    assert np.mean(np.array(found) > 0.85) >= 0.95


def drawn_on(level: int, digit: np.ndarray, place: int = 100) -> np.ndarray:
    frame = np.full((300, 300), level, np.uint8)
    frame[place : place + 100, place : place + 100] -= (cv2.resize(digit, (100, 100)) * 0.7).astype(np.uint8)
    return frame


def test_the_same_page_with_light_and_dark_swapped_gives_the_same_vector(digits: np.ndarray) -> None:
    for digit in digits[:20]:
        frame = drawn_on(210, digit)
        assert np.abs(vector(clean(frame)) - vector(clean(255 - frame))).max() <= 2


def test_a_frame_that_is_clean_already_stays_as_it_is(digits: np.ndarray) -> None:
    for digit in digits:
        assert likeness(vector(clean(digit)), vector(digit)) > 0.99


def test_specks_outside_the_item_are_dropped(digits: np.ndarray) -> None:
    frame = drawn_on(210, digits[0])
    without = clean(frame)
    for y, x in [(10, 10), (20, 280), (280, 20), (250, 250), (60, 150)]:
        frame[y : y + 3, x : x + 3] = 40
    assert clean(frame).shape == without.shape
    assert np.abs(clean(frame).astype(int) - without).mean() < 1


def test_what_reaches_in_from_the_border_is_dropped(digits: np.ndarray) -> None:
    frame = drawn_on(210, digits[0])
    without = vector(clean(frame))
    frame[:, :6] = 20  # the edge of the table
    frame[140:160, 280:] = 60  # a part of the next item
    assert likeness(vector(clean(frame)), without) > 0.95


def test_the_next_item_is_no_part_of_this_one(digits: np.ndarray) -> None:
    alone = drawn_on(210, digits[0])
    without = clean(alone)
    alone[100:160, 280:290] = 60  # whole, but far away
    assert clean(alone).shape == without.shape
    near = drawn_on(210, digits[0], place=180)
    without = clean(near)
    near[200:260, 275:] = 60  # close, but cut off by the edge of the photograph
    assert clean(near).shape == without.shape


def test_strokes_of_one_item_that_are_apart_stay_together() -> None:
    frame = np.full((200, 200), 220, np.uint8)
    frame[60:150, 60:70] = 50
    frame[50:58, 75:120] = 50  # like the bar of a 5 that was set down again
    kept = stages(frame)["components"]
    assert kept[100, 65]
    assert kept[54, 100]


@pytest.mark.parametrize("level", [0, 30, 128, 200, 255])
@pytest.mark.parametrize("noise", [0, 3, 10])
def test_blank_pages_give_nothing(level: int, noise: float) -> None:
    rng = np.random.default_rng(level)
    y = np.linspace(0.8, 1.2, 240)[:, np.newaxis]
    for _ in range(5):
        frame = level * y + rng.normal(0, noise, (240, 320))
        result = clean(np.clip(frame, 0, 255).astype(np.uint8))
        assert not result.any()
        assert result.shape == (240, 320)
    assert not vector(result).any()


def test_dirt_on_a_blank_page_is_no_item() -> None:
    rng = np.random.default_rng(0)
    for i in range(20):
        assert not clean(page(np.zeros((28, 28), np.uint8), rng, bool(i % 2), specks=8)).any()


def test_every_stage_is_an_image_and_they_come_in_order(digits: np.ndarray) -> None:
    frame = page(digits[0], np.random.default_rng(0), dark=True)
    before = frame.copy()
    found = stages(frame)
    assert list(found) == STAGES
    assert all(image.dtype == np.uint8 and image.ndim == 2 for image in found.values())
    assert all(found[name].shape == frame.shape for name in STAGES[:-1])
    assert np.array_equal(frame, before)
    assert np.array_equal(found["roi"], clean(frame))


def test_the_light_is_evened_out(digits: np.ndarray) -> None:
    y = np.linspace(0.6, 1.2, 300)[:, np.newaxis] * np.ones((300, 300))
    frame = (y * 180).astype(np.uint8)
    frame[120:180, 140:150] = 30
    found = stages(frame)
    assert np.ptp(found["grey"].mean(axis=1)) > 80
    assert np.abs(np.median(found["flattened"], axis=1) - np.median(found["flattened"])).max() <= 3


def test_a_stroke_from_light_into_shade_is_equally_strong_all_along() -> None:
    light = np.linspace(0.4, 1.2, 300)[:, np.newaxis] * np.ones((300, 300))
    light[50:250, 145:155] *= 0.5  # ink lets half of the light back, whatever the light is
    roi = clean((light * 200).astype(np.uint8)).astype(float)
    middle = roi[:, roi.sum(axis=0).argmax()][20:-20]
    assert middle.min() > 0.9 * middle.max()


def test_colour_and_transparency_are_understood(digits: np.ndarray) -> None:
    grey = page(digits[3], np.random.default_rng(2), dark=True)
    colour = np.repeat(grey[..., np.newaxis], 3, axis=2)
    assert np.array_equal(clean(colour), clean(grey))
    drawn = np.zeros((80, 80, 4), np.uint8)  # black strokes on nothing, as drawing programs save them
    drawn[20:60, 36:44, 3] = 255
    assert np.array_equal(vector(clean(drawn)) > 0, vector(clean(255 - drawn[..., 3])) > 0)


def test_a_large_photograph_is_looked_at_in_less_detail(digits: np.ndarray) -> None:
    large = cv2.resize(page(digits[4], np.random.default_rng(3), dark=True, noise=1), (4000, 3000))
    found = stages(large)
    assert max(found["grey"].shape) == LONGEST
    assert found["roi"].any()


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (2, 2), (3, 4), (5, 5), (28, 28), (119, 121)])
def test_frames_of_any_size_come_through(shape: tuple[int, int]) -> None:
    for frame in (np.zeros(shape, np.uint8), np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)):
        result = clean(frame)
        assert result.dtype == np.uint8
        assert result.size > 0


@pytest.mark.parametrize("frame", [np.zeros((5, 5)), np.zeros(5, np.uint8), np.zeros((5, 5, 2), np.uint8)])
def test_what_is_no_photograph_is_refused_by_its_shape(frame: np.ndarray) -> None:
    with pytest.raises(DataError, match=f"{frame.dtype}"):
        clean(frame)
    with pytest.raises(DataError, match="no pixels"):
        clean(np.zeros((0, 5), np.uint8))


# Where each digit of the photograph is, as shares of its width; its rows are shares of the height.
PLACES = [
    (0.06, 0.175),
    (0.175, 0.275),
    (0.30, 0.395),
    (0.40, 0.50),
    (0.51, 0.60),
    (0.595, 0.69),
    (0.71, 0.81),
    (0.82, 0.91),
]


def test_pencil_digits_of_a_real_photograph_are_cut_out_whole_and_centred(
    shared_data: Path, digits: np.ndarray
) -> None:
    photograph = cv2.imread(str(shared_data / "photos" / "05221859.jpg"), cv2.IMREAD_GRAYSCALE)
    height, width = photograph.shape
    for left, right in PLACES:
        crop = photograph[int(0.40 * height) : int(0.63 * height), int(left * width) : int(right * width)]
        found = stages(crop)
        x = vector(found["roi"])
        rows, columns = np.flatnonzero(x.max(axis=1) > 32), np.flatnonzero(x.max(axis=0) > 32)
        assert 18 <= len(rows) <= 21 or 18 <= len(columns) <= 21
        y_mass = (x.sum(axis=1) @ np.arange(28)) / x.sum()
        x_mass = (x.sum(axis=0) @ np.arange(28)) / x.sum()
        assert abs(y_mass - 13.8) < 1
        assert abs(x_mass - 13.8) < 1
        assert 0.03 < (x > 32).mean() < 0.35
        assert x.max() > 180
        count, _ = cv2.connectedComponents(found["components"])
        assert count == 2  # the background and one digit


def test_the_digits_of_the_photograph_resemble_their_own_kind_most(shared_data: Path) -> None:
    """Nearest neighbours in MNIST: no training, and a digit that was cut wrongly would be read wrongly."""
    train = mlp_data.load(shared_data / "mnist.zip").train
    assert isinstance(train.x, np.ndarray)
    assert train.y is not None
    known = train.x[:20_000].reshape(20_000, -1).astype(np.float32)
    known /= np.linalg.norm(known, axis=1, keepdims=True)
    photograph = cv2.imread(str(shared_data / "photos" / "05221859.jpg"), cv2.IMREAD_GRAYSCALE)
    height, width = photograph.shape
    read = []
    for left, right in PLACES:
        crop = photograph[int(0.40 * height) : int(0.63 * height), int(left * width) : int(right * width)]
        nearest = np.argsort(known @ vector(clean(crop)).ravel().astype(np.float32))[-7:]
        read.append(int(np.bincount(train.y[nearest]).argmax()))
    assert sum(a == b for a, b in zip(read, [0, 5, 2, 2, 1, 8, 5, 9], strict=True)) >= 7
