from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mlp_train.errors import OutputError, UsageError
from mlp_train.metrics_log import MetricsLog, read_events


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "metrics.jsonl"


def test_every_event_is_one_line_at_once(path: Path) -> None:
    with MetricsLog(path) as log:
        log.write({"event": "Started", "left_out": {"Name": "é"}})
        log.write({"event": "EpochEnd", "epoch": 1})
        assert len(path.read_bytes().splitlines()) == 2  # while the log is still open
    assert read_events(path)[0] == {"event": "Started", "left_out": {"Name": "é"}}


def test_numpys_numbers_and_what_json_does_not_know_can_be_written(path: Path) -> None:
    with MetricsLog(path) as log:
        log.write({"loss": np.float32(0.5), "bad": float("nan"), "worse": np.array([np.inf, 1.0]), "layers": ("a", 2)})

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    found = json.loads(path.read_text(), parse_constant=refuse)
    assert found == {"loss": 0.5, "bad": None, "worse": [None, 1.0], "layers": ["a", 2]}


def test_a_torn_last_line_is_left_out(path: Path) -> None:
    path.write_bytes(b'{"event":"Started"}\n{"event":"EpochEnd","epo')
    assert read_events(path) == [{"event": "Started"}]
    path.write_bytes(b"")
    assert read_events(path) == []


def test_resuming_cuts_the_torn_line_and_the_epochs_that_are_done_again(path: Path) -> None:
    events = [{"event": "Started"}, *({"event": "EpochEnd", "epoch": epoch} for epoch in (1, 2, 3))]
    with MetricsLog(path) as log:
        for event in events:
            log.write(event)
    with path.open("ab") as file:
        file.write(b'{"event":"Epo')
    with MetricsLog(path, keep_epochs=2) as log:
        log.write({"event": "Started"})
    assert read_events(path) == [*events[:3], {"event": "Started"}]


def test_resuming_without_an_old_log_begins_one(path: Path) -> None:
    with MetricsLog(path, keep_epochs=2) as log:
        log.write({"event": "Started"})
    assert read_events(path) == [{"event": "Started"}]


def test_a_damaged_line_elsewhere_is_named_by_its_number(path: Path) -> None:
    path.write_bytes(b'{"event":"Started"}\n[1]\n')
    with pytest.raises(UsageError, match=r"line 2 is not an event of a run but b'\[1\]'"):
        read_events(path)


@pytest.mark.parametrize(
    "line",
    [
        "[" * 100_000,
        '{"event":"EpochEnd","epoch":"x"}',
        '{"event":"EpochEnd","epoch":null}',
        '{"event":"EpochEnd","epoch":1e400}',
        '{"event":"EpochEnd","epoch":-1}',
        '{"event":"EpochEnd"}',
        '{"event":"Finished","metrics":5}',
        '{"event":"Finished","metrics":{"test":5}}',
        '{"event":"Finished","metrics":{"test":{"accuracy":"high"}}}',
        '{"event":"Finished","metrics":{"test":{"accuracy":1' + "0" * 400 + "}}}",
        '{"event":"Finished","samples":"many"}',
        '{"event":"Finished","samples":3}',
        '{"event":"Finished","calibration":{"temperature":"warm"}}',
        '{"event":"Finished","calibration":{"temperature":1.5}}',
        '{"event":"Finished","epoch":1' + "0" * 400 + "}",
        '{"event":"Started","layers":7}',
        '{"event":"Started","lr":"<script>"}',
        '{"event":"EpochEnd","epoch":1' + "0" * 400 + "}",
        '{"event":"EpochEnd","epoch":1,"loss":"low"}',
        '{"event":"EpochEnd","epoch":1,"valid_loss":NaN}',
        '{"event":"EpochEnd","epoch":1,"lr":[0.1]}',
        '{"event":"EpochEnd","epoch":1,"valid":0.9}',
        '{"event":"EpochEnd","epoch":1,"valid":{"accuracy":[0.9]}}',
        '{"event":"EpochEnd","epoch":1,"gradient_norms":3}',
        '{"event":"EpochEnd","epoch":1,"update_ratios":["x"]}',
        '{"event":"EpochEnd","epoch":1,"dead_units":[null]}',
    ],
)
def test_an_object_that_is_no_event_of_a_run_is_named_too(path: Path, line: str) -> None:
    path.write_text(f'{{"event":"Started"}}\n{line}\n')
    with pytest.raises(UsageError, match=r"line 2 is not an event of a run but b'.*'; remove the line"):
        read_events(path)


def test_a_place_that_cannot_be_written_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="its folder does not exist"):
        MetricsLog(tmp_path / "absent" / "metrics.jsonl")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_an_output_error() -> None:
    with MetricsLog("/dev/full") as log, pytest.raises(OutputError, match="the disk is full"):
        log.write({"event": "Started"})


KILLED = """
import sys, time
from mlp_train.metrics_log import MetricsLog
log = MetricsLog(sys.argv[1])
for epoch in range(1, 100_000):
    log.write({"event": "EpochEnd", "epoch": epoch})
    if epoch == 50:
        print("go", flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX")
def test_a_kill_loses_nothing_that_was_written(path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"go\n"
        process.send_signal(signal.SIGKILL)
    epochs = [event["epoch"] for event in read_events(path)]
    assert len(epochs) >= 50
    assert epochs == list(range(1, len(epochs) + 1))
