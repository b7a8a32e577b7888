"""A crew is several processes that train one network together, each on a core of its own.

They are forked, so that each has the samples without copying them, and talk through memory that has no name: when the
last of them ends, however it ends, nothing is left behind. They meet at barriers many thousand times a second, which
only spinning is fast enough for; whoever spins in vain for long lets other programs have the core.
"""

from __future__ import annotations

import mmap
import os
import platform
import signal
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mlp_train.array import Array
from mlp_train.config import FitConfig
from mlp_train.errors import Interrupted, UsageError
from mlp_train.network import LayerSpec

SPINS = 2000  # some 100 microseconds; a step's parts differ by less
PAUSE = 0.00001  # seconds of sleep at a time, after that; systems wake whoever slept before those who never do
NARROWEST = 16  # columns of a layer that a process should at least have
MOST = 8  # processes that are chosen unasked; more wait for each other more than they compute
WORTH_A_STEP = 1_000_000  # multiplications of a step's forward pass, from which two processes were faster
WORTH_A_RUN = 20_000_000_000  # of a run: about a second
LINE = 8  # numbers of 8 bytes in a line of the processor's cache; each process writes a line of its own


def can_fork() -> bool:
    """Say whether a crew works here: it needs fork, and a processor that keeps the order in which memory is written."""
    return sys.platform == "linux" and platform.machine() in ("x86_64", "AMD64")


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def choose_workers(config: FitConfig, layers: Sequence[LayerSpec], rows: int, samples: int, on_disk: bool) -> int:
    """Return how many processes shall train: as many as there are cores, where that pays, and 1 elsewhere.

    rows: of one batch; samples: that will be shown in the whole training.
    """
    if config.workers != "auto":
        if config.workers > 1 and config.engine == "plain":
            raise UsageError("the plain engine works in one process: leave workers out, or choose the fast engine")
        return config.workers
    if config.optimizer == "lbfgs" or config.engine == "plain":
        return 1
    split = [spec for spec in layers[:-1] if spec.activation != "softmax" and spec.n_out >= 2 * NARROWEST]
    weights = sum(spec.n_in * spec.n_out for spec in split)
    widest = max((spec.n_out for spec in split), default=0)
    pays = rows * weights >= WORTH_A_STEP and samples * weights >= WORTH_A_RUN
    most = min(cores(), MOST, widest // NARROWEST)
    return max(1, most) if pays and not on_disk and can_fork() else 1


class Crew:
    """`count` processes; this one has the number `index`, and the one that started the others has 0.

    >>> alone = Crew(1)
    >>> alone.wait(), alone.total(2.5)
    (None, 2.5)
    """

    def __init__(self, count: int) -> None:
        if count > 1 and not can_fork():
            raise UsageError(f"{count} processes cannot train together here, which needs Linux on x86-64; start anew")
        self.count, self.index = count, 0
        self._turn = 0
        self._others: list[int] = []
        self._turns = memoryview(mmap.mmap(-1, 8 * LINE * count)).cast("q")
        self._values = self.array((count, LINE), np.float64)
        self._pids: list[int] = []
        self._commands: list[int] = []  # where the first process writes, one byte for each thing to do

    def array(self, shape: tuple[int, ...], dtype: Any) -> Array:
        """Return zeros in memory that all processes share; it has to be asked for before they start."""
        assert not self._others, "what is made after the start would be of this process alone"
        dtype = np.dtype(dtype)
        size = int(np.prod(shape, dtype=np.int64))
        if self.count == 1:
            return np.zeros(shape, dtype)
        return np.frombuffer(mmap.mmap(-1, max(1, size * dtype.itemsize)), dtype, size).reshape(shape)

    def start(self, work: Callable[[], None]) -> None:
        """Start the other processes, each of which does `work` whenever `call` is called here, until `end`."""
        for index in range(1, self.count):
            read, write = os.pipe()
            parent = os.getpid()
            with warnings.catch_warnings():
                # Python warns of forking while there are threads; those of BLAS are ready for it, others stay behind.
                warnings.simplefilter("ignore", DeprecationWarning)
                try:
                    pid = os.fork()
                except OSError as error:
                    os.close(read)
                    os.close(write)
                    raise UsageError(
                        f"another process cannot be started: the system says '{error.strerror}'; use --workers 1"
                    ) from error
            if pid == 0:
                os.close(write)
                for other in self._commands:
                    os.close(other)
                self._commands, self._pids = [], []
                self._be(index, read, parent, work)
            os.close(read)
            self._pids.append(pid)
            self._commands.append(write)
        self._others = [LINE * i for i in range(self.count) if i != self.index]

    def _be(self, index: int, commands: int, parent: int, work: Callable[[], None]) -> None:
        """Live as another process of the crew; never return."""
        code = 1
        try:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the first process decides
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            self.index, self._parent = index, parent
            self._others = [LINE * i for i in range(self.count) if i != index]
            while os.read(commands, 1):  # nothing comes when the first process has ended
                work()
            code = 0
        finally:
            os._exit(code)  # without what the first process will do at its own end

    def call(self) -> None:
        """Let the other processes do their work once; this one has to do it too."""
        for command in self._commands:
            try:
                os.write(command, b".")
            except BrokenPipeError:
                raise self._lost() from None

    def wait(self) -> None:
        """Go on when all processes have come here."""
        self._turn = turn = self._turn + 1
        turns = self._turns
        turns[LINE * self.index] = turn
        for other in self._others:
            spins = 0
            while turns[other] < turn:
                spins += 1
                if spins > SPINS:
                    self._wait_long(other, turn)

    def _wait_long(self, other: int, turn: int) -> None:
        while self._turns[other] < turn:
            self._check()
            time.sleep(PAUSE)

    def total(self, value: float) -> float:
        """Return the sum of what all processes bring here, the same to the last bit in each."""
        if self.count == 1:
            return value
        self._values[self.index, 0] = value
        self.wait()
        total = float(self._values[:, 0].sum())
        self.wait()  # so that nobody brings the next value before all have seen this one
        return total

    def _check(self) -> None:
        """End where another process has ended."""
        if self.index and os.getppid() != self._parent:
            os._exit(1)
        for pid in self._pids:
            if os.waitpid(pid, os.WNOHANG)[0]:
                self._pids.remove(pid)  # another process may have its number now
                raise self._lost()

    def _lost(self) -> Interrupted:
        return Interrupted("one of the training processes was ended from outside (by the system, if memory ran out)")

    def end(self) -> None:
        """End the other processes, whatever they are doing."""
        for command in self._commands:
            os.close(command)
        for pid in self._pids:
            try:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            except (ProcessLookupError, ChildProcessError):
                continue  # it has ended, and was waited for
        self._pids, self._commands, self._others = [], [], []
