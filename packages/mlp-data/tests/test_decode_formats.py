"""Real files of each format give the pixels that were put in, in grey and colour, 8 and 16 bits, with alpha or not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

import mlp_data
from mlp_data.decode import decode
from mlp_data.errors import DecodeError

RGB = np.random.default_rng(0).integers(0, 256, (19, 23, 3), dtype=np.uint8)
GREY = RGB[..., 0]
LOSSLESS = {
    ".png": [],
    ".bmp": [],
    ".ppm": [],
    ".tiff": [],
    ".webp": [cv2.IMWRITE_WEBP_QUALITY, 101],
}
# TIFF 6.0 and its supplements: none, LZW, deflate by Adobe, PackBits
COMPRESSIONS = [1, 5, 8, 32773]


def encoded(pixels: np.ndarray, ending: str, parameters: list[int] | None = None) -> bytes:
    """Write RGB or grey pixels as OpenCV, whose order is blue, green, red, does."""
    given = pixels if pixels.ndim == 2 else pixels[..., [2, 1, 0, 3][: pixels.shape[2]]]
    return cv2.imencode(ending, given, parameters or [])[1].tobytes()


@pytest.mark.parametrize("ending", LOSSLESS)
def test_colour_comes_back_as_it_was(ending: str) -> None:
    content = encoded(RGB, ending, LOSSLESS[ending])
    assert np.array_equal(decode(content, colour=True), RGB)
    assert decode(content).shape == (19, 23)


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("pixels", [GREY, RGB], ids=["grey", "colour"])
def test_a_tiff_is_read_whatever_packs_it(compression: int, pixels: np.ndarray) -> None:
    content = encoded(pixels, ".tiff", [cv2.IMWRITE_TIFF_COMPRESSION, compression])
    assert np.array_equal(decode(content, colour=None), pixels)


@pytest.mark.parametrize("ending", [".png", ".tiff", ".ppm"])
def test_sixteen_bits_keep_their_upper_eight(ending: str) -> None:
    wide = RGB.astype(np.uint16) * 256 + 77
    assert np.array_equal(decode(encoded(wide, ending), colour=True), RGB)
    ending = ".pgm" if ending == ".ppm" else ending
    assert np.array_equal(decode(encoded(wide[..., 0], ending)), GREY)


@pytest.mark.parametrize("ending", [".png", ".tiff", ".webp"])
def test_transparent_pixels_lie_over_white_in_every_format_that_has_them(ending: str) -> None:
    rgba = np.dstack([RGB, np.full(GREY.shape, 255, np.uint8)])
    rgba[:9, :, 3] = 0
    found = decode(encoded(rgba, ending, LOSSLESS[ending]), colour=True)
    assert (found[:9] == 255).all()
    assert np.array_equal(found[9:], RGB[9:])


@pytest.mark.parametrize("ending", [".png", ".tiff"])
def test_sixteen_bits_with_transparency_are_read_too(ending: str) -> None:
    rgba = np.dstack([RGB, np.full(GREY.shape, 255, np.uint8)]).astype(np.uint16) * 257
    rgba[:9, :, 3] = 0
    found = decode(encoded(rgba, ending), colour=True)
    assert (found[:9] == 255).all()
    assert np.array_equal(found[9:], RGB[9:])


@pytest.mark.parametrize(
    ("ending", "quality"), [(".webp", cv2.IMWRITE_WEBP_QUALITY), (".jpg", cv2.IMWRITE_JPEG_QUALITY)]
)
def test_formats_with_loss_come_close(ending: str, quality: int) -> None:
    smooth = np.linspace(0, 255, 64 * 64).reshape(64, 64).astype(np.uint8)
    found = decode(encoded(smooth, ending, [quality, 95]))
    assert np.abs(found.astype(int) - smooth).max() <= 8


def test_the_first_page_of_a_tiff_counts(tmp_path: Path) -> None:
    path = tmp_path / "pages.tiff"
    assert cv2.imwritemulti(str(path), [GREY, 255 - GREY])
    assert np.array_equal(decode(path.read_bytes()), GREY)


@pytest.mark.parametrize("kind", [np.int16, np.float32, np.float64])
def test_a_tiff_of_other_numbers_is_refused(kind: type) -> None:
    with pytest.raises(DecodeError, match="convert it"):
        decode(encoded(GREY.astype(kind), ".tiff"))


def test_one_folder_may_hold_every_format(make_zip: Callable[..., Path]) -> None:
    members = {
        f"{i % 2}/{i}{ending}": encoded(GREY, ending, LOSSLESS[ending])
        for i, ending in enumerate(LOSSLESS)
        if ending != ".ppm"
    }
    members |= {"0/16{ending}": encoded(GREY.astype(np.uint16) * 256, ".png"), "1/9.pgm": encoded(GREY, ".pgm")}
    data = mlp_data.load(make_zip(members))
    assert data.problems == ()
    assert (data.train.x == GREY).all()
    assert len(data.train) == 6
