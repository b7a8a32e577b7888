"""Weigh the runtime: its wheel, what importing it costs over NumPy alone, and which modules it brings along.

`python benchmarks/runtime_budget.py [--wheel FILE] [--device PYTHON]`: a Python 3.10+ that has the runtime (this one).
Ends with exit code 1 where a budget is missed; `--slack 4` lets a machine that is slow or busy take four times as long.
"""

from __future__ import annotations

import argparse
import ast
import json
import subprocess
import sys
from pathlib import Path

BYTES, MILLISECONDS = 60_000, 20.0
REPEATS = 15  # the best counts, in processor time: other work on the machine only ever adds
SOURCE = Path(__file__).resolve().parents[1] / "packages" / "mlp-runtime" / "src"
PROBE = """
import json, sys, time
import numpy
before, start = set(sys.modules), time.process_time()
import mlp_runtime
seconds = time.process_time() - start
brought = {name.split(".")[0] for name in set(sys.modules) - before} - sys.stdlib_module_names
print(json.dumps([seconds, sorted(brought)]))
"""


def code_lines(folder: Path) -> int:
    """Count the lines of code in a folder of modules: not blank, not a comment, not a docstring."""
    total = 0
    for path in folder.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        told: set[int] = set()
        for node in ast.walk(ast.parse(text)):
            if (
                isinstance(node, ast.Expr)
                and isinstance(node.value, ast.Constant)
                and isinstance(node.value.value, str)
            ):
                told.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
        lines = enumerate(text.splitlines(), 1)
        total += sum(1 for number, line in lines if number not in told and line.strip() and line.strip()[0] != "#")
    return total


def main() -> int:
    """Print each figure beside its budget."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wheel", type=Path)
    parser.add_argument("--device", default=sys.executable)
    parser.add_argument("--slack", type=float, default=1.0, help="how many times as long the import may take (1)")
    options = parser.parse_args()
    rows: list[tuple[str, float, float]] = []
    if options.wheel:
        rows.append(("wheel, bytes", options.wheel.stat().st_size, BYTES))
    probes = [
        json.loads(subprocess.run([options.device, "-c", PROBE], check=True, capture_output=True, text=True).stdout)
        for _ in range(REPEATS)
    ]
    milliseconds = [1000 * seconds for seconds, _ in probes]
    rows.append((f"import over `import numpy`, ms, best of {REPEATS}", min(milliseconds), MILLISECONDS * options.slack))
    strangers = set(probes[0][1]) - {"mlp_runtime"}
    rows.append(("modules beside NumPy and the standard library", len(strangers), 0))
    for what, found, budget in rows:
        print(f"{what:50} {found:10,.1f}   budget {budget:9,.0f}   {'ok' if found <= budget else 'MISSED'}")
    if strangers:
        print("strangers:", ", ".join(sorted(strangers)))
    print(f"{'lines of code':50} {code_lines(SOURCE):10,}")
    return int(any(found > budget for _, found, budget in rows))


if __name__ == "__main__":
    sys.exit(main())
