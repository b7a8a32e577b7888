"""A model file is one MessagePack document: magic, version, SHA-256, a header that describes and a block of numbers.

`read` checks a file from the outside in, and trusts nothing before it is checked. docs/format.md is the specification;
the writer in mlp-train uses the constants below.
"""

from __future__ import annotations

import os
from io import BytesIO, FileIO
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, Union

import numpy as np

from .errors import Damaged, Invalid, ModelFileError, NotAModel, TooNew, nearest, shown
from .inputs import input_from_spec
from .schema import DTYPES, check, check_chain, check_header, check_required, check_tensors
from .unpack import unpack

if TYPE_CHECKING:
    from .inputs import Input

    Source = Union[str, "os.PathLike[str]", bytes, bytearray, memoryview, BinaryIO]

MAGIC = b"\x97\xa7MLP\r\n\x1a\n"  # an array of 7; a text of 7 bytes, which text-mode copying breaks
MAJOR, MINOR = 1, 0
FORMAT = f"{MAJOR}.{MINOR}"
FEATURES = frozenset((
    "input.vector/1", "input.image/1", "input.table/1", "input.table/2", "output.labels/1",
    "weights.float16", "weights.int8",
))  # fmt: skip

MAJOR_AT, MINOR_AT, DIGEST_AT, HEADER_AT = 9, 12, 15, 49  # where the values begin that have a fixed place
UINT16, BIN8, BIN32 = 0xCD, 0xC4, 0xC6  # MessagePack type bytes
DIGEST_MARK = bytes((BIN8, 32))
MAX_HEADER = 262_144
ALIGN = 64
SMALLEST = 128  # bytes: even the shortest header that makes sense is longer
_OTHERS = {
    b"PK\x03\x04": "a zip archive", b"\x1f\x8b": "a gzip file", b"\x93NUMPY": "a .npy file", b"\x80": "a pickle",
    b"version ": "a Git LFS pointer", b"<": "a web page",
}  # fmt: skip


class ModelFile(NamedTuple):
    """What a checked file holds: the header, the tensors by name, and the parts that were made while checking."""

    header: dict[str, Any]
    tensors: dict[str, np.ndarray]  # read-only; float16 and int8 are widened to float32
    version: tuple[int, int]
    input: Input
    content: np.ndarray  # the whole file, read-only uint8


def padding(header_length: int) -> int:
    """Return how many zeros stand between the header and the tensor block, whose payload starts at a multiple of 64.

    >>> (HEADER_AT + 5 + 100 + 2 + padding(100) + 5) % ALIGN
    0
    """
    return -(HEADER_AT + 5 + header_length + 2 + 5) % ALIGN


def digest(content: Union[bytes, memoryview]) -> bytes:
    """Return the SHA-256 of a whole file without its digest field: of the bytes [0, 17) and [49, end)."""
    import hashlib  # brings in OpenSSL, so only loading pays

    sha = hashlib.sha256(content[: DIGEST_AT + 2])
    sha.update(content[HEADER_AT:])
    return sha.digest()


def read(source: Source, verify: bool = True, mmap: bool = False) -> ModelFile:
    """Read a path, bytes or a binary file and check everything but the self-test; `verify=False` skips the SHA-256.

    With mmap=True the numbers of a path stay in the file, and with verify=False they are not even looked at.
    Raises a `ModelFileError` whose text begins with the path. A path that can't be opened raises `OSError` as usual.
    """
    try:
        return _parse(_mapped(source) if mmap else _content(source), verify, look=verify or not mmap)
    except ModelFileError as error:
        raise located(error, source) from None


def located(error: ModelFileError, source: Source) -> ModelFileError:
    """Return the same error with the name of the file in front, where it has one."""
    name = source if isinstance(source, (str, os.PathLike)) else getattr(source, "name", None)
    where = os.fspath(name) if isinstance(name, (str, os.PathLike)) else "model"
    return type(error)(f"{where}: {error}")


def _parse(content: np.ndarray, verify: bool, look: bool) -> ModelFile:
    """Check `content` in the order that the specification gives; without `look`, leave the weights alone."""
    view = content.data
    version, header_end, block_at = _layout(view)
    if verify and view[DIGEST_AT + 2 : HEADER_AT] != digest(view):
        raise Damaged("the SHA-256 does not match the content: the file was changed or damaged, so copy it again")

    header = unpack(view[:header_end], HEADER_AT + 5)
    if not isinstance(header, dict):
        raise Invalid(f"header: found a {type(header).__name__}, wanted a map")
    _check_requires(header, version)
    check_header(header)
    check_tensors(header, content[block_at:], ALIGN)
    tensors = _materialise(header, content[block_at:])
    spec = input_from_spec(header["input"], tensors)
    check_required(header, f"input.{spec.kind}/{spec.version}", f"an input of kind {spec.kind!r}")
    check_chain(header, tensors, spec.size)
    if look:
        _check_finite(tensors)
    return ModelFile(header, tensors, version, spec, content)


def _layout(view: memoryview) -> tuple[tuple[int, int], int, int]:
    """Check all that stands outside the header; return the version, the header's end and the tensor block's start."""
    size = len(view)
    _check_magic(bytes(view[:MAJOR_AT]), size)
    if size < SMALLEST:
        raise Damaged(f"found {size} bytes, wanted at least {SMALLEST}: the file was cut short, so copy it again")
    major = _number(view, MAJOR_AT, UINT16, "the major version")
    minor = _number(view, MINOR_AT, UINT16, "the minor version")
    if major < MAJOR:
        raise Invalid(
            f"the file has format {major}.{minor}, from before the format was fixed, and this mlp-runtime reads"
            f" {MAJOR}.x: export the model again with this release's mlp-train"
        )
    if major > MAJOR:
        raise TooNew(f"the file has format {major}.{minor} and this mlp-runtime reads {MAJOR}.x, so update mlp-runtime")

    _marker(view, DIGEST_AT, DIGEST_MARK, "the SHA-256")
    length = _number(view, HEADER_AT, BIN32, "the header")
    if length > MAX_HEADER:
        raise Invalid(f"offset {HEADER_AT}: found a header of {length} bytes, wanted at most {MAX_HEADER}")
    header_end = HEADER_AT + 5 + length
    zeros = padding(length)
    block_at = header_end + 2 + zeros + 5
    if block_at > size:
        raise Damaged(f"the tensor block should start at {block_at}, but the file ends at {size}: it was cut short")
    _marker(view, header_end, bytes((BIN8, zeros)) + bytes(zeros), "the padding")
    end = block_at + _number(view, block_at - 5, BIN32, "the tensor block")
    if end != size:
        what = "was cut short" if end > size else "has bytes added at its end"
        raise Damaged(f"found {size} bytes, wanted {end}: the file {what}, so copy it again")
    return (major, minor), header_end, block_at


def _check_magic(start: bytes, size: int) -> None:
    """Refuse what does not begin like a model file, and say what it looks like instead."""
    if start == MAGIC:
        return
    if start and MAGIC.startswith(start):
        raise Damaged(f"found {size} bytes of a model file, wanted at least {SMALLEST}: the file was cut short")
    if start.startswith(MAGIC[:5]):
        raise Damaged("the magic is damaged as by a text-mode transfer: copy the file again in binary mode")
    found = next((what for magic, what in _OTHERS.items() if start.startswith(magic)), f"bytes {start[:8].hex(' ')}")
    raise NotAModel(f"found {found if size else 'no bytes'} at the start, wanted the magic of a .mlp model file")


def _marker(view: memoryview, at: int, wanted: bytes, what: str) -> None:
    """Check the bytes that the format fixes; the caller knows that the file is long enough."""
    for offset, byte in enumerate(wanted, at):
        if view[offset] != byte:
            found = f"found byte 0x{view[offset]:02x}, wanted 0x{byte:02x}"
            raise Damaged(f"offset {offset}: {found} in {what}, so copy the file again")


def _number(view: memoryview, at: int, mark: int, what: str) -> int:
    """Return the unsigned number, a value or a length, that stands behind its marker."""
    _marker(view, at, bytes((mark,)), what)
    return int.from_bytes(view[at + 1 : at + (3 if mark == UINT16 else 5)], "big")


def _check_requires(header: dict[str, Any], version: tuple[int, int]) -> None:
    """Refuse a file that needs a feature which this reader does not have."""
    check(header, {"requires": "a list of text"}, "")
    for name in header["requires"]:
        if name not in FEATURES:
            hint = nearest(name[:60], FEATURES)
            raise TooNew(
                f"the file has format {version[0]}.{version[1]} and requires {name[:60]!r}, which this mlp-runtime"
                f" (format {FORMAT}) does not have{hint}, so update mlp-runtime"
            )


def _materialise(header: dict[str, Any], block: np.ndarray) -> dict[str, np.ndarray]:
    """Return every tensor as a read-only array: a view of the file where this machine can take it so, else a copy."""
    stored, tensors = {}, {}
    for entry in header["tensors"]:
        part = block[entry["offset"] : entry["offset"] + entry["length"]]
        stored[entry["name"]] = part.view(DTYPES[entry["dtype"]]).reshape(entry["shape"])
    for entry in header["tensors"]:
        name, values = entry["name"], stored[entry["name"]]
        if values.dtype in (np.float32, np.uint8):  # not so where the machine is big-endian
            tensors[name] = values
            continue
        factor = np.ones(1, np.float32)
        if entry["dtype"] == "i1":
            factor = stored[entry["scale"]].reshape(-1, *[1] * (values.ndim - 1))  # one for each first index
            if values.min() == -128:
                raise Invalid(f"tensor {shown(name)}: found the value -128, wanted -127 to 127")
        wide = aligned(values.size * 4).view(np.float32).reshape(values.shape)
        with np.errstate(over="ignore", invalid="ignore"):  # an infinity is refused a moment later
            tensors[name] = lock(np.multiply(values, factor, out=wide, dtype=np.float32))
    return tensors


def _check_finite(tensors: dict[str, np.ndarray]) -> None:
    """Refuse NaN and infinity in any tensor."""
    for name, values in tensors.items():
        with np.errstate(invalid="ignore"):
            finite = np.isfinite(values.min()) and np.isfinite(values.max())  # unlike isfinite(values), needs no memory
        if not finite:
            raise Invalid(f"tensor {shown(name)}: found NaN or an infinity, wanted finite numbers")


def aligned(size: int) -> np.ndarray:
    """Return `size` uninitialised bytes that start at a multiple of 64, which is a cache line and a vector register."""
    raw = np.empty(size + ALIGN, np.uint8)
    skip = -raw.__array_interface__["data"][0] % ALIGN
    return raw[skip : skip + size]


def lock(array: np.ndarray) -> np.ndarray:
    """Make an array from `aligned` read-only, together with the memory that it is a view of."""
    if isinstance(array.base, np.ndarray):
        array.base.flags.writeable = False
    array.flags.writeable = False
    return array


def _content(source: Source) -> np.ndarray:
    """Return the whole file as read-only, aligned bytes of our own, which nobody can change while they are in use."""
    if isinstance(source, (str, os.PathLike)):
        with FileIO(source) as opened:
            return _content(opened)
    file: Any = BytesIO(source) if isinstance(source, (bytes, bytearray, memoryview)) else source
    start = file.read(MAJOR_AT)
    if not isinstance(start, bytes):
        raise TypeError(f"load takes a path, bytes or a binary file, but this one reads {shown(start)}: open it 'rb'")
    if len(start) == MAJOR_AT:
        _check_magic(start, MAJOR_AT)  # a large film is not read at all
    parts = [np.frombuffer(part, np.uint8) for part in (start, file.read())]
    return lock(np.concatenate(parts, out=aligned(sum(map(len, parts)))))


def _mapped(source: Any) -> np.ndarray:
    """Return the whole file as read-only bytes that the system brings from the disk when they are used, and shares."""
    if not isinstance(source, (str, os.PathLike)):
        raise TypeError(f"mmap=True takes the path of a file, not {shown(source)}: leave mmap out to read it")
    import mmap

    with FileIO(source) as opened:
        start = opened.read(SMALLEST)
        _check_magic(start[:MAJOR_AT], len(start))  # before it is mapped, which not all that can be read can be
        if len(start) < SMALLEST:
            _layout(memoryview(start))
        return np.frombuffer(mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)
