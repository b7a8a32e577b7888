"""`tune`: many settings are tried, the best becomes a run like any other, and nothing that happens loses a trial."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mlp_runtime
from mlp_train.runs import read_run

pytest.importorskip("optuna", reason="optuna is not installed: pip install 'mlp-train[tune]'")

Run = Callable[..., Any]
SECONDS = 240  # after which a search hangs, also where the machine is busy
# A trial that is long enough to be met while it runs, also where the machine is busy.
LONG = ("--epochs", "250", "--patience", "250", "--folds", "1")
QUICK = ("--epochs", "6", "--jobs", "1", "--folds", "1")


def write_blobs(path: Path) -> str:
    """Write a table of two classes that overlap, 300 rows, as a CSV file."""
    generator = np.random.default_rng(0)
    y = generator.integers(0, 2, 300)
    x = generator.normal(size=(300, 4)) + y[:, None] * 0.9
    rows = [
        ",".join(f"{value:.4f}" for value in row) + f",{'no' if label else 'yes'}"
        for row, label in zip(x, y, strict=True)
    ]
    path.write_text("\n".join(["a,b,c,d,answer", *rows]) + "\n", encoding="utf-8")
    return str(path)


@pytest.fixture
def blobs(tmp_path: Path) -> str:
    return write_blobs(tmp_path / "blobs.csv")


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory, command: list[str]) -> Path:
    """A run folder with a search of one trial in it, to be copied."""
    folder = tmp_path_factory.mktemp("searched")
    words = ["tune", write_blobs(folder / "blobs.csv"), "--trials", "1", *QUICK, "--out", "t"]
    subprocess.run([*command, *words], cwd=folder, check=True, capture_output=True)
    return folder / "t"


def trials_of(folder: str | Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(Path(folder, "study.json").read_text())["trials"]
    return found


def journal(folder: str | Path) -> list[Any]:
    """Return the trials as Optuna reads them."""
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    storage = JournalStorage(JournalFileBackend(str(Path(folder, "study.journal"))))
    return storage.get_all_trials(storage.get_all_studies()[0]._study_id)


def test_the_best_trial_ends_as_a_run_like_any_other(mlp_train: Run, blobs: str) -> None:
    answer = mlp_train("tune", blobs, "--trials", "3", *QUICK, "--out", "t")
    assert answer.code == 0, answer.err
    assert answer.out == f"{Path('t/model.mlp')}\n"
    assert mlp_runtime.load("t/model.mlp").classes == ("no", "yes")
    contents = read_run("t")
    assert contents.finished
    assert {"model.mlp", "config.toml", "metrics.jsonl", "environment.json", "report.html"} <= contents.files.keys()
    said = answer.err.splitlines()
    assert said[-1] == f"next: mlp-train predict {Path('t/model.mlp')} INPUT..."
    assert sum(line.startswith(("1/3  trial", "2/3  trial", "3/3  trial")) for line in said) == 3


def test_the_settings_that_are_printed_train_the_same_model(mlp_train: Run, blobs: str) -> None:
    said = json.loads(mlp_train("tune", blobs, "--trials", "4", *QUICK, "--out", "t", "--json").out)
    again = shlex.split(said["command"])[1:]
    assert mlp_train(*again, "--out", "again").code == 0
    first, second = (mlp_runtime.load(f"{name}/model.mlp") for name in ("t", "again"))
    x = np.random.default_rng(1).normal(size=(50, 4)).astype(np.float32)
    assert np.array_equal(first.forward(x), second.forward(x))
    best = next(one for one in trials_of("t") if one["number"] == said["trial"])
    assert said["metrics"]["valid"]["accuracy"] == best["value"]


def test_the_first_trial_is_what_fit_would_do_so_the_best_is_never_worse(mlp_train: Run, blobs: str) -> None:
    mlp_train("fit", blobs, "--epochs", "6", "--out", "f")
    answer = mlp_train("tune", blobs, "--trials", "3", *QUICK, "--out", "t")
    fitted = read_run("f").summary()["metrics"]["valid"]["accuracy"]
    first, *_ = trials_of("t")
    assert first["number"] == 0
    assert first["layers"] == [64, 32]
    assert next(line for line in answer.err.splitlines() if "trial 0:" in line).endswith("; the defaults")
    assert first["value"] == fitted
    assert read_run("t").summary()["metrics"]["valid"]["accuracy"] >= fitted


def test_what_is_set_stays_and_the_rest_is_searched(mlp_train: Run, blobs: str) -> None:
    answer = mlp_train("tune", blobs, "--trials", "4", *QUICK, "--out", "t", "--hidden", "7", "--optimizer", "lion")
    assert answer.code == 0, answer.err
    assert "what you set stays: epochs, hidden, optimizer" in answer.err
    for trial in trials_of("t"):
        assert trial["layers"] == [7]
        assert not {"width", "layers", "optimizer"} & trial["settings"].keys()
    config = read_run("t").config
    assert config["hidden"] == [7]
    assert config["optimizer"] == "lion"


def test_the_test_rows_have_no_part_in_the_choice(mlp_train: Run, blobs: str, tmp_path: Path) -> None:
    lines = Path(blobs).read_text().splitlines()
    for name, test in (("one", lines[1:60]), ("two", [line.replace("yes", "no") for line in lines[1:60]])):
        for part, rows in (("train", lines[60:]), ("test", test)):
            folder = tmp_path / name
            folder.mkdir(exist_ok=True)
            Path(folder, f"{part}.csv").write_text("\n".join([lines[0], *rows]) + "\n")
        mlp_train("tune", folder, "--target", "answer", "--trials", "3", *QUICK, "--out", f"t-{name}")
    found = [[(one["settings"], one["value"]) for one in trials_of(f"t-{name}")] for name in ("one", "two")]
    assert found[0] == found[1]
    assert read_run("t-one").summary()["metrics"]["test"] != read_run("t-two").summary()["metrics"]["test"]


def test_the_same_command_goes_on_and_more_trials_can_be_asked_for(mlp_train: Run, blobs: str) -> None:
    mlp_train("tune", blobs, "--trials", "2", *QUICK, "--out", "t")
    first = trials_of("t")
    answer = mlp_train("tune", blobs, "--trials", "4", *QUICK, "--out", "t")
    assert answer.code == 0, answer.err
    assert "going on: 2 trials are there already" in answer.err
    assert trials_of("t")[:2] == first
    assert len(trials_of("t")) == 4
    answer = mlp_train("tune", blobs, "--trials", "4", *QUICK, "--out", "t")
    assert answer.code == 0, answer.err
    assert len(trials_of("t")) == 4


@contextlib.contextmanager
def started(command: list[str], folder: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Start a search in a process group of its own, of which nothing is left at the end."""
    process = subprocess.Popen(
        [*command, *words], cwd=folder, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert process.stderr is not None
        process.stderr.close()


def test_a_search_that_is_killed_goes_on_with_nothing_lost(
    mlp_train: Run, blobs: str, command: list[str], tmp_path: Path
) -> None:
    words = ["tune", blobs, "--trials", "2", *LONG, "--jobs", "1", "--out", "t"]
    with started(command, tmp_path, *words) as process:
        _stop_in_a_trial(tmp_path / "t", process, after=1)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    before = journal("t")
    assert [one.state.name for one in before].count("RUNNING") == 1
    answer = mlp_train(*words)
    assert answer.code == 0, answer.err
    after = journal("t")
    done = [one for one in after if one.state.name in ("COMPLETE", "PRUNED")]
    assert len(done) == 2
    (running,) = (one for one in before if one.state.name == "RUNNING")
    (again,) = (one for one in after if one.user_attrs.get("again") == running.number)
    assert again.params.items() >= running.params.items()
    kept = [one for one in before if one.state.name == "COMPLETE"]
    assert [after[one.number].value for one in kept] == [one.value for one in kept]


def test_a_worker_that_was_killed_before_it_gave_its_trial_back_loses_nothing(
    mlp_train: Run, blobs: str, command: list[str], tmp_path: Path
) -> None:
    words = ["tune", blobs, "--trials", "1", *LONG, "--jobs", "1", "--out", "t"]
    with started(command, tmp_path, *words) as process:
        _stop_in_a_trial(tmp_path / "t", process)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    running = _end_the_running_one(tmp_path / "t")  # which a worker does before it gives back
    assert mlp_train(*words).code == 0
    (again,) = (one for one in journal("t") if one.user_attrs.get("again") == running.number)
    assert again.state.name == "COMPLETE"
    assert again.params.items() >= running.params.items()


def test_ctrl_c_keeps_every_trial_and_says_how_to_go_on(blobs: str, command: list[str], tmp_path: Path) -> None:
    long = ("--epochs", "3000", "--patience", "3000", "--folds", "1")
    with started(command, tmp_path, "tune", blobs, "--trials", "50", *long, "--jobs", "1", "--out", "t") as process:
        _wait_for_a_trial(tmp_path / "t", process)
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=SECONDS)
    assert process.returncode == 130
    assert "interrupted, nothing is lost; go on with: mlp-train tune" in said.splitlines()[-1]
    assert "Traceback" not in said
    left = journal(tmp_path / "t")
    assert not [one for one in left if one.state.name == "RUNNING"]
    assert left[-1].state.name == "WAITING"
    assert left[-1].params


def test_a_worker_that_is_killed_is_replaced_and_its_trial_done_again(
    blobs: str, command: list[str], tmp_path: Path
) -> None:
    with started(command, tmp_path, "tune", blobs, "--trials", "3", *LONG, "--jobs", "2", "--out", "t") as process:
        owner = _stop_in_a_trial(tmp_path / "t", process)
        os.kill(owner, signal.SIGKILL)
        os.killpg(process.pid, signal.SIGCONT)
        _, said = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, said
    assert f"a worker was ended from outside (process {owner})" in said
    states = [one.state.name for one in journal(tmp_path / "t")]
    assert states.count("COMPLETE") + states.count("PRUNED") == 3
    assert states.count("FAIL") == 1
    mlp_runtime.load(tmp_path / "t" / "model.mlp")


def test_a_worker_whose_trial_was_given_to_others_takes_the_next(
    blobs: str, command: list[str], tmp_path: Path
) -> None:
    with started(command, tmp_path, "tune", blobs, "--trials", "2", *LONG, "--jobs", "1", "--out", "t") as process:
        _stop_in_a_trial(tmp_path / "t", process)
        running = _end_the_running_one(tmp_path / "t").number  # as heartbeats do to a machine that slept
        os.killpg(process.pid, signal.SIGCONT)
        _, said = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, said
    assert "Traceback" not in said
    states = [one.state.name for one in journal(tmp_path / "t")]
    assert states.count("COMPLETE") + states.count("PRUNED") == 2
    assert states[running] == "FAIL"


def _end_the_running_one(folder: Path) -> Any:
    """Write into the journal that the one trial that runs has come to no good end, and return it."""
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    storage = JournalStorage(JournalFileBackend(str(folder / "study.journal"), lock_obj=Unlocked()))
    study = optuna.load_study(study_name=None, storage=storage)
    (running,) = (one for one in study.trials if one.state.name == "RUNNING")
    study.tell(running.number, state=optuna.trial.TrialState.FAIL)
    return running


class Unlocked:
    """The lock of a journal whose every other user stands still, and none of them in the middle of a line."""

    def acquire(self) -> bool:
        return True

    def release(self) -> None:
        pass


def _stop_in_a_trial(folder: Path, process: subprocess.Popen[str], after: int = 0) -> int:
    """Stop all processes of a search in the middle of a trial, however fast it is; return the one that does it."""
    while True:
        owner = _wait_for_a_trial(folder, process, after)
        os.killpg(process.pid, signal.SIGSTOP)
        is_whole = Path(folder, "study.journal").read_bytes().endswith(b"\n")
        if is_whole and _owner_of_a_trial(journal(folder), after) == owner:
            return owner
        os.killpg(process.pid, signal.SIGCONT)  # it came to its end a moment ago


def _wait_for_a_trial(folder: Path, process: subprocess.Popen[str], after: int = 0) -> int:
    """Wait until a trial is on its way and so many are done; return the process that does it."""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        time.sleep(0.02)
        assert process.poll() is None, "no trial began before the end"
        if not Path(folder, "study.journal").exists():
            continue
        try:
            owner = _owner_of_a_trial(journal(folder), after)
        except (ValueError, IndexError):  # it is being made
            continue
        if owner is not None:
            return owner
    raise AssertionError("no trial began")


def _owner_of_a_trial(trials: list[Any], after: int) -> int | None:
    """Return the process that does a trial, once it has told how that does and so many are done."""
    done = sum(one.state.name == "COMPLETE" for one in trials)
    found = [
        one for one in trials if one.state.name == "RUNNING" and "layers" in one.user_attrs and one.intermediate_values
    ]
    return int(found[0].user_attrs["owner"][1]) if done >= after and found else None


def test_a_search_under_mpiexec_is_refused_with_what_to_do_instead(
    mlp_train: Run, blobs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PMI_RANK", "0")
    monkeypatch.setenv("PMI_SIZE", "2")
    answer = mlp_train("tune", blobs, "--trials", "1")
    assert answer.code == 2
    assert answer.err.splitlines()[-1].startswith("error: mpiexec shares one training, and no search: ")
    assert not Path("runs").exists()


@pytest.mark.parametrize(("folds", "epochs"), [(1, 25), (3, 6)])
def test_trials_that_do_badly_are_dropped_early(mlp_train: Run, blobs: str, folds: int, epochs: int) -> None:
    words = ("--trials", "16", "--epochs", epochs, "--folds", folds, "--jobs", "1", "--out", "t")
    answer = mlp_train("tune", blobs, *words)
    dropped = [one for one in trials_of("t") if one["state"] == "pruned"]
    assert dropped, answer.err
    assert all(one["epochs"] < folds * epochs for one in dropped)
    assert "dropped after" in answer.err


def test_no_model_is_larger_than_was_asked_for(mlp_train: Run, blobs: str) -> None:
    answer = mlp_train("tune", blobs, "--trials", "6", *QUICK, "--max-model-kb", "8", "--out", "t")
    assert answer.code == 0, answer.err
    assert Path("t/model.mlp").stat().st_size <= 8000
    for trial in trials_of("t"):
        assert (trial["size"] <= 8000) == (trial["state"] != "refused"), trial
    refused = [one for one in trials_of("t") if one["state"] == "refused"]
    assert refused, "such a narrow bound refuses some"
    assert all(one["epochs"] is None for one in refused), "before training"
    assert f"{len(refused)} refused" in answer.err
    assert sum(one["state"] != "refused" for one in trials_of("t")) == 6


def test_a_bound_without_an_end_is_none(mlp_train: Run, blobs: str) -> None:
    for kilobytes in ("inf", "1e308"):
        answer = mlp_train("tune", blobs, "--trials", "1", *QUICK, "--max-model-kb", kilobytes, "--by", "nothing")
        assert (answer.code, "--by 'nothing' is no figure" in answer.err) == (2, True), answer.err


def test_a_bound_that_nothing_can_keep_is_one_sentence(mlp_train: Run, blobs: str) -> None:
    answer = mlp_train("tune", blobs, "--trials", "2", *QUICK, "--max-model-kb", "1", "--out", "t")
    assert answer.code == 2
    assert "--max-model-kb 1 cannot be kept: the smallest network, with 2 hidden units, takes" in answer.err
    assert not Path("t").exists()


SPY = """
import json, os
from threadpoolctl import threadpool_info

found = [one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"]
with open(os.environ["SPY"], "a") as file:
    file.write(json.dumps([os.getpid(), found]) + "\\n")
"""


def test_each_worker_has_one_blas_thread(
    mlp_train: Run, blobs: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    Path("spy.py").write_text(SPY)
    monkeypatch.setenv("SPY", str(tmp_path / "seen"))
    words = ("--trials", "2", "--epochs", "3", "--folds", "1", "--jobs", "2", "--plugin", "spy.py", "--out", "t")
    answer = mlp_train("tune", blobs, *words)
    assert answer.code == 0, answer.err
    workers = [one for one in map(json.loads, Path("seen").read_text().splitlines()) if one[0] != os.getpid()]
    assert workers  # of one process or of both: the first may have done all before the second has begun
    assert all(found and set(found) == {1} for _, found in workers)


BAD = """
from mlp_train import register_optimizer
from mlp_train.optimizers import SGD

class Moody(SGD):
    def update(self, parameters, gradient, lr):
        parameters -= lr * gradient
        if self.steps > 2 and WORSE:
            raise RuntimeError("not in the mood")
        self.steps += 1
        if not WORSE:
            parameters *= 1e30

register_optimizer("moody", Moody)
"""


@pytest.mark.parametrize(("worse", "state"), [(True, "failed"), (False, "diverged")])
def test_trials_that_fail_or_diverge_are_counted_and_end_in_a_sentence(
    mlp_train: Run, blobs: str, worse: bool, state: str
) -> None:
    Path("moody.py").write_text(BAD.replace("WORSE", str(worse)))
    words = ("--plugin", "moody.py", "--optimizer", "moody", "--out", "t")
    answer = mlp_train("tune", blobs, "--trials", "3", *QUICK, *words)
    assert answer.code == 2
    assert [one["state"] for one in trials_of("t")] == [state] * 3
    assert f"no trial came to its end (3 {state}); the last one said:" in answer.err.splitlines()[-1]


def test_a_time_limit_ends_the_search_with_the_best_so_far(mlp_train: Run, blobs: str) -> None:
    answer = mlp_train("tune", blobs, "--time-limit", "4", *QUICK, "--out", "t")
    assert answer.code == 0, answer.err
    assert trials_of("t")
    mlp_runtime.load("t/model.mlp")


def test_few_rows_are_held_out_anew_for_each_trial_and_the_mean_counts(mlp_train: Run, blobs: str) -> None:
    from mlp_data import load
    from mlp_train import fit

    answer = mlp_train("tune", blobs, "--trials", "1", "--epochs", "4", "--folds", "3", "--out", "t")
    assert answer.code == 0, answer.err
    assert "chosen by: accuracy of 30 held-out rows, the mean of 3 splits" in answer.err
    assert "the run holds out one of these splits, 30 rows: loss " in answer.err
    first = fit(load(blobs), epochs=4, seed=0)
    splits = [load(blobs).hold_out(0.1, np.random.default_rng(np.random.SeedSequence([0, one]))) for one in (1, 2)]
    figures = [first, *(fit(split, epochs=4, seed=0) for split in splits)]
    wanted = np.mean([one.metrics["valid"]["accuracy"] for one in figures])
    assert trials_of("t")[0]["value"] == pytest.approx(wanted, abs=1e-6)
    assert read_run("t").summary()["metrics"]["valid"]["accuracy"] == first.metrics["valid"]["accuracy"]


def test_numbers_are_searched_by_their_error(mlp_train: Run) -> None:
    generator = np.random.default_rng(0)
    a, b = generator.normal(size=(2, 200))
    rows = [f"{x:.4f},{y:.4f},{2 * x - y:.4f}" for x, y in zip(a, b, strict=True)]
    Path("n.csv").write_text("\n".join(["a,b,price", *rows]) + "\n")
    said = json.loads(mlp_train("tune", "n.csv", "--trials", "3", *QUICK, "--out", "t", "--json").out)
    assert said["by"] == "rmse"
    values = [one["value"] for one in trials_of("t") if one["value"] is not None]
    assert said["metrics"]["valid"]["rmse"] == min(values)


def test_another_figure_can_be_searched_by(mlp_train: Run, blobs: str) -> None:
    said = json.loads(mlp_train("tune", blobs, "--trials", "3", *QUICK, "--by", "log_loss", "--out", "t", "--json").out)
    values = [one["value"] for one in trials_of("t") if one["value"] is not None]
    assert said["metrics"]["valid"]["log_loss"] == min(values)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("xor",), "xor: no rows are held out, so there is nothing to choose settings by"),
        (("blobs.csv", "--by", "acuracy"), "--by 'acuracy' is no figure of such data, did you mean 'accuracy'"),
        (("blobs.csv", "--hidden", "0"), "option 'hidden' cannot be"),
        (("blobs.csv", "--momentum", "0.5"), "option 'momentum' has no effect"),
        (("blobs.csv", "--trials", "0"), "--trials"),
        (("blobs.csv", "--folds", "0"), "--folds"),
        (("blobs.csv", "--storage", "mysql://me:secret@host/db"), "of kind 'mysql', but a study lives in PostgreSQL"),
        (("blobs.csv", "--storage", "studies.db"), "--storage is an address of no kind that is known"),
        (("blobs.csv", "--storage", "postgresql://me:secret@host:port/db"), "not an address of PostgreSQL"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(
    mlp_train: Run, blobs: str, words: tuple[str, ...], sentence: str
) -> None:
    answer = mlp_train("tune", *words, "--out", "t")
    assert answer.code == 2
    assert sentence in answer.err.splitlines()[-1]
    assert "secret" not in answer.err
    assert not Path("t").exists()


def test_a_folder_of_something_else_is_left_alone(mlp_train: Run, blobs: str) -> None:
    Path("t").mkdir()
    Path("t/precious").write_text("mine")
    answer = mlp_train("tune", blobs, "--trials", "1", *QUICK, "--out", "t")
    assert answer.code == 6
    assert "the folder is not empty, and holds no search" in answer.err
    assert [path.name for path in Path("t").iterdir()] == ["precious"]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--optimizer", "lion"), "--optimizer was not the same"),
        (("--max-model-kb", "500"), "--max-model-kb was not the same"),
        (("--by", "log_loss"), "--by was not the same"),
        (("--folds", "2"), "--folds was not the same"),
    ],
)
def test_another_search_does_not_mix_with_the_one_in_a_folder(
    mlp_train: Run, blobs: str, words: tuple[str, str], why: str, searched: Path
) -> None:
    shutil.copytree(searched, "t")
    answer = mlp_train("tune", blobs, "--trials", "1", *QUICK, "--out", "t", *words)
    assert answer.code == 2
    assert f"this is the study of another search: {why}" in answer.err


def test_a_torn_last_line_of_the_journal_costs_nothing(mlp_train: Run, blobs: str) -> None:
    mlp_train("tune", blobs, "--trials", "2", *QUICK, "--out", "t")
    path = Path("t/study.journal")
    path.write_bytes(path.read_bytes() + b'{"op_code": 4, "wor')
    answer = mlp_train("tune", blobs, "--trials", "3", *QUICK, "--out", "t")
    assert answer.code == 0, answer.err
    assert len(trials_of("t")) == 3


@pytest.mark.parametrize(
    "line", [b"not JSON at all", b"[1, 2]", b'{"op_code": "4", "worker_id": "x"}', b"\xff\x00", b"[" * 10000]
)
def test_a_damaged_journal_is_named_by_its_line(mlp_train: Run, blobs: str, line: bytes, searched: Path) -> None:
    shutil.copytree(searched, "t")
    path = Path("t/study.journal")
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([lines[0], line, *lines[1:]]))
    damaged = path.read_bytes()
    answer = mlp_train("tune", blobs, "--trials", "2", *QUICK, "--out", "t")
    assert answer.code == 2
    assert f"{path}: line 2 is not of a study" in answer.err
    assert path.read_bytes() == damaged


def test_a_file_of_somebodys_own_in_place_of_the_journal_is_left_as_it_is(mlp_train: Run, blobs: str) -> None:
    Path("t").mkdir()
    path = Path("t/study.journal")
    path.write_bytes(b"my notes of a year, without an end of line")
    answer = mlp_train("tune", blobs, "--trials", "1", *QUICK, "--out", "t")
    assert answer.code == 2
    assert f"{path}: line 1 is not of a study" in answer.err
    assert path.read_bytes() == b"my notes of a year, without an end of line"


@pytest.mark.parametrize("fits", [0, 1])  # lines: of the search that goes on, the first; then a worker's
def test_a_full_disk_is_said_and_what_was_found_is_gone_on_with(mlp_train: Run, blobs: str, fits: int) -> None:
    resource = pytest.importorskip("resource", reason="this system bounds no files")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    search = ("tune", blobs, *QUICK, "--out", "t")
    command = (*search, "--trials", "3")
    path = Path("t/study.journal")
    assert mlp_train(*search, "--trials", "1").code == 0
    content = path.read_bytes()
    room = fits * (content.index(b"\n") + 1) + 20  # the journal is torn in the middle of a line: all are longer
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(content) + room, before[1]))  # of each file
    try:
        answer = mlp_train(*command)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert answer.code == 6
    assert answer.err.splitlines()[-1].startswith(f"error: {path}: cannot be written: ")
    assert not path.read_bytes().endswith(b"\n"), "torn"
    again = mlp_train(*command)
    assert again.code == 0, again.err
    assert len([one for one in trials_of("t") if one["state"] == "complete"]) == 3


@pytest.mark.parametrize("line", [b'{"op_code": 99, "worker_id": "x"}', b'{"op_code": 6, "worker_id": "x"}'])
def test_a_journal_that_tells_nonsense_is_one_sentence(mlp_train: Run, blobs: str, line: bytes, searched: Path) -> None:
    shutil.copytree(searched, "t")
    with Path("t/study.journal").open("ab") as file:
        file.write(line + b"\n")
    answer = mlp_train("tune", blobs, "--trials", "2", *QUICK, "--out", "t")
    assert answer.code == 2
    assert "not of a study" in answer.err.splitlines()[-1]


def test_a_second_search_in_the_same_folder_waits_for_nobody(mlp_train: Run, blobs: str, searched: Path) -> None:
    from mlp_train.runs import Run as Folder

    shutil.copytree(searched, "t")
    with Folder(Path("t")).lock():
        answer = mlp_train("tune", blobs, "--trials", "2", *QUICK, "--out", "t")
    assert answer.code == 6
    assert "another process is training in this folder" in answer.err


def test_the_report_shows_the_search_and_needs_nothing_from_elsewhere(mlp_train: Run, blobs: str) -> None:
    mlp_train("tune", blobs, "--trials", "8", *QUICK, "--out", "t")
    page = Path("t/report.html").read_text()
    for part in ("The search", "History: what each trial reached", "Pareto front", "Which settings mattered"):
        assert part in page, part
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert mlp_train("report", "t").code == 0
    assert "The search" in Path("t/report.html").read_text()


def test_another_run_in_the_folder_of_a_search_does_not_pass_for_its_best(
    mlp_train: Run, blobs: str, searched: Path
) -> None:
    shutil.copytree(searched, "t")
    assert "The search" in Path("t/report.html").read_text()
    assert mlp_train("fit", blobs, "--epochs", "1", "--out", "t", "--force").code == 0
    assert "The search" not in Path("t/report.html").read_text()
    assert mlp_train("tune", blobs, "--trials", "1", *QUICK, "--out", "t").code == 0
    assert "The search" in Path("t/report.html").read_text()


def test_a_damaged_summary_leaves_the_rest_of_the_page(mlp_train: Run, blobs: str, searched: Path) -> None:
    shutil.copytree(searched, "t")
    for text in ("{", "[]", '{"by": 3}', '{"by": "accuracy", "trials": [{"number": "x"}]}', "null"):
        Path("t/study.json").write_text(text)
        assert mlp_train("report", "t").code == 0, text
        assert "How it learned" in Path("t/report.html").read_text()


def test_what_is_not_installed_is_named(mlp_train: Run, blobs: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "optuna" else found(name))
    answer = mlp_train("tune", blobs)
    assert answer.code == 2
    assert "pip install 'mlp-train[tune]'" in answer.err
