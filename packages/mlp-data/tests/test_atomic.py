from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mlp_data.atomic import write_bytes, write_text
from mlp_data.errors import OutputError


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def failing(code: int) -> Callable[..., None]:
    def fail(*arguments: object, **named: object) -> None:
        raise OSError(code, os.strerror(code))

    return fail


def test_a_new_file_holds_the_bytes_and_nothing_else_is_left(tmp_path: Path) -> None:
    write_bytes(tmp_path / "model.mlp", b"abc")
    assert (tmp_path / "model.mlp").read_bytes() == b"abc"
    assert names(tmp_path) == ["model.mlp"]


def test_text_is_utf8_with_its_own_line_ends(tmp_path: Path) -> None:
    write_text(tmp_path / "a.csv", "é\r\n")
    assert (tmp_path / "a.csv").read_bytes() == b"\xc3\xa9\r\n"


@pytest.mark.skipif(os.name != "posix", reason="modes and links are POSIX")
def test_the_old_files_mode_and_a_link_to_it_survive(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_bytes(b"old")
    real.chmod(0o640)
    link.symlink_to("real")
    write_bytes(link, b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"
    assert real.stat().st_mode & 0o777 == 0o640


@pytest.mark.skipif(os.name != "posix", reason="the umask is POSIX")
def test_a_new_file_is_as_readable_as_any_other(tmp_path: Path) -> None:
    write_bytes(tmp_path / "ours", b"")
    (tmp_path / "plain").write_bytes(b"")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize(("code", "said"), [(errno.ENOSPC, "the disk is full"), (errno.EIO, os.strerror(errno.EIO))])
@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_fault_before_the_rename_leaves_the_old_file_and_no_temporary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int, said: str
) -> None:
    target = tmp_path / "model.mlp"
    target.write_bytes(b"old")
    monkeypatch.setattr(os, call, failing(code))
    if call == "replace":
        monkeypatch.setattr(Path, call, failing(code))
    with pytest.raises(OutputError, match=said):
        write_bytes(target, b"new")
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["model.mlp"]


def test_ctrl_c_while_writing_leaves_the_old_file_and_no_temporary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(descriptor: int) -> None:
        raise KeyboardInterrupt

    target = tmp_path / "model.mlp"
    target.write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_bytes(target, b"new")
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["model.mlp"]


@pytest.mark.skipif(os.name != "posix", reason="only POSIX can open a folder")
@pytest.mark.parametrize(("code", "reported"), [(errno.EINVAL, False), (errno.EIO, True)])
def test_a_folder_that_cannot_be_synced_is_only_reported_when_the_disk_is_at_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, reported: bool
) -> None:
    sync = os.fsync

    def fail_on_folders(descriptor: int) -> None:
        if Path(f"/proc/self/fd/{descriptor}").is_dir():
            raise OSError(code, os.strerror(code))
        sync(descriptor)

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("/proc is not mounted, so a descriptor's kind is not known")
    monkeypatch.setattr(os, "fsync", fail_on_folders)
    if reported:
        with pytest.raises(OutputError, match="cannot be written"):
            write_bytes(tmp_path / "a", b"new")
    else:
        write_bytes(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new"


def test_a_folder_a_file_as_folder_and_a_missing_folder_each_say_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="it is a folder; give the name of a file"):
        write_bytes(tmp_path, b"")
    with pytest.raises(OutputError, match="a part of the path is a file"):
        write_bytes(tmp_path / "file" / "model.mlp", b"")
    with pytest.raises(OutputError, match="its folder does not exist"):
        write_bytes(tmp_path / "absent" / "model.mlp", b"")
    with pytest.raises(OutputError, match="the name is too long"):
        write_bytes(tmp_path / ("n" * 300), b"")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with a name are POSIX")
def test_a_pipe_or_device_is_never_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OutputError, match="cannot be written"):
        write_bytes(tmp_path / "pipe", b"x")
    assert (tmp_path / "pipe").is_fifo()


LIMITED = """
import resource, sys
from mlp_data.atomic import write_bytes
from mlp_data.errors import OutputError
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    write_bytes(sys.argv[1], bytes(100_000))
except OutputError as error:
    print(error)
"""


@pytest.mark.skipif(os.name != "posix", reason="resource limits are POSIX")
def test_a_write_that_the_system_cuts_short_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "model.mlp"
    target.write_bytes(b"old")
    done = subprocess.run([sys.executable, "-c", LIMITED, str(target)], capture_output=True, text=True, check=True)
    assert "larger than the system allows" in done.stdout
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["model.mlp"]


FULL = """
import os, sys
from mlp_data.atomic import write_bytes
from mlp_data.errors import OutputError
target = sys.argv[1] + "/model.mlp"
write_bytes(target, b"old")
try:
    write_bytes(target, bytes(1_000_000))
except OutputError as error:
    print(error)
print(open(target, "rb").read(), os.listdir(sys.argv[1]))
"""


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare(1) to mount a small disk of its own")
def test_a_disk_that_is_really_full_leaves_the_old_file(tmp_path: Path) -> None:
    mount = 'mount -t tmpfs -o size=64k none "$1" || exit 77; exec "$2" -c "$3" "$1"'
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, "sh", tmp_path, sys.executable, FULL],
        capture_output=True,
        text=True,
    )
    if "unshare" in done.stderr or done.returncode == 77:
        pytest.skip("this system does not let a user mount a small disk")
    assert done.stdout.splitlines() == [
        f"{tmp_path}/model.mlp: cannot be written: the disk is full; free some space or choose another place",
        "b'old' ['model.mlp']",
    ]
