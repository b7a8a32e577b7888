"""Decoding gives upright, opaque, eight-bit pixels, or one sentence about the image that is broken."""

from __future__ import annotations

import builtins
import struct
import subprocess
import sys
import zlib
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlp_data.decode import decode
from mlp_data.errors import DecodeError
from mlp_data.image_header import image_format, read_header

# A frame with a bright block in the upper left corner, higher than wide: every turn and mirroring of it differs.
UPRIGHT = np.full((48, 32), 20, np.uint8)
UPRIGHT[:24, :8] = 220


def encoded(frame: np.ndarray, ending: str = ".png") -> bytes:
    return cv2.imencode(ending, frame)[1].tobytes()


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(width: int, height: int, depth: int, kind: int, rows: bytes, *extra: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    chunks = [chunk(b"IHDR", header), *extra, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def exif(orientation: int, order: str = "<") -> bytes:
    mark = b"II" if order == "<" else b"MM"
    entry = struct.pack(order + "HHIHH", 0x0112, 3, 1, orientation, 0)
    return mark + struct.pack(order + "HIH", 42, 8, 1) + entry + bytes(4)


def stored(orientation: int) -> np.ndarray:
    """Return the pixels that a camera held that way stores, so that `orientation` makes UPRIGHT of them."""
    return {
        1: UPRIGHT,
        2: UPRIGHT[:, ::-1],
        3: np.rot90(UPRIGHT, 2),
        4: UPRIGHT[::-1],
        5: UPRIGHT.T,
        6: np.rot90(UPRIGHT, 1),
        7: np.rot90(UPRIGHT, 2).T,
        8: np.rot90(UPRIGHT, -1),
    }[orientation]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_comes_out_upright(orientation: int, order: str) -> None:
    plain = encoded(np.ascontiguousarray(stored(orientation)), ".jpg")
    segment = b"Exif\0\0" + exif(orientation, order)
    turned = plain[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + plain[2:]
    found = decode(turned)
    assert found.shape == UPRIGHT.shape
    assert np.abs(found.astype(int) - UPRIGHT).max() < 40  # JPEG is near, not equal
    assert found.flags.c_contiguous
    # OpenCV's own turning agrees, for the formats and flags where it does any.
    assert np.abs(cv2.imdecode(np.frombuffer(turned, np.uint8), 0).astype(int) - found).max() <= 2


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_png_carries_an_orientation_too(orientation: int) -> None:
    plain = encoded(np.ascontiguousarray(stored(orientation)))
    turned = plain[:33] + chunk(b"eXIf", exif(orientation)) + plain[33:]
    assert np.array_equal(decode(turned), UPRIGHT)


def test_transparent_pixels_lie_over_white() -> None:
    frame = np.zeros((1, 3, 4), np.uint8)
    frame[0, :, 3] = [0, 128, 255]
    assert decode(encoded(frame)).tolist() == [[255, 127, 0]]
    grey_and_alpha = png(2, 1, 8, 4, b"\0" + bytes([100, 255, 100, 0]))
    assert decode(grey_and_alpha).tolist() == [[100, 255]]
    palette = (chunk(b"PLTE", bytes([9, 9, 9, 50, 50, 50])), chunk(b"tRNS", bytes([0, 255])))
    assert decode(png(2, 1, 8, 3, b"\0\0\1", *palette)).tolist() == [[255, 50]]


def test_sixteen_and_one_bit_become_eight() -> None:
    assert decode(encoded(np.array([[0, 256, 65535]], np.uint16))).tolist() == [[0, 1, 255]]
    assert decode(png(8, 1, 1, 0, b"\0" + bytes([0b10100000]))).tolist() == [[255, 0, 255, 0, 0, 0, 0, 0]]


def test_colour_is_rgb_and_asked_for_or_found() -> None:
    red = np.zeros((2, 2, 3), np.uint8)
    red[..., 2] = 255  # OpenCV's order is blue, green, red
    content = encoded(red)
    assert decode(content, colour=True)[0, 0].tolist() == [255, 0, 0]
    assert decode(content, colour=None).shape == (2, 2, 3)
    assert decode(content, colour=False).tolist() == [[76, 76], [76, 76]]
    grey = encoded(np.full((2, 2, 3), 9, np.uint8))
    assert decode(grey, colour=None).tolist() == [[9, 9], [9, 9]]
    assert decode(encoded(UPRIGHT), colour=True).shape == (48, 32, 3)


@pytest.mark.parametrize("ending", [".png", ".bmp", ".tif", ".pgm", ".webp"])
def test_formats_without_loss_give_the_pixels_back(ending: str) -> None:
    parameters = [cv2.IMWRITE_WEBP_QUALITY, 101] if ending == ".webp" else []
    content = cv2.imencode(ending, UPRIGHT, parameters)[1].tobytes()
    assert np.array_equal(decode(content), UPRIGHT)
    header = read_header(content, "it")
    assert (header.width, header.height) == (32, 48)


@pytest.mark.parametrize("ending", [".png", ".jpg", ".bmp", ".tif", ".webp", ".pgm"])
def test_an_image_cut_anywhere_is_refused_and_silently(ending: str, capfd: pytest.CaptureFixture[str]) -> None:
    content = encoded(np.random.default_rng(0).integers(0, 256, (40, 30), np.uint8), ending)
    for length in [*range(0, len(content) - 8, 37), len(content) - 8]:  # a TIFF may lose its last four bytes unharmed
        with pytest.raises(DecodeError) as caught:
            decode(content[:length], name="a/b.img")
        assert str(caught.value).startswith("a/b.img: ")
    assert capfd.readouterr().err == ""


def test_what_image_libraries_print_themselves_reaches_no_terminal(
    capfd: pytest.CaptureFixture[str],
) -> None:
    too_short = png(64, 64, 8, 0, b"\0" * 65 * 3)  # all chunks are there, but not all rows
    with pytest.raises(DecodeError, match="short: the PNG image is damaged"):
        decode(too_short, name="short")
    odd_profile = png(2, 1, 8, 0, b"\0\x05\x06", chunk(b"iCCP", b"odd\0\0" + zlib.compress(b"no profile")))
    assert decode(odd_profile).tolist() == [[5, 6]]
    assert capfd.readouterr().err == ""
    print("heard", file=sys.stderr)
    assert capfd.readouterr().err == "heard\n"


def test_an_image_is_decoded_where_stderr_is_closed() -> None:
    code = "import os; os.close(2); from mlp_data.decode import decode; print(decode(b'P5 2 1 255 ' + bytes([0, 200])))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[[  0 200]]\n"


def test_a_size_that_no_camera_has_is_refused_before_decoding() -> None:
    with pytest.raises(DecodeError, match="says it is 60000 x 60000 pixels, but 64,000,000 are allowed: shrink it"):
        decode(png(60_000, 60_000, 8, 0, b"\0"))
    bmp = bytearray(encoded(UPRIGHT, ".bmp"))
    bmp[18:26] = struct.pack("<ii", 2**31 - 1, 2**31 - 1)
    with pytest.raises(DecodeError):
        decode(bytes(bmp))
    with pytest.raises(DecodeError, match="0 x 5 pixels"):
        decode(png(0, 5, 8, 0, b""))


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", r"is empty \(0 bytes\)"), (b"hello, world", "is no PNG, JPEG"), (b"BMW,Audi\n1,2\n3,4\n", "is no PNG")],
)
def test_what_is_no_image_is_refused(content: bytes, words: str) -> None:
    with pytest.raises(DecodeError, match=words):
        decode(content)


def test_floating_point_pixels_are_refused() -> None:
    with pytest.raises(DecodeError, match="holds float32 values: convert it to 8 or 16 bits"):
        decode(encoded(np.ones((4, 4), np.float32), ".tif"))


def test_without_its_system_libraries_opencv_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = builtins.__import__

    def without(name: str, *rest: Any, **named: Any) -> Any:
        if name == "cv2":
            raise ImportError("libGL.so.1: cannot open shared object file: No such file or directory")
        return whole(name, *rest, **named)

    monkeypatch.delitem(sys.modules, "cv2")
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(DecodeError, match=r"libGL\.so\.1.*apt install libgl1 libglib2\.0-0") as caught:
        decode(b"P5 1 1 255 a")
    assert "\n" not in str(caught.value)


@settings(max_examples=300)
@given(st.sampled_from([".png", ".jpg", ".bmp", ".tif", ".webp", ".pgm"]), st.data())
def test_any_damage_gives_pixels_or_one_sentence(ending: str, data: st.DataObject) -> None:
    content = bytearray(encoded(UPRIGHT, ending))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, min(len(content) - 1, 120)))] = data.draw(st.integers(0, 255))
    try:
        found = decode(bytes(content))
    except DecodeError as error:
        assert "\n" not in str(error)  # noqa: PT017
    else:
        assert found.dtype == np.uint8
        assert found.ndim == 2


@given(
    st.binary(max_size=60), st.sampled_from([b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM", b"II*\0", b"P5 ", b"RIFF"])
)
def test_any_header_is_read_or_refused(rest: bytes, start: bytes) -> None:
    try:
        header = read_header(start + rest, "it")
    except DecodeError as error:
        assert "\n" not in str(error)  # noqa: PT017
    else:
        assert image_format((start + rest)[:16]) == header.format
