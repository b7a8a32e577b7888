"""Last words are said by a process that does nothing but outlive this one by a moment, to say what nobody else can.

When a rank is killed, mpiexec kills all others by a signal that no process can catch, so none of them can say how to go
on.
"""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

LAUNCHERS = ("mpiexec", "mpirun", "hydra_pmi_proxy", "orterun", "orted", "prterun", "prted")
NAME = 15  # letters of a process's name that the system tells


class LastWords:
    """What was promised last is said when this process ends, however it ends, unless `end` came before."""

    def __init__(self) -> None:
        self._pipe, self._pid = -1, 0
        if not hasattr(os, "fork"):
            return
        read, self._pipe = os.pipe()
        output = error_output(os.getppid())  # before the fork: the child may begin when mpiexec is gone already
        theirs = [read] if output == 2 else [read, output]
        try:
            self._pid = os.fork()
        except OSError:  # there are too many processes; training matters more
            theirs.append(self._pipe)
        else:
            if self._pid == 0:
                try:
                    os.close(self._pipe)
                    self._watch(read, output)
                finally:
                    os._exit(0)
        for one in theirs:
            os.close(one)

    @staticmethod
    def _watch(read: int, output: int) -> None:
        os.setsid()  # what ends the group of rank 0 shall not end this
        for kind in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(kind, signal.SIG_IGN)
        os.close(0)
        os.close(1)
        told = b"\n"
        while part := os.read(read, 65536):
            told += part
        if sentence := told.split(b"\n")[-2]:
            os.write(output, sentence + b"\n")

    def promise(self, sentence: str) -> None:
        """Have this said, and nothing that was promised before."""
        from mlp_data.console import error_line

        if self._pid:
            with contextlib.suppress(OSError):  # somebody ended that process
                os.write(self._pipe, (error_line(sentence) if sentence else "").encode() + b"\n")

    def end(self) -> None:
        """Have nothing said."""
        if self._pid:
            self.promise("")
            os.close(self._pipe)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self._pid, 0)
            self._pid = 0


def error_output(starter: int) -> int:
    """Open the standard error of the mpiexec that is, or is above, this process; 2 where it is not on this machine.

    What a rank says goes there through a helper of mpiexec, which may end with rank 0 and before its last words.
    """
    launchers, found = {name[:NAME] for name in LAUNCHERS}, 0
    with contextlib.suppress(OSError, ValueError):
        while Path(f"/proc/{starter}/comm").read_text().strip().partition(".")[0] in launchers:
            found = starter
            starter = int(Path(f"/proc/{starter}/stat").read_text().rpartition(")")[2].split()[1])
    if not found:
        return 2
    try:  # not to wait for somebody to read a pipe that nobody reads any more
        output = os.open(f"/proc/{found}/fd/2", os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK)
    except OSError:  # such a pipe, or something that cannot be opened twice
        return 2
    os.set_blocking(output, True)
    return output
