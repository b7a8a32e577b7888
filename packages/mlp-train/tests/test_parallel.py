"""Processes that mpiexec starts train one network together, and the job ends well or with a sentence."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mpi_job
import numpy as np
import pytest

import mlp_runtime
from mlp_train import checkpoints, parallel
from mlp_train.config import make_config
from mlp_train.errors import Interrupted, UsageError
from mlp_train.last_words import LastWords

MPIEXEC = shutil.which("mpiexec", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
real = pytest.mark.skipif(
    importlib.util.find_spec("mpi4py") is None or MPIEXEC is None, reason="needs mpi4py and mpiexec: nox -s scale"
)
SECONDS = 600  # after which a job hangs, also where the machine is busy
FIT = ("fit", "digits", "--hidden", "48", "--seed", "4", "--batch-size", "64")


def job(count: int, *command: object) -> list[str]:
    return [str(MPIEXEC), "-n", str(count), *map(str, command)]


def run(count: int, *command: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    settings = {**os.environ, "OPENBLAS_NUM_THREADS": "1", **environment}
    return subprocess.run(
        job(count, *command), cwd=cwd, env=settings, text=True, capture_output=True, timeout=SECONDS, check=False
    )


def sentences(err: str) -> list[str]:
    """Return the errors that we told; mpiexec adds words of its own."""
    assert "Traceback" not in err
    return [line for line in err.splitlines() if line.startswith("error: ")]


def weights(path: Path) -> np.ndarray:
    return np.concatenate([array.ravel() for array in checkpoints.load(path).arrays.values()])


def rank_of(pid: int) -> int:
    variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return next(int(one.partition(b"=")[2]) for one in variables if one.startswith(b"PMI_RANK="))


def ranks_of(mpiexec: int) -> dict[int, int]:
    """Return the process of each rank: the children of mpiexec's own helper."""
    (helper,) = (int(pid) for pid in Path(f"/proc/{mpiexec}/task/{mpiexec}/children").read_text().split())
    found = Path(f"/proc/{helper}/task/{helper}/children").read_text().split()
    return {rank_of(int(pid)): int(pid) for pid in found}


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):  # it was there when the file was opened, and not when it was read
        return True


def wait_until(what: Any) -> None:
    until = time.monotonic() + SECONDS
    while not what():
        assert time.monotonic() < until, "this takes too long"
        time.sleep(0.02)


SLOWLY = """
import time
from mlp_train.cli import main
from mlp_train.parallel import Ranks

total = Ranks.total

def slow(self, vector):
    time.sleep(0.02)
    total(self, vector)

Ranks.total = slow
main()
"""


@pytest.fixture
def slowly(tmp_path: Path) -> list[str]:
    """How a test starts a job that lasts for many seconds more wherever it runs, so that it can be ended in between."""
    (tmp_path / "slowly.py").write_text(SLOWLY)
    return [sys.executable, "slowly.py"]


def saved(run: Path) -> int:
    """Return how many epochs the checkpoint of a run holds."""
    path = run / "last.ckpt"
    return int(checkpoints.load(path).state["epoch"]) if path.exists() else 0


@pytest.fixture
def running(slowly: list[str], tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A job of two ranks that has done two epochs of twelve and written a checkpoint of at least one."""
    fit = job(2, *slowly, *FIT, "--epochs", 12, "--patience", 12, "--out", "run", "--no-report")
    with subprocess.Popen(fit, cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        next(line for line in process.stderr if re.match(r"epoch +2/", line))
        wait_until(lambda: saved(tmp_path / "run") > 0)
        yield process
        process.kill()


@real
@pytest.mark.parametrize("count", [2, 3])
def test_several_ranks_learn_what_one_process_does(tmp_path: Path, count: int) -> None:
    done = run(count, sys.executable, mpi_job.__file__, tmp_path, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found) == sum(map(len, mpi_job.CASES.values())) if count == 2 else len(found) > 5
    wrong = {case: told for case, told in found.items() if not (told[0] < 1e-9 and told[1] < 1e-9 and told[2])}
    assert not wrong


@real
def test_a_job_leaves_the_run_folder_of_one_process(command: list[str], tmp_path: Path) -> None:
    options = ("--epochs", "2", "--dtype", "float64", "--dropout", "0.1", "--no-report")
    many = run(2, *command, *FIT, *options, "--out", "many", "--json", cwd=tmp_path)
    assert many.returncode == 0, many.stderr
    told = json.loads(many.stdout)  # once, though two processes ran
    assert many.stderr.count("run folder: many\n") == 1
    assert many.stderr.count("epoch 2/2") == 1
    assert "ranks: 2, each with its rows of every batch" in many.stderr
    alone = [*command, *FIT, *options, "--out", "alone", "--workers", "1", "-q"]
    subprocess.run(alone, cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)
    assert np.abs(weights(tmp_path / "many/last.ckpt") - weights(tmp_path / "alone/last.ckpt")).max() < 1e-9
    assert (tmp_path / "many/config.toml").read_text() == (tmp_path / "alone/config.toml").read_text()
    model = mlp_runtime.load(tmp_path / "many/model.mlp")
    x = np.random.default_rng(0).random((5, 784), np.float32)
    assert model.forward(x) == pytest.approx(mlp_runtime.load(tmp_path / "alone/model.mlp").forward(x), abs=1e-5)
    assert told["metrics"]["test"]["accuracy"] > 0.8


@real
@pytest.mark.parametrize(("victim", "onwards"), [(1, 2), (0, 1)])
def test_a_dead_rank_ends_the_job_with_a_sentence_and_the_run_goes_on(
    running: subprocess.Popen[str], command: list[str], tmp_path: Path, victim: int, onwards: int
) -> None:
    pids = ranks_of(running.pid)
    os.kill(pids[victim], signal.SIGKILL)
    _, err = running.communicate(timeout=SECONDS)
    assert running.returncode != 0
    wait_until(lambda: all(map(is_gone, pids.values())))
    (sentence,) = sentences(err)
    assert sentence.startswith("error: run: one of the 2 processes was ended from outside")
    assert "the checkpoint is kept" in sentence
    going_on = shlex.split(sentence.partition("go on with: ")[2])
    assert going_on == [*shlex.split(parallel.mpiexec(2)), "mlp-train", "fit", "--resume", "run"]
    before = saved(tmp_path / "run")
    resume = [*command, "fit", "--resume", "run", "--no-report"]
    if onwards > 1:
        resume = job(onwards, *resume)
    done = subprocess.run(resume, cwd=tmp_path, text=True, capture_output=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    assert f"resuming: {before} epoch" in done.stderr
    assert mlp_runtime.load(tmp_path / "run" / "model.mlp").describe()


@real
def test_a_job_that_goes_on_ends_where_it_would_have_ended(
    command: list[str], slowly: list[str], tmp_path: Path
) -> None:
    fit = (*FIT, "--epochs", "10", "--dtype", "float64", "--mixup", "0.2", "--no-report")
    whole = run(2, *command, *fit, "--out", "whole", cwd=tmp_path)
    assert whole.returncode == 0, whole.stderr
    with subprocess.Popen(
        job(2, *slowly, *fit, "--out", "run"), cwd=tmp_path, text=True, stderr=subprocess.PIPE
    ) as process:
        wait_until(lambda: saved(tmp_path / "run") > 0)
        os.kill(ranks_of(process.pid)[1], signal.SIGKILL)
        process.communicate(timeout=SECONDS)
    done = run(2, *command, "fit", "--resume", "run", "--no-report", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run/model.mlp").read_bytes() == (tmp_path / "whole/model.mlp").read_bytes()


@real
def test_ctrl_c_keeps_the_checkpoint_and_says_how_to_go_on(running: subprocess.Popen[str]) -> None:
    pids = ranks_of(running.pid)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=SECONDS)
    assert running.returncode == 130
    (sentence,) = sentences(err)
    assert re.fullmatch(r"error: run: interrupted, the checkpoint is kept; go on with: .*mpiexec -n 2 .*", sentence)
    wait_until(lambda: all(map(is_gone, pids.values())))


@real
@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--epohs", "3"), 2, "did you mean '--epochs'"),
        (("--optimizer", "lbfgs"), 2, "the optimizer lbfgs works in one process"),
        (("--time-limit", "5"), 2, "'time_limit' is measured in one process"),
        (("--workers", "2"), 2, "2 workers share the columns of the layers"),
        (("--min-accuracy", "1", "--epochs", "1"), 5, "below the 1 of --min-accuracy"),
        (("--optimizer", "sgd", "--lr", "1e30", "--warmup", "0"), 7, "training diverged at step"),
    ],
)
def test_what_cannot_be_is_one_sentence_of_rank_0(
    command: list[str], tmp_path: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    done = run(2, *command, *FIT, *arguments, "--no-report", cwd=tmp_path)
    (sentence,) = sentences(done.stderr)
    assert words in sentence
    assert done.returncode == code


@real
@pytest.mark.parametrize(
    ("plugin", "code", "words"),
    [
        ("raise RuntimeError('no such device')", 2, r"rank 1 on \S+: .*no such device"),
        ("import numpy\nOTHER = 1.5", 3, r"rank 1 on \S+: the data differs from that of rank 0"),
    ],
)
def test_what_goes_wrong_on_another_machine_is_said_by_rank_0(
    command: list[str], tmp_path: Path, plugin: str, code: int, words: str
) -> None:
    lines = [
        "import os, mlp_data, numpy",
        "OTHER = 1.0",
        "if os.environ['PMI_RANK'] == '1':",
        *(f"    {line}" for line in plugin.splitlines()),
        "@mlp_data.loader('grid')",
        "def grid(source, options):",
        "    if source.members[0].head(4) != b'grid':",
        "        return None",
        "    return mlp_data.from_arrays(numpy.eye(8, dtype=numpy.float32) * OTHER, list('aabbaabb'))",
    ]
    (tmp_path / "grid.py").write_text("\n".join(lines))
    (tmp_path / "data.grid").write_bytes(b"grid")
    done = run(2, *command, "fit", "data.grid", "--plugin", "grid.py", "--epochs", "1", cwd=tmp_path)
    (sentence,) = sentences(done.stderr)
    assert re.search(words, sentence), sentence
    assert done.returncode == code
    assert not (tmp_path / "runs").exists()


class Broken:
    """An MPI whose other process is gone, as a network tells it."""

    Exception = type("Exception", (RuntimeError,), {})
    COMM_WORLD = SimpleNamespace(Get_rank=lambda: 0, Get_size=lambda: 2)
    IN_PLACE = None

    @classmethod
    def fails(cls, *_: object) -> None:
        raise cls.Exception("MPI_ERR_OTHER")


def enter_and_leave(ranks: parallel.Ranks) -> None:
    with ranks.together():
        pass


@pytest.mark.parametrize(
    "act",
    [
        lambda ranks: ranks.total(np.zeros(2)),
        lambda ranks: ranks.as_first(np.zeros(2)),
        lambda ranks: ranks.first(1),
        lambda ranks: ranks.tell(1),
        lambda ranks: ranks.listen(),
        enter_and_leave,
    ],
    ids=["total", "as_first", "first", "tell", "listen", "together"],
)
def test_a_rank_that_notices_anothers_death_takes_it_for_no_bug(act: Callable[[parallel.Ranks], Any]) -> None:
    for name in ("Allreduce", "Bcast", "bcast", "allgather"):
        setattr(Broken.COMM_WORLD, name, Broken.fails)
    with pytest.raises(Interrupted, match=r"^one of the 2 processes was ended from outside"):
        act(parallel.Ranks(Broken))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize(
    ("rest", "said"),
    [
        ("os.kill(os.getpid(), 9)", "error: and so on\n"),
        ("words.promise('something else'); os._exit(0)", "error: something else\n"),
        ("words.end(); os.kill(os.getpid(), 9)", ""),
    ],
)
def test_what_was_promised_last_is_said_by_whoever_outlives_the_process(rest: str, said: str) -> None:
    code = "import os; from mlp_train.last_words import LastWords; words = LastWords(); words.promise('and so on'); "
    done = subprocess.run(
        [sys.executable, "-c", code + rest], text=True, stderr=subprocess.PIPE, timeout=SECONDS, check=False
    )
    assert done.stderr == said


BEGINS_LATE = """
import os, time
fork = os.fork

def late():
    pid = fork()
    if pid == 0:
        time.sleep(float(os.environ["LATE"]))
    return pid

os.fork = late
"""


@pytest.mark.skipif(not Path("/proc/self/comm").exists(), reason="asks Linux who started a process")
@pytest.mark.parametrize("late", ["0", "0.5"])
def test_last_words_reach_the_errors_of_mpiexec_past_a_helper_that_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late: str
) -> None:
    """Also where the machine is so busy that whoever says them begins when nobody else is there any more."""
    monkeypatch.setenv("LATE", late)
    launcher = tmp_path / "mpiexec"
    launcher.symlink_to(Path(sys.executable).resolve())  # a process of that name
    rank = BEGINS_LATE
    rank += "from mlp_train.last_words import LastWords; words = LastWords(); words.promise('and so on'); "
    start = "import subprocess, sys; subprocess.run(sys.argv[1:], stderr=subprocess.DEVNULL)"
    done = subprocess.run(
        [launcher, "-I", "-S", "-c", start, sys.executable, "-c", rank + "os.kill(os.getpid(), 9)"],
        text=True,
        stderr=subprocess.PIPE,
        timeout=SECONDS,
        check=False,
    )
    assert done.stderr == "error: and so on\n"


@pytest.mark.skipif(not Path("/proc/self/comm").exists(), reason="asks Linux who started a process")
def test_nothing_waits_where_nobody_reads_the_errors_of_mpiexec_any_more(tmp_path: Path) -> None:
    launcher = tmp_path / "mpiexec"
    launcher.symlink_to(Path(sys.executable).resolve())
    rank = "from mlp_train.last_words import LastWords; words = LastWords(); words.promise('and so on'); words.end()"
    start = "import subprocess, sys; sys.exit(subprocess.run(sys.argv[1:], stderr=subprocess.DEVNULL).returncode)"
    os.mkfifo(tmp_path / "errors")
    read = os.open(tmp_path / "errors", os.O_RDONLY | os.O_NONBLOCK)
    write = os.open(tmp_path / "errors", os.O_WRONLY)
    os.close(read)
    try:
        done = subprocess.run(
            [launcher, "-I", "-S", "-c", start, sys.executable, "-c", rank], stderr=write, timeout=SECONDS, check=False
        )
    finally:
        os.close(write)
    assert done.returncode == 0


def test_where_no_process_can_be_started_nothing_is_promised(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> int:
        raise BlockingIOError("too many processes")

    monkeypatch.setattr(os, "fork", refuse, raising=False)
    words = LastWords()
    words.promise("nothing")
    words.end()


@pytest.mark.parametrize("rank", [0, 1])
@pytest.mark.parametrize(
    ("module", "said"),
    [
        (
            "raise ModuleNotFoundError(\"No module named 'mpi4py'\")",
            "mpiexec started 2 processes, which need the package mpi4py to train together: pip install",
        ),
        (
            "raise RuntimeError('cannot load MPI library')",
            "mpi4py finds no MPI library (cannot load MPI library): pip install 'mlp-train[mpi]'",
        ),
        (
            "class COMM_WORLD:\n    Get_size = staticmethod(lambda: 1)",
            "mpiexec started 2 processes, but mpi4py sees 1: mpiexec may be of another MPI",
        ),
        ("import os\nos.abort()", "the MPI library ended this process before it began: mpiexec may be of another MPI"),
    ],
)
def test_where_mpi_is_not_as_it_should_be_rank_0_says_what_to_do_and_nothing_is_written(
    command: list[str], tmp_path: Path, rank: int, module: str, said: str
) -> None:
    """As under an mpiexec of the system: one process of two."""
    (tmp_path / "fake" / "mpi4py").mkdir(parents=True)
    (tmp_path / "fake" / "mpi4py" / "__init__.py").touch()
    (tmp_path / "fake" / "mpi4py" / "MPI.py").write_text(module)
    (tmp_path / "here").mkdir()
    settings = {**os.environ, "PMI_RANK": str(rank), "PMI_SIZE": "2", "PYTHONPATH": str(tmp_path / "fake")}
    done = subprocess.run(
        [*command, "fit", "xor"], cwd=tmp_path / "here", env=settings, text=True, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout) == (-signal.SIGABRT if "abort" in module else 2, "")
    assert done.stderr == "" if rank else done.stderr.startswith(f"error: {said}")
    assert not list((tmp_path / "here").iterdir())


def test_a_plain_fit_never_imports_mpi4py(tmp_path: Path) -> None:
    code = "import sys; from mlp_train.cli import main\ntry: main()\nfinally: sys.exit('mpi4py' in sys.modules)"
    fit = [sys.executable, "-c", code, "fit", "xor", "--epochs", "1", "--out", "run", "-q", "--no-report"]
    for settings in ({}, {"PMI_RANK": "0", "PMI_SIZE": "1"}, {"OMPI_COMM_WORLD_RANK": "one"}):
        done = subprocess.run(
            [*fit, "--force"], cwd=tmp_path, env={**os.environ, **settings}, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, None),
        ({"PMI_RANK": "1", "PMI_SIZE": "4"}, (1, 4)),
        ({"OMPI_COMM_WORLD_RANK": "3", "OMPI_COMM_WORLD_SIZE": "4"}, (3, 4)),
        ({"PMI_RANK": "0", "PMI_SIZE": "1"}, None),
        ({"PMI_RANK": "", "PMI_SIZE": "two"}, None),
        ({"PMI_SIZE": "2"}, None),
    ],
)
def test_the_launchers_variables_say_which_process_this_is(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: tuple[int, int] | None
) -> None:
    for pair in parallel.VARIABLES:
        for name in pair:
            monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert parallel.launched() == expected


def test_a_run_of_several_workers_goes_on_without_mpiexec() -> None:
    with pytest.raises(UsageError, match="a run that began with workers goes on without mpiexec"):
        parallel.one_rank(make_config(workers=2))
    assert parallel.one_rank(make_config()).workers == 1
