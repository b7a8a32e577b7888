"""A container is a file that holds files, a zip or a tar archive; which of them it is shows in its first bytes."""

from __future__ import annotations

from typing import IO, Literal

from mlp_data.archive import GZIP_MAGIC, Archive, gunzip, is_zip
from mlp_data.errors import ArchiveError
from mlp_data.gzip_access import GzipBytes, PlainBytes
from mlp_data.limits import LIMITS, Limits
from mlp_data.tar import BLOCK, TarArchive, is_tar

Kind = Literal["zip", "tar", "tar.gz"]

HEAD = 4096  # bytes that show the kind, also behind gzip


def container_kind(head: bytes) -> Kind | None:
    """Return which archive a file that starts with `head` is, or None if it is none.

    >>> container_kind(b"PK\\x03\\x04" + bytes(500)), container_kind(b"label,pixel0")
    ('zip', None)
    """
    if is_zip(head):
        return "zip"
    if is_tar(head):
        return "tar"
    if head.startswith(GZIP_MAGIC):
        try:
            return "tar.gz" if is_tar(gunzip(head, "", BLOCK)) else None
        except ArchiveError:
            return None  # whoever reads it says what is wrong with it
    return None


def open_container(kind: Kind, file: IO[bytes], name: str, limits: Limits = LIMITS) -> Archive | TarArchive:
    """List the members of an archive; what is not safe to read is an ArchiveError."""
    if kind == "zip":
        return Archive(file, name, limits)
    return TarArchive(PlainBytes(file) if kind == "tar" else GzipBytes(file, name, limits), name, limits)
