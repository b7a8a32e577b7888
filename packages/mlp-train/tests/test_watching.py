"""`fit --log`: trackers follow a run from its beginning to its end, also through an interruption."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlp_train.runs import create_run, read_run

Run = Callable[..., Any]
QUICK = ("--epochs", "4", "--hidden", "8")

# A tracker as people write them: it prints where it likes, and breaks where it is told to.
KEEPER = """
import json, os
print("import of keeper")
from types import SimpleNamespace

def _keep(name, /, **words):
    with open(os.environ["KEEPER"], "a") as file:
        file.write(json.dumps([name, words]) + "\\n")
    print(name, "of keeper")
    if os.environ.get("KEEPER_FAILS", "") == f"{name} {words.get('step', 1)}":
        raise OSError(28, "No space left on device")

def init(project=None, name=None, id=None, config=None, resume=None, dir=None):
    _keep("init", project=project, name=name, id=id, config=config, resume=resume, dir=dir)
    return SimpleNamespace(name=name, id=id or "first-id")

def log(data, step=None):
    _keep("log", data=data, step=step)

def finish(exit_code=None):
    _keep("finish", exit_code=exit_code)
"""


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[dict[str, Any]]]:
    """What the tracker `keeper` was called with, by the function's name."""
    folder = tmp_path.with_name(tmp_path.name + "-modules")
    folder.mkdir()
    for name in ("keeper", "other_keeper"):
        (folder / f"{name}.py").write_text(KEEPER, encoding="utf-8")
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("KEEPER", str(folder / "calls"))
    (folder / "calls").touch()

    def of(name: str) -> list[dict[str, Any]]:
        kept = [json.loads(line) for line in (folder / "calls").read_text(encoding="utf-8").splitlines()]
        return [words for called, words in kept if called == name]

    return of


def pressed_after(monkeypatch: pytest.MonkeyPatch, epochs: int) -> None:
    """Press Ctrl-C after so many epochs."""
    from mlp_train.trainer import Trainer

    epoch = Trainer.one_epoch

    def one_epoch(self: Trainer) -> Any:
        if self.epoch == epochs:
            raise KeyboardInterrupt
        return epoch(self)

    monkeypatch.setattr(Trainer, "one_epoch", one_epoch)


def test_a_tracker_is_told_the_run_its_epochs_and_the_figures_of_the_test(mlp_train: Run, calls: Run) -> None:
    answer = mlp_train("fit", "digits", "--epochs", "1", "--hidden", "8", "--out", "d", "--log", "keeper", "--json")
    assert answer.code == 0, answer.err
    assert calls("init")[0]["project"] == "digits"
    assert calls("init")[0]["name"] == "d"
    assert calls("init")[0]["dir"] == str(Path("d").absolute())
    epoch, final = calls("log")
    assert (epoch["step"], final["step"]) == (1, 1)
    assert final["data"]["final/test/accuracy"] == json.loads(answer.out)["metrics"]["test"]["accuracy"]
    assert calls("finish") == [{"exit_code": 0}]


def test_what_a_tracker_prints_is_no_part_of_the_answer(mlp_train: Run, calls: Run) -> None:
    loud = mlp_train("fit", "xor", *QUICK, "--out", "a", "--log", "keeper")
    assert loud.out == f"{Path('a/model.mlp')}\n"
    assert loud.err.count("of keeper") == 1 + 5 + 1
    assert mlp_train("fit", "xor", *QUICK, "--out", "b", "--log", "keeper", "-q").err == ""
    events = mlp_train("fit", "xor", *QUICK, "--out", "c", "--log", "keeper", "--progress", "json").err
    assert next(json.loads(line)["event"] for line in events.splitlines()) == "Started"


def test_several_trackers_follow_one_run_each_in_a_project_of_its_own(mlp_train: Run, calls: Run) -> None:
    both = ("--log", "keeper:planes", "--log", "other_keeper")
    assert mlp_train("fit", "xor", *QUICK, "--name", "try 3", "--out", "a", *both).code == 0
    assert [(call["project"], call["name"]) for call in calls("init")] == [("planes", "try 3"), ("xor", "try 3")]
    assert set(json.loads(Path("a/trackers.json").read_text())) == {"keeper", "other_keeper"}
    twice = mlp_train("fit", "xor", *QUICK, "--log", "keeper", "--log", "keeper:planes")
    assert (twice.code, twice.err) == (2, "error: --log keeper is given twice; leave one out\n")


def test_a_run_that_goes_on_is_the_same_run_for_its_tracker(
    mlp_train: Run, calls: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        pressed_after(patch, 2)
        stopped = mlp_train("fit", "xor", *QUICK, "--out", "a", "--log", "keeper:planes")
    assert stopped.code == 130
    assert calls("finish") == [{"exit_code": 1}]
    _, *words = shlex.split(stopped.err.splitlines()[-1].partition("go on with: ")[2])
    assert words[-2:] == ["--log", "keeper:planes"]
    assert mlp_train(*words).code == 0
    begun, again = calls("init")
    assert (begun["resume"], begun["id"]) == (None, None)
    assert {key: again[key] for key in ("resume", "id", "name", "project")} == {
        "resume": "allow",
        "id": "first-id",
        "name": "a",
        "project": "planes",
    }
    steps = [call["step"] for call in calls("log")]
    assert steps == [1, 2, *range(steps[2], 5), 4]
    assert 1 <= steps[2] <= 3, "the epoch after the last checkpoint"
    assert calls("finish")[1] == {"exit_code": 0}


def test_a_run_that_goes_on_without_its_tracker_says_so(
    mlp_train: Run, calls: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        pressed_after(patch, 2)
        mlp_train("fit", "xor", *QUICK, "--out", "a", "--log", "keeper")
    resumed = mlp_train("fit", "--resume", "a")
    assert resumed.code == 0
    assert "note: keeper followed this run before; --log keeper goes on there" in resumed.err
    assert len(calls("init")) == 1, "nothing is imported that nobody named"


@pytest.mark.parametrize("fails", ["log 1", "log 3", "finish 1"])
def test_a_tracker_that_breaks_costs_one_sentence(
    mlp_train: Run, calls: Run, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    monkeypatch.setenv("KEEPER_FAILS", fails)
    answer = mlp_train("fit", "xor", *QUICK, "--out", "a", "--log", "keeper")
    assert answer.code == 0
    assert Path("a/model.mlp").exists()
    warnings = [line for line in answer.err.splitlines() if "warning" in line]
    assert warnings == [
        "warning: keeper keeps no more figures (OSError: [Errno 28] No space left on device); "
        f"the training goes on without it; {Path('a/metrics.jsonl')} has all figures"
    ]
    assert sum(event["event"] == "EpochEnd" for event in read_run("a").events) == 4


def test_a_tracker_that_cannot_begin_leaves_nothing_behind(
    mlp_train: Run, calls: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEEPER_FAILS", "init 1")
    answer = mlp_train("fit", "xor", *QUICK, "--log", "other_keeper", "--log", "keeper")
    assert answer.code == 2
    assert answer.err.splitlines()[-1] == (
        "error: tracker 'other_keeper' cannot begin (OSError: [Errno 28] No space left on device); "
        "mend that, or leave it out"
    )
    assert not list(Path("runs").glob("*/*"))
    Path("mine").mkdir()
    assert mlp_train("fit", "xor", *QUICK, "--log", "keeper", "--out", "mine").code == 2
    assert list(Path("mine").iterdir()) == []
    assert mlp_train("fit", "xor", *QUICK, "--log", "keeper", "--out", "new").code == 2
    assert not Path("new").exists()


def test_a_run_that_cannot_go_on_with_its_tracker_keeps_what_it_has(
    mlp_train: Run, calls: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        pressed_after(patch, 2)
        mlp_train("fit", "xor", *QUICK, "--out", "a", "--log", "keeper")
    with monkeypatch.context() as patch:
        patch.setenv("KEEPER_FAILS", "init 1")
        assert mlp_train("fit", "--resume", "a", "--log", "keeper").code == 2
    assert mlp_train("fit", "--resume", "a", "--log", "keeper").code == 0


def test_a_tracker_is_said_to_be_missing_before_anything_else_is_done(mlp_train: Run) -> None:
    answer = mlp_train("fit", "no-such-data.zip", "--out", "a", "--log", "trakio")
    assert answer.code == 2
    assert answer.err == "error: tracker 'trakio': there is no such module, did you mean 'trackio'?\n"
    assert not Path("a").exists()


def test_only_a_person_at_the_command_line_names_a_tracker(
    mlp_train: Run, calls: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("settings.toml").write_text("log = ['keeper']\n", encoding="utf-8")
    answer = mlp_train("fit", "xor", "--config", "settings.toml")
    assert answer.err == "error: settings.toml: log cannot be set here: give --log NAME on the command line\n"
    monkeypatch.setenv("MLP_TRAIN_LOG", "keeper")
    answer = mlp_train("fit", "xor")
    assert answer.err == (
        "error: the environment: MLP_TRAIN_LOG cannot be set here: give --log NAME on the command line\n"
    )
    assert calls("init") == []
    assert "keeper" not in sys.modules


def test_a_run_can_be_repeated_without_its_tracker(mlp_train: Run, calls: Run) -> None:
    mlp_train("fit", "xor", *QUICK, "--out", "a", "--log", "keeper")
    assert "keeper" not in Path("a/config.toml").read_text(encoding="utf-8")


def test_nobodys_folders_are_told(mlp_train: Run, calls: Run, tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    rows = "a,y\n" + "".join(f"{i * 7 % 20 / 8},{'xy'[i % 2]}\n" for i in range(60))
    Path("secret/rows.csv").write_text(rows, encoding="utf-8")
    Path("secret/plug.py").write_text("", encoding="utf-8")
    words = ("--plugin", "secret/plug.py", "--cache", "secret", "--out", "a", "--log", "keeper")
    assert mlp_train("fit", "secret/rows.csv", *QUICK, *words).code == 0
    config = calls("init")[0]["config"]
    assert (config["source"], config["plugin"]) == ("rows.csv", ["plug.py"])
    assert "secret" not in json.dumps(config)


def test_a_run_in_the_place_of_another_is_a_new_one_for_its_tracker(mlp_train: Run, calls: Run) -> None:
    for _ in range(2):
        assert mlp_train("fit", "xor", *QUICK, "--out", "a", "--force", "--log", "keeper").code == 0
    assert [call["resume"] for call in calls("init")] == [None, None]
    assert mlp_train("fit", "xor", *QUICK, "--out", "a", "--force").code == 0
    assert not Path("a/trackers.json").exists()


def test_force_takes_old_event_files_away_and_leaves_what_else_is_there(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "tensorboard"
    folder.mkdir(parents=True)
    for name in ("events.out.tfevents.1.host", "notes.txt"):
        (folder / name).write_text("old")
    create_run("a", out=tmp_path / "a", force=True)
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("damage", ["[1]", '{"keeper": 3}', '{"keeper": {"id": 3}}', "{", "[" * 100_000])
def test_a_damaged_note_of_trackers_is_one_sentence(
    mlp_train: Run, calls: Run, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    with monkeypatch.context() as patch:
        pressed_after(patch, 1)
        mlp_train("fit", "xor", *QUICK, "--out", "a", "--log", "keeper")
    Path("a/trackers.json").write_text(damage, encoding="utf-8")
    answer = mlp_train("fit", "--resume", "a", "--log", "keeper")
    assert answer.code == 2
    assert answer.err.splitlines()[-1] == (
        f"error: {Path('a/trackers.json')}: this does not tell where the run was followed; remove the file"
    )
