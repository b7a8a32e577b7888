"""Under `mpiexec -n P` the processes of a job, its ranks, train one network together, each on its rows of every batch.

Every rank holds the data and the whole network. It computes the gradient of its rows, one allreduce adds these up, and
all make the same step, so that what comes out is what one process makes of the same batch. Rank 0 alone prints, decides
and writes; the others follow its orders. Plain runs know nothing of this module but `launched`.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import shlex
import shutil
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from mlp_train.last_words import LastWords

if TYPE_CHECKING:
    from mlp_train.array import Array
    from mlp_train.config import FitConfig
    from mlp_train.plan import Plan

# Where a process finds its number and how many there are: of MPICH, Intel MPI and Slurm's srun, and of Open MPI.
VARIABLES = (("PMI_RANK", "PMI_SIZE"), ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"))
EXTRA = "pip install 'mlp-train[mpi]'"
OTHER = "mpiexec may be of another MPI; give the one that stands beside this Python"


def launched() -> tuple[int, int] | None:
    """Return this process's rank and how many there are, where several were started together; None elsewhere."""
    for rank, size in VARIABLES:
        with contextlib.suppress(KeyError, ValueError):
            found = int(os.environ[rank]), int(os.environ[size])
            return found if found[1] > 1 else None
    return None


def silence_others() -> None:
    """Let rank 0 alone speak: what the others would say, it says too."""
    if (found := launched()) is not None and found[0]:
        sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115, PTH123  # until the process ends


def join() -> Ranks | None:
    """Return the ranks of the job that this process belongs to, None where it is alone; UsageError without mpi4py."""
    from mlp_train.errors import UsageError

    if (found := launched()) is None:
        return None
    rank, size = found
    if rank:  # Ctrl-C reaches all; rank 0 decides
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    words = None if rank else LastWords()  # forked while there is little to fork
    try:
        if words is not None:
            words.promise(f"the MPI library ended this process before it began: {OTHER}")
        mpi = _mpi(size)
    except UsageError:
        if words is not None:
            words.end()
        raise
    Ranks.joined = ranks = Ranks(mpi, words)
    ranks.promise(
        f"one of the {size} processes was ended from outside (by the system, if memory ran out) before training began; "
        "give the command again"
    )
    return ranks


def _mpi(size: int) -> Any:
    """Return the MPI library, started with so many ranks; UsageError says why there is none."""
    from mlp_train.errors import UsageError

    try:
        mpi = importlib.import_module("mpi4py.MPI")
    except ModuleNotFoundError as error:
        raise UsageError(
            f"mpiexec started {size} processes, which need the package mpi4py to train together: {EXTRA}, or leave "
            "mpiexec out"
        ) from error
    except (ImportError, RuntimeError) as error:  # it is there, but finds no library
        raise UsageError(f"mpi4py finds no MPI library ({' '.join(str(error).split())[:200]}): {EXTRA}") from error
    if (seen := mpi.COMM_WORLD.Get_size()) != size:
        raise UsageError(f"mpiexec started {size} processes, but mpi4py sees {seen}: {OTHER}")
    return mpi


def leave(code: int) -> None:
    """End the job with this exit code, in order where the others listen, and at once where they do not."""
    if (ranks := Ranks.joined) is not None:
        Ranks.joined = None
        ranks.end(code)


@dataclass(frozen=True)
class Leave:
    """The order to leave."""

    code: int


class Ranks:
    """The processes of one job; this one has the number `index` of `count`."""

    joined: Ranks | None = None  # of this process

    def __init__(self, mpi: Any, words: LastWords | None = None) -> None:
        self._mpi, self._comm, self._words = mpi, mpi.COMM_WORLD, words
        self.index, self.count = self._comm.Get_rank(), self._comm.Get_size()
        self._listening = True  # the others wait for an order

    @property
    def name(self) -> str:
        """What a sentence calls this rank."""
        return f"rank {self.index} on {self._mpi.Get_processor_name()}"

    @property
    def library(self) -> str:
        """The MPI library and its version."""
        first: str = self._mpi.Get_library_version().splitlines()[0]
        return " ".join(first.replace("\0", "").split())

    def own(self, rows: int) -> slice:
        """Return which of so many rows this rank computes.

        They may be none, where there are fewer rows than ranks.
        """
        return slice(rows * self.index // self.count, rows * (self.index + 1) // self.count)

    def total(self, vector: Array) -> None:
        """Replace the vector by the sum of those of all ranks, the same everywhere."""
        with self._connected():
            self._comm.Allreduce(self._mpi.IN_PLACE, vector)

    def as_first(self, vector: Array) -> None:
        """Replace the vector by that of rank 0."""
        with self._connected():
            self._comm.Bcast(vector)

    def first(self, value: Any) -> Any:
        """Return what rank 0 gives, on all ranks."""
        with self._connected():
            return self._comm.bcast(value)

    def tell(self, order: Any) -> None:
        """Give the others, who listen, an order; on rank 0 alone. `rest` says when they listen again."""
        with self._connected():
            self._comm.bcast(order)
        self._listening = False

    def rest(self) -> None:
        """Note that what was ordered is done."""
        self._listening = True

    def listen(self) -> Any:
        """Wait for an order of rank 0 and return it; leave where that is the order."""
        order = self.first(None)
        if isinstance(order, Leave):
            Ranks.joined = None
            sys.exit(order.code)
        return order

    @contextlib.contextmanager
    def _connected(self) -> Iterator[None]:
        """Raise Interrupted where another process is noticed to be gone before mpiexec ends this one too."""
        from mlp_train.errors import Interrupted

        try:
            yield
        except self._mpi.Exception as error:
            raise Interrupted(
                f"one of the {self.count} processes was ended from outside (by the system, if memory ran out), and the "
                "job with it"
            ) from error

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Do on all ranks what may fail on any: rank 0 raises what went wrong anywhere, the others then listen."""
        error = None
        try:
            yield
        except Exception as caught:
            error = caught
        with self._connected():
            told = self._comm.allgather(None if error is None else (self.name, _sentence(error), _code(error)))
        if not any(told):
            return
        self.rest()
        if self.index:
            self.listen()
        raise error if error is not None else _as_told(*next(one for one in told if one is not None))

    def promise(self, sentence: str) -> None:
        """Have this said where rank 0 ends without being able to say anything."""
        if self._words is not None:
            self._words.promise(sentence)

    def end(self, code: int) -> None:
        """End all ranks."""
        if self._words is not None:
            self._words.end()
        if self.index == 0 and self._listening:
            self.tell(Leave(code))
            return
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        self._comm.Abort(code or 1)

    def cry(self, error: Exception) -> NoReturn:
        """Say what happened to this rank alone, though others than rank 0 are silent, and end the job."""
        from mlp_data.console import error_line
        from mlp_train.errors import Interrupted

        if isinstance(error, Interrupted):  # another has died, which rank 0 or its words say
            self._comm.Abort(_code(error))
        with contextlib.suppress(OSError, ValueError, AttributeError):
            print(error_line(f"{self.name}: {_sentence(error)}"), file=sys.__stderr__, flush=True)
        self._comm.Abort(_code(error))
        raise error


def mpiexec(count: int) -> str:
    """Write how so many processes are started here, as it can be typed."""
    ours = Path(sys.executable).with_name("mpiexec")
    found = shutil.which("mpiexec")
    is_elsewhere = ours.exists() and (found is None or Path(found).absolute() != ours.absolute())
    return shlex.join([str(ours) if is_elsewhere else "mpiexec", "-n", str(count)])


def together(ranks: Ranks | None) -> contextlib.AbstractContextManager[None]:
    """Return what `Ranks.together` does; nothing where one process is alone."""
    return contextlib.nullcontext() if ranks is None else ranks.together()


def one_rank(config: FitConfig) -> FitConfig:
    """Return the configuration of one of several ranks; UsageError for what they cannot share."""
    from mlp_train.errors import UsageError

    if config.optimizer == "lbfgs":
        raise UsageError(
            "the optimizer lbfgs works in one process, and mpiexec started several: leave mpiexec out, or choose adamw"
        )
    if config.time_limit is not None:
        raise UsageError(
            "option 'time_limit' is measured in one process, and mpiexec started several: give epochs instead, or "
            "leave mpiexec out"
        )
    if config.workers not in ("auto", 1):
        raise UsageError(
            f"{config.workers} workers share the columns of the layers, and mpiexec's processes the rows of the "
            "batches: leave workers or mpiexec out (a run that began with workers goes on without mpiexec)"
        )
    return config.model_copy(update={"workers": 1})


def agreed(plan: Plan, ranks: Ranks | None) -> Plan:
    """Return the plan with what rank 0 measured; DataError there where a rank has other data or settings."""
    from mlp_data.errors import DataError

    if ranks is None:
        return plan
    settled: tuple[float | None, int, dict[str, Any]]
    settled = ranks.first((plan.found_lr, plan.epochs, plan.identity()))
    with ranks.together():
        for what, now in plan.identity().items():
            if now != settled[2][what]:
                raise DataError(f"the {what} differs from that of rank 0: give all machines the same files")
    return replace(plan, found_lr=settled[0], epochs=settled[1])


def _sentence(error: Exception) -> str:
    from mlp_runtime.errors import MlpError

    if isinstance(error, MemoryError):
        return "there is not enough memory: give less data, a smaller network, or fewer processes a machine"
    return str(error) if isinstance(error, MlpError) else f"{type(error).__name__}: {error}"


def _code(error: Exception) -> int:
    from mlp_train.errors import exit_code

    return 2 if isinstance(error, MemoryError) else exit_code(error)


def _as_told(name: str, sentence: str, code: int) -> Exception:
    """Return the error that a rank told of, as one of the same kind."""
    from mlp_train.errors import EXIT_CODES

    kind = next((kind for kind, known in EXIT_CODES.items() if known == code), RuntimeError)
    return kind(f"{name}: {sentence}")
