"""Load hostile files and tell what each cost: peak memory above the start, seconds of CPU, and what was answered.

python attacks/measure.py                    every attack, as a table
python attacks/measure.py NAME... --json     some, one JSON object a line
python attacks/measure.py --write FOLDER     the files themselves
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import archives
import images

ATTACKS: dict[str, tuple[str, Callable[[], bytes]]] = {
    **{name: ("refused", make) for name, make in (archives.REFUSED | images.REFUSED).items()},
    **{name: ("skipped", make) for name, make in images.SKIPPED.items()},
    **{name: ("read", make) for name, make in images.READ.items()},
}


def memory(field: str) -> float:
    """Return a figure of this process from Linux, in MiB: VmRSS is now, VmHWM the most so far."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024


def load(path: str) -> dict[str, Any]:
    """Load one file; what is not an error of the package's own is called a crash."""
    import mlp_data

    start, before = time.process_time(), memory("VmRSS:")
    try:
        dataset = mlp_data.load(path)
        bad = [problem for problem in dataset.problems if "cannot be read and are left out" in problem]
        answer, said = ("skipped", bad[0]) if bad else ("read", "; ".join(dataset.problems))
    except mlp_data.DataError as error:
        answer, said = "refused", str(error)
    except BaseException as error:
        answer, said = "crash", f"{type(error).__name__}: {error}"
    seconds = time.process_time() - start
    return {"answer": answer, "mib": memory("VmHWM:") - before, "seconds": seconds, "said": said}


def measure(path: str) -> dict[str, Any]:
    """Load one file in a process of its own, which may take 30 seconds and 4 GiB."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        resource.setrlimit(resource.RLIMIT_CPU, (30, 30))
        resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
        os.write(write, json.dumps(load(path)).encode()[:60_000])
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as answer:
        content = answer.read()
    os.waitpid(child, 0)
    return json.loads(content) if content else {"answer": "killed", "mib": 4096.0, "seconds": 30.0, "said": ""}


def write(path: Path, make: Callable[[], bytes]) -> None:
    """Make a file in a process of its own, so that no memory is left over from it for the loading to use."""
    child = os.fork()
    if not child:
        path.write_bytes(make())
        os._exit(0)
    os.waitpid(child, 0)


def warm_up(folder: str) -> None:
    """Import all that loading imports, so that it is not counted as the cost of an attack."""
    import mlp_data

    path = Path(folder, "sound.zip")
    path.write_bytes(images.beside(images.png(8, 8)))
    mlp_data.load(path)
    path.write_bytes(archives.TABLE)
    mlp_data.load(path)


def main() -> None:
    """Measure the attacks that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", metavar="FOLDER")
    asked = parser.parse_args()
    if asked.write:
        for name, (_, make) in ATTACKS.items():
            Path(asked.write, name).write_bytes(make())
        return
    with tempfile.TemporaryDirectory() as folder:
        warm_up(folder)
        for name in asked.names or ATTACKS:
            wanted, make = ATTACKS[name]
            path = Path(folder, name)
            write(path, make)
            found = {"name": name, "wanted": wanted, "bytes": path.stat().st_size, **measure(str(path))}
            path.unlink()
            if asked.json:
                print(json.dumps(found), flush=True)
            else:
                said = found["said"].replace(str(path), name)
                print(
                    f"{name:30} {found['answer']:8} {found['mib']:6.1f} MiB {found['seconds']:6.3f} s  {said[:150]}",
                    flush=True,
                )


if __name__ == "__main__":
    sys.exit(main())
