"""Hostile images, tables and arrays in archives: the bad one is skipped, or the source is refused, at no cost."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Callable

from archives import TABLE, zeros, zipped


def png(width: int, height: int, packed: bytes | None = None) -> bytes:
    """Write a grey PNG of a size; what is packed in it may be anything."""
    packed = zlib.compress(bytes((width + 1) * height)) if packed is None else packed
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
        (b"IDAT", packed),
        (b"IEND", b""),
    )
    parts = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def jpeg(width: int, height: int) -> bytes:
    """Write a JPEG that ends where its pixels should begin."""
    frame = struct.pack(">HBHHB", 11, 8, height, width, 1) + b"\x01\x11\0"
    return b"\xff\xd8\xff\xc0" + frame + b"\xff\xda\0\x08\x01\x01\0\0\x3f\0" + bytes(10)


def bmp(width: int, height: int) -> bytes:
    """Write a compressed BMP of a size, of which nothing is there."""
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + 1024, 0, 0, 54 + 1024) + head + bytes(1024) + b"\0\x01"


def tiff(width: int, height: int) -> bytes:
    """Write a TIFF of a size in one strip of ten bytes."""
    tags = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)]
    tags += [(273, 4, 1, 200), (277, 3, 1, 1), (278, 4, 1, height), (279, 4, 1, 10)]
    return (b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *t) for t in tags)).ljust(
        210, b"\0"
    )


def webp(width: int, height: int) -> bytes:
    """Write a lossless WebP of a size, of which nothing is there."""
    bits = (width - 1) | (height - 1) << 14
    body = b"WEBPVP8L" + struct.pack("<IBI", 9, 0x2F, bits) + bytes(5)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def beside(content: bytes, name: str = "bad.png") -> bytes:
    """Pack an image between two sound ones."""
    return zipped({"0/a.png": png(8, 8), f"0/{name}": content, "1/b.png": png(8, 9)}, zipfile.ZIP_STORED)


def npy(header: str, body: bytes = b"") -> bytes:
    """Write an .npy file with any header."""
    text = header.encode() + b"\n"
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(text)) + text + body


def idx(*lengths: int) -> bytes:
    """Write an IDX header that promises more than there is."""
    return bytes([0, 0, 8, len(lengths)]) + b"".join(struct.pack(">I", n) for n in lengths) + bytes(16)


def polyglot_image() -> bytes:
    """A PNG that is a zip archive as well: here it is an image, and nothing in its archive is looked at."""
    return png(8, 8) + zipped({"../evil.csv": TABLE})


def page() -> bytes:
    """A PDF that is a zip archive as well, which starts as neither image nor table nor archive."""
    return b"%PDF-1.4\n" + zipped({"train.csv": TABLE}) + b"\n%%EOF"


def many_lists() -> bytes:
    """An .npy header of a million brackets, on which a parser runs out of stack."""
    return npy("[" * 9_000)


SKIPPED: dict[str, Callable[[], bytes]] = {
    "png-30000-x-30000": lambda: beside(png(30_000, 30_000, zeros(10))),
    "png-30000-x-30000-real": lambda: beside(png(30_000, 30_000, b"\x78\xda" + zeros(30_001 * 30_000) + bytes(4))),
    "png-4294967295-wide": lambda: beside(png(0xFFFFFFFF, 1, b"")),
    "png-no-pixels": lambda: beside(png(0, 5, b"")),
    "png-wrong-pixels": lambda: beside(png(4_000, 4_000, b"\x78\xda" + zeros(100))),
    "jpeg-65535-x-65535": lambda: beside(jpeg(65_535, 65_535), "bad.jpg"),
    "jpeg-cut": lambda: beside(jpeg(28, 28), "bad.jpg"),
    "bmp-65535-x-65535": lambda: beside(bmp(65_535, 65_535), "bad.bmp"),
    "tiff-60000-x-60000": lambda: beside(tiff(60_000, 60_000), "bad.tif"),
    "webp-16383-x-16383": lambda: beside(webp(16_383, 16_383), "bad.webp"),
    "text-called-png": lambda: beside(b"hello"),
    "script-called-png": lambda: beside(b"#!/bin/sh\nrm -rf /\n"),
    "nothing-called-png": lambda: beside(b""),
}

READ: dict[str, Callable[[], bytes]] = {
    "polyglot-png-and-zip": lambda: beside(polyglot_image()),
}

REFUSED: dict[str, Callable[[], bytes]] = {
    "polyglot-pdf-and-zip": page,
    "idx-huge": lambda: zipped({"train-images-idx3-ubyte": idx(0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF)}),
    "npy-huge": lambda: npy("{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999, 99999)}"),
    "npy-pickle": lambda: npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", b"cos\nsystem\n(S'id'\ntR."),
    "npy-brackets": many_lists,
    "json-lines-of-many-keys": lambda: zipped(
        {"metadata.jsonl": b"".join(b'{"file_name": "a.png", "k%d": 1}\n' % i for i in range(30_000))}
    ),
    "csv-open-quote": lambda: b'a,b\n1,"' + b"x" * 10_000_000,
    "csv-nul": lambda: b"a,b\n1,\0\n" + b"1,2\n" * 100,
}
