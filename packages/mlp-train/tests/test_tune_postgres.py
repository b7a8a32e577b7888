"""Several machines search together in PostgreSQL: here it is real, and a machine dies in the middle."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import mlp_runtime

pytest.importorskip("optuna", reason="optuna is not installed: pip install 'mlp-train[tune]'")
pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'mlp-train[tune]'", exc_type=ImportError)

Run = Callable[..., Any]
PASSWORD = "not-to-be/printed@all"
SECONDS = 600  # after which a server or a search hangs, also where the machine is busy


@dataclass(frozen=True)
class Server:
    """A PostgreSQL server on this machine. url: with the password."""

    port: int
    process: subprocess.Popen[bytes]

    def url(self, password: str = PASSWORD, database: str = "postgres") -> str:
        from urllib.parse import quote_plus

        return f"postgresql://searcher:{quote_plus(password)}@127.0.0.1:{self.port}/{database}"


def program(name: str) -> str:
    """Return the path of one of PostgreSQL's programs, which Debian does not put on the path."""
    found = [shutil.which(name), *map(str, sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True))]
    path = next((one for one in found if one), None)
    if path is None:
        pytest.skip("PostgreSQL is not installed: apt install postgresql")
    return path


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with started() as found:
        yield found


@contextlib.contextmanager
def started() -> Iterator[Server]:
    """Start PostgreSQL in a folder of its own, as somebody else where we are root, which it refuses to be."""
    initdb, postgres = program("initdb"), program("postgres")
    someone = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory(prefix="mlp-tune-") as folder:
        data, word = Path(folder, "data"), Path(folder, "word")
        word.write_text(PASSWORD)
        if someone:
            for path in (Path(folder), word):
                shutil.chown(path, "nobody", "nogroup")
        environment = {**os.environ, "LC_ALL": "C"}
        made = [initdb, "-D", str(data), "-U", "searcher", "--auth=scram-sha-256", f"--pwfile={word}", "-E", "UTF8"]
        subprocess.run([*someone, *made, "--no-sync"], check=True, capture_output=True, env=environment, cwd=folder)
        command = [*someone, postgres, "-D", str(data), *_options(folder)]
        found = _on_a_free_port(command, Path(folder, "log"), environment)
        try:
            yield found
        finally:
            found.process.send_signal(signal.SIGINT)  # its fast shutdown
            found.process.wait(SECONDS)


def _options(folder: str) -> list[str]:
    options = {"listen_addresses": "127.0.0.1", "unix_socket_directories": folder, "fsync": "off"}
    return [word for name, value in options.items() for word in ("-c", f"{name}={value}")]


def _on_a_free_port(command: list[str], log: Path, environment: dict[str, str]) -> Server:
    """Start the server; on another port where somebody takes the one that was free a moment ago."""
    while True:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        with log.open("wb") as file:
            words = [*command, "-c", f"port={port}"]
            process = subprocess.Popen(words, stdout=file, stderr=file, env=environment, cwd=log.parent)
        found = Server(port, process)
        try:
            _wait_until(partial(_has_ended_or_answers, found))
        except BaseException:
            process.kill()
            process.wait()
            raise
        if process.poll() is None:
            return found
        assert "Address already in use" in log.read_text(errors="replace"), log.read_text(errors="replace")


def _has_ended_or_answers(server: Server) -> bool:
    return server.process.poll() is not None or _answers(server)


def _answers(server: Server) -> bool:
    import psycopg

    try:
        psycopg.connect(server.url(), connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _wait_until(holds: Callable[[], Any], *processes: subprocess.Popen[Any]) -> Any:
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        found = holds()
        if found:
            return found
        for process in processes:
            assert process.poll() is None, f"it ended with {process.returncode}"
        time.sleep(0.05)
    raise AssertionError("that took too long")


def trials(server: Server) -> list[Any]:
    """Return the trials of the only study, as another machine sees them; none while there is no study yet."""
    import optuna
    import psycopg

    with psycopg.connect(server.url()) as connection:  # looks first, so as not to make the tables with the machines
        made = connection.execute("SELECT to_regclass('alembic_version')").fetchone()  # the last of them
        if made is None or made[0] is None:
            return []
    storage = optuna.storages.RDBStorage(server.url().replace("postgresql:", "postgresql+psycopg:"))
    try:
        studies = storage.get_all_studies()
        return storage.get_all_trials(studies[0]._study_id) if studies else []
    finally:
        storage.remove_session()
        storage.engine.dispose()


def parent_of(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[1])


@pytest.mark.skipif(sys.platform != "linux", reason="it looks into /proc")
def test_two_machines_share_a_study_and_when_one_dies_nothing_is_lost(
    server: Server, command: list[str], tmp_path: Path
) -> None:
    words = [
        "tune",
        "titanic",
        "--trials",
        "6",
        "--epochs",
        "250",
        "--patience",
        "250",
        "--folds",
        "1",
        "--jobs",
        "1",
        "--storage",
        server.url(),
    ]
    first, second = (
        subprocess.Popen(
            [*command, *words, "--out", name, "--json"],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        for name in ("first", "second")
    )

    def of_the_second() -> Any:
        """Return the trial that a worker of the second machine is doing, once both have one."""
        running = [one for one in trials(server) if one.state.name == "RUNNING" and one.intermediate_values]
        owners = {parent_of(one.user_attrs["owner"][1]): one for one in running}
        return owners.get(second.pid) if first.pid in owners else None

    def caught() -> Any:
        """Return that trial once the second machine stands still in the middle of it."""
        found = of_the_second()
        if found is None:
            return None
        os.killpg(second.pid, signal.SIGSTOP)
        now = of_the_second()
        if now is not None and now.number == found.number:
            return now
        os.killpg(second.pid, signal.SIGCONT)  # it was faster than the look
        return None

    try:
        killed = _wait_until(caught, first, second)
        os.killpg(second.pid, signal.SIGKILL)  # with its worker, as where the machine loses its power
        out, said = first.communicate(timeout=SECONDS)
    finally:
        for process in (first, second):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    assert first.returncode == 0, said
    assert PASSWORD not in said + out

    found = trials(server)
    done = [one for one in found if one.state.name in ("COMPLETE", "PRUNED")]
    assert len(done) == 6
    assert not [one for one in found if one.state.name in ("RUNNING", "WAITING")]
    assert found[killed.number].state.name == "FAIL"
    (again,) = (one for one in found if one.user_attrs.get("again") == killed.number)
    assert again.params == killed.params
    assert again.state.name in ("COMPLETE", "PRUNED")
    others = {one.user_attrs["owner"][1] for one in done}
    assert len(others) >= 1

    answer = json.loads(out)
    assert answer["trials"]["given back"] == 1
    assert mlp_runtime.load(tmp_path / answer["model"]).predict_proba is not None
    best = max(one.value for one in done if one.state.name == "COMPLETE")
    assert answer["metrics"]["valid"]["accuracy"] == best
    assert PASSWORD not in "".join(
        path.read_text() for path in (tmp_path / "first").iterdir() if path.suffix in (".toml", ".json", ".html")
    )


def test_a_machine_that_comes_late_finds_all_done_and_gets_the_best_too(server: Server, mlp_train: Run) -> None:
    words = (
        "tune",
        "titanic",
        "--trials",
        "2",
        "--epochs",
        "3",
        "--folds",
        "1",
        "--jobs",
        "2",
        "--storage",
        server.url(),
    )
    assert mlp_train(*words, "--out", "early").code == 0
    answer = mlp_train(*words, "--out", "late")
    assert answer.code == 0, answer.err
    assert "going on: 2 trials are there already" in answer.err
    assert Path("late/model.mlp").read_bytes() == Path("early/model.mlp").read_bytes()
    answer = mlp_train(*words[:-1], server.url(), "--out", "late", "--optimizer", "lion")
    assert answer.code == 6
    assert "another search was done in this folder" in answer.err


def test_a_wrong_password_is_one_sentence_without_it(server: Server, mlp_train: Run) -> None:
    wrong = f"wrong-{secrets.token_hex(4)}"
    answer = mlp_train("tune", "titanic", "--storage", server.url(wrong), "--out", "t")
    assert answer.code == 2
    assert "the study cannot be reached" in answer.err
    assert "password authentication failed" in answer.err
    assert wrong not in answer.err
    assert "Traceback" not in answer.err
    assert not Path("t").exists()


def test_a_database_that_is_not_there_is_one_sentence(server: Server, mlp_train: Run) -> None:
    answer = mlp_train("tune", "titanic", "--storage", server.url(database="nowhere"), "--out", "t")
    assert answer.code == 2
    assert 'database "nowhere" does not exist' in answer.err
    assert PASSWORD not in answer.err


def test_a_server_that_is_not_there_is_one_sentence(mlp_train: Run) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"postgresql://me:very-secret@127.0.0.1:{port}/db?password=also-secret"
    answer = mlp_train("tune", "titanic", "--storage", url, "--out", "t")
    assert answer.code == 2
    assert f"postgresql://me:***@127.0.0.1:{port}/db: the study cannot be reached" in answer.err
    assert "secret" not in answer.err


def test_a_server_that_stops_in_the_middle_ends_the_search_with_a_sentence(command: list[str], tmp_path: Path) -> None:
    with started() as server:
        words = ["tune", "titanic", "--trials", "50", "--epochs", "100", "--jobs", "1", "--storage", server.url()]
        process = subprocess.Popen(
            [*command, *words, "--out", "t"], cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        try:
            _wait_until(lambda: any("owner" in one.user_attrs for one in trials(server)), process)
            server.process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=SECONDS)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
    assert process.returncode == 2
    assert "the study cannot be reached" in said.splitlines()[-1]
    assert "Traceback" not in said
    assert PASSWORD not in said
