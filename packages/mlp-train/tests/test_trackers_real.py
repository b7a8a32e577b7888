"""The trackers themselves: what they were told is read back from the files that they keep."""

from __future__ import annotations

import errno
import inspect
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlp_train.runs import read_run

Run = Callable[..., Any]
QUICK = ("--epochs", "4", "--hidden", "8")

# Trains with a tracker, in a process of its own, and tells every address that it connects to.
WATCHED = """
import json, sys
reached = []
def look(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        reached.append(repr(arguments[1] if event == "socket.connect" else arguments[:2]))
sys.addaudithook(look)
from mlp_train.cli import main
try:
    main()
finally:
    print(json.dumps(reached), file=open("reached.json", "w"))
"""


@pytest.fixture
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of their own, where the trackers write, and no account anywhere."""
    home = tmp_path.with_name(tmp_path.name + "-home")
    home.mkdir()
    for name in ("HOME", "TRACKIO_DIR", "WANDB_CONFIG_DIR", "WANDB_CACHE_DIR", "WANDB_DATA_DIR", "HF_HOME"):
        monkeypatch.setenv(name, str(home))
    for name in ("WANDB_API_KEY", "WANDB_PROJECT", "HF_TOKEN", "TRACKIO_SPACE_ID", "TRACKIO_SERVER_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WANDB_MODE", "offline")
    return home


@pytest.fixture(autouse=True)
def _may_warn(recwarn: pytest.WarningsRecorder) -> None:
    """Let other people's code warn, here where it runs."""
    import warnings

    warnings.simplefilter("ignore")


def interrupted(mlp_train: Run, monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    """Press Ctrl-C after the second epoch."""
    from mlp_train.trainer import Trainer

    epoch = Trainer.one_epoch

    def pressed(self: Trainer) -> Any:
        if self.epoch == 2:
            raise KeyboardInterrupt
        return epoch(self)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "one_epoch", pressed)
        assert mlp_train(*words).code == 130


def read_by_tensorboard(folder: str | Path) -> Any:
    loader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    found = loader.EventAccumulator(str(folder), size_guidance={loader.SCALARS: 0, loader.TENSORS: 0})
    return found.Reload()


class TestTensorBoard:
    @pytest.fixture(autouse=True)
    def _there(self) -> None:
        pytest.importorskip("tensorboardX")

    def test_every_figure_of_metrics_jsonl_is_on_a_curve(self, mlp_train: Run) -> None:
        assert mlp_train("fit", "titanic", *QUICK, "--out", "a", "--log", "tensorboard").code == 0
        seen = read_by_tensorboard("a/tensorboard")
        epochs = [event for event in read_run("a").events if event["event"] == "EpochEnd"]
        for name, of in (
            ("train/loss", lambda event: event["loss"]),
            ("valid/accuracy", lambda event: event["valid"]["accuracy"]),
            ("layer2/update_ratio", lambda event: event["update_ratios"][1]),
        ):
            curve = [(point.step, point.value) for point in seen.Scalars(name)]
            assert curve == [(event["epoch"], pytest.approx(of(event), rel=1e-6)) for event in epochs]
        final = json.loads(Path("a/metrics.jsonl").read_text().splitlines()[-1])["metrics"]["valid"]
        assert seen.Scalars("final/valid/log_loss")[0].value == pytest.approx(final["log_loss"], rel=1e-6)

    def test_the_settings_are_a_table_and_a_row_among_the_hyperparameters(self, mlp_train: Run) -> None:
        mlp_train("fit", "xor", *QUICK, "--seed", "7", "--out", "a", "--log", "tensorboard")
        seen = read_by_tensorboard("a/tensorboard")
        (table,) = seen.Tensors("settings/text_summary")
        assert b"| seed | `7` |" in table.tensor_proto.string_val[0]
        parsed = pytest.importorskip("tensorboard.plugins.hparams.plugin_data_pb2").HParamsPluginData
        row = parsed.FromString(seen.SummaryMetadata("_hparams_/session_start_info").plugin_data.content)
        assert row.session_start_info.hparams["seed"].number_value == 7
        assert row.session_start_info.hparams["optimizer"].string_value == "adamw"

    def test_a_run_that_goes_on_has_every_epoch_once(self, mlp_train: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        interrupted(mlp_train, monkeypatch, "fit", "xor", *QUICK, "--out", "a", "--log", "tensorboard")
        assert mlp_train("fit", "--resume", "a", "--log", "tensorboard").code == 0
        assert len(list(Path("a/tensorboard").iterdir())) == 2
        steps = [point.step for point in read_by_tensorboard("a/tensorboard").Scalars("train/loss")]
        assert steps == [1, 2, 3, 4]

    def test_event_files_go_where_they_are_wanted_and_are_found_there_again(
        self, mlp_train: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        interrupted(mlp_train, monkeypatch, "fit", "xor", *QUICK, "--out", "a", "--log", "tensorboard:all/xor")
        assert mlp_train("fit", "--resume", "a", "--log", "tensorboard").code == 0
        assert len(list(Path("all/xor").iterdir())) == 2
        assert not Path("a/tensorboard").exists()

    def test_a_disk_that_is_full_costs_the_curves_and_not_the_training(
        self, mlp_train: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        files = pytest.importorskip("tensorboardX.event_file_writer")
        write, records = files.EventsWriter.write_event, []

        def full(self: Any, event: Any) -> None:
            records.append(event)
            if len(records) > 3:
                raise OSError(errno.ENOSPC, "No space left on device")
            write(self, event)

        monkeypatch.setattr(files.EventsWriter, "write_event", full)
        answer = mlp_train("fit", "xor", *QUICK, "--out", "a", "--log", "tensorboard")
        assert answer.code == 0
        assert answer.err.count("warning: tensorboard keeps no more figures (OSError: [Errno 28] No space left") == 1
        assert Path("a/model.mlp").exists()

    def test_a_folder_that_cannot_be_made_is_one_sentence(self, mlp_train: Run) -> None:
        Path("file").write_text("")
        answer = mlp_train("fit", "xor", *QUICK, "--out", "a", "--log", "tensorboard:file/events")
        assert answer.code == 2
        assert "error: tracker 'tensorboard' cannot begin (NotADirectoryError: " in answer.err
        assert not Path("a").exists()

    def test_from_python_a_new_training_takes_a_new_folder(self, tmp_path: Path, monkeypatch: Any) -> None:
        import mlp_train

        monkeypatch.chdir(tmp_path)
        tracker = mlp_train.tracker("tensorboard", name="xor")
        mlp_train.fit([[0, 0], [0, 1], [1, 0], [1, 1]], ["0", "1", "1", "0"], epochs=2, reporters=[tracker])
        (folder,) = Path("runs/tensorboard").iterdir()
        assert folder.name.endswith("-xor")
        assert len(read_by_tensorboard(folder).Scalars("train/loss")) == 2


class TestTrackio:
    @pytest.fixture(autouse=True)
    def _there(self, at_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        trackio = pytest.importorskip("trackio")
        for module in [module for name, module in sys.modules.items() if name.startswith("trackio")]:
            if hasattr(module, "TRACKIO_DIR"):  # read once, when it was imported
                monkeypatch.setattr(module, "TRACKIO_DIR", at_home)
        assert trackio.__version__

    def test_its_local_store_has_every_epoch_and_the_settings(self, mlp_train: Run, at_home: Path) -> None:
        store = pytest.importorskip("trackio.sqlite_storage").SQLiteStorage
        assert mlp_train("fit", "titanic", *QUICK, "--name", "try 3", "--out", "a", "--log", "trackio").code == 0
        assert (at_home / "titanic.db").is_file()
        assert [run if isinstance(run, str) else run["name"] for run in store.get_runs("titanic")] == ["try 3"]
        kept = store.get_logs("titanic", "try 3")
        assert [row["step"] for row in kept] == [1, 2, 3, 4, 4]
        epochs = [event for event in read_run("a").events if event["event"] == "EpochEnd"]
        assert [row["valid/accuracy"] for row in kept[:4]] == [event["valid"]["accuracy"] for event in epochs]
        assert "final/valid/roc_auc" in kept[4]
        assert store.get_run_config("titanic", "try 3")["epochs"] == 4

    def test_a_run_that_goes_on_is_the_same_run(self, mlp_train: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        store = pytest.importorskip("trackio.sqlite_storage").SQLiteStorage
        interrupted(mlp_train, monkeypatch, "fit", "xor", *QUICK, "--out", "a", "--log", "trackio:toys")
        assert mlp_train("fit", "--resume", "a", "--log", "trackio").code == 0
        assert [run if isinstance(run, str) else run["name"] for run in store.get_runs("toys")] == ["a"]
        kept = {row["step"]: row.get("train/loss") for row in store.get_logs("toys", "a") if "train/loss" in row}
        assert sorted(kept) == [1, 2, 3, 4]


class TestWandb:
    @pytest.fixture(autouse=True)
    def _there(self, at_home: Path) -> None:
        pytest.importorskip("wandb")

    def test_it_takes_the_words_that_it_is_given(self) -> None:
        wandb = pytest.importorskip("wandb")
        assert {"project", "name", "id", "config", "dir", "resume"} <= inspect.signature(wandb.init).parameters.keys()
        assert "step" in inspect.signature(wandb.sdk.wandb_run.Run.log).parameters
        assert "exit_code" in inspect.signature(wandb.finish).parameters

    def test_offline_its_file_is_in_the_run_folder(self, command: list[str], tmp_path: Path) -> None:
        words = ["fit", "xor", *QUICK, "--out", "a", "--log", "wandb:toys"]
        done = subprocess.run([*command, *words], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() == str(Path("a/model.mlp"))
        (kept,) = (tmp_path / "a" / "wandb").glob("offline-run-*/run-*.wandb")
        data = kept.read_bytes()
        for word in (b"train/loss", b"final/train/accuracy", b"toys"):
            assert word in data
        known = json.loads((tmp_path / "a" / "trackers.json").read_text())["wandb"]
        assert kept.name == f"run-{known['id']}.wandb"

    def test_without_an_account_it_is_refused_before_training(
        self, command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("WANDB_MODE")
        words = ["fit", "xor", *QUICK, "--out", "a", "--log", "wandb"]
        done = subprocess.run(
            [*command, *words], cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        assert done.returncode == 2
        assert done.stderr.splitlines()[-1].startswith("error: tracker 'wandb' cannot begin (UsageError: ")
        assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("tracker", ["tensorboard", "trackio", "wandb"])
def test_nothing_is_sent_to_another_machine(tracker: str, tmp_path: Path, at_home: Path) -> None:
    pytest.importorskip("tensorboardX" if tracker == "tensorboard" else tracker)
    words = ["fit", "xor", *QUICK, "--out", "a", "--log", tracker]
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    reached = json.loads((tmp_path / "reached.json").read_text())
    assert [
        one
        for one in reached
        if "127.0.0.1" not in one
        and "::1" not in one
        and "localhost" not in one
        and not one.startswith(("'/", "b'/", "'\\x00"))
    ] == []
