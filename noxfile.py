"""Nox runs every check of the project: `nox` does what a contributor needs, `nox -l` lists the rest."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import nox
from packaging.requirements import Requirement

nox.needs_version = ">=2025.10.14"  # the first that knows download_python
nox.options.sessions = ["lint", "types", "tests", "cross"]
nox.options.error_on_missing_interpreters = False  # a machine has the Pythons it has, CI too
nox.options.default_venv_backend = "virtualenv"  # the same everywhere, whether or not uv is there
nox.options.download_python = "never"
nox.options.reuse_venv = "yes"

ROOT = Path(__file__).parent
PACKAGES = ("mlp-runtime", "mlp-data", "mlp-train")  # each needs only those before it
EXTRAS = {"mlp-train": "[ui,map]"}  # what the tests of a package need besides; the wheels are tried without
PYTHONS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
THIS_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
AXE = "axe-core@4"
RUNTIME_WHEEL_LIMIT = 60_000  # bytes
# Debian's names of the machines that qemu plays, and of where their libraries lie: two Raspberry Pis and one big-endian
MACHINES = {"armhf": "arm-linux-gnueabihf", "arm64": "aarch64-linux-gnu", "s390x": "s390x-linux-gnu"}
SETTINGS = nox.project.load_toml(ROOT / "pyproject.toml")
PYTEST = ("python", "-m", "pytest", "-c", "pyproject.toml", "--rootdir=.", "-q")


def runs_here(version: str) -> bool:
    """Say whether this Python starts: pyenv puts one in the way for every version, active or not."""
    path = shutil.which(f"python{version}")
    alive = path is not None and subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0
    return alive or version == THIS_PYTHON


def matrix() -> list[object]:
    """Pair the runtime with every Python, and the other two with the oldest and the newest that they find here."""
    found = [version for version in PYTHONS[PYTHONS.index("3.11") :] if runs_here(version)] or [THIS_PYTHON]
    pairs = [(version, PACKAGES[0]) for version in PYTHONS]
    pairs += [(version, package) for package in PACKAGES[1:] for version in sorted({found[0], found[-1]})]
    return [nox.param(version, package, id=f"{package}-{version}") for version, package in pairs]


def group(name: str) -> list[str]:
    """List what a dependency group of pyproject.toml asks for."""
    return nox.project.dependency_groups(SETTINGS, name)


def install(session: nox.Session, package: str, *others: str) -> None:
    """Install a package from this checkout with those that it needs, and nothing that it does not ask for."""
    wanted = PACKAGES[: PACKAGES.index(package) + 1]
    session.install(*(part for name in wanted for part in ("-e", f"packages/{name}{EXTRAS.get(name, '')}")), *others)
    if package != "mlp-runtime":
        make_opencv_work(session)


def make_opencv_work(session: nox.Session) -> None:
    """Swap in OpenCV's headless build where the system lacks the libraries of the full one (a slim container)."""
    probe = "try:\n    import cv2\nexcept ImportError as error:\n    print('lacking:', error)"
    answer = session.run("python", "-c", probe, silent=True)
    if "lacking:" in str(answer):
        session.warn(f"opencv-python does not start here ({str(answer).strip()}); the headless build takes its place")
        session.install("--force-reinstall", "--no-deps", "opencv-python-headless")


def build_wheels(session: nox.Session) -> dict[str, Path]:
    """Build the three wheels, each from its source archive, so that the archive is proved whole as well."""
    session.install("build")
    dist = Path(session.create_tmp()) / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    for package in PACKAGES:
        session.run("python", "-m", "build", "--outdir", str(dist), f"packages/{package}", silent=True)
    return {package: next(dist.glob(f"{package.replace('-', '_')}-*.whl")) for package in PACKAGES}


def fresh_environment(session: nox.Session, name: str, *wheels: Path) -> str:
    """Make an environment that holds these wheels and what they ask for, and return its interpreter."""
    home = Path(session.create_tmp()) / name
    shutil.rmtree(home, ignore_errors=True)
    session.run("python", "-m", "venv", str(home))
    python = str(home / ("Scripts" if os.name == "nt" else "bin") / "python")
    session.run(python, "-m", "pip", "install", "-q", *map(str, wheels), external=True)
    session.run(python, "-m", "pip", "check", external=True)
    return python


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, spelling and that imports go from train to data to runtime, never back."""
    session.install(*group("lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("codespell")
    sources = os.pathsep.join(str(ROOT / "packages" / package / "src") for package in PACKAGES)
    session.run("lint-imports", env={"PYTHONPATH": sources})


@nox.session
def types(session: nox.Session) -> None:
    """Check the types of each package strictly, and the runtime's at the oldest Python that mypy still takes too."""
    install(session, "mlp-train", *group("types"))
    for package in PACKAGES:
        session.run("mypy", f"packages/{package}/src")
    # NumPy's newest types mean little to Python 3.10, and what they leave open is no fault of ours.
    session.run("mypy", "--python-version", "3.10", "--no-warn-return-any", "packages/mlp-runtime/src")


@nox.session
@nox.parametrize("python,package", matrix())
def tests(session: nox.Session, package: str) -> None:
    """Run each package's own tests with only its own dependencies, on the Pythons found here."""
    install(session, package, *group("test"))
    session.run(*PYTEST, f"packages/{package}", *session.posargs)


@nox.session
def cross(session: nox.Session) -> None:
    """Run the tests that need all three packages at once, those of the examples among them."""
    more = ("-e", "packages/mlp-data[parquet]", "-e", "packages/mlp-train[onnx]")
    install(session, "mlp-train", *more, *group("test"), *group("cross"))
    # A package alone skips its tests with what it does not need: here they run, or in `importers`.
    lacking = re.compile(r'importorskip\("(cv2|msgpack|onnx|pyarrow)')
    tests = (path for path in ROOT.glob("packages/*/tests/test_*.py") if not path.name.startswith("test_importers"))
    compared = [str(path) for path in tests if lacking.search(path.read_text())]
    apart = ("--ignore=tests/ui", "--ignore=tests/docs")  # which have sessions of their own
    session.run(*PYTEST, "tests", *apart, *sorted(compared), *session.posargs)


@nox.session
def sklearn(session: nox.Session) -> None:
    """Run scikit-learn's own checks of its estimators on ours, and our tests of them."""
    install(session, "mlp-train", "-e", "packages/mlp-train[sklearn]", *group("test"), "pandas")
    tests = ("packages/mlp-train/tests/test_estimators.py", "packages/mlp-train/tests/test_estimator_checks.py")
    session.run(*PYTEST, *tests, "packages/mlp-train/src/mlp_train/estimators", *session.posargs)


@nox.session
def importers(session: nox.Session) -> None:
    """Take over what scikit-learn, PyTorch and Keras hold, and what their exporters write today."""
    extras = "packages/mlp-train[sklearn,onnx,safetensors]"
    install(session, "mlp-train", "-e", extras, *group("test"), *group("cross"), *group("importers"))
    tests = sorted(str(path) for path in Path("packages/mlp-train/tests").glob("test_importers*.py"))
    session.run(*PYTEST, *tests, *session.posargs, env={"KERAS_BACKEND": "torch"})


@nox.session
def tune(session: nox.Session) -> None:
    """Search settings, alone and with a machine that dies in a real PostgreSQL, which Debian's `postgresql` brings."""
    install(session, "mlp-train", "-e", "packages/mlp-train[tune]", *group("test"))
    tests = sorted(str(path) for path in Path("packages/mlp-train/tests").glob("test_tune*.py"))
    session.run(*PYTEST, *tests, *session.posargs, env={"OPENBLAS_NUM_THREADS": "1"})


@nox.session
def watching(session: nox.Session) -> None:
    """Train with TensorBoard, trackio and wandb themselves, and read back what they have kept on this machine."""
    install(session, "mlp-train", "-e", "packages/mlp-train[tensorboard]", *group("test"), *group("watching"))
    session.run(*PYTEST, "packages/mlp-train/tests/test_trackers_real.py", *session.posargs)


@nox.session
def scale(session: nox.Session) -> None:
    """Train in several processes under mpiexec, and answer for a table that is larger than the memory allowed."""
    install(session, "mlp-train", "-e", "packages/mlp-train[mpi]", *group("test"), *group("scale"))
    tests = ("packages/mlp-train/tests/test_parallel.py", "tests/test_examples_scoring.py")
    session.run(*PYTEST, *tests, *session.posargs)


@nox.session(reuse_venv=False)
def wheels(session: nox.Session) -> None:
    """Build the wheels, install them in fresh environments and use them as a person would."""
    built = build_wheels(session)
    size = built["mlp-runtime"].stat().st_size
    session.log(f"the runtime's wheel is {size:,} bytes")
    if size > RUNTIME_WHEEL_LIMIT:
        session.error(f"the runtime's wheel is {size:,} bytes, more than the {RUNTIME_WHEEL_LIMIT:,} it may be")
    device = fresh_environment(session, "device", built["mlp-runtime"])
    workstation = fresh_environment(session, "workstation", *built.values())
    # As in the tests of promises: a slow machine, or a neighbour on it, is no reason to fail.
    budget = ("benchmarks/runtime_budget.py", "--wheel", str(built["mlp-runtime"]), "--device", device, "--slack", "4")
    session.run(workstation, *budget, external=True)
    session.run(workstation, "benchmarks/skew.py", "--device", shlex.quote(device), external=True)


@nox.session
def release(session: nox.Session) -> None:
    """Build what a release publishes, twice to the same byte, and check it; with `-- v0.1.0` it is no rehearsal."""
    session.install(*group("release"))
    workflow = ".github/workflows/release.yml"
    session.run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", workflow)
    session.run("zizmor", "--offline", "--quiet", "--no-progress", workflow)
    session.run("python", ".ci/release.py", "build", "build/release", *session.posargs)


@nox.session(reuse_venv=False, python=["3.9", "3.11"])
def minimums(session: nox.Session) -> None:
    """Run the tests with the lowest release of every dependency that the packages say they take."""
    package = "mlp-runtime" if session.python == "3.9" else "mlp-train"
    floors: dict[str, str] = {}
    for name in PACKAGES[: PACKAGES.index(package) + 1]:
        said = nox.project.load_toml(ROOT / "packages" / name / "pyproject.toml")["project"]
        extras = said["optional-dependencies"].values() if name in EXTRAS else ()
        for line in (*said["dependencies"], *(line for lines in extras for line in lines)):
            wanted = Requirement(line)
            floors.update((wanted.name, f"{wanted.name}=={s.version}") for s in wanted.specifier if s.operator == ">=")
    session.log("the lowest releases: " + ", ".join(floors.values()))
    install(session, package, *group("test"), *floors.values())
    for name in PACKAGES[: PACKAGES.index(package) + 1]:
        session.run(*PYTEST, f"packages/{name}", *session.posargs)


@nox.session
def pi(session: nox.Session) -> None:
    """Run the built runtime on 32-bit and 64-bit ARM and big-endian Debian under qemu (needs root)."""
    built = build_wheels(session)
    workstation = fresh_environment(session, "workstation", *built.values())
    golden = ROOT / "packages" / "mlp-runtime" / "tests" / "golden"
    devices: dict[Path, str] = {}
    for architecture, triplet in MACHINES.items():
        debian = Path(session.cache_dir) / f"bookworm-{architecture}"
        session.run("bash", ".ci/make-pi", str(debian), architecture, external=True)
        for leftover in ("runtime", "questions", "golden"):
            shutil.rmtree(debian / leftover, ignore_errors=True)
        zipfile.ZipFile(built["mlp-runtime"]).extractall(debian / "runtime")  # as pip does with a wheel of pure Python
        shutil.copytree(golden, debian / "golden")
        shutil.copyfile(golden.with_name("golden_answers.py"), debian / "golden_answers.py")
        libraries = ":".join(f"/usr/lib/{triplet}/{name}" for name in ("blas", "lapack"))
        qemu = f"/usr/bin/qemu -E LD_LIBRARY_PATH={libraries} -E PYTHONPATH=/runtime /usr/bin/python3"
        devices[debian] = f"chroot {shlex.quote(str(debian))} {qemu}"
        session.run(*shlex.split(devices[debian]), "/golden_answers.py", "/golden", external=True)
    asked = ["--seen-as", "/questions", "--other-machine", "--at-most", "1000"]
    for debian, device in devices.items():
        asked += ["--device", device, "--folder", str(debian / "questions")]
    session.run(workstation, "benchmarks/skew.py", *asked, external=True)
    for debian, device in list(devices.items())[:2]:  # the two that a Raspberry Pi can be: what docs/ promises
        shutil.copyfile(debian / "questions" / "00" / "model.mlp", debian / "model.mlp")
        session.run(workstation, "tests/raspberry_blocks.py", *shlex.split(device), external=True)


@nox.session(venv_backend="none")
def readme(session: nox.Session) -> None:
    """Run every sh and python block of the READMEs, in order, in a fresh copy of the project."""
    copy = Path(session.create_tmp()) / "fresh copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(
        ROOT, copy, ignore=shutil.ignore_patterns(".git", ".nox", ".venv*", "runs", ".*cache*", "__pycache__")
    )
    session.run(sys.executable, str(ROOT / "tests" / "readme_blocks.py"), "run", str(copy))


@nox.session
def docs(session: nox.Session) -> None:
    """Build the site of docs/ with warnings as errors, follow its links, and type what its pages show."""
    install(session, "mlp-train", "-e", "packages/mlp-train[sklearn,onnx]", *group("test"), *group("docs"))
    site = ROOT / "build" / "site"
    shutil.rmtree(site, ignore_errors=True)
    trees = ("-d", str(Path(session.create_tmp()) / "trees"))
    session.run("sphinx-build", "-q", "-W", "--keep-going", "-E", "-c", "docs", *trees, ".", str(site))
    session.run(*PYTEST, "tests/docs", *session.posargs, env={"MLP_SITE": str(site)})
    session.log(f"look at it: {site / 'index.html'}")


@nox.session
def fuzz(session: nox.Session) -> None:
    """Throw damaged and random files at every reader for a bounded while."""
    install(session, "mlp-train", "-e", "packages/mlp-data[parquet]", *group("test"))
    # A coverage-guided fuzzer, where it has a wheel: its test says so where it has none.
    session.run("python", "-m", "pip", "install", "-q", "--only-binary=:all:", "atheris", success_codes=[0, 1])
    session.run(*PYTEST, *sorted(str(path) for path in Path("tests").glob("fuzz*.py")), *session.posargs)


@nox.session
def ui(session: nox.Session) -> None:
    """Drive the page in Debian's Chromium, and let axe-core (fetched with npm) look for what some people cannot use."""
    install(session, "mlp-train", *group("test"), *group("ui"))
    axe = Path(session.cache_dir) / "axe"
    if not (axe / "package" / "axe.min.js").is_file():
        axe.mkdir(parents=True, exist_ok=True)
        with session.chdir(axe):
            session.run("npm", "pack", "--silent", AXE, external=True)
        shutil.unpack_archive(next(axe.glob("axe-core-*.tgz")), axe, filter="data")
    session.run(*PYTEST, "-s", "tests/ui", *session.posargs, env={"MLP_AXE": str(axe / "package" / "axe.min.js")})


@nox.session
def bench(session: nox.Session) -> None:
    """Measure what the README promises: accuracy, time, size, and that train and device agree."""
    # The speed of training and of answering is compared with theirs; matplotlib draws.
    peers = ("torch", "scikit-learn", "jax", "onnx", "onnxruntime", "ai-edge-litert", "matplotlib", "optuna")
    install(session, "mlp-train", "-e", "packages/mlp-train[mpi]", *group("bench"), *peers)
    shared = ("command.py", "training_peers.py", "training_profile.py", "runtime_peers.py")  # of which scripts make use
    scripts = sorted(str(path) for path in Path("benchmarks").glob("*.py") if path.name not in shared)
    for script in session.posargs or scripts:
        session.run("python", script)
