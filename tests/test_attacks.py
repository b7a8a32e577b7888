"""Every hostile file in attacks/ is refused or passed over within 64 MiB and one second of CPU."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ATTACKS = Path(__file__).resolve().parents[1] / "attacks"
MIB = 64
SECONDS = 1.0
SLACK = 2.0  # for a machine that is busy with other things, or slow


@pytest.fixture(scope="module")
def measured() -> list[dict[str, object]]:
    if sys.platform != "linux":
        pytest.skip("attacks/measure.py reads its figures from Linux's /proc")
    command = [sys.executable, str(ATTACKS / "measure.py"), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_every_attack_is_answered_as_it_should_be(measured):
    assert len(measured) > 70
    wrong = {one["name"]: (one["answer"], one["said"]) for one in measured if one["answer"] != one["wanted"]}
    assert wrong == {}


def test_a_refusal_is_one_sentence_that_names_the_file(measured):
    for one in measured:
        if one["answer"] == "refused":
            assert one["name"] in one["said"]
            assert "\n" not in one["said"]


def test_no_attack_takes_more_than_64_mib(measured):
    assert {one["name"]: one["mib"] for one in measured if one["mib"] > MIB} == {}


def test_no_attack_takes_more_than_a_second(measured):
    assert {one["name"]: one["seconds"] for one in measured if one["seconds"] > SECONDS * SLACK} == {}
