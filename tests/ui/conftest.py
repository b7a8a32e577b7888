"""Fixtures of the browser's tests: trained models, the server as a person starts it, and pages that notice errors."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = Path("/usr/bin/chromium")
COMMAND = (sys.executable, "-c", "from mlp_train.cli import main; main()", "ui")


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


@pytest.fixture(scope="session")
def start() -> Iterator[Callable[..., tuple[str, subprocess.Popen[str]]]]:
    """Start `mlp-train ui`; returns its address and its process, which ends with the tests."""
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
        return process.stdout.readline().strip(), process

    yield run
    for process in started:
        process.terminate()
        process.wait(timeout=20)
        process.stdout.close()


@pytest.fixture(scope="session")
def serve(start: Any) -> Callable[..., str]:
    """Return the address of a page that looks at a thing; the same thing is served once."""
    known: dict[tuple[object, ...], str] = {}

    def address(*arguments: object) -> str:
        if arguments not in known:
            known[arguments] = start(*arguments)[0]
        return known[arguments]

    return address


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Debian's Chromium; as root it runs only without its sandbox."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def complaints() -> list[str]:
    """What the pages complained of; a test that provokes an error looks at it here and clears the list."""
    return []


@pytest.fixture
def new_page(browser: Any, complaints: list[str]) -> Iterator[Callable[..., Any]]:
    """Open pages, each of a person of its own; `options` are those of Playwright's `new_context`."""
    contexts = []

    def opened(**options: Any) -> Any:
        contexts.append(browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options}))
        page = contexts[-1].new_page()
        page.set_default_timeout(15_000)
        page.on("console", lambda said: said.type == "error" and complaints.append(f"console: {said.text}"))
        page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        page.on("requestfailed", lambda request: failed(request, complaints))
        page.on("response", lambda got: got.status >= 400 and complaints.append(f"{got.status}: {got.url}"))
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not complaints, "\n".join(complaints)


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
