"""Decoding turns the bytes of an image file into pixels: upright, without transparency, eight bits a value."""

from __future__ import annotations

import os
import threading
from types import ModuleType
from typing import Any

import numpy as np

from mlp_data.errors import DecodeError
from mlp_data.image_header import Header, read_header
from mlp_data.labels import Array
from mlp_runtime.inputs.pixels import colour as over_white
from mlp_runtime.inputs.pixels import grey as to_grey

MAX_PIXELS = 64_000_000  # more than any camera of a phone or a Raspberry Pi gives; about 200 MB in colour


class _Silence:
    """While anyone is inside, what OpenCV logs, and what libpng and libjpeg write to the system's stderr, goes nowhere.

    What is wrong with an image is said in our own sentence.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._stderr: int | None = None
        self._level = 0

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._begin()
            self._inside += 1

    def __exit__(self, *raised: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._end()

    def _begin(self) -> None:
        self._level = _log().getLogLevel()
        _log().setLogLevel(0)
        try:
            self._stderr = os.dup(2)
        except OSError:  # it is closed already
            return
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)

    def _end(self) -> None:
        _log().setLogLevel(self._level)
        if self._stderr is not None:
            os.dup2(self._stderr, 2)
            os.close(self._stderr)
            self._stderr = None


def _log() -> Any:
    cv2: Any = opencv()
    return getattr(cv2.utils, "logging", cv2)  # where OpenCV 5 keeps it, and where OpenCV 4 does


SILENCE = _Silence()


def opencv() -> ModuleType:
    """Import OpenCV, which only decoding and photographs need; where it cannot be loaded, say what to install."""
    try:
        import cv2
    except ImportError as error:
        raise DecodeError(
            f"images need OpenCV, which cannot be loaded ({error}): install its system libraries, on Debian "
            f"`apt install libgl1 libglib2.0-0`, or replace the package opencv-python with opencv-python-headless"
        ) from error
    return cv2


def decode(content: bytes, colour: bool | None = False, name: str = "the image") -> Array:
    """Return the pixels of a PNG, JPEG, BMP, TIFF, WebP or PGM file.

    colour: False gives uint8 grey (h, w), True RGB (h, w, 3), None whichever the picture needs. Transparent pixels lie
    over white, 16 bits become 8, and EXIF's orientation is applied. Raises DecodeError, which names `name`.

    >>> decode(b"P5 2 1 255 " + bytes([0, 200]))
    array([[  0, 200]], dtype=uint8)
    """
    with SILENCE:
        return decode_inside(content, colour, name)


def decode_inside(content: bytes, colour: bool | None, name: str) -> Array:
    """Return what `decode` does, for many images one after the other inside one `SILENCE`."""
    header = read_header(content, name)
    if not (header.width > 0 and header.height > 0):
        raise DecodeError(f"{name}: the {header.format} image is {header.width} x {header.height} pixels: get it again")
    if header.width * header.height > MAX_PIXELS:
        raise DecodeError(
            f"{name}: the {header.format} image says it is {header.width} x {header.height} pixels, "
            f"but {MAX_PIXELS:,} are allowed: shrink it"
        )
    pixels = _pixels(content, header, name)
    if pixels.ndim == 3 and (colour is False or (colour is None and not has_colour(pixels))):
        return to_grey(pixels)
    if pixels.ndim == 2 and colour:
        return np.repeat(pixels[..., np.newaxis], 3, axis=2)
    return pixels


def has_colour(pixels: Array) -> bool:
    """Tell whether red, green and blue differ anywhere."""
    some = pixels[::16]  # of most pictures, a few rows tell
    return any((part[..., 0] != part[..., other]).any() for part in (some, pixels) for other in (1, 2))


def _pixels(content: bytes, header: Header, name: str) -> Array:
    cv2: Any = opencv()
    try:
        found = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        found = None
    if found is None or not found.size:
        raise DecodeError(f"{name}: the {header.format} image is damaged or of a rare kind: get it again or convert it")
    if found.dtype == np.uint16:
        found = (found >> 8).astype(np.uint8)
    if found.dtype != np.uint8:
        raise DecodeError(f"{name}: the {header.format} image holds {found.dtype} values: convert it to 8 or 16 bits")
    if found.ndim == 2 and header.orientation == 1:
        return np.ascontiguousarray(found)
    if found.ndim == 3 and found.shape[2] == 1:
        found = found[..., 0]
    if found.ndim == 3 and found.shape[2] == 2:  # grey and alpha
        found = found[..., [0, 0, 0, 1]]
    elif found.ndim == 3:  # OpenCV's order is blue, green, red
        found = cv2.cvtColor(found, cv2.COLOR_BGR2RGB if found.shape[2] == 3 else cv2.COLOR_BGRA2RGBA)
    pixels: Array = np.ascontiguousarray(found if found.ndim == 2 else over_white(found))
    return pixels if header.orientation == 1 else np.ascontiguousarray(_upright(pixels, header.orientation))


def _upright(pixels: Array, orientation: int) -> Array:
    """Turn and mirror what a camera stored into what it saw (EXIF 2.32, tag 0x0112)."""
    if orientation >= 5:  # stored on its side
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels
