"""A source is a zip archive, a folder or a file; what is in it decides which loader reads it."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from types import MethodType
from typing import Any

from mlp_data.archive import GZIP_MAGIC, PART, PIECE, Archive, check_size, gunzip, gunzipped, inflate
from mlp_data.containers import HEAD, container_kind, open_container
from mlp_data.dataset import Dataset
from mlp_data.errors import ArchiveError, DataError, OptionError
from mlp_data.limits import LIMITS, STREAMED, Limits
from mlp_data.member_names import is_junk
from mlp_data.options import Options
from mlp_data.pause import no_search
from mlp_data.tar import BLOCK, TarArchive
from mlp_runtime.errors import MlpError, nearest

SAMPLES = ("digits", "titanic", "xor")  # what ships with the package and goes by name
SAMPLES_FOLDER = Path(__file__).parent / "samples"
_FEW = 64  # in so small an archive every member is looked at for an archive inside
_ARCHIVES = (".zip", ".npz", ".tar", ".tgz", ".tar.gz")  # in a larger one, those that are called so
_UNREAD = {b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"7z\xbc\xaf": "7-Zip", b"Rar!": "RAR", b"\x28\xb5\x2f\xfd": "zstd"}


@dataclass(eq=False)  # not frozen, which takes three times as long to make: there may be a hundred thousand of them
class Member:
    """One file of a source. `name` is its path inside the source, with forward slashes; `where` names it in errors.

    path: where it lies as it is, None inside an archive.
    """

    name: str
    size: int
    where: str
    _read: Callable[[int | None], bytes]
    _stream: Callable[[], Iterator[bytes]] | None = None
    path: Path | None = None

    def read(self) -> bytes:
        """Return the whole content, unpacked if it is gzip inside; damaged or hostile content raises ArchiveError."""
        check_size(self.size, self.size, self.where)
        content = self._read(None)
        return gunzip(content, self.where) if content.startswith(GZIP_MAGIC) else content

    def stream(self) -> Iterator[bytes]:
        """Yield what `read` returns part by part, for content that is too large to hold."""
        if self._stream is None:
            yield self.read()
            return
        parts = self._stream()
        first = next(parts, b"")
        if first.startswith(GZIP_MAGIC):
            wbits = 16 + zlib.MAX_WBITS
            yield from gunzipped(inflate(chain([first], parts), wbits, self.where, limits=STREAMED), self.where)
        else:
            yield first
            yield from parts

    @cached_property
    def magic(self) -> bytes:
        """The first 16 bytes of the content, kept because every loader asks for them."""
        return self.head(16)

    def head(self, count: int = 512) -> bytes:
        """Return the first `count` bytes of the content, unpacked if it is gzip inside; b"" if that is damaged."""
        content = self._read(max(count, HEAD))
        if not content.startswith(GZIP_MAGIC):
            return content[:count]
        try:
            return gunzip(content, self.where, count)[:count]
        except ArchiveError:
            return b""


@dataclass(frozen=True)
class Source:
    """A named collection of members, the same whether they lie in an archive, in a folder or alone.

    path: where all of it lies.
    """

    name: str
    members: tuple[Member, ...]
    path: Path | None = None

    def identity(self) -> dict[str, Any]:
        """Return what tells this state of the source from another: names, sizes and times of last change."""
        paths = [member.path for member in self.members if member.path is not None] or [self.path or Path(self.name)]
        digest = hashlib.sha256()
        for path in paths:
            found = path.stat()
            digest.update(repr((str(path.resolve()), found.st_size, found.st_mtime_ns)).encode())
        return {"files": len(paths), "state": digest.hexdigest()}


Loader = Callable[[Source, Options], "Dataset | None"]
_PLUGINS: dict[str, Loader] = {}


def loader(name: str) -> Callable[[Loader], Loader]:
    """Register a function that turns a source into a dataset, or returns None where the source is not its kind.

    Registered loaders are asked before the built-in ones, the latest first.
    """

    def register(function: Loader) -> Loader:
        _PLUGINS.pop(name, None)
        _PLUGINS[name] = function
        return function

    return register


def load(source: str | os.PathLike[str], **options: Any) -> Dataset:
    """Load an archive, a folder, a single file, or the shipped sample `digits`, `titanic` or `xor`.

    options: see `mlp_data.Options`. Raises DataError, whose one sentence says what cannot be used and why.
    A file or folder that is called as a sample is reached as `./digits`, or as a `Path`.

    >>> data = load("xor")
    >>> data.splits["train"].y.tolist()
    [0, 1, 1, 0]
    """
    said = Options.of(**options)
    if source == "xor":
        return _checked(_xor(), said, source)
    with open_source(source, LIMITS if said.max_memory is None else STREAMED) as opened:
        for name, function in _loaders():
            dataset = _ask(name, function, opened, said)
            if dataset is not None:
                dataset = _checked(dataset, said, str(source), takes_target=name in _PLUGINS)
                fitting = {**said.for_images(), **dataset.input_options}
                return replace(dataset, input_options=fitting, load_options=said.said())
        raise DataError(_unknown(opened))


def _checked(dataset: Dataset, said: Options, where: str, takes_target: bool = False) -> Dataset:
    """Return the dataset; what was said about another kind of data is refused, for it would do nothing here.

    takes_target: a loader of your own may understand what it likes by a target.
    """
    of_tables = dict.fromkeys(("weight_column", "drop", "columns", "numbers"), "table")
    for option, wanted in {**of_tables, **dict.fromkeys(("fit", "ink", "transpose"), "image")}.items():
        value = getattr(said, option)
        if value and dataset.kind != wanted:
            raise OptionError(
                f"{where}: option {option}={value!r} is for {wanted}s, but this is {dataset.kind} data: leave it out"
            )
    if said.target is not None and dataset.target is None and not takes_target:
        raise OptionError(
            f"{where}: option target={said.target!r} names a column, but this data has none: leave it out"
        )
    return dataset


@contextmanager
def open_source(source: str | os.PathLike[str], limits: Limits = LIMITS) -> Iterator[Source]:
    """Open a source and list its members; those of an archive inside it are listed as `inner.zip/name`."""
    path = _locate(source)
    name = str(source)
    if path.is_dir():
        yield Source(name, tuple(_folder(path, name)), path)
        return
    member = _file(path, path.name, name)
    head = member._read(HEAD)
    with path.open("rb") as file:
        if not head:
            raise DataError(f"{name}: the file is empty (0 bytes): get it again")
        if head.startswith(b"PK\x07\x08"):
            raise ArchiveError(f"{name}: this is one part of a split archive: join the parts into one file first")
        kind = container_kind(head)
        with no_search():
            members = [member] if kind is None else [*_members(open_container(kind, file, name, limits))]
        yield Source(name, tuple(members), path)


def _locate(source: str | os.PathLike[str]) -> Path:
    if isinstance(source, str) and source in SAMPLES:  # Path("./digits") has lost its "./"
        return SAMPLES_FOLDER / f"{source}.zip"
    path = Path(source)
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        mode = None
    except (OSError, ValueError) as error:  # such as a loop of links, or a NUL in the path
        raise _unreadable(str(source), error) from None
    if mode is not None:
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # reading it might wait, or go on, for ever
            raise DataError(f"{source}: this is a pipe or a device, not a file: save its content as a file first")
        return path
    if path.is_symlink():
        raise DataError(f"{source}: the link leads to no file: mend it, or give the file itself")
    try:
        beside = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        raise DataError(f"{source}: there is no such file, and no folder {str(path.parent)!r} either") from None
    hint = nearest(path.name, [*beside, *SAMPLES])
    raise DataError(f"{source}: there is no such file or folder{hint or ': give a path, or digits, titanic or xor'}")


def _unreadable(where: str, error: OSError | ValueError) -> DataError:
    why = getattr(error, "strerror", None) or error  # a ValueError has none
    return DataError(f"{where}: cannot be opened ({why}): give a file that can be read")


def _file(path: Path, name: str, where: str) -> Member:
    def read(at_most: int | None) -> bytes:
        try:
            with path.open("rb") as file:
                return file.read(-1 if at_most is None else at_most)
        except OSError as error:
            raise _unreadable(where, error) from None

    def stream() -> Iterator[bytes]:
        try:
            with path.open("rb") as file:
                while part := file.read(PART):
                    yield part
        except OSError as error:
            raise _unreadable(where, error) from None

    try:
        size = path.stat().st_size
    except OSError as error:
        raise _unreadable(where, error) from None
    return Member(name, size, where, read, stream, path)


def _folder(root: Path, name: str) -> Iterator[Member]:
    count = 0
    seen = {root.resolve()}  # a link that leads back up would never end
    for folder, subfolders, files in os.walk(root, followlinks=True):
        subfolders[:] = sorted(sub for sub in subfolders if not is_junk(sub) and _new(Path(folder, sub), seen))
        for file in sorted(files):
            path = Path(folder, file)
            if is_junk(file) or not path.is_file():
                continue
            count += 1
            if count > LIMITS.files:
                raise DataError(
                    f"{name}: the folder holds more than {LIMITS.files:,} files: give the one with the data"
                )
            inside = path.relative_to(root).as_posix()
            yield _file(path, inside, f"{name}/{inside}")
    if not count:
        raise DataError(f"{name}: the folder holds no files: give one that holds data")


def _new(folder: Path, seen: set[Path]) -> bool:
    real = folder.resolve()
    new = real not in seen
    seen.add(real)
    return new


def _members(archive: Archive | TarArchive, prefix: str = "", budget: int = LIMITS.total_bytes) -> Iterator[Member]:
    few = len(archive.sizes) <= _FEW
    for name, size in archive.sizes.items():
        where = f"{archive.name}/{name}"
        # A method bound to the name, rather than a partial, is one object less for Python to keep an eye on.
        stream = MethodType(archive.stream, name) if size > PIECE else None  # a small one comes in one part anyway
        member = Member(prefix + name, size, where, MethodType(archive.read, name), stream)
        kind = None
        if not prefix and (few or name.lower().endswith(_ARCHIVES)):
            kind = container_kind(archive.read(name, HEAD))
        if kind is None:
            yield member
            continue
        check_size(size, size, where)  # it has to be in memory as a whole
        inner = open_container(kind, io.BytesIO(archive.read(name)), where)
        budget -= sum(inner.sizes.values())
        if budget < 0:
            raise ArchiveError(
                f"{archive.name}: the archives in it unpack to more than {LIMITS.total_bytes:,} bytes: split it"
            )
        yield from _members(inner, f"{name}/")


def _loaders() -> Iterator[tuple[str, Loader]]:
    from importlib.metadata import entry_points

    from mlp_data.loaders import BUILT_IN

    yield from reversed(_PLUGINS.items())
    for entry in entry_points(group="mlp_data.loaders"):
        try:
            function = entry.load()
        except Exception as error:  # whatever a plug-in does, the sentence names the plug-in
            raise DataError(
                f"the loader plug-in {entry.name!r} ({entry.value}) cannot be imported: {type(error).__name__}: {error}"
            ) from error
        yield entry.name, function
    yield from BUILT_IN.items()


def _ask(name: str, function: Loader, source: Source, options: Options) -> Dataset | None:
    try:
        dataset = function(source, options)
    except MlpError:
        raise
    except Exception as error:
        if name not in _PLUGINS and function.__module__.startswith("mlp_data."):
            raise  # our own bug keeps its traceback
        raise DataError(
            f"{source.name}: the loader plug-in {name!r} failed: {type(error).__name__}: {error}"
        ) from error
    if dataset is not None and not isinstance(dataset, Dataset):
        raise DataError(
            f"{source.name}: the loader plug-in {name!r} returned a {type(dataset).__name__}: return a Dataset, or None"
        )
    return dataset


def _unknown(source: Source) -> str:
    first = source.members[0]
    found = f"{len(source.members)} files, the first {first.name!r}" if len(source.members) > 1 else f"{first.name!r}"
    if all(member.size == 0 for member in source.members):
        return f"{source.name}: everything in it is empty (0 bytes): get it again"
    start = first.head(BLOCK)
    if container_kind(start):
        return f"{source.name}: {first.name!r} is an archive in an archive in an archive: unpack the outermost"
    packing = next((kind for magic, kind in _UNREAD.items() if start.startswith(magic)), None)
    if packing:
        return f"{source.name}: {first.name!r} is packed with {packing}, which is not read: pack it as .zip or .tar.gz"
    return (
        f"{source.name}: no loader knows this data (found {found}, which starts with {start[:8]!r}): "
        f"give IDX, CSV, .npz or images in a folder for each class, packed as zip or tar or not"
    )


def _xor() -> Dataset:
    from mlp_data.dataset import from_arrays

    rows = [[0, 0], [0, 1], [1, 0], [1, 1]]
    return from_arrays(rows, [0, 1, 1, 0], names=("a", "b"), name="xor")
