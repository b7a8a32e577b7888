"""The pages to look things up in leave nothing out: no command, no option, no public name."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys

import pytest
from markdown_pages import ROOT

API = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
CLI = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
ESTIMATORS = {"mlp_train.MLPClassifier", "mlp_train.MLPRegressor"}  # public where scikit-learn is installed


def test_the_page_of_the_command_line_is_what_the_programs_say():
    command = [sys.executable, str(ROOT / "docs" / "cli_reference.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def help_of(words: str) -> str:
    """Return what a command of ours answers to --help."""
    program, *command = words.removeprefix("python -m ").split()
    entry = {"mlp_runtime": "mlp_runtime.__main__", "mlp-data": "mlp_data.cli", "mlp-train": "mlp_train.cli"}[program]
    code = f"import sys; sys.argv[0] = {program!r}; from {entry} import main; sys.exit(main())"
    done = subprocess.run([sys.executable, "-c", code, *command, "--help"], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.parametrize("words", re.findall(r"^##+ (.+)$", CLI, re.MULTILINE))
def test_the_page_has_every_option_and_every_command_that_help_has(words):
    said, section = help_of(words), re.split(rf"^##+ {re.escape(words)}$", CLI, flags=re.MULTILINE)[1]
    section = re.split(r"^##+ ", section, flags=re.MULTILINE)[0]
    options = set(re.findall(r"--[\w-]+", " ".join(re.findall(r"^  +(-.+)", said, re.MULTILINE))))
    shown = set(re.findall(r"--[\w-]+", " ".join(re.findall(r"^\| `(-.+?)`", section, re.MULTILINE))))
    assert options - {"--help"} <= shown
    assert shown <= options
    _, _, below = said.partition("Commands:\n") if "Commands:" in said else said.partition("COMMAND\n")
    for name in re.findall(r"^ {2,4}([a-z]\w*)", below, re.MULTILINE):
        assert f"\n### {words} {name}\n" in CLI, f"{words} {name} is not on the page"


@pytest.mark.parametrize(
    "row",
    [
        "| `--epochs N` | `auto` | How often every row is seen. |",  # told at the end of the help
        "| `--root DIR` | `runs` | The folder that the runs are in. |",  # told by Typer
        "| `--trials N` | `30` | How many settings to try. (x>=1) |",  # both
        "| `--port N` | not set | Listen here; else on one that is free. (1\\<=x\\<=65535) |",
        "| `-o, --out FILE` | not set | Where it goes; of C a header goes beside it. (required) |",
        "| `--force` | `off` | Replace what is there. |",
    ],
)
def test_a_default_is_found_where_the_help_tells_it(row):
    assert row in CLI.splitlines()


@pytest.mark.parametrize("package", ["mlp_runtime", "mlp_data", "mlp_train", "mlp_train.importers"])
def test_every_public_name_is_on_the_page_of_the_interface_and_no_other(package):
    shown = set(re.findall(rf"^\.\. (?:auto\w+|py:data):: ({package}\.\w+)$", API, re.MULTILINE))
    public = {f"{package}.{name}" for name in importlib.import_module(package).__all__ if name != "__version__"}
    assert shown - ESTIMATORS == public
