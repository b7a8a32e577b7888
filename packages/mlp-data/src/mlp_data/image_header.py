"""The header of an image file tells its size and which way up it is; it is read before any pixel is decoded."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

from mlp_data.errors import DecodeError

# The tags of TIFF that matter here; EXIF is a small TIFF file inside another image (TIFF 6.0; EXIF 2.32, section 4.6).
_WIDTH, _HEIGHT, _ORIENTATION, _TILE_WIDTH, _TILE_HEIGHT = 256, 257, 274, 322, 323
_TIFF_PIXELS = ((273, 279), (324, 325))  # where strips and tiles start, and how many bytes each takes
_PNG_SIZE, _PNG_CHUNK = struct.Struct(">II"), struct.Struct(">I4s")

_MAGIC = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"P5": "PGM",
    b"P6": "PPM",
}


class Header(NamedTuple):
    """What an image file says about itself. `orientation` is EXIF's: 1 is upright, 2 to 8 are mirrored or turned."""

    format: str
    width: int
    height: int
    orientation: int = 1


def image_format(start: bytes) -> str | None:
    """Return the format that the first 16 bytes of a file show, or None if they are not those of an image.

    >>> image_format(b"BM" + bytes(14)), image_format(b"BMW,Audi,Opel,VW"), image_format(b"label,pixel0,pix")
    ('BMP', None, None)
    """
    found = "WebP" if start[:4] == b"RIFF" and start[8:12] == b"WEBP" else None
    for magic, kind in _MAGIC.items():
        if start.startswith(magic):
            found = kind
            break
    if found == "BMP" and start[6:10] != bytes(4):  # two letters prove little, four reserved zeros more
        return None
    if found in ("PGM", "PPM") and not start[2:3].isspace():
        return None
    return found


def read_header(content: bytes, where: str) -> Header:
    """Return the header of a whole image file; one that is no image, or was cut short, raises DecodeError."""
    if not content:
        raise DecodeError(f"{where}: the image is empty (0 bytes): get it again")
    kind = image_format(content[:16])
    if kind is None:
        raise DecodeError(
            f"{where}: starts with {content[:8]!r}, so it is no PNG, JPEG, BMP, TIFF, WebP or PGM: convert it"
        )
    try:
        return _READERS[kind](content)
    except (struct.error, LookupError, ValueError, EOFError):
        raise DecodeError(f"{where}: the {kind} image is damaged or cut short: get it again") from None


def _png(content: bytes) -> Header:
    width, height = _PNG_SIZE.unpack_from(content, 16)
    orientation = 1
    at = 8
    while True:  # the chunks, each with its length in front: the last one proves that nothing is missing
        length, name = _PNG_CHUNK.unpack_from(content, at)
        if at + 12 + length > len(content):
            raise EOFError
        if name == b"eXIf":
            orientation = _orientation(content[at + 8 : at + 8 + length])
        if name == b"IEND":
            return Header("PNG", width, height, orientation)
        at += 12 + length


def _jpeg(content: bytes) -> Header:
    width = height = 0
    orientation = 1
    for marker, start, end in _jpeg_segments(content):
        segment = content[start:end]
        if marker == 0xE1 and segment.startswith(b"Exif\0\0"):
            orientation = _orientation(segment[6:])
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # a frame header, of whichever coding
            height, width = struct.unpack(">HH", segment[1:5])
        elif marker == 0xDA:  # from here on there are pixels; a decoder paints missing ones grey and says nothing
            if content.rfind(b"\xff\xd9", end) < 0:
                raise EOFError
            return Header("JPEG", width, height, orientation)
    raise EOFError


def _jpeg_segments(content: bytes) -> Iterator[tuple[int, int, int]]:
    at = 2
    while at < len(content):
        if content[at] != 0xFF:
            raise ValueError("no marker where one must be")
        marker = content[at + 1]
        if marker == 0xFF:  # padding
            at += 1
            continue
        length = struct.unpack(">H", content[at + 2 : at + 4])[0]
        yield marker, at + 4, at + 2 + length
        at += 2 + length


def _bmp(content: bytes) -> Header:
    size, width, height, _, bits, compression = struct.unpack("<IiiHHI", content[14:34])
    pixels_at = struct.unpack("<I", content[10:14])[0]
    if size < 40:  # the older header has shorter fields
        width, height, _, bits = struct.unpack("<HHHH", content[18:26])
        compression = 0
    stride = (width * bits + 31) // 32 * 4
    if compression == 0 and len(content) < pixels_at + stride * abs(height):
        raise EOFError
    return Header("BMP", width, abs(height))


def _tiff(content: bytes) -> Header:
    tags = _tiff_tags(content)
    width = max(tags[_WIDTH] + tags.get(_TILE_WIDTH, [0]))  # the decoder needs memory for a whole tile
    height = max(tags[_HEIGHT] + tags.get(_TILE_HEIGHT, [0]))
    for starts, sizes in _TIFF_PIXELS:
        for start, size in zip(tags.get(starts, ()), tags.get(sizes, ()), strict=True):
            if start + size > len(content):
                raise EOFError
    return Header("TIFF", width, height)  # its decoder turns the pixels itself


def _orientation(exif: bytes) -> int:
    return _tiff_tags(exif).get(_ORIENTATION, [1])[0]


def _tiff_tags(content: bytes) -> dict[int, list[int]]:
    """Return the whole numbers of the first directory, by their tags."""
    order = {b"II": "<", b"MM": ">"}.get(content[:2])
    if order is None:
        return {}
    at = struct.unpack(order + "I", content[4:8])[0]
    entries = struct.unpack(order + "H", content[at : at + 2])[0]
    tags = {}
    for entry in range(at + 2, at + 2 + 12 * entries, 12):
        tag, kind, count = struct.unpack(order + "HHI", content[entry : entry + 8])
        if kind not in (3, 4) or not 0 < count <= len(content):
            continue
        size = count * (2 if kind == 3 else 4)
        start = entry + 8 if size <= 4 else struct.unpack(order + "I", content[entry + 8 : entry + 12])[0]
        tags[tag] = list(struct.unpack(f"{order}{count}{'HI'[kind - 3]}", content[start : start + size]))
    return tags


def _webp(content: bytes) -> Header:
    if struct.unpack("<I", content[4:8])[0] + 8 > len(content):
        raise EOFError
    kind = content[12:16]
    orientation = 1
    if kind == b"VP8 ":
        width, height = (value & 0x3FFF for value in struct.unpack("<HH", content[26:30]))
    elif kind == b"VP8L":
        bits = struct.unpack("<I", content[21:25])[0]
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif kind == b"VP8X":
        width, height = (int.from_bytes(content[at : at + 3], "little") + 1 for at in (24, 27))
        at = 12
        while at + 8 <= len(content):
            name, length = struct.unpack("<4sI", content[at : at + 8])
            if name == b"EXIF":
                exif = content[at + 8 : at + 8 + length].removeprefix(b"Exif\0\0")
                orientation = _orientation(exif)
            at += 8 + length + length % 2
    else:
        raise ValueError("an unknown kind of WebP")
    return Header("WebP", width, height, orientation)


def _pnm(content: bytes) -> Header:
    match = re.match(rb"P[56](?:\s+|#[^\n]*\n)+(\d+)(?:\s+|#[^\n]*\n)+(\d+)(?:\s+|#[^\n]*\n)+(\d+)\s", content[:4096])
    if match is None:
        raise ValueError("no header")
    width, height, most = (int(value) for value in match.groups())
    size = width * height * (3 if content[1:2] == b"6" else 1) * (2 if most > 255 else 1)
    if len(content) < match.end() + size:
        raise EOFError
    return Header("PGM" if content[1:2] == b"5" else "PPM", width, height)


_READERS = {"PNG": _png, "JPEG": _jpeg, "BMP": _bmp, "TIFF": _tiff, "WebP": _webp, "PGM": _pnm, "PPM": _pnm}
