"""A source is a zip, a folder or a file; its content chooses the loader, and plug-ins are asked first."""

from __future__ import annotations

import gzip
import importlib.metadata
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mlp_data
from mlp_data import Dataset, Options, Source, Split, sources
from mlp_data.errors import DataError, OptionError
from mlp_data.sources import open_source

Zip = Callable[..., Path]


@pytest.fixture(autouse=True)
def _no_plugin_is_left_behind() -> Iterator[None]:
    before = dict(sources._PLUGINS)
    yield
    sources._PLUGINS.clear()
    sources._PLUGINS.update(before)


def refused(source: str | Path, words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        mlp_data.load(source)
    assert "\n" not in str(caught.value)


def test_a_source_that_is_not_there_gets_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "mnist.zip").write_bytes(b"x")
    refused(tmp_path / "minst.zip", "no such file or folder, did you mean 'mnist.zip'")
    refused("digit", "no such file or folder, did you mean 'digits'")
    refused(tmp_path / "no" / "such.zip", "no folder")


def test_nothing_to_load_is_said_in_one_sentence(tmp_path: Path, make_zip: Zip) -> None:
    (tmp_path / "empty.zip").touch()
    (tmp_path / "folder" / ".git").mkdir(parents=True)
    (tmp_path / "folder" / ".git" / "config").write_text("x")
    (tmp_path / "text.zip").write_bytes(b"\0\1\2\3 this is not an archive")
    refused(tmp_path / "empty.zip", "file is empty")
    refused(tmp_path / "folder", "folder holds no files")
    refused(tmp_path / "text.zip", r"no loader knows this data \(found 'text.zip', which starts with b'")
    refused(make_zip({"a.bin": b"\0\1\2", "b.bin": b"\3\4"}), "found 2 files, the first 'a.bin'")
    refused(make_zip({"a": b"", "b": b""}), r"everything in it is empty \(0 bytes\)")
    (tmp_path / "part.zip").write_bytes(b"PK\x07\x08PK\x03\x04")
    refused(tmp_path / "part.zip", "one part of a split archive")


def test_a_pipe_or_a_device_is_refused_before_it_can_wait_or_run_on_for_ever(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    refused(tmp_path / "pipe", "this is a pipe or a device, not a file: save its content as a file")
    refused("/dev/zero", "/dev/zero: this is a pipe or a device")


def test_a_link_that_leads_nowhere_is_called_one(tmp_path: Path) -> None:
    (tmp_path / "data.zip").symlink_to(tmp_path / "gone.zip")
    (tmp_path / "loop.zip").symlink_to(tmp_path / "loop.zip")
    refused(tmp_path / "data.zip", "data.zip: the link leads to no file: mend it")
    refused(tmp_path / "loop.zip", "loop.zip: cannot be opened .Too many levels of symbolic links.")


def test_a_path_that_no_system_takes_is_a_sentence_too(tmp_path: Path) -> None:
    refused(tmp_path / ("a" * 5000), "cannot be opened .File name too long.: give a file that can be read")
    refused("a\0b", "cannot be opened .*embedded null")


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="only Linux has a file that opens and cannot be read")
def test_a_file_that_opens_but_cannot_be_read_is_named() -> None:
    refused("/proc/self/mem", "/proc/self/mem: cannot be opened .Input/output error.")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"x")
    (tmp_path / "a.zip").chmod(0)
    refused(tmp_path / "a.zip", "cannot be opened")


def test_a_folder_that_links_to_itself_is_walked_once(tmp_path: Path, digits_of: Any, idx: Any) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "images").write_bytes(idx(digits_of(4)))
    (folder / "labels").write_bytes(idx([0, 1, 0, 1]))
    (folder / "again").symlink_to(folder, target_is_directory=True)
    (folder / "gone").symlink_to(tmp_path / "nowhere")
    os.mkfifo(folder / "pipe")
    assert len(mlp_data.load(folder).splits["train"]) == 4


def test_a_single_file_is_a_source_plain_or_gzipped(tmp_path: Path) -> None:
    rows = "".join(f"{i % 2},{','.join(['7'] * 64)}\n" for i in range(4)).encode()
    for name, content in (("a.csv", rows), ("a.csv.gz", gzip.compress(rows)), ("b.gz", rows)):
        (tmp_path / name).write_bytes(content)
        assert mlp_data.load(str(tmp_path / name)).splits["train"].x.shape == (4, 8, 8)


def test_a_gzip_bomb_is_refused(tmp_path: Path, make_zip: Zip) -> None:
    bomb = gzip.compress(b"1,2\n" * 20_000_000)
    (tmp_path / "a.csv.gz").write_bytes(bomb)
    refused(tmp_path / "a.csv.gz", "inflates")
    refused(make_zip({"a.csv.gz": bomb}), "inflates")


def test_a_file_called_as_a_sample_is_reached_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("xor").write_text("hello")
    Path("digits").mkdir()
    assert len(mlp_data.load("xor").splits["train"]) == 4
    assert len(mlp_data.load("digits").splits["train"]) == 6000
    refused("./xor", "no loader knows")
    refused("./digits", "folder holds no files")
    refused(Path("digits"), "folder holds no files")


def test_what_was_said_is_kept_so_that_it_can_be_said_again():
    told = mlp_data.load("titanic", drop="Ticket", columns={"Pclass": "category"})
    assert told.load_options == {"drop": ["Ticket"], "columns": {"Pclass": "category"}}
    assert mlp_data.load("titanic", **told.load_options).fingerprint == told.fingerprint
    assert mlp_data.load("titanic").load_options == {}


def test_an_option_that_is_not_known_gets_the_nearest() -> None:
    with pytest.raises(OptionError, match="no option 'my_target', did you mean 'target'"):
        mlp_data.load("xor", my_target="x")
    with pytest.raises(OptionError, match="option fit='inkk' is not one of none, stretch, ink, did you mean 'ink'"):
        mlp_data.load("xor", fit="inkk")
    with pytest.raises(OptionError, match="takes column names"):
        mlp_data.load("xor", drop=[3])


def tiny(name: str) -> Dataset:
    return Dataset(name, "vector", "regression", {"train": Split(np.eye(2, dtype=np.float32), np.array([0.0, 1.0]))})


@pytest.mark.parametrize("said", [{"fit": "ink"}, {"ink": "dark"}, {"transpose": True}])
@pytest.mark.parametrize(("source", "kind"), [("titanic", "table"), ("xor", "vector")])
def test_what_was_said_about_images_is_refused_for_other_data(source: str, kind: str, said: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match=rf"^{source}: option \w+=.* is for images, but this is {kind} data: leave"):
        mlp_data.load(source, **said)


@pytest.mark.parametrize("said", [{"numbers": "piecewise"}, {"drop": ("x",)}, {"columns": {"x": "number"}}])
@pytest.mark.parametrize(("source", "kind"), [("digits", "image"), ("xor", "vector")])
def test_what_was_said_about_tables_is_refused_for_other_data(source: str, kind: str, said: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match=rf"^{source}: option \w+=.* is for tables, but this is {kind} data: leave"):
        mlp_data.load(source, **said)


@pytest.mark.parametrize("source", ["digits", "xor"])
def test_a_target_column_is_refused_where_there_are_no_columns(source: str) -> None:
    with pytest.raises(OptionError, match=rf"^{source}: option target='kind' names a column, but this data has none"):
        mlp_data.load(source, target="kind")


def test_a_loader_of_your_own_is_asked_before_the_built_in_ones(make_zip: Zip) -> None:
    seen: list[tuple[list[str], str | None]] = []

    @mlp_data.loader("shout")
    def shout(source: Source, options: Options) -> Dataset | None:
        seen.append(([member.name for member in source.members], options.target))
        if not source.members[0].head().startswith(b"SHOUT"):
            return None
        return tiny(source.members[0].read().decode())

    path = make_zip({"a.txt": b"SHOUT hello"})
    assert mlp_data.load(path, target="loudness").name == "SHOUT hello"
    assert seen == [(["a.txt"], "loudness")]
    assert len(mlp_data.load("digits").splits["train"]) == 6000  # it declined

    @mlp_data.loader("shout")
    def louder(source: Source, options: Options) -> Dataset | None:
        return tiny("louder")

    assert mlp_data.load(path).name == "louder"  # a name that is given again is replaced


def test_a_loader_that_breaks_is_named(make_zip: Zip) -> None:
    path = make_zip({"a.txt": b"x"})

    @mlp_data.loader("broken")
    def broken(source: Source, options: Options) -> Dataset | None:
        return {}["key"]

    refused(path, "the loader plug-in 'broken' failed: KeyError: 'key'")

    @mlp_data.loader("broken")
    def wrong(source: Source, options: Options) -> Any:
        return [1, 2]

    refused(path, "the loader plug-in 'broken' returned a list: return a Dataset, or None")

    @mlp_data.loader("broken")
    def careful(source: Source, options: Options) -> Dataset | None:
        raise DataError("a.txt: line 3 is not loud enough")

    refused(path, "^a.txt: line 3 is not loud enough$")  # what a loader says on purpose stays as it said it


def test_entry_points_bring_loaders(monkeypatch: pytest.MonkeyPatch, make_zip: Zip) -> None:
    def entry(name: str, value: str) -> importlib.metadata.EntryPoint:
        return importlib.metadata.EntryPoint(name, value, "mlp_data.loaders")

    def install(*entries: importlib.metadata.EntryPoint) -> None:
        monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: entries)

    monkeypatch.setattr(sources, "tiny_loader", lambda source, options: tiny("from afar"), raising=False)
    install(entry("afar", "mlp_data.sources:tiny_loader"))
    assert mlp_data.load(make_zip({"a.txt": b"x"})).name == "from afar"
    install(entry("missing", "no_such_module:load"))
    refused(make_zip({"a.txt": b"x"}), r"the loader plug-in 'missing' \(no_such_module:load\) cannot be imported")


def test_members_of_a_zip_in_a_zip_are_named_by_both(make_zip: Zip) -> None:
    inner = make_zip({"b/c.txt": b"hello"}, "inner.zip")
    with open_source(make_zip({"a/inner.zip": inner.read_bytes(), "d.txt": b"x"}, "outer.zip")) as source:
        assert [member.name for member in source.members] == ["a/inner.zip/b/c.txt", "d.txt"]
        assert source.members[0].read() == b"hello"
