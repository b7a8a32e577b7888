"""An importer takes over a model that another program has trained, and proves that both answer alike.

`onnx` and `safetensors` read files; `sklearn`, `torch` and `keras` take fitted objects. Each returns an `Imported`,
whose `save` writes the model file, or raises ForeignModelError, which names what cannot be expressed. docs/import.md
has the tables.

What's where: `net`, `sources` and `answers` hold what is being taken over, from the input to what the numbers mean;
`checking` compares it with its source; `curves` recognises activations; `from_...` and `onnx_...` read each form.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mlp_train.errors import ForeignModelError, UsageError
from mlp_train.importers.answers import wishes
from mlp_train.importers.checking import Imported

__all__ = ["ForeignModelError", "Imported", "import_file", "keras", "onnx", "safetensors", "sklearn", "torch"]

Names = Sequence[Any] | None
LARGEST = 2**31 - 1  # bytes, as of every protobuf message
OTHER_FILES = {  # by what they begin with; most can only be opened by running code from them
    b"PK\x03\x04": "a zip, as .keras and .pt files are: load it where it comes from, and give the object to "
    "mlp_train.importers",
    b"\x80": "a pickle, which runs code when it is opened: open it where it comes from, and give the object to "
    "mlp_train.importers.sklearn or .torch",
    b"\x89HDF": "HDF5: load it with Keras, and give the model to mlp_train.importers.keras",
}


def import_file(
    path: str | Path,
    *,
    spec: str | Path | None = None,
    classes: Names = None,
    labels: Names = None,
    names: Names = None,
    features: Names = None,
    logits: bool = False,
) -> Imported:
    """Take over the network of a file, whose kind its content tells: ONNX, or safetensors with a spec."""
    begins = _content(path, 9)
    said: dict[str, Any] = {
        "classes": classes,
        "labels": labels,
        "names": names,
        "features": features,
        "logits": logits,
    }
    for start, what in OTHER_FILES.items():
        if begins.startswith(start):
            raise ForeignModelError(f"{path}: the file is {what}")
    is_tensors = begins[8:] == b"{"  # after the length of a map in JSON
    if spec is not None and not is_tensors:
        raise UsageError("--spec describes the tensors of a safetensors file, but this is none: leave it out")
    if is_tensors and spec is None:
        raise UsageError(f"{path}: tensors alone are no network: --spec FILE says what they are (docs/import.md)")
    return safetensors(path, spec, **said) if spec is not None else onnx(path, **said)


def onnx(
    path: str | Path,
    *,
    classes: Names = None,
    labels: Names = None,
    names: Names = None,
    features: Names = None,
    logits: bool = False,
) -> Imported:
    """Take over the network of an ONNX file; no other file is opened.

    classes, labels or names: what the outputs are called, where the file does not say it. features: what the inputs are
    called. logits: make probabilities of the last numbers.
    """
    from mlp_train.importers.from_onnx import import_onnx

    content, wish = _content(path), wishes(classes, labels, names, features, logits)
    return _located(path, lambda: import_onnx(content, Path(path).name, wish))


def _content(path: str | Path, most: int = -1) -> bytes:
    """Return the first bytes of a file, or all of it."""
    try:
        if Path(path).stat().st_size > LARGEST:
            raise ForeignModelError(f"{path}: the file is larger than {LARGEST:,} bytes, which no ONNX file is")
        if not Path(path).is_file():  # a device may never end
            raise UsageError(f"{path}: it is no file; give the path of an ONNX or a safetensors file")
        with Path(path).open("rb") as file:
            return file.read(most)
    except OSError as error:
        raise UsageError(f"{path}: the file cannot be read: the system says '{error.strerror}'") from error


def _located(path: str | Path, read: Callable[[], Imported]) -> Imported:
    """Read a file; an error names it."""
    try:
        return read()
    except ForeignModelError as error:
        raise ForeignModelError(f"{path}: {error}") from error.__cause__


def safetensors(
    path: str | Path,
    spec: str | Path,
    *,
    classes: Names = None,
    labels: Names = None,
    names: Names = None,
    features: Names = None,
    logits: bool = False,
) -> Imported:
    """Take over the network whose weights are in a safetensors file; the spec, JSON or TOML, says which is what."""
    from mlp_train.importers.from_safetensors import import_safetensors

    content, wish = _content(path), wishes(classes, labels, names, features, logits)
    return _located(path, lambda: import_safetensors(path, content, spec, wish))


def sklearn(
    estimator: Any,
    *,
    classes: Names = None,
    labels: Names = None,
    names: Names = None,
    features: Names = None,
) -> Imported:
    """Take over a fitted estimator of scikit-learn, or a pipeline of steps that ends with one.

    Scalers become the input's own scaling; imputers and encoders a table, by the names of the columns.
    """
    from mlp_train.importers.from_sklearn import import_sklearn

    return import_sklearn(estimator, wishes(classes, labels, names, features))


def torch(
    module: Any,
    *,
    classes: Names = None,
    labels: Names = None,
    names: Names = None,
    features: Names = None,
    logits: bool = False,
) -> Imported:
    """Take over a torch.nn.Sequential; the module stays as it is, in training or not."""
    from mlp_train.importers.from_torch import import_torch

    return import_torch(module, wishes(classes, labels, names, features, logits))


def keras(
    model: Any,
    *,
    classes: Names = None,
    labels: Names = None,
    names: Names = None,
    features: Names = None,
    logits: bool = False,
) -> Imported:
    """Take over a Keras 3 model that is one row of layers, whatever its backend."""
    from mlp_train.importers.from_keras import import_keras

    return import_keras(model, wishes(classes, labels, names, features, logits))
