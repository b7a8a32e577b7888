"""Processes that train together wait for each other, end together, and leave nothing behind."""

from __future__ import annotations

import errno
import gc
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import mlp_data
from mlp_train import train
from mlp_train.config import make_config
from mlp_train.crew import Crew, can_fork, choose_workers
from mlp_train.errors import DivergedError, Interrupted, UsageError
from mlp_train.events import EpochEnd
from mlp_train.network import LayerSpec
from mlp_train.plan import make_plan
from mlp_train.trainer import Trainer

pytestmark = pytest.mark.skipif(not can_fork(), reason="several processes need Linux on an x86-64 processor")
OPTIONS = {"hidden": (64,), "workers": 2, "epochs": 50, "valid_fraction": 0.0}
HELD = """
import time
from mlp_train.cli import main
from mlp_train.metrics_log import MetricsLog

write = MetricsLog.write

def hold(self, event):
    write(self, event)
    time.sleep(120 if event.get("epoch") == 6 else 0)

MetricsLog.write = hold
main()
"""  # a run of six epochs that does not end before a slow test has stopped it


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def shared_by(pid: int) -> list[str]:
    """Return what lies behind the memory that a process can write and others see."""
    return [
        line.split(maxsplit=5)[-1] for line in Path(f"/proc/{pid}/maps").read_text().splitlines() if " rw-s " in line
    ]


def wait_until_gone(pids: list[int]) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if not any(map(is_alive, pids)):
            return
        time.sleep(0.01)
    pytest.fail(f"of {pids} some are still alive")


@pytest.fixture(autouse=True)
def nothing_is_left_behind() -> Iterator[None]:
    before = set(children(os.getpid()))
    yield
    assert not set(children(os.getpid())) - before  # one of an earlier test may have been waited for meanwhile


def test_all_see_what_each_brings_and_the_sum_is_the_same_to_the_bit() -> None:
    crew = Crew(3)
    seen, totals = crew.array((3, 4), np.int64), crew.array((3,), np.float64)

    def work() -> None:
        for turn in range(4):
            seen[crew.index, turn] = 10 * turn + crew.index
            crew.wait()
            assert seen[:, turn].tolist() == [10 * turn, 10 * turn + 1, 10 * turn + 2]
        totals[crew.index] = crew.total(0.1 * (crew.index + 1))
        crew.wait()

    crew.start(work)
    try:
        crew.call()
        work()
    finally:
        crew.end()
    assert len(set(totals.tolist())) == 1
    assert totals[0] == pytest.approx(0.6)


def test_a_run_whose_other_process_is_killed_ends_with_a_sentence() -> None:
    trainer = Trainer(make_plan(mlp_data.load("digits"), make_config(**OPTIONS)))
    events = trainer.run()
    next(events)
    (other,) = set(children(os.getpid())) & set(trainer.crew._pids)
    os.kill(other, signal.SIGKILL)
    with pytest.raises(Interrupted, match="one of the training processes was ended from outside"):
        list(events)


def test_a_caller_who_has_seen_enough_leaves_no_process_running() -> None:
    before, libraries = children(os.getpid()), set(shared_by(os.getpid())) - {"/dev/zero (deleted)"}
    events = train(mlp_data.load("digits"), **OPTIONS)
    next(event for event in events if isinstance(event, EpochEnd))
    others = [pid for pid in children(os.getpid()) if pid not in before]
    assert others
    # memory that has no name cannot be left behind: all that is shared is anonymous, which Linux shows as /dev/zero
    shared = set(shared_by(others[-1]))
    assert shared - libraries == {"/dev/zero (deleted)"}
    events.close()  # type: ignore[attr-defined]  # a generator has it
    wait_until_gone(others)


@pytest.mark.parametrize("kind", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_stopped_takes_its_processes_along_and_goes_on_to_the_same_bytes(
    command: list[str], tmp_path: Path, kind: signal.Signals
) -> None:
    fit = ["fit", "digits", "--workers", "2", "--hidden", "64", "--epochs", "6", "--seed", "4"]
    subprocess.run([*command, *fit, "--out", "whole", "-q"], cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)
    held = [sys.executable, "-c", HELD, *fit, "--out", "run"]
    with subprocess.Popen(held, cwd=tmp_path, text=True, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        next(line for line in process.stderr if re.match(r"epoch +2/", line))
        others = children(process.pid)
        process.send_signal(kind)
        process.communicate()
    assert len(others) == 1
    wait_until_gone(others)
    resume = [*command, "fit", "--resume", "run", "-q"]
    subprocess.run(resume, cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)
    assert (tmp_path / "run" / "model.mlp").read_bytes() == (tmp_path / "whole" / "model.mlp").read_bytes()


def test_a_run_goes_on_with_as_many_processes_as_it_began_with(monkeypatch: pytest.MonkeyPatch) -> None:
    data, saved = mlp_data.load("digits").take(train=np.arange(2000)), []
    for workers in (2, 1):
        monkeypatch.setattr("mlp_train.plan.choose_workers", lambda *_, workers=workers, **__: workers)
        resume = saved[0] if saved else None
        started = next(iter(train(data, hidden=(64,), epochs=2, resume=resume)))
        assert started.workers == 2
        list(train(data, hidden=(64,), epochs=2, resume=resume, checkpoint=saved.append))


def test_several_processes_are_chosen_where_they_pay(monkeypatch: pytest.MonkeyPatch) -> None:
    wide = [LayerSpec(784, 256, "relu"), LayerSpec(256, 10, "softmax")]
    narrow = [LayerSpec(12, 64, "relu"), LayerSpec(64, 2, "softmax")]
    many, auto = 10_000_000, make_config()
    monkeypatch.setattr("mlp_train.crew.cores", lambda: 4)
    assert choose_workers(auto, wide, 32, many, on_disk=False) == 4
    assert choose_workers(auto, narrow, 32, many, on_disk=False) == 1
    assert choose_workers(auto, wide, 32, 1000, on_disk=False) == 1
    assert choose_workers(auto, wide, 32, many, on_disk=True) == 1
    assert choose_workers(make_config(engine="plain"), wide, 32, many, on_disk=False) == 1
    assert choose_workers(make_config(workers=3), narrow, 32, 1, on_disk=False) == 3
    monkeypatch.setattr("mlp_train.crew.cores", lambda: 1)
    assert choose_workers(auto, wide, 32, many, on_disk=False) == 1


def test_no_more_processes_are_chosen_than_a_layer_has_work_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlp_train.crew.cores", lambda: 8)
    many = 1_000_000_000
    for layers, count in (
        ([LayerSpec(784, 10, "softmax")], 1),
        ([LayerSpec(2000, 40, "relu"), LayerSpec(40, 10, "softmax")], 2),
        ([LayerSpec(2000, 40, "softmax"), LayerSpec(40, 10, "softmax")], 1),
    ):
        assert choose_workers(make_config(), layers, 256, many, on_disk=False) == count


def test_weights_that_blow_up_in_another_process_are_a_training_that_diverged() -> None:
    blown = {"l2": 1000.0, "lr": 2e36, "optimizer": "sgd", "warmup": 0.0, "schedule": "constant", "epochs": 1}
    data = mlp_data.load("digits").take(train=np.arange(300))
    for seed in range(3):
        with pytest.raises(DivergedError, match=r"at step 1 \(epoch 1\).*layer \d is (inf|nan)"):
            list(train(data, workers=2, hidden=(64,), batch_size="full", valid_fraction=0, seed=seed, **blown))


def test_a_system_that_allows_no_more_processes_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> int:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(os, "fork", refused)
    gc.collect()  # what earlier tests have left open is closed now and not in the middle
    held = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(UsageError, match=r"another process cannot be started: the system says .*--workers 1"):
        list(train(mlp_data.load("digits"), **OPTIONS))
    assert len(list(Path("/proc/self/fd").iterdir())) == held
