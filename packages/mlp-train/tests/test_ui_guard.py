"""The guard of the page: nobody but the person who started the server gets an answer, and nothing but its own files."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mlp_train

pytest.importorskip("starlette", reason="the page's own packages are not installed: mlp-train[ui]")
pytest.importorskip("httpx2", reason="Starlette's test client needs httpx2")

from starlette.testclient import TestClient

from mlp_train.errors import UsageError
from mlp_train.ui.guard import BODY_LIMIT
from mlp_train.ui.server import STATIC, app, listen
from mlp_train.ui.state import Opened, Workbench, open_thing

TOKEN = "the-token-of-this-start"
HOME = "http://127.0.0.1:8765"


@pytest.fixture(scope="module")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "small.mlp"
    mlp_train.fit([[0.0, 0.0], [1.0, 1.0]], ["no", "yes"], epochs=1, seed=1).save(path)
    return path


@pytest.fixture
def client() -> TestClient:
    return TestClient(app(Workbench(Opened("nothing")), TOKEN), base_url=HOME, headers={"x-mlp-token": TOKEN})


def stranger() -> TestClient:
    return TestClient(app(Workbench(), TOKEN), base_url=HOME)


def test_the_page_itself_holds_no_secret_and_needs_no_token() -> None:
    shown = stranger().get("/")
    assert shown.status_code == 200
    assert TOKEN not in shown.text
    assert stranger().get("/js/app.js").headers["content-type"].startswith("text/javascript")


@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], TOKEN + "x", "ü"])
def test_a_request_without_the_token_of_this_start_is_refused(token: str) -> None:
    headers = {"x-mlp-token": token.encode()} if token else {}
    refused = stranger().get("/api/info", headers=headers)
    assert refused.status_code == 401
    assert "open the address that it printed" in refused.json()["error"]


def test_with_the_token_the_page_learns_what_is_open(client: TestClient) -> None:
    told = client.get("/api/info").json()
    assert told["name"] == "nothing"
    assert told["model"] is None
    assert {"draw", "table"} <= set(told["tabs"])


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example:8765", "localhost.evil.example", "192.168.1.5:8765", ""]
)
def test_a_name_that_only_leads_here_is_refused(client: TestClient, host: str) -> None:
    assert client.get("/api/info", headers={"host": host}).status_code == 421
    assert client.get("/", headers={"host": host}).status_code == 421


@pytest.mark.parametrize("host", ["127.0.0.1:8765", "localhost:8765", "[::1]:8765", "localhost"])
def test_the_names_of_this_machine_are_taken(client: TestClient, host: str) -> None:
    assert client.get("/api/info", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example", "https://127.0.0.1:9", "http://127.0.0.1:9999", "null", "", "http://[", "//[::1",
        "http://127.0.0.1:8765@evil.example", "http://127.0.0.1:8765#@evil.example",
    ],
)  # fmt: skip
def test_a_page_of_another_site_is_refused_even_with_the_token(client: TestClient, origin: str) -> None:
    assert client.post("/api/model", content=b"x", headers={"origin": origin}).status_code == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none"])
def test_what_the_browser_says_came_from_elsewhere_is_refused(client: TestClient, site: str) -> None:
    assert client.get("/api/info", headers={"sec-fetch-site": site}).status_code == 403


def test_the_page_may_be_opened_from_anywhere_since_it_holds_nothing() -> None:
    assert stranger().get("/", headers={"sec-fetch-site": "cross-site"}).status_code == 200


OUTSIDE = (
    "/../server.py", "/js/../../server.py", "/js/%2e%2e/%2e%2e/server.py", "/js/..%2f..%2fserver.py",
    "/%2fetc%2fpasswd", "//etc/passwd", "/js/\\..\\..\\server.py", "/js/%00", "/js/", "/css", "/.git/config",
)  # fmt: skip


@pytest.mark.parametrize("path", OUTSIDE)
def test_nothing_but_the_page_s_own_files_is_served(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code in (404, 405)
    assert "import" not in answer.text


def test_every_answer_forbids_scripts_from_elsewhere_and_guessing(client: TestClient) -> None:
    for answer in (client.get("/"), client.get("/api/info"), client.get("/nothing"), stranger().get("/api/info")):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in answer.headers


def test_the_page_asks_nobody_else() -> None:
    for path in STATIC.rglob("*.*"):
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in text, path
        assert "https://" not in text, path


def test_a_body_that_says_it_is_too_large_is_refused_before_it_is_read(client: TestClient) -> None:
    refused = client.post("/api/table", content=b"{}", headers={"content-length": str(BODY_LIMIT + 1)})
    assert refused.status_code == 413
    assert "smaller" in refused.json()["error"]


def test_a_body_that_goes_on_beyond_its_limit_is_cut_off(client: TestClient) -> None:
    pieces = (b"x" * 2**20 for _ in range(3))  # no length is declared
    assert client.post("/api/draw?width=1&height=1", content=pieces).status_code == 413


@pytest.mark.parametrize("length", ["-1", "many", "1e3", "9" * 5000])
def test_a_length_that_is_no_number_is_refused(client: TestClient, length: str) -> None:
    assert client.post("/api/model", content=b"x", headers={"content-length": length}).status_code == 413


def test_a_dropped_model_is_opened_and_a_broken_one_is_told_in_a_sentence(client: TestClient, model_file: Path) -> None:
    opened = client.post("/api/model?name=mine.mlp", content=model_file.read_bytes())
    assert opened.json()["model"]["classes"] == ["no", "yes"]
    assert opened.json()["generation"] == 1
    refused = client.post("/api/model", content=model_file.read_bytes()[:-7])
    assert refused.status_code == 422
    assert "found" in refused.json()["error"]
    assert client.get("/api/info").json()["name"] == "mine.mlp"


def test_what_nobody_expected_is_told_as_a_bug(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    workbench = Workbench()
    monkeypatch.setattr(workbench, "info", lambda: 1 / 0)
    careful = TestClient(
        app(workbench, TOKEN), base_url=HOME, headers={"x-mlp-token": TOKEN}, raise_server_exceptions=False
    )
    answer = careful.get("/api/info")
    assert answer.status_code == 500
    assert "this is a bug of mlp-train" in answer.json()["error"]
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_what_the_tabs_left_running_ends_with_the_server() -> None:
    workbench, ended = Workbench(), []
    workbench.at_close(lambda: ended.append("first"))
    workbench.at_close(lambda: ended.append("second"))
    with TestClient(app(workbench, TOKEN), base_url=HOME):
        assert not ended
    assert ended == ["second", "first"]


def test_a_port_that_is_taken_is_one_sentence_and_without_one_another_is_found() -> None:
    with listen(None) as first:
        port = first.getsockname()[1]
        assert first.getsockname()[0] == "127.0.0.1"
        with pytest.raises(
            UsageError, match=f"port {port} cannot be had: another program uses it; give another --port"
        ):
            listen(port)
        with listen(None) as second:
            assert second.getsockname()[1] != port


def test_no_other_machine_can_reach_the_server() -> None:
    with listen(None) as listening, socket.socket() as outside:
        outside.settimeout(2)
        with pytest.raises(OSError):
            outside.connect((_address_of_this_machine(), listening.getsockname()[1]))


def _address_of_this_machine() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # nothing is sent
        except OSError:
            pytest.skip("this machine has no network to be reached by")
        return str(probe.getsockname()[0])


def test_a_model_a_run_a_sample_and_nothing_can_be_opened(model_file: Path, tmp_path: Path) -> None:
    assert open_thing(None).model is None
    assert open_thing("xor").source == "xor"
    assert open_thing(str(model_file)).name == "small.mlp"
    data = tmp_path / "data.csv"
    data.write_text("a,b\n1,2\n")
    assert open_thing(str(data)).source == str(data)
    with pytest.raises(UsageError, match="there is nothing of this name"):
        open_thing(str(tmp_path / "no.mlp"))


def test_without_its_packages_the_command_says_what_to_install(
    mlp_train: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib.util

    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == "uvicorn" else real(name, *more)
    )
    answer = mlp_train("ui", "--no-open")
    assert answer.code == 2
    assert (
        answer.err == "error: the page needs the package uvicorn, which is not installed: pip install 'mlp-train[ui]'\n"
    )


def test_a_taken_port_ends_the_command_with_exit_code_two(mlp_train: Callable[..., Any]) -> None:
    with listen(None) as listening:
        answer = mlp_train("ui", "--no-open", "--port", listening.getsockname()[1])
    assert answer.code == 2
    assert answer.err.count("\n") == 1
    assert "another program uses it" in answer.err


def test_the_workbench_lends_the_data_that_its_model_learned_from() -> None:
    workbench = Workbench(open_thing("xor"))
    assert workbench.dataset() is workbench.dataset()
    assert np.asarray(workbench.dataset().splits["train"].x).shape == (4, 2)
    with pytest.raises(UsageError, match="the data of this model are not known"):
        Workbench().dataset()
