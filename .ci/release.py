"""Build what a release publishes, twice and byte for byte alike, or say in one sentence what is amiss.

`python .ci/release.py build FOLDER [TAG]` builds into FOLDER; with a TAG such as v0.1.0 it is no rehearsal.
`python .ci/release.py sbom` writes the packages' bills of materials anew, after a version or a dependency has changed.
"""

from __future__ import annotations

import argparse
import ast
import datetime
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("mlp-runtime", "mlp-data", "mlp-train")
SBOM = "sbom.cdx.json"
WORKFLOW = ".github/workflows/release.yml"
RUNTIME_WHEEL_LIMIT = 60_000  # bytes, as in noxfile.py
HEADING = re.compile(
    r"^## (?P<open>Unreleased: )?(?P<version>\d+\.\d+\.\d+)(?: \((?P<date>[^)]*)\))?\n(?P<text>[^#]*)", re.M
)
BUILT = re.compile(r"mlp_(runtime|data|train)-[^/]+(\.whl|\.tar\.gz)")
# Of others, and in a wheel of ours; samples/README.md says where they come from.
SAMPLES = {"digits.zip": "CC-BY-SA-3.0", "titanic.zip": None}


class Refused(Exception):
    """What stands in the way of a release, in one sentence."""


def version_of(root: Path) -> str:
    """Return the version that the three packages share."""
    found = {}
    for package in PACKAGES:
        text = (root / f"packages/{package}/src/{package.replace('-', '_')}/__init__.py").read_text(encoding="utf-8")
        match = re.search(r'^__version__ = "(.+)"$', text, re.M)
        found[package] = match[1] if match else "none"
    if len(set(found.values())) != 1:
        said = ", ".join(f"{package} {version}" for package, version in found.items())
        raise Refused(f"the packages have different versions ({said}): give all three the same")
    return found[PACKAGES[0]]


def check_changelog(text: str, version: str, tag: str | None) -> None:
    """Refuse a version that CHANGELOG.md says nothing about, and a release of one that it calls unreleased."""
    found = HEADING.search(text)
    wanted = f"## {version} ({datetime.datetime.now(datetime.UTC):%Y-%m-%d})"
    if found is None or found["version"] != version:
        raise Refused(
            f"CHANGELOG.md does not begin with {version}: write what is new under a heading '## Unreleased: {version}'"
        )
    if not found["text"].strip():
        raise Refused(f"CHANGELOG.md has nothing under the heading of {version}: write what is new")
    if tag is None and found["open"]:
        return
    try:
        datetime.date.fromisoformat(found["date"] or "")
    except ValueError:
        raise Refused(f"CHANGELOG.md does not say when {version} is released: make its heading '{wanted}'") from None
    if found["open"]:
        raise Refused(f"CHANGELOG.md calls {version} unreleased: make its heading '{wanted}'")


def check_tag(tag: str | None, version: str) -> None:
    """Refuse a tag of another version."""
    if tag is not None and tag != f"v{version}":
        raise Refused(f"the tag is {tag}, but the packages have the version {version}: tag v{version}")


def sessions_of(noxfile: str) -> set[str]:
    """Return the names of the sessions in a noxfile."""
    functions = [node for node in ast.parse(noxfile).body if isinstance(node, ast.FunctionDef)]
    return {f.name for f in functions if any("nox.session" in ast.unparse(mark) for mark in f.decorator_list)}


def check_workflow(text: str, noxfile: str) -> None:
    """Refuse a workflow that is no YAML, asks for a session that is not there, or uses an action that may change."""
    import yaml

    try:
        jobs = yaml.safe_load(text)["jobs"].values()
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise Refused(f"{WORKFLOW} is not a workflow: {' '.join(str(error).split())}") from None
    steps = [step for job in jobs for step in job.get("steps", ())]
    asked = {name for step in steps for name in re.findall(r"\bnox -s (\w+)", step.get("run", ""))}
    if unknown := asked - sessions_of(noxfile):
        raise Refused(f"{WORKFLOW} asks for the session {sorted(unknown)[0]}, which noxfile.py does not have")
    if "release" not in asked:
        raise Refused(f"{WORKFLOW} does not run the session release, so it publishes what nobody has checked")
    for action in (step["uses"] for step in steps if "uses" in step):
        if not re.search(r"@[0-9a-f]{40}$", action):
            raise Refused(f"{WORKFLOW} uses {action}, which may change: name its commit")


def sbom(root: Path, package: str) -> str:
    """Write what a wheel holds and needs, as CycloneDX 1.6 in JSON; no clock and no chance in it.

    The packages that it needs are not in the wheel, so they have no version: the wheel's metadata says which will do.
    """
    folder = root / "packages" / package
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    version = version_of(root)
    needs = [Requirement(line).name for line in project["dependencies"]]
    parts: list[dict[str, Any]] = [
        {"type": "library", "bom-ref": name, "name": name, "purl": f"pkg:pypi/{name}"} for name in needs
    ]
    for path in sorted(folder.glob("src/*/samples/*.zip")):
        part: dict[str, Any] = {"type": "data", "bom-ref": path.name, "name": path.name}
        part["hashes"] = [{"alg": "SHA-256", "content": hashlib.sha256(path.read_bytes()).hexdigest()}]
        if SAMPLES[path.name]:
            part["licenses"] = [{"license": {"id": SAMPLES[path.name]}}]
        parts.append(part)
    bom = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "metadata": {
            "component": {
                "type": "library",
                "bom-ref": package,
                "name": package,
                "version": version,
                "licenses": [{"license": {"id": project["license"]}}],
                "purl": f"pkg:pypi/{package}@{version}",
            }
        },
        "components": parts,
        "dependencies": [{"ref": package, "dependsOn": [part["bom-ref"] for part in parts]}],
    }
    return json.dumps(bom, separators=(",", ":")) + "\n"  # every byte counts in the runtime's wheel


def check_sboms(root: Path) -> None:
    """Refuse bills of materials that are not those of the packages as they are."""
    for package in PACKAGES:
        path = root / "packages" / package / SBOM
        if not path.is_file() or path.read_text(encoding="utf-8") != sbom(root, package):
            raise Refused(f"packages/{package}/{SBOM} is not up to date: run python .ci/release.py sbom, and commit it")


def check_wheel(wheel: Path, package: str, version: str) -> None:
    """Refuse a wheel without its bill of materials or licence, with one that is no CycloneDX, or that is too large."""
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    about = f"{package.replace('-', '_')}-{version}.dist-info"
    with zipfile.ZipFile(wheel) as archive:
        held = archive.namelist()
        for wanted in (f"{about}/sboms/{SBOM}", f"{about}/licenses/LICENSE"):
            if wanted not in held:
                raise Refused(f"{wheel.name} has no {wanted}: build it with hatchling 1.28 or newer")
        bom = archive.read(f"{about}/sboms/{SBOM}").decode()
    if wrong := JsonStrictValidator(SchemaVersion.V1_6).validate_str(bom):
        raise Refused(f"the bill of materials in {wheel.name} is no CycloneDX 1.6: {wrong}")
    size = wheel.stat().st_size
    if package == "mlp-runtime" and size > RUNTIME_WHEEL_LIMIT:
        raise Refused(f"{wheel.name} has {size:,} bytes, more than the {RUNTIME_WHEEL_LIMIT:,} it may have")


def copy_known(root: Path, place: Path) -> None:
    """Copy what Git knows of a checkout, as it is now."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, check=True, capture_output=True).stdout.decode()
    for name in filter(None, listed.split("\0")):
        if (root / name).is_file():  # it may be deleted and not yet committed
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / name, place / name)


def build_apart(place: Path, umask: int, zone: str, epoch: str) -> dict[str, bytes]:
    """Build the three packages in a copy, and return the files by name."""
    environment = {**os.environ, "SOURCE_DATE_EPOCH": epoch, "TZ": zone, "PYTHONHASHSEED": str(umask)}
    dist = place / "built"
    for package in PACKAGES:
        command = [
            sys.executable,
            "-m",
            "build",
            "--no-isolation",
            "--outdir",
            str(dist),
            str(place / "packages" / package),
        ]
        done = subprocess.run(command, env=environment, umask=umask, capture_output=True, text=True, check=False)
        if done.returncode:
            said = [line.strip() for line in (done.stdout + done.stderr).splitlines() if "Error" in line]
            raise Refused(f"{package} cannot be built: {said[-1] if said else 'its builder does not say why'}")
    return {path.name: path.read_bytes() for path in sorted(dist.iterdir())}


def check_folder(folder: Path) -> None:
    """Refuse a folder that holds anything but the files of an earlier build, which the new ones replace."""
    if folder.exists() and not folder.is_dir():
        raise Refused(f"{folder} is a file: give the name of a folder")
    others = [path.name for path in folder.iterdir() if not BUILT.fullmatch(path.name)] if folder.exists() else []
    if others:
        raise Refused(f"{folder} holds {min(others)}, which no build made: give an empty folder or a new one")


def build(root: Path, folder: Path, tag: str | None) -> None:
    """Check everything, build twice, and leave six files in `folder`."""
    check_folder(folder)
    version = version_of(root)
    check_tag(tag, version)
    check_changelog((root / "CHANGELOG.md").read_text(encoding="utf-8"), version, tag)
    check_workflow((root / WORKFLOW).read_text(encoding="utf-8"), (root / "noxfile.py").read_text(encoding="utf-8"))
    check_sboms(root)
    changed = subprocess.run(
        ["git", "status", "--porcelain"], cwd=root, check=True, capture_output=True, text=True
    ).stdout
    if tag is not None and changed:
        raise Refused(f"{changed.splitlines()[0][3:]} is not as it was committed: release what is committed")
    log = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=root, check=True, capture_output=True, text=True)
    epoch = log.stdout.strip()
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory(suffix="-elsewhere") as other:
        copy_known(root, Path(one, "here"))
        shutil.copytree(Path(one, "here"), Path(other, "there"))
        first = build_apart(Path(one, "here"), 0o022, "UTC", epoch)
        second = build_apart(Path(other, "there"), 0o077, "Pacific/Auckland", epoch)
    if first.keys() != second.keys() or len(first) != 2 * len(PACKAGES):
        raise Refused(f"two builds gave different files: {sorted(first)} and {sorted(second)}")
    for name, data in first.items():
        if data != second[name]:
            raise Refused(f"two builds of {name} differ: find what it took from the clock, the folder or the system")
    check_folder(folder)  # again, after minutes
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        path.unlink()
    for name, data in first.items():
        (folder / name).write_bytes(data)
    for package in PACKAGES:
        check_wheel(next(folder.glob(f"{package.replace('-', '_')}-*.whl")), package, version)
    subprocess.run(
        [sys.executable, "-m", "twine", "check", "--strict", *map(str, sorted(folder.iterdir()))], check=True
    )
    for path in sorted(folder.iterdir()):
        print(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.stat().st_size:9,}  {path.name}")
    what = "release" if tag else "rehearsal of the release"
    print(f"{what} {version}: {len(first)} files in {folder}, built twice, the same to the byte (clock {epoch})")


def main(arguments: list[str] | None = None) -> int:
    """Carry out `build FOLDER [TAG]` or `sbom`."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    building = commands.add_parser("build")
    building.add_argument("folder", type=Path)
    building.add_argument("tag", nargs="?")
    commands.add_parser("sbom")
    options = parser.parse_args(arguments)
    try:
        if options.command == "build":
            build(ROOT, options.folder, options.tag)
        else:
            for package in PACKAGES:
                (ROOT / "packages" / package / SBOM).write_text(sbom(ROOT, package), encoding="utf-8")
    except Refused as refused:
        print(f"error: {refused}", file=sys.stderr)
        return 1
    except ImportError as error:
        print(f"error: the package {error.name} is not installed: run nox -s release", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        said = " ".join((error.stderr or "").split())
        print(f"error: {' '.join(error.cmd)} failed{said and ': '}{said}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {error.filename}: the system says '{error.strerror}'", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
