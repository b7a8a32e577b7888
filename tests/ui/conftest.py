"""Fixtures of the browser's tests: trained models, the server as a person starts it, and pages that notice errors."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = Path("/usr/bin/chromium")
COMMAND = (sys.executable, "-c", "from mlp_train.cli import main; main()", "ui")
SECONDS = 60.0  # a ceiling for whatever is waited for: a machine that is busy is no reason to fail
Start = Callable[..., tuple[str, subprocess.Popen[str]]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests of this folder, in one sentence, where there is nothing to run them with."""
    why = "" if CHROMIUM.exists() else f"{CHROMIUM} is not there: install Debian's package chromium"
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        why = "the package playwright is not installed: `nox -s ui` brings it"
    for item in items:
        if why and Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.skip(reason=why))


@pytest.fixture(scope="session")
def mnist_run(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run on MNIST that took some twenty seconds."""
    folder = tmp_path_factory.mktemp("runs") / "mnist"
    source = str(shared_data / "mnist.zip")
    return trained(folder, source, "--preset", "quick", "--epochs", "3", "--batch-size", "128", "--seed", "1")


@pytest.fixture(scope="session")
def digits_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a short run on the shipped digits."""
    return trained(tmp_path_factory.mktemp("runs") / "digits", "digits", "--epochs", "3", "--seed", "1")


@pytest.fixture(scope="session")
def titanic_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a short run on the shipped passengers."""
    return trained(tmp_path_factory.mktemp("runs") / "titanic", "titanic", "--epochs", "20", "--seed", "1")


def trained(folder: Path, *arguments: str) -> Path:
    """Run `mlp-train fit` and return the folder of the run."""
    command = [*COMMAND[:-1], "fit", *arguments, "--out", str(folder), "--quiet", "--progress", "off"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return folder


@contextlib.contextmanager
def servers() -> Iterator[Start]:
    """Start `mlp-train ui`, as often as it is asked for, and end what was started."""
    started: list[subprocess.Popen[str]] = []

    def run(*arguments: object) -> tuple[str, subprocess.Popen[str]]:
        process = subprocess.Popen(
            [*COMMAND, *map(str, arguments), "--no-open", "--quiet"],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        )
        started.append(process)
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address.startswith("http://"), f"`mlp-train ui` tells no address, but {address!r}"
        return address, process

    try:
        yield run
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(SECONDS)
            process.stdout.close()


@pytest.fixture
def start() -> Iterator[Start]:
    """Start `mlp-train ui`; returns its address and its process, which ends with the test."""
    with servers() as started:
        yield started


@pytest.fixture(scope="session")
def start_for_all() -> Iterator[Start]:
    """Start `mlp-train ui` for as long as the tests run."""
    with servers() as started:
        yield started


@pytest.fixture
def port() -> str:
    """A port that is free, and that no connection of this machine is given by chance."""
    while True:
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", random.SystemRandom().randrange(10_000, 32_000)))
            return str(probe.getsockname()[1])


@pytest.fixture(scope="session")
def serve(start_for_all: Any) -> Callable[..., str]:
    """Return the address of a page that looks at a thing; the same thing is served once."""
    known: dict[tuple[object, ...], str] = {}

    def address(*arguments: object) -> str:
        if arguments not in known:
            known[arguments] = start_for_all(*arguments)[0]
        return known[arguments]

    return address


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Debian's Chromium; as root it runs only without its sandbox."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        options = {"executable_path": str(CHROMIUM), "timeout": SECONDS * 1000}
        started = playwright.chromium.launch(args=["--no-sandbox"], **options)
        yield started
        started.close()


class Complaints(list[str]):
    """What the pages complained of, as it comes in: perhaps only when they are closed."""

    wanted: tuple[str, ...] = ()  # words of those that a test provokes

    @property
    def unwanted(self) -> list[str]:
        """Those that nobody provoked."""
        return [said for said in self if not any(word in said for word in self.wanted)]


@pytest.fixture
def complaints() -> Complaints:
    """What the pages complained of; a test that provokes errors says here which."""
    return Complaints()


@pytest.fixture
def new_page(browser: Any, complaints: Complaints, start: Start) -> Iterator[Callable[..., Any]]:
    """Open pages, each of a person of its own, closed before the test's servers; `options`: of `new_context`."""
    contexts = []

    def opened(**options: Any) -> Any:
        contexts.append(browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options}))
        contexts[-1].set_default_timeout(SECONDS * 1000)
        page = contexts[-1].new_page()
        page.on("console", lambda said: said.type == "error" and complaints.append(f"console: {said.text}"))
        page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        page.on("requestfailed", lambda request: failed(request, complaints))
        page.on("response", lambda got: got.status >= 400 and complaints.append(f"{got.status}: {got.url}"))
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not complaints.unwanted, "\n".join(complaints.unwanted)


def failed(request: Any, complaints: list[str]) -> None:
    """Note a request that failed; one that ended because the page was left is no failure."""
    if request.failure != "net::ERR_ABORTED":
        complaints.append(f"failed: {request.url} {request.failure}")


@pytest.fixture
def page(new_page: Callable[..., Any]) -> Any:
    """A page of a desktop; the test fails where the console shows an error or a request fails."""
    return new_page()


@pytest.fixture(scope="session")
def axe() -> Callable[[Any], list[str]]:
    """Return a function that says what of a page people with impairments cannot use: serious violations alone."""
    script = os.environ.get("MLP_AXE", "")
    if not Path(script).is_file():
        pytest.skip("MLP_AXE does not name axe.min.js: `nox -s ui` fetches it")
    source = Path(script).read_text(encoding="utf-8")

    def violations(page: Any) -> list[str]:
        page.evaluate(source)  # not a <script>: the page's own policy would refuse it
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
        return [
            f"{one['id']} ({one['impact']}): {one['nodes'][0]['html'][:200]}"
            for one in found
            if one["impact"] in ("serious", "critical")
        ]

    return violations
