"""Answer as a device does: NumPy and mlp_runtime, a folder of questions, and nothing else.

`python device.py FOLDER` takes every folder in FOLDER that holds `model.mlp` and questions: `inputs.npy` (a batch),
`frames/*.npy` (images of any size) or `rows.json` (table rows by name). Beside them it writes `answers.npz`: the
labels, the outputs of all as one batch, and the outputs one by one.
"""

from __future__ import annotations

import json
import platform
import sys
from pathlib import Path

import numpy as np

import mlp_runtime


def questions(folder):
    """Read the raw inputs of one folder, in order."""
    if (folder / "rows.json").exists():
        return json.loads((folder / "rows.json").read_text(encoding="utf-8"))
    if (folder / "frames").is_dir():
        return [np.load(path) for path in sorted((folder / "frames").glob("*.npy"))]
    return np.load(folder / "inputs.npy")


def answers(model, raw):
    """Ask the model everything, as one batch and one by one."""
    ask = model.predict_proba if model.classes else model.predict
    single = np.array([ask(one) for one in raw])
    said = model.predict(raw)
    if model.output_kind == "labels":  # each answer has as many as hold
        said = [", ".join(labels) for labels in said]
    return {"labels": np.asarray(said), "batch": np.asarray(ask(raw)), "single": single}


def main(home):
    """Answer every question in the folder, and tell which modules of other packages are loaded."""
    for model_path in sorted(home.glob("*/model.mlp")):
        model = mlp_runtime.load(model_path)
        np.savez(model_path.with_name("answers.npz"), **answers(model, questions(model_path.parent)))
    ours = {"numpy", "mlp_runtime", "__main__"}
    installed = {
        name.split(".")[0] for name, m in sys.modules.items() if "-packages" in str(getattr(m, "__file__", ""))
    }
    here = f"{sys.version.split()[0]} NumPy {np.__version__} on {platform.machine()}, {sys.byteorder}-endian,"
    print("Python", here, "and besides:", sorted(installed - ours) or "nothing", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
