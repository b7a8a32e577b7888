"""Train live: one process trains, obeys, tells every page the same, takes only what it should, and ends in time."""

from __future__ import annotations

import contextlib
import io
import os
import queue
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar
from urllib.request import Request, urlopen

import numpy as np
import pytest

pytest.importorskip("starlette", reason="the page's own packages are not installed: mlp-train[ui]")
pytest.importorskip("httpx2", reason="Starlette's test client needs httpx2")

from starlette.testclient import TestClient

import mlp_train
from mlp_train.config import FitConfig
from mlp_train.errors import UsageError
from mlp_train.ui.live import LIMITS, UPLOAD_LIMIT
from mlp_train.ui.live_scene import make_scene
from mlp_train.ui.live_session import MOST_EPOCHS, MOST_SNAPSHOTS, SNAPSHOT_BYTES, Place, Session
from mlp_train.ui.server import app
from mlp_train.ui.state import Opened, Workbench
from mlp_train.ui.toys import TOYS, make_toy
from mlp_train.ui.training import News, Performer, Snapshot, Start

TOKEN = "the-token-of-this-start"
HOME = "http://127.0.0.1:8765"
SECONDS = 240.0  # a ceiling for whatever is waited for, also where the machine is busy
UI = (sys.executable, "-c", "from mlp_train.cli import main; main()", "ui", "--no-open", "--quiet")
SMALL = {"hidden": "8", "epochs": "6", "seed": "3", "lr": "0.01"}


def place(state: dict[str, Any]) -> tuple[int, int]:
    return state["epoch"], state["batches"]


class Page:
    """What a page does, without a browser."""

    def __init__(self, client: TestClient, workbench: Workbench) -> None:
        self.client, self.workbench = client, workbench

    def state(self) -> dict[str, Any]:
        return self.client.get("/api/live").json()["state"]

    def start(self, data: str, play: bool = False, **options: Any) -> Any:
        return self.client.post("/api/live/start", json={"data": data, "options": options, "play": play})

    def order(self, what: str, value: float = 0) -> Any:
        return self.client.post("/api/live/order", json={"what": what, "value": value})

    def until(self, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            state = self.state()
            if holds(state):
                return state
            time.sleep(0.02)
        raise AssertionError(f"this was waited for in vain: {self.state()}")

    def ready(self, data: str, **options: Any) -> dict[str, Any]:
        assert self.start(data, **options).status_code == 200
        return self.until(lambda state: state["status"] in ("pause", "failed"))

    def upload(self, name: str, content: bytes) -> Any:
        return self.client.post("/api/live/upload", params={"name": name}, content=content)


@pytest.fixture
def page() -> Iterator[Page]:
    workbench = Workbench(Opened("nothing"))
    with TestClient(app(workbench, TOKEN), base_url=HOME, headers={"x-mlp-token": TOKEN}) as client:
        yield Page(client, workbench)


def test_a_training_waits_after_loading_and_then_steps_a_batch_and_an_epoch(page: Page) -> None:
    state = page.ready("spiral", **SMALL, batch_size="60")
    assert (state["status"], state["epoch"], state["batches"]) == ("pause", 0, 0)
    page.order("batch")
    state = page.until(lambda now: now["status"] == "pause" and now["batches"] == 1)
    assert state["epoch"] == 0
    assert len(state["progress"]["gradient_norms"]) == 2
    page.order("epoch")
    state = page.until(lambda now: now["status"] == "pause" and now["epoch"] == 1)
    assert state["batches"] == 0
    assert state["kept"] == [0, 1]


def test_a_training_that_was_watched_paused_and_stepped_ends_with_the_same_bits(page: Page) -> None:
    plain = mlp_train.fit(make_toy("rings"), hidden=(8,), epochs=6, seed=3, lr=0.01, workers=1)
    page.ready("rings", **SMALL)
    for what in ("batch", "batch", "epoch"):
        before = page.state()
        page.order(what)
        page.until(lambda now, then=before: now["status"] == "pause" and place(now) != place(then))
    page.order("play")
    page.until(lambda now: now["status"] == "finished")
    used = page.client.post("/api/live/use").json()
    assert used["name"] == f"rings, epoch {plain.epoch}"
    ours = page.workbench.model
    for mine, theirs in zip(ours.layers, plain.model.layers, strict=True):
        np.testing.assert_array_equal(mine.weight, theirs.weight)


def test_the_learning_rate_changes_while_it_runs_without_a_new_beginning(page: Page) -> None:
    state = page.ready("quadrants", hidden="4", schedule="constant", warmup="0", lr="0.01", epochs="50")
    page.order("lr", 0.002)
    page.order("epoch")
    later = page.until(lambda now: now["epoch"] == 1 and now["status"] == "pause")
    assert later["round"] == state["round"]
    assert later["lr"] == 0.002
    row = live_session(page).epochs[-1]
    assert row["lr"] == pytest.approx(0.002)


def test_pictures_show_weights_mistakes_and_the_plane_of_any_epoch_that_was_kept(page: Page) -> None:
    page.ready("quadrants", **SMALL)
    page.order("epoch")
    page.until(lambda now: now["epoch"] == 1 and now["status"] == "pause")
    first, now = (page.client.get("/api/live/pictures", params=said).json() for said in ({"epoch": 0}, {}))
    assert (first["epoch"], now["epoch"]) == (0, 1)
    assert first["weights"]["map"] != now["weights"]["map"]
    assert sum(map(sum, now["confusion"]["counts"])) == 40
    assert now["wrong"] == len(now["mistakes"]) or now["wrong"] > 24
    assert len(now["plane"]["layers"][0]["nodes"]) == 8


def test_pictures_are_never_those_of_the_training_before(page: Page) -> None:
    seen = []
    for seed in range(4):  # each scene may lie where the last one lay in memory
        state = page.ready("quadrants", **{**SMALL, "seed": str(seed)})
        pictures = page.client.get("/api/live/pictures").json()
        assert pictures["round"] == state["round"]
        seen.append(pictures["weights"]["map"]["bytes"])
    assert len(set(seen)) == len(seen)


def test_a_training_that_waits_has_a_network_to_look_at() -> None:
    class Pipe:
        told: ClassVar[list[str]] = []

        def send(self, message: tuple[int, str, Any]) -> None:
            self.told.append(message[1])
            if message[1] == "mode":
                raise BrokenPipeError

    orders: queue.SimpleQueue[Any] = queue.SimpleQueue()
    orders.put(Start(1, "xor", {}, FitConfig()))
    with pytest.raises(BrokenPipeError):
        Performer(Pipe(), orders).run()
    assert Pipe.told == ["loading", "scene", "started", "news", "mode"]


def test_images_and_rows_are_shown_as_what_they_are(page: Page) -> None:
    page.ready("digits", hidden="8", epochs="1")
    pictures = page.client.get("/api/live/pictures").json()
    assert len(pictures["weights"]["images"]) == 8
    assert {"image", "truth", "answer", "share"} <= pictures["mistakes"][0].keys()
    page.ready("titanic", hidden="8", epochs="1")
    pictures = page.client.get("/api/live/pictures").json()
    assert "Sex=female" in pictures["weights"]["names"]
    assert "Sex" in pictures["mistakes"][0]["cells"]


def test_a_table_of_numbers_shows_truth_against_answer(page: Page) -> None:
    rows = "".join(f"{a},{b},{a * 2.5 + b * 0.1:.3f}\n" for a in range(12) for b in range(12))
    data = page.upload("numbers.csv", f"a,b,price\n{rows}".encode()).json()["data"]
    page.ready(data, hidden="8", epochs="2")
    pictures = page.client.get("/api/live/pictures").json()
    assert len(pictures["scatter"][0]) == 2
    assert pictures["plane"]["field"]["bytes"]


def test_one_s_own_csv_is_trained_on_and_its_file_goes_with_the_server() -> None:
    workbench = Workbench()
    with TestClient(app(workbench, TOKEN), base_url=HOME, headers={"x-mlp-token": TOKEN}) as client:
        page = Page(client, workbench)
        rows = "".join(f"{at},{at % 7},{'yes' if at % 7 > 3 else 'no'}\n" for at in range(120))
        taken = page.upload("../../my flowers.csv", f"id,size,tall\n{rows}".encode()).json()
        assert taken["data"] == "file:my flowers.csv"
        assert page.ready(taken["data"], target="tall", hidden="8")["status"] == "pause"
        page.client.post("/api/live/use")
        kept = Path(str(page.workbench.opened.source))
        assert kept.is_file()
    assert not kept.exists()


BROKEN = {
    "cut.zip": b"PK\x03\x04" + b"\x00" * 40,
    "empty.zip": b"",
    "words.csv": b"\xff\xfe\x00\x00garbage",
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_told_in_one_sentence_and_another_training_begins_after_it(page: Page, name: str) -> None:
    data = page.upload(name, BROKEN[name]).json()["data"]
    state = page.ready(data)
    assert state["status"] == "failed"
    assert name in state["sentence"]
    assert "\n" not in state["sentence"]
    assert "this is a bug" not in state["sentence"]  # a temporary folder may be called anything
    assert page.ready("xor", hidden="4")["status"] == "pause"


def test_a_zip_that_grows_beyond_all_bounds_is_refused(page: Page) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for at in range(4):
            archive.writestr(f"{at}.csv", b"0" * 300_000_000)
    state = page.ready(page.upload("bomb.zip", content.getvalue()).json()["data"])
    assert state["status"] == "failed"
    assert "this is a bug" not in state["sentence"]  # a temporary folder may be called anything


def test_a_gigabyte_is_refused_before_it_is_read(page: Page) -> None:
    assert LIMITS["/api/live/upload"] == UPLOAD_LIMIT < 2**30

    def endless() -> Iterator[bytes]:
        yield from iter(lambda: b"0" * 2**20, b"")

    headers = {"content-length": str(2**30)}
    refused = page.client.post("/api/live/upload?name=big.zip", content=endless(), headers=headers)
    assert refused.status_code == 413
    assert "give a smaller file" in refused.json()["error"]


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"data": "digitz"}, "did you mean 'digits'"),
        ({"data": "/etc/passwd"}, "there are no data called"),
        ({"data": "file:other.csv"}, "drop the file"),
        ({"data": "xor", "options": {"cache": "/tmp"}}, "no setting 'cache'"),
        ({"data": "xor", "options": {"plugin": "x.py"}}, "no setting 'plugin'"),
        ({"data": "xor", "options": {"lr": "-1"}}, "option 'lr'"),
        ({"data": "xor", "options": {"optimizer": "adamm"}}, "did you mean 'adam'"),
        ({"data": 3}, "reload the page"),
        ({"data": "xor", "pace": 10**400}, "reload the page"),
        ([], "JSON object"),
    ],
)
def test_what_cannot_be_trained_is_told_in_one_sentence(page: Page, asked: Any, says: str) -> None:
    answer = page.client.post("/api/live/start", json=asked)
    if answer.status_code == 200:  # the name of an optimizer is looked up by the trainer
        sentence = page.until(lambda state: state["status"] == "failed")["sentence"]
    else:
        assert answer.status_code == 422
        sentence = answer.json()["error"]
    assert says in sentence


def test_orders_without_a_training_are_refused(page: Page) -> None:
    assert "no training is going on" in page.order("play").json()["error"]
    assert page.order("dance").status_code == 422
    assert page.order("lr", -1).status_code == 422
    assert page.order("lr", 10**400).status_code == 422
    assert page.client.get("/api/live/pictures").json() is None
    assert "nothing to see" in page.client.post("/api/live/use").json()["error"]


def test_a_training_that_diverges_says_so(page: Page) -> None:
    page.start("spiral", play=True, lr="1e30", optimizer="sgd", hidden="8")
    assert "diverged" in page.until(lambda state: state["status"] == "failed")["sentence"]


def test_hints_are_told_with_what_to_apply(page: Page) -> None:
    page.start("spiral", play=True, lr="1", hidden="16", epochs="8", schedule="constant")
    state = page.until(lambda now: bool(now["hints"]) or now["status"] in ("finished", "failed"))
    assert any("lr" in hint["apply"] and hint["why"] for hint in state["hints"])


def test_the_process_that_was_killed_is_noticed_and_replaced(page: Page) -> None:
    page.ready("xor", hidden="4")
    os.kill(live_session(page).process_id or 0, signal.SIGKILL)
    assert "has ended" in page.until(lambda state: state["status"] == "failed")["sentence"]
    assert page.ready("xor", hidden="4")["status"] == "pause"


def test_an_order_to_a_process_that_has_just_died_is_refused_in_a_sentence(page: Page) -> None:
    page.ready("xor", hidden="4")
    session = live_session(page)
    with session._lock:  # nobody can notice the death before the order comes
        os.kill(session.process_id or 0, signal.SIGKILL)
        assert session._process is not None
        session._process.join()
        with pytest.raises(UsageError, match="has just ended: press Reset"):
            session.order("play")
    assert "has ended" in page.until(lambda state: state["status"] == "failed")["sentence"]


def live_session(page: Page) -> Session:
    """Return the session of the server, which has its end called with the server's."""
    owners = [getattr(closer, "__self__", None) for closer in page.workbench._closers]
    return next(owner.session for owner in owners if hasattr(owner, "session"))


def test_two_pages_are_told_the_same_and_a_late_one_everything() -> None:
    session = Session()
    session.status, session.round, session.version = "play", 1, 1
    early, late = Place(), Place()
    told: list[dict[str, Any]] = []
    for number in range(1, 6):
        session._heard("news", news_of(number))
        session.version += 1
        told += [row for name, value in session.since(early) if name == "epochs" for row in value["rows"]]
    everything = next(value for name, value in session.since(late) if name == "epochs")
    assert [row["epoch"] for row in told] == [row["epoch"] for row in everything["rows"]] == [1, 2, 3, 4, 5]
    assert session.since(early) == []


def test_what_is_kept_of_a_long_training_is_bounded_and_its_ends_are_there() -> None:
    session = Session()
    for number in range(1, 5000):
        session._heard("news", news_of(number))
    assert len(session.epochs) <= MOST_EPOCHS
    assert len(session.snapshots) <= MOST_SNAPSHOTS
    assert session.epochs[0]["epoch"] == 1
    assert session.epochs[-1]["epoch"] == max(session.snapshots) == 4999
    large = Session()
    for number in range(1, 30):
        large._heard("news", news_of(number, size=SNAPSHOT_BYTES // 16))
    assert sum(one.flat.nbytes for one in large.snapshots.values()) <= SNAPSHOT_BYTES


def news_of(epoch: int, size: int = 4) -> News:
    figures = ("seconds", "valid_loss", "valid", "lr", "gradient_norms", "update_ratios", "dead_units", "best")
    row = {"event": "EpochEnd", "epoch": epoch, "loss": 1.0, **dict.fromkeys(figures)}
    return News([row], None, Snapshot(epoch, 0, np.zeros(size, np.float32)))


@pytest.mark.parametrize("name", TOYS)
def test_toys_are_the_same_each_time_and_lie_on_a_plane(name: str) -> None:
    one, other = make_toy(name), make_toy(name)
    assert one.fingerprint == other.fingerprint
    scene = make_scene(mlp_train.trainer.settle(one, mlp_train.FitConfig(workers=1)))
    assert scene.plane is not None
    assert sorted(set(scene.plane.y.tolist())) == [0, 1]


@pytest.mark.parametrize("play", [True, False])
def test_the_training_process_dies_with_a_server_that_was_killed(play: bool) -> None:
    server = subprocess.Popen([*UI], stdout=subprocess.PIPE, text=True, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"})
    try:
        assert server.stdout is not None
        home, _, token = server.stdout.readline().strip().partition("#token=")
        asked = {"x-mlp-token": token, "content-type": "application/json"}
        body = f'{{"data": "digits", "options": {{}}, "play": {str(play).lower()}}}'.encode()
        urlopen(Request(f"{home}api/live/start", body, asked), timeout=SECONDS).read()
        with urlopen(Request(f"{home}api/live/events", headers=asked), timeout=SECONDS) as stream:
            wanted = f'"status":"{"play" if play else "pause"}"'.encode()
            assert any(wanted in line for line in stream), "the stream ended"
        children = trainers(server.pid)
        assert children
        server.kill()
        server.wait()
        end = time.monotonic() + SECONDS
        while alive(children) and time.monotonic() < end:
            time.sleep(0.05)
        assert not alive(children)
    finally:
        server.kill()
        server.wait()
        if server.stdout is not None:
            server.stdout.close()


def trainers(parent: int) -> list[int]:
    """Return the processes that a process has started."""
    tasks = Path(f"/proc/{parent}/task")
    if not tasks.is_dir():
        pytest.skip("this system has no /proc to find a process's children in")
    found = []
    for task in tasks.iterdir():
        with contextlib.suppress(OSError):  # a thread may end while it is looked at
            found += [int(one) for one in (task / "children").read_text().split()]
    return found


def alive(processes: list[int]) -> list[int]:
    def runs(one: int) -> bool:
        try:
            return Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except OSError:
            return False

    return [one for one in processes if runs(one)]


def test_a_server_that_is_stopped_while_pages_watch_ends_at_once_and_without_a_word() -> None:
    server = subprocess.Popen([*UI], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert server.stdout is not None
    home, _, token = server.stdout.readline().strip().partition("#token=")
    with urlopen(Request(f"{home}api/live/events", headers={"x-mlp-token": token})) as stream:
        assert stream.readline().startswith(b"event:")
        server.send_signal(signal.SIGINT)
        _, said = server.communicate(timeout=SECONDS)
    assert said == ""
