"""Every character on a page is found, in reading order, and nothing else is."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import mlp_data
from mlp_data.errors import DataError
from mlp_data.photo import page_stages, segment
from mlp_runtime.inputs import ImageInput

cv2 = pytest.importorskip("cv2")

Box = tuple[int, int, int, int]


@pytest.fixture(scope="module")
def make_photos() -> ModuleType:
    """The script that makes photographs, whose pages are known."""
    path = Path(__file__).parents[1] / "tools" / "make_photos.py"
    spec = importlib.util.spec_from_file_location("make_photos", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_photos"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    x = mlp_data.load("digits").splits["test"].x
    assert isinstance(x, np.ndarray)
    return x


def paper(height: int = 600, width: int = 800, level: float = 210) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, 2, (height, width))
    return level + np.linspace(-20, 20, width) + noise


def write(page: np.ndarray, digit: np.ndarray, x: int, y: int, size: int = 90, cover: float = 0.7) -> Box:
    """Write a digit in dark ink with its upper left corner at x, y, and return its box."""
    rows, columns = np.flatnonzero(digit.max(axis=1) > 60), np.flatnonzero(digit.max(axis=0) > 60)
    cut = digit[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    wide = max(8, size * len(columns) // len(rows))
    ink = cv2.resize(cut, (wide, size), interpolation=cv2.INTER_CUBIC).astype(float) / 255
    page[y : y + size, x : x + wide] *= 1 - cover * (ink > 0.4)
    return x, y, wide, size


def photographed(page: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(cv2.GaussianBlur(page, (0, 0), 1)), 0, 255).astype(np.uint8)


def overlap(one: Box, other: Box) -> float:
    (x0, y0, w0, h0), (x1, y1, w1, h1) = one, other
    wide, tall = min(x0 + w0, x1 + w1) - max(x0, x1), min(y0 + h0, y1 + h1) - max(y0, y1)
    shared = max(wide, 0) * max(tall, 0)
    return shared / (w0 * h0 + w1 * h1 - shared)


def assert_found(frame: np.ndarray, boxes: list[Box], least: float = 0.75) -> None:
    found = [item.box for item in segment(frame)]
    assert len(found) == len(boxes), found
    for one, other in zip(found, boxes, strict=True):
        assert overlap(one, other) > least, (one, other)


def row_of(page: np.ndarray, digits: np.ndarray, y: int = 200, slope: float = 0.0) -> list[Box]:
    return [write(page, digit, 90 + 130 * n, int(y + slope * 130 * n)) for n, digit in enumerate(digits[:5])]


def test_rows_are_read_from_the_top_and_each_from_left_to_right_even_if_they_slope(digits: np.ndarray) -> None:
    page = paper()
    boxes = row_of(page, digits, 80, slope=0.12) + row_of(page, digits[5:], 260, slope=0.12)
    assert_found(photographed(page), boxes)


def test_light_writing_on_a_dark_board_is_found_like_dark_writing_on_paper(digits: np.ndarray) -> None:
    page = paper()
    boxes = row_of(page, digits)
    assert_found(255 - photographed(page), boxes)


@pytest.mark.parametrize("squared", [False, True], ids=["ruled", "squared"])
@pytest.mark.parametrize("slope", [-0.05, 0.0, 0.1])
def test_lines_of_the_paper_go_and_digits_that_they_cross_survive(
    digits: np.ndarray, squared: bool, slope: float
) -> None:
    page = paper()
    for y in range(-60, 700, 45):
        cv2.line(page, (0, y), (799, int(y + 799 * slope)), 150.0, 2)
    if squared:
        for x in range(-60, 900, 45):
            cv2.line(page, (x, 0), (int(x - 599 * slope), 599), 150.0, 2)
    boxes = row_of(page, digits)
    assert_found(photographed(page), boxes)
    assert page_stages(photographed(page))["lines"].any()


def test_a_line_as_dark_as_the_ink_goes_too(digits: np.ndarray) -> None:
    page = paper()
    boxes = row_of(page, digits)
    cv2.line(page, (0, 235), (799, 235), 65.0, 2)
    assert_found(photographed(page), boxes, least=0.6)


def test_a_tall_stroke_is_a_one_and_not_a_line_of_the_paper() -> None:
    page = paper()
    page[120:480, 300:312] = 60
    page[120:480, 500:512] = 60
    assert_found(photographed(page), [(300, 120, 12, 360), (500, 120, 12, 360)])


def test_a_line_that_punched_holes_interrupt_is_still_one_line() -> None:
    page = paper(480, 700, 75)
    page[:, 14:17] += 25
    for y in (120, 240, 360):
        cv2.circle(page, (15, y), 8, 30.0, -1)
    assert segment(photographed(page)) == []


def test_weak_pencil_that_breaks_into_pieces_is_one_digit() -> None:
    page = paper()
    page[200:334, 200:212] -= 30  # whole, beside the broken one
    for top in (200, 246, 292):
        page[top : top + 42, 300:312] -= 30
    assert [item.box for item in segment(photographed(page))] == [(200, 200, 12, 134), (300, 200, 12, 134)]


def test_the_edge_of_a_shadow_is_no_ink_and_writing_across_it_is(digits: np.ndarray) -> None:
    page = paper()
    boxes = row_of(page, digits)
    shade = np.zeros_like(page)
    cv2.fillConvexPoly(shade, np.array([[330, 0], [799, 0], [799, 599], [480, 599]]), 0.4)
    assert_found(photographed(page * (1 - cv2.GaussianBlur(shade, (0, 0), 3))), boxes)


def test_the_edges_of_a_page_on_a_table_are_no_ink(digits: np.ndarray) -> None:
    page = paper()
    boxes = row_of(page, digits)
    table = np.full((600, 800), 70.0)
    cv2.fillConvexPoly(inside := np.zeros((600, 800)), np.array([[60, 50], [770, 40], [780, 570], [40, 560]]), 1.0)
    assert_found(photographed(np.where(inside > 0, page, table)), boxes)


def test_specks_and_what_reaches_beyond_the_border_are_no_items(digits: np.ndarray) -> None:
    page = paper()
    boxes = row_of(page, digits)
    for x, y in [(40, 40), (500, 90), (700, 520), (120, 450)]:
        cv2.circle(page, (x, y), 2, 60.0, -1)
    page[:40, 300:330] = 60
    page[500:, 780:] = 60
    assert_found(photographed(page), boxes)


def test_the_dot_of_an_i_stays_with_it_and_a_full_stop_does_not_widen_a_digit(digits: np.ndarray) -> None:
    page = paper()
    boxes = row_of(page, digits[:3])
    page[230:290, 560:572] = 60
    cv2.circle(page, (566, 206), 8, 60.0, -1)
    cv2.circle(page, (boxes[2][0] + boxes[2][2] + 25, 285), 5, 60.0, -1)
    assert_found(photographed(page), [*boxes, (558, 198, 16, 92)])


def test_the_flag_of_a_five_that_was_set_apart_stays_with_it() -> None:
    page = paper()
    cv2.ellipse(page, (300, 330), (34, 34), 0, -150, 130, 60.0, 9)
    page[250:306, 268:277] = 60
    page[247:256, 288:345] = 60
    page[250:360, 500:510] = 60
    boxes = [item.box for item in segment(photographed(page))]
    assert len(boxes) == 2
    assert overlap(boxes[0], (266, 247, 79, 120)) > 0.8


def test_boxes_are_in_the_pixels_of_the_photograph_however_large_it_is(digits: np.ndarray) -> None:
    page = paper()
    boxes = row_of(page, digits)
    large = cv2.resize(photographed(page), None, fx=5, fy=5, interpolation=cv2.INTER_LINEAR)
    assert_found(large, [(5 * x, 5 * y, 5 * w, 5 * h) for x, y, w, h in boxes])


def test_an_item_is_a_frame_that_image_input_takes_as_it_is(digits: np.ndarray) -> None:
    page = paper()
    row_of(page, digits)
    for item, digit in zip(segment(photographed(page)), digits, strict=False):
        assert item.frame.dtype == np.uint8
        there, here = (ImageInput(fit="ink").prepare(frame)[0].astype(float) for frame in (item.frame, digit))
        likeness = (
            max(
                float(np.roll(there.reshape(28, 28), shift, (0, 1)).ravel() @ here)
                for shift in [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1)]
            )
            / np.linalg.norm(there)
            / np.linalg.norm(here)
        )
        assert likeness > 0.85


def test_the_digits_of_a_real_photograph_are_found_in_their_order(shared_data: Path) -> None:
    frame = cv2.imread(str(shared_data / "photos" / "05221859.jpg"))[..., ::-1]
    boxes = [item.box for item in segment(frame)]
    assert len(boxes) == 8
    assert boxes == sorted(boxes)
    assert all(y > 240 and y + h < 340 and 45 < h < 80 for _, y, _, h in boxes)


def test_pages_of_every_kind_give_their_digits(make_photos: ModuleType, digits: np.ndarray) -> None:
    drawn = found = false = 0
    for seed in range(10):
        photo = make_photos.make_photo(np.random.default_rng(seed), digits, np.zeros(len(digits), int))
        boxes = [item.box for item in segment(photo.frame)]
        hits = sum(any(overlap(box, other) >= 0.5 for other in boxes) for box in photo.boxes)
        drawn, found, false = drawn + len(photo.boxes), found + hits, false + len(boxes) - hits
    assert drawn > 50
    assert found >= 0.95 * drawn
    assert false <= 0.05 * drawn


def test_blank_pages_of_every_kind_give_nothing(make_photos: ModuleType, digits: np.ndarray) -> None:
    kinds = set()
    for seed in range(12):
        photo = make_photos.make_photo(np.random.default_rng(seed), digits, np.zeros(len(digits), int), blank=True)
        kinds |= {photo.tool, photo.paper}
        assert segment(photo.frame) == [], seed
    assert len(kinds) > 5


def test_a_lamp_that_mirrors_in_a_squared_board_hides_no_lines_and_is_no_ink(digits: np.ndarray) -> None:
    y, x = np.mgrid[:600, :800]
    page = 40 + np.random.default_rng(0).normal(0, 2, (600, 800))
    page[30::60] += 25
    page[:, 30::60] += 25
    page += 60 * np.exp(-(((x - 300) / 90.0) ** 2) - ((y - 200) / 70.0) ** 2)
    assert segment(photographed(page)) == []
    ink = np.full((600, 800), 255.0)
    boxes = row_of(ink, digits, y=400)
    page += (255 - ink) * 0.8
    assert_found(photographed(page), boxes)


def test_a_one_above_a_one_is_no_line_that_goes_on() -> None:
    page = paper()
    for y in (120, 250, 380):
        page[y : y + 80, 400:408] *= 0.4
    assert_found(photographed(page), [(400, y, 8, 80) for y in (120, 250, 380)])


@pytest.mark.parametrize(
    "seed",
    [
        pytest.param(3200, id="a lamp mirrors in squared paper"),
        pytest.param(3449, id="a lamp mirrors in squared paper on a table"),
        pytest.param(3232, id="the edge of the page cuts a shadow's tip off"),
        pytest.param(3488, id="the margin's line ends at the table"),
        pytest.param(3837, id="a line runs into a shadow"),
        pytest.param(3963, id="a line runs across a crease"),
        pytest.param(3797, id="a finger reaches over the table to the page"),
    ],
)
def test_what_once_was_taken_for_ink_on_a_blank_page_is_none(
    make_photos: ModuleType, digits: np.ndarray, seed: int
) -> None:
    photo = make_photos.make_photo(np.random.default_rng(seed), digits, digits, blank=True)
    assert segment(photo.frame) == []


@pytest.mark.parametrize("shape", [(1, 1), (1, 400), (400, 1), (2, 2), (28, 28), (121, 121), (300, 400)])
@pytest.mark.parametrize("level", [0, 127, 255])
def test_a_frame_of_one_colour_has_no_items(shape: tuple[int, int], level: int) -> None:
    assert segment(np.full(shape, level, np.uint8)) == []


def test_a_huge_frame_is_taken(digits: np.ndarray) -> None:
    page = np.full((6000, 8000), 200, np.uint8)
    page[2000:3000, 3000:3120] = 50
    assert [item.box[3] for item in segment(page)] == [1000]


def test_noise_alone_has_few_items_and_never_fails() -> None:
    rng = np.random.default_rng(0)
    for shape in [(3, 5), (40, 40), (119, 121), (200, 300)]:
        for item in segment(rng.integers(0, 256, shape, dtype=np.uint8)):
            assert item.frame.size


@pytest.mark.parametrize("frame", [np.zeros((5, 5)), np.zeros(5, np.uint8), np.zeros((0, 5), np.uint8)])
def test_what_is_no_photograph_is_refused_in_one_sentence(frame: np.ndarray) -> None:
    with pytest.raises(DataError, match="photograph"):
        segment(frame)


def test_every_stage_of_a_page_is_an_image_and_the_frame_stays_as_it_was(digits: np.ndarray) -> None:
    page = paper()
    row_of(page, digits)
    frame = photographed(page)
    before = frame.copy()
    found = page_stages(frame)
    assert list(found) == ["grey", "background", "flattened", "polarity", "lines", "threshold", "items"]
    assert all(image.dtype == np.uint8 and image.shape == frame.shape for image in found.values())
    assert np.array_equal(frame, before)
    assert len(np.unique(found["items"])) == 5  # four levels in turn, and the page
