"""The three packages go together: one version, one licence, one direction of dependency."""

from __future__ import annotations

import importlib
import re
import tomllib
from importlib.metadata import requires, version
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("mlp-runtime", "mlp-data", "mlp-train")


def names(requirements: list[str]) -> set[str]:
    return {re.match(r"[\w.-]+", line)[0] for line in requirements}


def test_all_three_packages_have_one_version_and_the_changelog_knows_it():
    versions = {importlib.import_module(name.replace("-", "_")).__version__ for name in PACKAGES}
    assert len(versions) == 1
    assert f" {versions.pop()}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("package", PACKAGES)
def test_what_is_installed_is_the_version_that_the_module_names(package):
    assert version(package) == importlib.import_module(package.replace("-", "_")).__version__


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_carries_the_licence_of_the_project(package):
    assert (ROOT / "packages" / package / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_the_runtime_asks_for_numpy_alone_without_an_upper_bound():
    (line,) = [line for line in requires("mlp-runtime") if "extra ==" not in line]
    assert re.fullmatch(r"numpy>=[\d.]+", line)


def test_packages_depend_in_one_direction_alone():
    assert names(requires("mlp-data")) & set(PACKAGES) == {"mlp-runtime"}
    assert names(requires("mlp-train")) & set(PACKAGES) == {"mlp-runtime", "mlp-data"}


@pytest.mark.parametrize("package", PACKAGES)
def test_every_version_floor_says_why_it_is_there(package):
    text = (ROOT / "packages" / package / "pyproject.toml").read_text(encoding="utf-8")
    floors = [line for line in tomllib.loads(text)["project"]["dependencies"] if ">=" in line]
    assert floors
    for floor in floors:
        assert re.search(re.escape(f'"{floor}",') + r"  # \w+", text), f"{package}: {floor} gives no reason beside it"
