"""The names in an archive come from whoever packed it: a name that is not plainly a file's is refused."""

from __future__ import annotations

import re
import unicodedata

from mlp_data.errors import ArchiveError

_JUNK_FILES = {"thumbs.db", "desktop.ini"}
_LONGEST = 4096  # bytes, as the path of a file on Linux
# Windows opens a device under these names, whatever the folder and the ending ("Naming Files, Paths, and Namespaces").
_DEVICE = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³])\s*(?:[.:].*)?", re.IGNORECASE)
# What most names lack, so that they are done with at the first look.
# Every branch starts with a set of letters and case is spelt out, for then `re` skips what cannot start a match.
_UNUSUAL = re.compile(r"[^ -~]|[\\:]|/(?:[./]|[cC][oO]|[pP][rR]|[aA][uU]|[nN][uU]|[lL][pP]|$)")


def is_junk(name: str) -> bool:
    """Tell whether an operating system left this file, as `__MACOSX/x`, `.DS_Store`, `._x` and `Thumbs.db`.

    >>> is_junk("__MACOSX/0/1.png"), is_junk("digits/0/1.png")
    (True, False)
    """
    within = f"/{name}/"
    return "/." in within or "/__MACOSX/" in within or name.rpartition("/")[2].lower() in _JUNK_FILES


def safe_name(raw: str, archive: str) -> str:
    """Return a member's name with forward slashes and without empty parts; a name that is not safe is an ArchiveError.

    >>> safe_name("digits\\\\./7//a.png", "data.zip")
    'digits/7/a.png'
    """
    if len(raw) <= _LONGEST and not _UNUSUAL.search(f"/{raw}"):
        return raw
    where = f"{archive}: the member name {raw[:80]!r}"
    if len(raw) > _LONGEST:
        raise ArchiveError(f"{where} is {len(raw):,} characters long, over the {_LONGEST:,} allowed: shorten it")
    name = raw.replace("\\", "/")
    if "\0" in raw:
        raise ArchiveError(f"{where} holds a NUL character, which hides the real name: pack the archive again")
    if not raw.isprintable() and any(unicodedata.category(sign) in ("Cc", "Cf", "Cs") for sign in raw):
        raise ArchiveError(f"{where} holds characters that are not shown, which hide the real name: rename the file")
    if name.startswith("/") or name[1:2] == ":":
        raise ArchiveError(f"{where} is an absolute path: pack the archive with relative names")
    parts = name.split("/")
    if ".." in parts:
        raise ArchiveError(f"{where} climbs out of its folder with '..': pack the archive with plain names")
    if any(map(_DEVICE.fullmatch, parts)):
        raise ArchiveError(f"{where} is a device and no file on Windows: rename it and pack the archive again")
    return "/".join(part for part in parts if part not in ("", "."))
