from __future__ import annotations

import datetime
import getpass
import json
import os
import platform
import tomllib
from pathlib import Path

import pytest

from mlp_train.environment import environment
from mlp_train.errors import OutputError, UsageError, exit_code
from mlp_train.runs import FILES, Run, create_run, open_run, read_run

NOON = datetime.datetime(2025, 1, 31, 12, 0, 7, tzinfo=datetime.UTC)


def test_a_run_is_named_by_utc_time_and_name_and_latest_leads_to_it(tmp_path: Path) -> None:
    run = create_run("digits", root=tmp_path, now=NOON)
    assert run.folder == tmp_path / "20250131-120007-digits"
    assert (tmp_path / "latest").resolve() == run.folder.resolve()
    assert not (tmp_path / "latest").readlink().is_absolute()


def test_two_runs_of_one_second_each_have_their_own_folder(tmp_path: Path) -> None:
    folders = [create_run("digits", root=tmp_path, now=NOON).folder for _ in range(3)]
    assert [folder.name for folder in folders] == [f"20250131-120007-digits{end}" for end in ("", "-2", "-3")]
    assert (tmp_path / "latest").resolve() == folders[-1].resolve()


@pytest.mark.parametrize(
    ("name", "expected"), [("../../etc/passwd", "etc-passwd"), ("my data (1)", "my-data-1"), ("ü", "run"), ("", "run")]
)
def test_a_name_never_leads_out_of_the_folder_of_runs(tmp_path: Path, name: str, expected: str) -> None:
    run = create_run(name, root=tmp_path, now=NOON)
    assert run.folder == tmp_path / f"20250131-120007-{expected}"


def test_where_links_are_not_allowed_latest_is_a_text_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **named: object) -> None:
        raise OSError("a required privilege is not held")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    run = create_run("a", root=tmp_path, now=NOON)
    run.write_config({"seed": 1})
    assert (tmp_path / "latest").read_text() == run.folder.name + "\n"
    assert open_run(tmp_path / "latest") == run


def test_the_summary_of_latest_names_the_run_itself(tmp_path: Path) -> None:
    run = create_run("a", root=tmp_path, now=NOON)
    run.write_config({"seed": 1})
    assert read_run(tmp_path / "latest").summary()["folder"] == run.folder.name


def test_a_folder_called_latest_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "latest").mkdir()
    with pytest.raises(OutputError, match="in the way"):
        create_run("a", root=tmp_path)
    assert not list(tmp_path.glob(".*.tmp"))


def test_a_given_folder_is_used_and_made_with_its_parents(tmp_path: Path) -> None:
    assert create_run("a", out=tmp_path / "b" / "c").folder == tmp_path / "b" / "c"
    assert (tmp_path / "b" / "c").is_dir()
    create_run("a", out=tmp_path / "b" / "c")  # empty, so nothing is lost


def test_a_folder_that_holds_something_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"holds notes.txt; choose another, pass --resume .* or --force") as caught:
        create_run("a", out=tmp_path)
    assert exit_code(caught.value) == 6


def test_force_removes_the_old_runs_files_and_nothing_else(tmp_path: Path) -> None:
    for name in (*FILES, "notes.txt"):
        (tmp_path / name).write_text("old")
    create_run("a", out=tmp_path, force=True)
    assert [entry.name for entry in tmp_path.iterdir()] == ["notes.txt"]


def test_a_file_in_the_place_of_the_folder_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="this is a file, not a folder"):
        create_run("a", out=tmp_path / "file")
    with pytest.raises(OutputError, match="a part of the path is a file"):
        create_run("a", out=tmp_path / "file" / "run")
    with pytest.raises(OutputError, match="a part of the path is a file"):
        create_run("a", root=tmp_path / "file")


def test_the_configuration_is_toml_without_what_is_not_set(tmp_path: Path) -> None:
    run = create_run("a", out=tmp_path / "a")
    run.write_config({"hidden": (128, 64), "lr": None, "seed": 3, "data": {"target": None, "drop": ["id"]}})
    assert tomllib.loads(run.config.read_text()) == {"hidden": [128, 64], "seed": 3, "data": {"drop": ["id"]}}


def test_the_environment_names_versions_but_not_who_or_where(tmp_path: Path) -> None:
    run = create_run("a", out=tmp_path / "a")
    run.write_environment()
    text = run.environment.read_text()
    found = json.loads(text)
    assert found == environment()
    assert platform.python_version() in found["python"]
    assert found["packages"]["mlp-train"]
    assert found["blas"] == [] or set(found["blas"][0]) == {"internal_api", "version", "architecture", "num_threads"}
    for secret in (platform.node(), getpass.getuser(), str(Path.home()), "site-packages", "/lib"):
        assert f'"{secret}"' not in text
        assert not secret.startswith("/") or secret not in text


def test_reading_a_run_says_what_is_inside(tmp_path: Path) -> None:
    run = create_run("a", out=tmp_path / "a")
    run.write_config({"seed": 3})
    run.model.write_bytes(b"12345")
    run.metrics.write_text(
        '{"event":"Started","epochs":4}\n{"event":"EpochEnd","epoch":1}\n{"event":"Finished","metrics":{"test":{"accuracy":0.5}}}\n'
    )
    contents = read_run(run.folder)
    assert contents.config == {"seed": 3}
    assert contents.environment == {}
    assert contents.summary() == {
        "folder": "a",
        "finished": True,
        "epochs": 1,
        "epochs_planned": 4,
        "metrics": {"test": {"accuracy": 0.5}},
        "files": {"model.mlp": 5, "config.toml": 9, "metrics.jsonl": run.metrics.stat().st_size},
    }


@pytest.mark.parametrize("plugin", ["1", "[1]", '"mine.py"'])
def test_plugins_that_are_no_list_of_files_are_refused(tmp_path: Path, plugin: str) -> None:
    (tmp_path / "config.toml").write_text(f"plugin = {plugin}\n")
    with pytest.raises(UsageError, match=r"config.toml: plugin is .*, not a list of Python files; mend it"):
        _ = read_run(tmp_path).plugins


def test_a_run_that_was_resumed_and_killed_is_not_finished(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text('{"event":"Started"}\n{"event":"Finished"}\n{"event":"Started"}\n')
    assert not read_run(tmp_path).finished


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("config.toml", b"seed = = 3", "config.toml: this is not TOML"),
        ("config.toml", b"\xff\xfe", "config.toml: this is not TOML"),
        ("config.toml", b"a=" + b"[" * 100_000, "config.toml: this is not TOML: its values are nested too deeply"),
        ("environment.json", b"[" * 100_000, "environment.json: this is not JSON: its values are nested too deeply"),
        ("environment.json", b"{", "environment.json: this is not JSON"),
        ("environment.json", b"[3]", "environment.json: this is not a JSON object; remove the file"),
        ("metrics.jsonl", b"{}\nhello\n{}\n", "metrics.jsonl: line 2 is not an event of a run but b'hello'"),
    ],
)
def test_a_damaged_part_is_named(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=said):
        read_run(tmp_path)


@pytest.mark.parametrize("content", [b"../../etc", b"\xff", b"", b"a\0b", b"gone"])
def test_a_latest_that_names_no_run_beside_it_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "latest").write_bytes(content)
    with pytest.raises(UsageError, match="latest: there is no such run folder"):
        read_run(tmp_path / "latest")


@pytest.mark.skipif(os.name != "posix", reason="Windows has no lock that ends with its process")
def test_a_folder_is_kept_to_the_process_that_trains_in_it(tmp_path: Path) -> None:
    run = create_run("a", out=tmp_path / "run")
    with run.lock(), pytest.raises(OutputError, match="run: another process is training in this folder"), run.lock():
        pass
    with run.lock():
        pass


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such files")
@pytest.mark.parametrize("name", FILES)
def test_a_pipe_or_a_device_in_the_place_of_a_file_is_refused_before_it_is_read(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(UsageError, match=f"{name}: this is a pipe or a device, not a file; remove it"):
        read_run(tmp_path)
    (tmp_path / name).unlink()
    (tmp_path / name).symlink_to("/dev/zero")
    with pytest.raises(UsageError, match=f"{name}: this is a pipe or a device, not a file; remove it"):
        read_run(tmp_path)


def test_what_is_not_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such run folder"):
        read_run(tmp_path / "absent")
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(UsageError, match="not a run folder"):
        read_run(tmp_path)


def test_every_path_of_a_run_is_one_of_its_files() -> None:
    run = Run(Path("a"))
    paths = (run.model, run.checkpoint, run.config, run.metrics, run.environment)
    assert tuple(path.name for path in paths) == FILES


@pytest.mark.skipif(os.name != "posix", reason="Windows has no lock that ends with its process")
def test_force_leaves_the_files_of_a_run_that_is_going_on(tmp_path: Path) -> None:
    run = create_run("a", out=tmp_path / "run")
    run.config.write_text("source = 'xor'\n", encoding="utf-8")
    with run.lock(), pytest.raises(OutputError, match="another process is training in this folder"):
        create_run("b", out=tmp_path / "run", force=True)
    assert run.config.exists()
    create_run("b", out=tmp_path / "run", force=True)
    assert not run.config.exists()
