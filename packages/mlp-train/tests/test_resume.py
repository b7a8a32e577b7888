"""A run may be stopped at any moment, gently or by kill -9; resumed, it ends with the bytes of an uninterrupted one."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import mlp_runtime
from mlp_train import checkpoints
from mlp_train.checkpoints import Checkpoint
from mlp_train.crew import can_fork
from mlp_train.runs import read_run

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are sent as POSIX has them")

Run = Callable[..., Any]
EPOCHS = 150
# Some seconds, and nothing held out: the weights are then those of the last epoch, into which everything went.
FIT = ("fit", "titanic", "--epochs", str(EPOCHS), "--hidden", "256,128", "--valid-fraction", "0", "--seed", "4")


@pytest.fixture(scope="module")
def uninterrupted(command: list[str], tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The model of the same run, left alone."""
    folder = tmp_path_factory.mktemp("whole")
    subprocess.run([*command, *FIT, "--out", "run", "-q"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return (folder / "run" / "model.mlp").read_bytes()


@contextmanager
def started(command: list[str], folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*command, *arguments], cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for_epoch(process: subprocess.Popen[str], epoch: int) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        match = re.match(r"epoch +(\d+)/", line)
        if match and int(match[1]) >= epoch:
            return
    pytest.fail(f"the run ended before epoch {epoch}")


def resume(command: list[str], folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*command, "fit", "--resume", *arguments], cwd=folder, text=True, capture_output=True, check=False
    )


def test_a_run_that_is_killed_again_and_again_ends_with_the_same_bytes(
    command: list[str], tmp_path: Path, uninterrupted: bytes
) -> None:
    with started(command, tmp_path, *FIT, "--out", "run") as process:
        wait_for_epoch(process, 1)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    for epoch in (EPOCHS // 3, EPOCHS * 2 // 3):
        with started(command, tmp_path, "fit", "--resume", "run") as process:
            wait_for_epoch(process, epoch)
            process.send_signal(signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL
    done = resume(command, tmp_path, "run")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "model.mlp").read_bytes() == uninterrupted
    epochs = [event["epoch"] for event in read_run(tmp_path / "run").events if event["event"] == "EpochEnd"]
    assert epochs == list(range(1, EPOCHS + 1))


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_prints_the_command_that_goes_on(
    command: list[str], tmp_path: Path, uninterrupted: bytes, kind: signal.Signals
) -> None:
    with started(command, tmp_path, *FIT, "--out", "my run") as process:
        wait_for_epoch(process, EPOCHS // 2)
        process.send_signal(kind)
        out, err = process.communicate()
        assert process.returncode == 130
    last = err.splitlines()[-1]
    assert last.startswith("error: my run: interrupted, the checkpoint is kept")
    assert "Traceback" not in err
    assert out == ""
    assert not (tmp_path / "my run" / "model.mlp").exists()
    program, *arguments = shlex.split(last.partition("go on with: ")[2])
    assert program == "mlp-train"
    done = subprocess.run([*command, *arguments], cwd=tmp_path, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(Path("my run") / "model.mlp")
    assert (tmp_path / "my run" / "model.mlp").read_bytes() == uninterrupted


def interrupted_run(mlp_train: Run, monkeypatch: pytest.MonkeyPatch, *arguments: str, after: int = 3) -> Any:
    """Press Ctrl-C after some epochs, without a process of its own."""
    from mlp_train.trainer import Trainer

    epoch = Trainer.one_epoch

    def pressed(self: Trainer) -> Any:
        if self.epoch == after:
            raise KeyboardInterrupt
        return epoch(self)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "one_epoch", pressed)
        patch.setattr("mlp_train.trainer.CHECKPOINT_SECONDS", 0.0)
        answer = mlp_train(*arguments)
    assert answer.code == 130, answer.err
    return answer


def test_what_was_killed_before_its_first_checkpoint_says_that_it_begins_anew(
    mlp_train: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted_run(mlp_train, monkeypatch, "fit", "xor", "--epochs", "6", "--out", "run")
    Path("run", "last.ckpt").unlink()  # which `kill -9` would not have let it write
    answer = mlp_train("fit", "--resume", "run")
    assert answer.code == 0, answer.err
    assert "run: there is no checkpoint yet, so it begins anew" in answer.err


def test_a_lone_resume_goes_on_with_the_latest_run(mlp_train: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted_run(mlp_train, monkeypatch, "fit", "xor", "--epochs", "6")
    answer = mlp_train("fit", "--resume", "--json")
    assert answer.code == 0
    assert "resuming: 3 epochs of 6 are done" in answer.err
    model = Path(json.loads(answer.out)["model"])
    assert model.parent.name.endswith("-xor")
    assert json.loads(answer.out)["epochs"] == 6
    mlp_train("fit", "xor", "--epochs", "6", "--out", "whole")
    assert model.read_bytes() == Path("whole/model.mlp").read_bytes()


def test_a_lone_resume_finds_a_run_whose_folder_was_given(mlp_train: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = mlp_train("fit", "--resume")
    assert nothing.code == 2
    assert (
        nothing.err == "error: runs: there is no run in this folder to go on with; give the run's own: --resume DIR\n"
    )
    interrupted_run(mlp_train, monkeypatch, "fit", "xor", "--epochs", "6", "--out", "runs/mine")
    mlp_train("fit", "xor", "--epochs", "2")  # newer, and runs/latest, but done
    assert mlp_train("fit", "--resume").out.strip() == str(Path("runs/mine/model.mlp"))
    assert "this run is finished" in mlp_train("fit", "--resume").err


def test_a_finished_run_says_so_and_gives_its_answer_again(mlp_train: Run) -> None:
    first = mlp_train("fit", "titanic", "--epochs", "2", "--out", "t", "--json")
    before = Path("t/model.mlp").stat().st_mtime_ns
    again = mlp_train("fit", "--resume", "t", "--json")
    assert again.code == 0
    assert json.loads(again.out) == json.loads(first.out)
    assert "this run is finished" in again.err
    assert Path("t/model.mlp").stat().st_mtime_ns == before


def test_a_run_that_was_killed_before_its_first_checkpoint_begins_anew(mlp_train: Run) -> None:
    mlp_train("fit", "xor", "--epochs", "4", "--out", "whole")
    whole = Path("whole/model.mlp").read_bytes()
    for name in ("model.mlp", "last.ckpt", "metrics.jsonl"):
        Path("whole", name).unlink()
    assert mlp_train("fit", "--resume", "whole").code == 0
    assert Path("whole/model.mlp").read_bytes() == whole


def test_a_run_that_was_killed_while_its_model_was_written_writes_it_again(mlp_train: Run) -> None:
    mlp_train("fit", "titanic", "--epochs", "3", "--out", "t")
    whole = Path("t/model.mlp").read_bytes()
    Path("t/model.mlp").unlink()
    log = Path("t/metrics.jsonl").read_text(encoding="utf-8").splitlines()
    Path("t/metrics.jsonl").write_text("\n".join(log[:-1]) + "\n", encoding="utf-8")
    assert mlp_train("fit", "--resume", "t").code == 0
    assert Path("t/model.mlp").read_bytes() == whole


def test_data_that_changed_since_are_refused(mlp_train: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [f"{i},{i % 7},{'yes' if i % 3 else 'no'}" for i in range(50)]
    Path("data.csv").write_text("\n".join(["a,b,y", *rows]) + "\n", encoding="utf-8")
    interrupted_run(mlp_train, monkeypatch, "fit", "data.csv", "--epochs", "6", "--out", "run")
    Path("data.csv").write_text("\n".join(["a,b,y", *rows[:-1], "9,9,no"]) + "\n", encoding="utf-8")
    answer = mlp_train("fit", "--resume", "run")
    assert answer.code == 3
    assert "the training data have changed since the run began" in answer.err


def test_data_that_moved_are_found_where_one_says(mlp_train: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [f"{i},{i % 7},{'yes' if i % 3 else 'no'}" for i in range(50)]
    Path("data.csv").write_text("\n".join(["a,b,y", *rows]) + "\n", encoding="utf-8")
    fit = ("fit", "data.csv", "--epochs", "6", "--valid-fraction", "0", "--out")
    mlp_train(*fit, "whole")
    interrupted_run(mlp_train, monkeypatch, *fit, "run")
    Path("data.csv").rename("moved.csv")
    assert mlp_train("fit", "--resume", "run").code == 3
    assert mlp_train("fit", "moved.csv", "--resume", "run").code == 0
    assert Path("run/model.mlp").read_bytes() == Path("whole/model.mlp").read_bytes()


@pytest.mark.parametrize("flag", [["--epochs", "9"], ["--lr", "1"], ["--out", "other"], ["--force"]])
def test_a_resumed_run_keeps_its_settings(mlp_train: Run, flag: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted_run(mlp_train, monkeypatch, "fit", "xor", "--epochs", "6", "--out", "run")
    answer = mlp_train("fit", "--resume", "run", *flag)
    assert answer.code == 2
    assert f"{flag[0]} cannot be changed in a run that goes on" in answer.err
    monkeypatch.setenv("MLP_TRAIN_EPOCHS", "9")  # meant for new runs
    assert mlp_train("fit", "--resume", "run").code == 0
    assert read_run("run").config["epochs"] == 6


def test_a_damaged_checkpoint_is_refused(mlp_train: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted_run(mlp_train, monkeypatch, "fit", "xor", "--epochs", "6", "--out", "run")
    content = bytearray(Path("run/last.ckpt").read_bytes())
    content[-1] ^= 1
    Path("run/last.ckpt").write_bytes(content)
    answer = mlp_train("fit", "--resume", "run")
    assert answer.code == 4
    assert "the checkpoint is damaged" in answer.err


def test_a_forged_checkpoint_is_refused(mlp_train: Run) -> None:
    mlp_train("fit", "xor", "--epochs", "4", "--out", "x")
    Path("x/model.mlp").unlink()
    for state in ({}, {"identity": []}, {"identity": {}}, {"identity": {"data": 5}}):
        checkpoints.save("x/last.ckpt", Checkpoint({}, state))
        answer = mlp_train("fit", "--resume", "x")
        assert answer.code == 4
        assert "start a new run" in answer.err


def test_a_diverged_run_leaves_no_model(mlp_train: Run) -> None:
    answer = mlp_train("fit", "titanic", "--optimizer", "sgd", "--lr", "1e30", "--out", "run")
    assert answer.code == 7
    assert not Path("run/model.mlp").exists()
    assert not read_run("run").finished


def test_the_metrics_of_a_resumed_run_are_those_of_the_model(mlp_train: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted_run(mlp_train, monkeypatch, "fit", "titanic", "--epochs", "6", "--out", "run")
    said = json.loads(mlp_train("fit", "--resume", "run", "--json").out)
    stored = mlp_runtime.load("run/model.mlp").training["metrics"]
    assert said["metrics"] == stored
    assert set(stored) == {"train", "valid"}


def test_validation_rows_that_changed_since_are_refused(mlp_train: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [f"{i},{i % 7},{'yes' if i % 3 else 'no'}" for i in range(50)]
    for split in ("train", "valid"):
        Path("data", split).mkdir(parents=True)
        Path("data", split, "rows.csv").write_text("\n".join(["a,b,y", *rows]) + "\n", encoding="utf-8")
    interrupted_run(mlp_train, monkeypatch, "fit", "data", "--epochs", "6", "--out", "run")
    Path("data/valid/rows.csv").write_text("\n".join(["a,b,y", *rows[:-1], "9,9,no"]) + "\n", encoding="utf-8")
    answer = mlp_train("fit", "--resume", "run")
    assert answer.code == 3
    assert "the validation data have changed since the run began" in answer.err
    Path("data/valid/rows.csv").write_text("\n".join(["a,b,y", *rows]) + "\n", encoding="utf-8")
    assert mlp_train("fit", "--resume", "run").code == 0


@pytest.mark.skipif(not can_fork(), reason="several processes train together on Linux and x86-64 alone")
def test_a_run_that_goes_on_where_there_are_other_cores_keeps_its_number_of_processes(
    mlp_train: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlp_train.crew.WORTH_A_STEP", 0)
    monkeypatch.setattr("mlp_train.crew.WORTH_A_RUN", 0)
    fit = ("fit", "titanic", "--epochs", "4", "--out")
    monkeypatch.setattr("mlp_train.crew.cores", lambda: 2)
    assert mlp_train(*fit, "whole").code == 0
    interrupted_run(mlp_train, monkeypatch, *fit, "run", after=2)
    interrupted_run(mlp_train, monkeypatch, *fit, "new", after=2)
    Path("new/last.ckpt").unlink()  # as if it had been killed before the first
    monkeypatch.setattr("mlp_train.crew.cores", lambda: 1)
    whole = Path("whole/model.mlp").read_bytes()
    training = mlp_runtime.load(whole).training
    assert training["workers"] == training["configuration"]["workers"] == 2
    for run in ("run", "new"):
        assert read_run(run).config["workers"] == 2
        assert mlp_train("fit", "--resume", run).code == 0
        assert Path(run, "model.mlp").read_bytes() == whole
    assert mlp_train("fit", "--config", "run/config.toml", "--out", "again").code == 0
    assert Path("again/model.mlp").read_bytes() == whole
