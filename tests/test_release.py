"""A release is refused in one sentence where something is amiss, and its bills of materials say what wheels hold."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SPEC = importlib.util.spec_from_file_location("release", ROOT / ".ci" / "release.py")
release = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(release)

LINE = "\n- A line.\n"
NOXFILE = "@nox.session\ndef release(session): ...\n\n\n@nox.session(python=['3.9'])\ndef minimums(session): ...\n"
STEP = "    steps:\n      - run: nox -s release\n"


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        (f"# Changelog\n\n## Unreleased: 0.1.0\n{LINE}", None),
        (f"# Changelog\n\n## 0.1.0 (2026-12-01)\n{LINE}\n## 0.0.9 (2026-11-01)\n{LINE}", None),
        (f"# Changelog\n\n## 0.1.0 (2026-12-01)\n{LINE}", "v0.1.0"),
    ],
)
def test_a_version_that_the_changelog_begins_with_passes(text, tag):
    release.check_changelog(text, "0.1.0", tag)


@pytest.mark.parametrize(
    ("text", "tag", "says"),
    [
        ("# Changelog\n", None, "CHANGELOG.md does not begin with 0.1.0: write what is new under a heading"),
        (f"## 0.0.9 (2026-11-01)\n{LINE}", None, "does not begin with 0.1.0"),
        (f"## Unreleased: 0.2.0\n{LINE}\n## 0.1.0 (2026-12-01)\n{LINE}", "v0.1.0", "does not begin with 0.1.0"),
        ("## Unreleased: 0.1.0\n\n## 0.0.9 (2026-11-01)\n- Old.\n", None, "has nothing under the heading of 0.1.0"),
        (
            f"## Unreleased: 0.1.0\n{LINE}",
            "v0.1.0",
            "does not say when 0.1.0 is released: make its heading '## 0.1.0 (2",
        ),
        (f"## Unreleased: 0.1.0 (2026-12-01)\n{LINE}", "v0.1.0", "CHANGELOG.md calls 0.1.0 unreleased"),
        (f"## 0.1.0 (2026-13-01)\n{LINE}", "v0.1.0", "does not say when 0.1.0 is released"),
        (f"## 0.1.0\n{LINE}", None, "does not say when 0.1.0 is released"),
    ],
)
def test_a_version_without_its_heading_is_refused(text, tag, says):
    with pytest.raises(release.Refused, match=says.replace("(", r"\(")):
        release.check_changelog(text, "0.1.0", tag)


def test_a_tag_of_another_version_is_refused():
    release.check_tag("v0.1.0", "0.1.0")
    with pytest.raises(
        release.Refused, match=r"the tag is 0\.1\.0, but the packages have the version 0\.1\.0: tag v0\.1\.0"
    ):
        release.check_tag("0.1.0", "0.1.0")


def test_packages_of_different_versions_are_refused(tmp_path):
    for package, version in zip(release.PACKAGES, ("0.1.0", "0.1.0", "0.2.0"), strict=True):
        module = tmp_path / "packages" / package / "src" / package.replace("-", "_")
        module.mkdir(parents=True)
        (module / "__init__.py").write_text(f'__version__ = "{version}"\n')
    with pytest.raises(
        release.Refused, match=r"different versions \(mlp-runtime 0.1.0, mlp-data 0.1.0, mlp-train 0.2.0\)"
    ):
        release.version_of(tmp_path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("jobs: [", "is not a workflow: while parsing"),
        ("name: x\n", "is not a workflow: 'jobs'"),
        ("jobs:\n  a:\n    steps:\n      - run: nox -s relase\n", "asks for the session relase, which noxfile.py"),
        ("jobs:\n  a:\n    steps:\n      - run: nox -s minimums\n", "does not run the session release"),
        (f"jobs:\n  a:\n{STEP}      - uses: actions/checkout@v7\n", "uses actions/checkout@v7, which may change"),
    ],
)
def test_a_workflow_that_cannot_work_is_refused(text, says):
    pytest.importorskip("yaml")
    with pytest.raises(release.Refused, match=says):
        release.check_workflow(text, NOXFILE)


def test_the_workflow_asks_for_sessions_that_there_are():
    pytest.importorskip("yaml")
    release.check_workflow(
        (ROOT / release.WORKFLOW).read_text(encoding="utf-8"), (ROOT / "noxfile.py").read_text(encoding="utf-8")
    )


def test_the_limit_of_the_runtimes_wheel_is_the_one_of_the_noxfile():
    assert f"RUNTIME_WHEEL_LIMIT = {release.RUNTIME_WHEEL_LIMIT:_} " in (ROOT / "noxfile.py").read_text(
        encoding="utf-8"
    )


def test_the_bills_of_materials_are_those_of_the_packages_as_they_are():
    release.check_sboms(ROOT)


def test_a_bill_of_materials_names_what_the_package_needs_and_what_of_others_it_holds():
    bom = json.loads((ROOT / "packages/mlp-data/sbom.cdx.json").read_text(encoding="utf-8"))
    assert bom["metadata"]["component"]["purl"] == f"pkg:pypi/mlp-data@{release.version_of(ROOT)}"
    parts = {part["name"]: part for part in bom["components"]}
    assert set(parts) == {"mlp-runtime", "numpy", "opencv-python", "typer", "digits.zip", "titanic.zip"}
    digits = ROOT / "packages/mlp-data/src/mlp_data/samples/digits.zip"
    assert parts["digits.zip"]["licenses"] == [{"license": {"id": "CC-BY-SA-3.0"}}]
    assert parts["digits.zip"]["hashes"][0]["content"] == hashlib.sha256(digits.read_bytes()).hexdigest()


def test_a_bill_of_materials_that_is_out_of_date_is_refused_with_what_to_do(tmp_path):
    for package in release.PACKAGES:
        shutil.copytree(ROOT / "packages" / package, tmp_path / "packages" / package, ignore=lambda *_: {"tests"})
    project = tmp_path / "packages" / "mlp-runtime" / "pyproject.toml"
    project.write_text(project.read_text(encoding="utf-8").replace('"numpy>=1.24",', '"numpy>=1.24", "attrs",'))
    with pytest.raises(release.Refused, match=r"packages/mlp-runtime/sbom.cdx.json is not up to date: run python"):
        release.check_sboms(tmp_path)


def test_a_refusal_is_one_sentence_and_an_exit_code(tmp_path):
    command = [sys.executable, str(ROOT / ".ci" / "release.py"), "build", str(tmp_path / "made"), "v9.9.9"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: the tag is v9.9.9, but the packages have the version ")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("tag", [[], ["v9.9.9"]])
def test_a_folder_that_holds_anything_but_an_earlier_build_is_refused_and_left_as_it_was(tmp_path, tag):
    (tmp_path / "mlp_data-0.0.1.tar.gz").write_text("old")
    (tmp_path / "thesis.tex").write_text("mine")
    command = [sys.executable, str(ROOT / ".ci" / "release.py"), "build", str(tmp_path), *tag]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == (
        f"error: {tmp_path} holds thesis.tex, which no build made: give an empty folder or a new one\n"
    )
    assert (tmp_path / "thesis.tex").read_text() == "mine"
    assert (tmp_path / "mlp_data-0.0.1.tar.gz").read_text() == "old"


def test_a_file_in_place_of_the_folder_is_refused_and_an_earlier_build_is_not(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(release.Refused, match="file is a file: give the name of a folder"):
        release.check_folder(tmp_path / "file")
    (tmp_path / "built").mkdir()
    for name in ("mlp_runtime-0.1.0-py3-none-any.whl", "mlp_train-0.1.0.tar.gz"):
        (tmp_path / "built" / name).write_text("old")
    release.check_folder(tmp_path / "built")
    release.check_folder(tmp_path / "new")


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (
            subprocess.CalledProcessError(128, ["git", "status"], stderr="fatal: no\nrepository"),
            "git status failed: fat",
        ),
        (subprocess.CalledProcessError(1, ["twine", "check"]), "twine check failed\n"),
        (FileNotFoundError(2, "No such file or directory", "CHANGELOG.md"), "CHANGELOG.md: the system says 'No such"),
        (ImportError("no", name="yaml"), "the package yaml is not installed: run nox -s release"),
    ],
)
def test_whatever_else_stops_a_build_is_one_sentence_too(tmp_path, monkeypatch, capsys, error, says):
    def fails(*_):
        raise error

    monkeypatch.setattr(release, "build", fails)
    assert release.main(["build", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"error: {says}")
    assert said.count("\n") == 1
