"""An exporter writes a trained model for those who cannot or will not install the runtime: one file here for each.

Each module has `export(model, weights, name)`, which returns the contents of the files to write, by their endings; ""
stands for the name as it was given.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from mlp_runtime import Model
from mlp_runtime.errors import nearest
from mlp_train.errors import UsageError
from mlp_train.exporters.stored import kept_weights

FORMATS = {
    "mlp": "model_file",
    "numpy-script": "numpy_script",
    "c": "c",
    "npz": "npz",
    "onnx": "onnx",
}


def export(model: Model, to: str, path: Path, weights: str | None = None) -> Mapping[Path, bytes]:
    """Return the files that say a model in another form, by their paths: `path`, and of C a header beside it.

    weights: float32, float16 or int8; as the model stores them if None. UsageError names what the form cannot say.

    >>> import mlp_train
    >>> model = mlp_train.fit([[0.0], [1.0]], [0, 1], hidden=(2,), epochs=1, seed=1).model
    >>> [str(path) for path in export(model, "c", Path("tiny.c"))]
    ['tiny.h', 'tiny.c']
    """
    if to not in FORMATS:
        raise UsageError(f"a model cannot be exported to {to!r}{nearest(to, FORMATS)}: {', '.join(FORMATS)}")
    module = import_module(f"{__name__}.{FORMATS[to]}")
    files: Mapping[str, bytes] = module.export(model, weights or kept_weights(model), path.stem)
    return {path.with_suffix(ending) if ending else path: content for ending, content in files.items()}
