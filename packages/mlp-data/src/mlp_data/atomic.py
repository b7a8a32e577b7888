"""A file is replaced as a whole or not at all, so that a full disk or a power cut never leaves half of one."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from pathlib import Path

from mlp_data.errors import OutputError

REASONS = {
    errno.ENOSPC: "the disk is full; free some space or choose another place",
    errno.EDQUOT: "the disk quota is used up; free some space or choose another place",
    errno.EFBIG: "the file would be larger than the system allows here; choose another place",
    errno.EACCES: "permission is denied; choose a place that you may write to",
    errno.EPERM: "the system does not permit it; choose a place that you may write to",
    errno.EROFS: "the file system is read-only; choose another place",
    errno.ENOTDIR: "a part of the path is a file and not a folder; choose another path",
    errno.EEXIST: "a file of that name is in the way; choose another path",
    errno.ENOENT: "its folder does not exist; create the folder or choose another path",
    errno.EISDIR: "it is a folder; give the name of a file",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
}


def output_error(path: str | os.PathLike[str], error: OSError) -> OutputError:
    """Say in one sentence why the system refused to write `path`, and what to do about it.

    >>> print(output_error("model.mlp", OSError(errno.ENOSPC, "No space left on device")))
    model.mlp: cannot be written: the disk is full; free some space or choose another place
    """
    said = f"the system says '{error.strerror or error}'; choose another place"
    return OutputError(f"{os.fspath(path)}: cannot be written: {REASONS.get(error.errno or 0, said)}")


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Replace the file `path` by one that holds `data`, and return when the disk has it.

    On any failure the old file is untouched, the temporary one is gone, and OutputError says why.
    """
    try:
        _replace(Path(os.path.realpath(path)), data)  # through a link, so that the link stays one
    except OSError as error:
        raise output_error(path, error) from error


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Replace the file `path` by one that holds `text` as UTF-8, with its line ends as they are."""
    write_bytes(path, text.encode())


def _replace(target: Path, data: bytes) -> None:
    mode = None
    if target.exists():
        old = target.stat().st_mode
        if stat.S_ISDIR(old):
            raise IsADirectoryError(errno.EISDIR, "Is a directory")
        if not stat.S_ISREG(old):  # os.replace would put a plain file in the place of a device such as /dev/null
            raise OSError(errno.EPERM, "Not a plain file")
        mode = stat.S_IMODE(old)
    # Same folder, because only a rename within one file system is atomic; a short name, because the target's may be
    # as long as the system allows.
    temporary = target.with_name(f".{secrets.token_hex(6)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            if mode is not None:
                temporary.chmod(mode)
            os.fsync(file.fileno())  # without it, a power cut after the rename could leave an empty file
        temporary.replace(target)
    except BaseException:  # Ctrl-C too
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable, where the system can."""
    if os.name != "posix":  # Windows cannot open a folder
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems know no such thing
            raise
    finally:
        os.close(descriptor)
